//! Invariant 22: after a rotation of the root secret the old entry opens nothing, and all that is
//! stored goes on.

use super::keys::{entry, settings};
use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::shop::{Clicked, Shop};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use serde_json::{Value, json};
use throughline::app::deliver;
use throughline::app::ports::{Database, Statement};
use throughline::domain::api_key::ApiKey;
use throughline::domain::ids::ProgramId;
use throughline::domain::journal::{Journal, Scope};
use throughline::domain::token;

/// The pseudonym secret of a deployment whose first root secret is the shop's.
fn pseudonyms() -> String {
    let mut key = [0; 32];
    let label = b"throughline/v1/customer";
    Hkdf::<sha2::Sha256>::new(None, &[7; 32])
        .expand(label, &mut key)
        .unwrap();
    URL_SAFE_NO_PAD.encode(key)
}

fn hook(shop: &Shop, name: &str) -> String {
    let url = format!("https://hooks.example/{name}");
    let body = json!({"program": shop.program, "kind": "webhook", "url": url, "events": ["sale"]});
    shop.made("POST", "destinations", &body)["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn sale(order: &str, token: &str) -> Value {
    json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd", "invoiceId": order,
        "clickId": token})
}

/// The deployment's new admin key under the newest entry; the old ones are revoked.
fn replace_keys(shop: &mut Shop) {
    let old = shop.list("keys");
    let admin = json!({"name": "admin", "scope": "admin"});
    let track = json!({"name": "shop", "scope": "track", "program": shop.program});
    let [admin, track] = [admin, track].map(|body| {
        let made = shop.made("POST", "keys", &body);
        assert_eq!(made["root"], 2);
        made["key"].as_str().unwrap().to_owned()
    });
    (shop.admin, shop.track) = (admin, track);
    for key in old {
        let path = format!("keys/{}", key["id"].as_str().unwrap());
        shop.made("DELETE", &path, &json!({}));
    }
}

#[test]
fn after_the_drill_the_old_entry_opens_nothing_and_what_is_stored_goes_on() {
    let mut shop = Shop::open();
    hook(&shop, "first");
    let old = shop.click("anna");
    assert_eq!(shop.track("sale", &sale("o1", &old.token)).0, 200);
    shop.fold();
    let (old_admin, old_track) = (shop.admin.clone(), shop.track.clone());
    shop.settings = settings(&format!("{},{}", entry(2, 9), entry(1, 7)), "");
    for number in 0..60 {
        hook(&shop, &number.to_string());
    }
    let told = shop.made("POST", "rotate", &json!({}));
    assert_eq!((&told["root"], &told["older"]), (&json!(2), &json!([1])));
    assert_eq!(
        told["resealed"],
        json!({"destinations": 1, "sealed_rows": 1})
    );
    assert_eq!(
        told["left"],
        json!({"keys": 2, "destinations": 0, "sealed_rows": 0})
    );
    assert_eq!(told["retirable"], json!([]));
    replace_keys(&mut shop);
    let told = shop.made("POST", "rotate", &json!({}));
    assert_eq!(
        told["resealed"],
        json!({"destinations": 0, "sealed_rows": 0})
    );
    assert_eq!(told["left"]["keys"], 0);
    assert_eq!(
        told["retirable"],
        json!([]),
        "pseudonyms still need entry 1"
    );
    let both = format!("{},{}", entry(2, 9), entry(1, 7));
    shop.settings = settings(&both, &pseudonyms());
    assert_eq!(
        shop.made("POST", "rotate", &json!({}))["retirable"],
        json!([1])
    );

    shop.settings = settings(&entry(2, 9), &pseudonyms());
    opens_nothing(&shop, &old, &[old_admin, old_track]);
    goes_on(&shop, &old);
}

fn opens_nothing(shop: &Shop, old: &Clicked, keys: &[String]) {
    let now = shop.now.get();
    assert_eq!(token::open(&shop.settings.keys, &old.token, now), None);
    let cookie = old.cookie.as_ref().unwrap();
    let scope = Scope {
        program: ProgramId::parse(&shop.program).unwrap(),
        domain: None,
    };
    assert!(Journal::from_cookies(&shop.settings.keys, scope, cookie, now).is_none());
    for key in keys {
        assert_eq!(ApiKey::open(&shop.settings.keys, key), None);
        let answer = shop.request("GET", "admin.example", "programs", key, b"");
        assert_eq!(answer.status, 401);
    }
}

fn goes_on(shop: &Shop, old: &Clicked) {
    // What waited is told, signed with the secret that was sealed anew, with what was kept for it.
    shop.wait(60_000);
    assert!(shop.deliver() >= 1);
    let bodies: Vec<String> = shop
        .receiver
        .got
        .borrow()
        .iter()
        .map(|request| format!("{request:?}"))
        .collect();
    assert!(bodies.iter().any(|body| body.contains("u1")), "{bodies:?}");
    // The refund finds its sale: the customer has the same name.
    assert_eq!(shop.balance(0), 200);
    let refund = json!({"invoiceId": "o1", "amount": 2_000, "currency": "usd", "refundId": "r1"});
    assert_eq!(shop.track("refund", &refund).0, 200);
    let new = shop.click("anna");
    assert_eq!(shop.track("sale", &sale("o2", &new.token)).0, 200);
    shop.fold();
    assert_eq!(shop.balance(0), 200, "the new sale alone");
    let customers = "SELECT count(DISTINCT customer) FROM facts WHERE kind = 'sale'";
    assert_eq!(shop.db.number(customers), 1);
    // An old token earns nothing.
    assert_eq!(
        shop.track(
            "sale",
            &json!({"customerExternalId": "u9", "amount": 2_000,
        "currency": "usd", "invoiceId": "o9", "clickId": old.token})
        )
        .0,
        200
    );
    shop.fold();
    assert_eq!(shop.balance(0), 200);
}

#[test]
fn a_step_is_bounded_and_steps_come_to_an_end() {
    let mut shop = Shop::open();
    for number in 0..120 {
        hook(&shop, &number.to_string());
    }
    shop.settings = settings(&format!("{},{}", entry(2, 9), entry(1, 7)), "");
    let mut left = Vec::new();
    for _ in 0..4 {
        let told = shop.made("POST", "rotate", &json!({}));
        left.push(told["left"]["destinations"].as_i64().unwrap());
    }
    assert_eq!(left, [70, 20, 0, 0]);
    shop.db
        .execute("UPDATE destinations SET secret = substr(secret, 1, 3) || 'AAAA'");
    shop.settings = settings(
        &format!("{},{},{}", entry(3, 5), entry(2, 9), entry(1, 7)),
        &pseudonyms(),
    );
    let told = shop.made("POST", "rotate", &json!({}));
    assert_eq!(
        (&told["unreadable"], &told["left"]["destinations"]),
        (&json!(50), &json!(120))
    );
    assert_eq!(told["retirable"], json!([]));
}

#[test]
fn a_secret_that_is_changed_meanwhile_is_not_taken_back() {
    let mut shop = Shop::open();
    let id = hook(&shop, "a");
    shop.settings = settings(&format!("{},{}", entry(2, 9), entry(1, 7)), "");
    let secret = || shop.db.column("SELECT secret FROM destinations").remove(0);
    let after = std::cell::RefCell::new(String::new());
    let change = || {
        let new = format!(
            "whsec_{}",
            base64::engine::general_purpose::STANDARD.encode([3; 32])
        );
        shop.made(
            "PATCH",
            &format!("destinations/{id}"),
            &json!({"secret": new}),
        );
        *after.borrow_mut() = secret();
    };
    // Batch 0 admits the caller, 1 looks, 2 writes.
    let db = Interleaved::new(&shop.db).before(2, change);
    let answer = shop.request_over(&db, "POST", ("admin.example", "rotate"), &shop.admin, b"{}");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(secret(), *after.borrow());
}

#[test]
fn a_webhooks_replaced_secret_needs_the_old_entry_until_its_day_is_over() {
    let mut shop = Shop::open();
    let id = hook(&shop, "first");
    shop.made(
        "PATCH",
        &format!("destinations/{id}"),
        &json!({"secret": null}),
    );
    shop.settings = settings(&format!("{},{}", entry(2, 9), entry(1, 7)), "");
    assert_eq!(
        shop.made("POST", "rotate", &json!({}))["left"]["destinations"],
        1
    );
    shop.wait(86_400_000 + 1);
    let over = Statement::all(&deliver::EXPIRE, &json!({"now": shop.now.get()}));
    block_on(shop.db.batch(over)).unwrap();
    assert_eq!(
        shop.made("POST", "rotate", &json!({}))["left"]["destinations"],
        0
    );
}
