//! The control plane: programs, partners, links, destinations and keys.
//!
//! Each handler reads its body, writes the tables and the publications in one transaction, and
//! gives the stored record back. Settings that decisions depend on (plans, statuses) are dated and
//! never changed in place; making one bumps the program's version, so that a fold under way looks
//! again, and sends events from its date on through the fold once more.

pub mod codes;
mod cookie_domain;
mod customers;
mod dead_letters;
pub mod destinations;
mod explain;
mod hosts;
mod identities;
pub mod keys;
pub mod links;
pub mod partners;
pub mod programs;
mod rates;
mod reclassify;
mod rotation;
pub mod rulings;

use super::ports::{self, Database, DatabaseError, Phones, Statement, Suffixes};
use super::problem::{self, Problem};
use super::settings::Settings;
use crate::domain::api_key::{ApiKey, Scope};
use crate::domain::ids::{PartnerId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::time::UnixMs;
use crate::json;
use serde_json::{Map, Value};

/// What every handler works with.
pub struct Control<'a, D> {
    pub db: &'a D,
    pub suffixes: &'a dyn Suffixes,
    pub phones: &'a dyn Phones,
    pub settings: &'a Settings,
    pub now: UnixMs,
    /// Fresh random bytes of this request.
    pub entropy: [u8; 64],
    pub caller: ApiKey,
}

/// A record and the status to answer with.
pub struct Made {
    pub status: u16,
    pub record: Value,
    /// KV records wait to be written.
    pub publish: bool,
    /// Events wait to be folded again.
    pub fold: bool,
}

impl Made {
    pub fn created(record: Value) -> Made {
        Made {
            status: 201,
            record,
            publish: true,
            fold: false,
        }
    }

    pub fn ok(record: Value) -> Made {
        Made {
            status: 200,
            record,
            publish: true,
            fold: false,
        }
    }

    /// What the edge need not know, and decisions follow.
    pub fn folding(status: u16, record: Value) -> Made {
        Made {
            status,
            record,
            publish: false,
            fold: true,
        }
    }
}

/// Sends the events of `$.program` from `$.now` on through the fold again.
pub const REFOLD: &str = "UPDATE facts SET state = 'pending'
    WHERE program = ?1 ->> 'program' AND occurred_at >= ?1 ->> 'now' AND state = 'folded'";

/// Makes folds of `$.program` that are under way look again.
pub const BUMP_PROGRAM: &str = "INSERT INTO aggregates (key, version) VALUES (?1 ->> 'program', 1)
    ON CONFLICT DO UPDATE SET version = version + 1";

impl<D: Database> Control<'_, D> {
    /// Refuses callers whose key lacks the scope or belongs to another program.
    pub fn allow(&self, scope: Scope, program: Option<ProgramId>) -> Result<(), Problem> {
        let theirs = self.caller.program.is_none_or(|own| Some(own) == program);
        if self.caller.scope.includes(scope) && theirs {
            Ok(())
        } else {
            Err((&problem::SCOPE_TOO_NARROW).into())
        }
    }

    /// Eight of the request's random bytes, for the `place`th id.
    pub fn random<const N: usize>(&self, place: usize) -> [u8; N] {
        let bytes = self.entropy.get(place..place.saturating_add(N));
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or([0; N])
    }

    /// One JSON record, or 404.
    pub async fn one(&self, sql: &'static str, param: &Value) -> Result<Value, Problem> {
        let rows = self.db.batch(vec![Statement::new(sql, param)]).await?;
        let found: Vec<Value> = ports::values(ports::rows_at(&rows, 0))?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| (&problem::NOT_FOUND).into())
    }

    /// Runs writes in one transaction; a broken uniqueness rule is `already_exists`.
    pub async fn write(&self, sql: &[&'static str], param: &Value) -> Result<(), Problem> {
        match self.db.batch(Statement::all(sql, param)).await {
            Ok(_) => Ok(()),
            Err(DatabaseError::Constraint) => Err((&problem::ALREADY_EXISTS).into()),
            Err(other) => Err(other.into()),
        }
    }
}

/// The members of a body that were given, for a partial change.
pub fn object(body: &Value) -> Result<&Map<String, Value>, Problem> {
    body.as_object()
        .ok_or_else(|| (&problem::BODY_NOT_JSON).into())
}

/// A program id from a body, with the fault named.
pub fn program(body: &Map<String, Value>) -> Result<ProgramId, Problem> {
    let id = body
        .get("program")
        .and_then(Value::as_str)
        .and_then(ProgramId::parse);
    id.ok_or_else(|| Problem::field("/program", "not_an_id", "must be the id of a program: pg_…"))
}

/// A partner id from a body, with the fault named.
fn partner(fields: &mut Fields<'_>) -> Option<PartnerId> {
    let text = fields.required_text("partner", 30)?;
    let partner = PartnerId::parse(text);
    if partner.is_none() {
        fields.fault("partner", "not_an_id", "must be the id of a partner: pn_…");
    }
    partner
}

/// `{"id": …}` for look-ups.
pub fn by_id(id: &str) -> Value {
    json!({"id": id})
}
