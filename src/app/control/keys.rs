//! API keys: made once, shown once, revoked for good.

use super::{Control, Made, by_id, object};
use crate::app::ingest::revoked_key;
use crate::app::ports::{self, Database, Statement};
use crate::app::problem::{self, Problem};
use crate::app::publish;
use crate::domain::api_key::{self, ApiKey, KeyRow, Presented, Refused, Scope};
use crate::domain::ids::{ApiKeyId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::json;
use serde_json::Value;

const INSERT: &str = "INSERT INTO api_keys (id, name, scope, program, created_at, digest, root)
    SELECT ?1 ->> 'id', ?1 ->> 'name', ?1 ->> 'scope', ?1 ->> 'program', ?1 ->> 'now',
      ?1 ->> 'digest', ?1 ->> 'root'
    WHERE ?1 ->> 'program' IS NULL OR EXISTS (SELECT 1 FROM programs WHERE id = ?1 ->> 'program')";
/// Set-up is open while there is no key, and once more for each opening that `tools/owner-key.mjs`
/// wrote.
const INSERT_FIRST: &str =
    "INSERT INTO api_keys (id, name, scope, program, created_at, digest, root)
    SELECT ?1 ->> 'id', ?1 ->> 'name', ?1 ->> 'scope', NULL, ?1 ->> 'now', ?1 ->> 'digest',
      ?1 ->> 'root'
    WHERE NOT EXISTS (SELECT 1 FROM api_keys)
      OR EXISTS (SELECT 1 FROM setup_openings WHERE until > ?1 ->> 'now')";
const CLOSE_SETUP: &str = "DELETE FROM setup_openings WHERE ?1 IS NOT NULL";
/// All but the last key that can make others. Of those for all programs only keys count that are
/// known to be signed by a listed entry of `ROOT_SECRET`: any other may open nothing.
const REVOKE: &str = "UPDATE api_keys SET revoked_at = ?1 ->> 'now'
    WHERE id = ?1 ->> 'id' AND revoked_at IS NULL
      AND (scope <> 'admin' OR program IS NOT NULL OR EXISTS (
        SELECT 1 FROM api_keys o WHERE o.id <> api_keys.id AND o.scope = 'admin'
          AND o.program IS NULL AND o.revoked_at IS NULL
          AND o.root IN (SELECT value FROM json_each(?1, '$.roots'))))";
const IS_REVOKED: &str =
    "SELECT json_object('revoked', json(iif(revoked_at IS NULL, 'false', 'true')))
    FROM api_keys WHERE id = ?1 ->> 'id'";
/// What decides about a key that is presented, as [`KeyRow`] reads it.
const ROW: &str = "SELECT json_object('scope', scope, 'program', program, 'digest', digest,
    'revoked', json(iif(revoked_at IS NULL, 'false', 'true')))
    FROM api_keys WHERE id = ?1 ->> 'id'";
/// One key as a record.
pub const ONE: &str = "SELECT json_object('id', id, 'name', name, 'scope', scope,
    'program', program, 'root', root, 'created_at', created_at, 'revoked_at', revoked_at)
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
        let unknown = || Problem::field("/program", "unknown", "there is no such program");
        self.hand_out(key, &name, &[INSERT], unknown).await
    }

    /// `POST /api/v1/setup`: the first key of a deployment; the caller has shown the proof.
    pub async fn first_key(&self) -> Result<Made, Problem> {
        let id = ApiKeyId::from_entropy(self.random(0));
        let key = ApiKey {
            id,
            program: None,
            scope: Scope::Admin,
        };
        let again = || (&problem::ALREADY_SET_UP).into();
        let sql = [INSERT_FIRST, CLOSE_SETUP];
        self.hand_out(key, "first key", &sql, again).await
    }

    /// Stores a key by `sql` and gives its record with the text. `refused`: why there is no row.
    async fn hand_out(
        &self,
        key: ApiKey,
        name: &str,
        sql: &[&'static str],
        refused: impl Fn() -> Problem,
    ) -> Result<Made, Problem> {
        let text = key.text(&self.settings.keys);
        let param = json!({"id": key.id, "name": name, "scope": key.scope.name(),
            "program": key.program, "now": self.now, "digest": api_key::digest(&text),
            "root": self.settings.keys.current()});
        self.write(sql, &param).await?;
        let stored = self.one(ONE, &param).await;
        let mut record = stored.map_err(|problem| match problem.kind.status {
            404 => refused(),
            _ => problem,
        })?;
        record["key"] = json!(text);
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
        let roots: Vec<u8> = self.settings.keys.ids().collect();
        let param = json!({"id": id, "now": self.now, "roots": roots,
            "publish": [revoked_key(id)]});
        let sql = [REVOKE, publish::ENQUEUE, IS_REVOKED];
        let rows = self.db.batch(Statement::all(&sql, &param)).await?;
        let ended = ports::values(ports::rows_at(&rows, 2))?;
        if ended.first().is_none_or(|row| row["revoked"] != true) {
            return Err((&problem::LAST_KEY).into());
        }
        Ok(Made {
            status: 204,
            record: Value::Null,
            publish: true,
            fold: false,
        })
    }
}

/// Who presents this key, and what they may do: what its row says.
pub async fn admit(db: &impl Database, presented: &Presented) -> Result<ApiKey, Problem> {
    let param = json!({"id": presented.says.id});
    let rows = db.batch(vec![Statement::new(ROW, &param)]).await?;
    let found: Vec<KeyRow> = ports::decode(ports::rows_at(&rows, 0))?;
    let row = found.first().ok_or(&problem::KEY_INVALID)?;
    row.admit(presented).map_err(|refused| match refused {
        Refused::Invalid => (&problem::KEY_INVALID).into(),
        Refused::Revoked => (&problem::KEY_REVOKED).into(),
    })
}
