use super::*;
use crate::domain::destination::Occasion;
use crate::domain::destination::sample::sample;
use crate::domain::money::{Currency, Money};
use serde_json::json;

const NOW: UnixMs = UnixMs(1_795_334_400_000);

fn event(occasion: Occasion) -> Event {
    sample(occasion, &Meta, NOW)
}

fn sent(event: &Event) -> Value {
    let config = json!({"pixel_id": "123"});
    match Meta.item(event, &target(&config)) {
        Item::Send(item) => item,
        other => json!(format!("{other:?}")),
    }
}

fn target(config: &Value) -> Target<'_> {
    Target {
        config,
        secret: "EAAB",
        previous: &[],
        token: "",
        now: NOW,
        test: false,
    }
}

#[test]
fn a_full_purchase_has_the_documented_shape() {
    let mut event = event(Occasion::Sale);
    event.permission = Permission::Limited;
    let hash = |text: &str| hashing::external_id(text).unwrap();
    let expected = json!({
        "event_name": "Purchase", "event_time": 1_795_334_340, "event_id": event.id,
        "action_source": "website", "event_source_url": "https://shop.example/thanks",
        "user_data": {
            "em": [hash("test@example.com")], "ph": [hash("12025550100")],
            "external_id": [hash("customer-1")],
            "client_user_agent": event.kept.text("client_user_agent"),
            "fbc": "fb.1.1795330740000.IwAR0-sample", "fbp": "fb.1.1732230000000.1098115397",
        },
        "custom_data": {"currency": "USD", "value": 19.99, "order_id": event.key},
        "data_processing_options": ["LDU"],
        "data_processing_options_country": 0, "data_processing_options_state": 0,
    });
    assert_eq!(sent(&event), expected);
}

#[test]
fn what_is_not_known_is_not_sent() {
    let mut event = event(Occasion::Lead);
    event.kept = Kept::default();
    let item = sent(&event);
    assert_eq!(item["action_source"], "other");
    assert_eq!(
        item["user_data"],
        json!({"fbc": "fb.1.1795330740000.IwAR0-sample"})
    );
    for name in ["custom_data", "event_source_url", "data_processing_options"] {
        assert!(item.get(name).is_none(), "{name}");
    }
}

#[test]
fn events_that_meta_would_refuse_are_named_before_sending() {
    let refused = |change: fn(&mut Event), occasion| {
        let mut event = event(occasion);
        change(&mut event);
        Meta.item(&event, &target(&Value::Null))
    };
    for (change, occasion, code) in [
        (
            (|e| e.money = None) as fn(&mut Event),
            Occasion::Sale,
            "amount_missing",
        ),
        (|_| (), Occasion::Refund, "kind_not_taken"),
        (|_| (), Occasion::Cancellation, "kind_not_taken"),
        (
            |e| e.name = "x".repeat(51),
            Occasion::Milestone,
            "kind_not_taken",
        ),
        (
            |e| {
                e.kept.0.retain(|name, _| name == "client_user_agent");
                e.click_ids.clear();
            },
            Occasion::Lead,
            "match_key_missing",
        ),
    ] {
        assert_eq!(refused(change, occasion), Item::Skip(code));
    }
    assert!(matches!(refused(|_| (), Occasion::Deal), Item::Send(_)));
}

#[test]
fn a_mangled_click_or_browser_id_is_left_out_and_the_rest_is_sent() {
    for mangled in ["IwAR~1", "IwAR+1", "IwAR1%3D", "Iw.AR"] {
        let mut event = event(Occasion::Sale);
        for id in &mut event.click_ids {
            mangled.clone_into(&mut id.value);
        }
        let user = &sent(&event)["user_data"];
        assert!(user.get("fbc").is_none(), "{mangled}: {user}");
        assert!(user["em"].is_array() && user["fbp"].is_string(), "{user}");
    }
    let mut kept = Kept::default();
    let person = Person {
        fbp: Some("fb.1.1732230000000.10981~15397"),
        user_agent: Some("Browser/1"),
        ..Person::default()
    };
    Meta.keep(&person, &mut kept);
    assert_eq!(
        (kept.text("fbp"), kept.text("client_user_agent")),
        (None, Some("Browser/1"))
    );
}

#[test]
fn milestones_keep_their_name_but_for_standard_ones() {
    let mut event = event(Occasion::Milestone);
    event.name = "activation".to_owned();
    assert_eq!(sent(&event)["event_name"], "activation");
    event.name = "signup".to_owned();
    assert_eq!(sent(&event)["event_name"], "CompleteRegistration");
    event.occasion = Occasion::Lead;
    event.name = "Sign up".to_owned();
    assert_eq!(sent(&event)["event_name"], "CompleteRegistration");
}

#[test]
fn amounts_have_their_currencys_decimals() {
    let mut event = event(Occasion::Sale);
    for (code, minor, expected) in [("JPY", 500, "500"), ("BHD", 1_234, "1.234")] {
        event.money = Money::new(minor, Currency::parse(code).unwrap()).ok();
        assert_eq!(sent(&event)["custom_data"]["value"].to_string(), expected);
    }
}

#[test]
fn the_request_names_version_pixel_and_test() {
    let config = json!({"pixel_id": "123", "api_version": "v23.0",
        "base_url": "https://graph.example/", "test_event_code": "TEST1"});
    let request = Meta
        .request(&[json!(1), json!(2)], &target(&config))
        .unwrap();
    assert_eq!(request.url, "https://graph.example/v23.0/123/events");
    assert_eq!(request.body, r#"{"data":[1,2],"test_event_code":"TEST1"}"#);
    assert_eq!(
        request.headers[1],
        ("authorization", "Bearer EAAB".to_owned())
    );
    assert!(Meta.request(&[json!(1)], &target(&Value::Null)).is_none());
}

#[test]
fn versions_are_numbers_only() {
    assert!(is_version("v24.0"));
    for version in [
        "24.0", "v24", "v24.0/..", "v.0", "v24.", "v1234.0", "v2 4.0",
    ] {
        assert!(!is_version(version), "{version}");
    }
}
