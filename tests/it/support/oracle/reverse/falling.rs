//! How a reversal falls onto the cells: what it names onto those, the rest onto what it does not
//! name by what is left; never more than its amount, nor than is left.

use super::super::model::{narrow, share_out};
use super::super::read::Line;
use super::{Cell, Fact, Sold};

pub struct Falling<'s> {
    sold: &'s Sold<'s, 's>,
    given: Vec<i64>,
    pieces: Vec<i64>,
    stated: bool,
    rest: Option<i64>,
}

impl<'s> Falling<'s> {
    pub fn onto(sold: &'s Sold<'_, '_>, fact: &Fact) -> (Vec<i64>, Vec<i64>) {
        let rest = fact.money.as_ref().map(|money| money.0);
        let mut falling = Falling {
            sold,
            given: vec![0; sold.cells.len()],
            pieces: vec![0; sold.lines.len()],
            stated: rest.is_some(),
            rest,
        };
        let mut said = Vec::new();
        for line in &fact.lines {
            falling.line(line, fact.names_parts, &mut said);
        }
        let [tax, shipping, discount] = fact.named;
        falling.part("tax", tax);
        falling.part("shipping", shipping);
        let plain = fact.lines.is_empty() && !fact.names_parts;
        if plain || falling.rest.is_some() {
            let left = falling.left(|cell| cell.part != "discount");
            let due = falling.rest.unwrap_or(left).min(left);
            let fixed = |cell: &Cell| {
                cell.part == "tax" && tax.is_some() || cell.part == "shipping" && shipping.is_some()
            };
            let first = falling.take(due, |cell| cell.part != "discount" && !fixed(cell));
            falling.take(due - first, fixed);
        }
        falling.discount(discount, &said);
        (falling.given, falling.pieces)
    }

    fn room(&self, place: usize) -> i64 {
        self.sold.cells[place].size - self.sold.cells[place].back - self.given[place]
    }

    fn left(&self, which: impl Fn(&Cell) -> bool) -> i64 {
        let places = (0..self.given.len()).filter(|place| which(&self.sold.cells[*place]));
        places.map(|place| self.room(place)).sum()
    }

    /// Takes an amount of cells by what is left of each; gives what it could take.
    fn take(&mut self, amount: i64, which: impl Fn(&Cell) -> bool) -> i64 {
        let weights: Vec<i128> = (0..self.given.len())
            .map(|place| {
                if which(&self.sold.cells[place]) {
                    i128::from(self.room(place))
                } else {
                    0
                }
            })
            .collect();
        let amount = i128::from(amount).min(weights.iter().sum());
        for (given, part) in self
            .given
            .iter_mut()
            .zip(narrow(share_out(amount, &weights)))
        {
            *given += part;
        }
        amount as i64
    }

    /// At most what is left of a stated amount.
    fn capped(&self, amount: i64) -> i64 {
        if self.stated {
            amount.min(self.rest.unwrap())
        } else {
            amount
        }
    }

    fn spent(&mut self, amount: i64) {
        if self.stated {
            self.rest = self.rest.map(|rest| rest - amount);
        }
    }

    /// What was not bought is an amount like any other.
    fn unknown(&mut self, amount: i64) {
        if !self.stated {
            self.rest = Some(self.rest.unwrap_or(0) + amount);
        }
    }

    fn line(&mut self, named: &Line, with_parts: bool, said: &mut Vec<usize>) {
        let own = |place: &usize| {
            let sku = self.sold.lines[*place].sku.as_ref();
            sku.is_some() && sku == named.sku.as_ref()
        };
        let places: Vec<usize> = (0..self.pieces.len()).filter(own).collect();
        if places.is_empty() {
            self.unknown(named.amount.unwrap_or(0));
        }
        let (mut wanted, mut count) = (named.amount, named.quantity);
        let (mut tax, mut discount) = (named.tax, named.discount);
        for place in places {
            let line = &self.sold.lines[place];
            let room = self.left(|cell| cell.line == place && cell.part != "discount");
            let before = self.sold.pieces[place] + self.pieces[place];
            let whole = |pieces: i64| {
                let of = line.quantity.unwrap_or(1).max(1);
                (i128::from(line.gross) * i128::from(pieces.min(of)) / i128::from(of)) as i64
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
            let taken = self.capped(asked.min(room));
            let mut open = taken;
            if with_parts && tax > 0 {
                let own = self.take(tax.min(open), |c| c.line == place && c.part == "tax");
                (tax, open) = (tax - own, open - own);
                open -= self.take(open, |c| c.line == place && c.part == "goods");
            }
            self.take(open, |cell| cell.line == place && cell.part != "discount");
            if with_parts && named.discount > 0 {
                let is = |cell: &Cell| cell.line == place && cell.part == "discount";
                discount -= self.take(discount, is);
                said.push(place);
            }
            self.pieces[place] += own_pieces;
            self.spent(taken);
            wanted = wanted.map(|wanted| wanted - taken);
            count = count.map(|count| count - own_pieces);
        }
    }

    /// Tax or shipping: first what is in no line, then that of the lines.
    fn part(&mut self, part: &str, asked: Option<i64>) {
        let Some(asked) = asked else { return };
        if !self.sold.cells.iter().any(|cell| cell.part == part) {
            return self.unknown(asked);
        }
        let own = self.sold.done.fact.lines.len();
        let due = self.capped(asked.min(self.left(|cell| cell.part == part)));
        let first = self.take(due, |cell| cell.part == part && cell.line >= own);
        self.take(due - first, |cell| cell.part == part);
        self.spent(due);
    }

    /// A discount that nobody names goes along with the goods for which it was given.
    fn discount(&mut self, asked: Option<i64>, said: &[usize]) {
        let own = self.sold.done.fact.lines.len();
        if let Some(asked) = asked {
            let first = self.take(asked, |cell| cell.part == "discount" && cell.line >= own);
            self.take(asked - first, |cell| cell.part == "discount");
            return;
        }
        for place in 0..self.given.len() {
            let line = self.sold.cells[place].line;
            if self.sold.cells[place].part != "discount" || said.contains(&line) {
                continue;
            }
            let goods = |cell: &Cell| cell.part == "goods" && (line >= own || cell.line == line);
            let gone: i64 = (0..self.given.len())
                .filter(|other| goods(&self.sold.cells[*other]))
                .map(|other| self.given[other])
                .sum();
            let before = i128::from(gone) + i128::from(self.left(goods));
            if before > 0 {
                let along = i128::from(self.room(place)) * i128::from(gone) / before;
                self.given[place] += along as i64;
            }
        }
    }
}
