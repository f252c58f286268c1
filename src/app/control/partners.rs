//! Partners, and where they stand: active or not, and of which kind, from an instant on.

use super::identities::{self, Identities};
use super::{BUMP_PROGRAM, Control, Made, REFOLD, by_id, object, program};
use crate::app::ports::Database;
use crate::app::problem::Problem;
use crate::domain::api_key::Scope;
use crate::domain::ids::{PartnerId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::json;
use serde_json::Value;

const INSERT: &str = "INSERT INTO partners (id, program, name, created_at)
    SELECT ?1 ->> 'id', id, ?1 ->> 'name', ?1 ->> 'now' FROM programs
    WHERE id = ?1 ->> 'program'";
const RENAME: &str = "UPDATE partners SET name = ?1 ->> 'name'
    WHERE id = ?1 ->> 'id' AND ?1 ->> 'name' IS NOT NULL";
/// Before its first change a partner was what partners are by themselves: a first row that says
/// so keeps the change from reaching into the past.
const ADD_FIRST_STATUS: &str = "INSERT INTO partner_statuses (program, partner, active, at)
    SELECT program, id, 1, created_at FROM partners p WHERE id = ?1 ->> 'id'
      AND NOT EXISTS (SELECT 1 FROM partner_statuses s WHERE s.partner = p.id)";
/// Each row is the whole standing. Never dated before the one that it follows: another isolate's
/// clock may be ahead.
const ADD_STATUS: &str = "INSERT INTO partner_statuses (program, partner, active, kind, at)
    SELECT p.program, p.id, coalesce(?1 ->> 'active', s.active, 1),
      coalesce(?1 ->> 'kind', s.kind), max(?1 ->> 'now', coalesce(s.at, 0))
    FROM partners p LEFT JOIN partner_statuses s
      ON s.seq = (SELECT max(n.seq) FROM partner_statuses n WHERE n.partner = p.id)
    WHERE p.id = ?1 ->> 'id'";
const PUBLISH_LINKS: &str = "INSERT INTO publications (key, version)
    SELECT key.value, 1
    FROM links l, json_each(json_array('link:' || host || '/' || slug, 'show:' || l.id)) key
    WHERE l.partner = ?1 ->> 'id'
    ON CONFLICT DO UPDATE SET version = version + 1";
/// One partner as a record.
pub const ONE: &str = "SELECT json_object('id', p.id, 'program', p.program, 'name', p.name,
    'status', iif(coalesce(s.active, 1), 'active', 'suspended'),
    'kind', coalesce(s.kind, 'affiliate'),
    'identities', (SELECT count(*) FROM partner_identities x WHERE x.partner = p.id),
    'created_at', p.created_at)
    FROM partners p LEFT JOIN partner_statuses s
      ON s.seq = (SELECT max(n.seq) FROM partner_statuses n WHERE n.partner = p.id)
    WHERE p.id = ?1 ->> 'id'";

/// What a body says of a partner.
struct Given<'b> {
    name: Option<&'b str>,
    active: Option<bool>,
    kind: Option<&'b str>,
    identities: Identities,
}

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/partners`.
    pub async fn make_partner(&self, body: &Value) -> Result<Made, Problem> {
        let body = object(body)?;
        let program = program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        fields.required_text("name", limits::NAME_CHARS);
        let given = self.read_partner(fields, program)?;
        let id = PartnerId::from_entropy(self.random(0));
        let param = self.param(&json!(id), program, &given);
        let mut sql = vec![INSERT];
        if given.active.is_some() || given.kind.is_some() {
            sql.push(ADD_STATUS);
        }
        let fold = given.identities.push_sql(&mut sql);
        self.write(&sql, &param).await?;
        let stored = self.one(ONE, &param).await;
        let detail = "there is no such program";
        let stored = stored.map_err(|error| error.or_unknown("/program", detail))?;
        Ok(Made {
            fold,
            ..Made::created(stored)
        })
    }

    /// `PATCH /api/v1/partners/{id}`: a suspended partner earns nothing from now on; another kind
    /// holds from now on too.
    pub async fn change_partner(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let known = self.one(ONE, &by_id(id)).await?;
        let owner = known["program"].as_str().and_then(ProgramId::parse);
        self.allow(Scope::Admin, owner)?;
        let program = owner.unwrap_or(ProgramId::from_number(0));
        let given = self.read_partner(Fields::new(object(body)?, ""), program)?;
        let param = self.param(&known["id"], program, &given);
        let mut sql = vec![RENAME, PUBLISH_LINKS];
        let stands = given.active.is_some() || given.kind.is_some();
        if stands {
            sql.extend([ADD_FIRST_STATUS, ADD_STATUS, BUMP_PROGRAM, REFOLD]);
        }
        let known = given.identities.push_sql(&mut sql);
        self.write(&sql, &param).await?;
        Ok(Made {
            fold: stands || known,
            ..Made::ok(self.one(ONE, &param).await?)
        })
    }

    fn read_partner<'b>(
        &self,
        mut fields: Fields<'b>,
        program: ProgramId,
    ) -> Result<Given<'b>, Problem> {
        let given = Given {
            name: fields.text("name", limits::NAME_CHARS).map(str::trim),
            active: fields.choice("status", &[("active", true), ("suspended", false)]),
            kind: kind(&mut fields),
            identities: identities::read(&mut fields, &self.settings.pseudonyms, program),
        };
        if given.name == Some("") {
            fields.fault("name", "required", "must not be empty");
        }
        Ok(fields.finish(Some(given))?)
    }

    fn param(&self, id: &Value, program: ProgramId, given: &Given<'_>) -> Value {
        json!({"id": id, "program": program, "name": given.name, "now": self.now,
            "active": given.active.map(i32::from), "kind": given.kind,
            "identities": given.identities.added})
    }
}

/// A free word of the merchant's: `coupon`, `content`.
fn kind<'b>(fields: &mut Fields<'b>) -> Option<&'b str> {
    let kind = fields.text("kind", limits::KIND_CHARS)?;
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if kind.is_empty() || !kind.bytes().all(letters) {
        fields.fault(
            "kind",
            "not_a_word",
            "must be a word of small letters and _",
        );
    }
    Some(kind)
}
