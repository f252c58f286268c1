//! Registrable domains: the list's own vectors, the cookie domain that a program gets from its
//! hosts, and the one that it is refused.

use crate::support::shop::Shop;
use crate::support::suffixes::PublicSuffixes;
use app::ports::Suffixes;
use domain::visit::link::parse_host;
use serde_json::{Value, json};

#[test]
fn registrable_domains_are_those_of_the_lists_vectors() {
    let text =
        std::fs::read_to_string(crate::support::root("tests/golden/public_suffix.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    for part in ["listed", "ours"] {
        let pairs = golden[part].as_array().unwrap();
        assert!(pairs.len() > 15);
        for pair in pairs {
            let host = pair[0].as_str().unwrap();
            let found = PublicSuffixes.registrable(host);
            assert_eq!(found.as_deref(), pair[1].as_str(), "{host}");
            // What the control plane gets, it can ask for again.
            if let Some(domain) = found.filter(|_| parse_host(host).is_some()) {
                assert_eq!(PublicSuffixes.registrable(&domain), Some(domain.clone()));
                assert!(host == domain || host.ends_with(&format!(".{domain}")));
            }
        }
    }
}

fn program(shop: &Shop, body: &Value) -> (u16, Value) {
    let mut whole = json!({"name": "Brand"});
    for (name, value) in body.as_object().unwrap() {
        whole[name] = value.clone();
    }
    shop.control("POST", "programs", &whole)
}

fn fault(answer: &(u16, Value)) -> (&str, &str) {
    assert_eq!(answer.0, 422, "{}", answer.1);
    let first = &answer.1["errors"][0];
    let text = |name: &str| first[name].as_str().unwrap();
    (text("path"), text("code"))
}

#[test]
fn several_hosts_of_one_registrable_domain_share_their_cookie() {
    let shop = Shop::open();
    for (hosts, expected) in [
        (
            json!(["go.brand.co.uk", "www.brand.co.uk"]),
            json!("brand.co.uk"),
        ),
        (
            json!(["brand.example", "go.brand.example"]),
            json!("brand.example"),
        ),
        (json!(["www.alone.example"]), json!(null)),
        (json!(["one.example", "two.example"]), json!(null)),
        (
            json!(["one.myshopify.com", "two.myshopify.com"]),
            json!(null),
        ),
        (
            json!(["one.github.io", "go.one.github.io"]),
            json!("one.github.io"),
        ),
        (json!(["one.localhost", "two.localhost"]), json!(null)),
        (json!(["x.brand.example", "x.localhost"]), json!(null)),
        (json!(["co.uk", "a.co.uk"]), json!(null)),
    ] {
        let (status, made) = program(&shop, &json!({"hosts": hosts}));
        assert_eq!(status, 201, "{made}");
        assert_eq!(made["cookie_domain"], expected, "{hosts}");
    }
}

#[test]
fn a_cookie_domain_that_is_a_public_suffix_is_refused() {
    let shop = Shop::open();
    for (host, cookie) in [
        ("shop.co.uk", "co.uk"),
        ("shop.myshopify.com", "myshopify.com"),
        ("a.b.workers.dev", "workers.dev"),
        ("a.b.localhost", "b.localhost"),
    ] {
        let answer = program(&shop, &json!({"hosts": [host], "cookie_domain": cookie}));
        assert_eq!(
            fault(&answer),
            ("/cookie_domain", "public_suffix"),
            "{host}"
        );
    }
    let hosts = json!(["a.brand.example", "b.brand.example"]);
    for other in ["other.example", "a.brand.example", "rand.example"] {
        let answer = program(&shop, &json!({"hosts": hosts, "cookie_domain": other}));
        assert_eq!(fault(&answer), ("/cookie_domain", "not_shared"), "{other}");
    }
    let hosts = json!(["a.x.brand.example", "b.x.brand.example"]);
    for fit in ["x.brand.example", "brand.example"] {
        let body = json!({"hosts": hosts, "cookie_domain": fit});
        let (status, made) = program(&shop, &body);
        assert_eq!(
            (status, &made["cookie_domain"]),
            (201, &json!(fit)),
            "{made}"
        );
        shop.made(
            "PATCH",
            &format!("programs/{}", made["id"].as_str().unwrap()),
            &json!({"hosts": [format!("free-{fit}")], "cookie_domain": null}),
        );
    }
}

#[test]
fn a_derived_cookie_domain_follows_the_hosts_and_a_given_one_stays() {
    let shop = Shop::open();
    let hosts = json!(["go.brand.example", "www.brand.example"]);
    let (_, made) = program(&shop, &json!({"hosts": hosts}));
    let path = format!("programs/{}", made["id"].as_str().unwrap());
    assert_eq!(made["cookie_domain"], "brand.example");
    let renamed = shop.made("PATCH", &path, &json!({"name": "Other"}));
    assert_eq!(renamed["cookie_domain"], "brand.example");
    let hosts = json!(["go.brand.example", "other.example"]);
    let changed = shop.made("PATCH", &path, &json!({"hosts": hosts}));
    assert_eq!(changed["cookie_domain"], json!(null));
    let hosts = json!(["go.x.other.example", "www.x.other.example"]);
    let body = json!({"hosts": hosts, "cookie_domain": "x.other.example"});
    assert_eq!(
        shop.made("PATCH", &path, &body)["cookie_domain"],
        "x.other.example"
    );
    let kept = shop.made("PATCH", &path, &json!({"name": "Third"}));
    assert_eq!(kept["cookie_domain"], "x.other.example");
    let hosts = json!({"hosts": ["go.x.other.example", "else.example"]});
    let refused = shop.control("PATCH", &path, &hosts);
    assert_eq!(fault(&refused), ("/cookie_domain", "not_shared"));
}

#[test]
fn a_hosts_snapshot_names_its_registrable_domain() {
    let shop = Shop::open();
    let hosts = json!(["go.brand.co.uk", "www.brand.co.uk", "brand.localhost"]);
    program(&shop, &json!({"hosts": hosts}));
    shop.publish();
    let records = shop.kv.records.borrow();
    for (host, expected) in [
        ("go.brand.co.uk", json!("brand.co.uk")),
        ("www.brand.co.uk", json!("brand.co.uk")),
        ("brand.localhost", json!(null)),
        ("shop.example", json!("shop.example")),
    ] {
        let record: Value = serde_json::from_str(&records[&format!("host:{host}")]).unwrap();
        assert_eq!(record["registrable"], expected, "{host}");
    }
}
