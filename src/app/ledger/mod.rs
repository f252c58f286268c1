//! The guarded fold: look for what waits, load it with all that it touches, decide, commit.
//!
//! Three round trips for up to 100 facts. What is decided is compared with what is booked and the
//! differences are committed in parts, each below the limits of the database. A part's first
//! statement fails its transaction when anything that was read has changed since; then it loads and
//! decides again. Facts count as folded with the last part only, so a crash leaves a state from
//! which the next fold computes the rest, and any number of consumers may fold at once.
//!
//! What fails is halved until the customer is found for whom it fails, who is set aside alone and
//! tried again later.

mod aside;
mod attempt;
mod change;
pub(super) mod commit;
mod due;
mod group;
mod history;
pub(super) mod load;
pub(crate) mod notices;
mod part;
mod rows;
pub(super) mod shadow;
pub(crate) mod sql;

use super::ports::{Database, DatabaseError, Statement};
use aside::Why;
use change::Work;
use domain::json;
use domain::values::time::UnixMs;
use due::Unit;

pub(crate) use commit::{ADD_ENTRIES, entry_row};

/// How often a fold tries again after others were faster.
const TRIES: u32 = 8;

/// What a fold did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    pub facts: usize,
    pub set_aside: usize,
}

impl Folded {
    fn add(&mut self, other: Folded) {
        self.facts += other.facts;
        self.set_aside += other.set_aside;
    }
}

/// Folds up to 100 facts that wait. `facts: 0` means that nothing waited.
pub async fn fold(db: &impl Database, now: UnixMs) -> Result<Folded, DatabaseError> {
    let mut folded = Folded::default();
    let mut able = Vec::new();
    for unit in due::look(db, now).await? {
        match unit.unfit(now) {
            Some(why) => folded.add(aside::set(db, &unit, why, now).await?),
            None if unit.is_in_doubt(now) => {}
            None => able.push(unit),
        }
    }
    let mut overtaken = false;
    for portion in due::portions(able) {
        match fold_portion(db, portion, now).await {
            Err(DatabaseError::Stale) => overtaken = true,
            done => folded.add(done?),
        }
    }
    if overtaken && folded.facts == 0 {
        return Err(DatabaseError::Stale);
    }
    Ok(folded)
}

/// Folds units together; when that fails, in halves. A unit that fails twice by itself is set
/// aside, and one that others always change meanwhile is left for later.
async fn fold_portion(
    db: &impl Database,
    units: Vec<Unit>,
    now: UnixMs,
) -> Result<Folded, DatabaseError> {
    let mut folded = Folded::default();
    let mut overtaken = false;
    let mut waiting = vec![(units, 0)];
    while let Some((mut units, failed)) = waiting.pop() {
        let error = match fold_units(db, &units, now).await {
            Ok(done) => {
                folded.add(done);
                continue;
            }
            Err(error) => error,
        };
        let is_stale = error == DatabaseError::Stale;
        if !is_stale {
            // When the database is away, nobody's events are to blame.
            db.batch(vec![Statement::new(IS_THERE, &json!({}))]).await?;
        }
        let second = units.split_off(units.len() / 2);
        if !units.is_empty() {
            waiting.extend([(second, 0), (units, 0)]);
        } else if is_stale {
            attempt::release(db, &second).await?;
            overtaken = true;
        } else if failed == 0 {
            waiting.push((second, 1));
        } else {
            for unit in &second {
                folded.add(aside::set(db, unit, Why::FoldFailed, now).await?);
            }
        }
    }
    if overtaken && folded.facts == 0 {
        return Err(DatabaseError::Stale);
    }
    Ok(folded)
}

const IS_THERE: &str = "SELECT '1' WHERE ?1 IS NOT NULL";

/// Loads, decides and commits, again when others were faster.
async fn fold_units(
    db: &impl Database,
    units: &[Unit],
    now: UnixMs,
) -> Result<Folded, DatabaseError> {
    for _ in 0..TRIES {
        let loaded = load::waiting(db, units, now).await?;
        let facts = loaded.facts.iter().filter(|row| row.waits(units)).count();
        if facts == 0 {
            // Others folded them: there may be more behind.
            let facts = units.iter().map(|unit| unit.events.len()).sum();
            return Ok(Folded {
                facts,
                set_aside: 0,
            });
        }
        let work = Work::decide(&loaded, now);
        let set_aside = work.set_aside;
        let is_open = !work.open.is_empty();
        match part::write(db, work, &loaded, now).await {
            Ok(()) if is_open => {
                attempt::release(db, units).await?;
                return Ok(Folded { facts, set_aside });
            }
            Ok(()) => return Ok(Folded { facts, set_aside }),
            Err(DatabaseError::Stale) => {}
            Err(other) => return Err(other),
        }
    }
    Err(DatabaseError::Stale)
}

/// The statements that fail the transaction unless the aggregate still has that version, and give
/// it the next one.
pub(super) fn guarded(key: &str, version: i64) -> Vec<Statement> {
    let guard = json!({"key": key, "version": version});
    let param = json!({"guards": [guard], "bump": [key]});
    let all = [commit::GUARD, commit::CLEAR_GUARD, commit::BUMP];
    Statement::all(&all, &param)
}
