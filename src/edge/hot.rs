//! The exports that the entry calls for visitors: one synchronous call for what the isolate
//! remembers, and one that fetches what it does not.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

use super::clock;
use super::kv::Kv;
use super::runtime;
use crate::app::edge_plane::{self, Facts, Place};
use crate::app::isolate::{Cache, Known};
use crate::app::ports::Snapshots;
use crate::domain::link;
use crate::domain::redirect::Entropy;
use crate::domain::time::UnixMs;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::Env;

#[allow(clippy::cast_possible_truncation)]
fn instant(now: f64) -> UnixMs {
    UnixMs(now as i64)
}

/// Takes apart what js/worker/facts.js tells: 64 random bytes, then the facts as UTF-8.
fn hear(told: &[u8]) -> Option<(Entropy, &str)> {
    let (entropy, facts) = told.split_first_chunk()?;
    Some((Entropy(*entropy), str::from_utf8(facts).ok()?))
}

/// Answers a link, a beacon or `/tl/me` from memory; `undefined` when [`prepare`] must run first.
#[wasm_bindgen]
pub fn answer(told: &[u8], body: &str, now: f64) -> Option<String> {
    let (entropy, facts) = hear(told)?;
    #[cfg(feature = "drill")]
    super::hot::drill(facts, "sync");
    let settings = runtime::known_settings()?;
    let facts = Facts::read(facts);
    let answer = runtime::memory(|memory| {
        edge_plane::answer(&facts, body, memory, &settings, instant(now), &entropy)
    });
    answer.map(|answer| answer.encode())
}

/// The `Set-Cookie` for a document that passes the gateway.
#[wasm_bindgen]
pub fn document(told: &[u8], now: f64) -> Option<String> {
    let settings = runtime::known_settings()?;
    let (entropy, facts) = hear(told)?;
    let facts = Facts::read(facts);
    runtime::memory(|memory| {
        edge_plane::document(&facts, memory, &settings, instant(now), &entropy)
    })
}

/// The answer when [`prepare`] could not fetch what is needed.
#[wasm_bindgen]
pub fn away() -> String {
    edge_plane::away().encode()
}

/// Reads the settings and fetches the snapshots of an address that are missing or old. A store
/// that fails leaves what is remembered as it is.
#[wasm_bindgen]
pub async fn prepare(url: String, env: Env) {
    #[cfg(feature = "drill")]
    drill_later(&url).await;
    if runtime::settings(&env).is_none() {
        return;
    }
    let place = Place::read(&url);
    let now = clock::now();
    let Ok(kv) = Kv::of(&env) else { return };
    let host = place.host;
    if runtime::memory(|memory| due(&mut memory.hosts, host, now)) {
        let found = fetch(&kv, &link::host_key(host)).await;
        runtime::memory(|memory| remember(&mut memory.hosts, host, found, now));
    }
    let Some(slug) = place.slug() else { return };
    let name = link::link_key(host, slug.as_str());
    if runtime::memory(|memory| due(&mut memory.links, &name, now)) {
        let found = fetch(&kv, &name).await;
        runtime::memory(|memory| remember(&mut memory.links, &name, found, now));
    }
}

/// Must this name be fetched? A known one is kept for some seconds meanwhile, so that of many
/// requests that find it old only one fetches.
fn due<T>(cache: &mut Cache<T>, name: &str, now: UnixMs) -> bool {
    let due = cache.get(name, now).is_none_or(|hit| hit.stale);
    if due {
        cache.keep(name, now);
    }
    due
}

async fn fetch<T: serde::de::DeserializeOwned>(kv: &Kv, key: &str) -> Option<Known<T>> {
    match kv.get(key).await {
        Ok(Some(text)) => serde_json::from_str(&text).ok().map(Known::Found),
        Ok(None) => Some(Known::Absent),
        Err(_) => None,
    }
}

fn remember<T>(cache: &mut Cache<T>, name: &str, found: Option<Known<T>>, now: UnixMs) {
    match found {
        Some(known) => cache.put(name, known, now),
        None => cache.keep(name, now),
    }
}

/// Crashes on purpose when the request asks for it. Exists only in the test build.
#[cfg(feature = "drill")]
#[allow(clippy::panic)]
pub(super) fn drill(text: &str, place: &str) {
    if text.contains(&format!("drill={place}")) {
        panic!("drill");
    }
}

#[cfg(feature = "drill")]
async fn drill_later(url: &str) {
    if url.contains("drill=slow") {
        worker::Delay::from(std::time::Duration::from_secs(20)).await;
    }
    if url.contains("drill=async") {
        worker::Delay::from(std::time::Duration::from_millis(20)).await;
        drill(url, "async");
    }
}
