//! What one fold looks at: the facts that wait and everything that they touch, in one round trip.

use super::attempt;
use super::due::Unit;
use super::sql;
use crate::ports::{Database, DatabaseError, Statement};
use domain::json;
use domain::ledger::attribution::StatusChange;
use domain::ledger::code::CodeOwner;
use domain::ledger::decision::Ruling;
use domain::ledger::event::Fact;
use domain::ledger::exchange::Rate;
use domain::ledger::fold::{Booked, EventRuling, Position, Reclassified, SelfMatch};
use domain::ledger::plan::Plan;
use domain::values::ids::{PartnerId, ProgramId};
use domain::values::money::Currency;
use domain::values::order;
use domain::values::record;
use domain::values::time::UnixMs;
use domain::visit::click::Visit;
use domain::visit::traffic::Class;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct FactRow {
    pub(super) body: Fact,
    pub(super) state: String,
    pub(super) awaits: u8,
    /// It was set aside until some instant.
    pub(super) again: u8,
    /// Not all that an earlier fold began to write with it was written.
    pub(super) unfinished: u8,
}

pub(super) struct VisitRow {
    pub(super) nonce: String,
    pub(super) visit: Visit,
}

pub(super) struct OfProgram<T> {
    pub(super) program: ProgramId,
    pub(super) value: T,
}

pub(super) struct DecisionRow {
    pub(super) revision: u32,
    /// `None`: written before there were fingerprints, or changed by an erasure.
    pub(super) digest: Option<String>,
    /// Of its body.
    pub(super) bytes: usize,
}

pub(super) struct DestinationRow {
    pub(super) id: String,
    pub(super) kind: String,
}

/// All that one fold looks at.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) facts: Vec<FactRow>,
    pub(super) visits: Vec<VisitRow>,
    pub(super) plans: Vec<OfProgram<Plan>>,
    pub(super) statuses: Vec<OfProgram<StatusChange>>,
    pub(super) codes: Vec<OfProgram<CodeOwner>>,
    pub(super) rulings: Vec<EventRuling>,
    pub(super) reclassified: Vec<OfProgram<Reclassified>>,
    pub(super) selves: Vec<OfProgram<SelfMatch>>,
    pub(super) shared: Vec<OfProgram<(String, u32)>>,
    pub(super) rates: Vec<Rate>,
    versions: BTreeMap<String, i64>,
    /// By event.
    decisions: BTreeMap<String, DecisionRow>,
    pub(super) booked: Vec<(Position, Booked)>,
    pub(super) destinations: Vec<OfProgram<DestinationRow>>,
}

/// A customer by program and pseudonym.
pub(crate) type Customer = (ProgramId, String);

/// Loads some of the facts that wait and what they touch.
pub(super) async fn waiting(
    db: &impl Database,
    units: &[Unit],
    now: UnixMs,
) -> Result<Loaded, DatabaseError> {
    let events: Vec<&String> = units.iter().flat_map(|unit| &unit.events).collect();
    load(db, &json!({"facts": events}), attempt::note(units, now)).await
}

/// Loads everything of some customers, whatever is pending.
pub(super) async fn customers(
    db: &impl Database,
    customers: &[Customer],
) -> Result<Loaded, DatabaseError> {
    let customers: Vec<Value> = customers
        .iter()
        .map(|(program, customer)| json!({"program": program, "customer": customer}))
        .collect();
    load(db, &json!({"customers": customers}), None).await
}

async fn load(
    db: &impl Database,
    param: &Value,
    note: Option<Statement>,
) -> Result<Loaded, DatabaseError> {
    let all = [
        sql::LOAD_FACTS,
        sql::LOAD_PROGRAMS,
        sql::LOAD_SAID,
        sql::LOAD_BOOKED,
    ];
    let mut statements = Statement::all(&all, param);
    statements.extend(note);
    let mut loaded = Loaded::default();
    // Each row is let go when it was read.
    for text in db.batch(statements).await?.into_iter().flatten() {
        let row = record::parse(&text);
        let taken = row.and_then(|row| loaded.take(&row));
        taken.ok_or(DatabaseError::Unavailable)?;
    }
    order::sort_by(&mut loaded.booked, |a, b| a.0.cause.cmp(&b.0.cause));
    Ok(loaded)
}

/// The stored bodies of decisions, named by event and revision.
pub(super) async fn bodies(
    db: &impl Database,
    decisions: &[Value],
) -> Result<BTreeMap<String, Value>, DatabaseError> {
    let param = json!({"decisions": decisions});
    let mut bodies = BTreeMap::new();
    let rows = db.batch(vec![Statement::new(sql::BODIES, &param)]).await?;
    for mut row in crate::ports::values(crate::ports::rows_at(&rows, 0))? {
        let event = text(&row, "event").ok_or(DatabaseError::Unavailable)?;
        bodies.insert(event, row["body"].take());
    }
    Ok(bodies)
}

fn take<T: DeserializeOwned>(row: &Value, name: &str) -> Option<T> {
    record::take(&row[name])
}

fn text(row: &Value, name: &str) -> Option<String> {
    row[name].as_str().map(str::to_owned)
}

impl FactRow {
    /// Does it wait to be folded, or is one of these events?
    pub(super) fn waits(&self, units: &[Unit]) -> bool {
        let named = |unit: &Unit| unit.events.contains(&self.body.id);
        self.state == "pending" || self.state == "set_aside" && units.iter().any(named)
    }
}

impl Loaded {
    /// The newest decision about an event, if there is one.
    pub(super) fn decision(&self, event: &str) -> Option<&DecisionRow> {
        self.decisions.get(event)
    }

    /// The newest decisions that are stored, by event.
    pub(super) fn decisions(&self) -> impl Iterator<Item = (&String, &DecisionRow)> {
        self.decisions.iter()
    }

    /// The version of an aggregate; what was never folded has none.
    pub(super) fn version(&self, key: &str) -> i64 {
        self.versions.get(key).copied().unwrap_or(0)
    }

    /// Takes a row in, whatever it is; `None`: it cannot be read, which is a fault of ours.
    fn take(&mut self, row: &Value) -> Option<()> {
        match row["of"].as_str()? {
            "fact" => self.facts.push(record::take(row)?),
            "visit" => self.visits.push(VisitRow {
                nonce: text(row, "nonce")?,
                visit: take(row, "visit")?,
            }),
            "plan" => self.plans.push(of_program(row, Plan::of_record(row)?)?),
            "status" => self.statuses.push(of_program(row, take(row, "value")?)?),
            "version" => {
                let version = row["version"].as_i64()?;
                self.versions.insert(text(row, "key")?, version);
            }
            "destination" => {
                let (id, kind) = (text(row, "id")?, text(row, "kind")?);
                let destination = of_program(row, DestinationRow { id, kind })?;
                self.destinations.push(destination);
            }
            "code" => self.codes.push(of_program(row, code(row)?)?),
            "ruling" => self.rulings.push(EventRuling {
                event: text(row, "event")?,
                ruling: take::<Ruling>(row, "value")?,
            }),
            "reclassified" => {
                let said = Reclassified {
                    nonce: text(row, "nonce")?,
                    class: take::<Option<Class>>(row, "class")?,
                    at: take(row, "at")?,
                };
                self.reclassified.push(of_program(row, said)?);
            }
            "self" => {
                let own = SelfMatch {
                    partner: take::<PartnerId>(row, "partner")?,
                    pseudonym: text(row, "pseudonym")?,
                };
                self.selves.push(of_program(row, own)?);
            }
            "shared" => {
                let shared = (text(row, "nonce")?, take(row, "customers")?);
                self.shared.push(of_program(row, shared)?);
            }
            "decision" => {
                let decision = DecisionRow {
                    revision: take(row, "revision")?,
                    digest: text(row, "digest"),
                    bytes: take(row, "bytes")?,
                };
                self.decisions.insert(text(row, "event")?, decision);
            }
            "booked" => {
                self.booked.push(booked(row)?);
            }
            "rate" => self.rates.push(rate(row)?),
            _ => return None,
        }
        Some(())
    }
}

fn of_program<T>(row: &Value, value: T) -> Option<OfProgram<T>> {
    let program = take(row, "program")?;
    Some(OfProgram { program, value })
}

fn code(row: &Value) -> Option<CodeOwner> {
    Some(CodeOwner::new(
        row["code"].as_str()?,
        take(row, "partner")?,
        take(row, "from")?,
        take::<Option<UnixMs>>(row, "until")?,
    ))
}

pub(crate) fn booked(row: &Value) -> Option<(Position, Booked)> {
    let position = Position {
        cause: text(row, "cause")?,
        partner: take(row, "partner")?,
        currency: take(row, "currency")?,
        paid_in: take::<Option<Currency>>(row, "paid_in")?,
    };
    let booked = Booked {
        amount: take(row, "amount")?,
        payout: take(row, "payout")?,
        count: take(row, "count")?,
    };
    Some((position, booked))
}

pub(crate) fn rate(row: &Value) -> Option<Rate> {
    let text = row["rate"].as_str()?;
    Rate::parse(take(row, "from")?, take(row, "to")?, take(row, "at")?, text)
}
