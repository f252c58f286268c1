//! The dry run of a link: it says what the edge would do, and why.

use super::support::shop::Shop;
use serde_json::{Value, json};
use throughline::domain::token;

const BROWSER: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                       (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

fn shop_with_rules() -> Shop {
    let shop = Shop::open();
    let body = json!({"program": shop.program, "partner": shop.partners[0],
        "host": "shop.example", "slug": "deal", "target": "https://shop.example/deal?pinned=1",
        "wildcard": true, "params": {"strip": ["secret"]},
        "rules": [
            {"when": {"country": ["DE"]}, "target": "https://shop.example/de"},
            {"when": {"all": [{"os": ["ios"]}, {"language": ["fr"]}]},
             "target": "https://shop.example/fr"}]});
    shop.made("POST", "links", &body);
    shop.publish();
    shop
}

fn explain(shop: &Shop, change: Value) -> (u16, Value) {
    let mut body = json!({"url": "https://shop.example/go/deal?x=1&secret=2&pinned=3",
        "country": "US", "headers": {"User-Agent": BROWSER, "accept-language": "fr-FR,en;q=0.5",
            "sec-fetch-dest": "document", "sec-fetch-mode": "navigate",
            "sec-fetch-site": "cross-site"}});
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    shop.control("POST", "links/explain", &body)
}

#[test]
fn a_dry_run_names_the_rule_the_class_and_the_fate_of_each_parameter() {
    let shop = shop_with_rules();
    let (status, told) = explain(&shop, json!({}));
    assert_eq!(status, 200, "{told}");
    let location = told["location"].as_str().unwrap();
    assert!(
        location.starts_with("https://shop.example/fr?x=1"),
        "{location}"
    );
    assert!(!location.contains("secret"), "{location}");
    let why = &told["because"];
    assert_eq!(why["class"], "human");
    assert_eq!(
        why["consent"],
        json!({"state": "full", "evidence": "default"})
    );
    assert_eq!(why["rules"].as_array().unwrap().len(), 2, "{why}");
    let fate = |name: &str| {
        let mut all = why["params"].as_array().unwrap().iter();
        all.find(|seen| seen["name"] == name).unwrap()["fate"].clone()
    };
    assert_eq!(fate("x"), "passed");
    assert_ne!(fate("secret"), "passed");
    assert_eq!(told["sets_cookie"], true);
    assert!(!told["sentences"].as_array().unwrap().is_empty());
}

#[test]
fn it_says_the_same_as_the_edge_and_leaves_nothing_behind() {
    let shop = shop_with_rules();
    let before = shop.db.number("SELECT count(*) FROM click_packs");
    let (_, told) = explain(&shop, json!({"country": "DE"}));
    let edge = shop.follow_as("deal", "?x=1&secret=2&pinned=3", "", |facts| {
        facts.country = "DE";
        facts.user_agent = BROWSER;
        facts.language = "fr-FR,en;q=0.5";
    });
    let masked = edge.location.replace(&edge.token, token::DRY_RUN);
    assert_eq!(told["location"], json!(masked));
    assert_eq!(told["because"]["consent"]["evidence"], "country");
    assert_eq!(shop.db.number("SELECT count(*) FROM click_packs"), before);
    assert!(shop.queue.sent.borrow().is_empty());
}

#[test]
fn what_copying_adds_to_an_address_loses_no_visitor() {
    let shop = shop_with_rules();
    for added in ["deal.", "deal)", "deal,", "deal%20", "deal%E2%80%9D"] {
        let edge = shop.follow_as(added, "?x=1", "", |facts| facts.country = "US");
        assert!(
            edge.location
                .starts_with("https://shop.example/deal?pinned=1&x=1&tl=tlc_")
        );
        let (status, told) = explain(
            &shop,
            json!({"url": format!("https://shop.example/go/{added}?x=1")}),
        );
        assert_eq!(status, 200, "{added}: {told}");
    }
    let joined = "deal&utm_source=news&amp=1";
    let edge = shop.follow_as(joined, "?x=1", "", |facts| facts.country = "US");
    let wanted = "https://shop.example/deal?pinned=1&utm_source=news&amp=1&x=1&tl=tlc_";
    assert!(edge.location.starts_with(wanted), "{}", edge.location);
    // What a link has as its own name is found first.
    let body = json!({"program": shop.program, "partner": shop.partners[1],
        "host": "shop.example", "slug": "deal.", "target": "https://shop.example/dot"});
    shop.made("POST", "links", &body);
    shop.publish();
    let edge = shop.follow_as("deal.", "", "", |facts| facts.country = "US");
    assert!(
        edge.location
            .starts_with("https://shop.example/dot?tl=tlc_")
    );
}

#[test]
fn what_no_link_has_is_not_found_and_what_cannot_be_read_is_named() {
    let shop = shop_with_rules();
    for url in [
        "https://other.example/go/deal",
        "https://shop.example/elsewhere",
        "https://shop.example/go/nobody",
        "https://shop.example/go/a%00b",
    ] {
        let (status, told) = explain(&shop, json!({"url": url}));
        assert_eq!((status, &told["code"]), (404, &json!("not_found")), "{url}");
    }
    let (status, told) = explain(
        &shop,
        json!({"url": "", "headers": {"a": 1}, "at": "never"}),
    );
    let paths: Vec<&str> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|error| error["path"].as_str())
        .collect();
    assert_eq!((status, paths), (422, vec!["/url", "/at", "/headers"]));
}

#[test]
fn nothing_that_a_dry_run_gives_can_earn() {
    let shop = shop_with_rules();
    let read = json!({"name": "r", "scope": "read", "program": shop.program});
    let read = shop.made("POST", "keys", &read)["key"].clone();
    let known = shop.follow("deal", "", "", "", "US").cookie.unwrap();
    let ago = shop.now.get().plus(-20 * 86_400_000).to_rfc3339();
    let url = "https://shop.example/go/deal";
    let changes = [
        json!({}),
        json!({"at": ago}),
        // Under `code` every token of a link and a day is the same.
        json!({"country": "DE", "at": ago}),
        json!({"headers": {"user-agent": BROWSER, "cookie": known}}),
        json!({"headers": {"user-agent": BROWSER, "sec-purpose": "prefetch"}}),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut body = json!({"url": url, "country": "US", "headers": {"user-agent": BROWSER}});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (host, path) = ("admin.example", "links/explain");
        let text = body.to_string();
        let answer = shop.request("POST", host, path, read.as_str().unwrap(), text.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        let location = told["location"].as_str().unwrap();
        let given = location.split("tl=").nth(1).unwrap();
        assert_eq!(given, token::DRY_RUN, "{location}");
        assert_eq!(answer.body.matches("tlc_").count(), 1, "{}", answer.body);
        assert_eq!(
            token::open(&shop.settings.keys, given, shop.now.get()),
            None
        );
        let sale = json!({"customerExternalId": "c", "amount": 5_000, "currency": "usd",
            "invoiceId": format!("o{number}"), "clickId": given});
        assert_eq!(shop.track("sale", &sale).0, 200);
        assert!(
            shop.land(given, "", "").is_empty(),
            "the beacon hears of no click"
        );
        let page = shop.document(&format!("/?tl={given}"), "", |_| {});
        assert!(page.visits.is_empty());
    }
    shop.fold();
    assert!(shop.db.number("SELECT count(*) FROM decisions") > 0);
    assert_eq!(shop.db.number("SELECT count(*) FROM entries"), 0);
}
