//! Pages of the site: what its signals do to what is remembered, what a partner's name in the
//! address makes of the visitor (with the gateway and without it), and what is counted.

use crate::support::shop::{BROWSER, Shop};
use serde_json::{Value, json};
use throughline::app::edge_plane::{self, Answer, Facts};
use throughline::domain::consent::{Consent, Evidence};
use throughline::domain::ids::ProgramId;
use throughline::domain::journal::{Journal, Scope};
use throughline::domain::redirect::Entropy;
use throughline::domain::token::{self, Marks, Touch};
use throughline::domain::traffic::Class;

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

fn set(answer: &Answer) -> Vec<&str> {
    let all = answer.headers.iter();
    let cookies = all.filter(|(name, _)| *name == "set-cookie");
    cookies.map(|(_, value)| value.as_str()).collect()
}

/// The journal's cookie as the browser sends it back.
fn kept(answer: &Answer) -> String {
    let ours = |line: &&&str| line.starts_with("__Host-tl=") || line.starts_with("__Secure-tl=");
    let all = set(answer);
    let line = all.iter().find(ours).unwrap();
    line.split(';').next().unwrap().to_owned()
}

fn journal(shop: &Shop, cookie: &str) -> Journal {
    let domain = cookie.contains("__Secure-tl").then_some("shop.example");
    let program = ProgramId::parse(&shop.program).unwrap();
    let scope = Scope { program, domain };
    Journal::from_cookies(&shop.settings.keys, scope, cookie, shop.now.get()).unwrap()
}

/// The text of the token that a document's answer tells its script.
fn timing(answer: &Answer) -> String {
    let header = answer
        .headers
        .iter()
        .find(|(name, _)| *name == "server-timing");
    header.unwrap().1.split('"').nth(1).unwrap().to_owned()
}

fn touch(shop: &Shop, token: &str) -> Touch {
    token::open(&shop.settings.keys, token, shop.now.get()).unwrap()
}

fn classes(answer: &Answer) -> Vec<Class> {
    answer
        .visits
        .iter()
        .map(|visit| visit.touch.class)
        .collect()
}

fn program(shop: &Shop, settings: &Value) {
    shop.made("PATCH", &format!("programs/{}", shop.program), settings);
    shop.publish();
}

/// The snippet's message from a page without a gateway, whose address names a partner.
fn page<'a>(shop: &Shop, cookie: &'a str, change: impl FnOnce(&mut Facts<'a>)) -> Answer {
    let mut facts = Facts {
        method: "POST",
        url: "https://shop.example/tl/e?via=anna",
        cookies: cookie,
        user_agent: BROWSER,
        accept: "*/*",
        fetch_dest: "empty",
        fetch_mode: "cors",
        fetch_site: "same-origin",
        country: "US",
        ..Facts::default()
    };
    change(&mut facts);
    let (memory, now) = (shop.memory(), shop.now.get());
    let entropy = Entropy(shop.random());
    let body = r#"{"n":"land"}"#;
    edge_plane::answer(&facts, body, &memory, &shop.settings, now, &entropy).unwrap()
}

fn token_of(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["t"].as_str().unwrap().to_owned()
}

#[test]
fn a_refusal_outlives_documents_and_landings() {
    let shop = Shop::open();
    let refused = "__Host-tl=refused";
    for gpc in ["", "1"] {
        let page = shop.document("/?via=anna", refused, |facts| facts.gpc = gpc);
        assert!(set(&page).is_empty(), "{:?}", set(&page));
        let land = json!({"n": "land", "t": timing(&page)});
        let landed = shop.beacon(&land, refused, gpc);
        assert!(set(&landed).is_empty(), "{:?}", set(&landed));
    }
}

#[test]
fn a_withdrawal_erases_the_journal_under_each_name_that_it_has() {
    let shop = Shop::open();
    let old = shop.click("anna").cookie.unwrap();
    program(&shop, &json!({"cookie_domain": "shop.example"}));
    let new = shop.click("anna").cookie.unwrap();
    let both = format!("{old}; {new}");
    let gpc = shop.document("/", &both, |facts| facts.gpc = "1");
    let clicked = shop.follow_as("anna", "", &both, |facts| facts.gpc = "1");
    assert_eq!(clicked.visits.len(), 1);
    let told = shop.beacon(&json!({"n": "consent", "s": "code"}), &both, "");
    for (answer, domain) in [(&gpc, "__Secure-tl=;"), (&told, "__Secure-tl=refused;")] {
        let all = set(answer);
        assert_eq!(all.len(), 2, "{all:?}");
        let host = all
            .iter()
            .find(|line| line.starts_with("__Host-tl=;"))
            .unwrap();
        assert!(
            host.contains("Max-Age=0") && !host.contains("Domain"),
            "{host}"
        );
        let line = all.iter().find(|line| line.starts_with(domain)).unwrap();
        assert!(line.ends_with("Domain=shop.example"), "{line}");
    }
}

#[test]
fn a_stricter_signal_of_the_site_narrows_what_is_remembered() {
    let shop = Shop::open();
    let rule = json!({"name": "cc", "full": ["all"], "session": ["some"]});
    program(
        &shop,
        &json!({"consent": {"cookie": rule}, "meta_cookies": true}),
    );
    let first = shop.document("/?via=anna&fbclid=IwAR1", "cc=all", |_| {});
    let full = kept(&first);
    assert_eq!(journal(&shop, &full).consent, Consent::Full);
    let narrowed = shop.document("/", &format!("cc=some; {full}"), |_| {});
    let lines = set(&narrowed);
    assert_eq!(lines.len(), 1, "no identifier for Meta: {lines:?}");
    assert!(!lines[0].contains("Max-Age"), "{lines:?}");
    let session = journal(&shop, &kept(&narrowed));
    assert_eq!(
        (session.consent, session.touches[0].consent),
        (Consent::Session, Consent::Session)
    );
    let some = format!("cc=some; {}", kept(&narrowed));
    assert!(set(&shop.document("/", &some, |_| {})).is_empty(), "once");
    let clicked = shop.follow_as("northstar", "", &format!("cc=some; {full}"), |_| {});
    assert_eq!(
        journal(&shop, &clicked.cookie.unwrap()).consent,
        Consent::Session
    );
}

#[test]
fn what_nobody_decided_is_not_called_a_decision() {
    let shop = Shop::open();
    let first = shop.click("anna").cookie.unwrap();
    let again = shop.follow("northstar", "", &first, "", "US");
    assert_eq!(again.visits[0].touch.evidence, Evidence::Default);
    let grant = json!({"n": "consent", "s": "full"});
    let granted = kept(&shop.beacon(&grant, &first, ""));
    let after = shop.follow("northstar", "", &granted, "", "DE");
    assert_eq!(after.visits[0].touch.evidence, Evidence::Decision);
}

#[test]
fn anonymous_tokens_of_a_page_say_nothing_of_the_visitor() {
    let shop = Shop::open();
    let mut tokens = Vec::new();
    for (gpc, country) in [("", "DE"), ("1", "US"), ("", "")] {
        let document = shop.document("/?via=anna", "", |facts| {
            facts.gpc = gpc;
            facts.country = country;
        });
        tokens.push(timing(&document));
        let page = page(&shop, "", |facts| {
            facts.gpc = gpc;
            facts.country = country;
        });
        tokens.push(token_of(&page));
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
}

#[test]
fn an_old_address_is_no_new_click() {
    let shop = Shop::open();
    let old = shop.follow("anna", "", "", "", "DE").token;
    let day = shop.now.get().day_start();
    shop.wait(40 * DAY);
    let newer = shop.click("northstar").cookie.unwrap();
    let grant = json!({"n": "consent", "s": "full", "t": old});
    let granted = shop.beacon(&grant, &newer, "");
    let named = touch(&shop, &token_of(&granted));
    assert_eq!(named.at.day_start(), day, "the click was that long ago");
    let touches = journal(&shop, &kept(&granted)).touches;
    assert_eq!(touches[0].link, named.link, "and stands in its place");
    let again = shop.beacon(&grant, &kept(&granted), "");
    assert!(again.visits.is_empty(), "{:?}", again.visits);
}

#[test]
fn a_repeated_arrival_is_a_duplicate_without_a_name() {
    let shop = Shop::open();
    let first = shop.document("/?via=anna", "", |_| {});
    let cookie = kept(&first);
    shop.wait(1_000);
    let again = shop.document("/?via=anna", &cookie, |_| {});
    assert_eq!(classes(&again), [Class::Duplicate]);
    assert_eq!(again.visits[0].touch.nonce, None);
    let nonce = touch(&shop, &timing(&first)).nonce;
    assert_eq!(touch(&shop, &timing(&again)).nonce, nonce);
    let paid = shop.document("/?via=anna&gclid=new", &cookie, |_| {});
    assert_eq!(classes(&paid), [Class::Human], "it was paid for again");
    shop.wait(HOUR);
    let later = shop.document("/?via=anna", &cookie, |_| {});
    assert_eq!(classes(&later), [Class::Human]);
}

#[test]
fn a_page_that_is_loaded_again_is_one_click_without_a_gateway_too() {
    let shop = Shop::open();
    let first = page(&shop, "", |_| {});
    assert_eq!(
        classes(&first),
        [Class::Human, Class::Human],
        "click and landing"
    );
    let cookie = kept(&first);
    shop.wait(1_000);
    let again = page(&shop, &cookie, |_| {});
    assert_eq!(again.visits[0].touch.class, Class::Duplicate);
    assert_eq!(again.visits[0].touch.nonce, None);
    assert_eq!(
        touch(&shop, &token_of(&again)).nonce,
        touch(&shop, &token_of(&first)).nonce
    );
    assert!(set(&again).is_empty(), "nothing is new");
}

#[test]
fn software_that_runs_scripts_is_no_visitor() {
    let shop = Shop::open();
    let bot = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; \
               +http://www.google.com/bot.html) Chrome/140.0.0.0 Safari/537.36";
    let answer = page(&shop, "", |facts| facts.user_agent = bot);
    assert_eq!(classes(&answer), [Class::Crawler]);
    assert!(
        set(&answer).is_empty() && answer.body.contains(r#""t":null"#),
        "{}",
        answer.body
    );
}

#[test]
fn a_touch_born_on_a_checkout_is_marked_however_it_comes() {
    let shop = Shop::open();
    let marked = |token: &str| touch(&shop, token).marks.has(Marks::CHECKOUT);
    for purpose in ["", "prefetch;prerender"] {
        let document = shop.document("/checkout/pay?via=anna", "", |facts| {
            facts.purpose = purpose;
        });
        assert!(marked(&timing(&document)), "{purpose}");
    }
    let on = |referrer| token_of(&page(&shop, "", |facts| facts.referrer = referrer));
    assert!(marked(&on("https://shop.example/checkout?via=anna")));
    assert!(!marked(&on("https://shop.example/tea?via=anna")));
}

#[test]
fn a_flood_behind_the_gateway_has_names_that_can_be_confirmed() {
    let shop = Shop::open();
    let memory = shop.memory();
    let facts = Facts {
        method: "GET",
        url: "https://shop.example/?via=anna",
        user_agent: BROWSER,
        accept: "text/html",
        fetch_dest: "document",
        fetch_mode: "navigate",
        fetch_site: "cross-site",
        fetch_user: "?1",
        country: "US",
        ip: "203.0.113.7",
        ..Facts::default()
    };
    let visit = || {
        let entropy = Entropy(shop.random());
        let now = shop.now.get();
        edge_plane::answer(&facts, "", &memory, &shop.settings, now, &entropy).unwrap()
    };
    (0..120).for_each(|_| drop(visit()));
    let last = visit();
    assert_eq!(classes(&last), [Class::Flood]);
    assert!(set(&last).is_empty());
    assert!(touch(&shop, &timing(&last)).nonce.is_some());
}

#[test]
fn a_pixels_cookie_of_the_same_click_stays() {
    let shop = Shop::open();
    program(&shop, &json!({"meta_cookies": true}));
    let known = "_fbc=fb.1.1732230000000.Iw_AR1; _fbp=fb.1.1732230000000.1";
    let page = shop.document("/?fbclid=Iw%5FAR1", known, |_| {});
    assert_eq!(set(&page).len(), 1, "the journal alone: {:?}", set(&page));
}

#[test]
fn only_who_wants_something_has_it_fetched() {
    let shop = Shop::open();
    let memory = shop.memory();
    let ask = |url: &str| {
        let facts = Facts {
            method: "GET",
            url,
            ..Facts::default()
        };
        let entropy = Entropy(shop.random());
        let now = shop.now.get();
        edge_plane::answer(&facts, "", &memory, &shop.settings, now, &entropy)
    };
    assert!(ask("https://shop.example/go/unknown").is_none());
    assert!(
        ask("https://shop.example/go/unknown").is_none(),
        "each waits for a fetch of its own"
    );
    let other = ask("https://shop.example/image.png").unwrap();
    assert!(
        !other.refresh,
        "what another request waits for is not fetched once more"
    );
    shop.wait(60_000);
    assert!(ask("https://shop.example/image.png").unwrap().refresh);
    assert!(!ask("https://shop.example/image.png").unwrap().refresh);
}
