//! Destinations: a signed webhook, or Meta's Conversions API. Their secrets are sealed at rest and
//! never shown again.

use super::{Control, Made, by_id, object, program};
use crate::app::ports::Database;
use crate::app::problem::Problem;
use crate::domain::api_key::Scope;
use crate::domain::destination::Kind;
use crate::domain::destination::meta;
use crate::domain::destination::webhook::WebhookSecret;
use crate::domain::ids::{DestinationId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::outbound::OutboundUrl;
use crate::domain::seal::Purpose;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Where Meta's Graph API lives.
const META_BASE: &str = "https://graph.facebook.com";
/// The Graph API version of a destination that names none; Meta ends versions after two years.
const META_VERSION: &str = "v24.0";

const INSERT: &str = "INSERT INTO destinations (id, program, kind, config, secret, created_at)
    SELECT ?1 ->> 'id', id, ?1 ->> 'kind', ?1 -> 'config', ?1 ->> 'secret', ?1 ->> 'now'
    FROM programs WHERE id = ?1 ->> 'program'";
const ENABLE: &str = "UPDATE destinations SET enabled = ?1 ->> 'enabled' WHERE id = ?1 ->> 'id'";
/// A destination that is switched off hears nothing more; what waits for it is set aside.
const SET_ASIDE: &str = "UPDATE deliveries SET state = 'set_aside', last_error = 'disabled',
      done_at = ?1 ->> 'now'
    WHERE destination = ?1 ->> 'id' AND state = 'pending' AND ?1 ->> 'enabled' = 0";
/// One destination as a record, without its secret.
pub const ONE: &str = "SELECT json_patch(config, json_object('id', id, 'program', program,
    'kind', kind, 'enabled', json(iif(enabled, 'true', 'false')), 'created_at', created_at))
    FROM destinations WHERE id = ?1 ->> 'id'";

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
        let kinds = [("webhook", Kind::Webhook), ("meta", Kind::Meta)];
        let kind = fields.choice("kind", &kinds);
        let read = match kind {
            Some(Kind::Webhook) => self.read_webhook(&mut fields),
            Some(Kind::Meta) => self.read_meta(&mut fields),
            None => None,
        };
        let (kind, (config, secret)) = fields.finish(kind.zip(read))?;
        let id = DestinationId::from_entropy(self.random(0));
        let sealed = self.settings.keys.seal(
            Purpose::AtRest,
            &id.to_string(),
            secret.as_bytes(),
            self.random(8),
        );
        let param = json!({"id": id, "program": program, "kind": kind.as_str(), "config": config,
            "secret": URL_SAFE_NO_PAD.encode(sealed), "now": self.now});
        self.write(&[INSERT], &param).await?;
        let stored = self.one(ONE, &param).await;
        let mut record = stored
            .map_err(|_| Problem::field("/program", "unknown", "there is no such program"))?;
        if kind == Kind::Webhook {
            record["secret"] = json!(secret);
        }
        Ok(Made {
            publish: false,
            ..Made::created(record)
        })
    }

    /// `PATCH /api/v1/destinations/{id}`: switches it on or off.
    pub async fn change_destination(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let known = self.one(ONE, &by_id(id)).await?;
        self.allow(
            Scope::Admin,
            known["program"].as_str().and_then(ProgramId::parse),
        )?;
        let mut fields = Fields::new(object(body)?, "");
        if fields.value("enabled").is_none() {
            fields.fault("enabled", "required", "is required");
        }
        let enabled = fields.boolean("enabled");
        let enabled = fields.finish(enabled)?;
        let param = json!({"id": id, "enabled": i32::from(enabled), "now": self.now});
        self.write(&[ENABLE, SET_ASIDE], &param).await?;
        let record = self.one(ONE, &param).await?;
        Ok(Made {
            publish: false,
            ..Made::ok(record)
        })
    }

    fn url(&self, fields: &mut Fields<'_>, name: &str, text: &str) -> Option<String> {
        match OutboundUrl::parse(text, self.settings.loopback) {
            Ok(url) => Some(url.as_str().to_owned()),
            Err(error) => {
                fields.fault(name, error.code(), error.to_string());
                None
            }
        }
    }

    fn read_webhook(&self, fields: &mut Fields<'_>) -> Option<(Value, String)> {
        let raw = fields.required_text("url", 2_048)?;
        let url = self.url(fields, "url", raw)?;
        let given = fields.text("secret", 200);
        let secret = match given.map(WebhookSecret::parse) {
            None => WebhookSecret::generate(self.random(32)),
            Some(Ok(secret)) => secret,
            Some(Err(error)) => {
                fields.fault(
                    "secret",
                    error.code(),
                    "must be whsec_ and base64 of 24 to 64 bytes",
                );
                return None;
            }
        };
        Some((json!({"url": url}), secret.reveal()))
    }

    fn read_meta(&self, fields: &mut Fields<'_>) -> Option<(Value, String)> {
        let pixel = fields.required_text("pixel_id", 32);
        let token = fields.required_text("access_token", 1_024);
        let version = fields.text("api_version", 8).unwrap_or(META_VERSION);
        let base = fields.text("base_url", 2_048).unwrap_or(META_BASE);
        let test = fields.text("test_event_code", 64);
        let base = self.url(fields, "base_url", base);
        let path = pixel.and_then(|pixel| meta::endpoint_path(version, pixel));
        if path.is_none() && pixel.is_some() {
            fields.fault(
                "pixel_id",
                "invalid",
                "must be digits, and api_version like v24.0",
            );
        }
        let (base, path, token) = (base?, path?, token?);
        let url = format!("{}{path}", base.trim_end_matches('/'));
        let config = json!({"pixel_id": pixel, "api_version": version, "url": url,
            "test_event_code": test});
        Some((config, token.to_owned()))
    }
}
