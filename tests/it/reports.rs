//! Whose reports and journals count: those of people, from pages of the program's hosts, and at the
//! program that they belong to.

use crate::support::shop::{BROWSER, Shop};
use serde_json::{Value, json};
use throughline::app::edge_plane::{self, Answer, Facts};
use throughline::app::isolate::Memory;
use throughline::domain::click::VisitKind;
use throughline::domain::redirect::Entropy;
use throughline::domain::traffic::Class;

fn report<'a>(
    shop: &Shop,
    memory: &Memory,
    body: &Value,
    change: impl FnOnce(&mut Facts<'a>),
) -> Answer {
    let mut facts = Facts {
        method: "POST",
        url: "https://shop.example/tl/e",
        user_agent: BROWSER,
        accept: "*/*",
        fetch_dest: "empty",
        fetch_mode: "cors",
        fetch_site: "same-origin",
        country: "US",
        ip: "203.0.113.7",
        ..Facts::default()
    };
    change(&mut facts);
    let entropy = Entropy(shop.random());
    let (body, now) = (body.to_string(), shop.now.get());
    edge_plane::answer(&facts, &body, memory, &shop.settings, now, &entropy).unwrap()
}

fn cookies(answer: &Answer) -> Vec<&str> {
    let all = answer.headers.iter();
    let cookies = all.filter(|(name, _)| *name == "set-cookie");
    cookies.map(|(_, value)| value.as_str()).collect()
}

fn told(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn kinds(answer: &Answer) -> Vec<(VisitKind, Class)> {
    let visits = answer.visits.iter();
    visits.map(|v| (v.kind, v.touch.class)).collect()
}

#[test]
fn software_is_answered_and_confirms_names_and_keeps_nothing() {
    let shop = Shop::open();
    let memory = shop.memory();
    let tool = |facts: &mut Facts<'_>| {
        (facts.user_agent, facts.fetch_site) = ("curl/8.5.0", "");
        (facts.fetch_dest, facts.fetch_mode) = ("", "");
    };
    let anonymous = shop.follow("anna", "", "", "1", "US");
    let named = shop.click("anna");
    for token in [&anonymous.token, &named.token] {
        for body in [
            json!({"n": "land", "t": token}),
            json!({"n": "land", "s": "full", "t": token}),
            json!({"n": "consent", "s": "full", "t": token}),
        ] {
            let answer = report(&shop, &memory, &body, tool);
            assert_eq!(told(&answer)["t"], json!(token), "{body}");
            assert!(cookies(&answer).is_empty());
            let apart = [(VisitKind::Unverified, Class::Library)];
            assert_eq!(kinds(&answer), apart, "{body}");
            assert_eq!(answer.visits[0].touch.nonce, None);
        }
    }
    // Its no is a no.
    let cookie = named.cookie.unwrap();
    let body = json!({"n": "consent", "s": "code", "t": named.token});
    let withdrawn = report(&shop, &memory, &body, |facts| {
        tool(facts);
        facts.cookies = &cookie;
    });
    assert!(cookies(&withdrawn)[0].starts_with("__Host-tl=refused"));
}

#[test]
fn more_reports_than_people_make_confirm_nothing() {
    let shop = Shop::open();
    let memory = shop.memory();
    let token = shop.follow("anna", "", "", "1", "US").token;
    for name in ["land", "consent"] {
        let body = json!({"n": name, "s": "full", "t": token});
        for number in 1..=400 {
            let answer = report(&shop, &memory, &body, |_| {});
            let heard = kinds(&answer) != [(VisitKind::Unverified, Class::Flood)];
            assert_eq!(heard, number <= 120, "{name} {number}");
            assert_eq!(cookies(&answer).is_empty(), !heard);
            assert_ne!(told(&answer)["t"], Value::Null, "a sale is credited yet");
        }
        let other = report(&shop, &memory, &body, |facts| facts.ip = "198.51.100.7");
        assert!(!cookies(&other).is_empty(), "another network");
    }
}

#[test]
fn a_page_in_a_flood_has_a_token_that_names_nobody_and_keeps_nothing() {
    let shop = Shop::open();
    let memory = shop.memory();
    let body = json!({"n": "land", "s": "full"});
    let page = |facts: &mut Facts<'_>| facts.url = "https://shop.example/tl/e?via=anna";
    for _ in 0..120 {
        assert_eq!(
            kinds(&report(&shop, &memory, &body, page))[0].1,
            Class::Human
        );
    }
    let last = report(&shop, &memory, &body, page);
    assert_eq!(kinds(&last), [(VisitKind::Click, Class::Flood)]);
    assert!(cookies(&last).is_empty() && last.visits[0].touch.nonce.is_none());
    assert_ne!(told(&last)["t"], Value::Null);
}

#[test]
fn reports_come_from_pages_of_the_hosts() {
    let shop = Shop::open();
    let body = json!({"n": "land"});
    let status = |origin, referrer, site| {
        let memory = shop.memory();
        let change = |facts: &mut Facts<'_>| {
            (facts.origin, facts.referrer, facts.fetch_site) = (origin, referrer, site);
        };
        report(&shop, &memory, &body, change).status
    };
    let (own, other) = ("https://shop.example", "https://evil.example");
    for (origin, referrer, expected) in [
        (own, "https://shop.example/page?x=https://evil.example", 200),
        (own, "", 200),
        ("", "", 200),
        ("null", "", 200),
        ("https://www.shop.example", "", 200),
        (other, "", 403),
        ("", "https://evil.example/?shop.example", 403),
        ("https://notshop.example", "", 403),
        ("https://shop.example.evil.example", "", 403),
        (own, "https://shop.example@evil.example/", 403),
    ] {
        for site in ["", "same-origin"] {
            assert_eq!(
                status(origin, referrer, site),
                expected,
                "{origin} {referrer}"
            );
        }
    }
    assert_eq!(status(own, "", "cross-site"), 403);
}

/// Another program of the deployment, with a host and a link of its own; gives its id.
fn next_door(shop: &Shop) -> Value {
    let body = json!({"name": "Other", "hosts": ["other.example"], "default_consent": "full",
        "plan": {"window_days": 30, "sale": {"rate_bps": 1000}}, "show_partner": true});
    let program = shop.made("POST", "programs", &body)["id"].clone();
    let partner = shop.made(
        "POST",
        "partners",
        &json!({"program": program, "name": "Zed"}),
    );
    let link = json!({"program": program, "partner": partner["id"], "host": "other.example",
        "slug": "zed", "target": "https://other.example/"});
    shop.made("POST", "links", &link);
    shop.publish();
    program
}

/// What another program's host answers a visitor with this cookie.
fn there(shop: &Shop, path: &str, cookie: &str, body: Option<&Value>) -> Answer {
    let url = format!("https://other.example{path}");
    let page = body.is_none() && !path.starts_with("/tl/");
    let facts = Facts {
        method: if body.is_some() { "POST" } else { "GET" },
        url: &url,
        cookies: cookie,
        user_agent: BROWSER,
        accept: "text/html",
        fetch_dest: if page { "document" } else { "" },
        fetch_mode: if page { "navigate" } else { "" },
        fetch_user: if page { "?1" } else { "" },
        fetch_site: "same-origin",
        country: "US",
        ..Facts::default()
    };
    let entropy = Entropy(shop.random());
    let (memory, now) = (shop.memory(), shop.now.get());
    let body = body.map(Value::to_string).unwrap_or_default();
    edge_plane::answer(&facts, &body, &memory, &shop.settings, now, &entropy).unwrap()
}

#[test]
fn a_journal_of_another_program_is_as_if_absent() {
    let shop = Shop::open();
    let program = next_door(&shop);
    let foreign = shop.click("anna").cookie.unwrap();
    for path in ["/go/zed", "/?via=zed"] {
        let answer = there(&shop, path, &foreign, None);
        let visit = &answer.visits[0];
        assert_eq!(json!(visit.touch.program), program);
        assert!(visit.earlier.is_empty(), "{path}: {:?}", visit.earlier);
    }
    let next = there(&shop, "/next", &foreign, None);
    assert_eq!(next.encode(), "", "it confirms and renews nothing");
    let me = there(&shop, "/tl/me", &foreign, None);
    assert_eq!(told(&me), json!({"t": null, "c": "full"}));
    let grant = json!({"n": "consent", "s": "full"});
    let granted = told(&there(&shop, "/tl/e", &foreign, Some(&grant)));
    assert_eq!(
        granted,
        json!({"t": null, "c": "full"}),
        "no partner is shown"
    );
}

#[test]
fn a_token_of_another_program_is_as_if_absent() {
    let shop = Shop::open();
    next_door(&shop);
    for token in [
        shop.click("anna").token,
        shop.follow("anna", "", "", "1", "US").token,
    ] {
        for body in [
            json!({"n": "land", "t": token}),
            json!({"n": "consent", "s": "full", "t": token}),
        ] {
            let answer = there(&shop, "/tl/e", "", Some(&body));
            assert_eq!(told(&answer), json!({"t": null, "c": "full"}));
            assert!(answer.visits.is_empty());
        }
        let landed = there(&shop, &format!("/?tl={token}"), "", None);
        assert_eq!(landed.encode(), "");
    }
}

#[test]
fn a_journal_under_another_name_than_the_programs_earns_nobody_anything() {
    let shop = Shop::open();
    let northstar = shop.click("northstar").cookie.unwrap();
    let planted = northstar.replace("__Host-tl=", "__Secure-tl=");
    let click = shop.follow("anna", "", &planted, "", "US");
    assert!(click.visits[0].earlier.is_empty());
    let inside = shop.document("/next", &planted, |facts| facts.fetch_site = "same-origin");
    assert_eq!(inside.encode(), "");
    let granted = shop.beacon(&json!({"n": "consent", "s": "full"}), &planted, "");
    assert_eq!(told(&granted)["t"], Value::Null);
    // What the visitor withdraws goes under each name.
    let gpc = shop.document("/", &planted, |facts| facts.gpc = "1");
    assert!(cookies(&gpc)[0].starts_with("__Secure-tl=; Max-Age=0"));
}
