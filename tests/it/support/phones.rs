//! Phone numbers as Google's own libphonenumber reads them: a table of what it answered
//! (`tests/golden/phones.json`). The Worker's port is held to the same table by
//! `tests/e2e/phones.test.mjs`.

use serde_json::Value;
use std::sync::LazyLock;
use throughline::app::ports::Phones;

pub struct GooglesAnswers;

pub static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let text = include_str!("../../golden/phones.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    golden["cases"].as_array().unwrap().clone()
});

fn answer(text: &str, country: Option<&str>) -> Option<&'static Value> {
    CASES
        .iter()
        .find(|case| case["text"] == text && case["country"].as_str() == country)
}

impl Phones for GooglesAnswers {
    fn e164(&self, text: &str, country: Option<&str>) -> Option<String> {
        // A country changes nothing about a number that is written with its own.
        let abroad = || answer(text, None).filter(|case| case["e164"].is_string());
        let case = answer(text, country).or_else(abroad);
        let case = case.unwrap_or_else(|| {
            panic!("ask Google about {text:?} in {country:?}: tools/golden/phones.mjs")
        });
        case["e164"].as_str().map(str::to_owned)
    }

    fn is_country(&self, code: &str) -> bool {
        CASES.iter().any(|case| case["country"] == code)
    }
}
