//! The API over HTTP: reads a request, has it answered, and starts what should happen afterwards.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

use super::bindings::{self, Context, Env};
use super::clock;
use super::d1::D1;
use super::kv::Kv;
use super::outbound::Outside;
use super::phones::LibPhoneNumber;
use super::runtime;
use super::suffixes::PublicSuffixList;
use super::work::{self, WorkSender};
use crate::app::api::{self, Request, Response, Services};
use crate::app::edge_plane::Place;
use crate::app::isolate::Memory;
use crate::app::ports::WorkQueue;
use crate::app::problem::{self, Problem};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

#[wasm_bindgen]
pub async fn fetch(request: bindings::Request, env: Env, context: Context) -> JsValue {
    let answer = match answer(&request, &env).await {
        Some(answer) => answer,
        None => Response::problem(&Problem::from(&problem::INTERNAL), false),
    };
    if answer.after.publish {
        publish(&env).await;
    }
    if let Some(message) = answer.after.wake.clone() {
        context.wait_until(&future_to_promise(wake(env, message)));
    }
    respond(&answer)
}

async fn answer(request: &bindings::Request, env: &Env) -> Option<Response> {
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
        phones: &LibPhoneNumber,
        settings: &settings,
    };
    Some(services.handle(&request).await)
}

async fn read(request: &bindings::Request) -> Option<Request> {
    let head = bindings::head(request);
    let text = |place| head.get(place).as_string().unwrap_or_default();
    let url = text(1);
    let place = Place::read(&url);
    let body = bindings::body_of(request, api::most_bytes(place.path)).await;
    let body = body.ok().filter(|body| !body.is_undefined());
    Some(Request {
        method: text(0),
        host: place.host.to_owned(),
        path: place.path.to_owned(),
        query: place.query.to_owned(),
        content_type: text(2),
        authorization: text(3),
        body: body.map(|body| Uint8Array::from(body).to_vec()),
        now: clock::now(),
        entropy: clock::entropy()?,
    })
}

fn respond(answer: &Response) -> JsValue {
    let headers = Array::new();
    let set = |name: &str, value: &str| {
        headers.push(&name.into());
        headers.push(&value.into());
    };
    if !answer.body.is_empty() {
        set("content-type", answer.content_type);
    }
    set("cache-control", "no-store");
    set("x-content-type-options", "nosniff");
    if let Some(seconds) = answer.retry_after {
        set("retry-after", &seconds.to_string());
    }
    bindings::respond(answer.status, headers, &answer.body)
}

/// Writes the KV records of a change before the answer goes out, and lets this isolate forget what
/// it knew: where a link was made it is live at once.
async fn publish(env: &Env) {
    if work::publish_all(env).await.is_err() {
        bindings::log("publish: will be tried again by cron");
    }
    runtime::memory(Memory::forget);
}

async fn wake(env: Env, message: String) -> Result<JsValue, JsValue> {
    if let Some(queue) = WorkSender::of(&env)
        && queue.send(message).await.is_err()
    {
        bindings::log("wake: cron will fold");
    }
    Ok(JsValue::UNDEFINED)
}
