//! How a webhook's signing secret is replaced: the old one signs along for a day.

use crate::secrets::{WHSEC, faults, make, path, rows};
use crate::support::block_on;
use crate::support::shop::Shop;
use serde_json::{Value, json};
use throughline::app::deliver;
use throughline::app::ports::{Database, Statement};
use throughline::domain::destination::Request;

const HOUR: i64 = 3_600_000;

/// The webhook's next request.
fn tested(shop: &Shop, path: &str) -> Request {
    shop.made("POST", &format!("{path}/test"), &json!({}));
    shop.receiver.got.borrow().last().unwrap().clone()
}

/// Would a receiver that knows the secret take it? By the crate of the Standard Webhooks project;
/// its own reader of the headers looks at the clock, so only at the hour of the test.
fn takes(secret: &Value, request: &Request) -> bool {
    let header = |name: &str| {
        let found = request.headers.iter().find(|header| header.0 == name);
        found.unwrap().1.clone()
    };
    let library = standardwebhooks::Webhook::new(secret.as_str().unwrap()).unwrap();
    let seconds = header("webhook-timestamp").parse().unwrap();
    let mine = library
        .sign(&header("webhook-id"), seconds, request.body.as_bytes())
        .unwrap();
    header("webhook-signature")
        .split(' ')
        .any(|signature| signature == mine)
}

#[test]
fn for_a_day_the_old_secret_signs_beside_the_new_one() {
    let shop = Shop::open();
    let made = make(
        &shop,
        "webhook",
        &json!({"url": "https://a.example/"}),
        json!({}),
    );
    let path = path(&made);
    assert!(takes(&made["secret"], &tested(&shop, &path)));
    let new = shop.made("PATCH", &path, &json!({"secret": WHSEC}));
    assert_eq!(new["secret"], WHSEC, "shown this once");
    let until = shop.now.get().plus(24 * HOUR);
    assert_eq!(new["previous_secrets_until"], json!(until.to_rfc3339()));
    // A call that is repeated changes nothing more.
    shop.wait(1);
    let again = shop.made("PATCH", &path, &json!({"secret": WHSEC}));
    assert_eq!(
        again["previous_secrets_until"],
        new["previous_secrets_until"]
    );
    let shown = shop.made("GET", &path, &json!({})).to_string();
    assert!(!shown.contains("whsec_"), "{shown}");
    let at_rest = rows(&shop).concat();
    for secret in [&made["secret"], &new["secret"]] {
        assert!(
            !at_rest.contains(secret.as_str().unwrap()),
            "sealed at rest"
        );
    }

    shop.wait(24 * HOUR - 2);
    let request = tested(&shop, &path);
    let newest_first = request
        .headers
        .iter()
        .find(|header| header.0 == "webhook-signature");
    assert_eq!(newest_first.unwrap().1.split(' ').count(), 2);
    assert!(takes(&new["secret"], &request) && takes(&made["secret"], &request));
    shop.wait(1);
    let request = tested(&shop, &path);
    assert!(takes(&new["secret"], &request) && !takes(&made["secret"], &request));

    let expire = Statement::all(&deliver::EXPIRE, &json!({"now": shop.now.get()}));
    block_on(shop.db.batch(expire)).unwrap();
    assert_eq!(
        shop.db.column("SELECT previous_secrets FROM destinations"),
        ["[]"]
    );
}

#[test]
fn a_secret_that_leaked_ends_at_once() {
    let shop = Shop::open();
    let made = make(
        &shop,
        "webhook",
        &json!({"url": "https://a.example/"}),
        json!({}),
    );
    let path = path(&made);
    let ended = json!({"secret": null, "previous_secrets": null});
    let new = shop.made("PATCH", &path, &ended);
    assert_eq!(new.get("previous_secrets_until"), None);
    let request = tested(&shop, &path);
    assert!(takes(&new["secret"], &request) && !takes(&made["secret"], &request));
    // Or later.
    let newest = shop.made("PATCH", &path, &json!({"secret": null}));
    assert!(takes(&new["secret"], &tested(&shop, &path)));
    shop.made("PATCH", &path, &json!({"previous_secrets": null}));
    let request = tested(&shop, &path);
    assert!(takes(&newest["secret"], &request) && !takes(&new["secret"], &request));
    let (status, problem) = shop.control("PATCH", &path, &json!({"previous_secrets": ["x"]}));
    let wanted = ("/previous_secrets".to_owned(), "not_null".to_owned());
    assert_eq!((status, faults(&problem)), (422, vec![wanted]));
}

#[test]
fn a_change_whose_answer_was_lost_does_not_end_the_secret_that_receivers_know() {
    let shop = Shop::open();
    let made = make(
        &shop,
        "webhook",
        &json!({"url": "https://a.example/"}),
        json!({}),
    );
    let path = path(&made);
    shop.made("PATCH", &path, &json!({"secret": null}));
    let heard = shop.made("PATCH", &path, &json!({"secret": null}));
    let request = tested(&shop, &path);
    assert!(takes(&made["secret"], &request) && takes(&heard["secret"], &request));
}

#[test]
fn the_library_takes_a_message_with_two_signatures() {
    let shop = Shop::open();
    shop.now.set(throughline::domain::time::UnixMs(
        crate::deliveries::system_ms(),
    ));
    let made = make(
        &shop,
        "webhook",
        &json!({"url": "https://a.example/"}),
        json!({}),
    );
    let new = shop.made("PATCH", &path(&made), &json!({"secret": null}));
    let request = tested(&shop, &path(&made));
    let mut headers = http::HeaderMap::new();
    for (name, value) in &request.headers {
        headers.insert(*name, value.parse().unwrap());
    }
    for secret in [&made["secret"], &new["secret"]] {
        let library = standardwebhooks::Webhook::new(secret.as_str().unwrap()).unwrap();
        library.verify(request.body.as_bytes(), &headers).unwrap();
    }
    let other = standardwebhooks::Webhook::new(WHSEC).unwrap();
    assert!(other.verify(request.body.as_bytes(), &headers).is_err());
}
