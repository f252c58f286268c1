//! Codes: one partner's at a time, dated, and found however customers type them.

use crate::support::shop::Shop;
use serde_json::{Value, json};

fn give(shop: &Shop, place: usize, code: &str, more: &Value) -> Value {
    let mut body = json!({"program": shop.program, "partner": shop.partners[place], "code": code});
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    shop.made("POST", "codes", &body)
}

fn buy(shop: &Shop, invoice: &str, code: &str) {
    shop.sell(invoice, invoice, &json!({"code": code}));
    shop.fold();
}

#[test]
fn a_sale_with_a_code_is_its_partners_however_it_is_typed() {
    let shop = Shop::open();
    let code = give(&shop, 1, "Größe.10_a-b", &json!({}));
    assert_eq!(code["code"], "Größe.10_a-b");
    assert_eq!(code["until_at"], Value::Null);
    shop.wait(1_000);
    buy(&shop, "o1", " GRÖSSE.10_A-b ");
    buy(&shop, "o2", "grösse.10");
    assert_eq!(shop.balance(1), 200);
    let decision = shop.decision("o1");
    assert_eq!(
        (&decision["rule"], &decision["reason"]),
        (&json!("code"), &json!("credited"))
    );
    assert_eq!(decision["credits"][0]["code"], "Größe.10_a-b");
    assert_eq!(shop.decision("o2")["code_unknown"], "grösse.10");
    let path = format!("codes/{}", code["id"].as_str().unwrap());
    assert_eq!(shop.made("GET", &path, &json!({})), code);
    assert_eq!(shop.list("codes"), [code]);
}

#[test]
fn a_code_that_is_made_later_may_begin_earlier_and_sales_follow() {
    let shop = Shop::open();
    let start = shop.now.get();
    buy(&shop, "before", "TEA");
    shop.wait(3_600_000);
    let since = shop.now.get();
    buy(&shop, "after", "TEA");
    assert_eq!(shop.balance(1), 0);
    shop.wait(3_600_000);
    give(&shop, 1, "tea", &json!({"from": since.to_rfc3339()}));
    shop.fold_again();
    assert_eq!(shop.decision("before")["reason"], "no_touch");
    assert_eq!(shop.decision("after")["reason"], "credited");
    assert_eq!(shop.balance(1), 200);
    let early = json!({"program": shop.program, "partner": shop.partners[0], "code": "TEA",
        "from": start.to_rfc3339()});
    assert_eq!(shop.refused("POST", "codes", &early), "409 already_exists");
}

#[test]
fn a_code_belongs_to_one_partner_at_a_time() {
    let shop = Shop::open();
    let code = give(&shop, 0, "TEA", &json!({}));
    let path = format!("codes/{}", code["id"].as_str().unwrap());
    let other = json!({"program": shop.program, "partner": shop.partners[1], "code": "tea"});
    assert_eq!(shop.refused("POST", "codes", &other), "409 already_exists");
    shop.wait(1_000);
    buy(&shop, "o1", "TEA");
    let end = shop.now.get().plus(3_600_000);
    let body = json!({"until": end.to_rfc3339()});
    let ended = shop.made("PATCH", &path, &body);
    assert_eq!(ended["until_at"], end.to_rfc3339());
    assert_eq!(
        shop.made("PATCH", &path, &body),
        ended,
        "a repeat is no fault"
    );
    let again = json!({"until": end.plus(1_000).to_rfc3339()});
    assert_eq!(shop.refused("PATCH", &path, &again), "409 state_unfit");
    assert_eq!(shop.refused("POST", "codes", &other), "409 already_exists");
    give(&shop, 1, "Tea", &json!({"from": end.to_rfc3339()}));
    buy(&shop, "o2", "TEA");
    shop.wait(3_600_000);
    buy(&shop, "o3", "TEA");
    let whose = ["o1", "o2", "o3"].map(|key| {
        let partner = shop.decision(key)["credits"][0]["partner"].clone();
        shop.partners.iter().position(|id| partner == id.as_str())
    });
    assert_eq!(whose, [Some(0), Some(0), Some(1)]);
    shop.fold_again();
}

#[test]
fn a_code_ends_now_and_takes_nothing_back() {
    let shop = Shop::open();
    let code = give(&shop, 0, "TEA", &json!({}));
    let path = format!("codes/{}", code["id"].as_str().unwrap());
    shop.wait(1_000);
    buy(&shop, "o1", "TEA");
    shop.wait(1_000);
    let ended = shop.made("PATCH", &path, &json!({"status": "ended"}));
    assert_eq!(ended["until_at"], shop.now.get().to_rfc3339());
    shop.wait(1_000);
    assert_eq!(
        shop.made("PATCH", &path, &json!({"status": "ended"})),
        ended
    );
    buy(&shop, "o2", "TEA");
    shop.fold_again();
    assert_eq!(shop.balance(0), 200);
    let next = give(&shop, 1, "TEA", &json!({}));
    let path = format!("codes/{}", next["id"].as_str().unwrap());
    for (body, said) in [
        (json!({}), "/until required"),
        (json!({"status": "active"}), "/status not_a_choice"),
        (json!({"until": "soon"}), "/until not_a_time"),
        (
            json!({"until": shop.now.get().0 / 1_000 - 5}),
            "/until in_the_past /until before_start",
        ),
    ] {
        let refused = shop.refused("PATCH", &path, &body);
        assert_eq!(refused, format!("422 validation_failed {said}"));
    }
}

#[test]
fn codes_that_are_none_are_refused() {
    let shop = Shop::open();
    for (code, said) in [
        (json!("a\u{2028}b"), "/code code_invalid"),
        (json!("a\u{200b}b"), "/code code_invalid"),
        (json!("a\u{202e}b"), "/code code_invalid"),
        (json!("a\u{0}b"), "/code control_character"),
        (json!("x".repeat(65)), "/code too_long"),
        (json!(" "), "/code required"),
        (Value::Null, "/code required"),
    ] {
        let body = json!({"program": shop.program, "partner": shop.partners[0], "code": code});
        let refused = shop.refused("POST", "codes", &body);
        assert_eq!(refused, format!("422 validation_failed {said}"));
    }
    let program = json!({"name": "Two", "hosts": ["two.example"]});
    let other = shop.made("POST", "programs", &program);
    let body = json!({"program": other["id"], "partner": shop.partners[0], "code": "TEA"});
    let refused = shop.refused("POST", "codes", &body);
    assert_eq!(refused, "422 validation_failed /partner unknown");
    assert_eq!(
        shop.refused("GET", "codes/cd_nothing", &json!({})),
        "404 not_found"
    );
    assert_eq!(shop.db.number("SELECT count(*) FROM codes"), 0);
}
