//! Conversions: who may report them, and what a report is read as.

use super::{Request, Response, Services, read_body};
use crate::app::ingest::Intake;
use crate::app::ports::{Database, Snapshots, WorkQueue};
use crate::app::problem::{self, Problem};
use crate::app::track::Reading;
use crate::app::{clicks, control, ingest};
use crate::domain::api_key::Scope;
use crate::domain::event::EventKind;
use crate::domain::limits;
use serde_json::Value;

impl<D: Database, S: Snapshots, Q: WorkQueue> Services<'_, D, S, Q> {
    pub(super) async fn track(&self, request: &Request, kind: &str) -> Result<Response, Problem> {
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
}
