//! Partner postbacks through the engine: what is not sent again, and whose click comes back.

use crate::support::shop::Shop;
use app::ports::Reply;
use serde_json::json;

const MINUTE: i64 = 60_000;

fn count(shop: &Shop, state: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM deliveries WHERE state = '{state}'");
    shop.db.number(&sql)
}

#[test]
fn a_get_that_may_have_arrived_is_not_sent_again_without_a_key() {
    for (url, state) in [
        ("https://t.example/?a={amount}", "set_aside"),
        ("https://t.example/?o={order_id}", "pending"),
    ] {
        let shop = Shop::open();
        let body = json!({"program": shop.program, "kind": "postback", "url": url});
        shop.made("POST", "destinations", &body);
        let click = shop.click("anna").token;
        let sale = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd",
            "invoiceId": "o1", "clickId": click});
        shop.track("sale", &sale);
        shop.fold();
        shop.wait(MINUTE);
        shop.receiver.replies.borrow_mut().push(Reply::TimedOut);
        assert_eq!(shop.deliver(), 1);
        assert_eq!(count(&shop, state), 1, "{url}");
    }
}

#[test]
fn a_partners_postback_brings_back_the_partners_own_click() {
    let shop = Shop::open();
    let body = json!({"program": shop.program, "kind": "postback", "template": "keitaro",
        "url": "https://t.example/key/postback", "partner": shop.partners[0]});
    shop.made("POST", "destinations", &body);
    let click = shop.follow("anna", "?sub1=K%2Fx-1&sub2=b", "", "", "US");
    shop.deliver_visits("m1", &click.visits);
    let other = shop.click("northstar");
    // Later than a person would have to look at.
    shop.wait(MINUTE);
    for (invoice, token) in [("o1", &click.token), ("o2", &other.token)] {
        let sale = json!({"customerExternalId": invoice, "amount": 2_000, "currency": "usd",
            "invoiceId": invoice, "clickId": token});
        shop.track("sale", &sale);
    }
    shop.fold();
    shop.wait(MINUTE);
    shop.deliver();
    let got = shop.receiver.got.borrow();
    let urls: Vec<_> = got.iter().map(|request| request.url.as_str()).collect();
    let expected = "https://t.example/key/postback?subid=K%2Fx-1&status=sale&payout=2.00\
                    &currency=USD&tid=o1";
    assert_eq!(urls, [expected]);
    let reasons = shop
        .db
        .column("SELECT last_error FROM deliveries WHERE state = 'skipped'");
    assert_eq!(reasons, ["no_partner"]);
}
