//! The names under which platforms know what happened: one table, so that the same event is the
//! same standard event everywhere. Sources: Meta's "Standard events", TikTok's "How to adopt
//! TikTok's updated standard events", GA4's "Recommended events", Segment's "Spec: V2 Ecommerce
//! events" and "B2B SaaS".

use super::{Event, Occasion};

/// What platforms tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standard {
    Purchase,
    Refund,
    SignUp,
    Lead,
    /// A milestone of the merchant's own.
    Own,
}

/// A platform's names. `None`: it has none, and the merchant's own name is told (a lead, a
/// milestone), or nothing (a refund).
pub(super) struct Names {
    purchase: &'static str,
    refund: Option<&'static str>,
    sign_up: &'static str,
    lead: Option<&'static str>,
}

/// Both take nothing back.
pub(super) const META_AND_TIKTOK: Names = Names {
    purchase: "Purchase",
    refund: None,
    sign_up: "CompleteRegistration",
    lead: Some("Lead"),
};
pub(super) const GA4: Names = Names {
    purchase: "purchase",
    refund: Some("refund"),
    sign_up: "sign_up",
    lead: Some("generate_lead"),
};
/// Its spec has no lead.
pub(super) const SEGMENT: Names = Names {
    purchase: "Order Completed",
    refund: Some("Order Refunded"),
    sign_up: "Signed Up",
    lead: None,
};

fn standard(event: &Event) -> Option<Standard> {
    match event.occasion {
        Occasion::Sale | Occasion::Renewal | Occasion::Deal => Some(Standard::Purchase),
        Occasion::Refund | Occasion::Chargeback => Some(Standard::Refund),
        Occasion::Lead | Occasion::Milestone if is_sign_up(&event.name) => Some(Standard::SignUp),
        Occasion::Lead => Some(Standard::Lead),
        Occasion::Milestone => Some(Standard::Own),
        Occasion::Cancellation | Occasion::Reactivation | Occasion::DisputeWon => None,
    }
}

/// Merchants write it as `Sign up`, `signup` or `sign_up`.
fn is_sign_up(name: &str) -> bool {
    let letters = name.bytes().filter(u8::is_ascii_alphabetic);
    letters.map(|byte| byte.to_ascii_lowercase()).eq(*b"signup")
}

impl Names {
    /// The name of an event; `None` when the platform does not take it. `own` says whether it
    /// takes a name of the merchant's.
    pub(super) fn of<'e>(&self, event: &'e Event, own: fn(&str) -> bool) -> Option<&'e str> {
        let own = || Some(event.name.as_str()).filter(|name| own(name));
        match standard(event)? {
            Standard::Purchase => Some(self.purchase),
            Standard::Refund => self.refund,
            Standard::SignUp => Some(self.sign_up),
            Standard::Lead => self.lead.or_else(own),
            Standard::Own => own(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_is_the_same_standard_event_everywhere() {
        let all = [META_AND_TIKTOK, GA4, SEGMENT];
        for (occasion, name, expected) in [
            (
                Occasion::Sale,
                "x",
                ["Purchase", "purchase", "Order Completed"],
            ),
            (
                Occasion::Renewal,
                "x",
                ["Purchase", "purchase", "Order Completed"],
            ),
            (
                Occasion::Deal,
                "x",
                ["Purchase", "purchase", "Order Completed"],
            ),
            (Occasion::Refund, "x", ["", "refund", "Order Refunded"]),
            (Occasion::Chargeback, "x", ["", "refund", "Order Refunded"]),
            (Occasion::DisputeWon, "x", ["", "", ""]),
            (
                Occasion::Lead,
                "Sign up",
                ["CompleteRegistration", "sign_up", "Signed Up"],
            ),
            (
                Occasion::Lead,
                "sign_up",
                ["CompleteRegistration", "sign_up", "Signed Up"],
            ),
            (
                Occasion::Milestone,
                "signup",
                ["CompleteRegistration", "sign_up", "Signed Up"],
            ),
            (Occasion::Lead, "Demo", ["Lead", "generate_lead", "Demo"]),
            (Occasion::Milestone, "Demo", ["Demo", "Demo", "Demo"]),
        ] {
            let event = Event {
                occasion,
                name: name.to_owned(),
                ..Event::default()
            };
            let told = all.each_ref().map(|names| names.of(&event, |_| true));
            assert_eq!(
                told.map(Option::unwrap_or_default),
                expected,
                "{occasion:?} {name}"
            );
        }
        let own = Event {
            occasion: Occasion::Milestone,
            ..Event::default()
        };
        assert_eq!(GA4.of(&own, |_| false), None);
    }
}
