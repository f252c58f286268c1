//! What links can do, on the redirect as a whole: rules, splits, schedules, policies, repetition.

mod random;
mod visitors;

use crate::support::picks::Random;
use serde_json::{Value, json};
use throughline::domain::consent::Consent;
use throughline::domain::ids::ProgramId;
use throughline::domain::link::{HostSnapshot, LinkSnapshot};
use throughline::domain::redirect::{self, Arrival, Entropy, Outcome, PageKind, Redirect, Request};
use throughline::domain::seal::Keyring;
use throughline::domain::time::UnixMs;
use throughline::domain::token::{self, Marks, Touch};
use throughline::domain::traffic::{Class, Signals, classify};
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
    let masked = dry_run(&decided, &arrival.host.token_param);
    assert_eq!(redirect::explain(arrival).0, masked);
    decided
}

/// What a dry run says of a decision: the same, with nothing in it that can be used.
fn dry_run(decided: &Redirect, token_param: &str) -> Redirect {
    let mut masked = decided.clone();
    if let Outcome::To(location) = &mut masked.outcome
        && let Some(at) = location.rfind(&format!("{token_param}=tlc_"))
    {
        let from = at + token_param.len() + 1;
        let rest = &location[from..];
        let end = from + rest.find(['&', '#']).unwrap_or(rest.len());
        location.replace_range(from..end, token::DRY_RUN);
    }
    for cookie in &mut masked.set_cookies {
        let (name, rest) = cookie.split_once('=').unwrap();
        let (value, attributes) = rest.split_once(';').unwrap();
        if !value.is_empty() {
            assert_ne!(value, "refused");
            *cookie = format!("{name}=dry_run;{attributes}");
        }
    }
    masked
}

fn visit(request: &Request<'_>, host: &HostSnapshot, link: &LinkSnapshot, seed: u64) -> Redirect {
    decide(&Arrival {
        request,
        rest: "",
        sighting: classify(&request.signals),
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
            sighting: classify(&person().signals),
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
        sighting: classify(&request.signals),
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
