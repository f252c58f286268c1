//! Referral and coupon codes: whose a code is, from one instant until another.

use super::{BUMP_PROGRAM, Control, Made, by_id, object, partner, program};
use crate::ports::{Database, Statement};
use crate::problem::{self, Problem};
use crate::refold::refold;
use domain::access::api_key::Scope;
use domain::json;
use domain::ledger::code;
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
               AND o.key = ?1 ->> 'key'
               AND (o.until_at IS NULL OR o.until_at > ?1 ->> 'from')",
            $tail,
            ")"
        )
    };
}
const INSERT: &str = concat!(
    "INSERT INTO codes (id, program, code, written, key, partner, from_at, created_at)
     SELECT ?1 ->> 'id', p.program, ?1 ->> 'capitals', ?1 ->> 'code', ?1 ->> 'key', p.id,
       ?1 ->> 'from', ?1 ->> 'now'
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
macro_rules! wake {
    ($same:literal) => {
        concat!(
            "UPDATE facts SET state = 'pending' WHERE program = ?1 ->> 'program' AND ",
            $same,
            " AND +occurred_at >= ?1 ->> 'since' AND state = 'folded'
              AND EXISTS (SELECT 1 FROM codes c WHERE c.id = ?1 ->> 'id')"
        )
    };
}
const WAKE: &str = wake!("body ->> '$.code.key' = ?1 ->> 'key'");
/// Those that hold it as it was stored before.
const WAKE_EARLIER: &str = wake!("body ->> '$.code' = ?1 ->> 'capitals'");
/// One code as a record.
pub const ONE: &str =
    "SELECT json_object('id', id, 'program', program, 'code', coalesce(written, code),
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
        let code = read_code(&mut fields);
        let from = fields.instant("from").unwrap_or(self.now);
        let (partner, code) = fields.finish(partner.zip(code))?;
        // What is not folded yet could be the same code.
        refold(self.db).await?;
        let id = ids::derived("cd_", &[&hex::encode(self.entropy)]);
        let param = json!({"id": id, "program": program, "partner": partner, "code": code,
            "key": code::key(code), "capitals": code::capitals(code), "from": from,
            "since": from, "now": self.now});
        let all = [INSERT, WAKE, WAKE_EARLIER, BUMP_PROGRAM, OUTCOME];
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
        let code = known["code"].as_str().unwrap_or_default();
        let param = json!({"id": id, "program": program, "key": code::key(code),
            "capitals": code::capitals(code), "until": until, "since": until});
        let all = [END, WAKE, WAKE_EARLIER, BUMP_PROGRAM];
        self.write(&all, &param).await?;
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

/// A code as its owner writes it.
fn read_code<'a>(fields: &mut Fields<'a>) -> Option<&'a str> {
    let text = fields.required_text("code", limits::CODE_CHARS)?;
    if !code::is_code(text) {
        let detail = "may hold what can be seen and typed, and no invisible characters";
        fields.fault("code", "code_invalid", detail);
        return None;
    }
    Some(text)
}
