//! Conversions: who may report them, one by one or many at once, and how each is answered.

use super::{Request, Response, Services, read_body};
use crate::app::ingest::{self, Intake};
use crate::app::ports::{self, Database, Snapshots, Statement, Transport, WorkQueue};
use crate::app::problem::{self, Problem};
use crate::app::track::Reading;
use crate::app::{clicks, control};
use crate::domain::api_key::{Presented, Scope};
use crate::domain::destination::Phone;
use crate::domain::event::EventKind;
use crate::domain::input::{self, Fields};
use crate::domain::limits;
use crate::domain::record;
use crate::json;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Who reports, and what is known of their program.
struct Caller<'a> {
    request: &'a Request,
    key: &'a Presented,
    country: Option<String>,
}

/// A report that was read: what is stored, and what is answered when it was.
struct Report {
    intake: Intake,
    answer: Value,
}

impl<D: Database, S: Snapshots, Q: WorkQueue, T: Transport> Services<'_, D, S, Q, T> {
    pub(super) async fn track(&self, request: &Request, kind: &str) -> Result<Response, Problem> {
        let kind = match kind {
            "event" | "batch" => None,
            name => Some(named(name).ok_or(&problem::NOT_FOUND)?),
        };
        if request.method != "POST" {
            return Err((&problem::METHOD_NOT_ALLOWED).into());
        }
        let key = self.authenticate(request)?;
        if !key.says.scope.includes(Scope::Track) {
            return Err((&problem::SCOPE_TOO_NARROW).into());
        }
        if request.path.ends_with("/batch") {
            return self.track_all(request, &key).await;
        }
        let body = read_body(request, limits::TRACK_BODY_BYTES)?;
        let country = self.country(&key, std::slice::from_ref(&body)).await;
        let caller = Caller {
            request,
            key: &key,
            country,
        };
        let report = self.report(&caller, 0, kind, control::object(&body)?)?;
        let (mut outcomes, wake) = self.accept(request, vec![Ok(report)]).await;
        let outcome = outcomes.pop().ok_or(&problem::INTERNAL)?;
        let mut response = Response::json(200, &outcome?);
        response.after.wake = wake;
        Ok(response)
    }

    /// `POST /api/v1/track/batch`: each event has its own outcome, in order. What concerns them
    /// all (a key that is none or was revoked, nowhere to store) is the answer to the whole.
    async fn track_all(&self, request: &Request, key: &Presented) -> Result<Response, Problem> {
        let body = read_body(request, limits::BATCH_BODY_BYTES)?;
        let mut fields = Fields::new(control::object(&body)?, "");
        let events = fields.value("events").and_then(Value::as_array);
        if events.is_none_or(|events| events.is_empty() || events.len() > limits::BATCH_EVENTS) {
            let detail = format!("must be a list of 1 to {} events", limits::BATCH_EVENTS);
            fields.fault("events", "required", detail);
        }
        let events = fields.finish(events)?;
        let country = self.country(key, events).await;
        let caller = Caller {
            request,
            key,
            country,
        };
        let read = |(place, event): (usize, &Value)| {
            let event = event.as_object().ok_or(&problem::BODY_NOT_JSON)?;
            self.report(&caller, place, None, event)
        };
        let reports = events.iter().enumerate().map(read).collect();
        let (outcomes, wake) = self.accept(request, reports).await;
        let ours = |one: &Result<Value, Problem>| match one {
            Err(problem) => [401, 403, 503].contains(&problem.kind.status),
            Ok(_) => false,
        };
        let whole = outcomes.iter().all(ours);
        let good = outcomes.iter().all(Result::is_ok);
        let mut results = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            match outcome {
                Err(problem) if whole => return Err(problem),
                Err(problem) => results.push(problem.for_dub()),
                Ok(mut answer) => {
                    answer["status"] = json!(200);
                    results.push(answer);
                }
            }
        }
        let status = if good { 200 } else { 207 };
        let mut response = Response::json(status, &json!({"results": results}));
        response.after.wake = wake;
        Ok(response)
    }

    /// The program's country, where one of the bodies has a phone number that needs it. With the
    /// database away there is none, and such a number is not told to platforms.
    async fn country(&self, key: &Presented, bodies: &[Value]) -> Option<String> {
        const COUNTRY: &str = "SELECT json_quote(body ->> 'country') FROM programs
            WHERE id = ?1 ->> 'program'";
        let phones = bodies
            .iter()
            .filter_map(|body| body.get("customerPhone")?.as_str());
        if !phones.into_iter().any(Phone::may_be_national) {
            return None;
        }
        let statement = Statement::new(COUNTRY, &json!({"program": key.says.program?}));
        let rows = self.db.batch(vec![statement]).await.ok()?;
        let found = record::parse(ports::rows_at(&rows, 0).first()?)?;
        found.as_str().map(str::to_owned)
    }

    /// Reads one report. Without a kind from its address it says itself what it is.
    fn report(
        &self,
        caller: &Caller<'_>,
        place: usize,
        kind: Option<EventKind>,
        body: &Map<String, Value>,
    ) -> Result<Report, Problem> {
        let stated = || body.get("type").and_then(Value::as_str).and_then(named);
        let kind = kind.or_else(stated).ok_or_else(|| {
            let names = EventKind::ALL.map(EventKind::name).join(", ");
            Problem::field("/type", "not_a_choice", format!("must be one of: {names}"))
        })?;
        let Caller {
            request,
            key,
            country,
        } = caller;
        let fresh = |label: &[u8]| -> [u8; 32] {
            let own = [&request.entropy, label, &place.to_be_bytes()].concat();
            Sha256::digest(own).into()
        };
        let server_key = hex::encode(fresh(b"key").get(..12).unwrap_or_default());
        let reading = Reading {
            program: key.says.program.ok_or(&problem::PROGRAM_REQUIRED)?,
            keys: &self.settings.keys,
            pseudonyms: &self.settings.pseudonyms,
            now: request.now,
            server_key: format!("srv_{server_key}"),
            phones: self.phones,
            country: country.as_deref(),
        };
        let read = reading.read(kind, body)?;
        let [nonce @ .., _, _, _, _, _, _, _, _] = fresh(b"nonce");
        Ok(Report {
            intake: Intake::new(self.settings, key, &read, nonce),
            answer: read.answer,
        })
    }

    /// Stores what could be read. Gives the outcomes in order, and the message that wakes the fold.
    async fn accept(
        &self,
        request: &Request,
        reports: Vec<Result<Report, Problem>>,
    ) -> (Vec<Result<Value, Problem>>, Option<String>) {
        let mut intakes = Vec::new();
        let mut outcomes = Vec::new();
        for report in reports {
            outcomes.push(report.map(|report| {
                intakes.push(report.intake);
                report.answer
            }));
        }
        let accepted = ingest::accept(self.db, self.snapshots, self.queue, &intakes).await;
        let read = outcomes.iter_mut().filter(|outcome| outcome.is_ok());
        let mut new = Vec::new();
        for ((outcome, accepted), intake) in read.zip(accepted).zip(&intakes) {
            match accepted {
                Ok(true) => new.push(&intake.fact),
                Ok(false) => {}
                Err(problem) => *outcome = Err(problem),
            }
        }
        let confirmed = new.iter().filter_map(|fact| fact.touch());
        let wake = (!new.is_empty()).then(|| clicks::wake(confirmed, request.now));
        (outcomes, wake)
    }
}

fn named(name: &str) -> Option<EventKind> {
    let name = input::trimmed(name);
    EventKind::ALL.into_iter().find(|kind| kind.name() == name)
}
