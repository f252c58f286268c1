//! Commission plans: what a partner earns. A plan is never changed; a new version takes effect
//! from its date, and an event is paid by the version of its own instant.

use super::input::{FieldError, Fields};
use super::money::{BPS_WHOLE, MAX_MINOR, Money, MoneyError};
use super::time::{DAY_MS, UnixMs};
use serde::{Deserialize, Serialize};

/// A percentage, a flat amount, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commission {
    /// Basis points of the amount: 1,000 is 10 %. Rounded down to the minor unit.
    #[serde(default)]
    pub rate_bps: u32,
    /// Added once per event, in its own currency.
    #[serde(default)]
    pub flat: Option<Money>,
}

impl Commission {
    /// What is earned on `base`, at most one amount per currency, none of them zero.
    /// Example: 10 % and 1.00 USD on 20.00 USD earn 3.00 USD; on 20.00 EUR 2.00 EUR and 1.00 USD.
    pub fn earned(&self, base: Option<Money>) -> Result<Vec<Money>, MoneyError> {
        let share = base.map(|base| base.rate_of(self.rate_bps)).transpose()?;
        let amounts = match (share, self.flat) {
            (Some(share), Some(flat)) if share.currency() == flat.currency() => {
                vec![share.checked_add(flat)?]
            }
            (share, flat) => share.into_iter().chain(flat).collect(),
        };
        Ok(amounts
            .into_iter()
            .filter(|money| !money.is_zero())
            .collect())
    }
}

/// The rules of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// A touch older than this many days at the event earns nothing.
    pub window_days: u16,
    #[serde(default)]
    pub sale: Option<Commission>,
    #[serde(default)]
    pub lead: Option<Commission>,
}

impl Rules {
    pub fn window_ms(&self) -> i64 {
        i64::from(self.window_days).saturating_mul(DAY_MS)
    }

    /// Reads rules from a request body.
    pub fn read(mut fields: Fields<'_>) -> Result<Rules, Vec<FieldError>> {
        let window = fields.required_integer("window_days", 1, 400);
        let sale = commission(&mut fields, "sale");
        let lead = commission(&mut fields, "lead");
        if lead.is_some_and(|lead| lead.rate_bps > 0) {
            fields.fault(
                "lead",
                "rate_without_amount",
                "a lead has no amount: use a flat sum",
            );
        }
        if sale.is_none() && lead.is_none() {
            fields.fault("sale", "required", "a plan pays for sales, leads or both");
        }
        let days = window.and_then(|days| u16::try_from(days).ok());
        fields.finish(days.map(|window_days| Rules {
            window_days,
            sale,
            lead,
        }))
    }
}

fn commission(parent: &mut Fields<'_>, name: &str) -> Option<Commission> {
    let mut fields = parent.object(name)?;
    let rate = fields
        .integer("rate_bps", 0, i64::from(BPS_WHOLE))
        .unwrap_or(0);
    let flat = fields.object("flat").and_then(|mut flat| {
        let amount = flat.required_integer("amount", 0, MAX_MINOR);
        if flat.value("currency").is_none() {
            flat.fault("currency", "required", "is required");
        }
        let currency = flat.currency("currency");
        let money = amount
            .zip(currency)
            .and_then(|(a, c)| Money::new(a, c).ok());
        fields.absorb(flat.finish(money))
    });
    let rate_bps = u32::try_from(rate).unwrap_or(0);
    if rate_bps == 0 && flat.is_none_or(Money::is_zero) {
        fields.fault("rate_bps", "required", "give a rate, a flat sum, or both");
    }
    let read = fields.finish(Some(Commission { rate_bps, flat }));
    parent.absorb(read)
}

/// A version of a program's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub version: u32,
    pub effective_from: UnixMs,
    pub rules: Rules,
}

/// The version in force at an instant: the newest that had begun. Before the first one, the first
/// one holds (a back-dated event of the program's first days).
pub fn in_force(plans: &[Plan], at: UnixMs) -> Option<&Plan> {
    let begun = plans.iter().filter(|plan| plan.effective_from <= at);
    begun
        .max_by_key(|plan| (plan.effective_from, plan.version))
        .or_else(|| {
            plans
                .iter()
                .min_by_key(|plan| (plan.effective_from, plan.version))
        })
}

#[cfg(test)]
mod tests {
    use super::super::money::Currency;
    use super::*;
    use serde_json::json;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::parse(code).unwrap()).unwrap()
    }

    #[test]
    fn percentage_and_flat_add_up_per_currency() {
        let both = Commission {
            rate_bps: 1_000,
            flat: Some(money(100, "USD")),
        };
        assert_eq!(
            both.earned(Some(money(2_000, "USD"))).unwrap(),
            [money(300, "USD")]
        );
        let euro = both.earned(Some(money(2_000, "EUR"))).unwrap();
        assert_eq!(euro, [money(200, "EUR"), money(100, "USD")]);
        assert_eq!(both.earned(None).unwrap(), [money(100, "USD")]);
        let rate = Commission {
            rate_bps: 1,
            flat: None,
        };
        assert!(rate.earned(Some(money(99, "USD"))).unwrap().is_empty());
    }

    #[test]
    fn the_version_of_the_events_instant_counts() {
        let rules = Rules {
            window_days: 30,
            sale: None,
            lead: None,
        };
        let plan = |version, from| Plan {
            version,
            effective_from: UnixMs(from),
            rules: rules.clone(),
        };
        let plans = [plan(1, 100), plan(2, 200)];
        let at = |ms| in_force(&plans, UnixMs(ms)).unwrap().version;
        assert_eq!(
            (at(50), at(100), at(199), at(200), at(999)),
            (1, 1, 1, 2, 2)
        );
        assert!(in_force(&[], UnixMs(1)).is_none());
    }

    #[test]
    fn a_plan_without_a_rate_is_refused() {
        for (body, path) in [
            (json!({"window_days": 30}), "/plan/sale"),
            (
                json!({"window_days": 30, "sale": {}}),
                "/plan/sale/rate_bps",
            ),
            (
                json!({"window_days": 0, "sale": {"rate_bps": 5}}),
                "/plan/window_days",
            ),
            (
                json!({"window_days": 9, "sale": {"rate_bps": 10_001}}),
                "/plan/sale/rate_bps",
            ),
            (
                json!({"window_days": 9, "lead": {"rate_bps": 10}}),
                "/plan/lead",
            ),
            (
                json!({"window_days": 9, "lead": {"flat": {"amount": 5}}}),
                "/plan/lead/flat/currency",
            ),
        ] {
            let errors = Rules::read(Fields::new(body.as_object().unwrap(), "/plan")).unwrap_err();
            assert_eq!(errors.first().unwrap().path, path, "{body}");
        }
    }
}
