//! Payouts: what was settled and not paid yet is taken together by partner and currency, and booked
//! as an entry of its own. What is negative stays and nets the next payout. One that was booked
//! wrongly is voided: by an entry that takes it back, and its lines can be paid again.

use super::control::{self, Control, Made};
use super::deliver::ADD_NOTICES;
use super::ledger::{self, notices};
use super::ports::{self, Database, DatabaseError, Statement};
use super::problem::{self, Problem};
use super::settle;
use domain::access::api_key::Scope;
use domain::forward::destination::notice::Step;
use domain::json;
use domain::ledger::fold::{Booked, Entry, Position};
use domain::values::ids::{self, PartnerId, ProgramId};
use domain::values::input::Fields;
use domain::values::limits;
use domain::values::money::{Currency, MAX_MINOR};
use domain::values::time::UnixMs;
use serde_json::Value;

const PAYABLE: &str = "SELECT json_object('partner', partner, 'currency', paid_in,
      'amount', sum(payout)) FROM payable
    WHERE program = ?1 ->> 'program'
      AND (?1 ->> 'partner' IS NULL OR partner = ?1 ->> 'partner')
      AND (?1 ->> 'currency' IS NULL OR paid_in = ?1 ->> 'currency')
    GROUP BY partner, paid_in
    HAVING sum(payout) BETWEEN max(1, coalesce(?1 ->> 'minimum', 1)) AND ?1 ->> 'most'
    LIMIT ?1 ->> 'limit'";
const VERSION: &str = "SELECT json_quote(coalesce((SELECT version FROM aggregates
    WHERE key = ?1 ->> 'guard'), 0))";
/// A payout as a record, and who took it back.
macro_rules! payout {
    () => {
        "json_object('id', id, 'program', program, 'partner', partner, 'amount', amount,
           'currency', currency, 'reference', reference, 'actor', actor, 'request', request,
           'created_at', created_at,
           'void', json((SELECT json_object('actor', v.actor, 'reason', v.reason, 'at', v.at)
                         FROM payout_voids v WHERE v.payout = id)))"
    };
}
pub(crate) use payout;
macro_rules! record {
    ($where:literal) => {
        concat!("SELECT ", payout!(), " FROM payouts WHERE ", $where)
    };
}
/// One payout as a record.
pub const ONE: &str = record!("id = ?1 ->> 'id'");
const OF_REQUEST: &str = record!("program = ?1 ->> 'program' AND request = ?1 ->> 'id'");
/// Once for each payout; a trigger makes its lines payable again.
const VOID: &str = "INSERT INTO payout_voids (payout, actor, reason, at)
    VALUES (?1 ->> 'id', ?1 ->> 'actor', ?1 ->> 'reason', ?1 ->> 'now')";
const ADD: &str = "INSERT INTO payouts
      (id, program, partner, amount, currency, reference, actor, request, created_at)
    SELECT value ->> 'id', ?1 ->> 'program', value ->> 'partner', value ->> 'amount',
      value ->> 'currency', ?1 ->> 'reference', ?1 ->> 'actor', ?1 ->> 'id', ?1 ->> 'now'
    FROM json_each(?1, '$.payouts')";
const ADD_LINES: &str = "INSERT INTO payout_lines (entry, payout)
    SELECT u.entry, p.value ->> 'id' FROM json_each(?1, '$.payouts') p
    CROSS JOIN payable u ON u.program = ?1 ->> 'program'
      AND u.partner = p.value ->> 'partner' AND u.paid_in = p.value ->> 'currency'";

/// A fold may have decided anew since, and what was payable waits: then nothing is paid.
const STILL_PAYABLE: &str = "INSERT INTO fold_guard (ok)
    SELECT NOT EXISTS (
      SELECT 1 FROM json_each(?1, '$.payouts') p
      WHERE p.value ->> 'amount' IS NOT (
        SELECT sum(payout) FROM payable WHERE program = ?1 ->> 'program'
          AND partner = p.value ->> 'partner' AND paid_in = p.value ->> 'currency'))";

/// What can be paid, with the version of the guard under which that is so.
struct Payable {
    program: ProgramId,
    rows: Vec<Value>,
    version: i64,
}

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/payouts`: books that partners were paid all that is payable.
    pub async fn pay(&self, body: &Value) -> Result<Made, Problem> {
        let body = control::object(body)?;
        let program = control::program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut param = self.read_payout(program, Fields::new(body, ""))?;
        for _ in 0..limits::SETTLE_TRIES {
            let statements = [OF_REQUEST, PAYABLE, VERSION].map(|sql| Statement::new(sql, &param));
            let rows = self.db.batch(statements.to_vec()).await?;
            let known: Vec<Value> = ports::values(ports::rows_at(&rows, 0))?;
            if !known.is_empty() {
                return Ok(paid(200, known, false));
            }
            let versions: Vec<i64> = ports::decode(ports::rows_at(&rows, 2))?;
            let payable = Payable {
                program,
                rows: ports::values(ports::rows_at(&rows, 1))?,
                version: versions.first().copied().unwrap_or(0),
            };
            if payable.rows.is_empty() {
                let detail = "nothing is payable: settle first, or wait for more";
                return Err(Problem::with_detail(&problem::STATE_UNFIT, detail));
            }
            match self.book(payable, &mut param).await {
                // Something was settled or paid meanwhile: look again.
                Err(DatabaseError::Stale) => {}
                booked => return Ok(booked?),
            }
        }
        Err((&problem::UNAVAILABLE).into())
    }

    fn read_payout(&self, program: ProgramId, mut fields: Fields<'_>) -> Result<Value, Problem> {
        fields.only(&[
            "program",
            "partner",
            "currency",
            "minimum",
            "reference",
            "id",
        ]);
        let partner = fields.text("partner", 30);
        if partner.is_some_and(|text| PartnerId::parse(text).is_none()) {
            fields.fault("partner", "not_an_id", "must be the id of a partner: pn_…");
        }
        let currency = fields.currency("currency");
        let minimum = fields.integer("minimum", 0, MAX_MINOR);
        if minimum.is_some() && currency.is_none() {
            fields.fault("currency", "required", "says what the minimum is in");
        }
        let reference = fields.required_text("reference", limits::NAME_CHARS);
        let id = fields.text("id", limits::EXTERNAL_ID_CHARS);
        let reference = fields.finish(reference)?;
        Ok(
            json!({"program": program, "partner": partner, "currency": currency,
            "minimum": minimum, "reference": reference, "id": id, "most": MAX_MINOR,
            "limit": limits::PAYOUTS + 1, "guard": settle::guard(program),
            "actor": self.caller.id, "now": self.now}),
        )
    }

    /// `POST /api/v1/payouts/{id}/void`: the payout never was, what it paid is payable again.
    pub async fn void(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let param = control::by_id(id);
        let known = self.one(ONE, &param).await?;
        let program = known["program"].as_str().and_then(ProgramId::parse);
        let program = program.ok_or(&problem::UNAVAILABLE)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(control::object(body)?, "");
        fields.only(&["reason"]);
        let reason = fields.required_text("reason", limits::REASON_CHARS);
        let reason = fields.finish(reason)?;
        if !known["void"].is_null() {
            let detail = "the payout was voided before";
            return Err(Problem::with_detail(&problem::STATE_UNFIT, detail));
        }
        let entry = entry(program, &known, true, self.now).ok_or(&problem::UNAVAILABLE)?;
        let param = json!({"id": id, "actor": self.caller.id, "reason": reason, "now": self.now,
            "entries": [ledger::entry_row(&entry)],
            "notices": [notices::of_entry(Step::Paid, &entry)]});
        let all = [VOID, ledger::ADD_ENTRIES, ADD_NOTICES];
        self.write(&all, &param).await?;
        Ok(Made::folding(200, self.one(ONE, &param).await?))
    }

    async fn book(&self, payable: Payable, param: &mut Value) -> Result<Made, DatabaseError> {
        let Payable {
            program,
            mut rows,
            version,
        } = payable;
        let left = rows.len() > limits::PAYOUTS;
        rows.truncate(limits::PAYOUTS);
        let key = settle::guard(program);
        let (mut entries, mut told) = (Vec::new(), Vec::new());
        for row in &mut rows {
            let read = |name: &str| row[name].as_str().unwrap_or_default();
            let (partner, currency) = (read("partner"), read("currency"));
            let id = ids::derived("po_", &[&key, &version.to_string(), partner, currency]);
            row["id"] = json!(id);
            let entry = entry(program, row, false, self.now).ok_or(DatabaseError::Unavailable)?;
            told.push(notices::of_entry(Step::Paid, &entry));
            entries.push(ledger::entry_row(&entry));
        }
        param["payouts"] = json!(rows);
        let booked = json!({"now": self.now, "entries": entries, "notices": told});
        let mut all = ledger::guarded(&key, version);
        all.insert(1, Statement::new(STILL_PAYABLE, param));
        all.push(Statement::new(ledger::ADD_ENTRIES, &booked));
        all.push(Statement::new(ADD_NOTICES, &booked));
        all.push(Statement::new(ADD, param));
        all.push(Statement::new(ADD_LINES, param));
        self.db.batch(all).await?;
        for row in &mut rows {
            row["program"] = json!(program);
            row["reference"] = param["reference"].clone();
            row["created_at"] = param["now"].clone();
        }
        Ok(paid(201, rows, left))
    }
}

/// The entry of a payout by its record, or the one that takes it back.
fn entry(program: ProgramId, row: &Value, void: bool, now: UnixMs) -> Option<Entry> {
    let currency = Currency::parse(row["currency"].as_str()?).ok()?;
    let position = Position {
        cause: row["id"].as_str()?.to_owned(),
        partner: PartnerId::parse(row["partner"].as_str()?)?,
        currency,
        paid_in: Some(currency),
    };
    let amount = -row["amount"].as_i64()?;
    let paid = Booked {
        amount,
        payout: amount,
        count: 1,
    };
    let (known, want) = if void {
        (paid, Booked::default())
    } else {
        (Booked::default(), paid)
    };
    let mut entry = position.step(program, known, want, "payout", now).ok()??;
    if void {
        entry.reason = "void".to_owned();
    }
    Some(entry)
}

fn paid(status: u16, payouts: Vec<Value>, left: bool) -> Made {
    Made {
        status,
        record: json!({"payouts": payouts, "left": left}),
        publish: false,
        // Webhooks are told of what was paid.
        fold: status == 201,
    }
}
