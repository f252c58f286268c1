//! Which members of an answer are instants. Inside they are milliseconds, outside RFC 3339 text.
//! Every resource names its own: what a customer put into a link's `offer`, a plan or a setting is
//! given back as it came, whatever its members are called.

use domain::json;
use domain::values::time::UnixMs;
use serde_json::Value;

/// The instants of an object, or of each object of a list.
#[derive(Debug)]
pub struct Dates {
    members: &'static [&'static str],
    within: &'static [(&'static str, &'static Dates)],
}

impl Dates {
    const fn of(members: &'static [&'static str]) -> Dates {
        Dates {
            members,
            within: &[],
        }
    }

    const fn with(self, within: &'static [(&'static str, &'static Dates)]) -> Dates {
        Dates { within, ..self }
    }

    /// Writes them as RFC 3339 text.
    pub fn write(&self, mut value: Value) -> Value {
        self.write_in(&mut value);
        value
    }

    fn write_in(&self, value: &mut Value) {
        if let Value::Array(items) = value {
            items.iter_mut().for_each(|item| self.write_in(item));
            return;
        }
        for name in self.members {
            if let Some(member) = value.get_mut(name)
                && let Some(ms) = member.as_i64()
            {
                *member = json!(UnixMs(ms).to_rfc3339());
            }
        }
        for (name, dates) in self.within {
            if let Some(member) = value.get_mut(name) {
                dates.write_in(member);
            }
        }
    }
}

const NONE: Dates = Dates::of(&[]);
const AT: Dates = Dates::of(&["at"]);
const CREATED: Dates = Dates::of(&["created_at"]);
const BOOKED: Dates = Dates::of(&["booked_at"]);
const RETRIED: Dates = Dates::of(&["retry_at"]);
const HELD: Dates = Dates::of(&["hold_until"]);
const DELIVERY: Dates = Dates::of(&["next_at", "created_at", "done_at"]);
const DECISION: Dates = Dates::of(&["occurred_at", "decided_at", "hold_until"]).with(&[
    ("touches", &AT),
    ("click_ids", &AT),
    ("rates", &AT),
    ("ruling", &AT),
]);
const TOKEN: Dates = NONE.with(&[("opened", &AT)]);
const FACT: Dates = Dates::of(&["occurred_at", "received_at"]).with(&[("token", &TOKEN)]);
const EVENT: Dates = Dates::of(&["occurred_at", "received_at", "retry_at"]).with(&[
    ("decision", &DECISION),
    ("rulings", &AT),
    ("entries", &BOOKED),
    ("earnings", &HELD),
]);
const VISIT: Dates = AT.with(&[("touch", &AT), ("earlier", &AT), ("click_ids", &AT)]);
const SETTLEMENT: Dates = Dates::of(&["until", "created_at"]);
const PAYOUT: Dates = CREATED.with(&[("void", &AT)]);
const PLAN: Dates = Dates::of(&["effective_from"]);
const PROGRAM: Dates = CREATED.with(&[("plan", &PLAN)]);
const REVISION: Dates = Dates::of(&["decided_at"]).with(&[("decision", &DECISION)]);
const EXPORTED: Dates = NONE.with(&[
    ("event", &FACT),
    ("decisions", &REVISION),
    ("rulings", &AT),
    ("entries", &BOOKED),
    ("deliveries", &DELIVERY),
    ("conflicts", &FACT),
    ("visits", &VISIT),
]);

/// A page of a customer's export.
pub const EXPORT: Dates = NONE.with(&[("data", &EXPORTED)]);
pub const ERASURE: Dates = AT;
pub const WHAT_IF: Dates = Dates::of(&["from", "until"]);

/// The instants of a resource, by its name in the address: of one, and of each of a list.
pub fn of(resource: &str) -> &'static Dates {
    match resource {
        "codes" => &const { Dates::of(&["from_at", "until_at", "created_at"]) },
        "conflicts" | "refused" => &const { Dates::of(&["received_at"]) },
        "decisions" | "reviews" => &DECISION,
        "deliveries" => &DELIVERY,
        "destinations" => {
            &const { Dates::of(&["paused_until", "previous_secrets_until", "created_at"]) }
        }
        "earnings" => &HELD,
        "events" => &EVENT,
        "keys" => &const { Dates::of(&["created_at", "revoked_at"]) },
        "ledger" => &BOOKED,
        "links" | "partners" => &CREATED,
        "payouts" => &PAYOUT,
        "programs" => &PROGRAM,
        "erasures" | "rates" | "reclassifications" | "rulings" => &AT,
        "settlements" => &SETTLEMENT,
        "status" => &const { NONE.with(&[("events_set_aside", &RETRIED)]) },
        "violations" => &const { Dates::of(&["occurred_at"]) },
        _ => &NONE,
    }
}

/// The instants of what a change answers with, by the parts of its address.
pub fn of_change(parts: &[&str]) -> &'static Dates {
    match parts {
        ["rates"] => &const { NONE.with(&[("data", &AT)]) },
        ["payouts"] => &const { NONE.with(&[("payouts", &PAYOUT)]) },
        ["events", ..] => of("rulings"),
        ["clicks", ..] => of("reclassifications"),
        ["setup"] => of("keys"),
        [resource, ..] => of(resource),
        [] => &NONE,
    }
}
