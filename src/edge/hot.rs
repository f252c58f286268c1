//! The exports that the entry calls for visitors: one synchronous call for what the isolate
//! remembers, and one that fetches what it does not.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

use super::bindings::Env;
use super::clock;
use super::kv::Kv;
use super::runtime;
use crate::app::edge_plane::{self, Facts, Form};
use crate::app::isolate::Fetched;
use crate::app::ports::Snapshots;
use crate::app::together::together;
use crate::domain::redirect::Entropy;
use crate::domain::time::UnixMs;
use wasm_bindgen::prelude::wasm_bindgen;

#[allow(clippy::cast_possible_truncation)]
fn instant(now: f64) -> UnixMs {
    UnixMs(now as i64)
}

/// Takes apart what js/worker/facts.js tells: 64 random bytes, then the facts as UTF-8.
fn hear(told: &[u8]) -> Option<(Entropy, &str)> {
    let (entropy, facts) = told.split_first_chunk()?;
    Some((Entropy(*entropy), throughline_text::utf8(facts)?))
}

/// Answers a link, a beacon or `/tl/me` from memory; `undefined` when [`prepare`] must run first.
#[wasm_bindgen]
pub fn answer(told: &[u8], body: &str, now: f64) -> Option<String> {
    let (entropy, facts) = hear(told)?;
    #[cfg(feature = "drill")]
    {
        drill(facts, "sync");
        ASKED.set(facts.to_owned());
    }
    let settings = runtime::known_settings()?;
    let facts = Facts::read(facts);
    runtime::memory(|memory| {
        let now = instant(now);
        let answer = edge_plane::answer(&facts, body, memory, &settings, now, &entropy)?;
        Some(answer.encode_apart(&mut memory.clicks))
    })
}

/// Hands over the clicks that wait. A crash before that loses them: counts, never credits.
#[wasm_bindgen]
pub fn clicks() -> String {
    runtime::memory(|memory| {
        let clicks = memory.clicks.as_str().to_owned();
        // The room stays: the next second brings as many.
        memory.clicks.clear();
        clicks
    })
}

/// Does the site answer a request for a part of a page at this address?
#[wasm_bindgen]
pub fn passes(url: &str, now: f64) -> bool {
    let settings = runtime::known_settings();
    settings.is_some_and(|settings| {
        runtime::memory(|memory| edge_plane::passes(url, memory, &settings, instant(now)))
    })
}

/// The headers that all answers of a form have.
#[wasm_bindgen]
pub fn form_headers(number: usize) -> String {
    Form::encoded_headers(number)
}

/// The answer when [`prepare`] could not fetch what is needed.
#[wasm_bindgen]
pub fn away() -> String {
    edge_plane::away().encode()
}

/// The KV keys, with line breaks between them, that the request needs which [`answer`] was
/// asked about just before.
#[wasm_bindgen]
pub fn wanted() -> String {
    runtime::memory(|memory| memory.take_wanted().join("\n"))
}

/// Reads the settings and fetches what [`wanted`] said. A store that fails leaves what is
/// remembered as it is.
#[wasm_bindgen]
pub async fn prepare(env: Env, wanted: String) {
    if runtime::settings(&env).is_none() {
        return;
    }
    let wanted: Vec<&str> = wanted.split('\n').filter(|key| !key.is_empty()).collect();
    #[cfg(feature = "drill")]
    drill_later(&asked()).await;
    let kv = Kv::of(&env);
    let fetches = wanted.iter().map(|key| fetch(kv.as_ref(), key));
    let fetched = together(fetches).await;
    let now = clock::now();
    runtime::memory(|memory| {
        for (key, fetched) in wanted.iter().zip(&fetched) {
            memory.learn(key, fetched, now);
        }
    });
}

async fn fetch(kv: Option<&Kv>, key: &str) -> Fetched {
    let Some(kv) = kv else { return Fetched::Failed };
    match kv.get(key).await {
        Ok(Some(text)) => Fetched::Record(text),
        Ok(None) => Fetched::Nothing,
        Err(_) => Fetched::Failed,
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
thread_local! {
    /// The request that was answered last: `prepare` is not told which one needs it.
    static ASKED: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

#[cfg(feature = "drill")]
fn asked() -> String {
    ASKED.take()
}

#[cfg(feature = "drill")]
async fn drill_later(url: &str) {
    if url.contains("drill=slow") {
        wait(20_000).await;
    }
    if url.contains("drill=async") {
        wait(20).await;
        drill(url, "async");
    }
}

#[cfg(feature = "drill")]
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn call_after(call: &js_sys::Function, ms: i32);
}

#[cfg(feature = "drill")]
async fn wait(ms: i32) {
    let waited = js_sys::Promise::new(&mut |done, _| call_after(&done, ms));
    let _ = wasm_bindgen_futures::JsFuture::from(waited).await;
}
