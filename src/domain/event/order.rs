//! What a purchase consists of: its lines, and what of the amount is tax, shipping or discount.
//!
//! All amounts are minor units of the event's currency. The event's amount is what the customer
//! paid in all: tax and shipping are parts of it, a discount is already taken off. A line's amount
//! is what was paid for the line, under the same rule. What no line explains is the *rest*
//! (shipping, fees).
//!
//! A line may be below zero: a credit, a proration, a discount as a line. Its tax and discount then
//! are too. The amount itself never is.

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
    /// Of a reversal: which parts it names beside its lines. `None`: none, and the tax and discount
    /// of its lines mean nothing (they were stored before they had a meaning).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
}

/// The parts that a reversal names. Named as nothing is named: `shipping: 0` says that no shipping
/// is given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<i64>,
    /// Not a part of the amount, but of what commission may be paid on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<i64>,
}

/// The members of a line.
pub const LINE: [&str; 6] = ["sku", "category", "quantity", "amount", "tax", "discount"];

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
            named: None,
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

    /// Reads what a reversal names: `lines`, `tax`, `shipping`, `discount`.
    pub fn read_reversal(fields: &mut Fields<'_>) -> Order {
        let lines = read_lines(fields, false);
        let named = Named {
            tax: fields.integer("tax", 0, MAX_MINOR),
            shipping: fields.integer("shipping", 0, MAX_MINOR),
            discount: fields.integer("discount", 0, MAX_MINOR),
        };
        let in_lines = lines.iter().any(|line| line.tax != 0 || line.discount != 0);
        let any = in_lines || named != Named::default();
        Order {
            lines,
            named: any.then_some(named),
            ..Order::default()
        }
    }

    /// Does a reversal name parts, but nothing of any?
    pub fn names_nothing(&self) -> bool {
        let sum = |named: Named| {
            let parts = [named.tax, named.shipping, named.discount];
            parts.into_iter().flatten().fold(0, i64::saturating_add)
        };
        self.lines.is_empty() && self.named.is_some_and(|named| sum(named) == 0)
    }
}

fn read_lines(fields: &mut Fields<'_>, purchase: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for mut one in fields
        .objects("lines", limits::ORDER_LINES)
        .unwrap_or_default()
    {
        let amount = if purchase {
            one.required_integer("amount", -MAX_MINOR, MAX_MINOR)
        } else {
            one.only(&LINE);
            one.integer("amount", 0, MAX_MINOR)
        };
        // What belongs to a line has its sign.
        let (least, most) = if amount.is_some_and(|amount| amount < 0) {
            (-MAX_MINOR, 0)
        } else {
            (0, MAX_MINOR)
        };
        let line = Line {
            sku: one.text("sku", limits::NAME_CHARS).map(str::to_owned),
            category: one.text("category", limits::NAME_CHARS).map(str::to_owned),
            quantity: one.integer("quantity", 1, 1_000_000_000),
            amount,
            tax: one.integer("tax", least, most).unwrap_or(0),
            discount: one.integer("discount", least, most).unwrap_or(0),
        };
        if amount.is_some_and(|amount| line.tax.abs() > amount.abs()) {
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
