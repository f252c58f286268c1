//! What a host must supply: a database, snapshots, a queue, a way out.
//!
//! A statement takes one parameter, `?1`, a JSON text that the SQL reads with `json_each` and
//! `->>`; this keeps 64-bit integers whole and escapes D1's bound of 100 parameters. A row is one
//! JSON text. A batch is one transaction and one round trip.

use crate::domain::destination::{Answer, Request};
use crate::domain::record;
use serde_json::Value;

/// One SQL statement with its parameter.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: &'static str,
    pub param: String,
}

impl Statement {
    pub fn new(sql: &'static str, param: &Value) -> Statement {
        Statement {
            sql,
            param: param.to_string(),
        }
    }

    /// Statements of one parameter, whose text is written once: that of a fold is large.
    pub fn all(sql: &[&'static str], param: &Value) -> Vec<Statement> {
        let param = param.to_string();
        let each = sql.iter().map(|sql| Statement {
            sql,
            param: param.clone(),
        });
        each.collect()
    }
}

/// Why a batch did not commit, as far as callers treat it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseError {
    /// The version check of a fold failed: load again and retry. Nothing was written.
    Stale,
    /// A UNIQUE, CHECK or foreign key rule refused it. Nothing was written.
    Constraint,
    /// A value is larger than the database takes, or not what a column holds. Nothing was written.
    Refused,
    /// Failed, timed out or unreachable. It may still have been written.
    Unavailable,
}

/// Rows of one statement, each a JSON text.
pub type Rows = Vec<String>;

#[allow(async_fn_in_trait)]
pub trait Database {
    /// Runs all statements in one transaction; gives the rows of each.
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError>;
}

/// The snapshot store or the queue did not answer, or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

#[allow(async_fn_in_trait)]
pub trait Snapshots {
    async fn get(&self, key: &str) -> Result<Option<String>, Unavailable>;
    async fn put(&self, key: &str, value: &str) -> Result<(), Unavailable>;
    async fn delete(&self, key: &str) -> Result<(), Unavailable>;
}

#[allow(async_fn_in_trait)]
pub trait WorkQueue {
    /// Sends one message; at most 128,000 bytes.
    async fn send(&self, message: String) -> Result<(), Unavailable>;
}

/// The Public Suffix List, which no wasm has room for.
pub trait Suffixes {
    /// The registrable domain of a host name in lower case: the public suffix and one label
    /// before it (`go.shop.co.uk` → `shop.co.uk`). Suffixes of the list's private part count too
    /// (`myshopify.com`, `workers.dev`, `github.io`); under a top level that the list does not know
    /// the last label is the suffix. `None` for a public suffix itself, a single label, an address
    /// of numbers, and `localhost` and what lies below it.
    fn registrable(&self, host: &str) -> Option<String>;
}

/// A port of Google's libphonenumber, whose tables no wasm has room for.
pub trait Phones {
    /// The E.164 form of the number that a text holds, its extension cut off. A number that is
    /// written with its country counts when its length is possible there. One that is not is read
    /// as a number of `country` (ISO 3166, two capitals) and has to be one of those that are in
    /// use there; without a country it is nobody's, so `None`.
    fn e164(&self, text: &str, country: Option<&str>) -> Option<String>;

    /// Does the library know numbers of this country (ISO 3166, two capitals)?
    fn is_country(&self, code: &str) -> bool;
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer with the first bytes of its body.
    Answered(Answer),
    /// No answer in time.
    TimedOut,
    /// No connection.
    Unreachable,
}

/// Milliseconds after which a receiver counts as not answering.
pub const ANSWER_MS: u32 = 10_000;

#[allow(async_fn_in_trait)]
pub trait Transport {
    /// Sends without following redirects, within [`ANSWER_MS`], reading a bounded answer. The
    /// address was checked by the domain.
    async fn send(&self, request: &Request) -> Reply;

    /// Signs a text with RS256 (RSASSA-PKCS1-v1_5 over SHA-256) under a PKCS #8 key in PEM; gives
    /// base64url, or `None` when the key cannot be used.
    async fn sign(&self, key: &str, text: &str) -> Option<String>;
}

/// Reads rows as values; one that does not read is a fault of ours and counts as unavailable.
pub fn decode<T: serde::de::DeserializeOwned>(rows: &Rows) -> Result<Vec<T>, DatabaseError> {
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        read.push(record::read(row).ok_or(DatabaseError::Unavailable)?);
    }
    Ok(read)
}

/// Reads rows as JSON, whatever they hold.
pub fn values(rows: &Rows) -> Result<Vec<Value>, DatabaseError> {
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        read.push(record::parse(row).ok_or(DatabaseError::Unavailable)?);
    }
    Ok(read)
}

/// The rows of the statement at `place` of a batch.
pub fn rows_at(batch: &[Rows], place: usize) -> &Rows {
    static NONE: Rows = Vec::new();
    batch.get(place).unwrap_or(&NONE)
}
