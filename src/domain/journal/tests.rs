use super::super::seal::tests::keyring;
use super::super::seal::{Context, NONCE, Purpose};
use super::super::token::tests::{NOW, touch};
use super::*;
use crate::domain::ids::ProgramId;
use std::num::NonZeroU64;
use throughline_cipher as cipher;
use throughline_text::codec::Writer;

const OWN: ProgramId = ProgramId::from_number(1);
const HOST: Scope<'_> = Scope {
    program: OWN,
    domain: None,
};

fn touch_number(n: u64) -> Touch {
    Touch {
        nonce: NonZeroU64::new(n),
        at: NOW.plus(n as i64),
        ..touch()
    }
}

fn click_id(kind: u8, value: String) -> ClickId {
    ClickId {
        kind: ClickIdKind::from_code(kind).unwrap(),
        at: NOW,
        value,
    }
}

fn full() -> Journal {
    let mut journal = Journal::new(Consent::Full, 42, NOW);
    (1..=20).for_each(|n| journal.add_touch(touch_number(n)));
    journal.add_click_ids((1..=8).map(|kind| click_id(kind, "x".repeat(512))));
    journal
}

#[test]
fn seals_and_opens_to_the_same() {
    let mut journal = Journal::new(Consent::Session, 42, NOW);
    journal.add_touch(touch_number(1));
    journal.add_click_ids([click_id(1, "AbC+%2B=".into())]);
    let value = journal.clone().seal(&keyring(), OWN, [1; NONCE]);
    assert_eq!(Journal::open(&keyring(), OWN, &value, NOW), Some(journal));
}

#[test]
fn the_first_and_last_touch_survive_and_the_cookie_keeps_its_bound() {
    let journal = full();
    assert_eq!(journal.touches.len(), limits::JOURNAL_TOUCHES);
    assert_eq!(journal.click_ids.len(), limits::JOURNAL_CLICK_IDS);
    let value = journal.seal(&keyring(), OWN, [1; NONCE]);
    assert!(value.len() <= limits::COOKIE_BYTES);
    let opened = Journal::open(&keyring(), OWN, &value, NOW).unwrap();
    assert_eq!(opened.touches.first(), Some(&touch_number(1)));
    assert_eq!(opened.touches.last(), Some(&touch_number(20)));
    assert!(!opened.click_ids.is_empty(), "click IDs go last");
    assert_eq!(
        opened.click_ids.last().unwrap().kind.code(),
        8,
        "and the oldest first"
    );
}

#[test]
fn a_repeated_touch_or_click_id_changes_nothing() {
    let mut journal = Journal::new(Consent::Full, 1, NOW);
    journal.add_touch(touch_number(1));
    journal.add_touch(touch_number(1));
    journal.add_click_ids([click_id(1, "a".into())]);
    let later = ClickId {
        at: NOW.plus(5),
        ..click_id(1, "a".into())
    };
    journal.add_click_ids([later]);
    assert_eq!((journal.touches.len(), journal.click_ids[0].at), (1, NOW));
    journal.add_click_ids([click_id(1, "b".into())]);
    assert_eq!(journal.click_ids[0].value, "b");
}

#[test]
fn the_newest_valid_cookie_of_the_own_name_is_taken() {
    let keys = keyring();
    let old = Journal::new(Consent::Full, 1, NOW).seal(&keys, OWN, [1; NONCE]);
    let new = Journal::new(Consent::Full, 2, NOW.plus(9)).seal(&keys, OWN, [2; NONCE]);
    let visitor = |scope, header: &str| {
        let journal = Journal::from_cookies(&keys, scope, header, NOW);
        journal.map(|journal| journal.visitor)
    };
    let domain = Scope {
        domain: Some("shop.example"),
        ..HOST
    };
    let header = format!("a=b; __Secure-tl=forged; __Secure-tl={new}; __Secure-tl={old}");
    assert_eq!(visitor(domain, &header), Some(2));
    assert_eq!(
        visitor(HOST, &header),
        None,
        "a neighbour may have planted it"
    );
    let both = format!("__Secure-tl={new}; __Host-tl={old}");
    assert_eq!(visitor(HOST, &both), Some(1));
    assert_eq!(visitor(domain, &both), Some(2));
    assert_eq!(visitor(HOST, "a=b; __Host-tl="), None);
}

#[test]
fn another_programs_journal_is_as_if_absent() {
    let keys = keyring();
    let mut journal = Journal::new(Consent::Full, 2, NOW);
    journal.add_touch(touch_number(1));
    let other = ProgramId::from_number(2);
    let value = journal.seal(&keys, OWN, [1; NONCE]);
    assert_eq!(Journal::open(&keys, other, &value, NOW), None);
    // The first version, which named no program.
    let first = |journal: &Journal| {
        let context = Context::text("journal");
        let write = |out: &mut Writer| journal.write(out);
        let sealed = keys.seal_written(Purpose::Journal, context, [1; NONCE], &write);
        let mut value = String::new();
        cipher::encode(&sealed, &mut value);
        value
    };
    let value = first(&journal);
    assert_eq!(
        Journal::open(&keys, OWN, &value, NOW).as_ref(),
        Some(&journal)
    );
    assert_eq!(Journal::open(&keys, other, &value, NOW), None);
    journal.add_touch(Touch {
        program: other,
        ..touch_number(2)
    });
    let mixed = first(&journal);
    let empty = first(&Journal::new(Consent::Full, 2, NOW));
    for program in [OWN, other] {
        assert_eq!(Journal::open(&keys, program, &mixed, NOW), None);
        assert_eq!(Journal::open(&keys, program, &empty, NOW), None, "nobody's");
    }
}

#[test]
fn a_refusal_is_read_under_the_own_name_and_the_hosts() {
    let domain = Scope {
        domain: Some("shop.example"),
        ..HOST
    };
    let refused = |scope, header| decided(scope, header, None).is_some();
    assert!(refused(HOST, "__Host-tl=refused") && refused(domain, "__Secure-tl=refused"));
    assert!(
        refused(domain, "__Host-tl=refused"),
        "it was said before the domain was set"
    );
    assert!(
        !refused(HOST, "__Secure-tl=refused"),
        "a neighbour may have planted it"
    );
}

#[test]
fn oversized_cut_and_expired_cookies_are_as_if_absent() {
    let keys = keyring();
    let value = full().seal(&keys, OWN, [1; NONCE]);
    assert_eq!(
        Journal::open(&keys, OWN, &format!("{value}{}", "A".repeat(2_000)), NOW),
        None
    );
    assert_eq!(
        Journal::open(&keys, OWN, &value[..value.len() - 4], NOW),
        None
    );
    assert_eq!(
        Journal::open(&keys, OWN, &value, NOW.plus(limits::TOUCH_AGE_MS + 1)),
        None
    );
    let huge = format!(
        "__Host-tl={value}; pad={}",
        "p".repeat(limits::COOKIE_HEADER_BYTES)
    );
    assert_eq!(Journal::from_cookies(&keys, HOST, &huge, NOW), None);
}

#[test]
fn a_session_cookie_names_no_end_and_a_domain_cookie_names_its_domain() {
    assert!(!set_cookie("v", Consent::Session, None).contains("Max-Age"));
    let cookie = set_cookie("v", Consent::Full, Some("shop.example"));
    assert!(cookie.starts_with("__Secure-tl=v; Max-Age=34560000; Path=/; Secure; HttpOnly"));
    assert!(cookie.ends_with("Domain=shop.example"));
    let erased = erase_cookies("a=b; __Host-tl=v; __Secure-tl=refused", None);
    assert_eq!(erased.len(), 1, "a refusal stays");
    assert!(erased[0].starts_with("__Host-tl=; Max-Age=0"));
}
