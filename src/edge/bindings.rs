//! The platform's objects. What needs more than a call is handled by `js/worker/bindings.js` and
//! `http.js`: in wasm the glue for D1, KV, queues and `fetch` would be 28 KB of the product, and
//! the `worker` crate with its requests, responses and errors 23 KB more. None of these rejects.

#![allow(unreachable_pub, reason = "exported functions take these types")]

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// The bindings and settings of the Worker.
    #[derive(Clone)]
    pub type Env;

    /// A setting; anything else is no text.
    #[wasm_bindgen(method, indexing_getter)]
    pub(super) fn get(this: &Env, name: &str) -> JsValue;

    pub type Context;

    #[wasm_bindgen(method, js_name = waitUntil)]
    pub(super) fn wait_until(this: &Context, work: &js_sys::Promise);

    pub type Batch;

    #[wasm_bindgen(method, getter)]
    pub(super) fn messages(this: &Batch) -> js_sys::Array;

    /// The name of the queue.
    #[wasm_bindgen(method, getter)]
    pub(super) fn queue(this: &Batch) -> String;

    #[wasm_bindgen(method, js_name = retryAll)]
    pub(super) fn retry_all(this: &Batch);

    pub type Message;

    #[wasm_bindgen(method, getter)]
    pub(super) fn id(this: &Message) -> String;

    /// How often it was handed over, this time included.
    #[wasm_bindgen(method, getter)]
    pub(super) fn attempts(this: &Message) -> u32;

    #[wasm_bindgen(method, getter)]
    pub(super) fn body(this: &Message) -> JsValue;

    #[wasm_bindgen(method)]
    pub(super) fn retry(this: &Message);

    /// Writes a line of the log.
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    pub(super) fn log(text: &str);
}

#[wasm_bindgen(raw_module = "throughline:http")]
extern "C" {
    pub type Request;

    /// Method, address, content type and authorization.
    pub(super) fn head(request: &Request) -> js_sys::Array;

    /// Bytes; `undefined` when there are more than `most`.
    #[wasm_bindgen(catch, js_name = body)]
    pub(super) async fn body_of(request: &Request, most: usize) -> Result<JsValue, JsValue>;

    /// The headers are names and values by turns.
    pub(super) fn respond(status: u16, headers: js_sys::Array, text: &str) -> JsValue;
}

#[wasm_bindgen(raw_module = "throughline:bindings")]
extern "C" {
    /// Is there a binding of this name?
    pub(super) fn has(env: &Env, name: &str) -> bool;

    /// SQL and its parameter by turns → a list of rows for each statement; a text: the error;
    /// `undefined`: no answer in time.
    #[wasm_bindgen(catch)]
    pub(super) async fn batch(
        env: &Env,
        statements: js_sys::Array,
        ms: u32,
    ) -> Result<JsValue, JsValue>;

    /// A text, `null` when there is no record, `undefined` when KV did not answer.
    #[wasm_bindgen(catch)]
    pub(super) async fn get(env: &Env, key: &str, ms: u32) -> Result<JsValue, JsValue>;

    /// `true` when it was done in time; so are the next two.
    #[wasm_bindgen(catch)]
    pub(super) async fn put(env: &Env, key: &str, value: &str, ms: u32)
    -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn remove(env: &Env, key: &str, ms: u32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn send(env: &Env, text: &str, ms: u32) -> Result<JsValue, JsValue>;

    /// Header names and values by turns → status, text, `Retry-After` and what it is as a date; or
    /// `"late"` or `"unreachable"` alone.
    #[wasm_bindgen(catch)]
    pub(super) async fn exchange(
        method: &str,
        url: &str,
        headers: js_sys::Array,
        body: &str,
        ms: u32,
    ) -> Result<JsValue, JsValue>;

    /// RS256 in base64url; `null` when the key cannot be used.
    #[wasm_bindgen(catch)]
    pub(super) async fn sign(key: &str, text: &str) -> Result<JsValue, JsValue>;
}
