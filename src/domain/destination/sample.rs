//! An event that never happened, to try a destination with.

use crate::json;

use super::event::{Credit, Event, Occasion, Parts, Sale};
use super::{Destination, Kept, Permission, Person, Phone};
use crate::domain::click::ClickIdRecord;
use crate::domain::click_ids::ClickIdKind;
use crate::domain::consent::Consent;
use crate::domain::link::Tags;
use crate::domain::money::{Currency, Money};
use crate::domain::time::UnixMs;
use std::borrow::Cow;

static PHONE: Phone = Phone::Number(Cow::Borrowed("+12025550100"));

/// The person of the sample, in clear: `example.com` belongs to nobody (RFC 2606), and the number
/// is one of those kept free for fiction.
pub const PERSON: Person<'static> = Person {
    customer_id: Some("customer-1"),
    email: Some("test@example.com"),
    phone: Some(&PHONE),
    user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0"),
    page_url: Some("https://shop.example/thanks"),
    fbp: Some("fb.1.1732230000000.1098115397"),
    ttp: Some("94e2a4j9-h3ss-k5s5-98cc-c84n745mk287"),
    ga_client_id: Some("GA1.1.1234567890.1732230000"),
    ga_session_id: Some("GS2.1.s1732230000$o1$g1$t1732230060$j60$l0$h0"),
};

/// Click IDs as `(parameter, value)`, an hour before the event.
const CLICKS: [(ClickIdKind, &str); 3] = [
    (ClickIdKind::Fbclid, "IwAR0-sample"),
    (ClickIdKind::Gclid, "Cj0KCQ-sample"),
    (ClickIdKind::Ttclid, "E.C.P.sample"),
];
const HOUR_MS: i64 = 3_600_000;

/// An event of that occasion a minute ago, with everything that the destination may keep.
pub fn sample(occasion: Occasion, to: &dyn Destination, now: UnixMs) -> Event {
    let at = now.plus(-60_000);
    let usd = |minor| Money::new(minor, Currency::parse("USD").ok()?).ok();
    let about_a_sale = occasion.is_reversal() || occasion == Occasion::DisputeWon;
    let sold = about_a_sale || occasion.is_sale() || occasion == Occasion::Deal;
    let mut kept = Kept::default();
    to.keep(&PERSON, &mut kept);
    let mut tags = Tags::new();
    tags.insert("sub1".to_owned(), "partner-click-1".to_owned());
    Event {
        delivery: format!("dl_sample_{}", at.0),
        message: format!("{}.created", occasion.as_str()),
        id: format!("ev_sample_{}", at.0),
        program: "pg_sample".to_owned(),
        occasion,
        name: "Sample".to_owned(),
        key: format!("sample-{}", at.0),
        revision: 1,
        occurred_at: at,
        decided_at: now,
        money: sold.then(|| usd(1_999)).flatten(),
        sale: about_a_sale.then(|| Sale {
            event: "ev_sample_sale".to_owned(),
            key: "sample-sale".to_owned(),
            occurred_at: at.plus(-HOUR_MS),
            money: usd(1_999),
            left: usd(if occasion.is_reversal() { 0 } else { 1_999 }),
        }),
        parts: Parts::default(),
        coupon: None,
        products: Vec::new(),
        status: "clear".to_owned(),
        credits: vec![Credit {
            partner: "pn_sample".to_owned(),
            partner_name: "Sample partner".to_owned(),
            link: Some("ln_sample".to_owned()),
            share_bps: 10_000,
            amount: usd(1_999),
            commission: usd(199).into_iter().collect(),
            tags,
            clicked_at: Some(at.plus(-HOUR_MS)),
            code: None,
        }],
        consent: Some(Consent::Full),
        permission: Permission::Full,
        click_ids: Vec::from(CLICKS.map(|(kind, value)| ClickIdRecord {
            kind,
            at: at.plus(-HOUR_MS),
            value: value.to_owned(),
        })),
        domain: "shop.example".to_owned(),
        is_new_customer: Some(true),
        explanation: "A sample: nothing happened.".to_owned(),
        decision: json!(null),
        kept,
        notice: None,
    }
}
