//! What a purchase consists of: its lines, and what of the amount is tax, shipping or discount.
//!
//! All amounts are minor units of the event's currency. The event's amount is what the customer
//! paid in all: tax and shipping are parts of it, a discount is already taken off. A line's amount
//! is what was paid for the line, under the same rule. What no line explains is the *rest*
//! (shipping, fees).

use super::super::ids;
use super::super::input::Fields;
use super::super::limits;
use super::super::money::MAX_MINOR;
use super::super::value;
use serde::{Deserialize, Serialize};

/// One line of a purchase, or of a reversal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// Always there in a purchase; of a reversal, absent means by quantity, or all that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Of the amount, tax.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tax: i64,
    /// Taken off before the amount.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discount: i64,
}

/// The parts of an amount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// Of the amount, tax of what is in no line.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tax: i64,
    /// Of the amount, shipping.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shipping: i64,
    /// Taken off the order before the amount, beside the lines' own discounts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discount: i64,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

impl Order {
    pub fn is_empty(&self) -> bool {
        *self == Order::default()
    }

    /// Short text that differs when a line, tax, shipping or discount does.
    pub(super) fn fingerprint(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let text = value::of(self).to_string();
        ids::derived("", &[&text])
    }

    /// Reads `lines`, `tax`, `shipping` and `discount` of a purchase of `amount` minor units.
    pub fn read(fields: &mut Fields<'_>, amount: Option<i64>) -> Order {
        let order = Order {
            lines: read_lines(fields, true),
            tax: fields.integer("tax", 0, MAX_MINOR).unwrap_or(0),
            shipping: fields.integer("shipping", 0, MAX_MINOR).unwrap_or(0),
            discount: fields.integer("discount", 0, MAX_MINOR).unwrap_or(0),
        };
        let explained = order.lines.iter().filter_map(|line| line.amount);
        let explained = explained.fold(order.tax, i64::saturating_add);
        let explained = explained.saturating_add(order.shipping);
        if amount.is_some_and(|amount| explained > amount) {
            fields.fault(
                if order.lines.is_empty() {
                    "amount"
                } else {
                    "lines"
                },
                "parts_exceed_amount",
                "lines, tax outside of them and shipping must not be more than the amount",
            );
        }
        order
    }

    /// Reads the `lines` of a reversal.
    pub fn read_reversal(fields: &mut Fields<'_>) -> Order {
        Order {
            lines: read_lines(fields, false),
            ..Order::default()
        }
    }
}

fn read_lines(fields: &mut Fields<'_>, purchase: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for mut one in fields
        .objects("lines", limits::ORDER_LINES)
        .unwrap_or_default()
    {
        let amount = if purchase {
            one.required_integer("amount", 0, MAX_MINOR)
        } else {
            one.integer("amount", 0, MAX_MINOR)
        };
        let line = Line {
            sku: one.text("sku", limits::NAME_CHARS).map(str::to_owned),
            category: one.text("category", limits::NAME_CHARS).map(str::to_owned),
            quantity: one.integer("quantity", 1, 1_000_000_000),
            amount,
            tax: one.integer("tax", 0, MAX_MINOR).unwrap_or(0),
            discount: one.integer("discount", 0, MAX_MINOR).unwrap_or(0),
        };
        if amount.is_some_and(|amount| line.tax > amount) {
            one.fault("tax", "parts_exceed_amount", "is a part of the amount");
        }
        if !purchase && line.sku.is_none() {
            one.fault("sku", "required", "names the line that is given back");
        }
        let read = one.finish(Some(line));
        lines.extend(fields.absorb(read));
    }
    lines
}
