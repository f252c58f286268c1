//! The control plane's addresses.

use super::{After, Request, Response, Services, bearer, lists, read_body};
use crate::app::clicks;
use crate::app::control::{self, Control, Made, keys, rulings};
use crate::app::ports::{self, Database, Snapshots, Statement, Transport, WorkQueue};
use crate::app::problem::{self, Problem};
use crate::app::reads::dates;
use crate::app::{deliver, publish};
use crate::domain::api_key::{ApiKey, Scope};
use crate::domain::destination;
use crate::domain::ids::{ApiKeyId, ProgramId};
use crate::domain::limits;
use crate::domain::record;
use crate::domain::time::UnixMs;
use crate::json;
use serde_json::Value;

impl<D: Database, S: Snapshots, Q: WorkQueue, T: Transport> Services<'_, D, S, Q, T> {
    pub(super) async fn control(&self, request: &Request, path: &str) -> Result<Response, Problem> {
        let parts: Vec<&str> = path.split('/').collect();
        if parts.as_slice() == ["setup"] {
            return self.set_up(request).await;
        }
        let caller = keys::admit(self.db, &self.authenticate(request)?).await?;
        let control = self.control_of(request, caller);
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", _) => lists::read(request, &control, &parts).await,
            ("POST", ["rebuild"]) => self.rebuild(&control).await,
            ("POST", ["rotate"]) => Ok(Response::json(200, &control.rotate().await?)),
            ("POST", ["dead_letters", id, "retry"]) => {
                let (report, wake) = control.retry_dead_letter(id).await?;
                let mut response = Response::json(200, &report);
                response.after.wake = wake.then(|| clicks::wake(None, request.now));
                Ok(response)
            }
            ("POST", ["deliveries", id, "retry"]) => self.retry(&control, id).await,
            ("POST", ["destinations", id, "retry"]) => self.retry_all(&control, id).await,
            ("POST", ["destinations", id, how @ ("preview" | "test")]) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                let send = *how == "test";
                let shown = deliver::console(&control, self.transport, id, &body, send).await?;
                Ok(Response::json(200, &shown))
            }
            ("DELETE", ["keys", id]) => Ok(made(control.revoke_key(id).await?, &parts)),
            ("POST", ["links", "explain"]) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                Ok(Response::json(200, &control.explain(&body).await?))
            }
            ("POST", ["what-if"]) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                let answer = control.what_if(&body).await?;
                Ok(Response::json(200, &dates::WHAT_IF.write(answer)))
            }
            ("POST", ["customers", "export"]) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                Ok(Response::json(200, &control.export_customer(&body).await?))
            }
            ("POST", ["customers", "erase"]) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                Ok(Response::json(200, &control.erase_customer(&body).await?))
            }
            ("POST" | "PATCH", _) => {
                let body = read_body(request, limits::CONTROL_BODY_BYTES)?;
                Ok(made(
                    change(request, &control, &parts, &body).await?,
                    &parts,
                ))
            }
            _ => Err((&problem::METHOD_NOT_ALLOWED).into()),
        }
    }

    fn control_of(&self, request: &Request, caller: ApiKey) -> Control<'_, D> {
        Control {
            db: self.db,
            suffixes: self.suffixes,
            phones: self.phones,
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
        let first = self.control_of(request, nobody).first_key().await?;
        Ok(made(first, &["setup"]))
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

    /// Sends everything again that was set aside of a destination.
    async fn retry_all(&self, control: &Control<'_, D>, id: &str) -> Result<Response, Problem> {
        const RETRY: &str = "UPDATE deliveries SET state = 'pending', attempts = 0,
              next_at = ?1 ->> 'now', part = NULL, ticket = NULL, done_at = NULL
            WHERE destination = ?1 ->> 'id' AND state = 'set_aside'";
        const COUNT: &str = "SELECT json_object('retried', changes()) WHERE ?1 IS NOT NULL";
        let known = control
            .one(control::destinations::ONE, &json!({"id": id}))
            .await?;
        control.allow(
            Scope::Admin,
            known["program"].as_str().and_then(ProgramId::parse),
        )?;
        let param = json!({"id": id, "now": control.now});
        let statements = [RETRY, COUNT].map(|sql| Statement::new(sql, &param));
        let rows = self.db.batch(statements.to_vec()).await?;
        let counted = ports::rows_at(&rows, 1).first();
        let counted = counted.and_then(|row| record::parse(row));
        let mut response = Response::json(200, &counted.unwrap_or_default());
        response.after.wake = Some(clicks::wake(None, control.now));
        Ok(response)
    }

    /// Sends a delivery again that was set aside, or that a webhook took: under the same id, with
    /// its attempts counted on. Not what an ad platform took: what was kept of the person is gone.
    async fn retry(&self, control: &Control<'_, D>, id: &str) -> Result<Response, Problem> {
        const ONE: &str = "SELECT json_object('id', d.id, 'program', d.program, 'state', d.state,
              'kind', s.kind, 'erased', EXISTS (
                SELECT 1 FROM facts f JOIN erasures e
                ON e.program = f.program AND e.pseudonym = f.customer WHERE f.id = d.event))
            FROM deliveries d JOIN destinations s ON s.id = d.destination
            WHERE d.id = ?1 ->> 'id'";
        const RETRY: &str = "UPDATE deliveries SET
              attempts = iif(state = 'delivered', attempts, 0), state = 'pending',
              next_at = ?1 ->> 'now', part = NULL, ticket = NULL, done_at = NULL
            WHERE id = ?1 ->> 'id' AND state = ?1 ->> 'state'
              AND NOT EXISTS (SELECT 1 FROM facts f JOIN erasures e
                ON e.program = f.program AND e.pseudonym = f.customer
                WHERE f.id = deliveries.event)";
        let param = json!({"id": id, "now": control.now});
        let known = control.one(ONE, &param).await?;
        control.allow(
            Scope::Admin,
            known["program"].as_str().and_then(ProgramId::parse),
        )?;
        let kind = known["kind"].as_str().and_then(destination::find);
        let repeatable = kind.is_some_and(|kind| kind.terms().repeatable);
        let unfit = match known["state"].as_str() {
            _ if known["erased"] == 1 => Some("its customer was erased, nobody is told any more"),
            Some("set_aside") => None,
            Some("delivered") if repeatable => None,
            Some("delivered") => Some("only a webhook can be sent again what it took"),
            _ => Some("only a delivery that was set aside, or that a webhook took, is sent again"),
        };
        if let Some(detail) = unfit {
            return Err(Problem::with_detail(&problem::STATE_UNFIT, detail));
        }
        let param = json!({"id": id, "now": control.now, "state": known["state"]});
        control.write(&[RETRY], &param).await?;
        let mut shown = control.one(ONE, &param).await?;
        if let Some(members) = shown.as_object_mut() {
            members.retain(|name, _| ["id", "program", "state"].contains(&name.as_str()));
        }
        let mut response = Response::json(200, &shown);
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
        ("POST", ["codes"]) => control.make_code(body).await,
        ("POST", ["rates"]) => control.add_rates(body).await,
        ("POST", ["events", id, action]) if rulings::ACTIONS.contains(action) => {
            control.rule(id, action, body).await
        }
        ("POST", ["clicks", nonce, "reclassify"]) => control.reclassify(nonce, body).await,
        ("POST", ["destinations"]) => control.make_destination(body).await,
        ("POST", ["settlements"]) => control.settle(body).await,
        ("POST", ["payouts"]) => control.pay(body).await,
        ("POST", ["payouts", id, "void"]) => control.void(id, body).await,
        ("PATCH", ["programs", id]) => {
            let id = ProgramId::parse(id).ok_or(&problem::NOT_FOUND)?;
            control.change_program(id, body).await
        }
        ("PATCH", ["partners", id]) => control.change_partner(id, body).await,
        ("PATCH", ["codes", id]) => control.change_code(id, body).await,
        ("PATCH", ["links", id]) => control.change_link(id, body).await,
        ("PATCH", ["destinations", id]) => control.change_destination(id, body).await,
        _ => Err((&problem::NOT_FOUND).into()),
    }
}

/// `parts` are those of the address: they say what the record is.
fn made(made: Made, parts: &[&str]) -> Response {
    let record = dates::of_change(parts).write(made.record);
    let mut response = Response::json(made.status, &record);
    response.after = After {
        wake: made.fold.then(|| clicks::wake(None, UnixMs(0))),
        publish: made.publish,
    };
    response
}
