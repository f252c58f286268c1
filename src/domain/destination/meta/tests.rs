use super::*;
use crate::domain::money::{Currency, MAX_MINOR};
use proptest::prelude::*;

fn money(amount: i64, code: &str) -> Money {
    Money::new(amount, Currency::parse(code).unwrap()).unwrap()
}

fn bare(name: EventName) -> MetaEvent {
    MetaEvent {
        name,
        event_id: "ev_1".to_owned(),
        event_time_s: 1_732_233_600,
        money: None,
        order_id: None,
        em: None,
        ph: None,
        external_id: None,
        client_user_agent: None,
        event_source_url: None,
        client_ip: None,
        fbc: None,
        fbp: None,
        ldu: false,
    }
}

fn full() -> MetaEvent {
    let some = |text: &str| Some(text.to_owned());
    MetaEvent {
        money: Some(money(1999, "USD")),
        order_id: some("123"),
        em: some("aa"),
        ph: some("bb"),
        external_id: some("cc"),
        client_user_agent: some("Mozilla/5.0"),
        event_source_url: some("https://shop.example/thanks"),
        client_ip: some("192.0.2.1"),
        fbc: some("fb.1.1732230000000.IwAR"),
        fbp: some("fb.1.1732230000000.1098115397"),
        ldu: true,
        ..bare(EventName::Purchase)
    }
}

#[test]
fn a_full_purchase_has_the_documented_shape() {
    let expected = json!({
        "data": [{
            "event_name": "Purchase", "event_time": 1_732_233_600, "event_id": "ev_1",
            "action_source": "website", "event_source_url": "https://shop.example/thanks",
            "user_data": {
                "em": ["aa"], "ph": ["bb"], "external_id": ["cc"],
                "client_ip_address": "192.0.2.1", "client_user_agent": "Mozilla/5.0",
                "fbc": "fb.1.1732230000000.IwAR", "fbp": "fb.1.1732230000000.1098115397",
            },
            "custom_data": {"currency": "USD", "value": 19.99, "order_id": "123"},
            "data_processing_options": ["LDU"],
            "data_processing_options_country": 0, "data_processing_options_state": 0,
        }],
        "test_event_code": "TEST123",
    });
    assert_eq!(payload(&[full()], Some("TEST123")), expected);
}

#[test]
fn what_is_not_known_is_not_sent() {
    let body = payload(&[bare(EventName::Lead)], None);
    let expected = json!({"data": [{
        "event_name": "Lead", "event_time": 1_732_233_600, "event_id": "ev_1",
        "action_source": "other", "user_data": {},
    }]});
    assert_eq!(body, expected);
    let no_page = MetaEvent {
        event_source_url: None,
        ..full()
    };
    assert_eq!(
        payload(&[no_page], None)["data"][0]["action_source"],
        "other"
    );
    let many = vec![bare(EventName::Lead); MAX_EVENTS + 1];
    assert_eq!(
        payload(&many, None)["data"].as_array().map(Vec::len),
        Some(MAX_EVENTS)
    );
}

#[test]
fn events_that_meta_would_refuse_are_named_before_sending() {
    let now = full().event_time_s;
    assert_eq!(full().check(now), Ok(()));
    assert_eq!(full().check(now + MAX_AGE_S), Ok(()));
    assert_eq!(full().check(now + MAX_AGE_S + 1), Err(Unsendable::TooOld));
    let unpaid = MetaEvent {
        money: None,
        ..full()
    };
    assert_eq!(unpaid.check(now), Err(Unsendable::NoAmount));
    let lead = bare(EventName::Lead);
    assert_eq!(lead.check(now), Err(Unsendable::NoMatchKey));
    let text = || Some("x".to_owned());
    let agent_only = MetaEvent {
        client_user_agent: text(),
        ..lead.clone()
    };
    assert_eq!(agent_only.check(now), Err(Unsendable::NoMatchKey));
    let device = MetaEvent {
        client_ip: text(),
        ..agent_only
    };
    assert_eq!(device.check(now), Ok(()));
    assert_eq!(
        MetaEvent {
            fbp: text(),
            ..lead
        }
        .check(now),
        Ok(())
    );
    assert!(!too_old(i64::MAX, i64::MIN) && too_old(i64::MIN, i64::MAX));
}

#[test]
fn the_endpoint_is_made_of_numbers_only() {
    assert_eq!(
        endpoint_path("v24.0", "123"),
        Some("/v24.0/123/events".to_owned())
    );
    for (version, pixel) in [
        ("24.0", "123"),
        ("v24", "123"),
        ("v24.0/..", "123"),
        ("v24.0", ""),
        ("v24.0", "12/3"),
        ("v.0", "1"),
        ("v24.0", "123456789012345678901234567890123"),
    ] {
        assert_eq!(endpoint_path(version, pixel), None, "{version} {pixel}");
    }
}

#[test]
fn amounts_are_plain_decimals_of_the_currency() {
    assert_eq!(
        decimal(money(MAX_MINOR, "JPY")).to_string(),
        MAX_MINOR.to_string()
    );
    assert_eq!(decimal(money(0, "USD")).to_string(), "0.00");
    assert_eq!(decimal(money(-5, "USD")).to_string(), "-0.05");
}

proptest! {
    #[test]
    fn amounts_are_written_to_the_last_digit(
        amount in -MAX_MINOR..=MAX_MINOR,
        code in prop_oneof![Just("USD"), Just("JPY"), Just("BHD"), Just("CLF")],
    ) {
        let written = decimal(money(amount, code)).to_string();
        prop_assert_eq!(written, money(amount, code).to_decimal_string());
    }
}
