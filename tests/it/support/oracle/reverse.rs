//! Refunds, chargebacks and won disputes. What a purchase has earned by then is a function of what
//! was given back of each of its cells.

mod falling;

use super::earn::{PaidLine, lines};
use super::model::{narrow, share_out};
use super::{Case, Credit, Done, Fact, Outcome, Plan};
use falling::Falling;
use std::collections::BTreeMap;

/// What a reversal moved: minor units of each cell and pieces of each line, and whether a free
/// purchase.
#[derive(Clone, Debug, Default)]
struct Moved {
    given: Vec<i64>,
    pieces: Vec<i64>,
    free: bool,
}

/// What can be given back by itself: a line, or where parts are named a part of one.
#[derive(Clone, Debug)]
struct Cell {
    line: usize,
    part: &'static str,
    size: i64,
    /// Is commission paid on it?
    paid: bool,
    back: i64,
}

/// How a purchase stands.
struct Sold<'b, 'a> {
    done: &'b Done<'a>,
    lines: Vec<PaidLine>,
    cells: Vec<Cell>,
    pieces: Vec<i64>,
    free_back: bool,
    charged: BTreeMap<String, Moved>,
}

impl Case<'_> {
    /// Decides all reversals.
    pub fn reversals(&self, outcomes: &mut BTreeMap<String, Outcome>) {
        let mut sold: BTreeMap<&str, Sold<'_, '_>> = BTreeMap::new();
        for done in self.done.iter().filter(|done| done.fact.is_purchase()) {
            let lines = lines(done.fact, done.plan);
            let named = self.facts.iter().any(|fact| {
                let takes = fact.kind == "refund" || fact.kind == "chargeback";
                takes && fact.names_parts && fact.sale == done.fact.key
            });
            let of = Sold {
                done,
                cells: cells(&lines, done.plan, named),
                pieces: vec![0; lines.len()],
                lines,
                free_back: false,
                charged: BTreeMap::new(),
            };
            sold.insert(&done.fact.key, of);
        }
        for fact in self.in_turn(true) {
            let outcome = match sold.get_mut(fact.sale.as_str()) {
                Some(sold) => self.reversal(sold, fact),
                None => Outcome {
                    rule: "purchase",
                    status: "clear",
                    hold_until: fact.at,
                    ..Outcome::default()
                },
            };
            outcomes.insert(fact.event.clone(), outcome);
        }
    }

    fn reversal(&self, sold: &mut Sold<'_, '_>, fact: &Fact) -> Outcome {
        let before = sold.earned();
        let amount = sold.apply(fact);
        let after = sold.earned();
        let done = sold.done;
        let to = done
            .plan
            .and_then(|plan| plan.rules["payout_currency"].as_str());
        let to = to.map(str::to_uppercase);
        let worth = |amount: i64, currency: &str| {
            self.world
                .paid(amount, currency, to.as_deref(), done.fact.at)
        };
        let mut credits = Vec::new();
        let nothing = BTreeMap::new();
        for (place, of) in done.outcome.credits.iter().enumerate() {
            let (before, after) = (
                before.get(&place).unwrap_or(&nothing),
                after.get(&place).unwrap_or(&nothing),
            );
            let mut credit = Credit {
                earned: BTreeMap::new(),
                paid: BTreeMap::new(),
                amount: None,
                ..of.clone()
            };
            for (currency, before) in before {
                let change = after[currency] - before;
                if change != 0 {
                    let (paid_in, now) = worth(after[currency], currency);
                    let then = worth(*before, currency).1;
                    credit.earned.insert(currency.clone(), change);
                    credit.paid.insert(currency.clone(), (paid_in, now - then));
                }
            }
            credits.push(credit);
        }
        if let Some(amount) = amount {
            let weights: Vec<i128> = credits.iter().map(|c| i128::from(c.share)).collect();
            let parts = narrow(share_out(i128::from(amount), &weights));
            let sign = if fact.kind == "dispute_won" { 1 } else { -1 };
            for (credit, part) in credits.iter_mut().zip(parts) {
                credit.amount = Some(sign * part);
            }
        }
        Outcome {
            rule: "purchase",
            credits,
            status: done.outcome.status,
            hold_until: done.outcome.hold_until,
            ..Outcome::default()
        }
    }
}

/// The cells of a purchase; `named`: a reversal names tax, shipping or discount of it.
fn cells(lines: &[PaidLine], plan: Option<&Plan>, named: bool) -> Vec<Cell> {
    let base = |name: &str, standard| plan.map_or(standard, |p| p.flag("base", name, standard));
    let mut cells = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let mut cell = |part, size, paid| {
            let of = Cell {
                line: place,
                part,
                size,
                paid,
                back: 0,
            };
            if !named || size > 0 {
                cells.push(of);
            }
        };
        if !named {
            cell("all", line.gross, true);
            continue;
        }
        let tax = line.tax.clamp(0, line.gross);
        let shipping = line.shipping.clamp(0, line.gross - tax);
        cell("goods", line.gross - tax - shipping, true);
        cell("tax", tax, base("tax", true));
        cell("shipping", shipping, base("shipping", true));
        cell("discount", line.discount, base("discount", false));
    }
    cells
}

impl Sold<'_, '_> {
    fn gross(&self) -> i64 {
        self.lines.iter().map(|line| line.gross).sum()
    }

    /// The money in amounts of cells: a discount is none.
    fn money(&self, amounts: &[i64]) -> i64 {
        let cells = self.cells.iter().zip(amounts);
        cells
            .filter(|(cell, _)| cell.part != "discount")
            .map(|(_, amount)| amount)
            .sum()
    }

    /// What is earned now, by credit and currency.
    fn earned(&self) -> BTreeMap<usize, BTreeMap<String, i64>> {
        let backs: Vec<i64> = self.cells.iter().map(|cell| cell.back).collect();
        let all = match self.gross() {
            0 => self.free_back,
            gross => self.money(&backs) >= gross,
        };
        let mut earned: BTreeMap<usize, BTreeMap<String, i64>> = BTreeMap::new();
        for part in &self.done.parts {
            let own = self.cells.iter();
            let own = own.filter(|c| c.paid && part.line.is_none_or(|line| line == c.line));
            let (mut back, mut size) = (0, 0);
            for cell in own {
                back += i128::from(cell.back);
                size += i128::from(cell.size);
            }
            let lost = if all {
                part.amount
            } else if size == 0 {
                0
            } else {
                (i128::from(part.amount) * back / size) as i64
            };
            let own = earned.entry(part.credit).or_default();
            *own.entry(part.currency.clone()).or_default() += part.amount - lost;
        }
        earned
    }

    /// Takes back or restores; gives the amount, unless the currencies differ.
    fn apply(&mut self, fact: &Fact) -> Option<i64> {
        if fact.kind == "dispute_won" {
            let restored = self.charged.remove(&fact.key).unwrap_or_default();
            for (cell, given) in self.cells.iter_mut().zip(&restored.given) {
                cell.back -= given;
            }
            for (sum, pieces) in self.pieces.iter_mut().zip(&restored.pieces) {
                *sum -= pieces;
            }
            self.free_back &= !restored.free;
            return Some(self.money(&restored.given));
        }
        let foreign = fact.money.as_ref().is_some_and(|money| {
            let own = self.done.fact.money.as_ref();
            own.is_some_and(|own| own.1 != money.1)
        });
        if foreign {
            return None;
        }
        let free = self.gross() == 0 && !self.free_back;
        let (given, pieces) = Falling::onto(self, fact);
        let moved = Moved {
            given,
            pieces,
            free,
        };
        for (cell, given) in self.cells.iter_mut().zip(&moved.given) {
            cell.back += given;
        }
        for (sum, pieces) in self.pieces.iter_mut().zip(&moved.pieces) {
            *sum += pieces;
        }
        self.free_back |= moved.free;
        let sum = self.money(&moved.given);
        if fact.kind == "chargeback" {
            self.charged.insert(fact.key.clone(), moved);
        }
        Some(sum)
    }
}
