//! Phone numbers from the call to what platforms are told, and the country by which national ones
//! are read.

use crate::support::memory::answer;
use crate::support::phones::{CASES, GooglesAnswers};
use crate::support::shop::Shop;
use serde_json::{Value, json};
use throughline::app::ports::Phones as _;
use throughline::domain::destination::{Phone, hashing};

fn read(raw: &str, country: Option<&str>) -> Option<Phone> {
    Phone::read(raw, |text| GooglesAnswers.e164(text, country))
}

fn number(text: &'static str) -> Phone {
    Phone::Number(text.into())
}

/// Source: Google's own libphonenumber (npm google-libphonenumber), whose answers the table holds.
#[test]
fn a_number_is_what_google_reads_and_never_a_strangers() {
    assert!(CASES.len() > 60);
    let known = Some(number("+4915123456789"));
    for raw in [
        "+49 (0) 151 23456789",
        "\u{ff0b}\u{ff14}\u{ff19}\u{a0}151\u{2009}23456789",
        "tel:+49-151-23456789",
        "+49 151 23456789 ext. 12",
        "\n+49\u{202f}151 23456789\t",
    ] {
        assert_eq!(read(raw, None), known, "{raw}");
    }
    assert_eq!(read("0151 23456789", Some("DE")), known);
    assert_eq!(
        read("0044 20 7946 0958", None),
        Some(number("+442079460958"))
    );
    assert_eq!(
        read("0044 20 7946 0958", Some("US")),
        Some(number("+442079460958"))
    );
    for raw in [
        "0151 23456789",
        "151 23456789",
        "16505551212",
        "6591234567",
        "(650) 555-1212",
    ] {
        assert_eq!(read(raw, None), None, "{raw}");
    }
}

/// Source: npm capi-param-builder-nodejs. It takes any digits for a number with its country.
#[test]
fn hashes_equal_those_of_metas_builder_where_the_country_is_written() {
    let text = include_str!("../golden/meta_hashing.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let mut same = 0;
    for case in golden["phone"].as_array().unwrap() {
        let raw = case["input"].as_str().unwrap();
        let found = read(raw, None).map(|phone| hashing::phone(&phone));
        if raw.starts_with(['+', 'A']) || raw.starts_with("00") {
            assert_eq!(found.as_deref(), case["sha256"].as_str(), "{raw}");
            same += 1;
        } else {
            assert_eq!(found, None, "{raw}");
        }
    }
    assert!(same >= 6, "{same}");
}

/// What Meta was told of the phone of a sale.
fn told(shop: &Shop, id: &str, body: Value) -> Option<String> {
    let mut sale = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd",
        "invoiceId": id, "context": {"consent": "full"}});
    sale.as_object_mut()
        .unwrap()
        .extend(body.as_object().unwrap().clone());
    assert_eq!(shop.track("sale", &sale).0, 200, "{sale}");
    shop.fold();
    shop.deliver();
    let requests = shop.receiver.got.borrow();
    let body: Value = serde_json::from_str(&requests.last().unwrap().body).unwrap();
    let event = &body["data"][0];
    assert_eq!(event["custom_data"]["order_id"], id, "the rest was sent");
    event["user_data"]["ph"][0].as_str().map(str::to_owned)
}

#[test]
fn a_national_number_is_told_only_where_the_programs_country_is_set() {
    let shop = Shop::open();
    let meta = json!({"program": shop.program, "kind": "meta", "pixel_id": "123",
        "access_token": "EAAB-secret"});
    shop.made("POST", "destinations", &meta);
    let hash = Some(hashing::phone(&number("+4915123456789")));
    let national = json!({"customerPhone": "0151 23456789"});
    assert_eq!(told(&shop, "s1", national.clone()), None);
    let whole = json!({"customerPhone": "+49 (0) 151 23456789"});
    assert_eq!(told(&shop, "s2", whole.clone()), hash);
    let path = format!("programs/{}", shop.program);
    let made = shop.made("PATCH", &path, &json!({"country": " de\n"}));
    assert_eq!(made["country"], "DE");
    assert_eq!(told(&shop, "s3", national.clone()), hash);
    assert_eq!(told(&shop, "s4", whole), hash);
    // It stays with other changes, is no part of what the edge reads, and can be taken away.
    shop.made("PATCH", &path, &json!({"name": "Other"}));
    assert_eq!(told(&shop, "s5", national.clone()), hash);
    shop.publish();
    let records = shop.kv.records.borrow();
    assert!(
        records
            .values()
            .all(|record| !record.contains(r#""country""#))
    );
    drop(records);
    shop.made("PATCH", &path, &json!({"country": null}));
    assert_eq!(told(&shop, "s6", national), None);
    for wrong in ["UK", "D", "D1"] {
        let (status, problem) = shop.control("PATCH", &path, &json!({"country": wrong}));
        assert_eq!(status, 422, "{wrong}");
        assert_eq!(problem["errors"][0]["path"], "/country");
        assert_eq!(problem["errors"][0]["code"], "not_a_country");
    }
}

#[test]
fn a_batch_reads_national_numbers_too() {
    let shop = Shop::open();
    let path = format!("programs/{}", shop.program);
    shop.made("PATCH", &path, &json!({"country": "DE"}));
    let meta = json!({"program": shop.program, "kind": "meta", "pixel_id": "123",
        "access_token": "EAAB-secret"});
    shop.made("POST", "destinations", &meta);
    let sale = |id: &str, phone: &str| {
        json!({"type": "sale", "customerExternalId": "u1", "amount": 5, "invoiceId": id,
            "customerPhone": phone, "context": {"consent": "full"}})
    };
    let events = json!({"events": [sale("b1", "+49 151 23456789"), sale("b2", "0151 23456789")]});
    assert_eq!(shop.track("batch", &events).0, 200);
    shop.fold();
    let both = answer(200, r#"{"events_received":2}"#);
    shop.receiver.replies.borrow_mut().push(both);
    shop.deliver();
    let requests = shop.receiver.got.borrow();
    let body: Value = serde_json::from_str(&requests.last().unwrap().body).unwrap();
    let phones: Vec<_> = (0..2)
        .map(|n| &body["data"][n]["user_data"]["ph"][0])
        .collect();
    assert!(
        phones[0].is_string() && phones[0] == phones[1],
        "{phones:?}"
    );
}
