//! The HTTP API: which address is answered by whom, who may call it, and how answers look.
//!
//! - `GET  /healthz` liveness
//! - `POST /api/v1/track/{lead,sale,…}`, `/track/event` with a `type`: conversions, on every host
//! - everything else below `/api/v1/` on the admin host only: set-up, keys, programs, partners,
//!   links, destinations, lists, single events, retry of deliveries, rebuild of KV

use super::clicks;
use super::control::{self, Control, Made};
use super::ingest::{self, Intake};
use super::payout;
use super::ports::{Database, Snapshots, Statement, Suffixes, WorkQueue};
use super::problem::{self, Problem};
use super::publish;
use super::reads::{self, Page};
use super::settings::Settings;
use super::settle;
use super::track::Reading;
use crate::domain::api_key::{ApiKey, Scope};
use crate::domain::event::EventKind;
use crate::domain::ids::{ApiKeyId, ProgramId};
use crate::domain::limits;
use crate::domain::record;
use crate::domain::time::UnixMs;
use serde_json::{Value, json};

/// A request, read from the platform's.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Without port, lower case.
    pub host: String,
    pub path: String,
    /// Raw query without `?`.
    pub query: String,
    pub content_type: String,
    pub authorization: String,
    /// `None` when it was larger than any address takes.
    pub body: Option<Vec<u8>>,
    pub now: UnixMs,
    pub entropy: [u8; 64],
}

/// An answer, and what should happen after it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub retry_after: Option<u32>,
    /// Empty for 204.
    pub body: String,
    pub after: After,
}

/// Work that the answer does not wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct After {
    /// The queue message when facts or deliveries wait for the ledger plane.
    pub wake: Option<String>,
    /// KV records wait to be written.
    pub publish: bool,
}

impl Response {
    fn json(status: u16, body: &Value) -> Response {
        Response {
            status,
            content_type: "application/json",
            retry_after: None,
            body: if status == 204 {
                String::new()
            } else {
                body.to_string()
            },
            after: After::default(),
        }
    }

    /// A problem document. Dub's client reads only `application/json` and wants its own member.
    pub fn problem(problem: &Problem, for_dub: bool) -> Response {
        let document = if for_dub {
            problem.for_dub()
        } else {
            problem.document()
        };
        let content_type = if for_dub {
            "application/json"
        } else {
            "application/problem+json"
        };
        let retry_after = (problem.kind.status == 503).then_some(5);
        Response {
            content_type,
            retry_after,
            ..Response::json(problem.kind.status, &document)
        }
    }
}

/// What the API needs of its host.
pub struct Services<'a, D, S, Q> {
    pub db: &'a D,
    pub snapshots: &'a S,
    pub queue: &'a Q,
    pub suffixes: &'a dyn Suffixes,
    pub settings: &'a Settings,
}

impl<D: Database, S: Snapshots, Q: WorkQueue> Services<'_, D, S, Q> {
    /// Answers a request.
    pub async fn handle(&self, request: &Request) -> Response {
        if request.path == "/healthz" {
            return Response::json(200, &json!({"status": "ok"}));
        }
        let path = request.path.strip_prefix("/api/v1/").unwrap_or_default();
        if let Some(kind) = path.strip_prefix("track/") {
            let answer = self.track(request, kind).await;
            return answer.unwrap_or_else(|problem| Response::problem(&problem, true));
        }
        let answer = if request.host == self.settings.admin_host {
            self.control(request, path).await
        } else {
            Err((&problem::NOT_FOUND).into())
        };
        answer.unwrap_or_else(|problem| Response::problem(&problem, false))
    }

    async fn track(&self, request: &Request, kind: &str) -> Result<Response, Problem> {
        let named = |name: &str| EventKind::ALL.into_iter().find(|each| each.name() == name);
        let kind = match kind {
            "event" => None,
            name => Some(named(name).ok_or(&problem::NOT_FOUND)?),
        };
        if request.method != "POST" {
            return Err((&problem::METHOD_NOT_ALLOWED).into());
        }
        let key = self.authenticate(request)?;
        if !key.scope.includes(Scope::Track) {
            return Err((&problem::SCOPE_TOO_NARROW).into());
        }
        let program = key.program.ok_or(&problem::PROGRAM_REQUIRED)?;
        let body = read_body(request, limits::TRACK_BODY_BYTES)?;
        let [a, b, ..] = request.entropy.chunks_exact(24).collect::<Vec<_>>()[..] else {
            return Err((&problem::INTERNAL).into());
        };
        let reading = Reading {
            program,
            keys: &self.settings.keys,
            now: request.now,
            server_key: format!("srv_{}", hex::encode(a.get(..12).unwrap_or_default())),
        };
        let body = control::object(&body)?;
        let stated = || body.get("type").and_then(Value::as_str).and_then(named);
        let kind = kind.or_else(stated).ok_or_else(|| {
            let names = EventKind::ALL.map(EventKind::name).join(", ");
            Problem::field("/type", "not_a_choice", format!("must be one of: {names}"))
        })?;
        let read = reading.read(kind, body)?;
        let nonce = b.try_into().map_err(|_| &problem::INTERNAL)?;
        let intake = Intake::new(self.settings, key, &read, nonce);
        let wake = ingest::accept(self.db, self.snapshots, self.queue, &intake).await?;
        let mut response = Response::json(200, &read.answer);
        response.after.wake = wake.then(|| clicks::wake(read.fact.touch(), request.now));
        Ok(response)
    }

    /// Checks the key's MAC; whether it was revoked is looked up by those who touch the database.
    fn authenticate(&self, request: &Request) -> Result<ApiKey, Problem> {
        let bearer = bearer(request).ok_or(&problem::KEY_MISSING)?;
        let key = ApiKey::open(&self.settings.keys, bearer);
        key.ok_or_else(|| (&problem::KEY_INVALID).into())
    }

    async fn control(&self, request: &Request, path: &str) -> Result<Response, Problem> {
        let parts: Vec<&str> = path.split('/').collect();
        if parts.as_slice() == ["setup"] {
            return self.set_up(request).await;
        }
        let caller = self.authenticate(request)?;
        self.refuse_revoked(caller.id).await?;
        let control = self.control_of(request, caller);
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", _) => self.read(request, &control, &parts).await,
            ("POST", ["rebuild"]) => self.rebuild(&control).await,
            ("POST", ["deliveries", id, "retry"]) => self.retry(&control, id).await,
            ("DELETE", ["keys", id]) => Ok(made(control.revoke_key(id).await?)),
            ("POST", ["links", "explain"]) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                Ok(Response::json(200, &control.explain(&body).await?))
            }
            ("POST", ["what-if"]) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                let answer = control.what_if(&body).await?;
                Ok(Response::json(200, &reads::readable(answer)))
            }
            ("POST" | "PATCH", _) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                Ok(made(change(request, &control, &parts, &body).await?))
            }
            _ => Err((&problem::METHOD_NOT_ALLOWED).into()),
        }
    }

    fn control_of(&self, request: &Request, caller: ApiKey) -> Control<'_, D> {
        Control {
            db: self.db,
            suffixes: self.suffixes,
            settings: self.settings,
            now: request.now,
            entropy: request.entropy,
            caller,
        }
    }

    async fn set_up(&self, request: &Request) -> Result<Response, Problem> {
        if request.method != "POST" {
            return Err((&problem::METHOD_NOT_ALLOWED).into());
        }
        let proof = bearer(request).ok_or(&problem::KEY_MISSING)?;
        if !self.settings.keys.is_setup_proof(proof) {
            return Err((&problem::KEY_INVALID).into());
        }
        let nobody = ApiKey {
            id: ApiKeyId::from_number(0),
            program: None,
            scope: Scope::Admin,
        };
        Ok(made(self.control_of(request, nobody).first_key().await?))
    }

    async fn refuse_revoked(&self, id: ApiKeyId) -> Result<(), Problem> {
        const STATE: &str = "SELECT json_object('revoked', revoked_at IS NOT NULL)
            FROM api_keys WHERE id = ?1 ->> 'id'";
        let rows = self
            .db
            .batch(vec![Statement::new(STATE, &json!({"id": id}))])
            .await?;
        match rows
            .first()
            .and_then(|rows| rows.first())
            .map(String::as_str)
        {
            Some(r#"{"revoked":0}"#) => Ok(()),
            Some(_) => Err((&problem::KEY_REVOKED).into()),
            None => Err((&problem::KEY_INVALID).into()),
        }
    }

    async fn read(
        &self,
        request: &Request,
        control: &Control<'_, D>,
        parts: &[&str],
    ) -> Result<Response, Problem> {
        let caller = control.caller;
        if let ["events", id] = parts {
            let event = reads::event(self.db, id, request.now).await?;
            control.allow(
                Scope::Read,
                event["program"].as_str().and_then(ProgramId::parse),
            )?;
            return Ok(Response::json(200, &event));
        }
        let single = match parts {
            ["programs", _] => Some(control::programs::ONE),
            ["partners", _] => Some(control::partners::ONE),
            ["links", _] => Some(control::links::ONE),
            ["destinations", _] => Some(control::destinations::ONE),
            ["keys", _] => Some(control::keys::ONE),
            ["settlements", _] => Some(settle::ONE),
            ["payouts", _] => Some(payout::ONE),
            _ => None,
        };
        if let (Some(sql), [kind, id]) = (single, parts) {
            let mut record = control.one(sql, &json!({"id": id, "program": id})).await?;
            let owner = if *kind == "programs" {
                &record["id"]
            } else {
                &record["program"]
            };
            control.allow(Scope::Read, owner.as_str().and_then(ProgramId::parse))?;
            if matches!(*kind, "settlements" | "payouts") {
                let mut page = page(request, caller)?;
                page.of = Some((*id).to_owned());
                record["lines"] = reads::list(self.db, &format!("{kind}/lines"), &page).await?;
            }
            return Ok(Response::json(200, &reads::readable(record)));
        }
        let [name] = parts else {
            return Err((&problem::NOT_FOUND).into());
        };
        let page = page(request, caller)?;
        control.allow(
            if *name == "keys" {
                Scope::Admin
            } else {
                Scope::Read
            },
            page.program,
        )?;
        Ok(Response::json(
            200,
            &reads::list(self.db, name, &page).await?,
        ))
    }

    async fn rebuild(&self, control: &Control<'_, D>) -> Result<Response, Problem> {
        control.allow(Scope::Admin, None)?;
        let statement = Statement::new(publish::REBUILD, &json!({}));
        self.db.batch(vec![statement]).await?;
        let published = publish::publish(self.db, self.snapshots).await?;
        let report = json!({"written": published.written, "left": published.left});
        let mut response = Response::json(200, &report);
        // Also lets this isolate forget what it remembers.
        response.after.publish = true;
        Ok(response)
    }

    /// Sends a delivery again that was set aside.
    async fn retry(&self, control: &Control<'_, D>, id: &str) -> Result<Response, Problem> {
        const ONE: &str = "SELECT json_object('id', id, 'program', program, 'state', state)
            FROM deliveries WHERE id = ?1 ->> 'id'";
        const RETRY: &str = "UPDATE deliveries SET state = 'pending', attempts = 0,
              next_at = ?1 ->> 'now', done_at = NULL
            WHERE id = ?1 ->> 'id' AND state = 'set_aside'";
        let param = json!({"id": id, "now": control.now});
        let known = control.one(ONE, &param).await?;
        control.allow(
            Scope::Admin,
            known["program"].as_str().and_then(ProgramId::parse),
        )?;
        if known["state"] != "set_aside" {
            let detail = "only a delivery that was set aside can be sent again";
            return Err(Problem::with_detail(&problem::STATE_UNFIT, detail));
        }
        control.write(&[RETRY], &param).await?;
        let mut response = Response::json(200, &control.one(ONE, &param).await?);
        response.after.wake = Some(clicks::wake(None, control.now));
        Ok(response)
    }
}

async fn change<D: Database>(
    request: &Request,
    control: &Control<'_, D>,
    parts: &[&str],
    body: &Value,
) -> Result<Made, Problem> {
    match (request.method.as_str(), parts) {
        ("POST", ["keys"]) => control.make_key(body).await,
        ("POST", ["programs"]) => control.make_program(body).await,
        ("POST", ["partners"]) => control.make_partner(body).await,
        ("POST", ["links"]) => control.make_link(body).await,
        ("POST", ["settlements"]) => control.settle(body).await,
        ("POST", ["payouts"]) => control.pay(body).await,
        ("POST", ["destinations"]) => control.make_destination(body).await,
        ("PATCH", ["programs", id]) => {
            let id = ProgramId::parse(id).ok_or(&problem::NOT_FOUND)?;
            control.change_program(id, body).await
        }
        ("PATCH", ["partners", id]) => control.change_partner(id, body).await,
        ("PATCH", ["links", id]) => control.change_link(id, body).await,
        ("PATCH", ["destinations", id]) => control.change_destination(id, body).await,
        _ => Err((&problem::NOT_FOUND).into()),
    }
}

fn made(made: Made) -> Response {
    let mut response = Response::json(made.status, &reads::readable(made.record));
    response.after = After {
        wake: made.fold.then(|| clicks::wake(None, UnixMs(0))),
        publish: made.publish,
    };
    response
}

fn bearer(request: &Request) -> Option<&str> {
    request
        .authorization
        .strip_prefix("Bearer ")
        .map(str::trim)
        .filter(|key| !key.is_empty())
}

/// Reads a JSON body: 413 when too large, 415 when not called JSON, 400 when it is not.
fn read_body(request: &Request, max: usize) -> Result<Value, Problem> {
    let body = request.body.as_ref().filter(|body| body.len() <= max);
    let body = body.ok_or(&problem::BODY_TOO_LARGE)?;
    let media_type = request
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err((&problem::CONTENT_TYPE).into());
    }
    let text = std::str::from_utf8(body).ok();
    let read = text.and_then(record::parse);
    read.filter(Value::is_object)
        .ok_or_else(|| (&problem::BODY_NOT_JSON).into())
}

/// `program`, `limit` and `cursor` of a list. A key of one program lists that program.
fn page(request: &Request, caller: ApiKey) -> Result<Page, Problem> {
    let mut page = Page {
        program: caller.program,
        now: request.now.0,
        ..Page::default()
    };
    let pairs = request
        .query
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        match name {
            "program" => {
                let id = ProgramId::parse(value);
                let detail = "program must be the id of a program: pg_…";
                let wrong = || Problem::with_detail(&problem::BAD_REQUEST, detail);
                page.program = Some(id.ok_or_else(wrong)?);
            }
            "limit" => {
                let wrong =
                    || Problem::with_detail(&problem::BAD_REQUEST, "limit must be 1 to 100");
                page.limit = Some(value.parse().map_err(|_| wrong())?);
            }
            "cursor" => page.cursor = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(page)
}
