//! Macros: how they are written, which there are, and what they stand for.

use crate::forward::destination::{Credit, Event, Target, encoded};
use crate::values::money::Money;
use crate::values::time::UnixMs;

/// How macros are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Dialect {
    /// `{name}`
    #[default]
    Braces,
    /// `[[name]]`
    Brackets,
    /// `#name#`
    Hashes,
}

pub(super) const DIALECTS: [(&str, Dialect); 3] = [
    ("braces", Dialect::Braces),
    ("brackets", Dialect::Brackets),
    ("hashes", Dialect::Hashes),
];

impl Dialect {
    pub(super) fn of(word: Option<&str>) -> Dialect {
        let found = DIALECTS.iter().find(|(known, _)| word == Some(known));
        found.map(|(_, dialect)| *dialect).unwrap_or_default()
    }

    pub(super) fn marks(self) -> (&'static str, &'static str) {
        match self {
            Dialect::Braces => ("{", "}"),
            Dialect::Brackets => ("[[", "]]"),
            Dialect::Hashes => ("#", "#"),
        }
    }
}

/// How a value is written into its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Percent,
    /// As it stands between the quotes of a JSON text.
    Json,
}

/// What a macro comes to.
pub(super) enum Text {
    Value(String),
    /// Nothing: the macro is removed.
    Nothing,
    /// Something that the whole request is no use without.
    Missing,
}

/// The template with its macros filled in; `None` when one is [`Text::Missing`]. What is not
/// written like a macro stays as it is.
pub(super) fn fill(
    template: &str,
    dialect: Dialect,
    encoding: Encoding,
    mut value: impl FnMut(&str) -> Text,
) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, name, after)) = next(rest, dialect) {
        out.push_str(before);
        match value(name) {
            Text::Value(text) => out.push_str(&written(&text, encoding)),
            Text::Nothing => {}
            Text::Missing => return None,
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn written(text: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Percent => encoded(text),
        Encoding::Json => {
            let quoted = serde_json::Value::from(text).to_string();
            let inner = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"'));
            inner.unwrap_or_default().to_owned()
        }
    }
}

/// The names of all macros.
pub(super) fn names(template: &str, dialect: Dialect) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((_, name, after)) = next(rest, dialect) {
        names.push(name.to_owned());
        rest = after;
    }
    names
}

/// Where the first macro begins.
pub(super) fn first(template: &str, dialect: Dialect) -> Option<usize> {
    next(template, dialect).map(|(before, _, _)| before.len())
}

/// What stands before the next macro, its name, and what stands behind it.
fn next(text: &str, dialect: Dialect) -> Option<(&str, &str, &str)> {
    let (open, close) = dialect.marks();
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find(open)?;
        let inside = text.get(at + open.len()..)?;
        let end = inside.find(close);
        match end.and_then(|end| inside.split_at_checked(end)) {
            Some((name, behind)) if is_name(name) => {
                return Some((text.get(..at)?, name, behind.get(close.len()..)?));
            }
            _ => from = at + open.len(),
        }
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// What a macro is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Click,
    EventId,
    Order,
    Event,
    EventName,
    Status,
    Amount,
    AmountMinor,
    Currency,
    Payout,
    PayoutMinor,
    PayoutCurrency,
    Seconds,
    Instant,
    ClickSeconds,
    Partner,
    Link,
    Program,
    Coupon,
    NewCustomer,
    Delivery,
    Secret,
}

/// The names of macros, with those that the dialects of networks use for the same.
const KNOWN: [(Known, &str); 22] = [
    (
        Known::Click,
        "click_id clickid cid subid external_id externalid transaction_id",
    ),
    (Known::EventId, "event_id conversion_id"),
    (Known::Order, "order_id orderid txid tid transactionid"),
    (Known::Event, "event type"),
    (Known::EventName, "event_name goal"),
    (Known::Status, "status"),
    (Known::Amount, "amount sum"),
    (Known::AmountMinor, "amount_cents amount_minor"),
    (Known::Currency, "currency"),
    (Known::Payout, "payout commission revenue"),
    (Known::PayoutMinor, "payout_cents payout_minor"),
    (Known::PayoutCurrency, "payout_currency"),
    (Known::Seconds, "timestamp"),
    (Known::Instant, "datetime"),
    (Known::ClickSeconds, "click_timestamp"),
    (Known::Partner, "partner_id affiliate_id"),
    (Known::Link, "link_id"),
    (Known::Program, "program_id"),
    (Known::Coupon, "coupon code"),
    (Known::NewCustomer, "new_customer"),
    (Known::Delivery, "delivery_id"),
    (Known::Secret, "secret"),
];

fn known(name: &str) -> Option<Known> {
    let found = KNOWN
        .iter()
        .find(|(_, names)| names.split(' ').any(|known| known == name));
    found.map(|(known, _)| *known)
}

/// `{sub3}` and `{tag.placement}` are what the partner's link noted.
fn tag(name: &str) -> Option<&str> {
    let numbered = name.strip_prefix("sub").and_then(|n| n.parse::<u8>().ok());
    match numbered {
        Some(1..=10) => Some(name),
        _ => name.strip_prefix("tag."),
    }
}

/// Is there such a macro?
pub(super) fn is_known(name: &str) -> bool {
    known(name).is_some() || tag(name).is_some()
}

/// Does the receiver know an event again by it?
pub(super) fn is_key(name: &str) -> bool {
    let keys = [Known::EventId, Known::Order, Known::Delivery];
    known(name).is_some_and(|known| keys.contains(&known))
}

/// What a macro stands for in a message about a partner's part in an event.
pub(super) fn value(name: &str, event: &Event, credit: &Credit, to: &Target<'_>) -> Text {
    let click = || {
        let tag = to.text("click_tag").unwrap_or(super::CLICK_TAG);
        credit.tags.get(tag).cloned()
    };
    let payout = credit.commission.first().copied();
    let minor = |money: Option<Money>| money.map(|money| money.amount_minor().to_string());
    let decimal = |money: Option<Money>| money.map(Money::to_decimal_string);
    let currency = |money: Option<Money>| money.map(|money| money.currency().code().to_owned());
    let seconds = |at: UnixMs| at.0.div_euclid(1_000).to_string();
    let text = match known(name) {
        Some(Known::Click) => return click().map_or(Text::Missing, Text::Value),
        Some(Known::EventId) => Some(event.id.clone()),
        Some(Known::Order) => Some(event.order().unwrap_or(&event.id).to_owned()),
        Some(Known::Event) => Some(event.occasion.as_str().to_owned()),
        Some(Known::EventName) => Some(event.name.clone()),
        Some(Known::Status) => Some(status(event, to)),
        Some(Known::Amount) => decimal(event.money),
        Some(Known::AmountMinor) => minor(event.money),
        Some(Known::Currency) => currency(event.money.or(payout)),
        Some(Known::Payout) => decimal(payout),
        Some(Known::PayoutMinor) => minor(payout),
        Some(Known::PayoutCurrency) => currency(payout),
        Some(Known::Seconds) => Some(seconds(event.occurred_at)),
        Some(Known::Instant) => Some(event.occurred_at.to_rfc3339()),
        Some(Known::ClickSeconds) => credit.clicked_at.map(seconds),
        Some(Known::Partner) => Some(credit.partner.clone()),
        Some(Known::Link) => credit.link.clone(),
        Some(Known::Program) => Some(event.program.clone()),
        Some(Known::Coupon) => credit.code.clone(),
        Some(Known::NewCustomer) => event.is_new_customer.map(|new| u8::from(new).to_string()),
        Some(Known::Delivery) => Some(event.delivery.clone()),
        Some(Known::Secret) => Some(to.secret.to_owned()),
        None => tag(name).and_then(|tag| credit.tags.get(tag).cloned()),
    };
    text.map_or(Text::Nothing, Text::Value)
}

/// `approved`, `pending`, `rejected` or `refunded`, or what the receiver calls it; a word for the
/// event's kind comes first (`{"lead": "lead"}`).
fn status(event: &Event, to: &Target<'_>) -> String {
    let own = match event.status.as_str() {
        _ if event.occasion.is_reversal() => "refunded",
        "rejected" => "rejected",
        "review" | "held" => "pending",
        _ => "approved",
    };
    let words = to.config.get("statuses");
    let word = |name: &str| words?.get(name)?.as_str();
    let kind = word(event.occasion.as_str()).filter(|_| own == "approved");
    kind.or_else(|| word(own)).unwrap_or(own).to_owned()
}
