//! A database port that lets something else happen just before one of its batches: another fold
//! between the load and the commit of the first, a click that arrives meanwhile.

use super::sqlite::Sqlite;
use app::ports::{Database, DatabaseError, Rows, Statement};
use std::cell::{Cell, RefCell};

pub struct Interleaved<'a> {
    inner: &'a Sqlite,
    actions: RefCell<Vec<(usize, Action<'a>)>>,
    batches: Cell<usize>,
    stale: Cell<usize>,
}

type Action<'a> = Box<dyn FnOnce() + 'a>;

impl<'a> Interleaved<'a> {
    pub fn new(inner: &'a Sqlite) -> Interleaved<'a> {
        Interleaved {
            inner,
            actions: RefCell::default(),
            batches: Cell::new(0),
            stale: Cell::new(0),
        }
    }

    /// Runs `action` just before the batch of that number; the first one is 0.
    pub fn before(self, batch: usize, action: impl FnOnce() + 'a) -> Interleaved<'a> {
        self.actions.borrow_mut().push((batch, Box::new(action)));
        self
    }

    fn due(&self, number: usize) -> Option<Action<'a>> {
        let mut waiting = self.actions.borrow_mut();
        let place = waiting.iter().position(|(batch, _)| *batch == number);
        place.map(|place| waiting.remove(place).1)
    }

    /// How often the version check of a fold refused a commit.
    pub fn stale(&self) -> usize {
        self.stale.get()
    }
}

impl Database for Interleaved<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let number = self.batches.replace(self.batches.get() + 1);
        if let Some(action) = self.due(number) {
            action();
        }
        let done = self.inner.batch(statements).await;
        if done == Err(DatabaseError::Stale) {
            self.stale.set(self.stale.get() + 1);
        }
        done
    }
}
