//! What of a purchase can be given back by itself.
//!
//! As long as no reversal names tax, shipping or discount, that is each line as a whole. Else a
//! line is what was paid for the goods, tax and shipping, and the discount that was given: what is
//! not in the base of commission takes nothing back.

use super::super::plan::Base;
use super::earned::PaidLine;

/// What a slot holds of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Component {
    Whole,
    Goods,
    Tax,
    Shipping,
    /// Was not paid: given back it moves no money, only the base where discounts are in it.
    Discount,
}

impl Component {
    pub(super) fn is_money(self) -> bool {
        self != Component::Discount
    }
}

/// A part of a line that can be given back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) line: usize,
    /// Belongs to what no line explains.
    pub(super) outside: bool,
    pub(super) component: Component,
    /// Minor units.
    pub(super) size: i64,
    /// Commission goes with it.
    pub(super) counts: bool,
}

/// The slots of a purchase with `count` lines of its own.
pub(super) fn of(lines: &[PaidLine], count: usize, split: Option<Base>) -> Vec<Slot> {
    let mut slots = Vec::new();
    for (line, paid) in lines.iter().enumerate() {
        let mut add = |component, size, counts| {
            slots.push(Slot {
                line,
                outside: line >= count,
                component,
                size,
                counts,
            });
        };
        let Some(base) = split else {
            add(Component::Whole, paid.gross, true);
            continue;
        };
        let tax = paid.tax.clamp(0, paid.gross);
        let shipping = paid.shipping.clamp(0, paid.gross - tax);
        let all = [
            (Component::Goods, paid.gross - tax - shipping, true),
            (Component::Tax, tax, base.tax),
            (Component::Shipping, shipping, base.shipping),
            (Component::Discount, paid.discount.max(0), base.discount),
        ];
        for (component, size, counts) in all.into_iter().filter(|(_, size, _)| *size > 0) {
            add(component, size, counts);
        }
    }
    slots
}
