//! Destinations: their settings, checked by the destination itself. Secrets are sealed at rest and
//! never shown again.

use super::{Control, Made, by_id, object, program};
use crate::app::deliver::open_sealed;
use crate::app::ports::{self, Database, Statement};
use crate::app::problem::{self, Problem};
use crate::domain::api_key::Scope;
use crate::domain::destination::{self, Destination, Previous, Settings, Stored};
use crate::domain::ids::{DestinationId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::record;
use crate::domain::seal::Purpose;
use crate::domain::time::UnixMs;
use crate::json;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

const INSERT: &str = "INSERT INTO destinations (id, program, kind, config, secret, created_at)
    SELECT ?1 ->> 'id', id, ?1 ->> 'kind', ?1 -> 'config', ?1 ->> 'secret', ?1 ->> 'now'
    FROM programs WHERE id = ?1 ->> 'program'";
/// What was wrong may be mended: the circuit is closed and a token of old credentials forgotten.
/// Only what was read is changed: of two changes at once, one could otherwise bring the old address
/// back and keep the other's new secret.
const CHANGE: &str = "UPDATE destinations SET enabled = ?1 ->> 'enabled',
      config = ?1 -> 'config', secret = coalesce(?1 ->> 'secret', secret),
      previous_secrets = ?1 -> 'previous',
      failures = 0, paused_until = 0, last_error = NULL, token = NULL, token_until = 0
    WHERE id = ?1 ->> 'id' AND config = ?1 ->> 'known_config'
      AND secret = ?1 ->> 'known_secret'
    RETURNING json_object('id', id)";
/// A destination that is switched off hears nothing more; what waits for it is set aside.
const SET_ASIDE: &str = "UPDATE deliveries SET state = 'set_aside', last_error = 'disabled',
      done_at = ?1 ->> 'now'
    WHERE destination = ?1 ->> 'id' AND state = 'pending'
      AND EXISTS (SELECT 1 FROM destinations WHERE id = ?1 ->> 'id' AND enabled = 0)";
/// One destination as a record, without its secret.
pub const ONE: &str = "SELECT json_patch(config, json_object('id', id, 'program', program,
    'kind', kind, 'enabled', json(iif(enabled, 'true', 'false')), 'created_at', created_at,
    'failures', failures, 'paused_until', nullif(paused_until, 0), 'last_error', last_error,
    'previous_secrets_until', (SELECT max(value ->> 'until') FROM json_each(previous_secrets))))
    FROM destinations WHERE id = ?1 ->> 'id'";
/// What a change begins with, the sealed secrets included: never shown.
const KNOWN: &str = "SELECT json_object('program', program, 'kind', kind, 'enabled', enabled,
    'config', json(config), 'text', config, 'secret', secret, 'previous', json(previous_secrets))
    FROM destinations WHERE id = ?1 ->> 'id'";

/// What a body says of a destination.
struct Read {
    config: Value,
    /// A new one.
    secret: Option<String>,
    /// Requests go somewhere else than before.
    moved: bool,
}

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
        let read = kind.and_then(|kind| self.read_settings(kind, &mut fields, None));
        let (kind, read) = fields.finish(kind.zip(read))?;
        let id = DestinationId::from_entropy(self.random(0));
        let secret = read.secret.unwrap_or_default();
        let param = json!({"id": id, "program": program, "kind": kind.kind(), "config": read.config,
            "secret": self.seal_secret(&id.to_string(), &secret), "now": self.now});
        self.write(&[INSERT], &param).await?;
        let stored = self.one(ONE, &param).await;
        let mut record = stored
            .map_err(|_| Problem::field("/program", "unknown", "there is no such program"))?;
        if kind.kind() == "webhook" {
            record["secret"] = json!(secret);
        }
        self.warn(kind, &read.config, &mut record);
        Ok(Made {
            publish: false,
            ..Made::created(record)
        })
    }

    /// `PATCH /api/v1/destinations/{id}`: changes settings, keeps what is not given, and switches
    /// it on or off. A new secret takes the place of the old one; a webhook's old one signs along
    /// for a day. A webhook's new secret is in the answer, this once.
    pub async fn change_destination(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let known = self.one(KNOWN, &by_id(id)).await?;
        self.allow(
            Scope::Admin,
            known["program"].as_str().and_then(ProgramId::parse),
        )?;
        let body = object(body)?;
        let mut merged = known["config"].as_object().cloned().unwrap_or_default();
        for (name, value) in body {
            merged.insert(name.clone(), value.clone());
        }
        let current = known["secret"].as_str().unwrap_or_default();
        let current = open_sealed(&self.settings.keys, id, current);
        let stored = Stored {
            config: &known["config"],
            // One that cannot be opened may be opened again with another root secret.
            secret: current.as_deref() != Some(""),
        };
        let mut fields = Fields::new(&merged, "");
        let enabled = fields.boolean("enabled").unwrap_or(known["enabled"] == 1);
        if fields.value("previous_secrets").is_some() {
            let detail = "can only be null, which ends the secrets from before at once";
            fields.fault("previous_secrets", "not_null", detail);
        }
        let kind = known["kind"].as_str().and_then(destination::find);
        let read = kind.and_then(|kind| self.read_settings(kind, &mut fields, Some(stored)));
        let ends = fields.has("previous_secrets");
        let (kind, read) = fields.finish(kind.zip(read))?;
        let new = read
            .secret
            .as_deref()
            .filter(|new| !same(current.as_deref(), new));
        let previous = match ends || read.moved {
            true => Vec::new(),
            false => previous(kind, &known, new.is_some(), self.now),
        };
        let param = json!({"id": id, "enabled": i32::from(enabled), "config": read.config,
            "secret": new.map(|secret| self.seal_secret(id, secret)), "previous": previous,
            "known_config": known["text"], "known_secret": known["secret"], "now": self.now});
        self.change(&param).await?;
        let mut record = self.one(ONE, &param).await?;
        if let (true, Some(secret)) = (kind.kind() == "webhook", &read.secret) {
            record["secret"] = json!(secret);
        }
        self.warn(kind, &read.config, &mut record);
        Ok(Made {
            publish: false,
            fold: true,
            ..Made::ok(record)
        })
    }

    /// Writes a change, unless another one was first.
    async fn change(&self, param: &Value) -> Result<(), Problem> {
        let statements = Statement::all(&[CHANGE, SET_ASIDE], param);
        let rows = self.db.batch(statements).await?;
        let changed: Vec<Value> = ports::values(ports::rows_at(&rows, 0))?;
        if changed.is_empty() {
            let detail = "It was changed by another call at the same time; read it and try again.";
            return Err(Problem::with_detail(&problem::STATE_UNFIT, detail));
        }
        Ok(())
    }

    /// The destination's own settings, and those that all have: `events`, `limited_data`.
    fn read_settings(
        &self,
        kind: &dyn Destination,
        fields: &mut Fields<'_>,
        stored: Option<Stored<'_>>,
    ) -> Option<Read> {
        let events = fields.texts("events", limits::EVENT_FILTERS);
        if events.iter().flatten().any(|each| !is_message(each)) {
            let detail = "must hold messages like sale.created, or what stands before the dot";
            fields.fault("events", "not_a_message", detail);
        }
        let limited = fields.boolean("limited_data");
        let rules = &self.settings.outbound;
        let mut settings = Settings::new(fields, self.random(32), rules, stored);
        let own = kind.settings(&mut settings);
        settings.check_places();
        let (own, moved, secret) = (own?, settings.moved(), settings.into_secret());
        let mut config = Map::new();
        let all = own.as_object().cloned().unwrap_or_default().into_iter();
        let common = [("events", json!(events)), ("limited_data", json!(limited))];
        let common = common.map(|(name, value)| (name.to_owned(), value));
        for (name, value) in all.chain(common) {
            if !value.is_null() {
                config.insert(name, value);
            }
        }
        Some(Read {
            config: config.into(),
            secret,
            moved,
        })
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

/// Is this the secret that is there already? A change that is repeated must not end the one before.
fn same(current: Option<&str>, new: &str) -> bool {
    current.is_some_and(|current| current.as_bytes().ct_eq(new.as_bytes()).into())
}

/// The secrets that sign along after a change.
fn previous(kind: &dyn Destination, known: &Value, replaced: bool, now: UnixMs) -> Vec<Previous> {
    let before = record::take(&known["previous"]).unwrap_or_default();
    match known["secret"].as_str() {
        Some(current) if replaced && kind.previous_secrets_sign() => {
            destination::replaced(current.to_owned(), before, now)
        }
        _ => before,
    }
}

/// `sale`, `sale.created` and the like.
fn is_message(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.';
    !text.is_empty() && text.len() <= 40 && text.bytes().all(plain)
}
