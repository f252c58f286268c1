//! The database port on in-memory SQLite with the production migrations, and faults above it.

use app::ports::{Database, DatabaseError, Rows, Statement};
use rusqlite::Connection;
use std::cell::{Cell, RefCell};

/// What goes wrong with the next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Refused; nothing is written.
    Lost,
    /// Written, but the answer is an error (a timeout after the commit).
    PersistedButReportedFailed,
}

pub struct Sqlite {
    connection: RefCell<Connection>,
    faults: RefCell<Vec<(usize, Fault)>>,
    batches: Cell<usize>,
}

impl Sqlite {
    pub fn new() -> Sqlite {
        Sqlite::over(Connection::open_in_memory().unwrap())
    }

    /// A new database in a file.
    pub fn at(path: &std::path::Path) -> Sqlite {
        Sqlite::over(Connection::open(path).unwrap())
    }

    fn over(connection: Connection) -> Sqlite {
        // All statements of the product are kept prepared.
        connection.set_prepared_statement_cache_capacity(256);
        connection
            .execute_batch("PRAGMA foreign_keys = ON")
            .unwrap();
        let mut files: Vec<_> = std::fs::read_dir(crate::support::root("migrations"))
            .unwrap()
            .map(|f| f.unwrap())
            .collect();
        files.sort_by_key(|file| file.file_name());
        for file in files
            .iter()
            .filter(|f| f.path().extension().is_some_and(|e| e == "sql"))
        {
            connection
                .execute_batch(&std::fs::read_to_string(crate::support::root(file.path())).unwrap())
                .unwrap();
        }
        Sqlite {
            connection: RefCell::new(connection),
            faults: RefCell::default(),
            batches: Cell::new(0),
        }
    }

    /// Lets the batch with that number (counted from now, 0 is the next) go wrong.
    pub fn fail(&self, after: usize, fault: Fault) {
        self.faults
            .borrow_mut()
            .push((self.batches.get() + after, fault));
    }

    /// Takes back the faults that have not happened yet.
    pub fn heal(&self) {
        self.faults.borrow_mut().clear();
    }

    /// Is a fault still to come?
    pub fn is_troubled(&self) -> bool {
        !self.faults.borrow().is_empty()
    }

    /// Batches run so far: round trips.
    pub fn batches(&self) -> usize {
        self.batches.get()
    }

    /// Runs SQL that no use-case has: to prepare a state.
    pub fn execute(&self, sql: &str) {
        self.connection.borrow().execute_batch(sql).unwrap();
    }

    /// The first column of a query as text, for assertions.
    pub fn column(&self, sql: &str) -> Vec<String> {
        let connection = self.connection.borrow();
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement
            .query_map([], |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap();
        rows.map(|value| match value.unwrap() {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.column(sql)
            .first()
            .map_or(0, |text| text.parse().unwrap())
    }

    /// Which steps of the statements read a whole table, by SQLite's own plan.
    pub fn scans(&self, statements: &[Statement]) -> Vec<String> {
        let connection = self.connection.borrow();
        let mut found = Vec::new();
        for statement in statements {
            let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
            let mut plan = connection.prepare(&sql).unwrap();
            let steps = plan.query_map([&statement.param], |row| row.get::<_, String>(3));
            let steps: Vec<String> = steps.unwrap().map(|step| step.unwrap()).collect();
            found.extend(steps.into_iter().filter(|step| step.starts_with("SCAN ")));
        }
        found
    }

    fn run(&self, statements: &[Statement]) -> rusqlite::Result<Vec<Rows>> {
        let mut connection = self.connection.borrow_mut();
        let transaction = connection.transaction()?;
        let mut all = Vec::new();
        for statement in statements {
            let mut prepared = transaction.prepare_cached(statement.sql)?;
            assert_eq!(
                prepared.parameter_count(),
                1,
                "D1 counts: {}",
                statement.sql
            );
            let mut rows = prepared.query([&statement.param])?;
            let mut texts = Vec::new();
            while let Some(row) = rows.next()? {
                texts.push(row.get::<_, String>(0)?);
            }
            all.push(texts);
        }
        transaction.commit()?;
        Ok(all)
    }
}

impl Database for Sqlite {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let number = self.batches.replace(self.batches.get() + 1);
        let fault = self
            .faults
            .borrow()
            .iter()
            .find(|(at, _)| *at == number)
            .map(|(_, f)| *f);
        if fault == Some(Fault::Lost) {
            return Err(DatabaseError::Unavailable);
        }
        let done = self
            .run(&statements)
            .map_err(|error| match error.to_string() {
                text if text.contains("CHECK constraint failed: ok = 1") => DatabaseError::Stale,
                text if text.contains("constraint failed") => DatabaseError::Constraint,
                text => panic!("the SQL is wrong: {text}"),
            });
        match fault {
            Some(Fault::PersistedButReportedFailed) => Err(DatabaseError::Unavailable),
            _ => done,
        }
    }
}
