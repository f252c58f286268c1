//! Invariant 8 on the corpus of the web platform tests (`tests/golden/urltestdata.json`, licence
//! beside it): what browsers refuse gives an error, and what they accept either gives exactly
//! their `href` as `Location` or is refused for a reason that can be seen in the case itself.

use std::collections::BTreeMap;

use serde_json::Value;
use throughline::domain::target::{Target, TargetError};

const CORPUS: &str = include_str!("../golden/urltestdata.json");

/// Cases that must give their `href`, and how many are refused for which reason (most of the
/// `NotAbsolute` ones are relative to a base, which a target never has).
const ACCEPTED: usize = 76;
const REFUSED: [(TargetError, usize); 9] = [
    (TargetError::ControlCharacter, 18),
    (TargetError::SurroundingSpace, 2),
    (TargetError::Backslash, 10),
    (TargetError::NotAbsolute, 59),
    (TargetError::Credentials, 19),
    (TargetError::HostNotAscii, 10),
    (TargetError::Port, 4),
    (TargetError::IpLiteral, 18),
    (TargetError::TrailingDot, 3),
];

fn cases() -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(CORPUS).expect("the corpus is JSON");
    all.into_iter().filter(Value::is_object).collect()
}

fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap_or_default()
}

/// Reads the case, not the parsed URL: does it show the property that the refusal names?
fn shows(case: &Value, error: TargetError) -> bool {
    let input = text(case, "input");
    let (host, lower) = (text(case, "hostname"), input.to_ascii_lowercase());
    match error {
        TargetError::ControlCharacter => input.chars().any(char::is_control),
        TargetError::SurroundingSpace => input.trim_matches(' ') != input,
        TargetError::Backslash => input.contains('\\'),
        TargetError::NotAbsolute => {
            let after = lower.strip_prefix("https:").or(lower.strip_prefix("http:"));
            after.is_none_or(|rest| !rest.starts_with("//") || rest.starts_with("///"))
        }
        TargetError::Credentials => input.contains('@'),
        TargetError::HostNotAscii => !input.is_ascii() || input.contains('%'),
        TargetError::Port => !text(case, "port").is_empty(),
        TargetError::TrailingDot => host.ends_with('.'),
        TargetError::IpLiteral => {
            host.starts_with('[') || host.chars().all(|c| c == '.' || c.is_ascii_digit())
        }
        _ => false,
    }
}

#[test]
fn what_browsers_refuse_is_refused() {
    let mut count = 0;
    for case in cases().iter().filter(|case| case["failure"] == true) {
        let input = text(case, "input");
        for host in ["", "example.com", "example.org", "127.0.0.1", "a", "xn--"] {
            let hosts = [host.to_owned()];
            assert!(Target::parse(input, &hosts, false).is_err(), "{input:?}");
            assert!(Target::parse(input, &hosts, true).is_err(), "{input:?}");
        }
        count += 1;
    }
    assert_eq!(count, 272, "failures in the corpus");
}

#[test]
fn what_browsers_accept_gives_their_href_or_a_reason() {
    let mut accepted = 0;
    let mut refused: BTreeMap<TargetError, usize> = BTreeMap::new();
    for case in cases().iter().filter(|case| case["failure"] != true) {
        let (input, href) = (text(case, "input"), text(case, "href"));
        let hosts = [text(case, "hostname").to_owned()];
        let web = matches!(text(case, "protocol"), "http:" | "https:");
        match Target::parse(input, &hosts, true) {
            Ok(target) => {
                assert!(web, "{input:?} is not http(s)");
                assert_eq!(target.as_str(), href, "{input:?}");
                assert_eq!(target.location("", &[]), href);
                accepted += 1;
            }
            Err(error) if web => {
                assert!(
                    shows(case, error),
                    "{input:?} was refused as {}",
                    error.code()
                );
                *refused.entry(error).or_default() += 1;
            }
            Err(_) => {}
        }
    }
    assert_eq!(accepted, ACCEPTED);
    assert_eq!(refused.into_iter().collect::<Vec<_>>(), REFUSED);
}

#[test]
fn outside_of_development_only_https_is_accepted() {
    for case in cases() {
        let hosts = [text(&case, "hostname").to_owned()];
        if let Ok(target) = Target::parse(text(&case, "input"), &hosts, false) {
            assert!(target.as_str().starts_with("https://"), "{case}");
        }
    }
}
