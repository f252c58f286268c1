use super::*;
use crate::domain::destination::{Occasion, sample::sample};
use crate::domain::input::{FieldError, Fields};
use crate::domain::outbound::OutboundRules;
use crate::domain::time::UnixMs;
use serde_json::json;

const NOW: UnixMs = UnixMs(1_795_334_400_000);

fn read(body: &Value) -> Result<Value, Vec<FieldError>> {
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let rules = OutboundRules::default();
    let mut settings = Settings::new(&mut fields, [0; 32], &rules, None);
    let config = Postback.settings(&mut settings);
    fields.finish(config)
}

fn code(body: &Value) -> &'static str {
    read(body).map_or_else(|errors| errors[0].code, |_| "none")
}

fn target(config: &Value) -> Target<'_> {
    Target {
        config,
        secret: "s/1",
        previous: &[],
        token: "",
        now: NOW,
        test: false,
    }
}

fn event(occasion: Occasion) -> Event {
    let mut event = sample(occasion, &Postback, NOW);
    event.key = "ä&1".to_owned();
    event
}

fn sent(body: &Value, event: &Event) -> Result<Request, Item> {
    let config = read(body).unwrap();
    match Postback.item(event, &target(&config)) {
        Item::Send(item) => Ok(Postback.request(&[item], &target(&config)).unwrap()),
        other => Err(other),
    }
}

#[test]
fn templates_are_what_the_networks_document() {
    let sale = event(Occasion::Sale);
    for (template, base, expected) in [
        (
            "everflow",
            "https://www.net.example/?nid=7",
            "https://www.net.example/?nid=7&transaction_id=partner-click-1&amount=19.99\
             &adv1=%C3%A4%261&verification_token=s%2F1",
        ),
        (
            "tune",
            "https://demo.go2cloud.example/aff_lsr?offer_id=26",
            "https://demo.go2cloud.example/aff_lsr?offer_id=26&transaction_id=partner-click-1\
             &amount=19.99&adv_sub=%C3%A4%261&security_token=s%2F1",
        ),
        (
            "affise",
            "https://offers.a.example/postback",
            "https://offers.a.example/postback?clickid=partner-click-1&action_id=%C3%A4%261\
             &sum=19.99&status=1&secure=s%2F1",
        ),
        (
            "voluum",
            "https://v.example/postback?",
            "https://v.example/postback?cid=partner-click-1&payout=1.99&txid=%C3%A4%261\
             &currency=USD",
        ),
        (
            "keitaro",
            "https://k.example/key/postback",
            "https://k.example/key/postback?subid=partner-click-1&status=sale&payout=1.99\
             &currency=USD&tid=%C3%A4%261",
        ),
    ] {
        let body = json!({"url": base, "template": template, "secret": "s/1"});
        let request = sent(&body, &sale).unwrap();
        assert_eq!(request.url, expected);
        assert_eq!(request.method, Method::Get);
    }
}

#[test]
fn settings_read_again_are_the_same() {
    let body = json!({"url": "https://k.example/p", "template": "keitaro", "partner": "pn_1"});
    let config = read(&body).unwrap();
    assert_eq!(read(&config).unwrap(), config);
    assert_eq!(config["statuses"]["refunded"], "rejected");
}

#[test]
fn macros_stand_in_path_and_query_only() {
    for url in [
        "https://{sub1}.example/",
        "https://a.example:{sub1}/",
        "{sub1}://a.example/",
        "https://{sub1}/a",
        "https://a.example{sub1}",
        "https://a.example{sub1}/x",
        "https://{sub1}@a.example/",
    ] {
        assert_ne!(code(&json!({"url": url})), "none", "{url}");
    }
    assert_eq!(
        code(&json!({"url": "https://a.example#sub1#/", "macros": "hashes"})),
        "macro_misplaced"
    );
    assert_eq!(
        code(&json!({"url": "https://a.example/{sub1}/x?y={sub2}"})),
        "none"
    );
    assert_eq!(
        code(&json!({"url": "https://10.0.0.1/{sub1}"})),
        "ip_literal"
    );
    assert_eq!(code(&json!({"url": "http://a.example/{sub1}"})), "scheme");
}

#[test]
fn values_cannot_leave_their_place() {
    let mut event = event(Occasion::Sale);
    let evil = "/../?x=1&y=\"}\r\n#é";
    event.credits[0]
        .tags
        .insert("sub1".to_owned(), evil.to_owned());
    let url = json!({"url": "https://a.example/p/{click_id}?c={sub1}"});
    let request = sent(&url, &event).unwrap();
    let encoded = "%2F..%2F%3Fx%3D1%26y%3D%22%7D%0D%0A%23%C3%A9";
    assert_eq!(
        request.url,
        format!("https://a.example/p/{encoded}?c={encoded}")
    );
    let body = json!({"url": "https://a.example/p", "method": "POST", "content_type": "json",
        "body": "{\"c\":\"{sub1}\",\"a\":{amount_cents},\"x\":\"{nothing}\"}"});
    let request = sent(&body, &event).unwrap();
    let read: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(read, json!({"c": evil, "a": 1999, "x": ""}));
    assert_eq!(request.headers[0].1, "application/json");
}

#[test]
fn unknown_macros_are_removed_or_refused() {
    let url = "https://a.example/?a={nothing}&b={tag.placement}&c={sub11}&d={ not }";
    let request = sent(&json!({"url": url}), &event(Occasion::Sale)).unwrap();
    assert_eq!(request.url, "https://a.example/?a=&b=&c=&d={ not }");
    let body = json!({"url": url, "unknown_macros": "refuse"});
    assert_eq!(code(&body), "macro_unknown");
    let body = json!({"url": "https://a.example/?a={tag.x}", "unknown_macros": "refuse"});
    assert_eq!(code(&body), "none");
}

#[test]
fn dialects_are_written_as_their_networks_write_them() {
    for (macros, url) in [
        ("braces", "https://a.example/?e={event}&c=[[x]]"),
        ("brackets", "https://a.example/?e=[[event]]&c=[[x]]"),
        ("hashes", "https://a.example/?e=#event#&c=#x#"),
    ] {
        let request = sent(
            &json!({"url": url, "macros": macros}),
            &event(Occasion::Lead),
        );
        let url = request.unwrap().url;
        assert!(url.starts_with("https://a.example/?e=lead&c="), "{url}");
    }
}

#[test]
fn only_what_concerns_the_partner_is_sent() {
    let url = "https://a.example/?c={click_id}";
    let mut event = event(Occasion::Sale);
    let skipped = |body: Value, event: &Event| sent(&body, event).unwrap_err();
    let other = json!({"url": url, "partner": "pn_other"});
    assert_eq!(skipped(other, &event), Item::Skip("no_partner"));
    event.message = "sale.changed".to_owned();
    assert_eq!(
        skipped(json!({"url": url}), &event),
        Item::Skip("not_wanted")
    );
    event.message = "sale.created".to_owned();
    event.credits[0].tags.clear();
    assert_eq!(
        skipped(json!({"url": url}), &event),
        Item::Skip("click_id_missing")
    );
    event.credits.clear();
    assert_eq!(
        skipped(json!({"url": url}), &event),
        Item::Skip("no_partner")
    );
}

#[test]
fn statuses_have_the_receivers_words() {
    let body = json!({"url": "https://a.example/?s={status}",
        "statuses": {"lead": "install", "approved": "bill"}});
    for (occasion, status, expected) in [
        (Occasion::Lead, "clear", "install"),
        (Occasion::Sale, "clear", "bill"),
        (Occasion::Sale, "held", "pending"),
        (Occasion::Lead, "rejected", "rejected"),
        (Occasion::Refund, "clear", "refunded"),
    ] {
        let mut event = event(occasion);
        event.status = status.to_owned();
        let request = sent(&body, &event).unwrap();
        assert_eq!(request.url, format!("https://a.example/?s={expected}"));
    }
}

#[test]
fn words_decide_where_they_are_asked_for_and_nothing_counts_twice() {
    let config = json!({"url": "https://a.example/?a={amount}", "success_text": "success=true"});
    let answer = |status, body: &str| {
        let answer = Answer {
            status,
            body: body.to_owned(),
            wait_ms: 0,
        };
        Postback.outcome(&answer, &target(&config), 1).fate
    };
    assert_eq!(answer(200, "success=true;"), Fate::Delivered);
    assert_eq!(answer(200, "success=false; err_msg=x;"), Fate::Drop);
    assert_eq!(answer(503, "success=true;"), Fate::Retry);
    assert!(!Postback.resends(&config));
    assert!(Postback.resends(&json!({"url": "https://a.example/?o={order_id}"})));
    assert!(Postback.resends(&json!({"url": "https://a.example/", "body": "{event_id}"})));
}
