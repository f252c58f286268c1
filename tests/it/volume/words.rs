//! What decisions say, so that stories which stop saying something are noticed.

use serde_json::Value;

/// The words of a decision.
pub(super) fn words(body: &Value) -> Vec<String> {
    let list = |name: &str| body[name].as_array().cloned().unwrap_or_default();
    let mut words: Vec<Value> = list("review");
    words.extend(list("touches").iter().map(|touch| touch["verdict"].clone()));
    words.extend(["rule", "reason", "status"].map(|name| body[name].clone()));
    let text = |word: &Value| word.as_str().map(str::to_owned);
    words.iter().filter_map(text).collect()
}

/// All that a decision can say, but what only other tests make happen: amounts beyond their range,
/// a program without a plan.
pub(super) const SAID: [&str; 52] = [
    // Rules.
    "nobody",
    "touches",
    "code",
    "binding",
    "subscription",
    "deal",
    "house",
    "purchase",
    // Reasons.
    "credited",
    "plan_pays_nothing",
    "below_minimum",
    "renewals_ended",
    "months_ended",
    "cap_reached",
    "rejected",
    "no_touch",
    "no_eligible_touch",
    "partner_suspended",
    "program_paused",
    "start_uncredited",
    "recorded",
    "refunded",
    "outside_base",
    "nothing_to_take_back",
    "refund_above_sale",
    "refund_currency_differs",
    "restored",
    "nothing_to_restore",
    // Statuses.
    "clear",
    "review",
    "held",
    // Flags.
    "too_fast",
    "duplicate",
    "self_referral",
    "token_shared",
    "paid_search",
    "prohibited_referrer",
    "rate_missing",
    // Verdicts.
    "won",
    "no_share",
    "after_event",
    "brought_later",
    "outside_window",
    "partner_suspended",
    "program_paused",
    "class_earns_nothing",
    "consent_too_narrow",
    "stood_down",
    "may_not_displace",
    "code_first",
    "link_first",
    "outranked",
];
