//! Who brought the customer: last touch within a window.
//!
//! Every touch that is known of a customer is considered for every event, and each gets a verdict,
//! so the answer explains itself. The order of touches is (instant, nonce, link): two touches of
//! one instant have a stable order whatever the order in which they were learned.

use super::click::TouchRecord;
use super::consent::Consent;
use super::ids::{LinkId, PartnerId, ProgramId};
use super::time::UnixMs;
use super::traffic::Class;
use serde::{Deserialize, Serialize};

/// How a touch became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The click token that came with an event of this customer.
    Token,
    /// An earlier touch in the visitor's journal, carried by a stored click.
    Journal,
}

/// Why a touch got the credit or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The last eligible touch: takes the whole credit.
    Won,
    /// Eligible, but a later touch won.
    NotLast,
    /// Happened after the event.
    AfterEvent,
    /// Older than the plan's window.
    OutsideWindow,
    /// The partner was suspended at the touch or at the event.
    PartnerSuspended,
}

impl Verdict {
    fn is_eligible(self) -> bool {
        matches!(self, Verdict::Won | Verdict::NotLast)
    }
}

/// A touch with what was decided about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    pub at: UnixMs,
    pub link: LinkId,
    pub partner: PartnerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    pub class: Class,
    pub consent: Consent,
    pub source: Source,
    pub verdict: Verdict,
    /// Share of the credit in basis points.
    pub share_bps: u32,
}

/// A partner was suspended or made active again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    pub partner: PartnerId,
    pub at: UnixMs,
    pub active: bool,
}

/// What decides whether a touch may win.
pub struct Terms<'a> {
    pub event_at: UnixMs,
    pub window_ms: i64,
    /// Dated changes, in the order in which they were made.
    pub statuses: &'a [StatusChange],
}

impl Terms<'_> {
    fn active(&self, partner: PartnerId, at: UnixMs) -> bool {
        let changes = self
            .statuses
            .iter()
            .filter(|s| s.partner == partner && s.at <= at);
        changes
            .max_by_key(|change| change.at)
            .is_none_or(|change| change.active)
    }

    fn verdict(&self, touch: &TouchRecord) -> Verdict {
        let age = self.event_at.since(touch.at);
        // An anonymous touch is dated at its day's start; only the event's instant can be asked.
        let asked_at = if touch.nonce.is_some() {
            touch.at
        } else {
            self.event_at
        };
        if age < 0 {
            Verdict::AfterEvent
        } else if age > self.window_ms {
            Verdict::OutsideWindow
        } else if !self.active(touch.partner, self.event_at)
            || !self.active(touch.partner, asked_at)
        {
            Verdict::PartnerSuspended
        } else {
            Verdict::NotLast
        }
    }
}

/// Sorts touches into their order and keeps one of each click; one from a token is kept before
/// one from a journal, and of those the one with the wider consent (a later grant).
pub fn distinct(
    touches: impl IntoIterator<Item = (TouchRecord, Source)>,
    program: ProgramId,
) -> Vec<(TouchRecord, Source)> {
    let mut all: Vec<_> = touches
        .into_iter()
        .filter(|(t, _)| t.program == program)
        .collect();
    all.sort_by(|(a, from_a), (b, from_b)| {
        let key = |t: &TouchRecord| (t.nonce.clone(), t.link, t.at);
        key(a)
            .cmp(&key(b))
            .then(from_a.cmp(from_b))
            .then(b.consent.cmp(&a.consent))
    });
    all.dedup_by(|(next, _), (kept, _)| match (&next.nonce, &kept.nonce) {
        (Some(next), Some(kept)) => next == kept,
        (None, None) => next.link == kept.link && next.at == kept.at,
        _ => false,
    });
    all.sort_by(|(a, _), (b, _)| (a.at, &a.nonce, a.link).cmp(&(b.at, &b.nonce, b.link)));
    all
}

/// Considers touches (in order, see [`distinct`]) under last touch. At most one has `Won`.
pub fn last_touch(touches: &[(TouchRecord, Source)], terms: &Terms<'_>) -> Vec<Considered> {
    let mut considered: Vec<Considered> = touches
        .iter()
        .map(|(touch, source)| Considered {
            at: touch.at,
            link: touch.link,
            partner: touch.partner,
            nonce: touch.nonce.clone(),
            class: touch.class,
            consent: touch.consent,
            source: *source,
            verdict: terms.verdict(touch),
            share_bps: 0,
        })
        .collect();
    if let Some(last) = considered
        .iter_mut()
        .rev()
        .find(|touch| touch.verdict.is_eligible())
    {
        last.verdict = Verdict::Won;
        last.share_bps = super::money::BPS_WHOLE;
    }
    considered
}

#[cfg(test)]
mod tests {
    use super::super::time::DAY_MS;
    use super::super::token::tests::{NOW, touch};
    use super::*;

    fn record(nonce: u8, at: UnixMs, partner: u64) -> TouchRecord {
        TouchRecord {
            nonce: Some(format!("{nonce:016x}")),
            at,
            partner: PartnerId::from_number(partner),
            ..TouchRecord::from(&touch())
        }
    }

    fn verdicts(touches: Vec<TouchRecord>, statuses: &[StatusChange]) -> Vec<Verdict> {
        let terms = Terms {
            event_at: NOW,
            window_ms: 30 * DAY_MS,
            statuses,
        };
        let touches = touches.into_iter().map(|touch| (touch, Source::Token));
        let touches = distinct(touches, ProgramId::from_number(1));
        last_touch(&touches, &terms)
            .into_iter()
            .map(|touch| touch.verdict)
            .collect()
    }

    #[test]
    fn the_last_touch_inside_the_window_wins() {
        let touches = vec![
            record(1, NOW.plus(-31 * DAY_MS), 1),
            record(2, NOW.plus(-5), 2),
            record(3, NOW.plus(-9), 3),
            record(4, NOW.plus(1), 4),
        ];
        use Verdict::*;
        assert_eq!(
            verdicts(touches, &[]),
            [OutsideWindow, NotLast, Won, AfterEvent]
        );
    }

    #[test]
    fn the_border_of_the_window_still_counts() {
        assert_eq!(
            verdicts(vec![record(1, NOW.plus(-30 * DAY_MS), 1)], &[]),
            [Verdict::Won]
        );
        let late = vec![record(1, NOW.plus(-30 * DAY_MS - 1), 1)];
        assert_eq!(verdicts(late, &[]), [Verdict::OutsideWindow]);
    }

    #[test]
    fn a_suspended_partner_earns_nothing_from_its_date_on() {
        let change = |at, active| StatusChange {
            partner: PartnerId::from_number(2),
            at,
            active,
        };
        let touches = || vec![record(1, NOW.plus(-9), 1), record(2, NOW.plus(-5), 2)];
        let now = [change(NOW, false)];
        assert_eq!(
            verdicts(touches(), &now),
            [Verdict::Won, Verdict::PartnerSuspended]
        );
        let later = [change(NOW.plus(1), false)];
        assert_eq!(
            verdicts(touches(), &later),
            [Verdict::NotLast, Verdict::Won]
        );
        let back = [change(NOW.plus(-9), false), change(NOW.plus(-5), true)];
        assert_eq!(verdicts(touches(), &back), [Verdict::NotLast, Verdict::Won]);
    }

    #[test]
    fn order_of_arrival_and_repeats_do_not_matter() {
        let same_instant = [record(1, NOW, 1), record(2, NOW, 2), record(1, NOW, 1)];
        let forward = verdicts(same_instant.to_vec(), &[]);
        let backward = verdicts(same_instant.into_iter().rev().collect(), &[]);
        assert_eq!(forward, [Verdict::NotLast, Verdict::Won]);
        assert_eq!(forward, backward);
    }

    #[test]
    fn touches_of_another_program_are_not_seen() {
        let foreign = TouchRecord {
            program: ProgramId::from_number(9),
            ..record(1, NOW, 1)
        };
        assert!(verdicts(vec![foreign], &[]).is_empty());
    }
}
