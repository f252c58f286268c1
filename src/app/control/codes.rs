//! Referral and coupon codes: whose a code is, from one instant until another.

use super::{BUMP_PROGRAM, Control, Made, by_id, object, partner, program};
use crate::ports::{Database, Statement};
use crate::problem::{self, Problem};
use domain::access::api_key::Scope;
use domain::json;
use domain::ledger::event;
use domain::values::ids::{self, ProgramId};
use domain::values::input::Fields;
use domain::values::limits;
use domain::values::time::UnixMs;
use serde_json::{Map, Value};

/// A code belongs to one partner at a time: a new one is without an end, so it may not begin
/// before the end of any other.
macro_rules! taken {
    ($tail:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM codes o WHERE o.program = ?1 ->> 'program'
               AND o.code = ?1 ->> 'code'
               AND (o.until_at IS NULL OR o.until_at > ?1 ->> 'from')",
            $tail,
            ")"
        )
    };
}
const INSERT: &str = concat!(
    "INSERT INTO codes (id, program, code, partner, from_at, created_at)
     SELECT ?1 ->> 'id', p.program, ?1 ->> 'code', p.id, ?1 ->> 'from', ?1 ->> 'now'
     FROM partners p WHERE p.id = ?1 ->> 'partner' AND p.program = ?1 ->> 'program' AND NOT ",
    taken!("")
);
const OUTCOME: &str = concat!(
    "SELECT json_object('taken', ",
    taken!(" AND o.id <> ?1 ->> 'id'"),
    ")"
);
/// An end is set once.
const END: &str = "UPDATE codes SET until_at = ?1 ->> 'until'
    WHERE id = ?1 ->> 'id' AND until_at IS NULL";
/// Events with the code, from the change on, are decided again. The `+` leaves the choice of the
/// index to the code. A code that was refused changes nothing.
const WAKE: &str = "UPDATE facts SET state = 'pending'
    WHERE program = ?1 ->> 'program' AND body ->> '$.code' = ?1 ->> 'code'
      AND +occurred_at >= ?1 ->> 'since' AND state = 'folded'
      AND EXISTS (SELECT 1 FROM codes c WHERE c.id = ?1 ->> 'id')";
/// One code as a record.
pub const ONE: &str = "SELECT json_object('id', id, 'program', program, 'code', code,
      'partner', partner, 'from_at', from_at, 'until_at', until_at, 'created_at', created_at)
    FROM codes WHERE id = ?1 ->> 'id'";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/codes`. It may begin in the past: events that came with it are decided again.
    pub async fn make_code(&self, body: &Value) -> Result<Made, Problem> {
        let body = object(body)?;
        let program = program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        let partner = partner(&mut fields);
        let code = code(&mut fields);
        let from = fields.instant("from").unwrap_or(self.now);
        let (partner, code) = fields.finish(partner.zip(code))?;
        let id = ids::derived("cd_", &[&hex::encode(self.entropy)]);
        let param = json!({"id": id, "program": program, "partner": partner, "code": code,
            "from": from, "since": from, "now": self.now});
        let all = [INSERT, WAKE, BUMP_PROGRAM, OUTCOME];
        let statements = Statement::all(&all, &param);
        let rows = self.db.batch(statements).await?;
        let taken = rows.last().and_then(|rows| rows.first());
        if taken.is_some_and(|row| row.contains('1')) {
            let detail = "the code belongs to a partner then; end that first";
            return Err(Problem::with_detail(&problem::ALREADY_EXISTS, detail));
        }
        let stored = self.one(ONE, &param).await;
        let detail = "must be a partner of this program";
        let stored = stored.map_err(|error| error.or_unknown("/partner", detail))?;
        Ok(Made::folding(201, stored))
    }

    /// `PATCH /api/v1/codes/{id}`: `until`, or `status` `ended` for now. An end is set once, and
    /// not into the past, where it would take back what was earned.
    pub async fn change_code(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let known = self.one(ONE, &by_id(id)).await?;
        let program = known["program"].as_str().and_then(ProgramId::parse);
        self.allow(Scope::Admin, program)?;
        let until = self.end(object(body)?, &known)?;
        let ended = known["until_at"].as_i64();
        let same = ended.is_some_and(|ended| match until {
            Some(until) => ended == until.0,
            None => ended <= self.now.0,
        });
        if same {
            return Ok(Made::folding(200, known));
        }
        if ended.is_some() {
            let detail = "its end was set before; make a new code";
            return Err(Problem::with_detail(&problem::STATE_UNFIT, detail));
        }
        let until = until.unwrap_or(self.now);
        let param = json!({"id": id, "program": program, "code": known["code"],
            "until": until, "since": until});
        self.write(&[END, WAKE, BUMP_PROGRAM], &param).await?;
        Ok(Made::folding(200, self.one(ONE, &param).await?))
    }

    /// The end that a body sets; `None`: now.
    fn end(&self, body: &Map<String, Value>, known: &Value) -> Result<Option<UnixMs>, Problem> {
        let mut fields = Fields::new(body, "");
        let until = fields.instant("until");
        let ended = fields.choice("status", &[("ended", ())]);
        if fields.value("until").is_none() && fields.value("status").is_none() {
            fields.fault("until", "required", "is required, or status");
        }
        let again = until.is_some_and(|until| known["until_at"].as_i64() == Some(until.0));
        if until.is_some_and(|until| until < self.now) && !again {
            fields.fault("until", "in_the_past", "must not be earlier than now");
        }
        let begins = known["from_at"].as_i64().unwrap_or_default();
        if until.unwrap_or(self.now).0 < begins {
            fields.fault("until", "before_start", "must not be before the code began");
        }
        if until.is_some() && ended.is_some() {
            fields.fault("status", "one_of", "give until or status");
        }
        Ok(fields.finish(Some(until))?)
    }
}

/// A code as events carry it.
fn code(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.required_text("code", limits::CODE_CHARS)?;
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.chars().all(fits) {
        fields.fault(
            "code",
            "code_invalid",
            "may hold letters and digits of any script and - _ .",
        );
        return None;
    }
    Some(event::code(text))
}
