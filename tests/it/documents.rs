//! Documents of the site behind the gateway: what a visitor who arrives there is given, and that
//! it earns the partner who sent them.

use super::support::shop::{BROWSER, Shop};
use app::edge_plane::{self, Answer, Facts, PASS};
use app::isolate::{FRESH_MS, Fetched, Memory};
use domain::values::time::UnixMs;
use domain::visit::click::VisitKind;
use domain::visit::redirect::Entropy;
use domain::visit::token::{self, Marks, Touch};
use domain::visit::traffic::Class;
use serde_json::json;

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str())
}

fn cookie(answer: &Answer) -> Option<String> {
    let set = header(answer, "set-cookie")?;
    Some(set.split(';').next().unwrap().to_owned())
}

/// The token that the page's script is told.
fn told(answer: &Answer) -> Option<String> {
    let timing = header(answer, "server-timing")?;
    Some(timing.split('"').nth(1).unwrap().to_owned())
}

fn touch(shop: &Shop, token: &str) -> Touch {
    token::open(&shop.settings.keys, token, shop.now.get()).unwrap()
}

#[test]
fn a_partner_parameter_earns_its_partner_the_sale() {
    let shop = Shop::open();
    let page = shop.document("/products?x=1&via=Anna", "", |_| {});
    assert_eq!(page.status, PASS);
    let token = told(&page).unwrap();
    assert_eq!(touch(&shop, &token).class, Class::Human);
    assert_eq!(header(&page, "cache-control"), Some("private, no-store"));
    shop.deliver_visits("m1", &page.visits);
    let sale = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd",
        "invoiceId": "o1", "clickId": token});
    assert_eq!(shop.track("sale", &sale).0, 200);
    shop.fold();
    let entries = shop.list("ledger");
    assert_eq!(entries[0]["partner"], json!(shop.partners[0]));
    assert_eq!(entries[0]["amount"], 200);
}

#[test]
fn without_permission_the_page_gets_a_token_that_names_nobody() {
    let shop = Shop::open();
    for (gpc, country) in [("1", "US"), ("", "DE")] {
        let page = shop.document("/?via=anna&fbclid=IwAR1", "", |facts| {
            facts.gpc = gpc;
            facts.country = country;
        });
        assert_eq!(cookie(&page), None);
        assert_eq!(touch(&shop, &told(&page).unwrap()).nonce, None);
        assert!(page.visits[0].click_ids.is_empty() && page.visits[0].touch.nonce.is_none());
    }
}

#[test]
fn arriving_again_by_the_same_link_is_a_duplicate_and_no_second_touch() {
    let shop = Shop::open();
    let first = shop.document("/?via=anna", "", |_| {});
    let kept = cookie(&first).unwrap();
    shop.wait(60_000);
    let again = shop.document("/?via=anna", &kept, |_| {});
    assert_eq!(again.visits[0].touch.class, Class::Duplicate);
    let of = |page: &Answer| touch(&shop, &told(page).unwrap()).nonce;
    assert_eq!(of(&again), of(&first));
    let other = shop.document("/?via=northstar", &kept, |_| {});
    assert_eq!(other.visits[0].touch.class, Class::Human);
    assert_eq!(other.visits[0].earlier.len(), 1);
}

#[test]
fn a_touch_born_on_a_checkout_page_is_marked() {
    let shop = Shop::open();
    for (path, marked) in [
        ("/checkout/pay", true),
        ("/checkouting", false),
        ("/", false),
    ] {
        let page = shop.document(&format!("{path}?via=anna"), "", |_| {});
        let touch = touch(&shop, &told(&page).unwrap());
        assert_eq!(touch.marks.has(Marks::CHECKOUT), marked, "{path}");
    }
}

#[test]
fn a_further_page_confirms_the_last_click_once() {
    let shop = Shop::open();
    let landed = shop.document("/?via=anna", "", |_| {});
    let inside = |cookie: &str| shop.document("/next", cookie, |f| f.fetch_site = "same-origin");
    let next = inside(&cookie(&landed).unwrap());
    let kinds: Vec<_> = next.visits.iter().map(|visit| visit.kind).collect();
    assert_eq!(kinds, [VisitKind::Landing]);
    let again = inside(&cookie(&next).unwrap());
    assert_eq!((again.visits.len(), cookie(&again)), (0, None));
    assert_eq!(again.encode(), "", "the site answers alone");
}

#[test]
fn what_is_no_document_of_a_person_passes_untouched() {
    let shop = Shop::open();
    let own = cookie(&shop.document("/?via=anna", "", |_| {})).unwrap();
    for dest in ["image", "script", "style", "iframe", "empty", "font"] {
        let part = shop.document("/?via=northstar", &own, |facts| facts.fetch_dest = dest);
        assert_eq!(part.encode(), "", "{dest}");
    }
    let posted = shop.document("/?via=northstar", &own, |facts| facts.method = "POST");
    assert_eq!(posted.encode(), "");
    let bot = shop.document("/?via=anna", "", |facts| {
        facts.user_agent = "Twitterbot/1.0"
    });
    assert_eq!((cookie(&bot), told(&bot)), (None, None));
    assert_eq!(
        bot.visits[0].touch.class,
        Class::Preview,
        "and is kept under its class"
    );
}

#[test]
fn whatever_is_not_known_the_site_answers() {
    let shop = Shop::open();
    let facts = Facts {
        method: "GET",
        url: "https://shop.example/?via=anna",
        user_agent: BROWSER,
        accept: "text/html",
        country: "US",
        ..Facts::default()
    };
    let (now, entropy) = (shop.now.get(), Entropy([3; 64]));
    let ask =
        |memory: &Memory| edge_plane::answer(&facts, "", memory, &shop.settings, now, &entropy);
    let mut memory = Memory::default();
    assert_eq!(ask(&memory), None, "the host is asked for first");
    memory.learn("host:shop.example", &Fetched::Failed, now);
    assert_eq!(ask(&memory).unwrap().encode(), "");
    memory.learn("host:shop.example", &Fetched::Nothing, now);
    assert_eq!(ask(&memory).unwrap().encode(), "");
    let mut memory = shop.memory();
    memory.learn("link:shop.example/anna", &Fetched::Failed, now);
    let page = ask(&memory).unwrap();
    assert_eq!(page.status, PASS);
}

#[test]
fn a_part_of_a_page_passes_at_once_only_where_the_site_answers_it_anyway() {
    let shop = Shop::open();
    let (now, entropy) = (shop.now.get(), Entropy([3; 64]));
    let memory = shop.memory();
    let passes = |memory: &Memory, url: &str, now: UnixMs| {
        edge_plane::passes(url, memory, &shop.settings, now)
    };
    for (path, expected) in [
        ("/", true),
        ("/tea.avif?via=anna", true),
        ("/go", true),
        ("/go/anna", false),
        ("/tl/e", false),
        ("/tl/me?x", false),
        ("/tl/cart", true),
    ] {
        let url = format!("https://shop.example{path}");
        assert_eq!(passes(&memory, &url, now), expected, "{path}");
        let facts = Facts {
            method: "GET",
            url: &url,
            user_agent: BROWSER,
            fetch_dest: "image",
            ..Facts::default()
        };
        let answer = edge_plane::answer(&facts, "", &memory, &shop.settings, now, &entropy);
        let alone = answer.is_some_and(|answer| answer.encode().is_empty());
        assert_eq!(alone, expected, "{path}");
    }
    let later = now.plus(FRESH_MS);
    assert!(!passes(&memory, "https://shop.example/", later));
    assert!(!passes(&memory, "https://other.example/", now));
    assert!(!passes(&Memory::default(), "https://shop.example/", now));
}
