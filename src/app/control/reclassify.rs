//! What people say about a click: a class goes before the one that was found, until it is taken
//! back. Counts of clicks stay as they were; decisions follow.

use super::{BUMP_PROGRAM, Control, Made, object, program};
use crate::ports::Database;
use crate::problem::{self, Problem};
use domain::access::api_key::Scope;
use domain::json;
use domain::values::input::Fields;
use domain::values::limits;
use domain::visit::traffic::Class;
use serde_json::Value;

/// Never dated before the one that it follows: another isolate's clock may be ahead.
const ADD: &str = "INSERT INTO reclassifications
      (program, nonce, class, actor, reason, at, clicked_at)
    SELECT ?1 ->> 'program', ?1 ->> 'nonce', ?1 ->> 'class', ?1 ->> 'actor', ?1 ->> 'reason',
      max(?1 ->> 'now', coalesce((
        SELECT max(at) FROM reclassifications WHERE nonce = ?1 ->> 'nonce'), 0)),
      coalesce(?1 ->> 'clicked_at', (
        SELECT t.value ->> 'at' FROM decisions d CROSS JOIN json_each(d.body, '$.touches') t
        WHERE d.program = ?1 ->> 'program' AND instr(d.body, ?1 ->> 'nonce') > 0
          AND t.value ->> 'nonce' = ?1 ->> 'nonce' LIMIT 1))
    FROM programs WHERE id = ?1 ->> 'program'";
/// Events that came with the click's token, and those whose decision saw it in a journal's memory.
/// The second part reads the program's decisions: rare, and asked for by a person.
const WAKE: &str = "UPDATE facts SET state = 'pending' WHERE state = 'folded' AND seq IN (
      SELECT seq FROM facts WHERE nonce = ?1 ->> 'nonce' AND program = ?1 ->> 'program'
      UNION
      SELECT f.seq FROM decisions d CROSS JOIN facts f ON f.id = d.event
      WHERE d.program = ?1 ->> 'program'
        AND instr(d.body, '\"nonce\":\"' || (?1 ->> 'nonce') || '\"') > 0)";
const NEWEST: &str = "SELECT json_object('program', program, 'click', nonce, 'class', class,
      'actor', actor, 'reason', reason, 'at', at)
    FROM reclassifications WHERE nonce = ?1 ->> 'nonce' AND program = ?1 ->> 'program'
    ORDER BY seq DESC LIMIT 1";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/clicks/{nonce}/reclassify`: a class, `valid`, or `null` for what it was.
    pub async fn reclassify(&self, nonce: &str, body: &Value) -> Result<Made, Problem> {
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if nonce.len() != 16 || !nonce.bytes().all(lower_hex) {
            return Err((&problem::NOT_FOUND).into());
        }
        let body = object(body)?;
        let program = program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        if !fields.has("class") {
            fields.fault("class", "required", "is required; null takes it back");
        }
        let mut words = vec![("valid", Class::Human)];
        words.extend(Class::ALL.map(|class| (class.name(), class)));
        let class = fields.choice("class", &words).map(Class::name);
        // A paid click that no decision saw is found among the stored ones by its instant.
        let clicked_at = fields.instant("clicked_at");
        let reason = fields.required_text("reason", limits::REASON_CHARS);
        let reason = fields.finish(reason)?;
        let param = json!({"program": program, "nonce": nonce, "class": class, "reason": reason,
            "actor": self.caller.id, "now": self.now, "clicked_at": clicked_at});
        self.write(&[ADD, WAKE, BUMP_PROGRAM], &param).await?;
        let stored = self.one(NEWEST, &param).await;
        let detail = "there is no such program";
        let stored = stored.map_err(|error| error.or_unknown("/program", detail))?;
        Ok(Made::folding(202, stored))
    }
}
