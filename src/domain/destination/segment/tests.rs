use super::*;
use crate::domain::destination::Occasion;
use crate::domain::destination::Phone;
use crate::domain::destination::sample::sample;
use crate::domain::input::Fields;
use crate::domain::outbound::OutboundRules;
use crate::domain::time::UnixMs;
use serde_json::json;

const NOW: UnixMs = UnixMs(1_795_334_400_000);

fn target(config: &Value) -> Target<'_> {
    Target {
        config,
        secret: "abc123",
        previous: &[],
        token: "",
        now: NOW,
        test: false,
    }
}

fn event(occasion: Occasion) -> Event {
    sample(occasion, &Segment, NOW)
}

fn sent(event: &Event) -> Value {
    let config = json!({"consent_categories": ["Advertising"]});
    match Segment.item(event, &target(&config)) {
        Item::Send(item) => item,
        other => json!(format!("{other:?}")),
    }
}

#[test]
fn an_order_has_the_documented_shape() {
    let event = event(Occasion::Sale);
    let expected = json!({
        "type": "track", "event": "Order Completed", "messageId": event.id,
        "timestamp": "2026-11-22T07:59:00Z", "userId": "customer-1",
        "properties": {"event_id": event.id, "order_id": event.key, "total": 19.99,
            "revenue": 19.99, "currency": "USD", "partner_id": "pn_sample"},
        "context": {"userAgent": event.kept.text("userAgent"),
            "page": {"url": "https://shop.example/thanks"},
            "consent": {"categoryPreferences": {"Advertising": true}}},
    });
    assert_eq!(sent(&event), expected);
}

#[test]
fn a_refund_belongs_to_its_order_and_without_a_customer_to_its_sale() {
    let mut event = event(Occasion::Refund);
    event.kept = Kept::default();
    event.permission = Permission::Limited;
    let item = sent(&event);
    assert_eq!(item["event"], "Order Refunded");
    assert_eq!(item["anonymousId"], "ev_sample_sale");
    assert!(item.get("userId").is_none() && item["properties"].get("revenue").is_none());
    assert_eq!(item["properties"]["order_id"], "sample-sale");
    let consent = json!({"consent": {"categoryPreferences": {"Advertising": false}}});
    assert_eq!(item["context"], consent);
    event.sale = None;
    assert_eq!(sent(&event), json!(r#"Skip("sale_unknown")"#));
    let mut sale = super::tests::event(Occasion::Sale);
    sale.kept = Kept::default();
    assert_eq!(sent(&sale)["anonymousId"], sale.id.as_str());
}

#[test]
fn names_are_those_of_the_spec_or_the_merchants() {
    for (occasion, name, expected) in [
        (Occasion::Lead, "Sign up", "Signed Up"),
        (Occasion::Lead, "Demo booked", "Demo booked"),
        (Occasion::Milestone, "Activated", "Activated"),
        (Occasion::Renewal, "x", "Order Completed"),
        (Occasion::Chargeback, "x", "Order Refunded"),
    ] {
        let mut event = event(occasion);
        name.clone_into(&mut event.name);
        assert_eq!(sent(&event)["event"], expected);
    }
}

#[test]
fn an_opt_out_that_cannot_be_told_and_what_is_too_large_stay_here() {
    let skipped = |change: fn(&mut Event), occasion, config: &Value| {
        let mut event = event(occasion);
        change(&mut event);
        Segment.item(&event, &target(config))
    };
    let none = Value::Null;
    assert_eq!(
        skipped(
            |event| event.permission = Permission::Limited,
            Occasion::Sale,
            &none
        ),
        Item::Skip("consent_categories_missing")
    );
    assert_eq!(
        skipped(
            |event| event.key = "x".repeat(EVENT_BYTES),
            Occasion::Sale,
            &none
        ),
        Item::Skip("event_too_large")
    );
    assert_eq!(
        skipped(|_| (), Occasion::DisputeWon, &none),
        Item::Skip("kind_not_taken")
    );
    let Item::Send(item) = skipped(|_| (), Occasion::Sale, &none) else {
        unreachable!("full consent needs no category");
    };
    assert!(item["context"].get("consent").is_none());
}

#[test]
fn a_mail_address_is_nobodys_id() {
    let mut kept = Kept::default();
    let person = Person {
        customer_id: Some("ada@example.com"),
        email: Some("ada@example.com"),
        phone: Some(&Phone::Number("+12025550100".into())),
        ..Person::default()
    };
    Segment.keep(&person, &mut kept);
    assert_eq!(kept, Kept::default());
}

#[test]
fn the_request_is_a_batch_under_the_write_key() {
    let request = |config: Value| Segment.request(&[json!(1)], &target(&config)).unwrap();
    let plain = request(json!({}));
    assert_eq!(plain.url, "https://api.segment.io/v1/batch");
    assert_eq!(plain.body, r#"{"batch":[1]}"#);
    // The example of Segment's page.
    let basic = ("authorization", "Basic YWJjMTIzOg==".to_owned());
    assert_eq!(plain.headers[1], basic);
    let eu = request(json!({"region": "eu"}));
    assert_eq!(eu.url, "https://events.eu1.segmentapis.com/v1/batch");
    let own = request(json!({"region": "eu", "base_url": "https://x.example/"}));
    assert_eq!(own.url, "https://x.example/v1/batch");
}

#[test]
fn answers_are_read() {
    for (status, body, word) in [
        (200, r#"{"success":true}"#, "delivered"),
        (200, r#"{"success": true, "x": 1}"#, "delivered"),
        (200, r#"{"success":false}"#, "retry"),
        (200, "", "retry"),
        (200, "<html>", "retry"),
        (200, r#"{"success":tr"#, "retry"),
        (207, "{}", "retry"),
        (302, "", "drop"),
        (400, r#"{"success":false,"message":"abc123"}"#, "bisect"),
        (401, "", "misconfigured"),
        (404, "", "drop"),
        (413, "", "bisect"),
        (422, "", "drop"),
        (426, "", "drop"),
        (429, "", "throttled"),
        (500, r#"{"success":true}"#, "retry"),
    ] {
        let answer = Answer {
            status,
            body: body.to_owned(),
            wait_ms: 9,
        };
        let outcome = Segment.outcome(&answer, &target(&Value::Null), 2);
        assert_eq!(outcome.fate.as_str(), word, "{status} {body}");
        assert!(!outcome.reason.contains("abc123"));
    }
}

#[test]
fn settings_are_checked() {
    for (body, fault) in [
        (json!({"write_key": "k", "consent_categories": ["A"]}), None),
        (json!({}), Some("required")),
        (
            json!({"write_key": "k", "consent_categories": "A"}),
            Some("not_a_list"),
        ),
        (
            json!({"write_key": "k", "region": "mars"}),
            Some("not_a_choice"),
        ),
    ] {
        let mut fields = Fields::new(body.as_object().unwrap(), "");
        let rules = OutboundRules::default();
        let mut settings = Settings::new(&mut fields, [0; 32], &rules, None);
        let config = Segment.settings(&mut settings);
        match (fields.finish(config), fault) {
            (Ok(config), None) => assert_eq!(config, json!({"consent_categories": ["A"]})),
            (Err(errors), Some(code)) => assert_eq!(errors[0].code, code),
            (read, _) => unreachable!("{body}: {read:?}"),
        }
    }
}
