use super::*;
use crate::support::interleave::Interleaved;
use crate::support::sqlite::Fault;

/// Rows and brackets around what is counted.
const SLACK: usize = 50_000;

#[test]
fn a_guest_with_160_clicks_and_an_older_one_is_folded() {
    let shop = Shop::open();
    let older = guest(&shop, 160);
    shop.fold();
    sell(&shop, "guest", "o1", &older);
    sell(&shop, "somebody", "o2", &shop.click("anna").token);
    shop.fold();
    assert_eq!(states(&shop), ["folded 162"]);
    assert_eq!(shop.db.refused(), 0);
    assert!(shop.db.largest() <= PARAM_BYTES + SLACK);
    let revised = "SELECT DISTINCT revision FROM decisions WHERE body ->> 'kind' = 'milestone'
        AND body ->> 'key' LIKE '%n159' ORDER BY 1";
    assert_eq!(shop.db.column(revised).len(), 2, "the older click is told");
}

/// How long this thread was computing, where the system tells: others may be at work beside it.
fn cpu() -> std::time::Duration {
    let told = std::fs::read_to_string(crate::support::root("/proc/thread-self/schedstat"))
        .unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|text| text.parse().ok());
    std::time::Duration::from_nanos(nanoseconds.unwrap_or_default())
}

/// `SIZES=10,150,1000,5000 cargo test --test it folding -- --nocapture` prints what stands in the
/// README.
#[test]
fn five_thousand_events_of_one_customer_are_folded_below_the_limits() {
    let sizes = std::env::var("SIZES").unwrap_or(CUSTOMER_FACTS.to_string());
    for size in sizes.split(',').map(|size| size.parse::<usize>().unwrap()) {
        let shop = Shop::open();
        let older = guest(&shop, size - 2);
        let fold = |what: &str| {
            shop.db.largest();
            shop.db.statements();
            let (began, before) = (cpu(), shop.db.batches());
            shop.fold();
            let (took, bytes) = (cpu() - began, shop.db.largest());
            let (trips, statements) = (shop.db.batches() - before, shop.db.statements());
            println!(
                "{size} events, {what}: {took:?}, {bytes} bytes at most, {trips} round trips, \
                 {statements} statements"
            );
            assert!(bytes <= PARAM_BYTES + SLACK, "{bytes}");
        };
        fold("all at once");
        sell(&shop, "guest", "o1", "");
        fold("one more");
        sell(&shop, "guest", "o2", &older);
        fold("one with an older click");
        assert_eq!(states(&shop), [format!("folded {size}")]);
        assert_eq!(shop.db.refused(), 0);
    }
}

/// A shop whose next fold takes several parts.
fn before_the_older_click() -> Shop {
    let shop = Shop::open();
    let older = guest(&shop, 120);
    shop.fold();
    sell(&shop, "guest", "o1", &older);
    shop
}

#[test]
fn a_crash_between_parts_ends_in_the_same_ledger() {
    let shop = before_the_older_click();
    let before = shop.db.batches();
    shop.fold();
    let batches = shop.db.batches() - before;
    let whole = ledger_of(&shop);
    assert!(batches > 6, "{batches} batches: several parts");
    for number in 0..batches {
        for fault in [Fault::Lost, Fault::PersistedButReportedFailed] {
            let shop = before_the_older_click();
            // The isolate ends: that batch and all after it.
            for later in number..number + 8 {
                shop.db
                    .fail(later, if later == number { fault } else { Fault::Lost });
            }
            let _ = block_on(ledger::fold(&shop.db, shop.now.get()));
            shop.db.heal();
            shop.fold();
            assert_eq!(states(&shop), ["folded 121"], "{fault:?} {number}");
            assert!(ledger_of(&shop) == whole, "{fault:?} in batch {number}");
        }
    }
}

#[test]
fn what_happens_between_parts_is_not_missed() {
    let late = |meanwhile: Option<usize>| {
        let shop = before_the_older_click();
        let report = || sell(&shop, "guest", "o2", "");
        let other = || {
            report();
            shop.fold();
        };
        let db = Interleaved::new(&shop.db);
        let db = match meanwhile {
            Some(batch) => db.before(batch, other),
            None => {
                report();
                db
            }
        };
        block_on(ledger::fold(&db, shop.now.get())).unwrap();
        let stale = db.stale();
        drop(db);
        shop.fold();
        (ledger_of(&shop), stale)
    };
    let (whole, _) = late(None);
    for batch in 3..7 {
        let (ledger, stale) = late(Some(batch));
        assert!(stale > 0, "the other fold is seen in part {batch}");
        assert!(ledger == whole, "part {batch}");
    }
}

#[test]
fn a_replay_gives_what_was_booked_in_parts() {
    let shop = before_the_older_click();
    shop.fold();
    let body = json!({"program": shop.program, "from": 0,
        "until": shop.now.get().0 / 1_000 + 60});
    let page = shop.made("POST", "what-if", &body);
    assert_eq!(page["events"], 121, "{page}");
    assert_eq!(page["changed"], 0, "{page}");
}

#[test]
fn decisions_from_before_fingerprints_get_no_new_revision() {
    let shop = before_the_older_click();
    shop.fold();
    let whole = ledger_of(&shop);
    shop.db
        .execute("UPDATE decisions SET digest = NULL; UPDATE facts SET state = 'pending'");
    shop.fold();
    assert_eq!(states(&shop), ["folded 121"]);
    assert!(ledger_of(&shop) == whole);
    let without = "SELECT count(*) || '' FROM decisions d WHERE digest IS NULL AND revision =
        (SELECT max(revision) FROM decisions n WHERE n.event = d.event)";
    assert_eq!(
        shop.db.column(without),
        ["0"],
        "each has its fingerprint now"
    );
}
