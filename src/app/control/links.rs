//! Partner links.

use super::{Control, Made, by_id, object, partner, program};
use crate::app::click_days::click_days;
use crate::app::ports::Database;
use crate::app::problem::Problem;
use crate::app::publish;
use crate::domain::api_key::Scope;
use crate::domain::ids::{LinkId, ProgramId};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::link::{LinkSettings, Slug, Targets, link_key, parse_host, shown_key};
use crate::json;
use serde_json::{Map, Value};

const INSERT: &str = "INSERT INTO links
      (id, program, partner, host, slug, target, settings, created_at)
    SELECT ?1 ->> 'id', p.program, p.id, h.host, ?1 ->> 'slug', ?1 ->> '$.settings.target',
      ?1 -> 'settings', ?1 ->> 'now'
    FROM partners p JOIN hosts h ON h.program = p.program
    WHERE p.id = ?1 ->> 'partner' AND p.program = ?1 ->> 'program' AND h.host = ?1 ->> 'host'";
/// A cap that was raised is open again until the counts reach it.
const UPDATE: &str = concat!(
    "UPDATE links SET target = ?1 ->> '$.settings.target',
      settings = ?1 -> 'settings', active = coalesce(?1 ->> 'active', active),
      capped = coalesce((SELECT sum(valid) FROM ",
    click_days!("r.program = links.program AND r.link = links.id"),
    ") >= ?1 ->> '$.settings.click_cap', 0)
    WHERE id = ?1 ->> 'id'"
);
/// One link as a record.
pub const ONE: &str = "SELECT json_patch(l.settings, json_object('id', l.id, 'program', l.program,
      'partner', l.partner, 'host', l.host, 'slug', l.slug,
      'active', json(iif(l.active, 'true', 'false')),
      'capped', json(iif(l.capped, 'true', 'false')),
      'path', coalesce(json_extract(g.body, '$.host_settings.\"' || l.host || '\".mount'), '/go/')
        || l.slug,
      'created_at', l.created_at))
    FROM links l JOIN programs g ON g.id = l.program WHERE l.id = ?1 ->> 'id'";
const SETTINGS: &str = "SELECT settings FROM links WHERE id = ?1 ->> 'id'";
/// What links of a program are checked against.
const PROGRAM: &str = "SELECT json_object('hosts', json(body -> 'target_hosts'),
      'token_param', body ->> 'token_param',
      'case_sensitive', json(coalesce(
        body -> ('$.host_settings.\"' || (?1 ->> 'host') || '\".case_sensitive'), 'false')))
    FROM programs WHERE id = ?1 ->> 'program'";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/links`. Without a slug it gets a random one, without look-alikes.
    pub async fn make_link(&self, body: &Value) -> Result<Made, Problem> {
        let body = object(body)?;
        let program = program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        let partner = partner(&mut fields);
        let host = fields.required_text("host", 253).and_then(parse_host);
        if host.is_none() && fields.value("host").is_some() {
            let detail = "must be a host name like shop.example";
            fields.fault("host", "not_a_host", detail);
        }
        let rules = self.rules(program, host.as_deref()).await?;
        let slug = self.slug(&mut fields, rules.case_sensitive);
        let settings = LinkSettings::read(&mut fields, &rules.targets(self.settings.loopback));
        let read = partner.zip(host).zip(slug).zip(settings);
        let (((partner, host), slug), settings) = fields.finish(read)?;
        let id = LinkId::from_entropy(self.random(0));
        let keys = [link_key(&host, slug.as_str()), shown_key(id)];
        let param = json!({"id": id, "program": program, "partner": partner, "host": host,
            "slug": slug.as_str(), "settings": settings.to_value(), "now": self.now,
            "publish": keys});
        self.write(&[INSERT, publish::ENQUEUE], &param).await?;
        let stored = self.one(ONE, &param).await;
        let detail = "partner and host must be of this program";
        let stored = stored.map_err(|error| error.or_unknown("/partner", detail));
        stored.map(Made::created)
    }

    fn slug(&self, fields: &mut Fields<'_>, case_sensitive: bool) -> Option<Slug> {
        let prefix = fields.text("prefix", limits::SLUG_PREFIX_CHARS);
        let slug = match fields.text("slug", limits::SLUG_CHARS) {
            Some(given) => Slug::parse(given, case_sensitive),
            None => Slug::random(prefix.unwrap_or_default(), self.random(8), case_sensitive),
        };
        if slug.is_none() {
            let name = if fields.value("slug").is_some() {
                "slug"
            } else {
                "prefix"
            };
            let detail = "may hold letters and digits of any script and - _ . @";
            fields.fault(name, "slug_invalid", detail);
        }
        slug
    }

    /// `PATCH /api/v1/links/{id}`: members that are not given stay, `null` takes one away.
    pub async fn change_link(&self, id: &str, body: &Value) -> Result<Made, Problem> {
        let known = self.one(ONE, &by_id(id)).await?;
        let program = known["program"].as_str().and_then(ProgramId::parse);
        self.allow(Scope::Admin, program)?;
        let (Some(program), host) = (program, known["host"].as_str().unwrap_or_default()) else {
            return Err(Problem::field(
                "/program",
                "unknown",
                "there is no such program",
            ));
        };
        let changes = object(body)?;
        let active = {
            let mut fields = Fields::new(changes, "");
            let active = fields.boolean("active");
            for fixed in ["program", "partner", "host", "slug"] {
                if fields
                    .value(fixed)
                    .is_some_and(|given| given != &known[fixed])
                {
                    fields.fault(fixed, "fixed", "stays as it was made");
                }
            }
            fields.finish(Some(active))?
        };
        let merged = self.merged(id, changes).await?;
        let rules = self.rules(program, Some(host)).await?;
        let mut fields = Fields::new(&merged, "");
        let mut targets = rules.targets(self.settings.loopback);
        if changes.keys().all(|name| name == "active") {
            // It can be paused whatever would be refused today.
            targets = Targets::Stored;
        }
        let settings = LinkSettings::read(&mut fields, &targets);
        let settings = fields.finish(settings)?;
        let keys = [
            link_key(host, known["slug"].as_str().unwrap_or_default()),
            format!("show:{id}"),
        ];
        let param = json!({"id": id, "settings": settings.to_value(),
            "active": active.map(i32::from), "publish": keys});
        self.write(&[UPDATE, publish::ENQUEUE], &param).await?;
        Ok(Made::ok(self.one(ONE, &param).await?))
    }

    /// The link's settings with the changes in.
    async fn merged(
        &self,
        id: &str,
        changes: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Problem> {
        let mut settings = self.one(SETTINGS, &by_id(id)).await?;
        let mut merged = settings
            .as_object_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        merged.extend(changes.clone());
        Ok(merged)
    }

    async fn rules(&self, program: ProgramId, host: Option<&str>) -> Result<Checks, Problem> {
        let param = json!({"program": program, "host": host.unwrap_or_default()});
        let found = self.one(PROGRAM, &param).await;
        let detail = "there is no such program";
        let found = found.map_err(|error| error.or_unknown("/program", detail))?;
        let hosts = found["hosts"].as_array().into_iter().flatten();
        Ok(Checks {
            hosts: hosts.filter_map(Value::as_str).map(str::to_owned).collect(),
            token_param: found["token_param"].as_str().unwrap_or("tl").to_owned(),
            case_sensitive: found["case_sensitive"].as_bool().unwrap_or_default(),
        })
    }
}

impl Checks {
    fn targets(&self, loopback: bool) -> Targets<'_> {
        Targets::Check {
            hosts: &self.hosts,
            loopback,
            token_param: &self.token_param,
        }
    }
}

/// What a program says about its links.
struct Checks {
    hosts: Vec<String>,
    token_param: String,
    case_sensitive: bool,
}
