//! Every write step, lost or written with an answer that says otherwise: after a retry the state
//! is the one of a run without faults.

use crate::support::block_on;
use crate::support::shop::Shop;
use crate::support::sqlite::Fault;
use app::clicks::{self, Message};
use app::{deliver, ledger, publish};
use serde_json::{Value, json};

/// All that a fault could change, row by row.
fn state(shop: &Shop) -> Vec<String> {
    let queries = [
        "SELECT 'fact ' || id || state || awaits_click || body FROM facts ORDER BY id",
        "SELECT 'conflict ' || event || content FROM conflicts ORDER BY 1",
        "SELECT 'decision ' || event || revision || body FROM decisions ORDER BY 1",
        "SELECT 'entry ' || id || kind || amount || currency FROM entries ORDER BY 1",
        "SELECT 'delivery ' || id || state FROM deliveries ORDER BY 1",
        "SELECT 'sealed ' || event FROM sealed_rows ORDER BY 1",
        "SELECT 'rollup ' || day || link || class || count FROM click_rollups ORDER BY 1",
        "SELECT 'pack ' || kind || bucket || messages || visits FROM click_packs ORDER BY 1",
        "SELECT 'landing ' || nonce || visit FROM landings ORDER BY 1",
        "SELECT 'publication ' || key FROM publications WHERE done < version ORDER BY 1",
        "SELECT 'program ' || name || body FROM programs ORDER BY 1",
        "SELECT 'link ' || slug || target || active FROM links ORDER BY 1",
        "SELECT 'key ' || name || scope || (revoked_at IS NULL) FROM api_keys ORDER BY 1",
        "SELECT 'status ' || active FROM partner_statuses ORDER BY seq DESC LIMIT 1",
        "SELECT 'host ' || host FROM hosts ORDER BY 1",
        "SELECT 'plan ' || rules FROM plans ORDER BY version DESC LIMIT 1",
    ];
    let mut all: Vec<String> = queries.iter().flat_map(|sql| shop.db.column(sql)).collect();
    let records = shop.kv.records.borrow();
    all.extend(
        records
            .iter()
            .map(|(key, value)| format!("kv {key} {value}")),
    );
    all
}

/// A shop with a receiver, a click and, where `folded`, a sale.
fn set_up(folded: bool) -> (Shop, Vec<Message>, Value) {
    let shop = Shop::open();
    let hook = json!({"program": shop.program, "kind": "webhook",
        "url": "https://hooks.example/in", "events": ["lead", "sale", "refund"]});
    shop.made("POST", "destinations", &hook);
    let click = shop.click("anna");
    let messages = vec![Message {
        id: "m1".into(),
        sent_at: shop.now.get(),
        visits: click.visits,
    }];
    let sale = json!({"customerExternalId": "u1", "customerEmail": "a@shop.example",
        "amount": 2_000, "currency": "usd", "invoiceId": "o1", "clickId": click.token,
        "occurredAt": shop.now.get().0 / 1_000 + 1});
    if folded {
        assert_eq!(shop.track("sale", &sale).0, 200);
        shop.fold();
    }
    (shop, messages, sale)
}

/// Tries until it works, as queues, cron and callers do; gives whether the first try failed.
fn until(shop: &Shop, mut attempt: impl FnMut() -> bool) -> bool {
    let first = attempt();
    for _ in 0..5 {
        if attempt() {
            return !first;
        }
        shop.wait(6 * 60_000);
    }
    panic!("it does not recover");
}

/// The number of a batch and what happens to it.
type Strike = Option<(usize, Fault)>;
/// Did the fault strike, and the state at the end.
type Ended = (bool, Vec<String>);

/// Runs a step with and without a fault in its batch of that number and compares the end.
fn recovers(batch: usize, fault: Fault, step: fn(Strike) -> Ended) {
    let (_, expected) = step(None);
    let (failed, found) = step(Some((batch, fault)));
    assert!(failed, "the fault did not strike");
    assert_eq!(found, expected);
}

macro_rules! steps {
    ($($name:ident: $step:ident, batch $batch:literal;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn lost() {
                recovers($batch, Fault::Lost, $step);
            }

            #[test]
            fn persisted_but_reported_failed() {
                recovers($batch, Fault::PersistedButReportedFailed, $step);
            }
        }
    )*};
}

steps! {
    ingest_write: ingest, batch 0;
    ingest_from_the_queue: intake, batch 0;
    fold_look: fold, batch 0;
    fold_load: fold, batch 1;
    fold_commit: fold, batch 2;
    clicks_write: consume, batch 0;
    late_clicks_write: late, batch 0;
    deliver_claim: send, batch 0;
    deliver_settle: send, batch 1;
    publish_read: put, batch 0;
    publish_done: put, batch 1;
    link_change: link, batch 2;
    program_change: program, batch 2;
    partner_suspension: partner, batch 2;
    key_revocation: key, batch 2;
    partner_identities: identities, batch 2;
    program_pause: pause, batch 2;
    code_creation: code, batch 1;
    code_end: code_end, batch 2;
    ruling: ruling, batch 2;
    reclassification: reclassification, batch 1;
    rates_import: rates, batch 1;
    erasure: erasure, batch 1;
    batch_of_events: batch_of_events, batch 0;
}

fn strike(shop: &Shop, fault: Strike) {
    if let Some((batch, fault)) = fault {
        shop.db.fail(batch, fault);
    }
}

/// The queue is away too, so the caller gets 503 and sends again.
fn ingest(fault: Strike) -> Ended {
    let (shop, _, sale) = set_up(false);
    strike(&shop, fault);
    shop.queue.down.set(fault.is_some());
    let sent = || shop.track("sale", &sale).0 == 200;
    let failed = until(&shop, sent);
    let mut state = state(&shop);
    // The retry has another instant of receipt when the first try was lost.
    state.retain(|row| !row.starts_with("fact "));
    state.extend(shop.db.column("SELECT id || state || content FROM facts"));
    (failed, state)
}

/// The queue takes the fact, and hands it over twice.
fn intake(fault: Strike) -> Ended {
    let (shop, _, sale) = set_up(false);
    strike(&shop, fault);
    assert_eq!(shop.track("sale", &sale).0, 200, "accepted either way");
    let held = shop.queue.sent.take();
    for message in held.iter().chain(&held) {
        let message: Value = serde_json::from_str(message).unwrap();
        let intake = app::ingest::Intake::read(&message["intake"]).unwrap();
        block_on(app::ingest::store(&shop.db, &intake)).unwrap();
    }
    shop.fold();
    (!held.is_empty(), state(&shop))
}

fn fold(fault: Strike) -> Ended {
    let (shop, _, sale) = set_up(false);
    assert_eq!(shop.track("sale", &sale).0, 200);
    strike(&shop, fault);
    // What fails once is tried again at once.
    until(&shop, || {
        block_on(ledger::fold(&shop.db, shop.now.get())).is_ok()
    });
    (fault.is_none() || shop.db.struck() == 1, state(&shop))
}

fn consume(fault: Strike) -> Ended {
    let (shop, messages, _) = set_up(false);
    strike(&shop, fault);
    let failed = until(&shop, || {
        block_on(clicks::consume(&shop.db, &messages)).is_ok()
    });
    (failed, state(&shop))
}

fn late(fault: Strike) -> Ended {
    let (shop, messages, _) = set_up(true);
    strike(&shop, fault);
    let failed = until(&shop, || {
        block_on(clicks::consume(&shop.db, &messages)).is_ok()
    });
    shop.fold();
    (failed, state(&shop))
}

fn send(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    strike(&shop, fault);
    let sent = || {
        let now = shop.now.get();
        let lease = shop.lease();
        let run = deliver::deliver(&shop.db, &shop.receiver, &shop.settings, now, lease);
        let open = "SELECT count(*) FROM deliveries WHERE state = 'pending'";
        block_on(run).is_ok() && shop.db.number(open) == 0
    };
    let failed = until(&shop, sent);
    let ids: Vec<_> = shop
        .receiver
        .got
        .borrow()
        .iter()
        .map(|request| request.headers[1].1.clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "always the same id");
    (failed, state(&shop))
}

fn put(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(false);
    shop.made(
        "POST",
        "partners",
        &json!({"program": shop.program, "name": "Zed"}),
    );
    let partner = format!("partners/{}", shop.partners[0]);
    shop.made("PATCH", &partner, &json!({"status": "suspended"}));
    strike(&shop, fault);
    let failed = until(&shop, || {
        block_on(publish::publish(&shop.db, &shop.kv)).is_ok()
    });
    let all = state(&shop);
    assert!(!all.iter().any(|row| row.starts_with("publication")));
    (failed, all)
}

/// A call of the control plane: batch 0 checks the key, 1 reads the record, 2 writes.
fn call(shop: &Shop, method: &str, path: &str, body: &Value, fault: Strike) -> Ended {
    strike(shop, fault);
    let failed = until(shop, || shop.control(method, path, body).0 < 300);
    shop.publish();
    (failed, state(shop))
}

fn link(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(false);
    let id = shop
        .db
        .column("SELECT id FROM links WHERE slug = 'anna'")
        .remove(0);
    let body = json!({"target": "https://shop.example/new"});
    call(&shop, "PATCH", &format!("links/{id}"), &body, fault)
}

fn program(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let body = json!({"plan": {"window_days": 9, "sale": {"rate_bps": 500}},
        "hosts": ["shop.example", "www.shop.example"]});
    call(
        &shop,
        "PATCH",
        &format!("programs/{}", shop.program),
        &body,
        fault,
    )
}

fn partner(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let path = format!("partners/{}", shop.partners[0]);
    call(
        &shop,
        "PATCH",
        &path,
        &json!({"status": "suspended"}),
        fault,
    )
}

fn key(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(false);
    let id = shop
        .db
        .column("SELECT id FROM api_keys WHERE scope = 'track'")
        .remove(0);
    let ended = call(&shop, "DELETE", &format!("keys/{id}"), &json!({}), fault);
    assert_eq!(
        shop.track(
            "lead",
            &json!({"customerExternalId": "u", "eventName": "l"})
        )
        .0,
        403
    );
    ended
}

fn identities(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let path = format!("partners/{}", shop.partners[0]);
    let body = json!({"email": "a@shop.example", "customers": ["u1"]});
    ended(call(&shop, "PATCH", &path, &body, fault), &shop)
}

fn pause(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let path = format!("programs/{}", shop.program);
    ended(
        call(&shop, "PATCH", &path, &json!({"status": "paused"}), fault),
        &shop,
    )
}

/// Who repeats the call learns that the code is there.
fn code(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    shop.sell("u2", "o2", &json!({"code": "tea"}));
    strike(&shop, fault);
    let from = shop.now.get().plus(-1_000).to_rfc3339();
    let body = json!({"program": shop.program, "partner": shop.partners[1], "code": "TEA",
        "from": from});
    let failed = until(&shop, || shop.control("POST", "codes", &body).0 < 500);
    ended((failed, Vec::new()), &shop)
}

fn code_end(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let body = json!({"program": shop.program, "partner": shop.partners[1], "code": "TEA"});
    let code = shop.made("POST", "codes", &body);
    let path = format!("codes/{}", code["id"].as_str().unwrap());
    let until = shop.now.get().plus(3_600_000).to_rfc3339();
    ended(
        call(&shop, "PATCH", &path, &json!({"until": until}), fault),
        &shop,
    )
}

fn ruling(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let id = shop.db.column("SELECT id FROM facts").remove(0);
    let path = format!("events/{id}/reject");
    let body = json!({"reason": "not ours"});
    let (failed, _) = call(&shop, "POST", &path, &body, fault);
    shop.fold();
    assert_eq!(shop.balance(0), 0);
    // A repeat is a ruling of its own, which says the same.
    (failed, vec![shop.decision("o1")["status"].to_string()])
}

fn reclassification(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let nonce = shop.db.column("SELECT nonce FROM facts").remove(0);
    let path = format!("clicks/{nonce}/reclassify");
    let body = json!({"program": shop.program, "class": "crawler", "reason": "r"});
    ended(call(&shop, "POST", &path, &body, fault), &shop)
}

fn rates(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let body = json!({"rates": [{"from": "EUR", "to": "USD", "rate": "1.1", "at": 1_700_000_000},
        {"from": "EUR", "to": "USD", "rate": "1.2", "at": 1_700_000_001}]});
    let mut ended = ended(call(&shop, "POST", "rates", &body, fault), &shop);
    let rates = "SELECT from_currency || to_currency || at || rate FROM rates ORDER BY at";
    ended.1.extend(shop.db.column(rates));
    ended
}

/// The name that an erased customer gets is another in each run.
fn erasure(fault: Strike) -> Ended {
    let (shop, _, _) = set_up(true);
    let body = json!({"program": shop.program, "customerExternalId": "u1"});
    let (failed, _) = call(&shop, "POST", "customers/erase", &body, fault);
    shop.fold_again();
    let state = [
        "SELECT id || state || (customer LIKE 'er_%') FROM facts ORDER BY id",
        "SELECT id || amount FROM entries ORDER BY id",
        "SELECT events FROM erasures",
        "SELECT event FROM sealed_rows",
    ];
    let rows = state.iter().flat_map(|sql| shop.db.column(sql));
    (failed, rows.collect())
}

/// The queue is away too, so the caller gets 503 and sends all of them again.
fn batch_of_events(fault: Strike) -> Ended {
    let (shop, _, mut sale) = set_up(false);
    sale["type"] = json!("sale");
    let lead = json!({"type": "lead", "customerExternalId": "u1", "eventName": "l"});
    let body = json!({"events": [sale, lead, sale]});
    strike(&shop, fault);
    shop.queue.down.set(fault.is_some());
    let failed = until(&shop, || shop.track("batch", &body).0 == 200);
    shop.fold_again();
    let facts = "SELECT id || state || content FROM facts ORDER BY id";
    let entries = "SELECT id || amount FROM entries ORDER BY id";
    let rows = [facts, entries].map(|sql| shop.db.column(sql));
    (failed, rows.concat())
}

/// Dated rows may be there twice, with the instant of each try: what follows from them is the same.
fn ended((failed, _): Ended, shop: &Shop) -> Ended {
    shop.fold_again();
    let mut state = state(shop);
    state.extend(
        shop.db
            .column("SELECT partner || pseudonym FROM partner_identities ORDER BY 1"),
    );
    state.extend(
        shop.db
            .column("SELECT code || partner || from_at || until_at FROM codes"),
    );
    (failed, state)
}

#[test]
fn with_database_and_queue_away_nothing_is_half_accepted() {
    let (shop, _, sale) = set_up(false);
    shop.queue.down.set(true);
    shop.db.fail(0, Fault::Lost);
    let (status, answer) = shop.track("sale", &sale);
    assert_eq!(
        (status, answer["code"].as_str()),
        (503, Some("unavailable"))
    );
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 0);
    assert!(shop.queue.sent.borrow().is_empty());
}

#[test]
fn a_revoked_key_is_refused_with_the_database_away_too() {
    let (shop, _, sale) = set_up(false);
    let id = shop
        .db
        .column("SELECT id FROM api_keys WHERE scope = 'track'")
        .remove(0);
    let (status, _) = shop.control("DELETE", &format!("keys/{id}"), &json!({}));
    assert_eq!(status, 204);
    shop.publish();
    shop.db.fail(0, Fault::Lost);
    assert_eq!(shop.track("sale", &sale).1["code"], "key_revoked");
    assert!(shop.queue.sent.borrow().is_empty());
}
