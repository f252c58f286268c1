use super::*;
use crate::forward::destination::MAX_REASON;
use serde_json::json;

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
    let taken = read(outcome, 200, r#"{"requestId":"abc-1"}"#);
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
        let outcome = read(outcome, status, body);
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
        let outcome = read(progress, code, body);
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
        let outcome = read(progress, 200, &body);
        assert_eq!(outcome.fate.as_str(), word, "{reasons:?}");
        let reason = format!("http 200, {named}");
        assert!(outcome.reason.is_empty() == named.is_empty());
        assert!(named.is_empty() || outcome.reason == reason);
    }
    let body = polled(&[("FAILED", &["TOO_RECENT_CLICK"])]);
    let recent = read(progress, 200, &body);
    assert_eq!((recent.fate, recent.wait_ms), (Fate::Retry, TOO_RECENT_MS));
}
