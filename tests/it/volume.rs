//! The pure fold against the oracle, without a database: millions of events of every kind, in any
//! order, with and without their clicks, first some of them, then all, then all again.
//!
//! `EVENTS` says how many, `SEED` where to begin; a story that fails prints the command that
//! repeats it alone.

use crate::support::compare::{rounded, same};
use crate::support::histories::Known;
use crate::support::merchant::Report;
use crate::support::oracle::positions;
use crate::support::phones::GooglesAnswers;
use crate::support::picks::Random;
use crate::support::shop::START;
use crate::support::story::{DAYS, Names, Script, Step, Story};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use throughline::app::track::Reading;
use throughline::domain::attribution::Standing;
use throughline::domain::click::Visit;
use throughline::domain::decision::Decision;
use throughline::domain::event::{EventKind, Fact};
use throughline::domain::fold::{self, History};
use throughline::domain::ids::{PartnerId, ProgramId};
use throughline::domain::pseudonym::Pseudonyms;
use throughline::domain::seal::Keyring;

mod books;
mod words;

use books::Books;
use words::{SAID, words};

const EVENTS: u64 = 60_000;
const THREADS: usize = 2;

/// What all stories share.
struct Deployment {
    keys: Keyring,
    pseudonyms: Pseudonyms,
    program: ProgramId,
    partners: Vec<String>,
}

fn deployment() -> Deployment {
    let secret = format!("1:{}", "A".repeat(43));
    let partners = (1..=4).map(|number| PartnerId::from_number(number).to_string());
    let keys = Keyring::parse(&secret).unwrap();
    Deployment {
        pseudonyms: Pseudonyms::parse("", &keys).unwrap(),
        keys,
        program: ProgramId::from_number(7),
        partners: partners.collect(),
    }
}

fn story(random: &mut Random) -> Story {
    let length = 20 + random.below(60);
    let mut numbers = |count: u64| (0..count).map(|_| random.next() as u16).collect();
    Story {
        world: numbers(240),
        steps: (0..length).map(|_| numbers(24)).collect(),
    }
}

impl Deployment {
    /// The fact that the API would store.
    fn accepted(&self, script: &Script, report: &Report) -> Fact {
        let mut body = report.body.clone();
        body["clickId"] = json!(report.click.map(|click| &script.clicks[click].token));
        let kind = EventKind::ALL.into_iter().find(|k| k.name() == report.kind);
        let reading = Reading {
            program: self.program,
            keys: &self.keys,
            pseudonyms: &self.pseudonyms,
            now: START.plus((DAYS + 20) * 86_400_000),
            server_key: String::new(),
            phones: &GooglesAnswers,
            country: None,
        };
        let read = reading.read(kind.unwrap(), body.as_object().unwrap());
        read.unwrap_or_else(|faults| panic!("{faults:?}: {body}"))
            .fact
    }
}

/// What the stories came to.
#[derive(Default)]
struct Seen {
    events: usize,
    words: BTreeSet<String>,
}

/// Plays the story of a seed.
fn play(deployment: &Deployment, seed: u64) -> Seen {
    let mut random = Random(seed);
    let program = deployment.program.to_string();
    let names = Names {
        keys: &deployment.keys,
        pseudonyms: &deployment.pseudonyms,
        program: &program,
    };
    let script = Script::of(&story(&mut random), &deployment.partners, names);
    let facts = script.steps.iter().map(|step| match step {
        Step::Report(report) => Some(deployment.accepted(&script, report)),
        _ => None,
    });
    let facts: Vec<Option<Fact>> = facts.collect();
    let events: Vec<_> = facts.iter().map(|f| Some(f.as_ref()?.id.clone())).collect();
    let mut world = script.world(names, &events);
    let known = Known::of(&world);
    let mut books = Books::default();
    let mut decisions: BTreeMap<String, Decision> = BTreeMap::new();
    let facts: Vec<Fact> = facts.into_iter().flatten().collect();
    for own in world.customers() {
        let own: Vec<Fact> = facts
            .iter()
            .filter(|f| own.contains(&f.id))
            .cloned()
            .collect();
        let visits = stored(&script, &own);
        // Some of it, without clicks, is folded before.
        let first: Vec<Fact> = own.iter().filter(|_| random.one_in(2)).cloned().collect();
        if alone(&first) {
            books.book(&decide(
                deployment,
                &known,
                shuffled(first, &mut random),
                &[],
            ));
        }
        let all = decide(deployment, &known, shuffled(own, &mut random), &visits);
        books.book(&all);
        let again = books.book(&all);
        assert!(again.is_empty(), "folding again adds {again:?}");
        decisions.extend(
            all.into_iter()
                .map(|decision| (decision.event.clone(), decision)),
        );
    }
    let bodies = decisions
        .iter()
        .map(|(event, decision)| (event.clone(), json!(decision)));
    let bodies: BTreeMap<_, _> = bodies.collect();
    world.rounded = bodies
        .iter()
        .map(|(event, body)| (event.clone(), rounded(body)))
        .collect();
    let expected = world.settle();
    assert!(
        bodies.keys().eq(expected.keys()),
        "other events are decided"
    );
    for (event, outcome) in &expected {
        if let Err(difference) = same(outcome, &bodies[event]) {
            panic!("{difference}");
        }
    }
    assert_eq!(books.sums(), positions(&expected));
    Seen {
        events: facts.len(),
        words: bodies.values().flat_map(words).collect(),
    }
}

/// Are these facts known to be one customer's? What names nobody waits for the others.
fn alone(facts: &[Fact]) -> bool {
    facts.iter().all(|fact| fact.customer.is_some())
}

/// The visits that arrived of the clicks whose tokens came with these facts.
fn stored(script: &Script, own: &[Fact]) -> Vec<Visit> {
    let mut visits = Vec::new();
    for step in &script.steps {
        let Step::Visit { click, which } = step else {
            continue;
        };
        let visit = script.clicks[*click].visits.get(*which);
        let asked = |visit: &&Visit| {
            let nonce = visit.touch.nonce.as_ref();
            let mut tokens = own.iter().filter_map(|fact| fact.touch()?.nonce.as_ref());
            nonce.is_some() && tokens.any(|token| Some(token) == nonce)
        };
        visits.extend(
            visit
                .filter(asked)
                .filter(|v| !visits.contains(*v))
                .cloned(),
        );
    }
    visits
}

fn shuffled(mut facts: Vec<Fact>, random: &mut Random) -> Vec<Fact> {
    for place in (1..facts.len()).rev() {
        facts.swap(place, random.below(place as u64 + 1) as usize);
    }
    facts
}

fn decide(
    deployment: &Deployment,
    known: &Known,
    facts: Vec<Fact>,
    visits: &[Visit],
) -> Vec<Decision> {
    let decided = fold::decide(History {
        program: deployment.program,
        facts,
        visits,
        plans: &known.plans,
        standing: Standing(&known.statuses),
        codes: &known.codes,
        rulings: &known.rulings,
        reclassified: &known.reclassified,
        selves: &known.selves,
        shared: &known.shared,
        rates: &known.rates,
    });
    assert!(decided.unfit.is_empty(), "{:?}", decided.unfit);
    decided.decisions
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("SEED and EVENTS are whole numbers"))
}

#[test]
fn any_history_in_any_order_equals_the_oracle() {
    let wanted = number("EVENTS").unwrap_or(EVENTS) as usize;
    let next = AtomicU64::new(number("SEED").unwrap_or(1));
    let seen = Mutex::new(Seen::default());
    let turn = || {
        let deployment = deployment();
        while seen.lock().unwrap().events < wanted {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let played = std::panic::catch_unwind(|| play(&deployment, seed));
            let Ok(one) = played else {
                panic!("SEED={seed} EVENTS=1 cargo test --test it volume");
            };
            let mut seen = seen.lock().unwrap();
            seen.events += one.events;
            seen.words.extend(one.words);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(turn)).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
    let seen = seen.into_inner().unwrap();
    println!("{} events", seen.events);
    let missing = SAID.iter().filter(|word| !seen.words.contains(**word));
    let missing: Vec<_> = missing.filter(|_| wanted >= EVENTS as usize).collect();
    assert!(missing.is_empty(), "no story says {missing:?}");
}
