//! The database port on in-memory SQLite with the production migrations, the limits of D1, and
//! faults above it.

use app::ports::{Database, DatabaseError, Rows, Statement};
use rusqlite::Connection;
use rusqlite::limits::Limit;
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
    /// Faults that happened, batches that a limit refused, and the largest parameter.
    struck: Cell<usize>,
    refused: Cell<usize>,
    largest: Cell<usize>,
    statements: Cell<usize>,
    /// Statements with this text in their parameter fail, whatever else is right.
    poison: RefCell<Option<String>>,
    /// Does such a statement end the isolate? How often it did, and whether it is ended.
    deadly: Cell<bool>,
    deaths: Cell<usize>,
    ended: Cell<bool>,
}

/// What D1 refuses, as SQLite itself enforces it: bytes of a string or row, bytes of a statement,
/// parameters, columns and terms of a compound select.
const LIMITS: [(Limit, i32); 5] = [
    (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
];

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
        for (limit, value) in LIMITS {
            connection.set_limit(limit, value).unwrap();
        }
        Sqlite {
            connection: RefCell::new(connection),
            faults: RefCell::default(),
            batches: Cell::new(0),
            struck: Cell::new(0),
            refused: Cell::new(0),
            largest: Cell::new(0),
            statements: Cell::new(0),
            poison: RefCell::default(),
            deadly: Cell::new(false),
            deaths: Cell::new(0),
            ended: Cell::new(false),
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

    /// Faults that happened so far.
    pub fn struck(&self) -> usize {
        self.struck.get()
    }

    /// Batches that a limit of D1 refused.
    pub fn refused(&self) -> usize {
        self.refused.get()
    }

    /// Bytes of the largest parameter since the last call.
    pub fn largest(&self) -> usize {
        self.largest.take()
    }

    /// Statements since the last call.
    pub fn statements(&self) -> usize {
        self.statements.take()
    }

    /// From now on every batch fails that names this text in a parameter; `None`: none does.
    pub fn poison(&self, text: Option<&str>) {
        *self.poison.borrow_mut() = text.map(str::to_owned);
    }

    /// The same, and whoever sends such a batch can send no other until [`Sqlite::begin`].
    pub fn deadly_poison(&self, text: &str) {
        self.poison(Some(text));
        self.deadly.set(true);
    }

    /// Another isolate begins; gives how many were ended so far.
    pub fn begin(&self) -> usize {
        self.ended.set(false);
        self.deaths.get()
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

    fn is_poisoned(&self, statements: &[Statement]) -> bool {
        let poison = self.poison.borrow();
        let named = |text: &String| statements.iter().any(|s| s.param.contains(text));
        let poisoned = poison.as_ref().is_some_and(named);
        if poisoned && self.deadly.get() && !self.ended.replace(true) {
            self.deaths.set(self.deaths.get() + 1);
        }
        poisoned || self.ended.get()
    }

    fn run(&self, statements: &[Statement]) -> rusqlite::Result<Vec<Rows>> {
        let mut connection = self.connection.borrow_mut();
        let transaction = connection.transaction()?;
        let mut all = Vec::new();
        for statement in statements {
            let prepared = transaction.prepare_cached(statement.sql);
            let mut prepared =
                prepared.unwrap_or_else(|error| panic!("{error} in: {}", statement.sql));
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
        self.struck
            .set(self.struck.get() + usize::from(fault.is_some()));
        if fault == Some(Fault::Lost) || self.is_poisoned(&statements) {
            return Err(DatabaseError::Unavailable);
        }
        self.statements
            .set(self.statements.get() + statements.len());
        let sizes = statements.iter().map(|statement| statement.param.len());
        self.largest.set(sizes.fold(self.largest.get(), usize::max));
        let done = self
            .run(&statements)
            .map_err(|error| match error.to_string() {
                text if text.contains("CHECK constraint failed: ok = 1") => DatabaseError::Stale,
                text if text.contains("constraint failed") => DatabaseError::Constraint,
                text if text.contains("too big") => {
                    self.refused.set(self.refused.get() + 1);
                    DatabaseError::Refused
                }
                text => panic!("the SQL is wrong: {text}"),
            });
        match fault {
            Some(Fault::PersistedButReportedFailed) => Err(DatabaseError::Unavailable),
            _ => done,
        }
    }
}
