use super::*;
use crate::domain::destination::sample::sample;
use crate::domain::input::Fields;
use crate::domain::money::Currency;
use crate::domain::outbound::OutboundRules;
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
        previous: &[],
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
        let rules = OutboundRules::default();
        let mut settings = Settings::new(&mut fields, [0; 32], &rules, None);
        let read = GoogleAds.settings(&mut settings);
        let secret = settings.into_secret();
        match (fields.finish(read), fault) {
            (Ok(read), None) => {
                assert_eq!(read, config());
                let secret = secret.unwrap();
                let to = Target {
                    secret: &secret,
                    previous: &[],
                    ..target(&read)
                };
                assert!(GoogleAds.grant(&to).is_some());
            }
            (Err(errors), Some(code)) => assert_eq!(errors[0].code, code),
            (read, _) => unreachable!("{body}: {read:?}"),
        }
    }
}
