//! Exchange rates: dated, never changed, never guessed; nothing that was booked moves by one.

use crate::support::shop::Shop;
use domain::values::time::{DAY_MS, UnixMs};
use serde_json::{Value, json};

/// A shop that pays its partners in dollars.
fn open() -> Shop {
    let shop = Shop::open();
    let plan = json!({"plan": {"window_days": 30, "sale": {"rate_bps": 1000},
        "payout_currency": "USD"}});
    shop.made("PATCH", &format!("programs/{}", shop.program), &plan);
    let body = json!({"program": shop.program, "partner": shop.partners[0], "code": "TEA"});
    shop.made("POST", "codes", &body);
    shop.wait(DAY_MS);
    shop
}

fn euros(shop: &Shop, invoice: &str) {
    let more = json!({"code": "TEA", "currency": "eur", "amount": 10_000});
    shop.sell(invoice, invoice, &more);
    shop.fold();
}

fn rate(rate: &str, at: UnixMs) -> Value {
    json!({"rates": [{"from": "eur", "to": "usd", "rate": rate, "at": at.to_rfc3339()}]})
}

/// Payouts by sale, in cents.
fn paid(shop: &Shop) -> Vec<String> {
    shop.db.column(
        "SELECT f.key || ' ' || sum(e.payout) FROM entries e JOIN facts f ON f.id = e.cause
         WHERE e.paid_in = 'USD' GROUP BY f.key HAVING sum(e.payout) <> 0 ORDER BY f.key",
    )
}

#[test]
fn a_sale_without_a_rate_waits_for_it_and_is_not_lost() {
    let shop = open();
    euros(&shop, "o1");
    let decision = shop.decision("o1");
    assert_eq!(decision["status"], "review");
    assert_eq!(decision["review"], json!(["rate_missing"]));
    assert_eq!(shop.balance(0), 1_000, "in its own currency it is booked");
    assert_eq!(paid(&shop), Vec::<String>::new());
    assert_eq!(shop.list("reviews").len(), 1);
    shop.made(
        "POST",
        "rates",
        &rate("1.0842", shop.now.get().plus(-DAY_MS)),
    );
    shop.fold_again();
    let decision = shop.decision("o1");
    assert_eq!(decision["status"], "clear");
    assert_eq!(decision["rates"][0]["rate"], "1.0842");
    assert_eq!(paid(&shop), ["o1 1084"]);
    assert_eq!(shop.list("reviews").len(), 0);
    let rows = shop.list("balances");
    let dollars = rows.iter().find(|row| row["currency"] == "USD").unwrap();
    assert_eq!(dollars["amount"], 1_084, "{rows:?}");
}

#[test]
fn a_new_rate_moves_nothing_that_was_converted() {
    let shop = open();
    let now = || shop.now.get();
    let start = now();
    shop.made("POST", "rates", &rate("1.1", start.plus(-DAY_MS)));
    euros(&shop, "o1");
    shop.wait(DAY_MS);
    let refused = |at: UnixMs| shop.refused("POST", "rates", &rate("1.2", at));
    let between = "422 validation_failed /rates/0/at already_used";
    assert_eq!(refused(start), between, "o1 was converted at 1.1");
    let changed = shop.refused("POST", "rates", &rate("1.2", start.plus(-DAY_MS)));
    assert_eq!(changed, "422 validation_failed /rates/0/rate already_known");
    shop.made("POST", "rates", &rate("1.1", start.plus(-DAY_MS)));
    let after = start.plus(1_000);
    shop.made("POST", "rates", &rate("1.2", after));
    assert_eq!(
        refused(start.plus(500)),
        "422 validation_failed /rates/0/at before_known"
    );
    euros(&shop, "o2");
    shop.made("POST", "rates", &rate("0.9", start.plus(-9 * DAY_MS)));
    shop.made("POST", "rates", &rate("1.5", now().plus(DAY_MS)));
    shop.made("POST", "rates", &rate("1.4", now().plus(DAY_MS / 2)));
    shop.fold_again();
    assert_eq!(paid(&shop), ["o1 1100", "o2 1200"]);
    let rows = shop.list("rates");
    let texts: Vec<_> = rows
        .iter()
        .map(|row| row["rate"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["1.5", "1.4", "1.2", "1.1", "0.9"]);
    assert!(rows[0]["at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_history_of_rates_is_imported_whole_or_not_at_all() {
    let shop = open();
    let day = |n: i64| UnixMs(1_700_000_000_000 + n * DAY_MS).to_rfc3339();
    let one = |n: i64| json!({"from": "GBP", "to": "USD", "rate": "1.25", "at": day(n)});
    let all: Vec<Value> = (0..500).map(one).collect();
    let answer = shop.made("POST", "rates", &json!({"rates": all}));
    assert_eq!(answer["data"].as_array().unwrap().len(), 500);
    let count = || shop.db.number("SELECT count(*) FROM rates");
    assert_eq!(count(), 500);
    shop.made("POST", "rates", &json!({"rates": all}));
    assert_eq!(count(), 500, "a repeat adds nothing");
    let mixed = json!({"rates": [one(-1), {"from": "JPY", "to": "USD", "rate": "0.0064"},
        {"from": "GBP", "to": "USD", "rate": "9", "at": day(3)}]});
    let refused = shop.refused("POST", "rates", &mixed);
    assert_eq!(refused, "422 validation_failed /rates/2/rate already_known");
    assert_eq!(count(), 500, "nothing of it was written");
    let many: Vec<Value> = (0..501).map(one).collect();
    let refused = shop.refused("POST", "rates", &json!({"rates": many}));
    assert_eq!(
        refused,
        "422 validation_failed /rates too_many /rates required"
    );
}

#[test]
fn what_is_no_rate_is_refused_with_its_place() {
    let shop = open();
    for (one, said) in [
        (json!({"to": "USD", "rate": "1"}), "/from required"),
        (
            json!({"from": "EUR", "to": "XXQ", "rate": "1"}),
            "/to currency_unknown",
        ),
        (
            json!({"from": "EUR", "to": "EUR", "rate": "1"}),
            "/to same_currency",
        ),
        (
            json!({"from": "EUR", "to": "USD", "rate": "0"}),
            "/rate not_a_rate",
        ),
        (
            json!({"from": "EUR", "to": "USD", "rate": "1e3"}),
            "/rate not_a_rate",
        ),
        (
            json!({"from": "EUR", "to": "USD", "rate": 1.5}),
            "/rate not_a_string",
        ),
        (
            json!({"from": "EUR", "to": "USD", "rate": "-1"}),
            "/rate not_a_rate",
        ),
        (
            json!({"from": "EUR", "to": "USD", "rate": ""}),
            "/rate not_a_rate",
        ),
        (
            json!({"from": "EUR", "to": "USD", "rate": "1", "at": "then"}),
            "/at not_a_time",
        ),
    ] {
        let good = json!({"from": "CHF", "to": "USD", "rate": "1.1"});
        let refused = shop.refused("POST", "rates", &json!({"rates": [good, one]}));
        let (path, code) = said.split_once(' ').unwrap();
        assert_eq!(
            refused,
            format!("422 validation_failed /rates/1{path} {code}")
        );
    }
    let twice = json!({"from": "CHF", "to": "USD", "rate": "1.1"});
    let refused = shop.refused("POST", "rates", &json!({"rates": [twice, twice]}));
    assert_eq!(refused, "422 validation_failed /rates/1/at repeated");
    let own = json!({"name": "own", "scope": "admin", "program": shop.program});
    let key = shop.made("POST", "keys", &own)["key"].clone();
    let body = json!({"rates": [twice]}).to_string();
    let key = key.as_str().unwrap();
    let answer = shop.request("POST", "admin.example", "rates", key, body.as_bytes());
    assert_eq!(answer.status, 403, "rates are the deployment's");
    assert_eq!(shop.db.number("SELECT count(*) FROM rates"), 0);
}
