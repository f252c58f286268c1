//! What Dub's API takes costs nobody a lead here: its bounds, halves of characters, and the form of
//! errors that its clients read.

use crate::support::shop::Shop;
use serde_json::{Value, json};

/// Dub's bounds of what its clients send (`leads.ts` and `sales.ts` of its API, in UTF-16 units).
/// What it does not bound is as long as is ever seen.
const BOUNDS: [(&str, usize); 8] = [
    ("clickId", 2_000),
    ("eventName", 255),
    ("customerExternalId", 100),
    ("customerName", 100),
    ("customerEmail", 100),
    ("customerAvatar", 20_000),
    ("invoiceId", 255),
    ("leadEventName", 255),
];

fn reported(shop: &Shop, kind: &str, key: &str, body: &[u8]) -> (u16, Value) {
    let answer = shop.request("POST", "shop.example", &format!("track/{kind}"), key, body);
    let body = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body)
}

/// The stored names of events.
fn names(shop: &Shop) -> Vec<String> {
    shop.db
        .column("SELECT body ->> 'name' FROM facts ORDER BY seq")
}

fn body(kind: &str) -> Value {
    if kind == "lead" {
        return json!({"customerExternalId": "u", "eventName": "Sign up"});
    }
    json!({"customerExternalId": "u", "amount": 100, "currency": "usd"})
}

#[test]
fn values_as_long_as_dub_takes_them_are_accepted() {
    for (name, length) in BOUNDS {
        for kind in ["lead", "sale"] {
            for letter in ["a", "\u{e4}", "\u{8336}"] {
                let shop = Shop::open();
                let mut body = body(kind);
                body[name] = json!(letter.repeat(length));
                let (status, answer) =
                    reported(&shop, kind, &shop.track, body.to_string().as_bytes());
                assert_eq!(status, 200, "{kind} {name} {answer}");
            }
        }
    }
}

#[test]
fn an_event_name_of_255_characters_stays_whole_and_one_more_is_refused() {
    let shop = Shop::open();
    for kind in ["lead", "milestone", "sale"] {
        let mut body = body(if kind == "sale" { kind } else { "lead" });
        let name = "\u{1f600}".repeat(255);
        body["eventName"] = json!(name);
        let (status, _) = reported(&shop, kind, &shop.track, body.to_string().as_bytes());
        assert_eq!(status, 200, "{kind}");
        assert_eq!(names(&shop).last(), Some(&name), "{kind}");
        body["eventName"] = json!(format!("{name}x"));
        let (status, answer) = reported(&shop, kind, &shop.track, body.to_string().as_bytes());
        assert_eq!(
            (status, &answer["errors"][0]["code"]),
            (422, &json!("too_long"))
        );
    }
}

#[test]
fn metadata_is_measured_as_dub_measures_it_however_it_is_written() {
    let shop = Shop::open();
    let frame = json!({"a": ""}).to_string().len();
    let with = |length| {
        let mut body = body("lead");
        body["metadata"] = json!({"a": "\u{8336}".repeat(length - frame)});
        body.to_string()
    };
    // Also as PHP writes it.
    for text in [with(10_000), with(10_000).replace('\u{8336}', "\\u8336")] {
        let (status, answer) = reported(&shop, "lead", &shop.track, text.as_bytes());
        assert_eq!(status, 200, "{answer}");
    }
    let (status, answer) = reported(&shop, "lead", &shop.track, with(10_001).as_bytes());
    assert_eq!(
        (status, &answer["errors"][0]["path"]),
        (422, &json!("/metadata"))
    );
}

#[test]
fn what_is_only_told_back_is_told_back_as_it_came() {
    let shop = Shop::open();
    let body = json!({"customerExternalId": "u", "eventName": " Sign\n\tup\u{0} ",
        "customerName": "Ada\nLong", "clickId": "a\u{0}b"});
    let (status, answer) = reported(&shop, "lead", &shop.track, body.to_string().as_bytes());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["customer"]["name"], "Ada\nLong");
    assert_eq!(answer["click"]["id"], "a\u{0}b");
    assert_eq!(names(&shop), ["Sign  up"]);
    // What is only white space and control characters is no name.
    let body = json!({"customerExternalId": "u", "eventName": " \u{0}\n"});
    let (status, answer) = reported(&shop, "lead", &shop.track, body.to_string().as_bytes());
    assert_eq!(
        (status, &answer["errors"][0]["code"]),
        (422, &json!("required"))
    );
}

#[test]
fn how_often_a_lead_happened_changes_nothing_and_costs_nobody_a_lead() {
    for quantity in [json!(0), json!(1.5), json!(5_000), json!(null)] {
        let shop = Shop::open();
        let mut body = body("lead");
        body["eventQuantity"] = quantity;
        let (status, answer) = reported(&shop, "lead", &shop.track, body.to_string().as_bytes());
        assert_eq!(status, 200, "{answer}");
        assert_eq!(names(&shop), ["Sign up"]);
    }
}

#[test]
fn half_a_character_costs_nobody_a_lead() {
    let shop = Shop::open();
    let token = shop.click("anna").token;
    let body = format!(
        r#"{{"customerExternalId":"u","eventName":"Sign up \ud83d","clickId":"{token}",
            "customerName":"Ada \uDE00","metadata":{{"\ud83d":["\ud83d\ude00"]}}}}"#
    );
    let (status, answer) = reported(&shop, "lead", &shop.track, body.as_bytes());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["customer"]["name"], "Ada \u{fffd}");
    shop.fold();
    assert_eq!(names(&shop), ["Sign up \u{fffd}"]);
    assert_eq!(shop.list("ledger").len(), 1, "the partner earns");
    let sale = br#"{"customerExternalId":"u","amount":100,"metadata":{"a\ude00":"\ud83d\ude00"}}"#;
    let (status, answer) = reported(&shop, "sale", &shop.track, sale);
    assert_eq!(status, 200);
    let told = json!({"a\u{fffd}": "\u{1f600}"});
    assert_eq!(answer["sale"]["metadata"], told);
    let batch = br#"{"events":[{"type":"lead","customerExternalId":"v\ud83d","eventName":"l"}]}"#;
    assert_eq!(reported(&shop, "batch", &shop.track, batch).0, 200);
    let partner = format!(r#"{{"program":"{}","name":"Bo \ud83d"}}"#, shop.program);
    let made = shop.request(
        "POST",
        "admin.example",
        "partners",
        &shop.admin,
        partner.as_bytes(),
    );
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.body.contains("Bo \u{fffd}"), "{}", made.body);
}

#[test]
fn a_byte_order_mark_is_skipped_and_other_encodings_are_refused() {
    let shop = Shop::open();
    let text = body("lead").to_string();
    let marked = format!("\u{feff}{text}");
    assert_eq!(
        reported(&shop, "lead", &shop.track, marked.as_bytes()).0,
        200
    );
    let before = shop.list("events");
    let half = [
        &text.as_bytes()[..text.len() - 1],
        b",\"a\":\"\xed\xa0\xbd\"}",
    ]
    .concat();
    let latin = [&text.as_bytes()[..text.len() - 1], b",\"a\":\"\xfc\"}"].concat();
    for bytes in [half, latin] {
        let (status, answer) = reported(&shop, "lead", &shop.track, &bytes);
        assert_eq!((status, &answer["code"]), (400, &json!("body_not_json")));
    }
    assert_eq!(shop.list("events"), before);
}

/// What is wrong with a call: method, path, key, body, and the answer's status and code.
type Wrong<'a> = (&'a str, &'a str, &'a str, &'a [u8], u16, &'a str);

#[test]
fn every_error_of_the_api_has_the_form_that_dubs_client_reads() {
    let shop = Shop::open();
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(262_144));
    let large = large.as_bytes();
    let key = shop.track.as_str();
    let everywhere: [Wrong<'_>; 9] = [
        ("POST", "track/", key, b"{}", 404, "not_found"),
        ("POST", "track/click", key, b"{}", 404, "not_found"),
        ("POST", "track/click", key, large, 404, "not_found"),
        ("POST", "track/lead/", key, b"{}", 404, "not_found"),
        ("GET", "track/lead", key, b"", 405, "method_not_allowed"),
        ("POST", "track/lead", "", b"{}", 401, "unauthorized"),
        ("POST", "track/lead", key, b"{", 400, "bad_request"),
        ("POST", "track/lead", key, large, 413, "body_too_large"),
        ("POST", "track/batch", key, large, 413, "body_too_large"),
    ];
    let elsewhere: [Wrong<'_>; 4] = [
        ("POST", "links", key, b"{}", 404, "not_found"),
        ("POST", "links", key, large, 404, "not_found"),
        ("GET", "customers", key, b"", 404, "not_found"),
        ("POST", "track", key, b"{}", 404, "not_found"),
    ];
    let admin: [Wrong<'_>; 4] = [
        ("POST", "links", "", b"{}", 401, "unauthorized"),
        ("POST", "links", &shop.admin, large, 413, "body_too_large"),
        ("GET", "customers", &shop.admin, b"", 404, "not_found"),
        ("GET", "links/ln_1", &shop.admin, b"", 404, "not_found"),
    ];
    let check = |host: &str, (method, path, key, body, status, code): Wrong<'_>| {
        let answer = shop.request(method, host, path, key, body);
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        let what = format!("{method} {host} {path}");
        assert_eq!(answer.status, status, "{what} {told}");
        assert_eq!(answer.content_type, "application/json", "{what}");
        assert_eq!(told["error"]["code"], code, "{what}");
        assert_eq!(told["error"]["message"], told["detail"], "{what}");
    };
    for host in ["shop.example", "nobody.example", "admin.example"] {
        everywhere.into_iter().for_each(|wrong| check(host, wrong));
    }
    for host in ["shop.example", "nobody.example"] {
        elsewhere.into_iter().for_each(|wrong| check(host, wrong));
    }
    admin
        .into_iter()
        .for_each(|wrong| check("admin.example", wrong));
}
