//! How a refund or chargeback falls onto a purchase: what it names onto that, the rest onto all
//! that it does not name, by what is left; never more than its amount, nor than is left.

use super::super::event::{Line, Named, Order};
use super::super::money::apportion;
use super::earned::PaidLine;
use super::purchase::Purchase;
use super::slots::{Component, Slot};

/// What a reversal takes: minor units of each slot, pieces of each line, and whether it gives back
/// a purchase of nothing.
pub(super) struct Taken {
    pub(super) given: Vec<i64>,
    pub(super) pieces: Vec<i64>,
    pub(super) freed: bool,
}

/// A reversal on its way onto a purchase.
pub(super) struct Fall<'p> {
    purchase: &'p Purchase<'p>,
    /// Of each slot.
    left: Vec<i64>,
    taken: Taken,
    /// Does it say its amount?
    stated: bool,
    /// Of a stated amount, what nothing took yet; else what belongs to nothing of the purchase.
    rest: Option<i64>,
    /// Lines whose own discount is named.
    discounted: Vec<usize>,
    /// Asks for more than is left.
    above: bool,
}

impl<'p> Fall<'p> {
    /// What is taken of `asked`, or of what is named, or of all that is left; and whether more was
    /// asked for than is left.
    pub(super) fn onto(
        purchase: &'p Purchase<'p>,
        asked: Option<i64>,
        order: &Order,
    ) -> (Taken, bool) {
        let slots = purchase.slots.iter().zip(&purchase.back);
        let mut fall = Fall {
            purchase,
            left: slots.map(|(slot, back)| slot.size - back).collect(),
            taken: Taken {
                given: vec![0; purchase.slots.len()],
                pieces: vec![0; purchase.lines.len()],
                freed: purchase.gross() == 0 && !purchase.free_back,
            },
            stated: asked.is_some(),
            rest: asked,
            discounted: Vec::new(),
            above: false,
        };
        let named = order.named.unwrap_or_default();
        for line in &order.lines {
            fall.line(line, order.named.is_some());
        }
        fall.component(Component::Tax, named.tax);
        fall.component(Component::Shipping, named.shipping);
        if order.lines.is_empty() && order.named.is_none() || fall.rest.is_some() {
            fall.spread_rest(named);
        }
        fall.discounts(named);
        (fall.taken, fall.above)
    }

    fn places(&self, which: impl Fn(&Slot) -> bool) -> Vec<usize> {
        let slots = self.purchase.slots.iter().enumerate();
        let own = slots.filter(|(_, slot)| which(slot));
        own.map(|(place, _)| place).collect()
    }

    fn left_of(&self, places: &[usize]) -> i64 {
        let left = places.iter().filter_map(|place| self.left.get(*place));
        left.sum()
    }

    /// Takes an amount of slots by what is left of them; gives what they did not have.
    fn spread(&mut self, amount: i64, places: &[usize]) -> i64 {
        let all = self.left_of(places);
        let lefts = places.iter().filter_map(|place| self.left.get(*place));
        let weights: Vec<u64> = lefts.map(|left| left.unsigned_abs()).collect();
        let part = amount.min(all);
        let shares = apportion(part.unsigned_abs(), &weights).unwrap_or_default();
        for (place, share) in places.iter().zip(shares) {
            let share = i64::try_from(share).unwrap_or(0);
            let slot = self
                .left
                .get_mut(*place)
                .zip(self.taken.given.get_mut(*place));
            if let Some((left, given)) = slot {
                *left -= share;
                *given += share;
            }
        }
        amount - part
    }

    /// Of what is wanted, what a stated amount still has.
    fn within(&self, wanted: i64) -> i64 {
        let limit = self.rest.filter(|_| self.stated);
        limit.map_or(wanted, |rest| wanted.min(rest))
    }

    fn spend(&mut self, part: i64) {
        if self.stated {
            self.rest = self.rest.map(|rest| rest - part);
        }
    }

    /// What the purchase does not have is an amount like any other. A stated one holds it already.
    fn loose(&mut self, amount: i64) {
        if !self.stated {
            self.rest = Some(self.rest.unwrap_or(0).saturating_add(amount));
        }
    }

    /// Takes a named line. Lines may have the same SKU: what one does not hold, the next gives.
    /// `split`: its tax has a meaning.
    fn line(&mut self, named: &Line, split: bool) {
        let is_named = |line: &PaidLine| line.sku.is_some() && line.sku == named.sku;
        let lines = self.purchase.lines.iter().enumerate();
        let own = lines.filter(|(_, line)| is_named(line));
        let own: Vec<usize> = own.map(|(place, _)| place).collect();
        if own.is_empty() {
            return self.loose(named.amount.unwrap_or(0));
        }
        let mut want = named.clone();
        for line in own {
            let places = self.places(|slot| slot.line == line && slot.component.is_money());
            let room = self.left_of(&places);
            let (pieces, by_pieces) = self.pieces_of(line, want.quantity);
            let wanted = want.amount.or(by_pieces).unwrap_or(room).min(room);
            let part = self.within(wanted);
            let mut open = part;
            if split && want.tax > 0 {
                let of = |what| self.places(|s| s.line == line && s.component == what);
                let (tax, goods) = (of(Component::Tax), of(Component::Goods));
                let own_tax = want.tax.min(part);
                let taxed = own_tax - self.spread(own_tax, &tax);
                want.tax -= taxed;
                open = self.spread(part - taxed, &goods);
            }
            self.spread(open, &places);
            if split && named.discount > 0 {
                let own = self.places(|s| s.line == line && s.component == Component::Discount);
                want.discount = self.spread(want.discount, &own);
                self.discounted.push(line);
            }
            if let Some(count) = self.taken.pieces.get_mut(line) {
                *count += pieces;
            }
            self.spend(part);
            want.amount = want.amount.map(|amount| amount - part);
            want.quantity = want.quantity.map(|quantity| quantity - pieces);
        }
        self.above |= !self.stated && want.amount.is_some_and(|amount| amount > 0);
    }

    /// How many of `quantity` pieces a line still has, and their amount: those before them taken
    /// off, so that all pieces together are the whole line. A line without pieces is one.
    fn pieces_of(&self, place: usize, quantity: Option<i64>) -> (i64, Option<i64>) {
        let at = |pieces: &[i64]| pieces.get(place).copied().unwrap_or(0);
        let line = self.purchase.lines.get(place);
        let Some((quantity, line)) = quantity.zip(line) else {
            return (0, None);
        };
        let Some(of) = line.quantity.map(|of| of.max(1)) else {
            return (quantity, Some(0).filter(|_| quantity == 0));
        };
        let before = at(&self.purchase.pieces) + at(&self.taken.pieces);
        let own = quantity.min((of - before).max(0));
        let whole = |pieces: i64| i128::from(line.gross) * i128::from(pieces) / i128::from(of);
        let amount = whole(before + own) - whole(before);
        (own, i64::try_from(amount).ok())
    }

    /// Takes tax or shipping: as in a purchase first what is in no line.
    fn component(&mut self, component: Component, asked: Option<i64>) {
        let Some(asked) = asked else { return };
        let outside = self.places(|slot| slot.component == component && slot.outside);
        let inside = self.places(|slot| slot.component == component && !slot.outside);
        if outside.is_empty() && inside.is_empty() {
            return self.loose(asked);
        }
        let room = self.left_of(&outside) + self.left_of(&inside);
        let part = self.within(asked.min(room));
        let more = self.spread(part, &outside);
        self.spread(more, &inside);
        self.spend(part);
        self.above |= !self.stated && asked > part;
    }

    /// What is named is that much and no more, unless nothing else is left.
    fn spread_rest(&mut self, named: Named) {
        let all = self.places(|slot| slot.component.is_money());
        let open = self.places(|slot| match slot.component {
            Component::Tax => named.tax.is_none(),
            Component::Shipping => named.shipping.is_none(),
            component => component.is_money(),
        });
        let left = self.left_of(&all);
        let rest = self.rest.unwrap_or(left);
        self.above |= rest > left;
        let more = self.spread(rest.min(left), &open);
        self.spread(more, &all);
    }

    /// A discount that is not named goes along with the goods that it was given for.
    fn discounts(&mut self, named: Named) {
        let is = |what| move |slot: &Slot| slot.component == what;
        if let Some(asked) = named.discount {
            let of = |outside| move |s: &Slot| is(Component::Discount)(s) && s.outside == outside;
            let more = self.spread(asked, &self.places(of(true)));
            self.spread(more, &self.places(of(false)));
            return;
        }
        for place in self.places(is(Component::Discount)) {
            let Some(slot) = self.purchase.slots.get(place).copied() else {
                continue;
            };
            if !self.discounted.contains(&slot.line) {
                self.spread(self.along(slot, place), &[place]);
            }
        }
    }

    /// The part of a discount that goes along: of a line's with its goods, of the order's with all.
    fn along(&self, slot: Slot, place: usize) -> i64 {
        let goods = self.places(|other| {
            other.component == Component::Goods && (slot.outside || other.line == slot.line)
        });
        let given = goods.iter().filter_map(|g| self.taken.given.get(*g));
        let given = i128::from(given.sum::<i64>());
        let before = given + i128::from(self.left_of(&goods));
        let left = i128::from(self.left_of(&[place]));
        match before {
            0 => 0,
            _ => i64::try_from(left * given / before).unwrap_or(0),
        }
    }
}
