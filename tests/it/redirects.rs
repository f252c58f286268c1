//! Invariants 7 and 8 on arbitrary requests: the edge never panics, `Location` is always a
//! serialised URL on the link's host, no header can be split, and cookies that are not ours are as
//! if absent.

use crate::support::shop::{BROWSER, Shop};
use proptest::prelude::*;
use serde_json::json;
use std::sync::OnceLock;
use throughline::app::edge_plane::{self, Answer, Facts};
use throughline::app::isolate::{Known, Memory};
use throughline::app::settings::Settings;
use throughline::domain::journal;
use throughline::domain::limits;
use throughline::domain::redirect::Entropy;
use throughline::domain::time::UnixMs;
use url::Url;

/// Snapshots and cookies of a deployment, without its database.
struct Edge {
    memory: Memory,
    settings: Settings,
    now: UnixMs,
    /// A cookie of this deployment, and one of another.
    own: String,
    foreign: String,
}

const SECRET: &str = "1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
const FOREIGN: &str = "1:CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";

thread_local! {
    static EDGE: OnceLock<Edge> = const { OnceLock::new() };
}

fn with_edge<T>(work: impl FnOnce(&Edge) -> T) -> T {
    EDGE.with(|edge| work(edge.get_or_init(open)))
}

fn open() -> Edge {
    let shop = Shop::open();
    shop.made(
        "PATCH",
        &format!("programs/{}", shop.program),
        &json!({"fallback_url": "https://shop.example/lost?x=1#f"}),
    );
    shop.publish();
    let own = shop
        .follow("anna", "?gclid=a", "", "", "US")
        .cookie
        .unwrap();
    let settings = |secret| Settings::parse(&crate::support::shop::variables(secret)).unwrap();
    let memory = shop.memory();
    let facts = Facts {
        method: "GET",
        url: "https://shop.example/go/anna",
        user_agent: BROWSER,
        country: "US",
        ..Facts::default()
    };
    let foreign = settings(FOREIGN);
    let entropy = Entropy([5; 64]);
    let now = shop.now.get();
    let answer = edge_plane::answer(&facts, "", &memory, &foreign, now, &entropy).unwrap();
    let foreign = header(&answer, "set-cookie").unwrap();
    Edge {
        foreign: foreign.split(';').next().unwrap().to_owned(),
        own,
        memory,
        settings: settings(SECRET),
        now,
    }
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    let found = answer.headers.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.clone())
}

fn ask(edge: &Edge, facts: &Facts<'_>, body: &str) -> Option<Answer> {
    let entropy = Entropy([9; 64]);
    edge_plane::answer(
        facts,
        body,
        &edge.memory,
        &edge.settings,
        edge.now,
        &entropy,
    )
}

fn cookies() -> impl Strategy<Value = String> {
    let bad = prop_oneof![
        ".{0,60}",
        "(__Host-tl|__Secure-tl)=[A-Za-z0-9_-]{0,300}",
        "__Host-tl=[A-Za-z0-9_-]{2001,2100}",
        "[a-z]{1,4}=[ -~]{0,40}(; [a-z]{1,4}=[ -~]{0,40}){0,3}",
    ];
    prop_oneof![4 => bad, 1 => Just("OWN".to_owned()), 1 => Just("FOREIGN".to_owned())]
}

fn urls() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,80}",
        "https://shop\\.example/go/(anna|northstar|nobody|ANNA)(\\?.{0,200})?",
        "https://shop\\.example/go/anna\\?([a-z]{1,6}=[ -~]{0,30}&){0,9}(tl|fbclid|x)=.{0,30}",
        "https://shop\\.example(:[0-9]{1,5})?/(go/|tl/e|tl/me|)[ -~]{0,40}",
    ]
}

fn methods() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just("GET".to_owned()), 1 => "[A-Z]{0,7}"]
}

prop_compose! {
    fn requests()(
        method in methods(), url in urls(), cookie in cookies(), agent in "(|.{0,40}|B)",
        accept in "(|text/html|.{0,20})", dest in "(|document|iframe|.{0,10})",
        mode in "(|navigate|.{0,10})", site in "(|same-origin|cross-site|.{0,10})",
        purpose in "(|prefetch|.{0,10})", gpc in "(|1|0)", country in "(US|DE|XX||.{0,4})",
    ) -> [String; 11] {
        [method, url, cookie, agent, accept, dest, mode, site, purpose, gpc, country]
    }
}

fn facts<'a>(edge: &'a Edge, request: &'a [String; 11]) -> Facts<'a> {
    let [
        method,
        url,
        cookie,
        agent,
        accept,
        dest,
        mode,
        site,
        purpose,
        gpc,
        country,
    ] = request;
    Facts {
        method,
        url,
        cookies: match cookie.as_str() {
            "OWN" => &edge.own,
            "FOREIGN" => &edge.foreign,
            other => other,
        },
        user_agent: if agent == "B" { BROWSER } else { agent },
        accept,
        fetch_dest: dest,
        fetch_mode: mode,
        fetch_site: site,
        purpose,
        gpc,
        country,
        ..Facts::default()
    }
}

/// What holds for every answer, whatever was asked.
fn check(answer: &Answer, facts: &Facts<'_>) -> Result<(), TestCaseError> {
    for (name, value) in &answer.headers {
        prop_assert!(!value.chars().any(char::is_control), "{name}: {value:?}");
        prop_assert!(value.is_ascii(), "{name}: {value:?}");
    }
    if let Some(location) = header(answer, "location") {
        let parsed = Url::parse(&location);
        let parsed = parsed.map_err(|error| TestCaseError::fail(format!("{location}: {error}")))?;
        prop_assert_eq!(parsed.as_str(), &location, "serialised as it is");
        prop_assert_eq!(parsed.host_str(), Some("shop.example"));
        prop_assert_eq!(parsed.scheme(), "https");
        prop_assert!(location.len() <= 8_192);
    }
    let set: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name == "set-cookie")
        .collect();
    let kept = |(_, cookie): &&&(&str, String)| !cookie.contains("Max-Age=0");
    prop_assert!(set.len() <= 2 && set.iter().filter(kept).count() <= 1);
    for (_, cookie) in set {
        let (pair, attributes) = cookie.split_once(';').unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let erased = value.is_empty() && name == journal::DOMAIN_COOKIE;
        prop_assert!(erased || name == journal::HOST_COOKIE);
        prop_assert!(value.len() <= limits::COOKIE_BYTES && attributes.len() < 120);
        prop_assert!(
            attributes.contains("Secure; HttpOnly; SameSite=Lax"),
            "{cookie}"
        );
        prop_assert!(facts.gpc != "1" || value.is_empty(), "GPC sets nothing");
    }
    for visit in &answer.visits {
        prop_assert!(
            facts.gpc != "1" || visit.touch.nonce.is_none(),
            "GPC names nobody"
        );
    }
    let parts = answer.encode();
    if parts.is_empty() {
        prop_assert_eq!(answer, &Answer::default(), "the site answers alone");
        return Ok(());
    }
    let separators = parts.matches('\u{1f}').count();
    let whole = 2 * answer.headers.len();
    prop_assert!(
        separators == whole || *answer == Answer::default(),
        "parts stay apart"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_request_gets_a_whole_answer(request in requests(), body in ".{0,200}") {
        with_edge(|edge| {
            let facts = facts(edge, &request);
            match ask(edge, &facts, &body) {
                Some(answer) => check(&answer, &facts),
                None => Ok(()),
            }
        })?;
    }

    #[test]
    fn links_lead_to_their_target_with_the_query_of_the_visitor(
        query in "[ -~]{0,120}", name in "(anna|Northstar)", country in "(US|DE)"
    ) {
        with_edge(|edge| {
            let url = format!("https://shop.example/go/{name}?{query}");
            let facts = Facts { method: "GET", url: &url, user_agent: BROWSER,
                country: &country, ..Facts::default() };
            let answer = ask(edge, &facts, "").unwrap();
            prop_assert_eq!(answer.status, 302);
            let location = header(&answer, "location").unwrap();
            prop_assert!(location.starts_with("https://shop.example/?"), "{location}");
            let tokens = location.matches("tl=tlc_").count();
            prop_assert!(tokens >= 1);
            let last = location.rsplit(['&', '?']).next().unwrap();
            prop_assert!(last.starts_with("tl=tlc_"), "ours comes last: {location}");
            check(&answer, &facts)
        })?;
    }

    #[test]
    fn cookies_that_are_not_ours_are_as_if_absent(
        cookie in "(__Host-tl|__Secure-tl)=([A-Za-z0-9_-]{0,80}|[A-Za-z0-9_-]{2001,2050})",
        flip in 0usize..200, mode in 0u8..4, gpc in "(|1)", country in "(US|DE)",
    ) {
        with_edge(|edge| {
            let mut forged = edge.own.clone().into_bytes();
            let place = 10 + flip % (forged.len() - 10);
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let cookie = match mode {
                0 => cookie,
                1 => String::from_utf8(forged).unwrap(),
                2 => edge.foreign.clone(),
                _ => format!("{}; pad={}", edge.own, "p".repeat(limits::COOKIE_HEADER_BYTES)),
            };
            let url = "https://shop.example/go/anna?gclid=b";
            let base = Facts { method: "GET", url, user_agent: BROWSER, gpc: &gpc,
                country: &country, ..Facts::default() };
            let with = ask(edge, &Facts { cookies: &cookie, ..base }, "").unwrap();
            prop_assert_eq!(with, ask(edge, &base, "").unwrap());
            let me = Facts { url: "https://shop.example/tl/me", ..base };
            let with = ask(edge, &Facts { cookies: &cookie, ..me }, "");
            prop_assert_eq!(with, ask(edge, &me, ""));
            let page = Facts { cookies: &cookie, url: "https://shop.example/", ..base };
            let entropy = Entropy([9; 64]);
            let later = edge.now.plus(200_000_000);
            let passed = edge_plane::answer(
                &page, "", &edge.memory, &edge.settings, later, &entropy
            );
            let cookies = passed.map(|passed| header(&passed, "set-cookie"));
            prop_assert_eq!(cookies.flatten().filter(|_| gpc.is_empty()), None);
            Ok(())
        })?;
    }

    #[test]
    fn forged_tokens_change_nothing(token in "(tlc_[A-Za-z0-9_-]{0,130}|.{0,40})", state in
        "(full|session|code)") {
        with_edge(|edge| {
            let facts = Facts { method: "POST", url: "https://shop.example/tl/e",
                user_agent: BROWSER, country: "US", ..Facts::default() };
            for message in [json!({"n": "land"}), json!({"n": "consent", "s": state})] {
                let mut forged = message.clone();
                forged["t"] = json!(token);
                let with = ask(edge, &facts, &forged.to_string());
                prop_assert_eq!(with, ask(edge, &facts, &message.to_string()));
            }
            Ok(())
        })?;
    }
}

#[test]
fn with_every_store_down_a_known_link_redirects_however_old_it_is() {
    with_edge(|edge| {
        let facts = Facts {
            method: "GET",
            url: "https://shop.example/go/anna",
            user_agent: BROWSER,
            ..Facts::default()
        };
        let later = edge.now.plus(30 * 86_400_000);
        let entropy = Entropy([9; 64]);
        let answer = edge_plane::answer(&facts, "", &edge.memory, &edge.settings, later, &entropy);
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.refresh), (302, true));
    });
}

#[test]
fn what_is_not_in_memory_is_asked_for_and_what_is_absent_is_not() {
    with_edge(|edge| {
        let at = |url| Facts {
            method: "GET",
            url,
            user_agent: BROWSER,
            ..Facts::default()
        };
        assert_eq!(ask(edge, &at("https://other.example/go/anna"), ""), None);
        assert_eq!(ask(edge, &at("https://shop.example/go/unseen"), ""), None);
        let mut memory = Memory::default();
        memory.hosts.put("no.example", Known::Absent, edge.now);
        let facts = at("https://no.example/go/anna");
        let entropy = Entropy([9; 64]);
        let answer = edge_plane::answer(&facts, "", &memory, &edge.settings, edge.now, &entropy);
        assert_eq!(answer.unwrap().status, 404);
    });
}
