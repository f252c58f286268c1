//! Exchange rates: imported, dated, never changed. A new one may not reach an instant at which a
//! decision has used another, so nothing that was booked moves by a rate.

use super::{Control, Made, object};
use crate::ports::{self, Database, Statement};
use crate::problem::Problem;
use domain::access::api_key::Scope;
use domain::json;
use domain::ledger::exchange::Rate;
use domain::values::input::{FieldError, Fields};
use domain::values::limits;
use domain::values::time::UnixMs;
use serde_json::Value;

/// What is wrong with the rates of a call, before any of them is written. A pair that has rates
/// takes new ones before the first of them, or after the newest that has begun; there only if no
/// event from then on was converted at an older one.
macro_rules! faulty {
    ($tail:literal) => {
        concat!(
            "WITH given AS (
               SELECT r.key AS place, r.value ->> 'from' AS from_currency,
                 r.value ->> 'to' AS to_currency, r.value ->> 'at' AS at,
                 r.value ->> 'rate' AS rate
               FROM json_each(?1, '$.rates') r),
             near AS (
               SELECT g.*,
                 (SELECT k.rate FROM rates k WHERE k.to_currency = g.to_currency
                    AND k.from_currency = g.from_currency AND k.at = g.at) AS known,
                 (SELECT min(k.at) FROM rates k WHERE k.to_currency = g.to_currency
                    AND k.from_currency = g.from_currency) AS first,
                 (SELECT max(k.at) FROM rates k WHERE k.to_currency = g.to_currency
                    AND k.from_currency = g.from_currency AND k.at <= ?1 ->> 'now') AS newest
               FROM given g),
             faulty AS (
               SELECT place, 'changes' AS fault FROM near WHERE known <> rate
               UNION ALL
               SELECT place, iif(at < newest, 'before_known', 'used') FROM near
               WHERE known IS NULL AND at >= first AND (at < newest OR EXISTS (
                 SELECT 1 FROM programs p CROSS JOIN facts f
                   ON f.program = p.id AND f.occurred_at >= near.at
                 CROSS JOIN decisions d ON d.event = f.id
                 CROSS JOIN json_each(d.body, '$.rates') s
                 WHERE s.value ->> 'from' = from_currency AND s.value ->> 'to' = to_currency))) ",
            $tail
        )
    };
}
const FAULTS: &str =
    faulty!("SELECT json_object('place', place, 'fault', fault) FROM faulty ORDER BY place");
const INSERT: &str = faulty!(
    "INSERT INTO rates (from_currency, to_currency, at, rate, actor)
     SELECT from_currency, to_currency, at, rate, ?1 ->> 'actor' FROM near
     WHERE known IS NULL AND NOT EXISTS (SELECT 1 FROM faulty)"
);
/// Folds that are under way have read the rates of before.
const BUMP_ALL: &str = "INSERT INTO aggregates (key, version)
    SELECT id, 1 FROM programs WHERE ?1 IS NOT NULL
    ON CONFLICT DO UPDATE SET version = version + 1";
/// Events that wait for a rate look again, if there are new ones; those that wait are never clear.
const WAKE: &str = faulty!(
    "UPDATE facts SET state = 'pending'
     WHERE state = 'folded' AND NOT EXISTS (SELECT 1 FROM faulty) AND id IN (
       SELECT d.event FROM programs p CROSS JOIN decisions d INDEXED BY decisions_open
         ON d.program = p.id AND d.body ->> 'status' <> 'clear'
       CROSS JOIN json_each(d.body, '$.review') flag
       WHERE flag.value = 'rate_missing' AND NOT EXISTS (SELECT 1 FROM decisions n
         WHERE n.event = d.event AND n.revision > d.revision))"
);

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/rates`: all of them or none. Rates are the deployment's, not a program's.
    pub async fn add_rates(&self, body: &Value) -> Result<Made, Problem> {
        self.allow(Scope::Admin, None)?;
        let mut fields = Fields::new(object(body)?, "");
        let given = fields.objects("rates", limits::RATES);
        if given.as_ref().is_none_or(Vec::is_empty) {
            fields.fault("rates", "required", "must hold rates");
        }
        let mut rates: Vec<Rate> = Vec::new();
        for (place, one) in given.unwrap_or_default().into_iter().enumerate() {
            let read = read(one, self.now);
            let Some(rate) = fields.absorb(read) else {
                continue;
            };
            let same = |o: &Rate| (o.from, o.to, o.at) == (rate.from, rate.to, rate.at);
            if rates.iter().any(same) {
                let detail = "another rate of this call has the same pair and instant";
                fields.fault(&format!("rates/{place}/at"), "repeated", detail);
            }
            rates.push(rate);
        }
        let rates = fields.finish(Some(rates))?;
        let records: Vec<Value> = rates
            .iter()
            .map(|r| json!({"from": r.from, "to": r.to, "at": r.at, "rate": r.text}))
            .collect();
        let param = json!({"rates": records, "now": self.now, "actor": self.caller.id});
        let all = [FAULTS, INSERT, BUMP_ALL, WAKE];
        let statements = Statement::all(&all, &param);
        let rows = self.db.batch(statements).await?;
        let faults: Vec<Value> = ports::values(ports::rows_at(&rows, 0))?;
        if !faults.is_empty() {
            return Err(faults.iter().map(fault).collect::<Vec<_>>().into());
        }
        Ok(Made::folding(201, json!({"data": records})))
    }
}

fn read(mut fields: Fields<'_>, now: UnixMs) -> Result<Rate, Vec<FieldError>> {
    for name in ["from", "to", "rate"] {
        if fields.value(name).is_none() {
            fields.fault(name, "required", "is required");
        }
    }
    let (from, to) = (fields.currency("from"), fields.currency("to"));
    if from.is_some() && from == to {
        fields.fault("to", "same_currency", "must be another currency than from");
    }
    let at = fields.instant("at").unwrap_or(now);
    let text = fields.text("rate", limits::NAME_CHARS);
    let rate = from.zip(to).zip(text);
    let rate = rate.and_then(|((from, to), text)| Rate::parse(from, to, at, text));
    if from.is_some() && to.is_some() && text.is_some() && rate.is_none() {
        let detail = "must be a decimal text above zero, like \"1.0842\"";
        fields.fault("rate", "not_a_rate", detail);
    }
    fields.finish(rate)
}

/// What cannot be written, as a fault of its field.
fn fault(row: &Value) -> FieldError {
    let (member, code, detail) = match row["fault"].as_str() {
        Some("changes") => ("rate", "already_known", "a known rate is never changed"),
        Some("used") => (
            "at",
            "already_used",
            "events from then on were converted at the rate before: date it now or later",
        ),
        _ => (
            "at",
            "before_known",
            "a newer rate is known: date it after that one, or before the first",
        ),
    };
    FieldError {
        path: format!("/rates/{}/{member}", row["place"]),
        code,
        detail: detail.into(),
    }
}
