//! A merchant who reports anything: every kind of event, with subscriptions, codes, lines, clicks
//! of partners, dated in any order. Bodies as the API takes them.

pub mod clicks;
pub mod plans;

use super::picks::Picks;
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;

/// What a report may be about.
pub struct Scene<'a> {
    pub number: u64,
    /// The first customer that may be meant, and how many.
    pub first: u64,
    pub customers: u64,
    /// When the first thing happened, in milliseconds.
    pub start: i64,
    /// How many hours the story takes.
    pub hours: u64,
    /// Instants of clicks, by their place.
    pub clicks: &'a [i64],
    pub partners: &'a [String],
    /// Purchases that a reversal may name, known or not.
    pub invoices: &'a [String],
    /// Chargebacks with their invoices.
    pub disputes: &'a [(String, String)],
}

/// One call of the API, without its token.
#[derive(Clone, Debug)]
pub struct Report {
    pub kind: &'static str,
    pub body: Value,
    pub click: Option<usize>,
}

impl Report {
    /// The natural key, in its space.
    pub fn key(&self) -> String {
        let ids = ["refundId", "disputeId", "invoiceId", "eventId", "eventName"];
        let id = ids.iter().find_map(|id| self.body[*id].as_str());
        let id = id.unwrap_or_default().to_owned();
        match self.kind {
            "sale" | "deal" | "renewal" => format!("sale {id}"),
            "lead" => format!("lead {} {id}", self.body["customerExternalId"]),
            kind => format!("{kind} {id}"),
        }
    }
}

const KINDS: [&str; 24] = [
    "sale",
    "sale",
    "sale",
    "sale",
    "sale",
    "sale",
    "lead",
    "lead",
    "milestone",
    "deal",
    "renewal",
    "renewal",
    "renewal",
    "renewal",
    "reactivation",
    "cancellation",
    "refund",
    "refund",
    "refund",
    "refund",
    "chargeback",
    "chargeback",
    "dispute_won",
    "dispute_won",
];
const CURRENCIES: [&str; 8] = ["USD", "USD", "USD", "USD", "USD", "EUR", "EUR", "JPY"];
const SKUS: [&str; 4] = ["tea", "mug", "tea", "pot"];
pub const CODES: [&str; 4] = ["SAVE", "gift", "OLD", "NOBODY"];

/// Makes up what the merchant reports next.
pub fn report(picks: &mut Picks<'_>, scene: &Scene<'_>) -> Report {
    let kind = picks.pick(&KINDS);
    let customer = scene.first + picks.below(scene.customers);
    let click = (!scene.clicks.is_empty() && picks.below(3) > 0)
        .then(|| picks.below(scene.clicks.len() as u64) as usize);
    let mut body = json!({"occurredAt": instant(picks, scene, click) / 1_000});
    match kind {
        "refund" | "chargeback" | "dispute_won" => reversal(kind, picks, scene, &mut body),
        _ => conversion(kind, customer, picks, scene, &mut body),
    }
    let reverses = matches!(kind, "refund" | "chargeback" | "dispute_won");
    Report {
        kind,
        body,
        click: click.filter(|_| !reverses || picks.one_in(6)),
    }
}

/// Most events happen at any hour, some seconds after a click or minutes after another event.
fn instant(picks: &mut Picks<'_>, scene: &Scene<'_>, click: Option<usize>) -> i64 {
    let hours = picks.below(scene.hours);
    let seconds = picks.pick(&[0, 0, 0, 2, 5, 30, 300, 900]);
    match click {
        Some(click) if picks.one_in(5) => {
            let after = picks.pick(&[0, 1, 2, 4, 9, 11, 3_600]);
            scene.clicks[click] + 999 + after * 1_000
        }
        _ => scene.start + hours as i64 * HOUR + seconds * 1_000,
    }
}

fn conversion(
    kind: &'static str,
    customer: u64,
    picks: &mut Picks<'_>,
    scene: &Scene<'_>,
    body: &mut Value,
) {
    let number = scene.number;
    body["customerExternalId"] = json!(format!("u{customer}"));
    if picks.one_in(6) {
        body["code"] = json!(picks.pick(&CODES));
    }
    if picks.one_in(6) {
        body["customerEmail"] = json!(format!("a{customer}@shop.example"));
    }
    match kind {
        "lead" | "milestone" => {
            body["eventName"] = json!(picks.pick(&["signup", "activation", "other"]));
            if kind == "milestone" && picks.one_in(2) {
                body["eventId"] = json!(format!("m{number}"));
            }
            return;
        }
        "reactivation" | "cancellation" => body["eventId"] = json!(format!("t{number}")),
        _ => purchase(kind, picks, scene, body),
    }
    // A subscription is mostly one customer's, and later facts may name nothing else.
    let subscribed = if kind == "sale" { 2 } else { 5 };
    if kind != "sale" && picks.below(subscribed) > 0 || kind == "sale" && picks.one_in(subscribed) {
        let other = picks.one_in(12);
        let owner = if other {
            scene.first + picks.below(scene.customers)
        } else {
            customer
        };
        body["subscriptionId"] = json!(format!("s{owner}"));
        if !matches!(kind, "sale" | "deal") && picks.one_in(2) {
            body.as_object_mut().unwrap().remove("customerExternalId");
        }
    }
}

fn purchase(kind: &'static str, picks: &mut Picks<'_>, scene: &Scene<'_>, body: &mut Value) {
    let amount = match picks.below(10) {
        0..4 => picks.pick(&[1_999, 4_900]),
        4 => picks.pick(&[0, 1, 99]),
        5 => picks.pick(&[1_000_000_000_000, 33]),
        _ => picks.below(100_000) as i64,
    };
    body["invoiceId"] = json!(format!("o{}", scene.number));
    body["amount"] = json!(amount);
    body["currency"] = json!(picks.pick(&CURRENCIES));
    if kind == "deal" {
        body["partnerId"] = json!(picks.pick(scene.partners));
    }
    if picks.one_in(10) {
        body["newCustomer"] = json!(picks.one_in(2));
    }
    if picks.one_in(3) {
        parts(picks, amount, body);
    }
}

/// Lines, tax, shipping and discount that together are at most the amount.
fn parts(picks: &mut Picks<'_>, amount: i64, body: &mut Value) {
    let mut rest = amount;
    let take = |picks: &mut Picks<'_>, rest: &mut i64, of: u64| {
        let part = picks.below(1 + ((*rest).max(0) as u64) / of) as i64;
        *rest -= part;
        part
    };
    if picks.one_in(2) {
        body["shipping"] = json!(take(picks, &mut rest, 5));
        body["tax"] = json!(take(picks, &mut rest, 5));
    }
    if picks.one_in(4) {
        body["discount"] = json!(picks.below(500));
    }
    let mut lines = Vec::new();
    for _ in 0..picks.below(4) {
        let mut amount = take(picks, &mut rest, 1);
        // A credit makes room for other lines.
        if picks.one_in(6) {
            amount = -(picks.below(3_000) as i64);
            rest -= amount;
        }
        let mut line = json!({"amount": amount});
        if !picks.one_in(5) {
            line["sku"] = json!(picks.pick(&SKUS));
        }
        if picks.one_in(2) {
            line["category"] = json!(picks.pick(&["food", "things"]));
        }
        if picks.one_in(2) {
            line["quantity"] = json!(1 + picks.below(4));
        }
        if picks.one_in(3) {
            let sign = if amount < 0 { -1 } else { 1 };
            line["tax"] = json!(sign * picks.below(1 + amount.unsigned_abs() / 3) as i64);
            line["discount"] = json!(sign * picks.below(300) as i64);
        }
        lines.push(line);
    }
    if !lines.is_empty() {
        body["lines"] = json!(lines);
    }
}

fn reversal(kind: &'static str, picks: &mut Picks<'_>, scene: &Scene<'_>, body: &mut Value) {
    let number = scene.number;
    let invoice = picks.pick(scene.invoices);
    body["invoiceId"] = json!(invoice);
    match kind {
        "refund" => body["refundId"] = json!(format!("r{number}")),
        "chargeback" => body["disputeId"] = json!(format!("d{number}")),
        _ => {
            let (dispute, about) = picks.pick(scene.disputes);
            body["disputeId"] = json!(dispute);
            if !picks.one_in(12) {
                body["invoiceId"] = json!(about);
            }
            return;
        }
    }
    if picks.below(3) > 0 {
        let small = picks.below(60_000);
        body["amount"] = json!(if picks.one_in(5) {
            1_000_000_000_000
        } else {
            small
        });
        body["currency"] = json!(picks.pick(&CURRENCIES));
    }
    let parts = picks.one_in(3);
    for name in ["tax", "shipping", "discount"] {
        if parts && picks.one_in(2) {
            body[name] = json!(picks.pick(&[0, 100, 700, 20_000]));
        }
    }
    let named = ["tax", "shipping", "discount"].map(|name| body[name].as_i64());
    let nothing = named.iter().flatten().all(|named| *named == 0);
    if nothing && named.iter().any(Option::is_some) {
        body["amount"] = json!(picks.below(60_000));
        body["currency"] = json!(picks.pick(&CURRENCIES));
    }
    if picks.one_in(3) {
        let mut lines = Vec::new();
        for _ in 0..=picks.below(2) {
            let mut line = json!({"sku": picks.pick(&["tea", "mug", "pot", "hat"])});
            match picks.below(4) {
                0 => line["amount"] = json!(picks.below(20_000)),
                1 => line["quantity"] = json!(1 + picks.below(3)),
                2 => {
                    line["amount"] = json!(picks.below(20_000));
                    line["quantity"] = json!(1 + picks.below(3));
                }
                _ => {}
            }
            if picks.one_in(6) {
                let most = line["amount"].as_i64().unwrap_or(500);
                line["tax"] = json!(picks.below(1 + most as u64));
                line["discount"] = json!(picks.below(300));
            }
            lines.push(line);
        }
        body["lines"] = json!(lines);
    }
}
