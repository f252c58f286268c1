//! Folds of long histories: cut into parts below the limits of the database, the same ledger
//! whatever happens between them, and nobody waits for what cannot be folded.

use crate::support::block_on;
use crate::support::shop::Shop;
use app::ledger::{self, Folded};
use domain::values::limits::{CUSTOMER_FACTS, PARAM_BYTES};
use serde_json::json;

mod aside;
mod money;
mod parts;

/// A guest reaches so many milestones, each with a click of its own; gives the token of a click
/// that is older than all of them.
fn guest(shop: &Shop, milestones: usize) -> String {
    let older = shop.click("northstar");
    shop.wait(1_000);
    let mut visits = older.visits.clone();
    for number in 0..milestones {
        let click = shop.click(["anna", "northstar"][number % 2]);
        visits.extend(click.visits);
        shop.wait(1_000);
        reach(shop, "guest", number, &click.token);
        if visits.len() >= 100 {
            shop.deliver_visits(&format!("m{number}"), &visits);
            visits.clear();
        }
    }
    shop.deliver_visits("last", &visits);
    older.token
}

fn reach(shop: &Shop, customer: &str, number: usize, token: &str) {
    let body = json!({"customerExternalId": customer, "eventName": "night",
        "eventId": format!("n{number}"), "clickId": token});
    assert_eq!(shop.track("milestone", &body).0, 200);
}

fn sell(shop: &Shop, customer: &str, invoice: &str, token: &str) {
    let body = json!({"customerExternalId": customer, "amount": 2_000, "currency": "usd",
        "invoiceId": invoice, "clickId": token});
    assert_eq!(shop.track("sale", &body).0, 200);
}

fn fold(shop: &Shop) -> Folded {
    block_on(ledger::fold(&shop.db, shop.now.get())).unwrap()
}

/// All revisions of decisions, and net positions.
fn ledger_of(shop: &Shop) -> Vec<String> {
    let mut rows = shop.db.column(
        "SELECT event || ' ' || revision || ' ' || body FROM decisions ORDER BY event, revision",
    );
    rows.extend(shop.db.column(
        "SELECT cause || ' ' || partner || ' ' || currency || ' ' || sum(amount) FROM entries
         GROUP BY cause, partner, currency ORDER BY 1",
    ));
    rows
}

fn states(shop: &Shop) -> Vec<String> {
    shop.db
        .column("SELECT state || ' ' || count(*) FROM facts GROUP BY state ORDER BY state")
}
