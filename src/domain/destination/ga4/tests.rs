use super::*;
use crate::domain::destination::Occasion;
use crate::domain::destination::sample::sample;
use crate::domain::input::Fields;
use crate::domain::money::{Currency, Money};
use crate::domain::outbound::OutboundRules;
use crate::domain::time::UnixMs;
use serde_json::json;

const NOW: UnixMs = UnixMs(1_795_334_400_000);

fn target(config: &Value) -> Target<'_> {
    Target {
        config,
        secret: "se/cret",
        previous: &[],
        token: "",
        now: NOW,
        test: false,
    }
}

fn sent(event: &Event) -> Value {
    match Ga4.item(event, &target(&Value::Null)) {
        Item::Send(item) => item,
        other => json!(format!("{other:?}")),
    }
}

fn event(occasion: Occasion) -> Event {
    sample(occasion, &Ga4, NOW)
}

#[test]
fn a_purchase_has_the_documented_shape() {
    let event = event(Occasion::Sale);
    let expected = json!({
        "client_id": "1234567890.1732230000", "timestamp_micros": 1_795_334_340_000_000_i64,
        "consent": {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"},
        "events": [{"name": "purchase", "params": {
            "session_id": "1732230000", "engagement_time_msec": 1,
            "transaction_id": event.key, "value": 19.99, "currency": "USD", "items": []}}],
    });
    assert_eq!(sent(&event), expected);
}

#[test]
fn a_refund_names_its_sale_and_an_opt_out_is_told() {
    let mut event = event(Occasion::Refund);
    event.permission = Permission::Limited;
    event.kept.0.remove("session_id");
    let item = sent(&event);
    let params = json!({"transaction_id": "sample-sale", "value": 19.99, "currency": "USD"});
    assert_eq!(
        item["events"],
        json!([{"name": "refund", "params": params}])
    );
    let denied = json!({"ad_user_data": "DENIED", "ad_personalization": "DENIED"});
    assert_eq!(item["consent"], denied);
}

#[test]
fn leads_and_milestones_have_names_that_ga4_takes() {
    for (occasion, name, expected) in [
        (Occasion::Lead, "Demo booked", "generate_lead"),
        (Occasion::Lead, "Sign up", "sign_up"),
        (Occasion::Milestone, "signup", "sign_up"),
        (Occasion::Milestone, "Trial_started", "Trial_started"),
    ] {
        let mut event = event(occasion);
        name.clone_into(&mut event.name);
        assert_eq!(sent(&event)["events"][0]["name"], expected);
    }
    let long = "x".repeat(NAME_CHARS + 1);
    for name in [
        "two words",
        "1st",
        "_x",
        "ga_x",
        "session_start",
        "é",
        "",
        &long,
    ] {
        let mut event = event(Occasion::Milestone);
        name.clone_into(&mut event.name);
        let item = Ga4.item(&event, &target(&Value::Null));
        assert_eq!(item, Item::Skip("kind_not_taken"), "{name}");
    }
}

#[test]
fn what_ga4_would_drop_is_not_sent() {
    let refused = |occasion, change: fn(&mut Event)| {
        let mut event = event(occasion);
        change(&mut event);
        Ga4.item(&event, &target(&Value::Null))
    };
    let without = |event: &mut Event| event.kept = Kept::default();
    assert_eq!(
        refused(Occasion::Sale, without),
        Item::Skip("client_id_missing")
    );
    for occasion in [Occasion::Sale, Occasion::Refund] {
        let item = refused(occasion, |event| event.money = None);
        assert_eq!(item, Item::Skip("amount_missing"));
    }
    let stray = refused(Occasion::Refund, |event| event.sale = None);
    assert_eq!(stray, Item::Skip("sale_unknown"));
    for occasion in [
        Occasion::Cancellation,
        Occasion::Reactivation,
        Occasion::DisputeWon,
    ] {
        assert_eq!(refused(occasion, |_| ()), Item::Skip("kind_not_taken"));
    }
}

#[test]
fn ids_are_read_from_both_forms_of_the_cookies_and_never_invented() {
    for (raw, id) in [
        ("GA1.1.1234567890.1732230000", Some("1234567890.1732230000")),
        ("GA1.2.1234567890.1732230000", Some("1234567890.1732230000")),
        ("1234567890.1732230000", Some("1234567890.1732230000")),
        (
            "GA1.1-2.1234567890.1732230000",
            Some("1234567890.1732230000"),
        ),
        (
            "amp-QFqHg8fYpVqBJ2rGl5Kd3A",
            Some("amp-QFqHg8fYpVqBJ2rGl5Kd3A"),
        ),
        (
            "GA1.2.amp-QFqHg8fYpVqBJ2rGl5Kd3A",
            Some("amp-QFqHg8fYpVqBJ2rGl5Kd3A"),
        ),
        (
            "35009a79-1a05-49d7-b876-2b884d0f825b",
            Some("35009a79-1a05-49d7-b876-2b884d0f825b"),
        ),
        (
            "GA1.1.35009a79-1a05-49d7-b876-2b884d0f825b",
            Some("35009a79-1a05-49d7-b876-2b884d0f825b"),
        ),
        ("1234567890", Some("1234567890")),
        ("GA1.1", None),
        ("GA1.1.", None),
        ("GA1.x.1", None),
        ("a@b.example", None),
        ("two words", None),
        ("", None),
    ] {
        assert_eq!(client_id(raw), id, "{raw}");
    }
    let id = Some("1700000123");
    for (raw, id) in [
        ("GS1.1.1700000123.4.1.1700000456.0.0.0", id),
        ("GS2.1.s1700000123$o4$g1$t1700000456$j60$l0$h0", id),
        ("GS2.1.o4$s1700000123", id),
        ("1700000123", id),
        ("GS2.1.o4$g1", None),
        ("GS1.1", None),
        ("GS3.1.s1700000123", None),
        ("", None),
    ] {
        assert_eq!(session_id(raw), id, "{raw}");
    }
}

#[test]
fn amounts_have_their_currencys_decimals_and_long_orders_are_cut() {
    let mut event = event(Occasion::Sale);
    event.key = "é".repeat(150);
    for (code, minor, expected) in [("JPY", 500, "500"), ("BHD", 1_234, "1.234")] {
        event.money = Money::new(minor, Currency::parse(code).unwrap()).ok();
        let params = &sent(&event)["events"][0]["params"];
        assert_eq!(params["value"].to_string(), expected);
        assert_eq!(params["transaction_id"], "é".repeat(100));
    }
}

#[test]
fn the_request_goes_to_the_region_and_a_test_to_the_validation_server() {
    let body = json!({"client_id": "1.1"});
    let url = |config: Value, test| {
        let target = Target {
            test,
            ..target(&config)
        };
        Ga4.request(std::slice::from_ref(&body), &target)
            .map(|request| request.url)
    };
    let query = "mp/collect?measurement_id=G-1&api_secret=se%2Fcret";
    assert_eq!(
        url(json!({"measurement_id": "G-1"}), false),
        Some(format!("{BASE}/{query}"))
    );
    let config = json!({"measurement_id": "G-1", "region": "eu"});
    assert_eq!(url(config, true), Some(format!("{EU}/debug/{query}")));
    let config = json!({"measurement_id": "G-1", "base_url": "https://x.example/"});
    assert_eq!(
        url(config, false),
        Some(format!("https://x.example/{query}"))
    );
    assert_eq!(url(json!({}), false), None);
}

#[test]
fn answers_are_read_as_far_as_there_are_any() {
    let invalid = r#"{"validationMessages":[{"fieldPath":"events","description":"se/cret",
        "validationCode":"NAME_INVALID"}]}"#;
    let odd = r#"{"validationMessages":[{"validationCode":"se/cret"}]}"#;
    for (status, body, word, reason) in [
        (204, "", "delivered", ""),
        (200, "<html>", "delivered", ""),
        (200, r#"{"validationMessages":[]}"#, "delivered", ""),
        (200, invalid, "drop", "http 200, NAME_INVALID"),
        (200, odd, "drop", "http 200, not valid"),
        (200, r#"{"validationMessages":[{"va"#, "delivered", ""),
        (207, "", "delivered", ""),
        (302, "", "drop", "http 302, redirects are not followed"),
        (400, "", "drop", "http 400"),
        (401, invalid, "misconfigured", "http 401"),
        (413, "", "drop", "http 413"),
        (422, "", "drop", "http 422"),
        (426, "", "drop", "http 426"),
        (429, "", "throttled", "http 429"),
        (500, "<html>", "retry", "http 500"),
    ] {
        let answer = Answer {
            status,
            body: body.to_owned(),
            wait_ms: 7,
        };
        let outcome = Ga4.outcome(&answer, &target(&Value::Null), 1);
        assert_eq!(outcome.fate.as_str(), word, "{status} {body}");
        assert_eq!(outcome.reason, reason);
        assert_eq!(outcome.wait_ms == 7, word != "delivered");
    }
}

#[test]
fn settings_are_checked() {
    for (body, fault) in [
        (json!({"measurement_id": "G-A1", "api_secret": "s"}), None),
        (
            json!({"measurement_id": "UA-1", "api_secret": "s"}),
            Some("invalid"),
        ),
        (json!({"measurement_id": "G-A1"}), Some("required")),
        (
            json!({"measurement_id": "G-A1", "api_secret": "s", "region": "mars"}),
            Some("not_a_choice"),
        ),
    ] {
        let mut fields = Fields::new(body.as_object().unwrap(), "");
        let rules = OutboundRules::default();
        let mut settings = Settings::new(&mut fields, [0; 32], &rules, None);
        let config = Ga4.settings(&mut settings);
        let read = fields.finish(config);
        match (read, fault) {
            (Ok(config), None) => assert_eq!(config, json!({"measurement_id": "G-A1"})),
            (Err(errors), Some(code)) => assert_eq!(errors[0].code, code),
            (read, _) => unreachable!("{body}: {read:?}"),
        }
    }
}
