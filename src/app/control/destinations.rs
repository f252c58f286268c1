//! Destinations: their settings, checked by the destination itself. Secrets are sealed at rest and
//! never shown again.

use super::{Control, Made, by_id, object, program};
use crate::app::ports::Database;
use crate::app::problem::Problem;
use crate::domain::api_key::Scope;
use crate::domain::destination::{self, Destination, Settings};
use crate::domain::ids::{DestinationId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::seal::Purpose;
use crate::json;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

const INSERT: &str = "INSERT INTO destinations (id, program, kind, config, secret, created_at)
    SELECT ?1 ->> 'id', id, ?1 ->> 'kind', ?1 -> 'config', ?1 ->> 'secret', ?1 ->> 'now'
    FROM programs WHERE id = ?1 ->> 'program'";
/// What was wrong may be mended: the circuit is closed and a token of old credentials forgotten.
const CHANGE: &str = "UPDATE destinations SET enabled = ?1 ->> 'enabled',
      config = ?1 -> 'config', secret = coalesce(?1 ->> 'secret', secret),
      failures = 0, paused_until = 0, last_error = NULL, token = NULL, token_until = 0
    WHERE id = ?1 ->> 'id'";
/// A destination that is switched off hears nothing more; what waits for it is set aside.
const SET_ASIDE: &str = "UPDATE deliveries SET state = 'set_aside', last_error = 'disabled',
      done_at = ?1 ->> 'now'
    WHERE destination = ?1 ->> 'id' AND state = 'pending' AND ?1 ->> 'enabled' = 0";
/// One destination as a record, without its secret.
pub const ONE: &str = "SELECT json_patch(config, json_object('id', id, 'program', program,
    'kind', kind, 'enabled', json(iif(enabled, 'true', 'false')), 'created_at', created_at,
    'failures', failures, 'paused_until', nullif(paused_until, 0), 'last_error', last_error))
    FROM destinations WHERE id = ?1 ->> 'id'";
/// As [`ONE`], with the settings apart.
const SETTINGS: &str = "SELECT json_object('program', program, 'kind', kind, 'enabled', enabled,
    'config', json(config)) FROM destinations WHERE id = ?1 ->> 'id'";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/destinations`. A webhook's signing secret is in the answer, this once.
    pub async fn make_destination(&self, body: &Value) -> Result<Made, Problem> {
        let body = object(body)?;
        let program = program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        if fields.value("kind").is_none() {
            fields.fault("kind", "required", "is required");
        }
        let mut kinds = Vec::new();
        for each in destination::ALL {
            kinds.push((each.kind(), each));
        }
        let kind = fields.choice("kind", &kinds);
        let read = kind.and_then(|kind| self.read_settings(kind, &mut fields, false));
        let (kind, (config, secret)) = fields.finish(kind.zip(read))?;
        let id = DestinationId::from_entropy(self.random(0));
        let secret = secret.unwrap_or_default();
        let param = json!({"id": id, "program": program, "kind": kind.kind(), "config": config,
            "secret": self.seal_secret(&id.to_string(), &secret), "now": self.now});
        self.write(&[INSERT], &param).await?;
        let stored = self.one(ONE, &param).await;
        let mut record = stored
            .map_err(|_| Problem::field("/program", "unknown", "there is no such program"))?;
        if kind.kind() == "webhook" {
            record["secret"] = json!(secret);
        }
        self.warn(kind, &config, &mut record);
        Ok(Made {
            publish: false,
            ..Made::created(record)
        })
    }

    /// `PATCH /api/v1/destinations/{id}`: changes settings, keeps what is not given, and switches
    /// it on or off. A new secret takes the place of the old one.
    pub async fn change_destination(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let known = self.one(SETTINGS, &by_id(id)).await?;
        self.allow(
            Scope::Admin,
            known["program"].as_str().and_then(ProgramId::parse),
        )?;
        let body = object(body)?;
        let mut merged = known["config"].as_object().cloned().unwrap_or_default();
        for (name, value) in body {
            merged.insert(name.clone(), value.clone());
        }
        let mut fields = Fields::new(&merged, "");
        let enabled = fields.boolean("enabled").unwrap_or(known["enabled"] == 1);
        let kind = known["kind"].as_str().and_then(destination::find);
        let read = kind.and_then(|kind| self.read_settings(kind, &mut fields, true));
        let (kind, (config, secret)) = fields.finish(kind.zip(read))?;
        let secret = secret.map(|secret| self.seal_secret(id, &secret));
        let param = json!({"id": id, "enabled": i32::from(enabled), "config": config,
            "secret": secret, "now": self.now});
        self.write(&[CHANGE, SET_ASIDE], &param).await?;
        let mut record = self.one(ONE, &param).await?;
        self.warn(kind, &config, &mut record);
        Ok(Made {
            publish: false,
            fold: true,
            ..Made::ok(record)
        })
    }

    /// The destination's own settings, and those that all have: `events`, `limited_data`.
    fn read_settings(
        &self,
        kind: &dyn Destination,
        fields: &mut Fields<'_>,
        has_secret: bool,
    ) -> Option<(Value, Option<String>)> {
        let events = fields.texts("events", limits::EVENT_FILTERS);
        if events.iter().flatten().any(|each| !is_message(each)) {
            let detail = "must hold messages like sale.created, or what stands before the dot";
            fields.fault("events", "not_a_message", detail);
        }
        let limited = fields.boolean("limited_data");
        let loopback = self.settings.loopback;
        let mut settings = Settings::new(fields, self.random(32), loopback, has_secret);
        let own = kind.settings(&mut settings)?;
        let secret = settings.into_secret();
        let mut config = Map::new();
        let all = own.as_object().cloned().unwrap_or_default().into_iter();
        let common = [("events", json!(events)), ("limited_data", json!(limited))];
        let common = common.map(|(name, value)| (name.to_owned(), value));
        for (name, value) in all.chain(common) {
            if !value.is_null() {
                config.insert(name, value);
            }
        }
        Some((config.into(), secret))
    }

    fn seal_secret(&self, id: &str, secret: &str) -> String {
        let nonce = self.random(8);
        let keys = &self.settings.keys;
        URL_SAFE_NO_PAD.encode_to_string(keys.seal(Purpose::AtRest, id, secret.as_bytes(), nonce))
    }

    fn warn(&self, kind: &dyn Destination, config: &Value, record: &mut Value) {
        if let Some(warning) = kind.warning(config, self.now) {
            record["warning"] = json!(warning);
        }
    }
}

/// `sale`, `sale.created` and the like.
fn is_message(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.';
    !text.is_empty() && text.len() <= 40 && text.bytes().all(plain)
}
