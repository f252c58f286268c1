//! Refunds, chargebacks and won disputes. What a purchase has earned by then is a function of what
//! was given back of each of its lines.

use super::earn::{PaidLine, lines};
use super::model::{narrow, share_out};
use super::{Case, Credit, Done, Fact, Outcome};
use std::collections::BTreeMap;

/// What a reversal moved: minor units and pieces of each line, and whether a free purchase.
#[derive(Clone, Debug, Default)]
struct Moved {
    given: Vec<i64>,
    pieces: Vec<i64>,
    free: bool,
}

/// How a purchase stands.
struct Sold<'b, 'a> {
    done: &'b Done<'a>,
    lines: Vec<PaidLine>,
    back: Vec<i64>,
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
            let nothing = vec![0; lines.len()];
            let of = Sold {
                done,
                back: nothing.clone(),
                pieces: nothing,
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

impl Sold<'_, '_> {
    fn gross(&self) -> i64 {
        self.lines.iter().map(|line| line.gross).sum()
    }

    /// What is earned now, by credit and currency.
    fn earned(&self) -> BTreeMap<usize, BTreeMap<String, i64>> {
        let (gross, back) = (self.gross(), self.back.iter().sum::<i64>());
        let all = if gross == 0 {
            self.free_back
        } else {
            back >= gross
        };
        let mut earned: BTreeMap<usize, BTreeMap<String, i64>> = BTreeMap::new();
        for part in &self.done.parts {
            let (back, gross) = match part.line {
                Some(line) => (self.back[line], self.lines[line].gross),
                None => (back, gross),
            };
            let lost = if all {
                part.amount
            } else if gross == 0 {
                0
            } else {
                (i128::from(part.amount) * i128::from(back) / i128::from(gross)) as i64
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
            for (place, given) in restored.given.iter().enumerate() {
                self.back[place] -= given;
                self.pieces[place] -= restored.pieces[place];
            }
            self.free_back &= !restored.free;
            return Some(restored.given.iter().sum());
        }
        let foreign = fact.money.as_ref().is_some_and(|money| {
            let own = self.done.fact.money.as_ref();
            own.is_some_and(|own| own.1 != money.1)
        });
        if foreign {
            return None;
        }
        let moved = self.fall(fact);
        for (place, given) in moved.given.iter().enumerate() {
            self.back[place] += given;
            self.pieces[place] += moved.pieces[place];
        }
        self.free_back |= moved.free;
        let sum = moved.given.iter().sum();
        if fact.kind == "chargeback" {
            self.charged.insert(fact.key.clone(), moved);
        }
        Some(sum)
    }

    /// How a reversal falls onto the lines: what it names onto those, the rest onto all by what is
    /// left of them; never more than its amount, nor than is left.
    fn fall(&self, fact: &Fact) -> Moved {
        let count = self.lines.len();
        let mut given = vec![0; count];
        let mut pieces = vec![0; count];
        let mut rest = fact.money.as_ref().map(|money| money.0);
        let stated = rest.is_some();
        for named in &fact.lines {
            let own = |place: &usize| {
                let sku = self.lines[*place].sku.as_ref();
                sku.is_some() && sku == named.sku.as_ref()
            };
            let places: Vec<usize> = (0..count).filter(own).collect();
            if places.is_empty() && !stated {
                // Nothing that was bought: an amount like any other.
                rest = Some(rest.unwrap_or(0) + named.amount.unwrap_or(0));
            }
            let mut wanted = named.amount;
            let mut count = named.quantity;
            for place in places {
                let line = &self.lines[place];
                let room = line.gross - self.back[place] - given[place];
                let before = self.pieces[place] + pieces[place];
                let whole = |pieces: i64| {
                    let of = line.quantity.unwrap_or(1).max(1);
                    let part = i128::from(line.gross) * i128::from(pieces.min(of)) / i128::from(of);
                    part as i64
                };
                let own_pieces = match (count, line.quantity) {
                    (Some(count), Some(of)) => count.min((of - before).max(0)),
                    (Some(count), None) => count,
                    (None, _) => 0,
                };
                let asked = match (wanted, count, line.quantity) {
                    (Some(wanted), ..) => wanted,
                    (None, Some(0), _) => 0,
                    (None, Some(_), Some(_)) => whole(before + own_pieces) - whole(before),
                    _ => room,
                };
                let limit = if stated {
                    rest.unwrap().max(0)
                } else {
                    i64::MAX
                };
                let taken = asked.min(room).min(limit);
                given[place] += taken;
                pieces[place] += own_pieces;
                wanted = wanted.map(|wanted| wanted - taken);
                count = count.map(|count| count - own_pieces);
                if stated {
                    rest = rest.map(|rest| rest - taken);
                }
            }
        }
        if fact.lines.is_empty() || rest.is_some() {
            let left = self.lines.iter().zip(&self.back).zip(&given);
            let left = left.map(|((line, back), given)| line.gross - back - given);
            let left: Vec<i128> = left.map(i128::from).collect();
            let all: i128 = left.iter().sum();
            let due = rest.map_or(all, |rest| i128::from(rest).clamp(0, all));
            for (given, part) in given.iter_mut().zip(narrow(share_out(due, &left))) {
                *given += part;
            }
        }
        Moved {
            given,
            pieces,
            free: self.gross() == 0 && !self.free_back,
        }
    }
}
