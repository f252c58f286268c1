//! What platforms are told of an order's parts, and of a refund's. Sources: GA4's "Recommended
//! events" (`value` without tax and shipping), Segment's "Spec: V2 Ecommerce events" (`revenue`
//! without, `total` with them), TikTok's "About parameters".

use crate::support::memory::answer;
use crate::support::shop::Shop;
use serde_json::{Value, json};

const CONTEXT: [(&str, &str); 4] = [
    ("consent", "full"),
    ("userAgent", "Browser/1"),
    ("pageUrl", "https://shop.example/"),
    ("gaClientId", "GA1.1.amp-QFqHg8fYpVqBJ2rGl5Kd3A"),
];

/// A shop that tells one platform.
fn shop(kind: &str, settings: &Value) -> Shop {
    let shop = Shop::open();
    let mut body = json!({"program": shop.program, "kind": kind});
    body.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    shop.made("POST", "destinations", &body);
    shop
}

/// What the platform is sent of a call.
fn told(shop: &Shop, kind: &str, body: &Value, says: &str) -> Value {
    let mut body = body.clone();
    let context = CONTEXT
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)));
    body["context"] = Value::Object(context.collect());
    body["customerExternalId"] = json!("u1");
    let (status, answered) = shop.track(kind, &body);
    assert_eq!(status, 200, "{answered}");
    shop.fold();
    shop.receiver.replies.borrow_mut().push(answer(200, says));
    assert_eq!(shop.deliver(), 1);
    let got = shop.receiver.got.borrow();
    plain(&serde_json::from_str(&got.last().unwrap().body).unwrap())
}

/// With `25.00` written as `25.0`: numbers are compared as the texts that they are.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => json!(number.as_f64()),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(members) => {
            let each = |(name, value): (&String, &Value)| (name.clone(), plain(value));
            members.iter().map(each).collect()
        }
        other => other.clone(),
    }
}

/// 100.00 paid: 2 teas for 60.00 with 10.00 tax, a cake for 20.00, 15.00 shipping, 5.00 more tax.
fn sale() -> Value {
    json!({"amount": 10_000, "currency": "usd", "invoiceId": "o1", "code": "spring", "tax": 500,
        "shipping": 1_500, "discount": 300, "lines": [
            {"sku": "tea", "category": "Drinks", "quantity": 2, "amount": 6_000, "tax": 1_000},
            {"sku": "cake", "amount": 2_000}]})
}

#[test]
fn ga4_hears_of_value_without_tax_and_shipping_and_of_what_is_given_back() {
    let shop = shop(
        "ga4",
        &json!({"measurement_id": "G-1A2B", "api_secret": "s"}),
    );
    let params = |kind, body: Value| {
        let told = told(&shop, kind, &body, "");
        assert_eq!(told["client_id"], "amp-QFqHg8fYpVqBJ2rGl5Kd3A");
        told["events"][0]["params"].clone()
    };
    let tea = json!({"item_id": "tea", "item_category": "Drinks", "quantity": 2, "price": 25.0});
    let cake = json!({"item_id": "cake", "quantity": 1, "price": 20.0});
    assert_eq!(
        params("sale", sale()),
        json!({"transaction_id": "o1", "value": 70.0, "currency": "USD", "tax": 15.0,
            "shipping": 15.0, "coupon": "SPRING", "items": [tea, cake]})
    );
    let line =
        json!({"refundId": "r1", "invoiceId": "o1", "lines": [{"sku": "tea", "quantity": 1}]});
    let one = json!({"item_id": "tea", "item_category": "Drinks", "quantity": 1, "price": 25.0});
    assert_eq!(
        params("refund", line),
        json!({"transaction_id": "o1", "value": 25.0, "currency": "USD", "tax": 5.0,
            "items": [one]})
    );
}

#[test]
fn a_refund_of_the_whole_takes_back_exactly_what_the_sale_was_worth() {
    let shop = shop(
        "ga4",
        &json!({"measurement_id": "G-1A2B", "api_secret": "s"}),
    );
    let value = |kind, body: Value| told(&shop, kind, &body, "")["events"][0]["params"].clone();
    let sold = value("sale", sale());
    let back = value("refund", json!({"refundId": "r1", "invoiceId": "o1"}));
    for name in ["value", "tax", "shipping", "transaction_id", "currency"] {
        assert_eq!(back[name], sold[name], "{name}");
    }
}

#[test]
fn segment_hears_of_product_ids_revenue_and_total() {
    let settings = json!({"write_key": "k", "consent_categories": ["ads"]});
    let shop = shop("segment", &settings);
    let says = r#"{"success": true}"#;
    let told = |kind, body: Value| {
        let told = told(&shop, kind, &body, says);
        told["batch"][0]["properties"].clone()
    };
    let mut order = told("sale", sale());
    assert!(order["event_id"].take().is_string());
    assert_eq!(
        order,
        json!({"event_id": null, "order_id": "o1", "total": 100.0, "revenue": 70.0, "tax": 15.0,
            "shipping": 15.0, "discount": 3.0, "coupon": "SPRING", "currency": "USD",
            "products": [
                {"product_id": "tea", "sku": "tea", "category": "Drinks", "quantity": 2,
                    "price": 25.0},
                {"product_id": "cake", "sku": "cake", "quantity": 1, "price": 20.0}]})
    );
    let back = told("refund", json!({"refundId": "r1", "invoiceId": "o1"}));
    assert_eq!((&back["total"], back.get("revenue")), (&json!(100.0), None));
}

#[test]
fn tiktok_hears_of_categories_and_of_a_sign_up() {
    let shop = shop("tiktok", &json!({"pixel_code": "C1", "access_token": "t"}));
    let told = |kind, body: Value| told(&shop, kind, &body, r#"{"code": 0}"#)["data"][0].clone();
    let bought = told("sale", sale());
    assert_eq!(
        bought["properties"]["contents"],
        json!([{"content_id": "tea", "content_category": "Drinks", "quantity": 2, "price": 30.0},
            {"content_id": "cake", "quantity": 1, "price": 20.0}])
    );
    let lead = told(
        "lead",
        json!({"eventName": "Sign up", "customerEmail": "a@shop.example"}),
    );
    assert_eq!(lead["event"], "CompleteRegistration");
}

#[test]
fn a_code_that_earned_is_told_as_its_owner_wrote_it_and_another_in_capitals() {
    let shop = shop(
        "segment",
        &json!({"write_key": "k", "consent_categories": ["ads"]}),
    );
    let body = json!({"program": shop.program, "partner": shop.partners[0], "code": "Größe 10%"});
    shop.made("POST", "codes", &body);
    for (typed, coupon) in [
        ("GRÖSSE 10%", "Größe 10%"),
        ("größe 10%", "Größe 10%"),
        ("tea", "TEA"),
    ] {
        let mut body = sale();
        body["code"] = json!(typed);
        body["invoiceId"] = json!(typed);
        let told = told(&shop, "sale", &body, r#"{"success": true}"#);
        assert_eq!(told["batch"][0]["properties"]["coupon"], coupon);
    }
}
