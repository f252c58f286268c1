//! Stored decisions and booked entries against what the oracle says.

use super::oracle::{Credit, Outcome, Position, World, positions};
use super::shop::Shop;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The newest decision of each event.
pub fn decisions(shop: &Shop) -> BTreeMap<String, Value> {
    let rows = shop.db.column(
        "SELECT json_object('event', event, 'body', json(body)) FROM decisions d WHERE revision = (
           SELECT max(revision) FROM decisions n WHERE n.event = d.event)",
    );
    let read = |row: &String| {
        let row: Value = serde_json::from_str(row).unwrap();
        (
            row["event"].as_str().unwrap().to_owned(),
            row["body"].clone(),
        )
    };
    rows.iter().map(read).collect()
}

/// What the entries add up to.
pub fn booked(shop: &Shop) -> BTreeMap<Position, (i64, i64)> {
    let rows = shop.db.column(
        "SELECT json_array(cause, partner, currency, paid_in, sum(amount), coalesce(sum(payout), 0))
         FROM entries GROUP BY cause, partner, currency, paid_in
         HAVING sum(amount) <> 0 OR coalesce(sum(payout), 0) <> 0",
    );
    let read = |row: &String| {
        let (cause, partner, currency, paid_in, amount, payout) =
            serde_json::from_str::<(_, _, _, _, i64, i64)>(row).unwrap();
        ((cause, partner, currency, paid_in), (amount, payout))
    };
    rows.iter().map(read).collect()
}

/// Compares everything; the first difference is the error.
pub fn check(shop: &Shop, world: &World) -> Result<(), String> {
    let found = decisions(shop);
    let mut world = world.clone();
    world.rounded = found
        .iter()
        .map(|(event, body)| (event.clone(), rounded(body)))
        .collect();
    let expected = world.settle();
    let events: Vec<&String> = found.keys().collect();
    let wanted: Vec<&String> = expected.keys().collect();
    if events != wanted {
        return Err(format!("decided {events:?}, expected {wanted:?}"));
    }
    for (event, outcome) in &expected {
        same(outcome, &found[event])?;
    }
    let (booked, positions) = (booked(shop), positions(&expected));
    if booked != positions {
        return Err(format!("booked {booked:?}, expected {positions:?}"));
    }
    Ok(())
}

/// Is this the decision?
pub fn same(outcome: &Outcome, body: &Value) -> Result<(), String> {
    let (told, decided) = (told(outcome), decided(body));
    if told != decided {
        return Err(format!("expected {told}\ndecided  {decided}\nwhole {body}"));
    }
    adds_up(body)
}

/// The shares of eligible touches, as the product rounded them.
pub fn rounded(body: &Value) -> Vec<i64> {
    let eligible = |touch: &&Value| touch["verdict"] == "won" || touch["verdict"] == "no_share";
    let touches = body["touches"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(eligible);
    touches
        .map(|touch| touch["share_bps"].as_i64().unwrap_or(0))
        .collect()
}

fn told(outcome: &Outcome) -> Value {
    let credits = outcome.credits.iter().map(|credit| {
        let Credit {
            partner,
            link,
            code,
            share,
            amount,
            earned,
            paid,
        } = credit;
        json!({"partner": partner, "link": link, "code": code, "share": share, "amount": amount,
            "earned": earned, "paid": paid})
    });
    json!({"rule": outcome.rule, "credits": credits.collect::<Vec<_>>(), "capped": outcome.capped,
        "status": outcome.status, "flags": outcome.flags, "hold_until": outcome.hold_until,
        "verdicts": outcome.verdicts})
}

fn decided(body: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let credits = list(&body["credits"]);
    let credits = credits.iter().map(|credit| {
        let (mut earned, mut paid) = (json!({}), json!({}));
        for (place, money) in list(&credit["commission"]).iter().enumerate() {
            let currency = money["currency"].as_str().unwrap();
            earned[currency] = money["amount"].clone();
            let payout = credit
                .get("payout")
                .map_or(money, |payouts| &payouts[place]);
            let amount = payout["amount"].as_i64().unwrap_or(0);
            paid[currency] = json!([payout["currency"], amount]);
        }
        json!({"partner": credit["partner"], "link": credit["link"], "code": credit["code"],
            "share": credit["share_bps"], "amount": credit["amount"]["amount"], "earned": earned,
            "paid": paid})
    });
    let credits: Vec<Value> = credits.collect();
    let verdicts = list(&body["touches"])
        .iter()
        .map(|t| t["verdict"].clone())
        .collect::<Vec<_>>();
    json!({"rule": body["rule"], "credits": credits,
        "capped": body["capped"].as_bool().unwrap_or(false), "status": body["status"],
        "flags": list(&body["review"]), "hold_until": body["hold_until"], "verdicts": verdicts})
}

/// Shares add up to the whole, credits to the amount.
fn adds_up(body: &Value) -> Result<(), String> {
    let credits = body["credits"].as_array().cloned().unwrap_or_default();
    let shares: i64 = credits
        .iter()
        .filter_map(|credit| credit["share_bps"].as_i64())
        .sum();
    let amounts = credits
        .iter()
        .filter_map(|credit| credit["amount"]["amount"].as_i64());
    let amounts: Vec<i64> = amounts.collect();
    let sum: i64 = amounts.iter().sum();
    let whole = body["amount"]["amount"].as_i64().unwrap_or(0);
    let fits = credits.is_empty() || shares == 10_000;
    let adds = amounts.is_empty() || sum.abs() == whole;
    if fits && adds {
        Ok(())
    } else {
        Err(format!("it does not add up: {body}"))
    }
}
