use super::*;
use crate::domain::destination::sample::sample;
use crate::domain::destination::{Fate, MAX_REASON};
use crate::domain::input::Fields;
use crate::domain::money::Currency;
use serde_json::json;

const NOW: UnixMs = UnixMs(1_795_334_400_000);
const DAY: i64 = 24 * HOUR_MS;

fn config() -> Value {
    json!({"customer_id": "123", "conversion_action_id": "7", "lead_conversion_action_id": "8",
        "login_customer_id": "999"})
}

fn target(config: &Value) -> Target<'_> {
    Target {
        config,
        secret: "{}",
        token: "ya29",
        now: NOW.plus(2 * DAY),
        test: false,
    }
}

fn event(occasion: Occasion) -> Event {
    let mut event = sample(occasion, &GoogleAds, NOW);
    if let Some(sale) = &mut event.sale {
        sale.left = Money::new(1_500, Currency::parse("USD").unwrap()).ok();
    }
    event
}

fn sent(event: &Event) -> Value {
    match GoogleAds.item(event, &target(&config())) {
        Item::Send(item) => item,
        other => json!(format!("{other:?}")),
    }
}

#[test]
fn a_sale_has_the_documented_shape() {
    let event = event(Occasion::Sale);
    let hash = |text: &str| hashing::external_id(text).unwrap();
    let expected = json!({
        "destinationReferences": ["sale"], "transactionId": event.key,
        "eventTimestamp": "2026-11-22T07:59:00Z", "eventSource": "WEB",
        "currency": "USD", "conversionValue": 19.99,
        "adIdentifiers": {"gclid": "Cj0KCQ-sample"},
        "userData": {"userIdentifiers": [{"emailAddress": hash("test@example.com")},
            {"phoneNumber": hash("+12025550100")}]},
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
    });
    assert_eq!(sent(&event), expected);
}

#[test]
fn a_refund_restates_what_is_left_of_its_sale() {
    let mut event = event(Occasion::Refund);
    event.permission = Permission::Limited;
    let item = sent(&event);
    assert_eq!(item["transactionId"], "sample-sale");
    assert_eq!(item["conversionValue"], 15.0);
    assert_eq!(item["eventTimestamp"], "2026-11-22T06:59:00Z");
    assert_eq!(item["lastUpdatedTimestamp"], "2026-11-22T07:59:00Z");
    assert_eq!(item["consent"]["adUserData"], "CONSENT_DENIED");
    let mut whole = event.clone();
    whole.sale.as_mut().unwrap().left = Money::new(0, Currency::parse("USD").unwrap()).ok();
    let skipped = |event: &Event| GoogleAds.item(event, &target(&config()));
    assert_eq!(skipped(&whole), Item::Skip("retraction_not_taken"));
    whole.sale = None;
    assert_eq!(skipped(&whole), Item::Skip("sale_unknown"));
}

#[test]
fn too_recent_clicks_and_corrections_wait() {
    let config = config();
    let at = |ms: i64, event: &Event, config: &Value| {
        let target = Target {
            now: NOW.plus(ms),
            ..target(config)
        };
        GoogleAds.item(event, &target)
    };
    let sale = event(Occasion::Sale);
    let until = NOW.plus(5 * HOUR_MS - 60_000);
    assert_eq!(at(0, &sale, &config), Item::Wait(until, "click_too_recent"));
    assert!(matches!(at(5 * HOUR_MS, &sale, &config), Item::Send(_)));
    let mut hasty = config.clone();
    hasty["click_wait_minutes"] = json!(0);
    assert!(matches!(at(0, &sale, &hasty), Item::Send(_)));
    let refund = event(Occasion::Refund);
    assert_eq!(
        at(0, &refund, &hasty),
        Item::Wait(NOW.plus(DAY - 60_000), "correction_after_sale")
    );
    let mut anonymous = sale.clone();
    anonymous.click_ids.clear();
    assert!(matches!(at(0, &anonymous, &config), Item::Send(_)));
}

#[test]
fn a_lead_has_its_own_action_and_braids_come_after_gclid() {
    let mut event = event(Occasion::Lead);
    let item = sent(&event);
    assert_eq!(item["destinationReferences"], json!(["lead"]));
    assert_eq!(item["transactionId"], event.id.as_str());
    assert!(item.get("conversionValue").is_none());
    let bare = json!({"customer_id": "123", "conversion_action_id": "7"});
    assert_eq!(
        GoogleAds.item(&event, &target(&bare)),
        Item::Skip("conversion_action_missing")
    );
    for id in &mut event.click_ids {
        if id.kind == ClickIdKind::Gclid {
            id.kind = ClickIdKind::Wbraid;
        }
    }
    assert_eq!(
        sent(&event)["adIdentifiers"],
        json!({"wbraid": "Cj0KCQ-sample"})
    );
    event.click_ids.clear();
    event.kept = Kept::default();
    assert_eq!(
        GoogleAds.item(&event, &target(&config())),
        Item::Skip("match_key_missing")
    );
}

#[test]
fn the_request_names_the_actions_that_it_is_about() {
    let config = config();
    let items = [json!({"destinationReferences": ["lead"]})];
    let request = GoogleAds.request(&items, &target(&config)).unwrap();
    assert_eq!(request.url, format!("{BASE}/v1/events:ingest"));
    assert_eq!(
        request.headers[1],
        ("authorization", "Bearer ya29".to_owned())
    );
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let account = |id: &str| json!({"accountType": "GOOGLE_ADS", "accountId": id});
    assert_eq!(
        body,
        json!({"encoding": "HEX", "events": items, "destinations": [{"reference": "lead",
            "operatingAccount": account("123"), "loginAccount": account("999"),
            "productDestinationId": "8"}]})
    );
    let tried = Target {
        test: true,
        ..target(&config)
    };
    let request = GoogleAds.request(&items, &tried).unwrap();
    assert!(request.body.contains(r#""validateOnly":true"#));
    let poll = GoogleAds.poll("a/b", &target(&config)).unwrap();
    assert_eq!(
        poll.url,
        format!("{BASE}/v1/requestStatus:retrieve?requestId=a%2Fb")
    );
}

fn read(of: fn(&Answer) -> Outcome, status: u16, body: &str) -> Outcome {
    let answer = Answer {
        status,
        body: body.to_owned(),
        wait_ms: 5,
    };
    let outcome = of(&answer);
    assert!(!outcome.reason.contains("secret") && outcome.reason.len() <= MAX_REASON);
    outcome
}

#[test]
fn an_answer_is_a_ticket_or_why_there_is_none() {
    let taken = read(answer::outcome, 200, r#"{"requestId":"abc-1"}"#);
    assert_eq!(taken.fate, Fate::Accepted("abc-1".to_owned()));
    let error = |reason: &str, field: &str| {
        json!({"error": {"code": 400, "message": "secret", "status": "INVALID_ARGUMENT",
            "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason},
                {"fieldViolations": [{"field": "events.events[1]", "description": "secret",
                    "reason": field}]}]}})
        .to_string()
    };
    let settings = error("INVALID_ARGUMENT", "INVALID_CONVERSION_ACTION_ID");
    for (status, body, word, named) in [
        (
            400,
            &*error("INVALID_ARGUMENT", "INVALID_SHA256_FORMAT"),
            "bisect",
            "INVALID_SHA256_FORMAT",
        ),
        (400, &settings, "misconfigured", "CONVERSION_ACTION_ID"),
        (
            400,
            &error("EVENT_TIME_INVALID", "secret"),
            "expired",
            "EVENT_TIME_INVALID",
        ),
        (400, "{}", "bisect", "http 400"),
        (413, "", "bisect", ""),
        (401, "<html>", "misconfigured", ""),
        (
            403,
            &error("PERMISSION_DENIED", ""),
            "misconfigured",
            "PERMISSION_DENIED",
        ),
        (404, "", "misconfigured", ""),
        (422, "", "drop", ""),
        (426, "", "drop", ""),
        (
            429,
            &error("RESOURCE_EXHAUSTED", ""),
            "throttled",
            "RESOURCE_EXHAUSTED",
        ),
        (500, "<html>", "retry", ""),
        (503, &settings, "retry", ""),
        (200, "", "retry", "unreadable"),
        (200, "<html>", "retry", "unreadable"),
        (200, r#"{"requestId":"ab"#, "retry", "unreadable"),
        (200, r#"{"requestId":"a b"}"#, "retry", "unreadable"),
        (200, r#"{"requestId":7}"#, "retry", "unreadable"),
        (207, "{}", "retry", "unreadable"),
    ] {
        let outcome = read(answer::outcome, status, body);
        assert_eq!(outcome.fate.as_str(), word, "{status} {body}");
        assert!(outcome.reason.contains(named), "{}", outcome.reason);
        assert_eq!(outcome.wait_ms, 5);
    }
}

/// An answer to a poll: for each destination its status and the reasons in it.
fn polled(all: &[(&str, &[&str])]) -> String {
    let mut list = Vec::new();
    for (status, reasons) in all {
        let counts: Vec<_> = reasons
            .iter()
            .map(|reason| {
                let reason = format!("PROCESSING_ERROR_REASON_{reason}");
                json!({"recordCount": "1", "reason": reason})
            })
            .collect();
        list.push(json!({"requestStatus": status, "errorInfo": {"errorCounts": counts}}));
    }
    json!({ "requestStatusPerDestination": list }).to_string()
}

#[test]
fn a_request_is_asked_about_until_it_is_processed() {
    for (code, body, word) in [
        (200, &*polled(&[("SUCCESS", &[])]), "delivered"),
        (200, &polled(&[("PROCESSING", &[])]), "accepted"),
        (
            200,
            &polled(&[("FAILED", &[]), ("PROCESSING", &[])]),
            "accepted",
        ),
        (200, &polled(&[("REQUEST_STATUS_UNKNOWN", &[])]), "accepted"),
        (200, &polled(&[]), "accepted"),
        (200, "<html>", "accepted"),
        (200, "", "accepted"),
        (200, r#"{"requestStatusPer"#, "accepted"),
        (401, "", "misconfigured"),
        (429, "", "throttled"),
        (500, "<html>", "retry"),
        (
            400,
            r#"{"error":{"details":[{"reason":"INVALID_REQUEST_ID"}]}}"#,
            "drop",
        ),
    ] {
        let outcome = read(answer::progress, code, body);
        assert_eq!(outcome.fate.as_str(), word, "{code} {body}");
    }
}

#[test]
fn what_google_could_not_process_has_a_reason() {
    let terms = "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED";
    let cases: [(&[&str], _, _); 10] = [
        (&[], "drop", "UNKNOWN"),
        (&["DUPLICATE_TRANSACTION_ID"], "delivered", ""),
        (&["DUPLICATE_GCLID"], "delivered", ""),
        (&["INVALID_GCLID"], "drop", "INVALID_GCLID"),
        (&["EVENT_TOO_OLD"], "expired", "EVENT_TOO_OLD"),
        (&["INTERNAL_ERROR"], "retry", "INTERNAL_ERROR"),
        (&["NO_CONSENT", terms], "misconfigured", terms),
        (
            &["DUPLICATE_GCLID", "EVENT_TOO_OLD"],
            "expired",
            "EVENT_TOO_OLD",
        ),
        (
            &["EVENT_TOO_OLD", "INVALID_GCLID"],
            "bisect",
            "EVENT_TOO_OLD",
        ),
        (&["DENIED_CONSENT", "secret"], "drop", "DENIED_CONSENT"),
    ];
    for (reasons, word, named) in cases {
        let body = polled(&[("SUCCESS", &[]), ("PARTIAL_SUCCESS", reasons)]);
        let outcome = read(answer::progress, 200, &body);
        assert_eq!(outcome.fate.as_str(), word, "{reasons:?}");
        let reason = format!("http 200, {named}");
        assert!(outcome.reason.is_empty() == named.is_empty());
        assert!(named.is_empty() || outcome.reason == reason);
    }
    let body = polled(&[("FAILED", &["TOO_RECENT_CLICK"])]);
    let recent = read(answer::progress, 200, &body);
    assert_eq!((recent.fate, recent.wait_ms), (Fate::Retry, 6 * HOUR_MS));
}

#[test]
fn credentials_are_the_consoles_file_or_its_text() {
    let file = json!({"type": "service_account", "client_email": "a@b.example",
        "private_key": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"});
    let text = file.to_string();
    let refresh = json!({"client_id": "i", "client_secret": "s", "refresh_token": "r"});
    for (credentials, fault) in [
        (file, None),
        (json!(text), None),
        (refresh, None),
        (json!({"client_email": "a@b.example"}), Some("invalid")),
        (json!("x".repeat(MAX_CREDENTIALS + 1)), Some("invalid")),
        (json!(null), Some("required")),
    ] {
        let mut body = config();
        body["credentials"] = credentials;
        let mut fields = Fields::new(body.as_object().unwrap(), "");
        let mut settings = Settings::new(&mut fields, [0; 32], false, false);
        let read = GoogleAds.settings(&mut settings);
        let secret = settings.into_secret();
        match (fields.finish(read), fault) {
            (Ok(read), None) => {
                assert_eq!(read, config());
                let secret = secret.unwrap();
                let to = Target {
                    secret: &secret,
                    ..target(&read)
                };
                assert!(GoogleAds.grant(&to).is_some());
            }
            (Err(errors), Some(code)) => assert_eq!(errors[0].code, code),
            (read, _) => unreachable!("{body}: {read:?}"),
        }
    }
}
