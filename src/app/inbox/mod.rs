//! A batch of queue messages. Each of them ends taken, tried again later, or kept as a dead letter
//! for people to look at: none vanishes.
//!
//! Visits are stored in parts by bytes. A part that the database refuses is halved, down to one
//! message, so that one which cannot be stored takes no other with it. When the database answers
//! nothing at all, everything that is left waits for the next try.

mod content;
mod dead_letter;

use super::clicks::{self, Message};
use super::ingest::{self, Accepted};
use super::ports::{Database, DatabaseError, Statement};
use crate::domain::limits;
use crate::domain::time::UnixMs;
use crate::json;
use content::Content;
pub use content::VISITS_UNREADABLE;
use dead_letter::DeadLetter;

/// A queue message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The queue's id of it: stable over redelivery.
    pub id: String,
    /// How often it was handed over, this time included.
    pub tries: u32,
    pub body: String,
}

/// What came of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Places of the messages that should come again.
    pub again: Vec<usize>,
    /// Facts or deliveries wait for the ledger plane.
    pub wake: bool,
    /// Places of the messages of which something was kept as a dead letter.
    pub kept: Vec<usize>,
    /// Lines for the log.
    pub log: Vec<String>,
}

/// Takes a batch of the queue of that name.
pub async fn take(db: &impl Database, queue: &str, letters: &[Letter], now: UnixMs) -> Taken {
    let mut work = Work {
        db,
        letters,
        down: false,
        failures: 0,
        dead: Vec::new(),
        taken: Taken::default(),
    };
    let mut visits = Vec::new();
    for (place, letter) in letters.iter().enumerate() {
        let content = Content::read(letter);
        work.taken.wake |= content.wake;
        if let Some((reason, body)) = content.unread {
            work.dead.push((place, reason, body));
        }
        if let Some(intake) = &content.intake {
            match work.waits() {
                true => work.taken.again.push(place),
                false => {
                    work.stored_intake(place, ingest::store(db, intake).await)
                        .await
                }
            }
        }
        visits.extend(content.visits.map(|message| (place, message)));
    }
    work.store_visits(visits).await;
    work.keep(queue, now).await;
    work.taken.again.sort_unstable();
    work.taken.again.dedup();
    work.taken
}

struct Work<'a, D> {
    db: &'a D,
    letters: &'a [Letter],
    /// The database does not answer.
    down: bool,
    failures: u32,
    /// What becomes a dead letter: the message's place, why, and what of it was not taken.
    dead: Vec<(usize, &'static str, String)>,
    taken: Taken,
}

impl<D: Database> Work<'_, D> {
    /// What is not tried yet waits for the next batch.
    fn waits(&self) -> bool {
        self.down || self.failures >= limits::BATCH_FAILURES
    }

    /// A conversion was accepted with 2xx: what is not a fact now is kept.
    async fn stored_intake(&mut self, place: usize, ended: Result<Accepted, DatabaseError>) {
        match ended {
            // `ingest` keeps it apart, with the reason.
            Ok(Accepted::KeyRevoked | Accepted::KeyInvalid) => {
                let line = "an intake was refused: its key may not report it";
                self.taken.log.push(line.to_owned());
            }
            Ok(Accepted::PartnerUnknown) => self.dead(place, "partner_unknown"),
            Ok(Accepted::New | Accepted::Duplicate | Accepted::Conflict) => self.taken.wake = true,
            Err(error) => self.refused(place, error).await,
        }
    }

    async fn store_visits(&mut self, visits: Vec<(usize, Message)>) {
        let bytes: Vec<usize> = visits.iter().map(|(place, _)| self.bytes(*place)).collect();
        let (places, messages): (Vec<usize>, Vec<Message>) = visits.into_iter().unzip();
        let mut parts = parts(&bytes);
        parts.reverse();
        while let Some(part) = parts.pop() {
            let (Some(messages), Some(places)) =
                (messages.get(part.clone()), places.get(part.clone()))
            else {
                continue;
            };
            if self.waits() {
                self.taken.again.extend(places);
                continue;
            }
            match clicks::consume(self.db, messages).await {
                Ok(waiting) => self.taken.wake |= waiting,
                Err(error) => match places {
                    [place] => self.refused(*place, error).await,
                    _ => {
                        self.failed(error).await;
                        let half = part.start + part.len() / 2;
                        parts.extend([half..part.end, part.start..half]);
                    }
                },
            }
        }
    }

    /// What becomes of a message that the database did not take alone.
    async fn refused(&mut self, place: usize, error: DatabaseError) {
        self.failed(error).await;
        let tries = self.letters.get(place).map_or(0, |letter| letter.tries);
        let given_up = !self.down && tries >= limits::MESSAGE_TRIES;
        match error {
            DatabaseError::Constraint | DatabaseError::Refused => self.dead(place, "refused"),
            _ if given_up => self.dead(place, "failed"),
            _ => self.taken.again.push(place),
        }
    }

    /// Finds out whether the database is away or only does not take this.
    async fn failed(&mut self, error: DatabaseError) {
        const ANSWER: &str = "SELECT '1' WHERE ?1 IS NOT NULL";
        self.failures += 1;
        if !matches!(error, DatabaseError::Constraint | DatabaseError::Refused) {
            let asked = self.db.batch(vec![Statement::new(ANSWER, &json!({}))]);
            self.down = asked.await.is_err();
        }
    }

    /// The whole message becomes a dead letter; its unreadable part is in it.
    fn dead(&mut self, place: usize, reason: &'static str) {
        let body = self.letters.get(place).map(|letter| letter.body.clone());
        self.dead.retain(|(other, ..)| *other != place);
        self.dead.push((place, reason, body.unwrap_or_default()));
    }

    /// Keeps the dead letters; one that cannot be kept comes again.
    async fn keep(&mut self, queue: &str, now: UnixMs) {
        for (place, reason, body) in std::mem::take(&mut self.dead) {
            let Some(letter) = self.letters.get(place) else {
                continue;
            };
            let bytes = letter.body.len();
            let dead = DeadLetter {
                id: &letter.id,
                queue,
                reason,
                bytes,
                body: &body,
                at: now,
            };
            let kept = !self.down && dead.keep(self.db).await.is_ok();
            match kept {
                true => self.taken.kept.push(place),
                false => self.taken.again.push(place),
            }
            let what = if kept { "kept" } else { "to be tried again" };
            let line = format!(
                "message {} of {queue}, {bytes} bytes: {reason}, {what}",
                letter.id
            );
            self.taken.log.push(line);
        }
    }

    fn bytes(&self, place: usize) -> usize {
        self.letters
            .get(place)
            .map_or(0, |letter| letter.body.len())
    }
}

/// Messages of these sizes in parts that one transaction stores.
fn parts(bytes: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
    let mut filled = 0;
    for (place, bytes) in bytes.iter().enumerate() {
        match parts.last_mut() {
            Some(part) if filled + bytes <= limits::CLICK_PART_BYTES => part.end = place + 1,
            _ => {
                filled = 0;
                parts.push(place..place + 1);
            }
        }
        filled += bytes;
    }
    parts
}
