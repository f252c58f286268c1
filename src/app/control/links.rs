//! Partner links.

use super::{Control, Made, by_id, object, program};
use crate::app::ports::Database;
use crate::app::problem::Problem;
use crate::app::publish;
use crate::domain::api_key::Scope;
use crate::domain::ids::{LinkId, PartnerId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::link::{Slug, TOKEN_PARAM, link_key, parse_host};
use crate::domain::target::Target;
use serde_json::{Value, json};

const INSERT: &str = "INSERT INTO links
      (id, program, partner, host, slug, target, created_at)
    SELECT ?1 ->> 'id', p.program, p.id, h.host, ?1 ->> 'slug', ?1 ->> 'target', ?1 ->> 'now'
    FROM partners p JOIN hosts h ON h.program = p.program
    WHERE p.id = ?1 ->> 'partner' AND p.program = ?1 ->> 'program' AND h.host = ?1 ->> 'host'";
const UPDATE: &str = "UPDATE links SET target = coalesce(?1 ->> 'target', target),
      active = coalesce(?1 ->> 'active', active) WHERE id = ?1 ->> 'id'";
/// One link as a record.
pub const ONE: &str = "SELECT json_object('id', id, 'program', program, 'partner', partner,
    'host', host, 'slug', slug, 'target', target, 'active', json(iif(active, 'true', 'false')),
    'path', '/go/' || slug, 'created_at', created_at) FROM links WHERE id = ?1 ->> 'id'";
const ALLOWED: &str = "SELECT json_object('hosts', json(body -> 'target_hosts'))
    FROM programs WHERE id = ?1 ->> 'program'";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/links`. Without a slug it gets a random one, without look-alikes.
    pub async fn make_link(&self, body: &Value) -> Result<Made, Problem> {
        let body = object(body)?;
        let program = program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let id = LinkId::from_entropy(self.random(0));
        let mut fields = Fields::new(body, "");
        let partner = fields
            .required_text("partner", 20)
            .and_then(PartnerId::parse);
        if partner.is_none() && fields.value("partner").is_some() {
            fields.fault("partner", "not_an_id", "must be the id of a partner: pn_…");
        }
        let host = fields.required_text("host", 253).and_then(parse_host);
        if host.is_none() && fields.value("host").is_some() {
            fields.fault(
                "host",
                "not_a_host",
                "must be a host name like shop.example",
            );
        }
        let slug = match fields.text("slug", limits::SLUG_CHARS) {
            Some(given) => Slug::parse(given, false),
            None => Slug::random("", self.random(8), false),
        };
        if slug.is_none() {
            fields.fault(
                "slug",
                "slug_invalid",
                "may hold letters, digits and - _ . @",
            );
        }
        let raw = fields.required_text("target", 2_048);
        let read = partner.zip(host).zip(slug).zip(raw);
        let (((partner, host), slug), raw) = fields.finish(read)?;
        let target = self.target(program, raw).await?;
        let key = link_key(&host, slug.as_str());
        let param = json!({"id": id, "program": program, "partner": partner, "host": host,
            "slug": slug.as_str(), "target": target, "now": self.now, "publish": [key]});
        self.write(&[INSERT, publish::ENQUEUE], &param).await?;
        let stored = self.one(ONE, &param).await;
        stored.map(Made::created).map_err(|_| {
            Problem::field(
                "/partner",
                "unknown",
                "partner and host must be of this program",
            )
        })
    }

    /// `PATCH /api/v1/links/{id}`: target and `active`.
    pub async fn change_link(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let known = self.one(ONE, &by_id(id)).await?;
        let program = known["program"].as_str().and_then(ProgramId::parse);
        self.allow(Scope::Admin, program)?;
        let mut fields = Fields::new(object(body)?, "");
        let raw = fields.text("target", 2_048);
        let active = fields.boolean("active");
        fields.finish(Some(()))?;
        let target = match (raw, program) {
            (Some(raw), Some(program)) => Some(self.target(program, raw).await?),
            _ => None,
        };
        let host = known["host"].as_str().unwrap_or_default();
        let slug = known["slug"].as_str().unwrap_or_default();
        let param = json!({"id": id, "target": target, "active": active.map(i32::from),
            "publish": [link_key(host, slug)]});
        self.write(&[UPDATE, publish::ENQUEUE], &param).await?;
        Ok(Made::ok(self.one(ONE, &param).await?))
    }

    /// Checks a target against the program's hosts and gives it serialised.
    async fn target(&self, program: ProgramId, raw: &str) -> Result<String, Problem> {
        let allowed = self.one(ALLOWED, &json!({"program": program})).await;
        let allowed = allowed
            .map_err(|_| Problem::field("/program", "unknown", "there is no such program"))?;
        let hosts = allowed["hosts"].as_array().into_iter().flatten();
        let hosts: Vec<String> = hosts.filter_map(Value::as_str).map(str::to_owned).collect();
        let target = Target::parse(raw, &hosts, self.settings.loopback)
            .map_err(|error| Problem::field("/target", error.code(), error.to_string()))?;
        if target.pins(TOKEN_PARAM) {
            let detail = format!("must not hold the parameter {TOKEN_PARAM}, which is ours");
            return Err(Problem::field("/target", "token_parameter", detail));
        }
        Ok(target.as_str().to_owned())
    }
}
