//! Publishing and delivery that are overtaken while they are under way.

use crate::regressions::sale;
use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::memory::{Kv, answer};
use crate::support::shop::Shop;
use app::ports::*;
use app::{deliver, ledger, publish};
use domain::forward::destination::Request;
use serde_json::json;
use std::cell::RefCell;

struct Hooked<'a> {
    kv: &'a Kv,
    before_put: RefCell<Option<Box<dyn FnOnce() + 'a>>>,
}
impl Snapshots for Hooked<'_> {
    async fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        self.kv.get(key).await
    }
    async fn put(&self, key: &str, value: &str) -> Result<(), Unavailable> {
        let hook = self.before_put.borrow_mut().take();
        if let Some(hook) = hook {
            hook();
        }
        self.kv.put(key, value).await
    }
    async fn delete(&self, key: &str) -> Result<(), Unavailable> {
        self.kv.delete(key).await
    }
}
fn slow_publisher(publish_first: bool) {
    let shop = Shop::open();
    let link = format!(
        "links/{}",
        shop.db
            .column("SELECT id FROM links WHERE slug = 'anna'")
            .remove(0)
    );
    shop.made(
        "PATCH",
        &link,
        &json!({"target": "https://shop.example/one"}),
    );
    let slow = Hooked {
        kv: &shop.kv,
        before_put: RefCell::new(Some(Box::new(|| {
            if publish_first {
                shop.publish();
            }
            shop.made(
                "PATCH",
                &link,
                &json!({"target": "https://shop.example/two"}),
            );
            if !publish_first {
                shop.publish();
            }
        }))),
    };
    block_on(publish::publish(&shop.db, &slow)).unwrap();
    for _ in 0..5 {
        shop.publish();
    }
    let records = shop.kv.records.borrow();
    assert!(
        records["link:shop.example/anna"].contains("/two"),
        "{records:?}"
    );
}

#[test]
fn a_slow_publisher_does_not_leave_an_old_record() {
    slow_publisher(false);
}

#[test]
fn a_slow_publisher_does_not_take_away_a_newer_request() {
    slow_publisher(true);
}
pub fn hook(shop: &Shop) -> String {
    shop.made(
        "POST",
        "destinations",
        &json!({"program": shop.program, "kind": "webhook", "url": "https://hooks.example/x"}),
    )["id"]
        .as_str()
        .unwrap()
        .into()
}

#[test]
fn a_fold_under_way_tells_no_destination_that_was_switched_off() {
    let shop = Shop::open();
    let ds = hook(&shop);
    shop.track("sale", &sale("o1", ""));
    let db = Interleaved::new(&shop.db).before(2, || {
        shop.made(
            "PATCH",
            &format!("destinations/{ds}"),
            &json!({"enabled": false}),
        );
    });
    block_on(ledger::fold(&db, shop.now.get())).unwrap();
    shop.deliver();
    assert_eq!(shop.receiver.got.borrow().len(), 0);
}
struct Switch<'a> {
    shop: &'a Shop,
    ds: String,
}
impl Transport for Switch<'_> {
    async fn send(&self, _: &Request) -> Reply {
        self.shop.made(
            "PATCH",
            &format!("destinations/{}", self.ds),
            &json!({"enabled": false}),
        );
        answer(500, "")
    }

    async fn sign(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn a_send_under_way_when_it_is_switched_off_is_not_tried_again() {
    let shop = Shop::open();
    let ds = hook(&shop);
    shop.track("sale", &sale("o1", ""));
    shop.fold();
    let transport = Switch { shop: &shop, ds };
    block_on(deliver::deliver(
        &shop.db,
        &transport,
        &shop.settings,
        shop.now.get(),
        shop.lease(),
    ))
    .unwrap();
    shop.wait(3_600_000);
    shop.deliver();
    assert_eq!(shop.receiver.got.borrow().len(), 0);
}
