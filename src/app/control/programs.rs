//! Programs: hosts, consent default, fallback address and the versioned plan.

use super::{BUMP_PROGRAM, Control, Made, cookie_domain, hosts, object};
use crate::app::ports::Database;
use crate::app::problem::Problem;
use crate::app::publish;
use crate::domain::api_key::Scope;
use crate::domain::ids::ProgramId;
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::link::{self, HostSnapshot, TOKEN_PARAM, Targets};
use crate::domain::plan::Rules;
use crate::domain::record;
use crate::json;
use serde_json::{Map, Value};

const INSERT: &str = "INSERT INTO programs (id, name, body, created_at)
    VALUES (?1 ->> 'program', ?1 ->> 'name', ?1 -> 'body', ?1 ->> 'now')";
const UPDATE: &str = "UPDATE programs SET name = ?1 ->> 'name', body = ?1 -> 'body'
    WHERE id = ?1 ->> 'program'";
const ADD_HOSTS: &str = "INSERT INTO hosts (host, program)
    SELECT value, ?1 ->> 'program' FROM json_each(?1, '$.body.hosts') h
    WHERE NOT EXISTS (SELECT 1 FROM hosts o
                      WHERE o.host = h.value AND o.program = ?1 ->> 'program')";
/// A host that is not named any more is free again, unless links still live on it.
const DROP_HOSTS: &str = "DELETE FROM hosts WHERE program = ?1 ->> 'program'
    AND host NOT IN (SELECT value FROM json_each(?1, '$.body.hosts'))
    AND NOT EXISTS (SELECT 1 FROM links l WHERE l.host = hosts.host)";
const PUBLISH_HOSTS: &str = "INSERT INTO publications (key, version)
    SELECT 'host:' || host, 1 FROM hosts WHERE program = ?1 ->> 'program'
    ON CONFLICT DO UPDATE SET version = version + 1";
const ADD_PLAN: &str = "INSERT INTO plans (program, version, effective_from, rules)
    SELECT ?1 ->> 'program',
      1 + coalesce((SELECT max(version) FROM plans WHERE program = ?1 ->> 'program'), 0),
      ?1 ->> 'now', ?1 -> 'plan'
    WHERE ?1 ->> 'plan' IS NOT NULL";
/// A first plan holds for the days before it too.
const REFOLD: &str = "UPDATE facts SET state = 'pending'
    WHERE program = ?1 ->> 'program' AND state = 'folded' AND (occurred_at >= ?1 ->> 'now'
      OR (SELECT max(version) FROM plans WHERE program = ?1 ->> 'program') = 1)";
/// What a change may not leave out: hosts that links live on, hosts that links lead to.
const IN_USE: &str = "WITH gone AS (
      SELECT list.value AS list, old.value AS host
      FROM programs g, json_each('[\"hosts\",\"target_hosts\"]') list,
        json_each(g.body, '$.' || list.value) old
      WHERE g.id = ?1 ->> 'program' AND old.value NOT IN (
        SELECT value FROM json_each(?1, '$.body.' || list.value)))
    SELECT coalesce((SELECT json_quote('/' || list) FROM gone
    WHERE (list = 'hosts' AND EXISTS (SELECT 1 FROM links l WHERE l.host = gone.host))
      OR (list <> 'hosts' AND EXISTS (SELECT 1 FROM links l, json_tree(l.settings) t
        WHERE l.program = ?1 ->> 'program' AND t.type = 'text'
          AND t.key IN ('target', 'expired_url', 'baseline', 'ios', 'android')
          AND instr(replace(t.value, '/', ':'), ':::' || gone.host || ':') IN (5, 6)))
    LIMIT 1), 'null')";
/// Never dated before the one that it follows: another isolate's clock may be ahead.
const ADD_STATUS: &str = "INSERT INTO program_statuses (program, active, at)
    SELECT ?1 ->> 'program', ?1 ->> 'active', max(?1 ->> 'now', coalesce((
      SELECT max(at) FROM program_statuses WHERE program = ?1 ->> 'program'), 0))";
/// One program as a record.
pub const ONE: &str = "SELECT json_patch(g.body, json_object('id', g.id, 'name', g.name,
    'status', iif(coalesce((SELECT s.active FROM program_statuses s WHERE s.program = g.id
      ORDER BY s.seq DESC LIMIT 1), 1), 'active', 'paused'),
    'created_at', g.created_at, 'plan', json((
      SELECT json_patch(p.rules, json_object('version', p.version,
        'effective_from', p.effective_from))
      FROM plans p WHERE p.program = g.id ORDER BY p.version DESC LIMIT 1))))
    FROM programs g WHERE g.id = ?1 ->> 'program'";

/// What is set for a host alone.
const OWN: [&str; 4] = ["mount", "root", "case_sensitive", "links_host"];

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/programs`.
    pub async fn make_program(&self, body: &Value) -> Result<Made, Problem> {
        self.allow(Scope::Admin, None)?;
        let id = ProgramId::from_entropy(self.random(0));
        let body = object(body)?;
        let mut read = self.read_program(id, body, None)?;
        read["active"] = status(body)?;
        self.save_program(id, read, &[INSERT, ADD_HOSTS]).await
    }

    /// `PATCH /api/v1/programs/{id}`: members that are not given stay. A new plan is a new
    /// version from now on; in a paused program nothing is earned from now on.
    pub async fn change_program(&self, id: ProgramId, body: &Value) -> Result<Made, Problem> {
        self.allow(Scope::Admin, Some(id))?;
        let changes = object(body)?;
        let mut merged = self.one(ONE, &json!({"program": id})).await?;
        let known: Vec<String> = record::take(&merged["hosts"]).unwrap_or_default();
        if let Some(record) = merged.as_object_mut() {
            record.remove("plan");
            cookie_domain::forget_shared(record);
            record.remove("registrable");
            record.extend(changes.clone());
        }
        let mut read = self.read_program(id, object(&merged)?, Some(&known))?;
        read["program"] = json!(id);
        read["active"] = status(changes)?;
        if changes.contains_key("hosts") || changes.contains_key("target_hosts") {
            let used = self.one(IN_USE, &read).await?;
            if let Some(path) = used.as_str() {
                return Err(Problem::field(path, "in_use", "leaves out a host of links"));
            }
        }
        let made = self
            .save_program(id, read, &[UPDATE, PUBLISH_HOSTS, ADD_HOSTS, DROP_HOSTS])
            .await?;
        Ok(Made {
            status: 200,
            ..made
        })
    }

    async fn save_program(
        &self,
        id: ProgramId,
        mut read: Value,
        sql: &[&'static str],
    ) -> Result<Made, Problem> {
        let hosts = read["body"]["hosts"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let keys: Vec<String> = hosts
            .iter()
            .filter_map(Value::as_str)
            .map(link::host_key)
            .collect();
        let (planned, stands) = (!read["plan"].is_null(), !read["active"].is_null());
        read["program"] = json!(id);
        read["now"] = json!(self.now);
        read["publish"] = json!(keys);
        let mut all = sql.to_vec();
        all.extend([ADD_PLAN, publish::ENQUEUE]);
        if stands {
            all.extend([ADD_STATUS, BUMP_PROGRAM, super::REFOLD]);
        }
        if planned {
            all.extend([BUMP_PROGRAM, REFOLD]);
        }
        self.write(&all, &read).await?;
        Ok(Made {
            fold: planned || stands,
            ..Made::created(self.one(ONE, &read).await?)
        })
    }

    /// `known` are the hosts of a program that is being changed.
    fn read_program(
        &self,
        id: ProgramId,
        body: &Map<String, Value>,
        known: Option<&[String]>,
    ) -> Result<Value, Problem> {
        let mut fields = Fields::new(body, "");
        let name = fields.required_text("name", limits::NAME_CHARS);
        let admin = &self.settings.admin_host;
        let hosts = hosts::read_all(&mut fields, "hosts", admin);
        if let (Some(known), true) = (known, self.caller.program.is_some()) {
            hosts::check_new(&mut fields, &hosts, known, self.suffixes);
        }
        if hosts.is_empty() && fields.value("hosts").is_none_or(|h| h == &json!([])) {
            fields.fault("hosts", "required", "name at least one host");
        }
        let mut target_hosts = hosts::read_all(&mut fields, "target_hosts", admin);
        if target_hosts.is_empty() {
            target_hosts = hosts.clone();
        }
        let registrable = cookie_domain::registrable(self.suffixes, &hosts);
        let domain = hosts::read(&mut fields, "domain", admin).or_else(|| {
            let host = hosts.first()?;
            let known = registrable.get(host).and_then(Value::as_str);
            Some(known.unwrap_or(host).to_owned())
        });
        let targets = Targets::Check {
            hosts: &target_hosts,
            loopback: self.settings.loopback,
            token_param: TOKEN_PARAM,
        };
        let edge = HostSnapshot::read(id, &mut fields, &targets);
        let given = edge.as_ref().and_then(|edge| edge.cookie_domain.clone());
        if let Some(given) = &given {
            let (suffixes, loopback) = (self.suffixes, self.settings.loopback);
            cookie_domain::check(&mut fields, given, &hosts, suffixes, loopback);
        }
        let country = self.country(&mut fields);
        let shared = cookie_domain::shared(&hosts, &registrable);
        let host_settings = read_host_settings(&mut fields, id, &hosts);
        for own in OWN {
            if fields.value(own).is_some() {
                fields.fault(own, "of_a_host", "belongs into host_settings");
            }
        }
        // A plan is stored as it was written; reading checks it.
        let rules = fields.object("plan").map(Rules::read);
        let rules = rules.and_then(|rules| fields.absorb(rules));
        let plan = fields.value("plan").filter(|_| rules.is_some()).cloned();
        let (name, edge) = fields.finish(name.zip(edge))?;
        let mut members = edge.to_value();
        members["hosts"] = json!(hosts);
        members["target_hosts"] = json!(target_hosts);
        members["host_settings"] = Value::Object(host_settings);
        members["domain"] = json!(domain);
        members["cookie_domain"] = json!(given.or_else(|| shared.clone()));
        members["shared_domain"] = json!(shared);
        members["registrable"] = Value::Object(registrable);
        members["country"] = json!(country);
        for own in ["program", "mount"] {
            members.as_object_mut().map(|members| members.remove(own));
        }
        Ok(json!({"name": name, "plan": plan, "body": members}))
    }
}

impl<D> Control<'_, D> {
    /// The country whose national phone numbers are read.
    fn country(&self, fields: &mut Fields<'_>) -> Option<String> {
        let code = fields.text("country", 2)?.to_ascii_uppercase();
        if !self.phones.is_country(&code) {
            let detail = "must be two letters of ISO 3166 like DE";
            fields.fault("country", "not_a_country", detail);
        }
        Some(code)
    }
}

/// Whether the program is active, where a body says so.
fn status(body: &Map<String, Value>) -> Result<Value, Problem> {
    let mut fields = Fields::new(body, "");
    let active = fields.choice("status", &[("active", 1), ("paused", 0)]);
    Ok(fields.finish(Some(json!(active)))?)
}

/// What is set for hosts alone, by host.
fn read_host_settings(
    fields: &mut Fields<'_>,
    id: ProgramId,
    hosts: &[String],
) -> Map<String, Value> {
    let mut all = Map::new();
    let Some(given) = fields.value("host_settings") else {
        return all;
    };
    let Some(given) = given.as_object() else {
        fields.fault(
            "host_settings",
            "not_an_object",
            "must be an object by host",
        );
        return all;
    };
    for (host, settings) in given {
        // A host that was taken away takes its settings with it.
        if !hosts.contains(host) {
            continue;
        }
        let Some(mut one) = fields
            .object("host_settings")
            .and_then(|mut all| all.object(host))
        else {
            fields.fault(
                "host_settings",
                "not_an_object",
                "must hold an object for each host",
            );
            continue;
        };
        let read = HostSnapshot::read(id, &mut one, &Targets::Stored);
        let links_host = read.as_ref().and_then(|read| read.links_host.as_ref());
        if links_host.is_some_and(|other| !hosts.contains(other)) {
            one.fault("links_host", "unknown", "must be a host of this program");
        }
        let Some(read) = fields.absorb(one.finish(read)) else {
            continue;
        };
        let mut members = read.to_value();
        let kept = members.as_object_mut().map(std::mem::take);
        let kept = kept.unwrap_or_default().into_iter();
        let given = |name: &str| settings.get(name).is_some_and(|value| !value.is_null());
        let own = |(name, _): &(String, Value)| OWN.contains(&name.as_str()) && given(name);
        let mut own_settings = Map::new();
        own_settings.extend(kept.filter(own));
        all.insert(host.clone(), Value::Object(own_settings));
    }
    all
}
