//! What a redirect makes of the visitor: repeated clicks, floods, variants that stay, refusals.

use super::{NOW, cookie, decide, entropy, host, keys, link, person, touch, visit};
use crate::support::picks::Random;
use serde_json::json;
use std::collections::BTreeMap;
use throughline::domain::consent::Consent;
use throughline::domain::ids::LinkId;
use throughline::domain::journal::{self, Journal};
use throughline::domain::limits;
use throughline::domain::link::LinkSnapshot;
use throughline::domain::redirect::{Arrival, Redirect, Request};
use throughline::domain::token::Marks;
use throughline::domain::traffic::{Class, classify};
use url::Url;

#[test]
fn a_repeated_click_gives_its_token_again_and_is_no_second_touch() {
    let (host, link) = (host(json!({})), link(json!({})));
    let first = visit(&person(), &host, &link, 1);
    let known = cookie(&first).to_owned();
    let query = |query| Request {
        query,
        cookies: &known,
        ..person()
    };
    let again = visit(&query("x=1"), &host, &link, 2);
    assert_eq!((first.class, again.class), (Class::Human, Class::Duplicate));
    assert_eq!(touch(&again), touch(&first));
    let journal = Journal::from_cookies(&keys(), host.journals(), cookie(&again), NOW).unwrap();
    assert_eq!(journal.touches.len(), 1);
    let fact = again.visit.unwrap();
    assert_eq!(
        (fact.touch.class, &fact.touch.nonce),
        (Class::Duplicate, &None)
    );
    assert!(fact.earlier.is_empty());
    // A new click ID was paid for; the same one again was not.
    let paid = visit(&query("gclid=g"), &host, &link, 3);
    assert_eq!(paid.class, Class::Human);
    let known = cookie(&paid).to_owned();
    let same = Request {
        query: "gclid=g",
        cookies: &known,
        ..person()
    };
    assert_eq!(visit(&same, &host, &link, 4).class, Class::Duplicate);
    // Another link in between, an hour, or no permission: a click of its own.
    let other = LinkSnapshot {
        id: LinkId::from_number(9),
        ..link.clone()
    };
    assert_eq!(visit(&same, &host, &other, 5).class, Class::Human);
    for (gpc, later) in [(false, limits::DUPLICATE_MS), (true, 5)] {
        let redirect = decide(&Arrival {
            request: &Request { gpc, ..same },
            rest: "",
            sighting: classify(&same.signals),
            flooded: false,
            host: &host,
            link: &link,
            keys: &keys(),
            now: NOW.plus(later),
            entropy: &entropy(&mut Random(6)),
        });
        assert_eq!(redirect.class, Class::Human, "{gpc} {later}");
    }
}

#[test]
fn a_flood_gets_a_token_and_no_cookie() {
    let (host, link) = (host(json!({})), link(json!({})));
    let known = visit(&person(), &host, &link, 1);
    for cookies in ["", cookie(&known)] {
        let redirect = decide(&Arrival {
            request: &Request {
                cookies,
                ..person()
            },
            rest: "",
            sighting: classify(&person().signals),
            flooded: true,
            host: &host,
            link: &link,
            keys: &keys(),
            now: NOW,
            entropy: &entropy(&mut Random(2)),
        });
        assert_eq!(redirect.class, Class::Flood);
        assert!(redirect.set_cookies.is_empty());
        assert_eq!(touch(&redirect).unwrap().class, Class::Flood);
        assert!(redirect.visit.unwrap().earlier.is_empty());
    }
}

#[test]
fn a_visitor_stays_with_a_variant_and_the_touch_says_which() {
    let host = host(json!({}));
    let link = link(
        json!({"split": {"holdout_bps": 2_000, "baseline": "https://shop.example/base",
        "variants": [{"id": 5, "weight": 1, "target": "https://shop.example/five"},
                     {"id": 2, "weight": 1, "target": "https://shop.example/two"}]}}),
    );
    let mut seen: BTreeMap<(String, u8, bool), u32> = BTreeMap::new();
    for seed in 0..400 {
        let first = visit(&person(), &host, &link, seed);
        let known = cookie(&first).to_owned();
        let path = |redirect: &Redirect| Url::parse(redirect.location().unwrap()).unwrap();
        let touch = touch(&first).unwrap();
        let held = touch.marks.has(Marks::HOLDOUT);
        let key = (path(&first).path().to_owned(), touch.variant, held);
        *seen.entry(key).or_default() += 1;
        let cookies = known.as_str();
        let again = visit(
            &Request {
                cookies,
                query: "gclid=1",
                ..person()
            },
            &host,
            &link,
            seed + 9,
        );
        assert_eq!(path(&again).path(), path(&first).path(), "by the visitor");
        assert_eq!(again.visit.unwrap().touch.variant, touch.variant);
        // Elsewhere, without the cookie: by the token, and from then on by the visitor.
        let query = path(&first).query().unwrap().to_owned();
        let there = Request {
            query: &query,
            ..person()
        };
        let by_token = visit(&there, &host, &link, seed + 1_000);
        let cookies = cookie(&by_token).to_owned();
        assert_eq!(path(&by_token).path(), path(&first).path());
        let later = Request {
            cookies: &cookies,
            query: "gclid=1",
            ..person()
        };
        assert_eq!(
            path(&visit(&later, &host, &link, seed + 3)).path(),
            path(&by_token).path()
        );
    }
    let keys: Vec<_> = seen
        .keys()
        .map(|(path, id, held)| (path.as_str(), *id, *held))
        .collect();
    assert_eq!(
        keys,
        [("/base", 0, true), ("/five", 5, false), ("/two", 2, false)]
    );
    assert!(seen.values().all(|count| *count > 40), "{seen:?}");
}

#[test]
fn a_refusal_is_obeyed_on_every_kind_of_link() {
    let host = host(json!({}));
    let link = link(
        json!({"split": {"variants": [{"weight": 1, "target": "https://shop.example/"},
        {"weight": 1, "target": "https://shop.example/b"}]}}),
    );
    let known = visit(&person(), &host, &link, 1);
    let refused = format!("{}=refused", journal::HOST_COOKIE);
    for (cookies, gpc) in [(cookie(&known), true), (refused.as_str(), false)] {
        let redirect = visit(
            &Request {
                cookies,
                gpc,
                ..person()
            },
            &host,
            &link,
            2,
        );
        let touch = touch(&redirect).unwrap();
        assert_eq!((touch.nonce, touch.consent), (None, Consent::Code));
        let set = redirect
            .set_cookies
            .iter()
            .all(|set| set.contains("Max-Age=0"));
        assert!(set && redirect.visit.unwrap().earlier.is_empty());
    }
}
