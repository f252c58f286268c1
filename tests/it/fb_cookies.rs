//! `_fbc` and `_fbp` as Meta's own parameter builder sets them (`tests/golden/fb_cookies.json`):
//! which of the two is new, its label count, its time and its payload.

use domain::values::time::UnixMs;
use domain::visit::fb_cookies;
use serde_json::Value;
use std::fmt::Write as _;

#[test]
fn the_same_cookies_are_due_as_by_metas_builder() {
    let text =
        std::fs::read_to_string(crate::support::root("tests/golden/fb_cookies.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let now = UnixMs(golden["now"].as_i64().unwrap());
    let payload = u32::try_from(golden["payload"].as_u64().unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 100);
    for case in cases {
        let mut header = "a=b".to_owned();
        for (name, value) in case["cookies"].as_object().unwrap() {
            write!(header, "; {name}={}", value.as_str().unwrap()).unwrap();
        }
        let domain = case["domain"].as_str().unwrap();
        let fbclid = case["fbclid"].as_str();
        let due = fb_cookies::cookies(&header, fbclid, domain, now, payload << 1);
        let expected: Vec<(String, String)> = serde_json::from_value(case["due"].clone()).unwrap();
        let due: Vec<_> = due
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        assert_eq!(due, expected, "{case}");
    }
}
