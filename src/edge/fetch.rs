//! The API over HTTP: reads a request, has it answered, and starts what should happen afterwards.

use super::clock;
use super::d1::D1;
use super::kv::Kv;
use super::outbound::Outside;
use super::runtime;
use super::suffixes::PublicSuffixList;
use super::work::{self, WorkSender};
use crate::app::api::{self, Request, Response, Services};
use crate::app::edge_plane::Place;
use crate::app::isolate::Memory;
use crate::app::ports::WorkQueue;
use crate::app::problem::{self, Problem};
use futures_util::StreamExt;
use worker::{Context, Env, Headers, event};

#[event(fetch)]
async fn fetch(
    request: worker::Request,
    env: Env,
    context: Context,
) -> worker::Result<worker::Response> {
    let answer = match answer(request, &env).await {
        Some(answer) => answer,
        None => Response::problem(&Problem::from(&problem::INTERNAL), false),
    };
    if answer.after.publish {
        publish(&env).await;
    }
    if let Some(message) = answer.after.wake.clone() {
        context.wait_until(wake(env, message));
    }
    respond(&answer)
}

async fn answer(request: worker::Request, env: &Env) -> Option<Response> {
    let settings = runtime::settings(env)?;
    let (db, kv, queue) = (D1::of(env)?, Kv::of(env)?, WorkSender::of(env)?);
    let request = read(request).await?;
    #[cfg(feature = "drill")]
    super::hot::drill(&request.query, "api");
    let services = Services {
        db: &db,
        snapshots: &kv,
        queue: &queue,
        transport: &Outside,
        suffixes: &PublicSuffixList,
        settings: &settings,
    };
    Some(services.handle(&request).await)
}

async fn read(mut request: worker::Request) -> Option<Request> {
    let url = request.inner().url();
    let place = Place::read(&url);
    let header = |name| {
        request
            .headers()
            .get(name)
            .ok()
            .flatten()
            .unwrap_or_default()
    };
    let content_type = header("content-type");
    let authorization = header("authorization");
    let method = request.method().as_ref().to_owned();
    let body = body(&mut request, api::most_bytes(place.path)).await;
    Some(Request {
        method,
        host: place.host.to_owned(),
        path: place.path.to_owned(),
        query: place.query.to_owned(),
        content_type,
        authorization,
        body,
        now: clock::now(),
        entropy: clock::entropy()?,
    })
}

/// Reads the body up to `most` bytes; `None` when there is more.
async fn body(request: &mut worker::Request, most: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let Ok(mut stream) = request.stream() else {
        return Some(bytes);
    };
    while let Some(Ok(chunk)) = stream.next().await {
        bytes.extend(chunk);
        if bytes.len() > most {
            return None;
        }
    }
    Some(bytes)
}

fn respond(answer: &Response) -> worker::Result<worker::Response> {
    let headers = Headers::new();
    if !answer.body.is_empty() {
        headers.set("content-type", answer.content_type)?;
    }
    headers.set("cache-control", "no-store")?;
    headers.set("x-content-type-options", "nosniff")?;
    if let Some(seconds) = answer.retry_after {
        headers.set("retry-after", &seconds.to_string())?;
    }
    let response = if answer.body.is_empty() {
        worker::Response::empty()?
    } else {
        worker::Response::ok(answer.body.as_str())?
    };
    Ok(response.with_status(answer.status).with_headers(headers))
}

/// Writes the KV records of a change before the answer goes out, and lets this isolate forget what
/// it knew: where a link was made it is live at once.
async fn publish(env: &Env) {
    if work::publish_all(env).await.is_err() {
        worker::console_error!("publish: will be tried again by cron");
    }
    runtime::memory(|memory| *memory = Memory::default());
}

async fn wake(env: Env, message: String) {
    let Some(queue) = WorkSender::of(&env) else {
        return;
    };
    if queue.send(message).await.is_err() {
        worker::console_error!("wake: cron will fold");
    }
}
