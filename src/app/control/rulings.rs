//! What people decide about an event: hold it, approve it, reject it, or clear what was decided
//! before. A ruling is a dated row; the decision follows it, and the reversals of a purchase follow
//! the purchase.

use super::{BUMP_PROGRAM, Control, Made, by_id, object};
use crate::ports::Database;
use crate::problem::{self, Problem};
use domain::access::api_key::Scope;
use domain::json;
use domain::ledger::event::EventKind;
use domain::values::ids::ProgramId;
use domain::values::input::Fields;
use domain::values::limits;
use serde_json::Value;

/// The actions by their name in the address.
pub const ACTIONS: [&str; 4] = ["hold", "approve", "reject", "clear"];

const EVENT: &str = "SELECT json_object('program', program, 'kind', kind) FROM facts
    WHERE id = ?1 ->> 'id'";
/// Never dated before the one that it follows: another isolate's clock may be ahead.
const ADD: &str = "INSERT INTO rulings (program, event, action, actor, reason, at)
    SELECT program, id, ?1 ->> 'action', ?1 ->> 'actor', ?1 ->> 'reason',
      max(?1 ->> 'now', coalesce((SELECT max(at) FROM rulings WHERE event = facts.id), 0))
    FROM facts WHERE id = ?1 ->> 'id'";
/// With the event all of its customer's are decided again.
const WAKE: &str = "UPDATE facts SET state = 'pending'
    WHERE id = ?1 ->> 'id' AND state = 'folded'";
const NEWEST: &str = "SELECT json_object('event', event, 'program', program, 'action', action,
      'actor', actor, 'reason', reason, 'at', at)
    FROM rulings WHERE event = ?1 ->> 'id' ORDER BY seq DESC LIMIT 1";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/events/{id}/{hold,approve,reject,clear}`: 202 with the ruling; the decision
    /// follows within seconds.
    pub async fn rule(&self, id: &str, action: &str, body: &Value) -> Result<Made, Problem> {
        let event = self.one(EVENT, &by_id(id)).await?;
        let program = event["program"].as_str().and_then(ProgramId::parse);
        self.allow(Scope::Admin, program)?;
        let mut fields = Fields::new(object(body)?, "");
        let reason = fields.required_text("reason", limits::REASON_CHARS);
        let reason = fields.finish(reason)?;
        let kind = event["kind"].as_str().unwrap_or_default();
        let mut reversals = EventKind::ALL.into_iter().filter(|k| k.is_reversal());
        if reversals.any(|reversal| reversal.name() == kind) {
            let detail = "a reversal follows its purchase: decide about that";
            return Err(Problem::with_detail(&problem::STATE_UNFIT, detail));
        }
        let param = json!({"id": id, "program": program, "action": action, "reason": reason,
            "actor": self.caller.id, "now": self.now});
        self.write(&[ADD, WAKE, BUMP_PROGRAM], &param).await?;
        Ok(Made::folding(202, self.one(NEWEST, &param).await?))
    }
}
