//! Consent signals of others, against those who define them: TCF strings that the IAB's library
//! made (`tests/golden/tcf.json`), strings that were cut or changed, and any text at all.

use domain::values::time::UnixMs;
use domain::visit::consent::tcf::{self, Permission};
use domain::visit::consent::{Consent, Evidence, Given, SiteConsent, stated, told};
use domain::visit::fb_cookies;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

static VECTORS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let text = std::fs::read_to_string(crate::support::root("tests/golden/tcf.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    golden["vectors"].as_array().unwrap().clone()
});

fn purposes(permission: Permission) -> Vec<u64> {
    let all = (1..=24).filter(|purpose| permission.allows(*purpose));
    all.map(u64::from).collect()
}

fn numbers(list: &Value) -> Vec<u64> {
    let list = list.as_array().unwrap();
    list.iter().map(|number| number.as_u64().unwrap()).collect()
}

#[test]
fn strings_of_the_iabs_library_mean_what_it_says() {
    assert!(VECTORS.len() >= 60);
    let (mut with, mut without, mut restricted) = (0, 0, 0);
    for vector in VECTORS.iter() {
        let text = vector["text"].as_str().unwrap();
        let read = Permission::read(text, None).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(purposes(read), numbers(&vector["purposes"]), "{text}");
        assert!(read.vendor());
        for (id, expected) in vector["vendors"].as_object().unwrap() {
            let read = Permission::read(text, Some(id.parse().unwrap())).unwrap();
            assert_eq!(read.vendor(), expected["consent"], "{id} of {text}");
            assert_eq!(
                purposes(read),
                numbers(&expected["purposes"]),
                "{id} of {text}"
            );
            *(if read.vendor() {
                &mut with
            } else {
                &mut without
            }) += 1;
            restricted += usize::from(expected["purposes"] != vector["purposes"]);
        }
    }
    assert!(
        with > 100 && without > 100 && restricted > 10,
        "{with} {without} {restricted}"
    );
}

#[test]
fn the_purposes_decide_the_rung() {
    let mut seen = [0; 3];
    for vector in VECTORS.iter() {
        let text = vector["text"].as_str().unwrap();
        let allowed = numbers(&vector["purposes"]);
        let has = |wanted: &[u64]| wanted.iter().all(|purpose| allowed.contains(purpose));
        let expected = match (has(&[1]), has(&[2, 3, 4, 7])) {
            (false, _) => Consent::Code,
            (true, true) => Consent::Full,
            (true, false) => Consent::Session,
        };
        seen[usize::from(expected.number())] += 1;
        let told = told(&json!(text), None).unwrap();
        assert_eq!(
            (told.state, told.evidence),
            (expected, Evidence::Tcf),
            "{text}"
        );
        for (id, of) in vector["vendors"].as_object().unwrap() {
            let read = Permission::read(text, id.parse().ok()).unwrap();
            if of["consent"] == false {
                assert_eq!(read.state(), Consent::Code, "{id} of {text}");
            } else if of["purposes"] == vector["purposes"] {
                assert_eq!(read.state(), expected, "{id} of {text}");
            }
        }
    }
    assert!(seen.iter().all(|count| *count >= 10), "{seen:?}");
}

#[test]
fn a_string_that_was_cut_or_changed_in_kind_is_not_read() {
    for vector in VECTORS.iter() {
        let text = vector["text"].as_str().unwrap();
        let core = text.split('.').next().unwrap();
        // The encoder fills up to whole characters and bytes: a few of the last are empty.
        let cut = &core[..core.len() - 9];
        assert_eq!(Permission::read(cut, None), None, "{cut}");
        for length in [0, 1, 10, 38] {
            assert_eq!(Permission::read(&core[..length], None), None);
        }
        let later = &core[1..];
        for other in ["B", "D", "A", "=", "é", " "] {
            assert_eq!(Permission::read(&format!("{other}{later}"), None), None);
        }
        let long = format!("{core}{}", "A".repeat(tcf::MAX_CHARS));
        assert_eq!(Permission::read(&long, None), None);
    }
}

#[test]
fn a_programs_vendor_must_be_named_by_the_cookie() {
    let site = |vendor: u64| -> SiteConsent {
        serde_json::from_value(json!({"tcf": true, "vendor": vendor})).unwrap()
    };
    let vector = VECTORS.iter().find(|vector| {
        let vendors = vector["vendors"].as_object().unwrap();
        numbers(&vector["purposes"]) == [1, 2, 3, 4, 7]
            && vendors.values().any(|of| of["consent"] == true)
            && vendors.values().any(|of| of["consent"] == false)
    });
    let vector = vector.unwrap();
    let cookies = format!("a=b; euconsent-v2={}", vector["text"].as_str().unwrap());
    for (id, of) in vector["vendors"].as_object().unwrap() {
        let given = Given {
            cookies: &cookies,
            country: "DE",
            ..Given::default()
        };
        let stated = stated(&given, &site(id.parse().unwrap()), Consent::Code);
        let expected = if of["consent"] == true {
            Consent::Full
        } else {
            Consent::Code
        };
        assert_eq!((stated.state, stated.evidence), (expected, Evidence::Tcf));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_signal_or_none_and_never_a_panic(
        text in "\\PC{0,60}|C[A-Za-z0-9_-]{0,120}(\\.[A-Za-z0-9_-]{0,9})?|(fb|[0-9]|[.]|AQ){0,9}",
        vendor in any::<Option<u16>>(),
        pattern in "[ab*]{1,6}",
    ) {
        let _ = Permission::read(&text, vendor);
        let _ = told(&json!(text), vendor);
        let rule = json!({"cookie": {"name": "cc", "full": [pattern]}, "tcf": true});
        let site = serde_json::from_value::<SiteConsent>(rule).unwrap_or_default();
        for cookies in [text.clone(), format!("cc={text}; euconsent-v2={text}; _fbc={text}")] {
            let given = Given { cookies: &cookies, country: "US", ..Given::default() };
            let stated = stated(&given, &site, Consent::Full);
            let gpc = Given { gpc: true, ..given };
            prop_assert_eq!(domain::visit::consent::stated(&gpc, &site, Consent::Full).state,
                Consent::Code);
            prop_assert!(site == SiteConsent::NONE || stated.state != Consent::Full
                || !cookies.contains("euconsent-v2") || Permission::read(&text, None).is_some());
            let _ = fb_cookies::cookies(&cookies, Some(&text), &text, UnixMs(1), 1);
        }
    }

    #[test]
    fn a_changed_string_never_reads_past_its_end(
        number in 0_usize..84, at in 0_usize..60, letter in "[A-Za-z0-9_-]", vendor in 1_u16..,
    ) {
        let text = VECTORS[number]["text"].as_str().unwrap();
        let at = at.min(text.len() - 1);
        let changed = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
        if let Some(read) = Permission::read(&changed, Some(vendor)) {
            prop_assert!(read.vendor() || read.state() == Consent::Code);
        }
    }
}
