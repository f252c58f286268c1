//! Partners' kinds and identities, and the program's status: dated, and never back into the past.

use crate::support::shop::Shop;
use serde_json::{Value, json};

fn patch(shop: &Shop, body: &Value) -> Value {
    let path = format!("partners/{}", shop.partners[0]);
    shop.wait(1_000);
    let partner = shop.made("PATCH", &path, body);
    shop.wait(1_000);
    shop.fold_again();
    partner
}

#[test]
fn a_kind_and_a_status_hold_from_their_change_on_and_together() {
    let shop = Shop::open();
    let plan = json!({"plan": {"window_days": 30, "sale": {"rate_bps": 1000},
        "partner_kinds": {"coupon": {"may_displace": false}}}});
    let path = format!("programs/{}", shop.program);
    shop.made("PATCH", &path, &plan);
    let sell = |key: &str| {
        let first = shop.click("northstar");
        shop.wait(60_000);
        let last = shop.follow("anna", "", first.cookie.as_deref().unwrap(), "", "US");
        shop.wait(60_000);
        shop.deliver_visits(key, &last.visits);
        shop.sell(key, key, &json!({"clickId": last.token}));
        shop.fold();
    };
    let verdict = |key: &str| shop.decision(key)["touches"][1]["verdict"].clone();
    sell("o1");
    let partner = patch(&shop, &json!({"kind": "coupon"}));
    assert_eq!(
        (&partner["kind"], &partner["status"]),
        (&json!("coupon"), &json!("active"))
    );
    sell("o2");
    let partner = patch(&shop, &json!({"status": "suspended"}));
    assert_eq!(partner["kind"], "coupon", "each row is the whole standing");
    sell("o3");
    patch(&shop, &json!({"status": "active", "kind": "content"}));
    sell("o4");
    let verdicts = ["o1", "o2", "o3", "o4"].map(verdict);
    assert_eq!(
        verdicts,
        ["won", "may_not_displace", "partner_suspended", "won"]
    );
    assert_eq!((shop.balance(0), shop.balance(1)), (400, 400));
    let rows = shop.list("partners");
    let kinds: Vec<_> = rows.iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["affiliate", "content"]);
}

#[test]
fn a_kind_at_birth_holds_from_the_start() {
    let shop = Shop::open();
    let body = json!({"program": shop.program, "name": "Zed", "kind": "coupon_site"});
    let partner = shop.made("POST", "partners", &body);
    assert_eq!(partner["kind"], "coupon_site");
    for (kind, code) in [
        (json!("Coupon"), "not_a_word"),
        (json!(""), "not_a_word"),
        (json!("a b"), "not_a_word"),
        (json!("x".repeat(41)), "too_long"),
        (json!(5), "not_a_string"),
    ] {
        let body = json!({"program": shop.program, "name": "Zed", "kind": kind});
        let refused = shop.refused("POST", "partners", &body);
        assert_eq!(refused, format!("422 validation_failed /kind {code}"));
    }
}

#[test]
fn a_partner_who_is_the_customer_is_flagged_in_earlier_sales_too() {
    let shop = Shop::open();
    let token = shop.click("anna").token;
    shop.wait(60_000);
    let mail = json!({"clickId": token, "customerEmail": " Anna@Mail.Example "});
    shop.sell("by-mail", "o1", &mail);
    shop.sell("by-id", "o2", &json!({"clickId": token}));
    shop.sell("other", "o3", &json!({"clickId": token}));
    shop.fold();
    let flags = || {
        let flag = |key| shop.decision(key)["review"] == json!(["self_referral"]);
        ["o1", "o2", "o3"].map(flag)
    };
    assert_eq!(flags(), [false; 3]);
    patch(&shop, &json!({"email": "anna@mail.example"}));
    assert_eq!(flags(), [true, false, false]);
    let partner = patch(&shop, &json!({"customers": ["by-id", "unknown"]}));
    assert_eq!(flags(), [true, true, false]);
    assert_eq!(partner["identities"], 3);
    assert_eq!(
        shop.balance(0),
        600,
        "review holds the money, it takes none"
    );
    let partner = patch(&shop, &json!({"identities": null, "customers": ["other"]}));
    assert_eq!(partner["identities"], 1);
    assert_eq!(flags(), [false, false, true]);
    patch(&shop, &json!({"identities": null}));
    assert_eq!(flags(), [false; 3]);
    let dump = shop.dump();
    for text in ["mail.example", "Mail.Example", "by-mail", "by-id"] {
        assert!(!dump.contains(text), "{text} is stored");
    }
}

#[test]
fn identities_are_known_from_the_start_when_they_are_given_at_birth() {
    let shop = Shop::open();
    let body = json!({"program": shop.program, "name": "Zed", "email": "zed@mail.example"});
    let zed = shop.made("POST", "partners", &body);
    assert_eq!(zed["identities"], 1);
    let code = json!({"program": shop.program, "partner": zed["id"], "code": "ZED"});
    shop.made("POST", "codes", &code);
    let own = json!({"code": "zed", "customerEmail": "ZED@mail.example"});
    shop.sell("u1", "o1", &own);
    shop.fold();
    assert_eq!(shop.decision("o1")["review"], json!(["self_referral"]));
}

#[test]
fn a_partner_who_buys_under_an_alias_of_the_mailbox_is_the_customer() {
    for (own, bought, same) in [
        ("ada.l@gmail.com", "adal+x@googlemail.com", true),
        ("adal@googlemail.com", "A.da.L@gmail.com", true),
        ("ada@b\u{fc}cher.example", "ada@xn--bcher-kva.example", true),
        ("ada@xn--bcher-kva.example", "Ada@B\u{dc}cher.example", true),
        ("ada.l@mail.example", "adal@mail.example", false),
        ("ada@mail.example", "ada+x@mail.example", false),
        ("ada@b\u{fc}cher.example", "ada@bucher.example", false),
    ] {
        let shop = Shop::open();
        let token = shop.click("anna").token;
        shop.wait(60_000);
        let sale = json!({"clickId": token, "customerEmail": bought});
        shop.sell("u1", "o1", &sale);
        patch(&shop, &json!({"email": own}));
        let review = shop.decision("o1")["review"].clone();
        let flagged = review == json!(["self_referral"]);
        assert_eq!(flagged, same, "{own} {bought}: {review}");
        // Callers may send the hash of what was typed.
        if own.is_ascii() {
            use sha2::Digest as _;
            let hash = hex::encode(sha2::Sha256::digest(own));
            shop.sell(
                "u2",
                "o2",
                &json!({"clickId": token, "customerEmail": hash}),
            );
            shop.fold();
            assert_eq!(
                shop.decision("o2")["review"],
                json!(["self_referral"]),
                "{own}"
            );
        }
    }
}

#[test]
fn identities_that_are_none_are_refused_with_their_place() {
    let shop = Shop::open();
    let path = format!("partners/{}", shop.partners[0]);
    for (body, said) in [
        (json!({"email": "nobody"}), "/email not_an_email"),
        (
            json!({"email": "a\nb@c.example"}),
            "/email control_character",
        ),
        (json!({"customers": ["u1", " "]}), "/customers/1 not_an_id"),
        (json!({"customers": ["a\u{0}"]}), "/customers/0 not_an_id"),
        (
            json!({"customers": ["x".repeat(191)]}),
            "/customers/0 not_an_id",
        ),
        (json!({"customers": "u1"}), "/customers not_a_list"),
        (json!({"customers": [5]}), "/customers not_a_string"),
        (json!({"customers": vec!["u"; 101]}), "/customers too_many"),
        (json!({"identities": 0}), "/identities only_null"),
        (json!({"name": " "}), "/name required"),
    ] {
        let refused = shop.refused("PATCH", &path, &body);
        assert_eq!(refused, format!("422 validation_failed {said}"));
    }
    assert_eq!(shop.db.number("SELECT count(*) FROM partner_identities"), 0);
}

#[test]
fn a_paused_program_pays_nothing_until_it_is_active_again() {
    let shop = Shop::open();
    let path = format!("programs/{}", shop.program);
    let token = shop.click("anna").token;
    shop.wait(60_000);
    let status = |word: &str| {
        shop.wait(1_000);
        let program = shop.made("PATCH", &path, &json!({"status": word}));
        assert_eq!(program["status"], word);
        assert_eq!(shop.list("programs")[0]["status"], word);
        shop.wait(1_000);
        shop.fold_again();
    };
    shop.sell("u1", "o1", &json!({"clickId": token}));
    shop.fold();
    status("paused");
    shop.sell("u1", "o2", &json!({"clickId": token}));
    shop.fold();
    status("active");
    shop.sell("u1", "o3", &json!({"clickId": token, "amount": 100}));
    shop.fold();
    let reasons = ["o1", "o2", "o3"].map(|key| shop.decision(key)["reason"].clone());
    assert_eq!(reasons, ["credited", "no_eligible_touch", "credited"]);
    assert_eq!(
        shop.decision("o2")["touches"][0]["verdict"],
        "program_paused"
    );
    assert_eq!(shop.balance(0), 210);
    let refused = shop.refused("PATCH", &path, &json!({"status": "suspended"}));
    assert_eq!(refused, "422 validation_failed /status not_a_choice");
    let program = json!({"name": "Two", "hosts": ["two.example"], "status": "paused"});
    assert_eq!(shop.made("POST", "programs", &program)["status"], "paused");
}
