//! Setting events aside: alone, visibly, with a reason, and not for ever.

use super::Folded;
use super::attempt::waiting;
use super::due::Unit;
use crate::ports::{Database, DatabaseError, Statement};
use domain::json;
use domain::values::limits;
use domain::values::time::UnixMs;

/// Why events are set aside; the API shows the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// An amount leaves the range of money. Looked at again whenever its customer is folded.
    AmountOutOfRange,
    /// The customer's history is longer than a fold can take.
    HistoryTooLarge,
    /// Loading or committing failed for this customer alone, or ended the isolate.
    FoldFailed,
}

impl Why {
    pub(super) fn word(self) -> &'static str {
        match self {
            Why::AmountOutOfRange => "amount_out_of_range",
            Why::HistoryTooLarge => "history_too_large",
            Why::FoldFailed => "fold_failed",
        }
    }

    /// Is it tried again by itself?
    pub(super) fn is_tried_again(self) -> bool {
        self != Why::AmountOutOfRange
    }
}

const SET_ASIDE: &str = waiting!(
    "UPDATE facts SET state = 'set_aside', aside = ?1 ->> 'why', retry_at = ?1 ->> 'until',
       tries = ?1 ->> 'tries', tried_at = 0, waits_since = NULL",
    "RETURNING id"
);

/// When what was set aside so often is tried again: a minute, then twice as long each time.
pub(super) fn again(now: UnixMs, tries: u32) -> UnixMs {
    let wait = limits::RETRY_FOLD_MS.saturating_mul(1 << tries.min(20));
    now.plus(wait.min(limits::RETRY_FOLD_MOST_MS))
}

/// Sets what waits of a customer aside. What comes later for a customer who is set aside joins it.
pub(super) async fn set(
    db: &impl Database,
    unit: &Unit,
    why: Why,
    now: UnixMs,
) -> Result<Folded, DatabaseError> {
    let known = unit.until.as_ref();
    let until = known.map_or_else(|| again(now, unit.tries), |(until, _)| *until);
    let why = known.map_or(why.word(), |(_, why)| why);
    let tries = unit.tries + u32::from(known.is_none());
    let param = json!({"facts": unit.events, "why": why, "until": until, "tries": tries});
    let rows = db.batch(vec![Statement::new(SET_ASIDE, &param)]).await?;
    let facts = rows.iter().map(Vec::len).sum();
    Ok(Folded {
        facts,
        set_aside: facts,
    })
}
