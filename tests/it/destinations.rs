//! What each destination is sent of one shared set of events, pinned in
//! `tests/golden/destinations/{kind}.json`. `UPDATE_GOLDEN=1 cargo test --test it destinations`
//! writes the files again; read the difference as a reviewer would.

pub mod events;

use crate::support::phones::GooglesAnswers;
use events::{Case, NOW};
use serde_json::{Map, Value, json};
use throughline::app::ports::Phones as _;
use throughline::domain::destination::{
    self, Destination, Kept, Person, Phone, Prepared, REDACTED, Settings, Stored, Target,
};
use throughline::domain::input::Fields;
use throughline::domain::outbound::OutboundRules;

/// The settings of each destination's golden requests: what a person gives to the API.
fn given(kind: &str) -> Value {
    match kind {
        "webhook" => json!({"url": "https://hooks.example/in",
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
        "postback" => json!({"url": "https://tracker.example/postback?e={event}&n={event_name}\
            &new={new_customer}&code={coupon}&at={timestamp}", "template": "keitaro",
            "events": ["sale", "renewal", "deal", "lead", "milestone", "refund", "chargeback"]}),
        "meta" => json!({"pixel_id": "1234567890", "access_token": "secret-token"}),
        "ga4" => json!({"measurement_id": "G-1A2BCD345E", "api_secret": "secret-token"}),
        "google_ads" => json!({"customer_id": "1234567890", "conversion_action_id": "777",
            "lead_conversion_action_id": "888", "login_customer_id": "9999999999",
            "click_wait_minutes": 30,
            "credentials": {"client_id": "i", "client_secret": "s", "refresh_token": "r"}}),
        "tiktok" => json!({"pixel_code": "C1A2B3", "access_token": "secret-token"}),
        "segment" => json!({"write_key": "secret-token",
            "consent_categories": ["Advertising", "Analytics"]}),
        other => panic!("give {other} its settings for the golden requests"),
    }
}

/// The settings as stored.
fn settings(kind: &dyn Destination) -> Value {
    let body = given(kind.kind());
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let rules = OutboundRules::default();
    let mut settings = Settings::new(&mut fields, [7; 32], &rules, None);
    let own = kind.settings(&mut settings);
    let own = fields.finish(own).unwrap();
    let mut config = own.as_object().unwrap().clone();
    if let Some(events) = body.get("events") {
        config.insert("events".into(), events.clone());
    }
    config.into()
}

/// What becomes of an event: the request without secrets, or the rule by which there is none.
fn made(kind: &dyn Destination, case: &Case, config: &Value) -> Value {
    let mut event = case.event.clone();
    event.permission = case.permission(kind);
    event.kept = Kept::default();
    let phone = case
        .phone
        .and_then(|raw| Phone::read(raw, |text| GooglesAnswers.e164(text, None)));
    let person = Person {
        phone: phone.as_ref(),
        ..case.person
    };
    kind.keep(&person, &mut event.kept);
    let to = Target {
        config,
        secret: kind.stand_in_secret(),
        previous: &[],
        token: REDACTED,
        now: NOW,
        test: false,
    };
    match destination::prepare(kind, &event, &to) {
        Prepared::Send(item) => {
            let request = kind.request(&[item], &to).unwrap();
            let mut shown = request.shown();
            let body = shown["body"]
                .as_str()
                .and_then(|b| serde_json::from_str(b).ok());
            if let Some(body) = body {
                shown["body"] = body;
            }
            shown
        }
        Prepared::End(state, reason) => json!({"state": state, "reason": reason}),
        Prepared::Wait(until, reason) => json!({"wait": until.to_rfc3339(), "reason": reason}),
    }
}

#[test]
fn requests_are_as_they_were_reviewed() {
    let cases = events::all();
    assert!(cases.len() >= 30, "{} events", cases.len());
    for kind in destination::ALL {
        let config = settings(kind);
        let mut all = Map::new();
        for case in &cases {
            let name = case.name.to_owned();
            assert!(!all.contains_key(&name), "{name} twice");
            all.insert(name, made(kind, case, &config));
        }
        let path = format!("tests/golden/destinations/{}.json", kind.kind());
        if std::env::var("UPDATE_GOLDEN").is_ok() {
            std::fs::create_dir_all("tests/golden/destinations").unwrap();
            let text = serde_json::to_string_pretty(&all).unwrap() + "\n";
            std::fs::write(&path, text).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let stored: Value = serde_json::from_str(&text).unwrap_or_default();
        for (name, request) in &all {
            assert_eq!(&stored[name], request, "{path}: {name} changed");
        }
        assert_eq!(
            stored.as_object().map(Map::len),
            Some(all.len()),
            "{path} is stale"
        );
    }
}

/// Nothing that names a person leaves in clear, whatever the destination.
#[test]
fn no_request_holds_a_person_in_clear() {
    for kind in destination::ALL {
        let config = settings(kind);
        for case in events::all() {
            let made = made(kind, &case, &config).to_string().to_lowercase();
            let encoded = |text: &str| destination::encoded(text).to_lowercase();
            let person = [case.person.email, case.phone];
            for word in person.into_iter().flatten().filter(|word| word.len() < 60) {
                let word = word.trim().to_lowercase();
                assert!(
                    !made.contains(&word),
                    "{} {}: {word}",
                    kind.kind(),
                    case.name
                );
                assert!(
                    !made.contains(&encoded(&word)),
                    "{} {}",
                    kind.kind(),
                    case.name
                );
            }
        }
    }
}

/// Settings that are read again, as a change of one member reads them, are the same.
#[test]
fn settings_survive_a_change() {
    for kind in destination::ALL {
        let config = settings(kind);
        let mut fields = Fields::new(config.as_object().unwrap(), "");
        let rules = OutboundRules::default();
        let stored = Stored {
            config: &config,
            secret: true,
        };
        let mut again = Settings::new(&mut fields, [7; 32], &rules, Some(stored));
        let read = kind.settings(&mut again);
        again.check_places();
        assert!(!again.moved(), "{}", kind.kind());
        assert_eq!(again.into_secret(), None, "{}", kind.kind());
        let mut read = fields.finish(read).unwrap();
        if let Some(events) = config.get("events") {
            read["events"] = events.clone();
        }
        assert_eq!(read, config, "{}", kind.kind());
    }
}
