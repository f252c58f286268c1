//! Invariants 6 and 8 on random links, each with everything it can do, and random requests.
//! `REQUESTS=1000000` asks for a million, `SEED` for other ones.

use super::{NOW, dry_run, entropy, keys, touch_at};
use crate::support::arrivals::{self, HOSTS, Texts};
use crate::support::picks::Random;
use std::collections::BTreeMap;
use throughline::domain::consent::Consent;
use throughline::domain::journal::Journal;
use throughline::domain::limits;
use throughline::domain::link::Availability;
use throughline::domain::redirect::{self, Arrival, Outcome, Redirect};
use throughline::domain::traffic::classify;
use url::Url;

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
            sighting: classify(&request.signals),
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
            let masked = dry_run(&decided, &arrival.host.token_param);
            assert_eq!(explained, masked, "the explanation decides the same");
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
            let known = Journal::from_cookies(&keys, arrival.host.journals(), value, now);
            assert_eq!(known.is_some(), !value.ends_with('='));
            cookies.push(value.to_owned());
            newest = place;
            if cookies.len() > 500 {
                cookies.remove(0);
            }
        }
    }
    came_to_everything(&kinds);
}

/// The generator is worth something only while it reaches every kind of answer.
fn came_to_everything(kinds: &BTreeMap<String, u64>) {
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
        "library",
    ] {
        assert!(kinds.contains_key(kind), "never came to {kind}: {kinds:?}");
    }
}
