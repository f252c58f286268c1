//! The platform's objects, as `js/worker/bindings.js` handles them: in wasm the glue for D1, KV,
//! queues and `fetch` would be 28 KB of the product. None of these rejects.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::Env;

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
