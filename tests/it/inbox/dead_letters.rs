//! What cannot be taken is kept, listed, and taken up again once.

use super::*;

#[test]
fn what_cannot_be_read_is_kept_and_its_good_visits_count() {
    let shop = Shop::open();
    let visits = visits(&shop, &mut Random(7), 3);
    let wrong = json!({"kind": "teleport", "key": "x"});
    let mixed = json!({"sent": shop.now.get(), "visits": [visits[0], wrong, visits[1]]});
    let bodies = [
        ("a", String::new(), "not_json"),
        ("b", "{".into(), "not_json"),
        ("c", "[]".into(), "unreadable"),
        ("d", r#"{"sent":1}"#.into(), "unreadable"),
        ("e", r#"{"visits":[]}"#.into(), "unreadable"),
        ("f", r#"{"sent":1,"visits":{}}"#.into(), "unreadable"),
        ("g", r#"{"intake":{"fact":{}}}"#.into(), "unreadable"),
        ("h", mixed.to_string(), "visits_unreadable"),
        ("i", "ü".repeat(100_000), "not_json"),
    ];
    let mut letters: Vec<Letter> = bodies
        .iter()
        .map(|(id, body, _)| letter(id, body))
        .collect();
    letters.push(letter("j", body(&shop, &visits[2..])));
    letters.push(letter("k", r#"{"wake":true}"#));
    for _ in 0..2 {
        let taken = take(&shop, &shop.db, &letters);
        assert!(taken.wake && taken.again.is_empty());
        assert_eq!(taken.log.len(), bodies.len(), "{:?}", taken.log);
    }
    let wanted = bodies.iter().map(|(id, _, why)| format!("{id} {why}"));
    assert_eq!(dead(&shop), wanted.collect::<Vec<_>>());
    assert_eq!(counted(&shop), 3);
    let kept = shop
        .db
        .column("SELECT body FROM dead_letters WHERE id = 'h'");
    let rest: Value = serde_json::from_str(&kept[0]).unwrap();
    assert_eq!(rest["visits"], json!([wrong]), "only what was not counted");
    let longest = "SELECT max(octet_length(body)) FROM dead_letters";
    assert_eq!(shop.db.number(longest), 128_000);
}

#[test]
fn a_conversion_that_was_accepted_is_kept_when_it_cannot_be_a_fact() {
    let shop = Shop::open();
    let db = Strict::new(&shop.db);
    let buyer = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd"});
    let sale = |id: &str| {
        let mut sale = buyer.clone();
        sale["invoiceId"] = json!(id);
        sale
    };
    for id in ["o1", "o2"] {
        db.away.set(true);
        let body = sale(id).to_string();
        let path = ("shop.example", "track/sale");
        let answer = shop.request_over(&db, "POST", path, &shop.track, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        db.away.set(false);
    }
    let sent = shop.queue.sent.take();
    let letters: Vec<Letter> = sent
        .iter()
        .enumerate()
        .map(|(n, body)| letter(&format!("i{n}"), body))
        .collect();
    db.refuse("o1", DatabaseError::Constraint);
    let taken = take(&shop, &db, &letters);
    assert!(taken.wake && taken.again.is_empty());
    assert_eq!(dead(&shop), ["i0 refused"]);
    shop.fold();
    assert_eq!(shop.list("events").len(), 1);
    shop.made("POST", "dead_letters/i0/retry", &json!({}));
    shop.fold();
    assert_eq!(shop.list("events").len(), 2);
    assert!(dead(&shop).is_empty());
    assert_eq!(
        shop.control("POST", "dead_letters/i0/retry", &json!({})).0,
        404
    );
}

#[test]
fn an_erasure_reaches_conversions_that_wait_as_dead_letters() {
    let shop = Shop::open();
    let db = Strict::new(&shop.db);
    let lead = json!({"customerExternalId": "u1", "customerEmail": "a@b.example",
        "eventName": "Lead"});
    db.away.set(true);
    let path = ("shop.example", "track/lead");
    let body = lead.to_string();
    let answer = shop.request_over(&db, "POST", path, &shop.track, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    db.away.set(false);
    let sent = shop.queue.sent.take().remove(0);
    let message: Value = serde_json::from_str(&sent).unwrap();
    let pseudonym = message["intake"]["fact"]["customer"].as_str().unwrap();
    db.refuse("intake", DatabaseError::Constraint);
    db.refuse(pseudonym, DatabaseError::Constraint);
    assert!(
        take(&shop, &db, &[letter("i", sent.clone())])
            .again
            .is_empty()
    );
    assert_eq!(dead(&shop), ["i refused"]);
    let who = json!({"program": shop.program, "customerExternalId": "u1"});
    shop.made("POST", "customers/erase", &who);
    let left = shop.db.column("SELECT body FROM dead_letters").remove(0);
    assert!(!left.contains(pseudonym), "{left}");
    assert!(!left.contains("mailbox"), "{left}");
    shop.made("POST", "dead_letters/i/retry", &json!({}));
    let customer = "SELECT count(*) FROM facts WHERE customer LIKE 'er_%'";
    assert_eq!(shop.db.number(customer), 1, "the event stays, of nobody");
}

#[test]
fn dead_letters_are_for_administrators_of_the_deployment() {
    let shop = Shop::open();
    take(&shop, &shop.db, &[letter("a", "{")]);
    let key = |scope: &str| {
        let body = json!({"name": "k", "scope": scope, "program": shop.program});
        shop.made("POST", "keys", &body)["key"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for key in [key("read"), key("admin"), key("track")] {
        for (method, path) in [("GET", "dead_letters"), ("POST", "dead_letters/a/retry")] {
            let answer = shop.request(method, "admin.example", path, &key, b"{}");
            assert_eq!(answer.status, 403, "{method} {path} {}", answer.body);
        }
    }
    // What still cannot be read is kept still.
    let (status, answer) = shop.control("POST", "dead_letters/a/retry", &json!({}));
    assert_eq!(status, 200);
    assert_eq!(answer["left"], json!({"id": "a", "reason": "not_json"}));
    assert_eq!(dead(&shop), ["a not_json"]);
}

#[test]
fn a_message_that_comes_again_after_it_was_kept_counts_once() {
    let shop = Shop::open();
    let visits = visits(&shop, &mut Random(7), 2);
    let wrong = json!({"kind": "teleport", "key": "x"});
    let mixed = json!({"sent": shop.now.get(), "visits": [visits[0], wrong, visits[1]]});
    let letters = [letter("m", mixed.to_string())];
    let db = Strict::new(&shop.db);
    db.refuse(&visits[1].key, DatabaseError::Constraint);
    assert!(take(&shop, &db, &letters).again.is_empty());
    let whole = "SELECT body ->> '$.visits[0].key' FROM dead_letters";
    assert_eq!(dead(&shop), ["m refused"]);
    assert_eq!(shop.db.column(whole), [visits[0].key.clone()], "all of it");
    // It is delivered once more, and the fault is gone.
    db.poison.borrow_mut().clear();
    assert!(take(&shop, &db, &letters).again.is_empty());
    assert_eq!(counted(&shop), 2);
    assert_eq!(dead(&shop), ["m visits_unreadable"]);
    for (id, left) in [("m", "m-again"), ("m-again", "m-again-again")] {
        let answer = shop.made("POST", &format!("dead_letters/{id}/retry"), &json!({}));
        assert_eq!(answer["left"]["id"], left);
        assert_eq!(dead(&shop), [format!("{left} visits_unreadable")]);
    }
    // A message that was stored after all, by another consumer.
    let stored = [letter("n", body(&shop, &visits[..1]))];
    db.refuse(&visits[0].key, DatabaseError::Constraint);
    assert!(take(&shop, &db, &stored).again.is_empty());
    assert!(take(&shop, &shop.db, &stored).again.is_empty());
    assert_eq!(counted(&shop), 3);
    shop.made("POST", "dead_letters/n/retry", &json!({}));
    assert_eq!(counted(&shop), 3);
    assert_eq!(dead(&shop), ["m-again-again visits_unreadable"]);
}
