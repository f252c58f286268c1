//! Random plans over everything that a plan can say, and dated settings around them.

use super::super::picks::Picks;
use serde_json::{Value, json};

const BPS: [u64; 6] = [1_000, 1_234, 333, 2_500, 1, 5_000];

fn flat(picks: &mut Picks<'_>) -> Value {
    let currency = picks.pick(&["USD", "USD", "EUR", "JPY"]);
    json!({"amount": 1 + picks.below(700), "currency": currency})
}

/// What an event with an amount earns.
fn rated(picks: &mut Picks<'_>) -> Value {
    let mut pay = json!({"rate_bps": picks.pick(&BPS)});
    if picks.one_in(3) {
        pay["flat"] = flat(picks);
    }
    if picks.one_in(4) {
        pay["returning"] = json!({"rate_bps": picks.pick(&BPS)});
        if picks.one_in(2) {
            pay["returning"]["flat"] = flat(picks);
        }
    }
    if picks.one_in(4) {
        pay["by_sku"] = json!({"tea": picks.pick(&BPS), "pot": 0});
    }
    if picks.one_in(4) {
        pay["by_category"] = json!({"food": picks.pick(&BPS)});
    }
    pay
}

fn flatly(picks: &mut Picks<'_>) -> Value {
    let mut pay = json!({"flat": flat(picks)});
    if picks.one_in(4) {
        pay["returning"] = json!({"flat": flat(picks)});
    }
    pay
}

/// What earns for some months only.
fn lasting(picks: &mut Picks<'_>) -> Value {
    let mut pay = rated(picks);
    if picks.one_in(2) {
        pay["months"] = json!(1 + picks.below(3));
    }
    pay
}

/// A plan that pays for sales, and has every other rule by chance.
pub fn rules(picks: &mut Picks<'_>, partners: &[String]) -> Value {
    let mut plan = json!({"window_days": picks.pick(&[30, 5, 60, 1, 90]), "sale": lasting(picks)});
    pays(picks, partners, &mut plan);
    credits(picks, partners, &mut plan);
    bounds(picks, &mut plan);
    plan
}

fn pays(picks: &mut Picks<'_>, partners: &[String], plan: &mut Value) {
    if picks.below(3) > 0 {
        plan["lead"] = flatly(picks);
    }
    if picks.one_in(2) {
        plan["milestones"] = json!({"activation": flatly(picks)});
    }
    if picks.below(3) > 0 {
        plan["renewal"] = lasting(picks);
    }
    if picks.one_in(3) {
        plan["deal"] = lasting(picks);
    }
    if picks.one_in(3) {
        plan["reactivation"] = flatly(picks);
    }
    if picks.one_in(3) {
        let mut own = json!({"sale": lasting(picks)});
        if picks.one_in(2) {
            own["renewal"] = lasting(picks);
        }
        plan["partners"][picks.pick(partners)] = own;
    }
    if picks.one_in(4) {
        plan["base"] = json!({"tax": picks.one_in(2), "shipping": picks.one_in(2),
            "discount": picks.one_in(2)});
    }
}

fn credits(picks: &mut Picks<'_>, partners: &[String], plan: &mut Value) {
    if picks.one_in(3) {
        plan["windows"] = json!({"lead": picks.pick(&[7, 2]), "renewal": 60});
    }
    plan["model"] = json!(picks.pick(&["last", "first", "linear", "position", "time_decay"]));
    if picks.one_in(2) {
        plan["half_life_days"] = json!(picks.pick(&[1, 3, 10]));
    }
    if picks.one_in(3) {
        plan["partner_kinds"] = json!({
            "coupon": {"window_days": picks.pick(&[1, 40]), "may_displace": picks.one_in(2)},
            "content": {"may_displace": picks.one_in(3)}});
    }
    if picks.below(3) > 0 {
        plan["code"] = json!(picks.pick(&["before_links", "after_links", "as_touch"]));
    }
    if picks.one_in(3) {
        let mut binding = json!({});
        if picks.one_in(2) {
            binding["months"] = json!(1 + picks.below(3));
        }
        if picks.one_in(2) {
            binding["lapse_days"] = json!(picks.pick(&[1, 10, 30]));
        }
        plan["binding"] = binding;
    }
    if picks.one_in(4) {
        plan["stand_down"] = json!({"seconds": picks.pick(&[0, 5, 7_200]),
            "checkout": picks.one_in(2)});
    }
    if picks.one_in(4) {
        plan["consent"] = json!(picks.pick(&["session", "full"]));
    }
    if picks.one_in(4) {
        plan["house"] = json!(partners.last().unwrap());
    }
}

fn bounds(picks: &mut Picks<'_>, plan: &mut Value) {
    if picks.one_in(4) {
        plan["minimum"] = json!({"amount": picks.pick(&[2_000, 100]), "currency": "USD"});
    }
    if picks.one_in(4) {
        plan["hold_days"] = json!(14);
    }
    if picks.one_in(3) {
        let amount = picks.pick(&[500, 90, 5_000]);
        plan["caps"] = json!({"customer": {"amount": amount, "currency": "USD"}});
    }
    if picks.one_in(3) {
        plan["review"] = json!({"min_seconds": picks.pick(&[3, 0, 8]),
            "token_customers": picks.pick(&[5, 1, 2]),
            "duplicate_minutes": picks.pick(&[10, 0, 600]),
            "self_referral": picks.one_in(2), "paid_search": picks.one_in(2),
            "referrers": ["bad.example"]});
    }
    if picks.one_in(2) {
        plan["payout_currency"] = json!(picks.pick(&["USD", "EUR", "JPY", "BHD"]));
    }
}
