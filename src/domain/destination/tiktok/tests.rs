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
        secret: "tok",
        previous: &[],
        token: "",
        now: NOW,
        test: false,
    }
}

fn event(occasion: Occasion) -> Event {
    sample(occasion, &TikTok, NOW)
}

fn sent(event: &Event) -> Value {
    match TikTok.item(event, &target(&Value::Null)) {
        Item::Send(item) => item,
        other => json!(format!("{other:?}")),
    }
}

#[test]
fn a_purchase_has_the_documented_shape() {
    let mut event = event(Occasion::Sale);
    event.permission = Permission::Limited;
    let hash = |text: &str| hashing::external_id(text).unwrap();
    let expected = json!({
        "event": "Purchase", "event_time": 1_795_334_340, "event_id": event.id,
        "user": {
            "email": [hash("test@example.com")], "phone": [hash("+12025550100")],
            "external_id": [hash("customer-1")],
            "user_agent": event.kept.text("user_agent"),
            "ttclid": "E.C.P.sample", "ttp": "94e2a4j9-h3ss-k5s5-98cc-c84n745mk287",
        },
        "page": {"url": "https://shop.example/thanks"},
        "properties": {"currency": "USD", "value": 19.99, "order_id": event.key},
        "limited_data_use": true,
    });
    assert_eq!(sent(&event), expected);
}

#[test]
fn of_the_page_only_its_place_is_kept() {
    for (url, kept_url) in [
        (
            "https://s.example/t?mail=a@b.example#x",
            "https://s.example/t",
        ),
        ("https://s.example/#a@b.example?", "https://s.example/"),
        ("https://s.example/é", "https://s.example/é"),
    ] {
        let person = Person {
            page_url: Some(url),
            ..Person::default()
        };
        let mut kept = Kept::default();
        TikTok.keep(&person, &mut kept);
        assert_eq!(kept.text("url"), Some(kept_url));
    }
    for url in [
        "https://s.example/a@b.example",
        "https://a%40b:c@s.example/?q",
    ] {
        let person = Person {
            page_url: Some(url),
            ttp: Some("a@b.example"),
            ..Person::default()
        };
        let mut kept = Kept::default();
        TikTok.keep(&person, &mut kept);
        assert_eq!(kept, Kept::default(), "{url}");
    }
}

#[test]
fn leads_and_milestones_keep_to_standard_names() {
    let mut event = event(Occasion::Lead);
    let item = sent(&event);
    assert_eq!(item["event"], "Lead");
    assert!(item.get("properties").is_none() && item.get("limited_data_use").is_none());
    event.occasion = Occasion::Milestone;
    for (name, expected) in [("signup", "CompleteRegistration"), ("active", "active")] {
        name.clone_into(&mut event.name);
        assert_eq!(sent(&event)["event"], expected);
    }
}

type Change<'a> = &'a dyn Fn(&mut Event);

#[test]
fn events_that_tiktok_would_refuse_are_named_before_sending() {
    let without = |event: &mut Event, name: &str| {
        event.kept.0.remove(name);
    };
    let cases: [(Occasion, Change<'_>, &str); 7] = [
        (
            Occasion::Sale,
            &|event| event.money = None,
            "amount_missing",
        ),
        (
            Occasion::Sale,
            &|event| without(event, "user_agent"),
            "user_agent_missing",
        ),
        (
            Occasion::Sale,
            &|event| without(event, "url"),
            "page_url_missing",
        ),
        (
            Occasion::Lead,
            &|event| {
                event
                    .kept
                    .0
                    .retain(|name, _| matches!(&**name, "url" | "user_agent"));
                event.click_ids.clear();
            },
            "match_key_missing",
        ),
        (Occasion::Refund, &|_| (), "kind_not_taken"),
        (Occasion::DisputeWon, &|_| (), "kind_not_taken"),
        (
            Occasion::Milestone,
            &|event| event.name = "x".repeat(51),
            "kind_not_taken",
        ),
    ];
    for (occasion, change, code) in cases {
        let mut event = event(occasion);
        change(&mut event);
        let item = TikTok.item(&event, &target(&Value::Null));
        assert_eq!(item, Item::Skip(code));
    }
}

#[test]
fn amounts_have_their_currencys_decimals() {
    let mut event = event(Occasion::Sale);
    for (code, minor, expected) in [("JPY", 500, "500"), ("BHD", 1_234, "1.234")] {
        event.money = Money::new(minor, Currency::parse(code).unwrap()).ok();
        assert_eq!(sent(&event)["properties"]["value"].to_string(), expected);
    }
}

#[test]
fn the_request_names_version_pixel_and_test() {
    let config = json!({"pixel_code": "C1", "api_version": "v1.4",
        "base_url": "https://tt.example/", "test_event_code": "T1"});
    let request = TikTok.request(&[json!(1), json!(2)], &target(&config));
    let request = request.unwrap();
    assert_eq!(request.url, "https://tt.example/open_api/v1.4/event/track/");
    assert_eq!(
        serde_json::from_str::<Value>(&request.body).unwrap(),
        json!({"event_source": "web", "event_source_id": "C1", "test_event_code": "T1",
            "data": [1, 2]})
    );
    assert_eq!(request.headers[1], ("access-token", "tok".to_owned()));
    assert!(TikTok.request(&[json!(1)], &target(&Value::Null)).is_none());
    let config = json!({"pixel_code": "C1"});
    let request = TikTok.request(&[json!(1)], &target(&config)).unwrap();
    assert_eq!(request.url, format!("{BASE}/open_api/v1.3/event/track/"));
}

fn fate(status: u16, body: &str, sent: usize) -> (&'static str, String) {
    let answer = Answer {
        status,
        body: body.to_owned(),
        wait_ms: 0,
    };
    let outcome = TikTok.outcome(&answer, &target(&Value::Null), sent);
    (outcome.fate.as_str(), outcome.reason)
}

#[test]
fn the_code_in_the_body_is_the_answer() {
    for (code, sent, word) in [
        (0, 2, "delivered"),
        (20_001, 1, "delivered"),
        (20_001, 2, "bisect"),
        (40_002, 2, "bisect"),
        (40_001, 1, "misconfigured"),
        (40_100, 1, "throttled"),
        (40_101, 1, "misconfigured"),
        (40_105, 1, "misconfigured"),
        (40_700, 1, "retry"),
        (50_000, 1, "retry"),
        (51_004, 1, "retry"),
        (40_900, 1, "drop"),
        (-1, 1, "drop"),
    ] {
        let body = json!({"code": code, "message": "token tok", "request_id": "r"});
        let (found, reason) = fate(200, &body.to_string(), sent);
        assert_eq!(found, word, "{code}");
        assert!(!reason.contains("tok"));
        assert!(reason.is_empty() || reason == format!("http 200, code {code}"));
    }
    for (status, code, word) in [
        (500, 0, "retry"),
        (429, 0, "throttled"),
        (401, 40_105, "misconfigured"),
        (503, 1, "retry"),
    ] {
        let body = json!({ "code": code }).to_string();
        assert_eq!(fate(status, &body, 1).0, word, "{status} {code}");
    }
}

#[test]
fn without_a_code_the_status_decides_and_2xx_is_not_success() {
    for (status, body, word) in [
        (200, "", "retry"),
        (200, "<html>", "retry"),
        (200, r#"{"code":"0"}"#, "retry"),
        (200, r#"{"code":0,"messa"#, "retry"),
        (207, "{}", "retry"),
        (302, "", "drop"),
        (400, "{}", "drop"),
        (401, "", "misconfigured"),
        (422, "", "drop"),
        (426, "", "drop"),
        (429, "", "throttled"),
        (500, "", "retry"),
        (502, "<html>", "retry"),
    ] {
        assert_eq!(fate(status, body, 1).0, word, "{status} {body}");
    }
}

#[test]
fn settings_are_checked() {
    for (body, fault) in [
        (json!({"pixel_code": "C1", "access_token": "t"}), None),
        (json!({"pixel_code": "C1"}), Some("required")),
        (
            json!({"pixel_code": "C1", "access_token": "t", "api_version": "1.3"}),
            Some("invalid"),
        ),
    ] {
        let mut fields = Fields::new(body.as_object().unwrap(), "");
        let rules = OutboundRules::default();
        let mut settings = Settings::new(&mut fields, [0; 32], &rules, None);
        let config = TikTok.settings(&mut settings);
        match (fields.finish(config), fault) {
            (Ok(config), None) => assert_eq!(config, json!({"pixel_code": "C1"})),
            (Err(errors), Some(code)) => assert_eq!(errors[0].code, code),
            (read, _) => unreachable!("{body}: {read:?}"),
        }
    }
}
