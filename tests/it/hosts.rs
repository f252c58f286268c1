//! Hosts: who may give a program one, and what is answered on hosts that nobody has.

use crate::support::shop::{BROWSER, Shop};
use serde_json::{Value, json};
use throughline::app::edge_plane::{self, Answer, Facts, PASS};
use throughline::app::isolate::{Fetched, Memory};
use throughline::app::settings::{Settings, Variables};
use throughline::domain::link::host_key;
use throughline::domain::redirect::Entropy;

/// Path and code of the first fault.
fn fault(answer: &Value) -> (&str, &str) {
    let first = &answer["errors"][0];
    let text = |name: &str| first[name].as_str().unwrap_or_default();
    (text("path"), text("code"))
}

fn hosts(shop: &Shop) -> Vec<String> {
    shop.db
        .column("SELECT host || ' ' || program FROM hosts ORDER BY host")
}

#[test]
fn the_host_of_the_api_belongs_to_no_program_whoever_asks() {
    let shop = Shop::open();
    let path = format!("programs/{}", shop.program);
    let before = hosts(&shop);
    for (member, value) in [
        ("hosts", json!(["shop.example", "Admin.Example:443"])),
        ("target_hosts", json!(["shop.example", "admin.example"])),
        ("domain", json!("admin.example")),
    ] {
        let wanted = (format!("/{member}"), "admin_host");
        let (status, problem) = shop.control("PATCH", &path, &json!({member: value}));
        assert_eq!(
            (status, fault(&problem)),
            (422, (wanted.0.as_str(), wanted.1))
        );
        let mut body = json!({"name": "B", "hosts": ["b.example"]});
        body[member] = value;
        let (status, problem) = shop.control("POST", "programs", &body);
        assert_eq!(
            (status, fault(&problem)),
            (422, (wanted.0.as_str(), wanted.1))
        );
    }
    assert_eq!(hosts(&shop), before);
}

/// A program's own key with the scope `admin`.
fn own_key(shop: &Shop) -> String {
    let body = json!({"name": "own", "scope": "admin", "program": shop.program});
    shop.made("POST", "keys", &body)["key"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_programs_own_key_adds_hosts_of_its_domains_and_no_others() {
    let shop = Shop::open();
    let key = own_key(&shop);
    let path = format!("programs/{}", shop.program);
    let patch = |key: &str, body: &Value| {
        let body = body.to_string();
        let answer = shop.request("PATCH", "admin.example", &path, key, body.as_bytes());
        (
            answer.status,
            serde_json::from_str(&answer.body).unwrap_or(Value::Null),
        )
    };
    let more = |host: &str| json!({"hosts": ["shop.example", host]});
    assert_eq!(patch(&key, &more("go.shop.example")).0, 200);
    let before = hosts(&shop);
    for host in [
        "other.example",
        "notshop.example",
        "shop.example.org",
        "co.uk",
        "example.com",
        "throughline.account.workers.dev",
        "a.localhost",
    ] {
        let (status, problem) = patch(&key, &more(host));
        assert_eq!(
            (status, fault(&problem)),
            (422, ("/hosts", "other_domain")),
            "{host}"
        );
        assert!(
            problem["errors"][0]["detail"]
                .as_str()
                .unwrap()
                .contains(host)
        );
        assert_eq!(hosts(&shop), before, "{host}");
    }
    // Whoever runs the deployment gives it, and from then on the domain is the program's.
    assert_eq!(patch(&shop.admin, &more("other.example")).0, 200);
    let both = json!({"hosts": ["shop.example", "other.example", "www.other.example"]});
    assert_eq!(patch(&key, &both).0, 200);
    let (status, _) = patch(&key, &json!({"name": "Renamed"}));
    assert_eq!(status, 200, "what it has stays");
}

#[test]
fn a_host_has_one_program() {
    let shop = Shop::open();
    let before = hosts(&shop);
    let second = json!({"name": "B", "hosts": ["shop.example"]});
    let (status, problem) = shop.control("POST", "programs", &second);
    assert_eq!(
        (status, problem["code"].as_str()),
        (409, Some("already_exists"))
    );
    let second = shop.made(
        "POST",
        "programs",
        &json!({"name": "B", "hosts": ["b.example"]}),
    );
    let path = format!("programs/{}", second["id"].as_str().unwrap());
    let both = json!({"hosts": ["b.example", "shop.example"]});
    assert_eq!(shop.control("PATCH", &path, &both).0, 409);
    let mut now = hosts(&shop);
    now.retain(|row| !row.starts_with("b.example"));
    assert_eq!(now, before);
}

fn ask(settings: &Settings, memory: &Memory, shop: &Shop, url: &str) -> Option<Answer> {
    let facts = Facts {
        method: "GET",
        url,
        user_agent: BROWSER,
        accept: "text/html",
        country: "US",
        ..Facts::default()
    };
    edge_plane::answer(
        &facts,
        "",
        memory,
        settings,
        shop.now.get(),
        &Entropy(shop.random()),
    )
}

#[test]
fn no_link_is_served_on_the_host_of_the_api_whatever_is_stored() {
    let shop = Shop::open();
    let mut memory = shop.memory();
    let now = shop.now.get();
    for record in ["host:shop.example", "link:shop.example/anna"] {
        let text = shop.kv.records.borrow()[record].clone();
        let key = record.replace("shop.example", "admin.example");
        memory.learn(&key, &Fetched::Record(text), now);
    }
    for path in ["/go/anna", "/go/", "/tl/me", "/anna"] {
        let url = format!("https://admin.example{path}");
        let answer = ask(&shop.settings, &memory, &shop, &url).unwrap();
        assert_eq!((answer.status, answer.headers.len()), (404, 0), "{path}");
        assert!(answer.visits.is_empty() && !answer.refresh);
    }
    let known = ask(
        &shop.settings,
        &memory,
        &shop,
        "https://shop.example/go/anna",
    )
    .unwrap();
    assert_eq!(known.status, 302);
}

#[test]
fn the_site_is_asked_for_its_own_hosts_alone_and_for_those_always() {
    let shop = Shop::open();
    let secret = "1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    let variables = Variables {
        root_secret: secret,
        admin_host: "admin.example",
        site_origin: "https://origin.example",
        site_hosts: " Shop.example, *.brand.example,",
        ..Variables::default()
    };
    let settings = Settings::parse(&variables).unwrap();
    let now = shop.now.get();
    for (host, site) in [
        ("shop.example", true),
        ("www.brand.example", true),
        ("a.b.brand.example", true),
        ("brand.example", false),
        ("www.shop.example", false),
        ("notbrand.example", false),
        (".brand.example", false),
        ("throughline.account.workers.dev", false),
        ("", false),
    ] {
        assert_eq!(settings.is_site(host), site, "{host}");
        for (fetched, otherwise) in [(Fetched::Nothing, 404), (Fetched::Failed, 503)] {
            let mut memory = Memory::default();
            memory.learn(&host_key(host), &fetched, now);
            let url = format!("https://{host}/checkout");
            let answer = ask(&settings, &memory, &shop, &url).unwrap();
            let wanted = if site { PASS } else { otherwise };
            assert_eq!(answer.status, wanted, "{host} {fetched:?}");
        }
    }
    // A program's host of links alone: no site there, whatever is known of it.
    let mut memory = Memory::default();
    let text = shop.kv.records.borrow()["host:shop.example"].clone();
    memory.learn("host:go.example", &Fetched::Record(text), now);
    let answer = ask(&settings, &memory, &shop, "https://go.example/checkout").unwrap();
    assert_eq!(answer.status, 404);
    assert!(!edge_plane::passes(
        "https://go.example/a.js",
        &memory,
        &settings,
        now
    ));
    let no_site = Settings::parse(&Variables {
        site_origin: "",
        ..variables
    })
    .unwrap();
    assert!(!no_site.is_site("shop.example"));
}
