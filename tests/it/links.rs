//! What links can do, on the redirect as a whole: rules, splits, schedules, policies, repetition;
//! and invariants 6 and 8 on random links and requests (`REQUESTS=1000000` for a million).

use crate::simulation::Random;
use crate::support::arrivals::{self, HOSTS, Texts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use throughline::domain::consent::Consent;
use throughline::domain::ids::ProgramId;
use throughline::domain::journal::{self, Journal};
use throughline::domain::limits;
use throughline::domain::link::{Availability, HostSnapshot, LinkSnapshot};
use throughline::domain::redirect::{self, Arrival, Entropy, Outcome, PageKind, Redirect, Request};
use throughline::domain::seal::Keyring;
use throughline::domain::time::UnixMs;
use throughline::domain::token::{self, Marks, Touch};
use throughline::domain::traffic::{Class, Signals};
use url::Url;

const NOW: UnixMs = UnixMs(1_795_334_400_000);
const SECRET: &str = "1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

fn keys() -> Keyring {
    Keyring::parse(SECRET).unwrap()
}

fn entropy(random: &mut Random) -> Entropy {
    let mut bytes = [0; 64];
    for part in bytes.chunks_mut(8) {
        part.copy_from_slice(&random.next().to_be_bytes());
    }
    Entropy(bytes)
}

fn with(mut record: Value, more: Value) -> Value {
    let Value::Object(more) = more else {
        panic!("an object")
    };
    record.as_object_mut().unwrap().extend(more);
    record
}

/// A link with these settings beside the usual ones.
fn link(settings: Value) -> LinkSnapshot {
    let record = json!({
        "id": "ln_000000000002", "program": "pg_000000000001", "partner": "pn_000000000003",
        "slug": "anna", "target": "https://shop.example/tea?p=1",
    });
    LinkSnapshot::stored(&with(record, settings)).unwrap()
}

fn host(settings: Value) -> HostSnapshot {
    let plain = HostSnapshot::plain(ProgramId::from_number(1), Consent::Full);
    HostSnapshot::stored(&with(plain.to_value(), settings)).unwrap()
}

/// A person's request from where nobody has to be asked.
fn person() -> Request<'static> {
    Request {
        signals: Signals {
            method: "GET",
            user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0",
            accept: "text/html",
            fetch_dest: "document",
            fetch_mode: "navigate",
            fetch_site: "cross-site",
            fetch_user: "?1",
            ..Signals::default()
        },
        country: "US",
        region: "CA",
        ..Request::default()
    }
}

/// Decides, and makes sure that the explanation decides the same.
fn decide(arrival: &Arrival<'_>) -> Redirect {
    let decided = redirect::redirect(arrival);
    assert_eq!(redirect::explain(arrival).0, decided);
    decided
}

fn visit(request: &Request<'_>, host: &HostSnapshot, link: &LinkSnapshot, seed: u64) -> Redirect {
    decide(&Arrival {
        request,
        rest: "",
        flooded: false,
        host,
        link,
        keys: &keys(),
        now: NOW,
        entropy: &entropy(&mut Random(seed)),
    })
}

fn cookie(redirect: &Redirect) -> &str {
    let set = redirect.set_cookies.first().unwrap();
    set.split(';').next().unwrap()
}

fn touch(redirect: &Redirect) -> Option<Touch> {
    touch_at(redirect, "tl", NOW)
}

fn touch_at(redirect: &Redirect, param: &str, now: UnixMs) -> Option<Touch> {
    let url = Url::parse(redirect.location()?).unwrap();
    let mut tokens = url.query_pairs().filter(|(name, _)| name == param);
    let token = tokens.next()?.1.into_owned();
    assert_eq!(tokens.next(), None, "one token");
    token::open(&keys(), &token, now)
}

/// What holds for any request.
fn check(redirect: &Redirect, arrival: &Arrival<'_>) {
    if let Some(location) = redirect.location() {
        let parsed = Url::parse(location).unwrap();
        assert_eq!(parsed.as_str(), location, "serialised as it is");
        assert!(HOSTS.contains(&parsed.host_str().unwrap()), "{location}");
        assert!(matches!(parsed.scheme(), "http" | "https"), "{location}");
        assert!(location.len() <= 8_192);
        assert!(
            location.bytes().all(|byte| (0x21..=0x7e).contains(&byte)),
            "{location}"
        );
    }
    let token = touch_at(redirect, &arrival.host.token_param, arrival.now);
    let open = redirect.availability == Availability::Open;
    let earns = open && redirect.class.carries_token() && redirect.location().is_some();
    assert_eq!(token.is_some(), earns);
    if !earns {
        assert!(redirect.set_cookies.is_empty());
        let named = redirect
            .visit
            .as_ref()
            .and_then(|visit| visit.touch.nonce.as_ref());
        assert_eq!(named, None);
    }
    assert!(open || redirect.visit.is_none());
    assert!(redirect.set_cookies.len() <= 1);
    for set in &redirect.set_cookies {
        assert!(!set.chars().any(char::is_control));
        let value = set.split(';').next().unwrap().split_once('=').unwrap().1;
        assert!(value.len() <= limits::COOKIE_BYTES);
        assert!(value.is_empty() || redirect.class.sets_cookie());
        assert!(value.is_empty() || !arrival.request.gpc, "GPC sets nothing");
    }
    if redirect.consent == Consent::Code {
        assert!(
            token.is_none_or(|touch| touch.nonce.is_none()),
            "code names nobody"
        );
        assert!(
            redirect
                .visit
                .as_ref()
                .is_none_or(|visit| visit.tags.is_empty())
        );
    }
}

fn asked(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn any_request_has_one_outcome_and_any_location_is_a_serialised_url_on_an_allowed_host() {
    let (seed, count) = (asked("SEED", 20_261_122), asked("REQUESTS", 4_000));
    let (keys, mut random) = (keys(), Random(seed));
    let links: Vec<_> = (0..200).map(|n| arrivals::link(&mut random, n)).collect();
    let hosts: Vec<_> = (0..20).map(|_| arrivals::host(&mut random)).collect();
    let mut newest = 0;
    let mut cookies = vec!["a=b".to_owned(), "__Host-tl=refused".to_owned()];
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..count {
        let texts = Texts::random(&mut random, &cookies);
        let (request, entropy) = (texts.request(), entropy(&mut random));
        // Often the link that the newest cookie comes from.
        let again = random.one_in(2);
        let place = if again {
            newest
        } else {
            usize::try_from(random.below(200)).unwrap()
        };
        let arrival = Arrival {
            request: &request,
            rest: &texts.rest,
            flooded: random.one_in(20),
            host: random.pick(&hosts).unwrap(),
            link: &links[place],
            keys: &keys,
            now: NOW.plus(i64::try_from(random.below(7_200_000)).unwrap()),
            entropy: &entropy,
        };
        let now = arrival.now;
        let decided = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let decided = redirect::redirect(&arrival);
            let (explained, because) = redirect::explain(&arrival);
            assert_eq!(explained, decided, "the explanation decides the same");
            check(&decided, &arrival);
            assert_eq!(because.class, decided.class.name());
            decided
        }));
        let Ok(decided) = decided else {
            let text: String = format!("{request:?} {:?}", texts.rest)
                .chars()
                .take(900)
                .collect();
            panic!("request {number} of SEED={seed}: {text}");
        };
        let kind = match &decided.outcome {
            Outcome::To(_) => "to".to_owned(),
            other => format!("{other:?}"),
        };
        for kind in [
            kind,
            format!("{:?}", decided.availability),
            decided.class.name().into(),
        ] {
            *kinds.entry(kind).or_default() += 1;
        }
        if let Some(set) = decided.set_cookies.first().filter(|_| cookies.len() < 500) {
            let value = set.split(';').next().unwrap();
            let known = Journal::from_cookies(&keys, value, now);
            assert_eq!(known.is_some(), !value.ends_with('='));
            cookies.push(value.to_owned());
            newest = place;
            if cookies.len() > 500 {
                cookies.remove(0);
            }
        }
    }
    for kind in [
        "to",
        "Unknown",
        "Page(Ended)",
        "Open",
        "Scheduled",
        "Expired",
        "Capped",
        "Paused",
        "Suspended",
        "human",
        "duplicate",
        "flood",
        "prefetch",
        "head",
        "stuffed",
        "crawler",
    ] {
        assert!(kinds.contains_key(kind), "never came to {kind}: {kinds:?}");
    }
}

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
    let journal = Journal::from_cookies(&keys(), cookie(&again), NOW).unwrap();
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
        id: throughline::domain::ids::LinkId::from_number(9),
        ..link.clone()
    };
    assert_eq!(visit(&same, &host, &other, 5).class, Class::Human);
    for (gpc, later) in [(false, limits::DUPLICATE_MS), (true, 5)] {
        let redirect = decide(&Arrival {
            request: &Request { gpc, ..same },
            rest: "",
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
fn a_link_that_is_not_open_leads_elsewhere_and_leaves_nothing() {
    let set = host(
        json!({"expired_url": "https://shop.example/e?t=1", "paused_url":
        "https://shop.example/p", "suspended_url": "https://shop.example/s"}),
    );
    let plain = host(json!({}));
    let (past, future) = ("2026-11-21T00:00:00Z", "2026-11-23T00:00:00Z");
    let to = |url: &str| Outcome::To(url.to_owned());
    for (settings, with_host, without) in [
        (
            json!({"starts_at": future}),
            Outcome::Unknown,
            Outcome::Unknown,
        ),
        (
            json!({"ends_at": past}),
            to("https://shop.example/e?t=1"),
            Outcome::Page(PageKind::Ended),
        ),
        (
            json!({"capped": true}),
            to("https://shop.example/e?t=1"),
            Outcome::Page(PageKind::Ended),
        ),
        (
            json!({"ends_at": past, "expired_url": "https://shop.example/own"}),
            to("https://shop.example/own"),
            to("https://shop.example/own"),
        ),
        (
            json!({"standing": "paused"}),
            to("https://shop.example/p"),
            to("https://shop.example/tea?p=1&x=1"),
        ),
        (
            json!({"standing": "suspended"}),
            to("https://shop.example/s"),
            to("https://shop.example/tea?p=1&x=1"),
        ),
    ] {
        let link = link(settings.clone());
        let request = Request {
            query: "x=1&tl=old",
            ..person()
        };
        for (host, expected) in [(&set, with_host), (&plain, without)] {
            let redirect = visit(&request, host, &link, 1);
            assert_eq!(redirect.outcome, expected, "{settings}");
            assert!(redirect.set_cookies.is_empty() && redirect.visit.is_none());
        }
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
        assert_eq!(
            path(&visit(&there, &host, &link, seed + 77)).path(),
            path(&by_token).path()
        );
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
fn rules_come_before_variants_and_software_is_never_split() {
    let host = host(json!({}));
    let link = link(json!({"rules": [{"when": {"class": ["crawler"]},
            "target": "https://shop.example/bots"},
        {"when": {"country": ["US"]}, "target": "https://shop.example/us"}],
        "split": {"variants": [{"weight": 1, "target": "https://shop.example/v"}],
                  "holdout_bps": 10_000, "baseline": "https://shop.example/base"}}));
    let lead = |request: &Request<'_>| visit(request, &host, &link, 1).outcome;
    let bot = Signals {
        user_agent: "curl/8.5.0",
        ..person().signals
    };
    let to = |url: &str| Outcome::To(url.to_owned());
    let bots = to("https://shop.example/bots");
    let found = lead(&Request {
        signals: bot,
        ..person()
    });
    assert!(
        found == bots || found == to("https://shop.example/us"),
        "{found:?}"
    );
    let head = Signals {
        method: "HEAD",
        ..person().signals
    };
    let away = Request {
        signals: head,
        country: "FR",
        ..person()
    };
    assert_eq!(lead(&away), to("https://shop.example/tea?p=1"));
    let Outcome::To(held) = lead(&person()) else {
        panic!()
    };
    assert!(
        held.starts_with("https://shop.example/base?tl="),
        "the holdout is everybody's"
    );
    let all = crate::links::link(json!({"rules": [{"when": {"country": ["US"]},
        "target": "https://shop.example/us"}], "split": {"variants": [{"weight": 1,
        "target": "https://shop.example/v"}]}}));
    let Outcome::To(ruled) = visit(&person(), &host, &all, 1).outcome else {
        panic!()
    };
    assert!(ruled.starts_with("https://shop.example/us?"), "{ruled}");
    let elsewhere = Request {
        country: "JP",
        ..person()
    };
    let Outcome::To(variant) = visit(&elsewhere, &host, &all, 1).outcome else {
        panic!()
    };
    assert!(variant.starts_with("https://shop.example/v?"), "{variant}");
}

#[test]
fn a_wildcard_link_leads_below_its_target_and_others_know_no_path() {
    let host = host(json!({}));
    let lead = |settings: Value, rest: &str| {
        decide(&Arrival {
            request: &Request {
                query: "x=1",
                ..person()
            },
            rest,
            flooded: false,
            host: &host,
            link: &link(settings),
            keys: &keys(),
            now: NOW,
            entropy: &entropy(&mut Random(1)),
        })
        .outcome
    };
    let Outcome::To(deep) = lead(json!({"wildcard": true}), "green/a%20b") else {
        panic!()
    };
    assert!(
        deep.starts_with("https://shop.example/tea/green/a%20b?p=1&x=1&tl=tlc_"),
        "{deep}"
    );
    assert_eq!(lead(json!({}), "green"), Outcome::Unknown);
    assert_eq!(lead(json!({"wildcard": true}), "../x"), Outcome::Unknown);
    let app = json!({"wildcard": true, "rules": [{"when": {"country": ["US"]},
        "target": "https://shop.example/us", "app": {"ios": "https://apps.apple.com/app/id1"}}]});
    let Outcome::To(ruled) = lead(app, "green") else {
        panic!()
    };
    assert!(
        ruled.starts_with("https://shop.example/us/green?x=1&tl="),
        "{ruled}"
    );
}

#[test]
fn tags_are_kept_with_the_click_and_do_not_travel() {
    let host = host(json!({"tags": ["source"], "token_param": "click",
        "utm": {"campaign": "{sub1}"}}));
    let query = "sub1=a+b&source=news&x=1&sub11=y&click=old&tl=z";
    let request = Request { query, ..person() };
    let redirect = visit(&request, &host, &link(json!({})), 1);
    let location = redirect.location().unwrap();
    let start = "https://shop.example/tea?p=1&x=1&sub11=y&tl=z&utm_campaign=a%20b&click=tlc_";
    assert!(location.starts_with(start), "{location}");
    let tags = redirect.visit.unwrap().tags;
    assert_eq!(json!(tags), json!({"source": "news", "sub1": "a b"}));
    let private = Request {
        gpc: true,
        ..request
    };
    let redirect = visit(&private, &host, &link(json!({})), 1);
    assert!(redirect.visit.unwrap().tags.is_empty());
}

#[test]
fn a_preview_is_shown_what_the_link_says_of_itself() {
    let host = host(json!({}));
    let signals = Signals {
        user_agent: "facebookexternalhit/1.1",
        ..person().signals
    };
    let bot = Request {
        signals,
        ..person()
    };
    let redirect = visit(&bot, &host, &link(json!({"og": {"title": "Tea"}})), 1);
    // Placeholder classes call it a crawler; the real ones a preview.
    let preview = redirect.class == Class::Preview;
    assert_eq!(
        redirect.outcome == Outcome::Page(PageKind::Preview),
        preview
    );
    assert!(redirect.visit.is_some());
    assert!(visit(&bot, &host, &link(json!({})), 1).location().is_some());
}

#[test]
fn a_touch_on_a_checkout_path_is_marked() {
    let host = host(json!({"checkout_paths": ["/kasse", "/pay/"]}));
    for (path, marked) in [
        ("/kasse", true),
        ("/kasse?x=1", true),
        ("/kasse/1#f", true),
        ("/kassen", false),
        ("/pay/now", true),
        ("/pay", false),
        ("/x/kasse", false),
        ("/?a=/kasse", false),
    ] {
        let link = link(json!({"target": format!("https://shop.example{path}")}));
        let touch = touch(&visit(&person(), &host, &link, 1)).unwrap();
        assert_eq!(touch.marks.has(Marks::CHECKOUT), marked, "{path}");
    }
}

#[test]
fn an_explanation_names_what_decided() {
    let host = host(json!({"tags": ["source"]}));
    let link = link(json!({"rules": [{"when": {"country": ["DE"]},
            "target": "https://shop.example/de"}],
        "split": {"variants": [{"weight": 1, "target": "https://shop.example/v?p=1"}]},
        "params": {"strip": ["s"], "rename": {"r": "q"}}}));
    let request = Request {
        query: "source=a&s=1&r=2&p=3&tl=4&gclid=5",
        ..person()
    };
    let (_, because) = redirect::explain(&Arrival {
        request: &request,
        rest: "",
        flooded: false,
        host: &host,
        link: &link,
        keys: &keys(),
        now: NOW,
        entropy: &entropy(&mut Random(1)),
    });
    assert_eq!(
        serde_json::to_value(&because).unwrap(),
        json!({"class": "human", "availability": "open", "consent": ["full", "default"],
            "rules": [{"rule": 0, "failed": "country"}], "app": false, "variant": 1,
            "holdout": false, "chosen_by": "request", "path_refused": false,
            "params": [{"name": "source", "fate": "taken"}, {"name": "s", "fate": "stripped"},
                {"name": "r", "fate": "renamed"}, {"name": "p", "fate": "pinned"},
                {"name": "tl", "fate": "replaced"}, {"name": "gclid", "fate": "passed"}]})
    );
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
