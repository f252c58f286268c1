//! API keys: made once, shown once, revoked for good.

use super::{Control, Made, by_id, object};
use crate::app::ingest::revoked_key;
use crate::app::ports::Database;
use crate::app::problem::{self, Problem};
use crate::app::publish;
use crate::domain::api_key::{ApiKey, Scope};
use crate::domain::ids::{ApiKeyId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::json;
use serde_json::Value;

const INSERT: &str = "INSERT INTO api_keys (id, name, scope, program, created_at)
    SELECT ?1 ->> 'id', ?1 ->> 'name', ?1 ->> 'scope', ?1 ->> 'program', ?1 ->> 'now'
    WHERE ?1 ->> 'program' IS NULL OR EXISTS (SELECT 1 FROM programs WHERE id = ?1 ->> 'program')";
const INSERT_FIRST: &str = "INSERT INTO api_keys (id, name, scope, program, created_at)
    SELECT ?1 ->> 'id', 'first key', 'admin', NULL, ?1 ->> 'now'
    WHERE NOT EXISTS (SELECT 1 FROM api_keys)";
const REVOKE: &str = "UPDATE api_keys SET revoked_at = ?1 ->> 'now'
    WHERE id = ?1 ->> 'id' AND revoked_at IS NULL";
/// One key as a record.
pub const ONE: &str = "SELECT json_object('id', id, 'name', name, 'scope', scope,
    'program', program, 'created_at', created_at, 'revoked_at', revoked_at)
    FROM api_keys WHERE id = ?1 ->> 'id'";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/keys`: the answer holds the secret text, which is not stored.
    pub async fn make_key(&self, body: &Value) -> Result<Made, Problem> {
        let mut fields = Fields::new(object(body)?, "");
        let name = fields
            .required_text("name", limits::NAME_CHARS)
            .map(str::to_owned);
        let scopes = [
            ("admin", Scope::Admin),
            ("track", Scope::Track),
            ("read", Scope::Read),
        ];
        if fields.value("scope").is_none() {
            fields.fault("scope", "required", "is required");
        }
        let scope = fields.choice("scope", &scopes);
        let given = fields.text("program", 20);
        let program = given.and_then(ProgramId::parse);
        if given.is_some() && program.is_none() {
            fields.fault("program", "not_an_id", "must be the id of a program: pg_…");
        }
        if scope == Some(Scope::Track) && given.is_none() {
            fields.fault(
                "program",
                "required",
                "a key that tracks belongs to one program",
            );
        }
        let (name, scope) = fields.finish(name.zip(scope))?;
        self.allow(Scope::Admin, program)?;
        let key = ApiKey {
            id: ApiKeyId::from_entropy(self.random(0)),
            program,
            scope,
        };
        let param = json!({"id": key.id, "name": name, "scope": scope.name(), "program": program,
            "now": self.now});
        self.write(&[INSERT], &param).await?;
        let stored = self.one(ONE, &param).await;
        let unknown = || Problem::field("/program", "unknown", "there is no such program");
        let mut record = stored.map_err(|_| unknown())?;
        record["key"] = json!(key.text(&self.settings.keys));
        Ok(Made::created(record))
    }

    /// `POST /api/v1/setup`: the first key of a deployment; the caller has shown the proof.
    pub async fn first_key(&self) -> Result<Made, Problem> {
        let id = ApiKeyId::from_entropy(self.random(0));
        let key = ApiKey {
            id,
            program: None,
            scope: Scope::Admin,
        };
        let param = json!({"id": id, "now": self.now});
        self.write(&[INSERT_FIRST], &param).await?;
        let stored = self.one(ONE, &param).await;
        let mut record = stored.map_err(|problem| match problem.kind.status {
            404 => (&problem::ALREADY_SET_UP).into(),
            _ => problem,
        })?;
        record["key"] = json!(key.text(&self.settings.keys));
        Ok(Made::created(record))
    }

    /// `DELETE /api/v1/keys/{id}`.
    pub async fn revoke_key(&self, id: &str) -> Result<Made, Problem> {
        let record = self.one(ONE, &by_id(id)).await?;
        self.allow(
            Scope::Admin,
            record["program"].as_str().and_then(ProgramId::parse),
        )?;
        let id = ApiKeyId::parse(id).ok_or(&problem::NOT_FOUND)?;
        let param = json!({"id": id, "now": self.now, "publish": [revoked_key(id)]});
        self.write(&[REVOKE, publish::ENQUEUE], &param).await?;
        Ok(Made {
            status: 204,
            record: Value::Null,
            publish: true,
            fold: false,
        })
    }
}
