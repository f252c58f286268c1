//! Export and erasure of a customer: everything that is known is given out; what is erased is
//! nowhere, and the money stays where it is.

use crate::support::block_on;
use crate::support::memory::answer;
use crate::support::shop::Shop;
use app::deliver;
use app::ports::{Reply, Transport};
use domain::forward::destination::Request;
use serde_json::{Value, json};

/// A shop with a customer who did everything once, and another who shares nothing with them.
fn lived() -> (Shop, String) {
    let shop = Shop::open();
    let hook = json!({"program": shop.program, "kind": "webhook",
        "url": "https://hooks.example/in"});
    shop.made("POST", "destinations", &hook);
    let meta = json!({"program": shop.program, "kind": "meta", "pixel_id": "123",
        "access_token": "t"});
    shop.made("POST", "destinations", &meta);
    let own = format!("partners/{}", shop.partners[0]);
    shop.made(
        "PATCH",
        &own,
        &json!({"email": "anna@mail.example", "customers": ["u1"]}),
    );
    let first = shop.follow("northstar", "?gclid=PAIDCLICK&sub1=NOTED", "", "", "US");
    shop.wait(60_000);
    let cookie = first.cookie.as_deref().unwrap();
    let last = shop.follow("anna", "?fbclid=SOCIALCLICK", cookie, "", "US");
    let other = shop.click("northstar");
    shop.deliver_visits("m1", &first.visits);
    shop.deliver_visits("m2", &last.visits);
    shop.deliver_visits("m3", &other.visits);
    shop.wait(60_000);
    let mail = json!({"clickId": last.token, "customerEmail": "anna@mail.example",
        "subscriptionId": "sub1"});
    shop.sell("u1", "o1", &mail);
    let lead = json!({"customerExternalId": "u1", "eventName": "Demo"});
    shop.tracked("lead", &lead);
    let (status, _) = shop.track(
        "sale",
        &json!({"customerExternalId": "u1", "amount": 1,
        "currency": "usd", "invoiceId": "o1", "customerEmail": "anna@mail.example"}),
    );
    assert_eq!(status, 409);
    let renewal = json!({"invoiceId": "n1", "subscriptionId": "sub1", "amount": 1_000,
        "currency": "usd"});
    shop.tracked("renewal", &renewal);
    let refund = json!({"refundId": "r1", "invoiceId": "o1", "amount": 500, "currency": "usd"});
    shop.tracked("refund", &refund);
    shop.sell("other", "x1", &json!({"clickId": other.token}));
    shop.fold_again();
    let sql = "SELECT customer FROM facts WHERE key = 'o1'";
    let pseudonym = shop.db.column(sql).remove(0);
    (shop, pseudonym)
}

fn named(shop: &Shop) -> Value {
    json!({"program": shop.program, "customerExternalId": "u1"})
}

/// Decisions without the names that erasing changes.
fn decisions(shop: &Shop) -> Vec<String> {
    shop.db.column(
        "SELECT event || revision || json_remove(body, '$.key', '$.click_ids') FROM decisions
         ORDER BY 1",
    )
}

fn entries(shop: &Shop) -> Vec<String> {
    shop.db
        .column("SELECT id || partner || amount || currency FROM entries ORDER BY id")
}

#[test]
fn an_export_holds_everything_of_the_customer_and_nothing_of_others() {
    let (shop, pseudonym) = lived();
    let export = shop.made("POST", "customers/export", &named(&shop));
    let rows = export["data"].as_array().unwrap();
    let mut keys: Vec<_> = rows
        .iter()
        .map(|row| row["event"]["kind"].as_str().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["lead", "refund", "renewal", "sale"]);
    assert_eq!(export["customer"], pseudonym);
    let sale = rows.iter().find(|row| row["event"]["key"] == "o1").unwrap();
    assert_eq!(sale["entries"][0]["amount"], 200);
    // Of the sale to a platform and a webhook, and of its commission as it was booked and held.
    assert_eq!(sale["deliveries"].as_array().unwrap().len(), 4);
    assert_eq!(sale["conflicts"].as_array().unwrap().len(), 1);
    assert!(sale["visits"].to_string().contains("SOCIALCLICK"));
    assert_eq!(sale["decisions"][0]["revision"], 1);
    assert!(!export.to_string().contains("x1"));
    let nobody = json!({"program": shop.program, "customerExternalId": "nobody"});
    let empty = shop.made("POST", "customers/export", &nobody);
    assert_eq!(empty["data"], json!([]));
}

#[test]
fn an_export_of_very_many_events_comes_in_pages() {
    let shop = Shop::open();
    for number in 0..150 {
        let name = format!("l{number}");
        shop.tracked(
            "lead",
            &json!({"customerExternalId": "u1", "eventName": name}),
        );
    }
    let mut body = named(&shop);
    let first = shop.made("POST", "customers/export", &body);
    assert_eq!(first["data"].as_array().unwrap().len(), 100);
    body["cursor"] = first["next_cursor"].clone();
    let second = shop.made("POST", "customers/export", &body);
    assert_eq!(second["data"].as_array().unwrap().len(), 50);
    assert_eq!(second["next_cursor"], Value::Null);
    body["cursor"] = json!("x");
    let refused = shop.refused("POST", "customers/export", &body);
    assert_eq!(refused, "400 cursor_invalid");
}

#[test]
fn what_is_erased_is_nowhere_and_the_money_stays() {
    let (shop, pseudonym) = lived();
    let (decided, booked, balances) = (decisions(&shop), entries(&shop), shop.balances());
    assert!(shop.dump().contains(&pseudonym), "it was there");
    assert_eq!(shop.decision("o1")["review"], json!(["self_referral"]));
    let done = shop.made("POST", "customers/erase", &named(&shop));
    assert_eq!(done["events"], 4);
    assert!(done["customer"].as_str().unwrap().starts_with("er_"));
    let dump = shop.dump();
    let mailbox = shop.settings.pseudonyms.mailbox(
        &shop.program,
        &domain::forward::destination::hashing::email("anna@mail.example").unwrap(),
    );
    for text in [
        pseudonym.as_str(),
        "PAIDCLICK",
        "SOCIALCLICK",
        "NOTED",
        "anna@mail",
    ] {
        assert!(!dump.contains(text), "{text} is stored");
    }
    let of_events = shop.db.column("SELECT body FROM facts").join("");
    assert!(!of_events.contains(&mailbox));
    assert_eq!(
        shop.db.number(
            "SELECT count(*) FROM sealed_rows r JOIN facts f ON f.id = r.event
        WHERE f.customer LIKE 'er_%'"
        ),
        0
    );
    let told = "SELECT DISTINCT v.state || ' ' || v.last_error || ' ' || coalesce(v.notice, '')
        FROM deliveries v JOIN facts f ON f.id = v.event WHERE f.customer LIKE 'er_%'";
    assert_eq!(shop.db.column(told), ["skipped erased "]);
    shop.fold_again();
    assert_eq!(decided, decisions(&shop), "every decision is what it was");
    assert_eq!(booked, entries(&shop));
    assert_eq!(balances, shop.balances());
    let log = shop.list("erasures");
    assert_eq!((log.len(), &log[0]["events"]), (1, &json!(4)));
    assert!(!log[0].to_string().contains("u1"));
}

#[test]
fn an_old_event_that_is_reported_again_pays_nothing_twice() {
    let (shop, _) = lived();
    shop.made("POST", "customers/erase", &named(&shop));
    let booked = entries(&shop);
    let facts = shop.db.number("SELECT count(*) FROM facts");
    let lead = json!({"customerExternalId": "u1", "eventName": "Demo"});
    shop.tracked("lead", &lead);
    let again = json!({"subscriptionId": "sub1"});
    shop.sell("u1", "o1", &again);
    let refund = json!({"refundId": "r1", "invoiceId": "o1", "amount": 500, "currency": "usd"});
    shop.tracked("refund", &refund);
    shop.fold_again();
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), facts);
    assert_eq!(entries(&shop), booked);
    let rest = json!({"refundId": "r2", "invoiceId": "o1"});
    shop.tracked("refund", &rest);
    let renewal = json!({"invoiceId": "n2", "subscriptionId": "sub1", "amount": 10,
        "currency": "usd"});
    shop.tracked("renewal", &renewal);
    shop.fold_again();
    let sale = shop.decision("o1");
    assert_eq!(shop.decision("r2")["purchase"], sale["event"]);
    let kept = "SELECT sum(amount) FROM entries WHERE cause IN (
        SELECT id FROM facts WHERE key IN ('o1', 'r1', 'r2'))";
    assert_eq!(shop.db.number(kept), 0, "given back entirely");
    assert_eq!(shop.decision("n2")["purchase"], sale["event"]);
}

/// Whose a renewal is that names only a subscription of two customers is no question of names.
#[test]
fn erasing_one_of_two_subscribers_moves_no_renewal_to_the_other() {
    for erased in ["u1", "u2"] {
        let shop = Shop::open();
        let tokens = ["anna", "northstar"].map(|link| shop.click(link).token);
        shop.wait(60_000);
        for (customer, token) in ["u1", "u2"].iter().zip(tokens) {
            let more = json!({"subscriptionId": "sub1", "clickId": token});
            shop.sell(customer, &format!("o-{customer}"), &more);
        }
        let renewal = json!({"invoiceId": "n1", "subscriptionId": "sub1", "amount": 1_000,
            "currency": "usd"});
        shop.tracked("renewal", &renewal);
        shop.fold_again();
        let (decided, booked) = (shop.decision("n1"), entries(&shop));
        let body = json!({"program": shop.program, "customerExternalId": erased});
        shop.made("POST", "customers/erase", &body);
        shop.fold_again();
        assert_eq!(
            (decided, booked),
            (shop.decision("n1"), entries(&shop)),
            "{erased}"
        );
    }
}

#[test]
fn a_replay_after_an_erasure_finds_everything_as_booked_and_nobody() {
    let (shop, pseudonym) = lived();
    shop.made("POST", "settlements", &json!({"program": shop.program}));
    let other = json!({"window_days": 30, "sale": {"rate_bps": 2_000}});
    let asked = |plan: Option<&Value>| {
        let mut body = json!({"program": shop.program, "from": "2020-01-01T00:00:00Z",
            "until": "2030-01-01T00:00:00Z"});
        body["plan"] = plan.cloned().unwrap_or_default();
        shop.made("POST", "what-if", &body)
    };
    let before = (asked(None), asked(Some(&other)), shop.list("balances"));
    assert_eq!(
        (&before.0["changed"], &before.0["events"]),
        (&json!(0), &json!(5))
    );
    shop.made("POST", "customers/erase", &named(&shop));
    shop.fold_again();
    let after = (asked(None), asked(Some(&other)), shop.list("balances"));
    for (before, after) in [(&before.0, &after.0), (&before.1, &after.1)] {
        for part in ["customers", "events", "changed", "pending"] {
            assert_eq!(before[part], after[part], "{part}");
        }
        let sums = |answer: &Value| {
            let mut sums: Vec<_> = answer["partners"].as_array().unwrap().clone();
            sums.sort_by_key(ToString::to_string);
            sums
        };
        assert_eq!(sums(before), sums(after));
    }
    assert_eq!(before.2, after.2, "balances");
    let told = format!("{}{}", after.0, after.1);
    for person in [
        &pseudonym,
        "er_",
        "u1",
        "PAIDCLICK",
        "SOCIALCLICK",
        "anna@mail",
    ] {
        assert!(!told.contains(person), "{person} is told: {told}");
    }
}

#[test]
fn erasing_again_or_somebody_unknown_changes_nothing() {
    let (shop, _) = lived();
    shop.made("POST", "customers/erase", &named(&shop));
    let dump = shop.dump();
    let (status, again) = shop.control("POST", "customers/erase", &named(&shop));
    assert_eq!(
        (status, &again["events"], &again["customer"]),
        (200, &json!(0), &Value::Null)
    );
    let version = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(version(&dump), version(&shop.dump()));
    for (body, said) in [
        (
            json!({"program": shop.program}),
            "422 validation_failed /customerExternalId required",
        ),
        (
            json!({"customerExternalId": "u1"}),
            "422 validation_failed /program not_an_id",
        ),
    ] {
        for path in ["customers/erase", "customers/export"] {
            assert_eq!(shop.refused("POST", path, &body), said);
        }
    }
    let read = json!({"name": "r", "scope": "read", "program": shop.program});
    let read = shop.made("POST", "keys", &read)["key"].clone();
    for path in ["customers/erase", "customers/export"] {
        let body = named(&shop).to_string();
        let key = read.as_str().unwrap();
        let answer = shop.request("POST", "admin.example", path, key, body.as_bytes());
        assert_eq!(answer.status, 403);
    }
}

#[test]
fn the_same_person_is_somebody_new_afterwards() {
    let (shop, pseudonym) = lived();
    shop.made("POST", "customers/erase", &named(&shop));
    let booked = entries(&shop);
    shop.sell("u1", "o9", &json!({}));
    shop.fold_again();
    let sql = "SELECT customer FROM facts WHERE key = 'o9'";
    assert_eq!(shop.db.column(sql), [pseudonym]);
    assert_eq!(shop.decision("o9")["reason"], "no_touch");
    assert_eq!(entries(&shop), booked);
    let done = shop.made("POST", "customers/erase", &named(&shop));
    assert_eq!(done["events"], 1);
    assert_eq!(shop.list("erasures").len(), 2);
}

/// Erases the customer while their event is being sent.
struct Meanwhile<'a>(&'a Shop);

impl Transport for Meanwhile<'_> {
    async fn send(&self, _: &Request) -> Reply {
        let done = self.0.made("POST", "customers/erase", &named(self.0));
        assert_eq!(done["events"], 1);
        answer(503, "")
    }

    async fn sign(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

/// A shop that tells one webhook of one lead of the customer.
fn telling() -> Shop {
    let shop = Shop::open();
    let hook = json!({"program": shop.program, "kind": "webhook", "events": ["lead"],
        "url": "https://hooks.example/in"});
    shop.made("POST", "destinations", &hook);
    let lead = json!({"customerExternalId": "u1", "eventName": "Demo"});
    shop.tracked("lead", &lead);
    shop.fold();
    shop
}

#[test]
fn what_is_being_sent_while_it_is_erased_does_not_come_back() {
    let shop = telling();
    let meanwhile = Meanwhile(&shop);
    let now = shop.now.get();
    let run = deliver::deliver(&shop.db, &meanwhile, &shop.settings, now, shop.lease());
    assert_eq!(block_on(run).unwrap(), 1);
    shop.wait(3_600_000);
    assert_eq!(shop.deliver(), 0);
    let row = shop.list("deliveries").remove(0);
    assert_eq!(
        (&row["state"], &row["last_error"]),
        (&json!("skipped"), &json!("erased"))
    );
    let path = format!("deliveries/{}/retry", row["id"].as_str().unwrap());
    assert_eq!(shop.control("POST", &path, &json!({})).0, 409);
    let all = format!(
        "destinations/{}/retry",
        row["destination"].as_str().unwrap()
    );
    assert_eq!(shop.made("POST", &all, &json!({}))["retried"], 0);
}

#[test]
fn no_receiver_is_told_the_pseudonym() {
    let shop = telling();
    let pseudonym = shop.db.column("SELECT customer FROM facts").remove(0);
    assert_eq!(shop.deliver(), 1);
    let got = shop.receiver.got.take();
    let body: Value = serde_json::from_str(&got[0].body).unwrap();
    assert_eq!(body["data"]["key"], "Demo");
    assert_eq!(body["data"]["decision"]["key"], "Demo");
    assert!(!got[0].body.contains(&pseudonym));
    // Nor is anybody told of them after they were erased, by whatever comes later.
    shop.made("POST", "customers/erase", &named(&shop));
    let event = body["data"]["id"].as_str().unwrap();
    let reason = json!({"reason": "looked at"});
    shop.made("POST", &format!("events/{event}/hold"), &reason);
    shop.fold_again();
    shop.deliver();
    for request in shop.receiver.got.take() {
        for word in [pseudonym.as_str(), "u1", "er_"] {
            assert!(!request.body.contains(word), "{word}: {}", request.body);
        }
    }
}

#[test]
fn of_a_click_that_two_customers_share_nothing_is_left_in_either_decisions() {
    let shop = Shop::open();
    let click = shop.follow("northstar", "?gclid=PAIDCLICK", "", "", "US");
    shop.deliver_visits("m1", &click.visits);
    let own = shop.follow("northstar", "?gclid=OWNCLICK", "", "", "US");
    shop.deliver_visits("m2", &own.visits);
    shop.wait(60_000);
    shop.sell("u1", "o1", &json!({"clickId": click.token}));
    shop.sell("u2", "o2", &json!({"clickId": click.token}));
    shop.sell("u2", "o3", &json!({"clickId": own.token}));
    shop.fold_again();
    assert!(shop.decision("o2").to_string().contains("PAIDCLICK"));
    let balances = shop.list("balances");
    shop.made("POST", "customers/erase", &named(&shop));
    assert!(!shop.dump().contains("PAIDCLICK"));
    shop.fold_again();
    assert!(!shop.dump().contains("PAIDCLICK"));
    assert!(shop.decision("o3").to_string().contains("OWNCLICK"));
    assert_eq!(shop.list("balances"), balances);
}
