//! Invariant 6: nothing is stored or named without permission, and the permission can go away.

use crate::support::shop::{BROWSER, Clicked, Shop};
use app::edge_plane::{self, Answer, Facts};
use domain::visit::click::VisitKind;
use domain::visit::redirect::Entropy;
use domain::visit::token;
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

fn state(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn cookie(answer: &Answer) -> Option<String> {
    let set = answer
        .headers
        .iter()
        .find(|(name, _)| *name == "set-cookie");
    set.map(|(_, value)| value.split(';').next().unwrap().to_owned())
}

fn document(shop: &Shop, cookie: &str, gpc: &str) -> Option<String> {
    let answer = shop.document("/", cookie, |facts| facts.gpc = gpc);
    let set = answer
        .headers
        .into_iter()
        .find(|(name, _)| *name == "set-cookie");
    set.map(|(_, value)| value)
}

fn assert_names_nobody(shop: &Shop, click: &Clicked) {
    assert_eq!(click.cookie, None);
    let touch = token::open(&shop.settings.keys, &click.token, shop.now.get()).unwrap();
    assert_eq!((touch.nonce, touch.at), (None, shop.now.get().day_start()));
    for visit in &click.visits {
        assert_eq!((visit.touch.nonce.as_ref(), visit.at), (None, touch.at));
        assert!(visit.earlier.is_empty() && visit.click_ids.is_empty());
    }
}

#[test]
fn without_permission_nothing_is_set_and_all_tokens_of_a_day_are_equal() {
    let shop = Shop::open();
    let mut tokens = Vec::new();
    for (gpc, country) in [
        ("", "DE"),
        ("", ""),
        ("", "XX"),
        ("", "T1"),
        ("1", "US"),
        ("", "GB"),
    ] {
        let click = shop.follow("anna", "?fbclid=IwAR1", "", gpc, country);
        assert_names_nobody(&shop, &click);
        tokens.push(click.token);
        shop.wait(3_600_000);
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
}

#[test]
fn gpc_wins_over_a_cookie_and_erases_it() {
    let shop = Shop::open();
    let known = shop.click("anna").cookie.unwrap();
    let click = shop.follow("northstar", "?fbclid=IwAR1", &known, "1", "US");
    assert_eq!(click.cookie.as_deref(), Some("__Host-tl="));
    assert!(click.visits[0].touch.nonce.is_none() && click.visits[0].earlier.is_empty());
    let erased = document(&shop, &known, "1").unwrap();
    assert!(erased.starts_with("__Host-tl=; Max-Age=0"), "{erased}");
    let grant = json!({"n": "consent", "s": "full", "t": click.token, "q": ""});
    let answer = shop.beacon(&grant, &known, "1");
    assert_eq!(state(&answer)["c"], "code");
    assert_eq!(cookie(&answer).as_deref(), Some("__Host-tl="));
}

#[test]
fn a_grant_mints_a_named_token_once_and_keeps_the_click_ids() {
    let shop = Shop::open();
    let click = shop.follow("anna", "?fbclid=IwAR1", "", "", "DE");
    let grant = json!({"n": "consent", "s": "full", "t": click.token, "q": "?fbclid=IwAR1"});
    let first = shop.beacon(&grant, "", "");
    let kept = cookie(&first).unwrap();
    let named = state(&first)["t"].as_str().unwrap().to_owned();
    let touch = |text: &str| token::open(&shop.settings.keys, text, shop.now.get()).unwrap();
    assert!(touch(&named).nonce.is_some());
    let kinds: Vec<VisitKind> = first.visits.iter().map(|visit| visit.kind).collect();
    assert_eq!(kinds, [VisitKind::Grant, VisitKind::Landing]);
    assert_eq!(first.visits[0].click_ids[0].value, "IwAR1");
    shop.wait(1_000);
    let again = shop.beacon(&grant, &kept, "");
    assert!(
        again.visits.is_empty(),
        "a page that is loaded again is no second click"
    );
    assert_eq!(cookie(&again), None, "and nothing is new");
    let nonce = touch(state(&again)["t"].as_str().unwrap()).nonce;
    assert_eq!(nonce, touch(&named).nonce);
    assert!(
        document(&shop, &kept, "").is_some(),
        "the next document renews it"
    );
}

#[test]
fn a_withdrawal_erases_the_cookie_and_the_name() {
    let shop = Shop::open();
    let click = shop.click("anna");
    let body = json!({"n": "consent", "s": "code", "t": click.token, "q": "?fbclid=IwAR1"});
    let answer = shop.beacon(&body, click.cookie.as_deref().unwrap(), "");
    let refused = Some("__Host-tl=refused".to_owned());
    assert_eq!(
        cookie(&answer),
        refused,
        "remembered, because the default is full"
    );
    let token = state(&answer)["t"].as_str().unwrap().to_owned();
    let touch = token::open(&shop.settings.keys, &token, shop.now.get()).unwrap();
    assert!(touch.nonce.is_none());
    assert!(answer.visits.is_empty());
    let path = format!("programs/{}", shop.program);
    shop.made("PATCH", &path, &json!({"default_consent": "code"}));
    shop.publish();
    let erased = shop.beacon(&body, click.cookie.as_deref().unwrap(), "");
    assert_eq!(cookie(&erased).as_deref(), Some("__Host-tl="));
    assert_eq!(
        cookie(&shop.beacon(&body, "", "")),
        None,
        "nothing there, nothing to erase"
    );
}

#[test]
fn a_session_cookie_ends_with_the_session_and_hides_click_ids_from_destinations() {
    let shop = Shop::open();
    let program = format!("programs/{}", shop.program);
    shop.made("PATCH", &program, &json!({"default_consent": "session"}));
    shop.publish();
    let facts = Facts {
        method: "GET",
        url: "https://shop.example/go/anna?fbclid=IwAR1",
        user_agent: BROWSER,
        country: "US",
        ..Facts::default()
    };
    let entropy = Entropy(shop.random());
    let memory = shop.memory();
    let now = shop.now.get();
    let answer = edge_plane::answer(&facts, "", &memory, &shop.settings, now, &entropy).unwrap();
    let set = answer
        .headers
        .iter()
        .find(|(name, _)| *name == "set-cookie")
        .unwrap();
    assert!(
        !set.1.contains("Max-Age") && !set.1.contains("Expires"),
        "{}",
        set.1
    );
    let location = &answer.headers[0].1;
    let token = location.split("tl=").nth(1).unwrap();
    shop.deliver_visits("m1", &answer.visits);
    let sale = json!({"customerExternalId": "u1", "amount": 5, "currency": "usd",
        "invoiceId": "o1", "clickId": token, "context": {"consent": "full"}});
    assert_eq!(shop.track("sale", &sale).0, 200);
    shop.fold();
    let decision = shop.list("decisions").remove(0);
    assert_eq!(decision["consent"], "session");
    assert_eq!(decision["click_ids"], Value::Null);
}

#[test]
fn documents_renew_a_days_old_cookie_and_no_sooner() {
    let shop = Shop::open();
    let kept = shop.click("anna").cookie.unwrap();
    assert_eq!(document(&shop, &kept, ""), None);
    shop.wait(DAY - 1);
    assert_eq!(document(&shop, &kept, ""), None);
    shop.wait(1);
    let renewed = document(&shop, &kept, "").unwrap();
    assert!(renewed.starts_with("__Host-tl=") && renewed.contains("Max-Age=34560000"));
    shop.wait(400 * DAY);
    assert_eq!(document(&shop, &kept, ""), None, "too old is as if absent");
}

#[test]
fn the_beacon_refuses_other_origins_large_bodies_and_unknown_words() {
    let shop = Shop::open();
    let ask = |site, body: &str| {
        let facts = Facts {
            method: "POST",
            url: "https://shop.example/tl/e",
            fetch_site: site,
            country: "US",
            ..Facts::default()
        };
        let entropy = Entropy(shop.random());
        let memory = shop.memory();
        let now = shop.now.get();
        edge_plane::answer(&facts, body, &memory, &shop.settings, now, &entropy).unwrap()
    };
    let land = r#"{"n":"land","t":null,"q":""}"#;
    assert_eq!(ask("same-origin", land).status, 200);
    assert_eq!(ask("cross-site", land).status, 403);
    assert_eq!(ask("", &format!("{land}{}", " ".repeat(8_192))).status, 413);
    assert_eq!(ask("", "not json").status, 400);
    assert_eq!(ask("", r#"{"n":"consent","s":"maybe"}"#).status, 422);
    let fits = format!("{land}{}", " ".repeat(8_192 - land.len()));
    assert_eq!(ask("", &fits).status, 200, "the bound itself is allowed");
}
