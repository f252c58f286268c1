//! Partners and their dated status.

use super::{BUMP_PROGRAM, Control, Made, REFOLD, by_id, object, program};
use crate::app::ports::Database;
use crate::app::problem::Problem;
use crate::domain::api_key::Scope;
use crate::domain::ids::{PartnerId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::limits;
use serde_json::{Value, json};

const INSERT: &str = "INSERT INTO partners (id, program, name, created_at)
    SELECT ?1 ->> 'id', id, ?1 ->> 'name', ?1 ->> 'now' FROM programs
    WHERE id = ?1 ->> 'program'";
const RENAME: &str = "UPDATE partners SET name = ?1 ->> 'name'
    WHERE id = ?1 ->> 'id' AND ?1 ->> 'name' IS NOT NULL";
const ADD_STATUS: &str = "INSERT INTO partner_statuses (program, partner, active, at)
    SELECT program, id, ?1 ->> 'active', ?1 ->> 'now' FROM partners WHERE id = ?1 ->> 'id'";
const PUBLISH_LINKS: &str = "INSERT INTO publications (key, version)
    SELECT key.value, 1
    FROM links l, json_each(json_array('link:' || host || '/' || slug, 'show:' || l.id)) key
    WHERE l.partner = ?1 ->> 'id'
    ON CONFLICT DO UPDATE SET version = version + 1";
/// One partner as a record.
pub const ONE: &str = "SELECT json_object('id', p.id, 'program', p.program, 'name', p.name,
    'status', iif(coalesce((SELECT s.active FROM partner_statuses s WHERE s.partner = p.id
      ORDER BY s.seq DESC LIMIT 1), 1), 'active', 'suspended'), 'created_at', p.created_at)
    FROM partners p WHERE p.id = ?1 ->> 'id'";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/partners`.
    pub async fn make_partner(&self, body: &Value) -> Result<Made, Problem> {
        let body = object(body)?;
        let program = program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        let name = fields.required_text("name", limits::NAME_CHARS);
        let name = fields.finish(name)?;
        let id = PartnerId::from_entropy(self.random(0));
        let param = json!({"id": id, "program": program, "name": name, "now": self.now});
        self.write(&[INSERT], &param).await?;
        let stored = self.one(ONE, &param).await;
        let detail = "there is no such program";
        let stored = stored.map_err(|error| error.or_unknown("/program", detail));
        stored.map(Made::created)
    }

    /// `PATCH /api/v1/partners/{id}`: a suspended partner earns nothing from now on.
    pub async fn change_partner(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let known = self.one(ONE, &by_id(id)).await?;
        let program = known["program"].as_str().and_then(ProgramId::parse);
        self.allow(Scope::Admin, program)?;
        let mut fields = Fields::new(object(body)?, "");
        let active = fields.choice("status", &[("active", true), ("suspended", false)]);
        let name = fields.text("name", limits::NAME_CHARS);
        fields.finish(Some(()))?;
        let param = json!({"id": id, "program": program, "name": name, "now": self.now,
            "active": active.map(i32::from)});
        let mut sql = vec![RENAME, PUBLISH_LINKS];
        if active.is_some() {
            sql.extend([ADD_STATUS, BUMP_PROGRAM, REFOLD]);
        }
        self.write(&sql, &param).await?;
        Ok(Made {
            fold: active.is_some(),
            ..Made::ok(self.one(ONE, &param).await?)
        })
    }
}
