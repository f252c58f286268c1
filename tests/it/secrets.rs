//! Secrets of destinations: where they go, and what is ever shown of them.

use crate::support::interleave::Interleaved;
use crate::support::memory::answer;
use crate::support::shop::Shop;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use throughline::domain::destination;
use throughline::domain::outbound::OutboundRules;

pub const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// With what JSON, URLs and HTML escape.
const SECRET: &str = "Sec\"ret/Qz\\x7<&>'+ é";

/// A deployment for tests, in which stand-ins of platforms may be named.
fn development() -> Shop {
    let mut shop = Shop::open();
    shop.settings.loopback = true;
    shop.settings.outbound = OutboundRules::new(true, "");
    shop
}

fn credentials() -> Value {
    json!({"client_id": "i", "client_secret": "Qz-client", "refresh_token": "Qz-refresh"})
}

/// Settings of each kind, the member with its secret, a secret, and changes of where it goes.
fn kinds() -> Vec<(&'static str, Value, &'static str, Value, Vec<Value>)> {
    let base = || json!({"base_url": "http://127.0.0.1:9/"});
    let eu = || json!({"region": "eu"});
    vec![
        (
            "webhook",
            json!({"url": "https://a.example/in"}),
            "secret",
            json!(WHSEC),
            vec![
                json!({"url": "https://a.example/other"}),
                json!({"url": "https://b.example/in"}),
            ],
        ),
        (
            "postback",
            json!({"url": "https://a.example/?k={secret}"}),
            "secret",
            json!(SECRET),
            vec![
                json!({"url": "https://b.example/?k={secret}"}),
                json!({"template": "affise"}),
            ],
        ),
        (
            "meta",
            json!({"pixel_id": "1"}),
            "access_token",
            json!(SECRET),
            vec![base()],
        ),
        (
            "ga4",
            json!({"measurement_id": "G-1"}),
            "api_secret",
            json!(SECRET),
            vec![base(), eu()],
        ),
        (
            "google_ads",
            json!({"customer_id": "1", "conversion_action_id": "2"}),
            "credentials",
            credentials(),
            vec![base(), json!({"token_url": "http://localhost:9/token"})],
        ),
        (
            "tiktok",
            json!({"pixel_code": "C1"}),
            "access_token",
            json!(SECRET),
            vec![base()],
        ),
        (
            "segment",
            json!({}),
            "write_key",
            json!(SECRET),
            vec![base(), eu()],
        ),
    ]
}

fn with(mut body: Value, more: &Value) -> Value {
    let members = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    body
}

pub fn make(shop: &Shop, kind: &str, settings: &Value, secret: Value) -> Value {
    let body = with(json!({"program": shop.program, "kind": kind}), settings);
    shop.made("POST", "destinations", &with(body, &secret))
}

pub fn path(made: &Value) -> String {
    format!("destinations/{}", made["id"].as_str().unwrap())
}

/// Path and code of each fault.
pub fn faults(problem: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|one| (text(&one["path"]), text(&one["code"])))
        .collect()
}

pub fn rows(shop: &Shop) -> Vec<String> {
    shop.db
        .column("SELECT json_array(config, secret, previous_secrets) FROM destinations")
}

#[test]
fn where_a_secret_goes_changes_only_together_with_the_secret() {
    let shop = development();
    let known: BTreeSet<_> = destination::ALL.iter().map(|each| each.kind()).collect();
    let tried: BTreeSet<_> = kinds().iter().map(|each| each.0).collect();
    assert_eq!(tried, known, "each kind has its row");
    for (kind, settings, name, secret, changes) in kinds() {
        let secret = json!({name: secret});
        for change in changes {
            let made = make(&shop, kind, &settings, secret.clone());
            let before = rows(&shop);
            let (status, problem) = shop.control("PATCH", &path(&made), &change);
            assert_eq!(status, 422, "{kind} {change}");
            let wanted = (format!("/{name}"), "secret_required".to_owned());
            assert_eq!(faults(&problem), [wanted], "{kind} {change}");
            assert_eq!(rows(&shop), before, "{kind} {change}: nothing changed");
            // Everything else changes without it.
            shop.made(
                "PATCH",
                &path(&made),
                &json!({"events": ["sale"], "enabled": true}),
            );
            let changed = shop.made("PATCH", &path(&made), &with(change.clone(), &secret));
            for (member, value) in change
                .as_object()
                .unwrap()
                .iter()
                .filter(|m| m.0 != "template")
            {
                assert_eq!(&changed[member], value, "{kind}");
            }
            // Nor does it go on alone, but for a stand-in's back to the platform.
            for member in ["region", "base_url", "token_url"] {
                let stand_in = member != "region";
                if change.get(member).is_some() {
                    let (status, _) = shop.control("PATCH", &path(&made), &json!({member: null}));
                    assert_eq!(status, if stand_in { 200 } else { 422 }, "{kind} {member}");
                }
            }
        }
    }
}

#[test]
fn a_webhook_moves_with_a_secret_of_ours_and_a_postback_without_any() {
    let shop = Shop::open();
    let hook = make(
        &shop,
        "webhook",
        &json!({"url": "https://a.example/"}),
        json!({}),
    );
    let moved = json!({"url": "https://b.example/", "secret": null});
    let moved = shop.made("PATCH", &path(&hook), &moved);
    assert_eq!(moved["url"], "https://b.example/");
    assert!(moved["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_ne!(moved["secret"], hook["secret"]);
    assert_eq!(
        moved.get("previous_secrets_until"),
        None,
        "the old one never signs for the new place"
    );

    let open = json!({"url": "https://a.example/{order_id}"});
    let plain = make(&shop, "postback", &open, json!({}));
    let elsewhere = json!({"url": "https://b.example/{order_id}"});
    shop.made("PATCH", &path(&plain), &elsewhere);
    let keyed = make(&shop, "postback", &open, json!({"secret": SECRET}));
    assert_eq!(shop.control("PATCH", &path(&keyed), &elsewhere).0, 422);
    shop.made(
        "PATCH",
        &path(&keyed),
        &with(elsewhere, &json!({"secret": null})),
    );
    let preview = shop.made("POST", &format!("{}/preview", path(&keyed)), &json!({}));
    assert_eq!(preview["request"]["method"], "GET", "{preview}");
}

#[test]
fn two_changes_at_once_send_no_new_secret_to_the_old_place() {
    let shop = Shop::open();
    let made = make(
        &shop,
        "webhook",
        &json!({"url": "https://old.example/"}),
        json!({}),
    );
    let path = path(&made);
    let moved = json!({"url": "https://new.example/", "secret": WHSEC});
    let body = json!({"events": ["sale"]}).to_string();
    for number in 0..3 {
        shop.made(
            "PATCH",
            &path,
            &json!({"url": "https://old.example/", "secret": null}),
        );
        let db =
            Interleaved::new(&shop.db).before(number, || drop(shop.made("PATCH", &path, &moved)));
        let place = ("admin.example", path.as_str());
        let answer = shop.request_over(&db, "PATCH", place, &shop.admin, body.as_bytes());
        let now = shop.made("GET", &path, &json!({}));
        assert!(matches!(answer.status, 200 | 409), "{}", answer.body);
        assert_eq!(
            now["url"], "https://new.example/",
            "{number}: {}",
            answer.status
        );
    }
}

#[test]
fn test_addresses_exist_only_in_development_and_on_this_machine() {
    let mut shop = development();
    let local = "http://127.0.0.1:9/";
    for (kind, settings, name, secret, _) in kinds() {
        let tested = ["base_url", "token_url"].into_iter();
        let tested = tested.filter(|test| match *test {
            "base_url" => !matches!(kind, "webhook" | "postback"),
            _ => kind == "google_ads",
        });
        for test in tested {
            let body = with(
                json!({"program": shop.program, "kind": kind, name: secret}),
                &settings,
            );
            let at = |url: &str| with(body.clone(), &json!({test: url}));
            let wanted = (format!("/{test}"), "test_only".to_owned());
            let (status, problem) = shop.control("POST", "destinations", &at("https://a.example/"));
            assert_eq!(
                (status, faults(&problem)),
                (422, vec![wanted.clone()]),
                "{kind}"
            );
            let made = shop.made("POST", "destinations", &at(local));
            shop.settings.loopback = false;
            shop.settings.outbound = OutboundRules::default();
            for url in [local, "https://a.example/"] {
                let (status, problem) = shop.control("POST", "destinations", &at(url));
                assert_eq!(
                    (status, faults(&problem)),
                    (422, vec![wanted.clone()]),
                    "{kind}"
                );
                let change = json!({test: url, name: secret});
                assert_eq!(
                    shop.control("PATCH", &path(&made), &change).0,
                    422,
                    "{kind}"
                );
            }
            // One that was stored before is not sent to.
            let (status, problem) =
                shop.control("POST", &format!("{}/test", path(&made)), &json!({}));
            assert_eq!(
                (status, &problem["detail"]),
                (409, &json!("test_address")),
                "{kind}"
            );
            let mended = shop.made("PATCH", &path(&made), &json!({test: null}));
            assert_eq!(mended.get(test), None);
            shop.settings.loopback = true;
            shop.settings.outbound = OutboundRules::new(true, "");
        }
    }
    assert!(shop.receiver.got.borrow().is_empty(), "nothing was sent");
}

#[test]
fn an_address_that_is_refused_by_now_is_not_called() {
    let shop = Shop::open();
    let made = make(
        &shop,
        "webhook",
        &json!({"url": "https://hooks.example/"}),
        json!({}),
    );
    for url in [
        "https://10-0-0-1.nip.io/",
        "https://hooks.corp/",
        "http://127.0.0.1/",
    ] {
        shop.db.execute(&format!(
            "UPDATE destinations SET config = '{{\"url\":\"{url}\"}}'"
        ));
        let tried = shop.made("POST", &format!("{}/test", path(&made)), &json!({}));
        assert_eq!(tried["reason"], "address_refused", "{url}");
        // It can still be switched off.
        for enabled in [false, true] {
            let changed = shop.made("PATCH", &path(&made), &json!({"enabled": enabled}));
            assert_eq!(
                (&changed["url"], &changed["enabled"]),
                (&json!(url), &json!(enabled))
            );
        }
        assert_eq!(tried.get("answer"), None);
    }
    assert!(shop.receiver.got.borrow().is_empty());
    let mut shop = shop;
    shop.settings.outbound = OutboundRules::new(false, "hooks.corp");
    let body = json!({"program": shop.program, "kind": "webhook", "url": "https://hooks.corp/"});
    let made = shop.made("POST", "destinations", &body);
    shop.made("POST", &format!("{}/test", path(&made)), &json!({}));
    assert_eq!(shop.receiver.got.borrow().len(), 1);
}

/// Ways in which a server may write what it was sent.
fn echoes(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    vec![
        secret.to_owned(),
        json.replace('/', "\\/").replace('<', "\\u003C"),
        destination::encoded(secret),
        secret.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        hex::encode(secret),
        hex::encode_upper(secret),
        STANDARD.encode(secret),
        STANDARD.encode(format!("{secret}:")),
        STANDARD.encode(format!("u:{secret}")),
        secret
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;"),
    ]
}

#[test]
fn no_preview_and_no_answer_shows_a_secret_in_any_form() {
    let shop = Shop::open();
    for (kind, settings, name, secret, _) in kinds() {
        let settings = match kind {
            "postback" => json!({"url": "https://a.example/{secret}?k={secret}", "method": "POST",
                "content_type": "json", "body": "{\"k\": \"{secret}\", \"o\": \"{order_id}\"}"}),
            _ => settings,
        };
        let made = make(&shop, kind, &settings, json!({name: secret}));
        let secrets = match kind {
            "google_ads" => vec!["Qz-client".to_owned(), "Qz-refresh".to_owned()],
            _ => vec![secret.as_str().unwrap().to_owned()],
        };
        let all: Vec<String> = secrets.iter().flat_map(|each| echoes(each)).collect();
        let hidden = |shown: &Value| {
            let shown = shown.to_string();
            for form in &all {
                let inside = serde_json::to_string(form).unwrap();
                let inside = &inside[1..inside.len() - 1];
                assert!(!shown.contains(inside), "{kind}: {form} in {shown}");
            }
        };
        if kind != "webhook" {
            hidden(&made);
        }
        let preview = shop.made("POST", &format!("{}/preview", path(&made)), &json!({}));
        hidden(&preview);
        if kind == "postback" {
            assert_eq!(
                preview["request"]["url"],
                "https://a.example/[redacted]?k=[redacted]"
            );
            let body = preview["request"]["body"].as_str().unwrap();
            assert!(body.starts_with("{\"k\": \"[redacted]\", "), "{body}");
        }
        for echo in &all {
            let mut replies = Vec::new();
            if kind == "google_ads" {
                let body = json!({"access_token": "Qz-bought-token", "expires_in": 3_599});
                replies.push(answer(200, &body.to_string()));
            }
            let said = format!("you sent {echo} and Qz-bought-token; ok");
            replies.push(answer(if kind == "meta" { 400 } else { 200 }, &said));
            *shop.receiver.replies.borrow_mut() = replies;
            let shown = shop.made("POST", &format!("{}/test", path(&made)), &json!({}));
            hidden(&shown);
            let body = shown["answer"]["body"].as_str().unwrap();
            assert!(
                body.starts_with("you sent ") && body.ends_with("; ok"),
                "{kind}: {body}"
            );
            assert!(body.contains("[redacted]"), "{kind}: {body}");
            let token = body.contains("Qz-bought-token");
            assert_eq!(token, kind != "google_ads", "{kind}: {body}");
        }
        for row in shop.list("destinations") {
            hidden(&row);
        }
    }
}
