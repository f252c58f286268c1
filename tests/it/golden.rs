//! The sealed formats, pinned: `tests/golden/{token,journal,api_key}.json` are read here and, with
//! other libraries, in `tests/e2e/golden.test.mjs`. Tokens and cookies live for 400 days, so a
//! vector that no longer opens is a break. `UPDATE_GOLDEN=1` writes the files again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::num::NonZeroU64;
use throughline::domain::api_key::{ApiKey, Scope};
use throughline::domain::click_ids::ClickIdKind;
use throughline::domain::consent::{Consent, Evidence};
use throughline::domain::ids::{ApiKeyId, LinkId, PartnerId, ProgramId};
use throughline::domain::journal::{ClickId, Journal};
use throughline::domain::seal::Keyring;
use throughline::domain::time::UnixMs;
use throughline::domain::token::{self, Marks, Touch};
use throughline::domain::traffic::Class;

const NOW: UnixMs = UnixMs(1_795_334_400_000);

/// Whose the touches are.
const PROGRAM: ProgramId = ProgramId::from_number(0x0012_3456_789a_bcde);

/// The root secret of the vectors, key id 3; only ever used here.
fn secret() -> String {
    let bytes: Vec<u8> = (0..32).map(|n| n * 7 + 1).collect();
    format!("3:{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn keys() -> Keyring {
    Keyring::parse(&secret()).unwrap()
}

/// Reads a golden file and compares it with what the code makes, or writes it.
fn golden(name: &str, made: &Value) -> Value {
    let path = format!("tests/golden/{name}.json");
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        let text = serde_json::to_string_pretty(made).unwrap() + "\n";
        std::fs::write(&path, text).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let stored: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(&stored, made, "{path}: the format changed");
    stored
}

fn touch(nonce: u64, class: Class, consent: Consent) -> Touch {
    Touch {
        at: NOW.plus(-12_345),
        program: PROGRAM,
        link: LinkId::from_number(1),
        partner: PartnerId::from_number((1 << 60) - 1),
        variant: 2,
        class,
        marks: Marks::default().with(Marks::HOLDOUT),
        consent,
        evidence: Evidence::Tcf,
        nonce: NonZeroU64::new(nonce),
    }
}

fn touch_json(touch: &Touch) -> Value {
    json!({
        "at": touch.at,
        "program": touch.program,
        "link": touch.link,
        "partner": touch.partner,
        "variant": touch.variant,
        "class": touch.class.name(),
        "holdout": touch.marks.has(Marks::HOLDOUT),
        "consent": touch.consent.name(),
        "evidence": touch.evidence,
        "nonce": touch.nonce.map(|nonce| format!("{nonce:016x}")),
    })
}

fn touches() -> [Touch; 4] {
    [
        touch(0xfedc_ba98_7654_3210, Class::Human, Consent::Full),
        touch(1, Class::Prefetch, Consent::Session),
        touch(7, Class::Human, Consent::Full).anonymous(),
        touch(8, Class::Prefetch, Consent::Full).anonymous(),
    ]
}

#[test]
fn tokens_are_as_they_always_were() {
    let vectors: Vec<Value> = touches()
        .iter()
        .enumerate()
        .map(|(n, touch)| {
            let entropy = [n as u8 + 1; 24];
            let token = token::mint(&keys(), touch, entropy);
            json!({"token": token, "entropy": hex::encode(entropy), "touch": touch_json(touch)})
        })
        .collect();
    let made = json!({"root_secret": secret(), "now": NOW, "vectors": vectors});
    let stored = golden("token", &made);
    for vector in stored["vectors"].as_array().unwrap() {
        let opened = token::open(&keys(), vector["token"].as_str().unwrap(), NOW).unwrap();
        assert_eq!(touch_json(&opened), vector["touch"]);
    }
}

fn journals() -> [Journal; 3] {
    let empty = Journal::new(Consent::Session, 0, NOW);
    let mut one = Journal::new(Consent::Full, u64::MAX, NOW.plus(-1));
    one.renew = true;
    one.add_touch(touch(5, Class::Human, Consent::Full));
    let mut full = Journal::new(Consent::Full, 42, NOW);
    for nonce in 1..=8 {
        full.add_touch(touch(nonce, Class::Human, Consent::Session));
    }
    full.add_click_ids(["gclid", "fbclid", "ScCid", "_kx"].map(|name| ClickId {
        kind: ClickIdKind::from_param(name).unwrap(),
        at: NOW.plus(-9),
        value: format!("{name}+%2B=.~"),
    }));
    [empty, one, full]
}

fn journal_json(journal: &Journal) -> Value {
    let ids = journal.click_ids.iter();
    let ids = ids.map(|id| json!({"code": id.kind.code(), "at": id.at, "value": id.value}));
    json!({
        "consent": journal.consent.name(),
        "renew": journal.renew,
        "issued_at": journal.issued_at,
        "visitor": format!("{:016x}", journal.visitor),
        "touches": journal.touches.iter().map(touch_json).collect::<Vec<_>>(),
        "click_ids": ids.collect::<Vec<_>>(),
    })
}

#[test]
fn journals_are_as_they_always_were() {
    let vectors: Vec<Value> = journals()
        .into_iter()
        .enumerate()
        .map(|(n, journal)| {
            let entropy = [n as u8 + 65; 24];
            let shown = journal_json(&journal);
            let cookie = journal.seal(&keys(), PROGRAM, entropy);
            json!({"cookie": cookie, "program": PROGRAM, "entropy": hex::encode(entropy),
                "journal": shown})
        })
        .collect();
    let made = json!({"root_secret": secret(), "now": NOW, "vectors": vectors});
    let stored = golden("journal", &made);
    for vector in stored["vectors"].as_array().unwrap() {
        let cookie = vector["cookie"].as_str().unwrap();
        let opened = Journal::open(&keys(), PROGRAM, cookie, NOW).unwrap();
        assert_eq!(journal_json(&opened), vector["journal"]);
        let other = ProgramId::from_number(1);
        assert_eq!(Journal::open(&keys(), other, cookie, NOW), None);
    }
}

/// The first version named no program, so only touches say whose a journal is. It is not written
/// any more.
#[test]
fn journals_of_the_first_version_are_read_where_their_touches_belong() {
    let text = std::fs::read_to_string("tests/golden/journal_v1.json").unwrap();
    let stored: Value = serde_json::from_str(&text).unwrap();
    for vector in stored["vectors"].as_array().unwrap() {
        let cookie = vector["cookie"].as_str().unwrap();
        let opened = Journal::open(&keys(), PROGRAM, cookie, NOW);
        let shown = opened.as_ref().map_or(Value::Null, journal_json);
        let empty = vector["journal"]["touches"] == json!([]);
        assert_eq!(
            shown,
            if empty {
                Value::Null
            } else {
                vector["journal"].clone()
            }
        );
        let other = ProgramId::from_number(1);
        assert_eq!(Journal::open(&keys(), other, cookie, NOW), None);
    }
}

#[test]
fn api_keys_are_as_they_always_were() {
    let all = [
        (1, None, Scope::Admin),
        (2, Some(3), Scope::Track),
        ((1 << 60) - 1, Some((1 << 60) - 1), Scope::Read),
    ];
    let vectors: Vec<Value> = all
        .into_iter()
        .map(|(id, program, scope)| {
            let key = ApiKey {
                id: ApiKeyId::from_number(id),
                program: program.map(ProgramId::from_number),
                scope,
            };
            json!({"key": key.text(&keys()), "id": key.id, "program": key.program,
                "scope": scope.name()})
        })
        .collect();
    let made = json!({"root_secret": secret(), "vectors": vectors});
    let stored = golden("api_key", &made);
    for vector in stored["vectors"].as_array().unwrap() {
        let opened = ApiKey::open(&keys(), vector["key"].as_str().unwrap()).unwrap();
        assert_eq!(json!(opened.id), vector["id"]);
        assert_eq!(json!(opened.program), vector["program"]);
        assert_eq!(opened.scope.name(), vector["scope"]);
    }
}
