//! The HTTP API: which address is answered by whom, who may call it, and how answers look.
//!
//! - `GET  /healthz` liveness
//! - `POST /api/v1/track/{lead,sale,…}`, `/track/event` with a `type`, `/track/batch` with many:
//!   conversions, on every host
//! - everything else below `/api/v1/` on the admin host only: set-up, keys, programs, partners,
//!   links, codes, rates, destinations, lists, single events and rulings about them, customers,
//!   retry of deliveries, rebuild of KV

mod control;
mod lists;
mod track;

use super::ports::{Database, Phones, Snapshots, Suffixes, Transport, WorkQueue};
use super::problem::{self, Problem};
use super::settings::Settings;
use crate::domain::api_key::Presented;
use crate::domain::limits;
use crate::domain::record;
use crate::domain::time::UnixMs;
use crate::json;
use serde_json::Value;

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
    /// `None` when it was larger than [`most_bytes`].
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
pub struct Services<'a, D, S, Q, T> {
    pub db: &'a D,
    pub snapshots: &'a S,
    pub queue: &'a Q,
    pub transport: &'a T,
    pub suffixes: &'a dyn Suffixes,
    pub phones: &'a dyn Phones,
    pub settings: &'a Settings,
}

impl<D: Database, S: Snapshots, Q: WorkQueue, T: Transport> Services<'_, D, S, Q, T> {
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

    /// Checks the key's MAC, which says that a root secret signed it, not that it was handed out:
    /// its row decides that, in [`crate::app::control::keys::admit`] and where a fact is stored.
    fn authenticate(&self, request: &Request) -> Result<Presented, Problem> {
        let bearer = bearer(request).ok_or(&problem::KEY_MISSING)?;
        let key = Presented::open(&self.settings.keys, bearer);
        key.ok_or_else(|| (&problem::KEY_INVALID).into())
    }
}

/// The largest body that an address takes, in bytes.
pub fn most_bytes(path: &str) -> usize {
    if path.ends_with("/track/batch") {
        limits::BATCH_BODY_BYTES
    } else {
        limits::CONTROL_BODY_BYTES
    }
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
