//! What the well-known networks and trackers want, so that a person gives the address and no more.
//!
//! Sources: helpdesk.everflow.io "Accessing & Editing S2S Postback URLs", for `verification_token`
//! developers.everflow.io "Conversion Tracking" · support.tune.com "Receiving Conversions via
//! Postback URL", for `security_token` rudderstack.com "TUNE Cloud Mode Integration" ·
//! help-center.affise.com "Affise postback URL parameters" · doc.voluum.com "Parameters in
//! Postback URLs" · docs.keitaro.io "Postback".

use serde_json::Value;

use super::macros::Dialect;
use crate::forward::destination::Object;

pub(super) struct Template {
    /// What is added to the address.
    query: &'static str,
    /// What is added when there is a secret.
    secret: &'static str,
    statuses: &'static [(&'static str, &'static str)],
    success_text: Option<&'static str>,
}

/// Networks are told the sale's amount, trackers what the partner earns.
pub(super) const CHOICES: [(&str, &Template); 5] = [
    (
        "everflow",
        &Template {
            query: "transaction_id={click_id}&amount={amount}&adv1={order_id}",
            secret: "&verification_token={secret}",
            statuses: &[],
            success_text: None,
        },
    ),
    (
        "tune",
        &Template {
            query: "transaction_id={click_id}&amount={amount}&adv_sub={order_id}",
            secret: "&security_token={secret}",
            statuses: &[],
            // TUNE answers 200 in any case.
            success_text: Some("success=true"),
        },
    ),
    (
        "affise",
        &Template {
            query: "clickid={click_id}&action_id={order_id}&sum={amount}&status={status}",
            secret: "&secure={secret}",
            statuses: &[
                ("approved", "1"),
                ("pending", "2"),
                ("rejected", "3"),
                ("refunded", "3"),
            ],
            success_text: None,
        },
    ),
    (
        "voluum",
        &Template {
            query: "cid={click_id}&payout={payout}&txid={order_id}&currency={payout_currency}",
            secret: "",
            statuses: &[],
            success_text: None,
        },
    ),
    (
        "keitaro",
        &Template {
            query: "subid={click_id}&status={status}&payout={payout}&currency={payout_currency}\
                    &tid={order_id}",
            secret: "",
            statuses: &[
                ("lead", "lead"),
                ("approved", "sale"),
                ("pending", "lead"),
                ("rejected", "rejected"),
                ("refunded", "rejected"),
            ],
            success_text: None,
        },
    ),
];

/// The address with what the template adds; its other settings go into `config`.
pub(super) fn expand(
    url: &str,
    template: Option<&Template>,
    dialect: Option<Dialect>,
    has_secret: bool,
    config: &mut Object,
) -> String {
    let Some(template) = template else {
        return url.to_owned();
    };
    let mut statuses = Object::new();
    for (name, word) in template.statuses {
        statuses.text(name, word);
    }
    config.object("statuses", statuses).value(
        "success_text",
        template.success_text.map_or(Value::Null, Value::from),
    );
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    let secret = if has_secret { template.secret } else { "" };
    let (open, close) = dialect.unwrap_or_default().marks();
    let added = format!("{}{secret}", template.query);
    let added = added.replace('{', open).replace('}', close);
    format!("{url}{joint}{added}")
}
