//! The Public Suffix List. It lies in the entry's script (`js/worker/suffixes.js`): in wasm it
//! would cost an eighth of what the whole product may weigh.

use app::ports::Suffixes;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(raw_module = "throughline:suffixes")]
extern "C" {
    fn registrable(host: &str) -> Option<String>;
}

pub(super) struct PublicSuffixList;

impl Suffixes for PublicSuffixList {
    fn registrable(&self, host: &str) -> Option<String> {
        registrable(host)
    }
}
