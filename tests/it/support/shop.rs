//! A deployment in memory with one program, two partners and their links, driven by the API.

use super::block_on;
use super::memory::{Kv, Queue, Receiver};
use super::phones::GooglesAnswers;
use super::sqlite::Sqlite;
use super::suffixes::PublicSuffixes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::cell::Cell;
use throughline::app::api::{Request, Response, Services};
use throughline::app::clicks::{self, Message};
use throughline::app::ports::Database;
use throughline::app::settings::{Settings, Variables};
use throughline::app::{deliver, edge_plane, isolate, ledger, publish};
use throughline::domain::click::Visit;
use throughline::domain::redirect::Entropy;
use throughline::domain::time::UnixMs;

pub const START: UnixMs = UnixMs(1_795_334_400_000);
pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0";

pub struct Shop {
    pub db: Sqlite,
    pub kv: Kv,
    pub queue: Queue,
    pub receiver: Receiver,
    pub settings: Settings,
    pub now: Cell<UnixMs>,
    random: Cell<u64>,
    pub admin: String,
    pub track: String,
    pub program: String,
    /// Ids of the partners Anna and Northstar.
    pub partners: Vec<String>,
}

/// What a click gave the visitor.
pub struct Clicked {
    pub token: String,
    pub cookie: Option<String>,
    pub visits: Vec<Visit>,
    pub location: String,
}

impl Shop {
    /// A shop whose program pays 10 % of sales and 2.00 USD a lead, with a 30-day window, and
    /// whose visitors may be remembered unless they say otherwise.
    pub fn open() -> Shop {
        Shop::over(Sqlite::new())
    }

    /// The same on a database without rows.
    pub fn over(db: Sqlite) -> Shop {
        let secret = format!("1:{}", URL_SAFE_NO_PAD.encode([7; 32]));
        let mut shop = Shop {
            db,
            kv: Kv::default(),
            queue: Queue::default(),
            receiver: Receiver::default(),
            settings: Settings::parse(&variables(&secret)).unwrap(),
            now: Cell::new(START),
            random: Cell::new(0),
            admin: String::new(),
            track: String::new(),
            program: String::new(),
            partners: Vec::new(),
        };
        shop.admin = setup_proof();
        shop.admin = shop.made("POST", "setup", &json!({}))["key"]
            .as_str()
            .unwrap()
            .into();
        let plan = json!({"window_days": 30, "sale": {"rate_bps": 1000},
            "lead": {"flat": {"amount": 200, "currency": "USD"}}});
        let program = shop.made(
            "POST",
            "programs",
            &json!({"name": "Shop",
            "hosts": ["shop.example"], "default_consent": "full", "plan": plan}),
        );
        shop.program = program["id"].as_str().unwrap().into();
        for name in ["Anna", "Northstar"] {
            let body = json!({"program": shop.program, "name": name});
            let partner = shop.made("POST", "partners", &body)["id"]
                .as_str()
                .unwrap()
                .to_owned();
            let body = json!({"program": shop.program, "partner": partner, "host": "shop.example",
                "slug": name, "target": "https://shop.example/"});
            shop.made("POST", "links", &body);
            shop.partners.push(partner);
        }
        let body = json!({"name": "shop", "scope": "track", "program": shop.program});
        shop.track = shop.made("POST", "keys", &body)["key"]
            .as_str()
            .unwrap()
            .into();
        shop.publish();
        shop
    }

    /// Fresh bytes, different on every call and the same in every run.
    pub fn random(&self) -> [u8; 64] {
        use sha2::{Digest, Sha512};
        let number = self.random.replace(self.random.get() + 1);
        Sha512::digest(number.to_be_bytes()).into()
    }

    pub fn wait(&self, ms: i64) {
        self.now.set(self.now.get().plus(ms));
    }

    pub fn request(
        &self,
        method: &str,
        host: &str,
        path: &str,
        key: &str,
        body: &[u8],
    ) -> Response {
        self.request_over(&self.db, method, (host, path), key, body)
    }

    /// The same over another port of the database.
    pub fn request_over(
        &self,
        db: &impl Database,
        method: &str,
        (host, path): (&str, &str),
        key: &str,
        body: &[u8],
    ) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = Request {
            method: method.into(),
            host: host.into(),
            path: format!("/api/v1/{path}"),
            query: query.into(),
            content_type: "application/json".into(),
            authorization: format!("Bearer {key}"),
            body: Some(body.to_vec()),
            now: self.now.get(),
            entropy: self.random(),
        };
        let services = Services {
            db,
            snapshots: &self.kv,
            queue: &self.queue,
            transport: &self.receiver,
            suffixes: &PublicSuffixes,
            phones: &GooglesAnswers,
            settings: &self.settings,
        };
        block_on(services.handle(&request))
    }

    /// A control-plane call with the admin key.
    pub fn control(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let answer = self.request(method, "admin.example", path, &self.admin, body.as_bytes());
        (
            answer.status,
            serde_json::from_str(&answer.body).unwrap_or_default(),
        )
    }

    /// A control-plane call that must succeed.
    pub fn made(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.control(method, path, body);
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    /// A conversion call with the shop's key.
    pub fn track(&self, kind: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let path = format!("track/{kind}");
        let answer = self.request("POST", "shop.example", &path, &self.track, body.as_bytes());
        (
            answer.status,
            serde_json::from_str(&answer.body).unwrap_or_default(),
        )
    }

    pub fn list(&self, path: &str) -> Vec<Value> {
        let answer = self.made("GET", path, &json!({}));
        answer["data"].as_array().unwrap().clone()
    }

    pub fn publish(&self) {
        block_on(publish::publish(&self.db, &self.kv)).unwrap();
    }

    /// The edge plane with what KV holds now.
    pub fn memory(&self) -> isolate::Memory {
        let mut memory = isolate::Memory::default();
        for (key, value) in self.kv.records.borrow().iter() {
            let now = self.now.get();
            memory.learn(key, &isolate::Fetched::Record(value.clone()), now);
        }
        memory
    }

    /// Follows a link as a browser. `lines` are the request's facts from the cookies on.
    pub fn follow(
        &self,
        slug: &str,
        query: &str,
        cookie: &str,
        gpc: &str,
        country: &str,
    ) -> Clicked {
        self.follow_as(slug, query, cookie, |facts| {
            facts.gpc = gpc;
            facts.country = country;
        })
    }

    /// Follows a link with whatever else is different about the request.
    pub fn follow_as<'a>(
        &self,
        slug: &str,
        query: &str,
        cookie: &str,
        change: impl FnOnce(&mut edge_plane::Facts<'a>),
    ) -> Clicked {
        let mut different = edge_plane::Facts {
            method: "GET",
            user_agent: BROWSER,
            accept: "text/html",
            fetch_dest: "document",
            fetch_mode: "navigate",
            fetch_site: "cross-site",
            fetch_user: "?1",
            country: "US",
            ..edge_plane::Facts::default()
        };
        change(&mut different);
        let url = format!("https://shop.example/go/{slug}{query}");
        let facts = edge_plane::Facts {
            url: &url,
            cookies: cookie,
            ..different
        };
        let entropy = Entropy(self.random());
        let mut memory = self.memory();
        let now = self.now.get();
        // As the entry does: what KV does not have is learnt, and the question asked again.
        let answer = loop {
            let asked = edge_plane::answer(&facts, "", &memory, &self.settings, now, &entropy);
            if let Some(answer) = asked {
                break answer;
            }
            for key in memory.take_wanted() {
                memory.learn(&key, &isolate::Fetched::Nothing, now);
            }
        };
        let header = |name| {
            answer
                .headers
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v.clone())
        };
        let location = header("location").unwrap();
        let token = location.split("tl=").nth(1).unwrap_or_default();
        Clicked {
            token: token.split(['&', '#']).next().unwrap().into(),
            cookie: header("set-cookie").map(|c| c.split(';').next().unwrap().to_owned()),
            visits: answer.visits.clone(),
            location,
        }
    }

    /// A person opens a page of the site behind the gateway.
    pub fn document<'a>(
        &self,
        path: &str,
        cookie: &str,
        change: impl FnOnce(&mut edge_plane::Facts<'a>),
    ) -> edge_plane::Answer {
        let mut different = edge_plane::Facts {
            method: "GET",
            user_agent: BROWSER,
            accept: "text/html",
            fetch_dest: "document",
            fetch_mode: "navigate",
            fetch_site: "cross-site",
            fetch_user: "?1",
            country: "US",
            ..edge_plane::Facts::default()
        };
        change(&mut different);
        let url = format!("https://shop.example{path}");
        let facts = edge_plane::Facts {
            url: &url,
            cookies: cookie,
            ..different
        };
        let (memory, now) = (self.memory(), self.now.get());
        let entropy = Entropy(self.random());
        edge_plane::answer(&facts, "", &memory, &self.settings, now, &entropy).unwrap()
    }

    /// The snippet's message from a page of the shop.
    pub fn beacon(&self, body: &Value, cookie: &str, gpc: &str) -> edge_plane::Answer {
        let facts = edge_plane::Facts {
            method: "POST",
            url: "https://shop.example/tl/e",
            cookies: cookie,
            user_agent: BROWSER,
            fetch_site: "same-origin",
            gpc,
            country: "US",
            ..edge_plane::Facts::default()
        };
        let entropy = Entropy(self.random());
        let now = self.now.get();
        let memory = self.memory();
        edge_plane::answer(
            &facts,
            &body.to_string(),
            &memory,
            &self.settings,
            now,
            &entropy,
        )
        .unwrap()
    }

    /// The landing page reports its token; gives what goes onto the queue.
    pub fn land(&self, token: &str, cookie: &str, gpc: &str) -> Vec<Visit> {
        self.beacon(&json!({"n": "land", "t": token, "q": ""}), cookie, gpc)
            .visits
    }

    /// Follows a link from the United States without any signal.
    pub fn click(&self, slug: &str) -> Clicked {
        self.follow(slug, "", "", "", "US")
    }

    /// The queue delivers visits once, as one message of that id.
    pub fn deliver_visits(&self, id: &str, visits: &[Visit]) {
        let message = Message {
            id: id.into(),
            sent_at: self.now.get(),
            visits: visits.to_vec(),
        };
        block_on(clicks::consume(&self.db, &[message])).unwrap();
    }

    /// Folds until nothing is pending.
    pub fn fold(&self) {
        for _ in 0..1_000 {
            if block_on(ledger::fold(&self.db, self.now.get()))
                .unwrap()
                .facts
                == 0
            {
                return;
            }
        }
        panic!("the fold does not come to an end");
    }

    /// Delivers what is due until nothing is.
    pub fn deliver(&self) -> usize {
        let mut sent = 0;
        loop {
            let now = self.now.get();
            let entropy = self.lease();
            let run = deliver::deliver(&self.db, &self.receiver, &self.settings, now, entropy);
            match block_on(run).unwrap() {
                0 => return sent,
                count => sent += count,
            }
        }
    }

    /// Fresh bytes for a deliverer whose next attempts are not spread.
    pub fn lease(&self) -> [u8; 64] {
        let mut entropy = self.random();
        entropy[62..].fill(0);
        entropy
    }

    /// Net position per partner, in minor units.
    pub fn balances(&self) -> Vec<(String, i64)> {
        let rows = self.list("balances");
        let mut all: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row["partner"].as_str().unwrap().into(),
                    row["amount"].as_i64().unwrap(),
                )
            })
            .collect();
        all.sort();
        all
    }

    /// The balance of the partner at `place` of [`Shop::partners`].
    pub fn balance(&self, place: usize) -> i64 {
        let partner = &self.partners[place];
        self.balances()
            .into_iter()
            .find(|(id, _)| id == partner)
            .map_or(0, |(_, amount)| amount)
    }
}

/// A deployment with a site on every host below `example`.
pub fn variables(root_secret: &str) -> Variables<'_> {
    Variables {
        root_secret,
        admin_host: "admin.example",
        site_origin: "https://site.example",
        site_hosts: "*.example",
        ..Variables::default()
    }
}

/// The proof for set-up, made the way the README describes.
pub fn setup_proof() -> String {
    use hkdf::Hkdf;
    let mut key = [0; 32];
    Hkdf::<sha2::Sha256>::new(None, &[7; 32])
        .expand(b"throughline/v1/setup", &mut key)
        .unwrap();
    format!("tls_{}", URL_SAFE_NO_PAD.encode(key))
}
