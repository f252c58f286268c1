//! Phone numbers by a port of Google's libphonenumber. It lies in the entry's script
//! (`js/worker/phones.js`): there it is 52 KB (gzip) and set up when it is first asked; a port in
//! wasm would be compiled with every start.

use crate::app::ports::Phones;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(raw_module = "throughline:phones")]
extern "C" {
    fn e164(text: &str, country: Option<&str>) -> Option<String>;
    #[wasm_bindgen(js_name = isCountry)]
    fn is_country(code: &str) -> bool;
}

pub(super) struct LibPhoneNumber;

impl Phones for LibPhoneNumber {
    fn e164(&self, text: &str, country: Option<&str>) -> Option<String> {
        e164(text, country)
    }

    fn is_country(&self, code: &str) -> bool {
        is_country(code)
    }
}
