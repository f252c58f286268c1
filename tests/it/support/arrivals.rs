//! Random links with everything they can do, and random requests for them: cheap enough for a
//! million, and the same again for the same seed.

use crate::support::picks::Random;
use domain::values::ids::ProgramId;
use domain::values::input::Fields;
use domain::visit::link::{HostSnapshot, LinkSettings, LinkSnapshot, Targets};
use domain::visit::redirect::Request;
use domain::visit::traffic::Signals;
use serde_json::{Map, Value, json};

pub const HOSTS: [&str; 3] = ["shop.example", "shop.localhost", "apps.apple.com"];

const WORDS: &[&str] = &[
    "a",
    "b",
    "x",
    "sub1",
    "sub10",
    "tl",
    "t%6C",
    "click",
    "utm_source",
    "utm%5Fid",
    "gclid",
    "FBCLID",
    "fbclid",
    "via",
    "ref",
    "source",
    "",
    "é",
    "a%20b",
    "%",
    "%zz",
    "n\r\nx",
    "'",
    "é%ff",
    "tlc_x",
    "a+b",
    "{sub1}",
    "\u{0}",
    "東京",
    "..",
    "%2e%2e",
    "%2F",
    "\\",
    "//evil.example",
    "@evil.example",
    "javascript:alert(1)",
    "<x>",
    "\"",
    "#",
    "?",
    "&",
    "=",
    "a=b",
    "anna@x.example",
];

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
    "Twitterbot/1.0",
    "facebookexternalhit/1.1",
    "curl/8.5.0",
    "",
];

pub fn pick<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    random.pick(from).copied().unwrap_or_default()
}

fn target(random: &mut Random) -> Value {
    let all = [
        "https://shop.example/",
        "https://shop.example/tea?x=1&tag=t#frag",
        "https://shop.example/checkout/now",
        "http://shop.localhost:8787/p/",
        "https://shop.example/?utm_source=pinned&",
        "https://apps.apple.com/app/id1",
    ];
    json!(pick(random, &all))
}

fn condition(random: &mut Random, depth: u64) -> Value {
    match random.below(if depth == 0 { 9 } else { 12 }) {
        0 => json!({"country": ["US", "FR"]}),
        1 => json!({"region": ["US-CA"]}),
        2 => json!({"device": ["phone"]}),
        3 => json!({"os": ["ios", "android"]}),
        4 => json!({"language": ["de"]}),
        5 => json!({"query": {"name": pick(random, &["x", "a b", "gclid"])}}),
        6 => json!({"referrer": ["news.example"]}),
        7 => json!({"time": {"until": "2026-11-22T12:00:00Z"}}),
        8 => json!({"class": [pick(random, &["human", "crawler", "duplicate", "flood"])]}),
        9 => json!({"not": condition(random, depth - 1)}),
        10 => json!({"all": [condition(random, depth - 1), condition(random, depth - 1)]}),
        _ => json!({"any": [condition(random, depth - 1), condition(random, depth - 1)]}),
    }
}

fn maybe(random: &mut Random, body: &mut Map<String, Value>, name: &str, value: Value) {
    if random.one_in(3) {
        body.insert(name.into(), value);
    }
}

fn params(random: &mut Random) -> Value {
    let mut params = Map::new();
    let pass = [json!("all"), json!("none"), json!(["a", "x", "a b"])];
    let pass = random.pick(&pass).cloned().unwrap_or_default();
    maybe(random, &mut params, "pass", pass);
    maybe(random, &mut params, "strip", json!(["via", "utm_*", "fb*"]));
    maybe(
        random,
        &mut params,
        "rename",
        json!({"ref": "partner", "x": "tl", "b": "x"}),
    );
    Value::Object(params)
}

/// The settings of a link, as a body of the API.
pub fn link_body(random: &mut Random) -> Value {
    let mut body = Map::new();
    body.insert("target".into(), target(random));
    let rule = |random: &mut Random| {
        let app = json!({"ios": "https://apps.apple.com/app/id1"});
        let mut rule = json!({"when": condition(random, 2), "target": target(random)});
        if random.one_in(3) {
            rule["app"] = app;
        }
        rule
    };
    let rules: Vec<_> = (0..random.below(4)).map(|_| rule(random)).collect();
    maybe(random, &mut body, "rules", json!(rules));
    let split = json!({"holdout_bps": random.below(5_000), "baseline": target(random),
        "variants": [{"weight": random.below(3), "target": target(random)},
                     {"weight": 1 + random.below(9), "target": target(random)}]});
    maybe(random, &mut body, "split", split);
    maybe(random, &mut body, "wildcard", json!(true));
    let policy = params(random);
    maybe(random, &mut body, "params", policy);
    maybe(
        random,
        &mut body,
        "utm",
        json!({"source": "{partner}-{sub1}", "term": "{slug}{variant}"}),
    );
    maybe(random, &mut body, "og", json!({"title": "Tea"}));
    if random.one_in(8) {
        let name = pick(random, &["starts_at", "ends_at"]);
        let day = pick(random, &["2026-11-22T07:00:00Z", "2026-11-22T09:00:00Z"]);
        body.insert(name.into(), json!(day));
        maybe(
            random,
            &mut body,
            "expired_url",
            json!("https://shop.example/over"),
        );
    }
    Value::Object(body)
}

fn checked<T>(body: &Value, read: impl Fn(&mut Fields<'_>, &Targets<'_>) -> Option<T>) -> T {
    let hosts = HOSTS.map(str::to_owned);
    let targets = Targets::Check {
        hosts: &hosts,
        loopback: true,
        token_param: "click",
    };
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let read = read(&mut fields, &targets);
    fields
        .finish(read)
        .unwrap_or_else(|errors| panic!("{errors:?} {body}"))
}

/// A link that went through the API, KV and back.
pub fn link(random: &mut Random, number: u64) -> LinkSnapshot {
    let body = link_body(random);
    let mut record = checked(&body, LinkSettings::read).to_value();
    record["id"] = json!(format!("ln_{number:012}"));
    record["program"] = json!("pg_000000000001");
    record["partner"] = json!(format!("pn_{:012}", number % 3));
    record["slug"] = json!("anna");
    record["capped"] = json!(random.one_in(12));
    let standing = [
        "live",
        "live",
        "live",
        "live",
        "live",
        "paused",
        "suspended",
    ];
    record["standing"] = json!(pick(random, &standing));
    LinkSnapshot::stored(&record).unwrap()
}

/// A program's settings that went the same way.
pub fn host(random: &mut Random) -> HostSnapshot {
    let mut body = Map::new();
    let consent = pick(random, &["full", "full", "session", "code"]);
    body.insert("default_consent".into(), json!(consent));
    for name in ["expired_url", "paused_url", "suspended_url"] {
        maybe(random, &mut body, name, json!("https://shop.example/else"));
    }
    maybe(random, &mut body, "token_param", json!("click"));
    maybe(random, &mut body, "tags", json!(["source", "a b"]));
    maybe(
        random,
        &mut body,
        "utm",
        json!({"source": "p", "id": "{country}{sub10}"}),
    );
    let policy = params(random);
    maybe(random, &mut body, "params", policy);
    maybe(random, &mut body, "cookie_domain", json!("shop.example"));
    let read = |fields: &mut Fields<'_>, targets: &Targets<'_>| {
        HostSnapshot::read(ProgramId::from_number(1), fields, targets)
    };
    let host = checked(&Value::Object(body), read);
    HostSnapshot::stored(&host.to_value()).unwrap()
}

/// The texts of a request; [`Texts::request`] gives them as the domain takes them.
pub struct Texts {
    pub query: String,
    pub rest: String,
    cookies: String,
    parts: [&'static str; 9],
    gpc: bool,
}

impl Texts {
    pub fn random(random: &mut Random, cookies: &[String]) -> Texts {
        let mut query = String::new();
        for _ in 0..random.below(8) {
            for piece in [pick(random, WORDS), "=", pick(random, WORDS), "&"] {
                query.push_str(piece);
            }
        }
        if random.one_in(40) {
            query.push_str(&"x=yyyyyyyy&".repeat(900));
        }
        let mut rest = String::new();
        if random.one_in(4) {
            for _ in 0..=random.below(3) {
                rest.push_str(pick(random, WORDS));
                rest.push_str(pick(random, &["/", "", "tea"]));
            }
        }
        let cookie = match cookies.last() {
            Some(newest) if random.one_in(3) => newest.clone(),
            _ => random.pick(cookies).cloned().unwrap_or_default(),
        };
        let parts = [
            pick(random, AGENTS),
            pick(
                random,
                &[
                    "document", "document", "document", "document", "image", "", "odd",
                ],
            ),
            pick(random, &["navigate", "navigate", "navigate", "no-cors", ""]),
            pick(random, &["", "", "", "", "prefetch", "preview"]),
            pick(random, &["US", "US", "US", "FR", "DE", "", "XX", "\r\n"]),
            pick(random, &["CA", "NY", ""]),
            pick(random, &["de-AT,en;q=0.5", "en", "", ",;q=x", "*"]),
            pick(
                random,
                &["https://www.news.example/a", "", "x", "https://", "://@:"],
            ),
            pick(random, &["GET", "GET", "GET", "GET", "GET", "HEAD"]),
        ];
        Texts {
            query,
            rest,
            cookies: if random.one_in(3) {
                String::new()
            } else {
                cookie
            },
            parts,
            gpc: random.one_in(8),
        }
    }

    pub fn request(&self) -> Request<'_> {
        let [
            agent,
            dest,
            mode,
            purpose,
            country,
            region,
            language,
            referrer,
            method,
        ] = self.parts;
        Request {
            signals: Signals {
                method,
                user_agent: agent,
                accept: "text/html",
                fetch_dest: dest,
                fetch_mode: mode,
                fetch_site: "cross-site",
                fetch_user: "?1",
                purpose,
                ..Signals::default()
            },
            query: &self.query,
            cookies: &self.cookies,
            host: "shop.example",
            gpc: self.gpc,
            country,
            region,
            language,
            referrer,
            ip: "",
        }
    }
}
