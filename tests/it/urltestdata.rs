//! Invariant 8 on the corpus of the web platform tests (`tests/golden/urltestdata.json`, licence
//! beside it): what browsers refuse gives an error, and what they accept either gives exactly
//! their `href` as `Location` or is refused for a reason that can be seen in the case itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use throughline::domain::link::below;
use throughline::domain::target::{Target, TargetError};
use url::Url;

const CORPUS: &str = include_str!("../golden/urltestdata.json");

/// Cases that must give their `href`, and how many are refused for which reason (most of the
/// `NotAbsolute` ones are relative to a base, which a target never has).
const ACCEPTED: usize = 76;
const REFUSED: [(TargetError, usize); 9] = [
    (TargetError::ControlCharacter, 18),
    (TargetError::SurroundingSpace, 2),
    (TargetError::Backslash, 9),
    (TargetError::NotAbsolute, 60),
    (TargetError::Credentials, 19),
    (TargetError::HostNotAscii, 10),
    (TargetError::Port, 4),
    (TargetError::IpLiteral, 18),
    (TargetError::TrailingDot, 3),
];

/// Paths of the corpus that are led to.
const LED: usize = 216;

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

/// Paths of the corpus that a wildcard link does not lead to: they hold an empty segment before
/// their last. (`.` and `..` never reach it: browsers resolve them before they ask.)
const REFUSED_PATHS: [&str; 3] = ["//", "//@", "//foo//bar"];

#[test]
fn a_path_of_the_corpus_is_led_to_as_browsers_write_it_or_is_refused_by_name() {
    let target = Target::trusted("https://shop.example/".to_owned());
    let mut refused = BTreeSet::new();
    let mut led = 0;
    for case in cases().iter().filter(|case| case["failure"] != true) {
        let path = text(case, "pathname");
        let web = matches!(text(case, "protocol"), "http:" | "https:");
        let Some(rest) = path.strip_prefix('/').filter(|_| web) else {
            continue;
        };
        let Some(deep) = below(&target, rest) else {
            refused.insert(path.to_owned());
            continue;
        };
        assert_eq!(deep.as_str(), format!("https://shop.example{path}"));
        led += 1;
    }
    assert_eq!(led, LED);
    assert!(refused.iter().eq(REFUSED_PATHS.iter()), "{refused:?}");
}

#[test]
fn no_input_of_the_corpus_leads_a_wildcard_link_or_a_query_astray() {
    for prefix in ["https://shop.example/", "https://shop.example/tea?p=1#f"] {
        let target = Target::trusted(prefix.to_owned());
        let path = Url::parse(prefix).unwrap().path().to_owned();
        for case in cases() {
            let input = text(&case, "input");
            let deep = below(&target, input);
            for target in deep.iter().chain([&target]) {
                for query in [input.to_owned(), format!("u={input}"), format!("{input}=1")] {
                    let location = target.location(&query, &[("tl", "tlc_x")]);
                    let parsed = Url::parse(&location).unwrap();
                    assert_eq!(parsed.as_str(), location, "{input:?}");
                    assert_eq!(parsed.host_str(), Some("shop.example"), "{input:?}");
                    assert_eq!(parsed.scheme(), "https");
                    assert!(parsed.path().starts_with(&path), "{location}");
                    assert!(location.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
                }
            }
        }
    }
}
