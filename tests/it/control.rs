//! Invariants 7, 9 and 10 at the API: every error has its row, its line in the README and no
//! inside; bounds hold; wrong, foreign, narrow and revoked keys do nothing.

use crate::support::shop::Shop;
use crate::support::sqlite::Fault;
use app::problem::{self, Problem};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn every_code_has_a_status_a_sentence_and_a_line_in_the_readme() {
    let readme = std::fs::read_to_string(crate::support::root("README.md"))
        .expect("README.md lists the error codes");
    for kind in problem::ALL {
        assert!((400..600).contains(&kind.status), "{}", kind.code);
        assert!(kind.title.ends_with(['.', '…']), "{}", kind.title);
        assert!(
            readme.contains(&format!("`{}`", kind.code)),
            "README lacks {}",
            kind.code
        );
        assert_eq!(Problem::from(*kind).document()["status"], kind.status);
    }
    let codes: BTreeSet<_> = problem::ALL.iter().map(|kind| kind.code).collect();
    let errors = readme
        .split("## Errors")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let rows = errors
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'));
    for code in rows.flat_map(|row| row.split('`').skip(1).step_by(2)) {
        let word = code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(
            !word || codes.contains(code),
            "README names {code}, which is no error"
        );
    }
}

#[test]
fn faults_of_ours_say_one_sentence_and_nothing_of_the_inside() {
    let shop = Shop::open();
    let calls = [
        ("GET", "programs", json!({})),
        (
            "POST",
            "partners",
            json!({"program": shop.program, "name": "Zed"}),
        ),
        ("GET", "events/ev_1", json!({})),
    ];
    for (method, path, body) in calls {
        for batch in 0..2 {
            shop.db.fail(batch, Fault::Lost);
            let (status, answer) = shop.control(method, path, &body);
            shop.db.heal();
            if status < 300 || status == 404 {
                continue;
            }
            assert_eq!(status, 503, "{answer}");
            let text = answer.to_string().to_lowercase();
            for inside in [
                "sql",
                "select",
                "insert",
                "d1",
                "panic",
                "src/",
                "constraint",
                "row",
            ] {
                assert!(!text.contains(inside), "{inside} in {text}");
            }
        }
    }
    shop.queue.down.set(true);
    shop.db.fail(0, Fault::Lost);
    let lead = json!({"customerExternalId": "u", "eventName": "l"}).to_string();
    let answer = shop.request(
        "POST",
        "shop.example",
        "track/lead",
        &shop.track,
        lead.as_bytes(),
    );
    assert_eq!((answer.status, answer.retry_after), (503, Some(5)));
    assert_eq!(answer.content_type, "application/json");
}

/// Status and code of a call.
fn code(
    shop: &Shop,
    method: &str,
    host: &str,
    path: &str,
    key: &str,
    body: &[u8],
) -> (u16, String) {
    let answer = shop.request(method, host, path, key, body);
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let code = body["code"].as_str().unwrap_or_default().to_owned();
    assert!(answer.status < 400 || !code.is_empty(), "{}", answer.body);
    (answer.status, code)
}

#[test]
fn each_wrong_call_has_its_own_answer() {
    let shop = Shop::open();
    let (admin, track) = (shop.admin.as_str(), shop.track.as_str());
    let foreign = Shop::open();
    let read = foreign.made("POST", "keys", &json!({"name": "r", "scope": "read"}));
    let read = read["key"].as_str().unwrap();
    let forged = format!("{}AAAA", &track[..track.len() - 4]);
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(65_536));
    let site = "shop.example";
    let own = "admin.example";
    let lead = br#"{"customerExternalId":"u","eventName":"l"}"#;
    let none = b"{}";
    let calls: [(&str, &str, &str, &str, &[u8]); 16] = [
        ("POST", site, "track/lead", "", lead),
        ("POST", site, "track/lead", &forged, lead),
        ("POST", site, "track/lead", read, lead),
        ("POST", site, "track/lead", admin, lead),
        ("GET", site, "track/lead", track, b""),
        ("POST", site, "track/click", track, lead),
        ("POST", site, "track/sale", track, b"[]"),
        ("POST", site, "track/sale", track, b"{"),
        ("POST", site, "track/sale", track, none),
        ("POST", site, "track/sale", track, large.as_bytes()),
        ("GET", site, "programs", admin, b""),
        ("GET", own, "nothing", admin, b""),
        ("PUT", own, "programs", admin, none),
        ("GET", own, "programs?cursor=x", admin, b""),
        ("GET", own, "programs?limit=x", admin, b""),
        ("POST", own, "setup", admin, none),
    ];
    let answers = [
        "401 key_missing",
        "401 key_invalid",
        "403 scope_too_narrow",
        "403 program_required",
        "405 method_not_allowed",
        "404 not_found",
        "400 body_not_json",
        "400 body_not_json",
        "422 validation_failed",
        "413 body_too_large",
        "404 not_found",
        "404 not_found",
        "405 method_not_allowed",
        "400 cursor_invalid",
        "400 bad_request",
        "401 key_invalid",
    ];
    for ((method, host, path, key, body), expected) in calls.into_iter().zip(answers) {
        let (status, word) = code(&shop, method, host, path, key, body);
        assert_eq!(format!("{status} {word}"), expected, "{method} {path}");
    }
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 0);
}

#[test]
fn a_key_reaches_its_own_program_and_no_other() {
    let shop = Shop::open();
    let other = json!({"name": "Two", "hosts": ["two.example"]});
    let other = shop.made("POST", "programs", &other)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = json!({"name": "r", "scope": "read", "program": other});
    let key = shop.made("POST", "keys", &body);
    let (id, key) = (key["id"].as_str().unwrap(), key["key"].as_str().unwrap());
    let get = |path: &str| code(&shop, "GET", "admin.example", path, key, b"").0;
    assert_eq!(get(&format!("programs/{other}")), 200);
    assert_eq!(get("events"), 200);
    for path in [
        format!("programs/{}", shop.program),
        format!("partners/{}", shop.partners[0]),
        format!("decisions?program={}", shop.program),
        "keys".to_owned(),
    ] {
        assert_eq!(get(&path), 403, "{path}");
    }
    let made = code(&shop, "POST", "admin.example", "programs", key, b"{}");
    assert_eq!(made.0, 403);
    shop.control("DELETE", &format!("keys/{id}"), &json!({}));
    assert_eq!(get("events"), 403, "revoked");
}

#[test]
fn stored_texts_hold_no_secret_and_no_person() {
    let shop = Shop::open();
    let hook = json!({"program": shop.program, "kind": "webhook",
        "url": "https://hooks.example/in"});
    shop.made("POST", "destinations", &hook);
    let sale = json!({"customerExternalId": "visible-customer", "amount": 5, "currency": "usd",
        "customerEmail": "secret.person@mail.example", "customerName": "Secret Person",
        "invoiceId": "o1", "context": {"userAgent": "VisibleAgent", "ip": "203.0.113.9"}});
    shop.db.fail(0, Fault::Lost);
    assert_eq!(shop.track("sale", &sale).0, 200);
    let held = shop.queue.sent.borrow().join(" ");
    assert_eq!(shop.track("sale", &sale).0, 200);
    let mut many = sale.clone();
    many["type"] = json!("sale");
    many["invoiceId"] = json!("o2");
    assert_eq!(shop.track("batch", &json!({"events": [many]})).0, 200);
    let own = json!({"email": "secret.person@mail.example", "customers": ["visible-customer"]});
    shop.made("PATCH", &format!("partners/{}", shop.partners[0]), &own);
    shop.fold();
    let named = json!({"program": shop.program, "customerExternalId": "visible-customer"});
    let export = shop.made("POST", "customers/export", &named).to_string();
    let all = held + &shop.dump() + &export;
    for text in [
        "secret.person",
        "Secret Person",
        "visible-customer",
        "VisibleAgent",
        "203.0.113",
    ] {
        assert!(!all.contains(text), "{text} is stored");
    }
    for key in [&shop.admin, &shop.track] {
        assert!(!all.contains(&key[20..]), "a key is stored");
    }
}

#[test]
fn lists_page_through_everything_once_and_never_more_than_a_hundred() {
    let shop = Shop::open();
    for number in 0..230 {
        let lead = json!({"customerExternalId": "u", "eventName": format!("l{number}")});
        assert_eq!(shop.track("lead", &lead).0, 200);
    }
    let mut seen = BTreeSet::new();
    let mut path = "events?limit=1000".to_owned();
    loop {
        let page = shop.made("GET", &path, &json!({}));
        let rows = page["data"].as_array().unwrap();
        assert!(rows.len() <= 100);
        for row in rows {
            assert!(seen.insert(row["id"].as_str().unwrap().to_owned()));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("events?cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 230);
}
