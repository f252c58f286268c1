//! Streams of facts for properties: the same facts in any order, as often as one likes, in a world
//! of random plans, standings, codes and rates.

mod play;
mod settings;

pub use play::by_purchase;
pub use settings::{DAYS, Names, plans_of, settings, statuses_of, write};

use super::merchant::clicks::{self as made, Made};
use super::merchant::{Report, Scene, report};
use super::oracle::{Fact, Touch, World};
use super::picks::{Picks, listed};
use super::shop::{START, Shop};
use domain::values::ids::{PartnerId, ProgramId, event_id};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

const HOUR: i64 = 3_600_000;
const PLACES: usize = 24;

/// One thing that happens. Its place in the story is its natural key, so that a repeat is the same.
#[derive(Clone, Debug)]
pub enum Step {
    Report(Report),
    /// A click message arrives: of a click, and which of its visits.
    Visit {
        click: usize,
        which: usize,
    },
    /// A person decides about an event.
    Ruling {
        event: String,
        action: &'static str,
    },
    /// A person says what a click was.
    Said {
        click: usize,
        class: Option<&'static str>,
    },
}

/// The numbers from which a world and its steps are made.
#[derive(Clone)]
pub struct Story {
    pub world: Vec<u16>,
    pub steps: Vec<Vec<u16>>,
}

/// Numbers say little: what they become is shown.
impl std::fmt::Debug for Story {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stage = stage(self);
        let settings = &stage.script.settings;
        for plan in &settings.plans {
            writeln!(to, "plan from {}: {}", plan.from, plan.rules)?;
        }
        writeln!(to, "{:?}", settings.statuses)?;
        writeln!(
            to,
            "{:?}\n{:?}\n{:?}",
            settings.codes, settings.selves, settings.rates
        )?;
        for (place, step) in stage.script.steps.iter().enumerate() {
            writeln!(to, "{place}: {step:?}")?;
        }
        Ok(())
    }
}

pub fn stories() -> impl Strategy<Value = Story> {
    let numbers = |count| proptest::collection::vec(any::<u16>(), count);
    let steps = proptest::collection::vec(numbers(24usize..=24), 1..PLACES);
    (numbers(240..=240), steps).prop_map(|(world, steps)| Story { world, steps })
}

/// Every place at least once, some more often, in any order.
pub fn order(length: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..length, 0..length)
        .prop_map(move |again| (0..length).chain(again).collect::<Vec<_>>())
        .prop_shuffle()
}

/// Clicks that were made, dated settings, and what will happen.
pub struct Script {
    pub clicks: Vec<Made>,
    /// As the oracle sees them.
    pub settings: World,
    pub steps: Vec<Step>,
}

/// A script, and the shop in which it is played.
pub struct Stage {
    pub shop: Shop,
    pub script: Script,
}

impl Script {
    pub fn of(story: &Story, partners: &[String], names: Names<'_>) -> Script {
        let ids: Vec<PartnerId> = partners
            .iter()
            .filter_map(|id| PartnerId::parse(id))
            .collect();
        let program = ProgramId::parse(names.program).unwrap();
        let clicks = made::make(names.keys, program, &ids, START, 0);
        let mut source = listed(&story.world);
        Script {
            settings: settings(&mut Picks(&mut source), partners, names),
            steps: steps(partners, program, &clicks, &story.steps),
            clicks,
        }
    }

    /// The oracle's view, once all of it has arrived.
    pub fn world(&self, names: Names<'_>, events: &[Option<String>]) -> World {
        let mut world = self.settings.clone();
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Step::Report(report) => {
                    let click = report.click.map(|click| &self.clicks[click]);
                    let touch = click.map(|click| Touch::read(&json!(click.touch)));
                    let named = |id: Option<&str>, email: Option<&str>| names.make(id, email);
                    world.facts.push(Fact {
                        event: events[place].clone().unwrap_or_default(),
                        ..Fact::sent(report.kind, &report.body, touch, named)
                    });
                }
                Step::Visit { click, which } => {
                    if let Some(visit) = self.clicks[*click].visits.get(*which) {
                        world.learn(&json!(visit));
                    }
                }
                Step::Ruling { event, action } => {
                    let ruling = (event.clone(), (*action).to_owned(), place as i64);
                    world.rulings.push(ruling);
                }
                Step::Said { click, class } => {
                    let class = class.map(str::to_owned);
                    let nonce = self.clicks[*click].touch.nonce.clone();
                    let said = nonce.map(|nonce| (nonce, class, place as i64));
                    world.said.extend(said);
                }
            }
        }
        world
    }
}

pub fn stage(story: &Story) -> Stage {
    let mut shop = Shop::open();
    for name in ["Coupon", "House"] {
        let body = json!({"program": shop.program, "name": name});
        let id = shop.made("POST", "partners", &body)["id"].clone();
        shop.partners.push(id.as_str().unwrap().to_owned());
    }
    let script = Script::of(story, &shop.partners, Names::of(&shop));
    shop.db.execute("DELETE FROM plans");
    write(&shop, &script.settings);
    shop.wait((DAYS + 20) * 24 * HOUR);
    Stage { shop, script }
}

/// The steps, each natural key once.
fn steps(
    partners: &[String],
    program: ProgramId,
    clicks: &[Made],
    numbers: &[Vec<u16>],
) -> Vec<Step> {
    let instants: Vec<i64> = clicks.iter().map(|click| click.at).collect();
    let places = 0..numbers.len().max(PLACES);
    let invoices: Vec<String> = places.clone().map(|place| format!("o{place}")).collect();
    let mut disputes: Vec<(String, String)> = places
        .map(|place| (format!("d{place}"), format!("o{place}")))
        .collect();
    let mut steps = Vec::new();
    let mut keys = BTreeSet::new();
    // Twice, because a won dispute may come before its chargeback, whose invoice it names.
    for _ in 0..2 {
        steps.clear();
        keys.clear();
        for (place, numbers) in numbers.iter().enumerate() {
            let mut source = listed(numbers);
            let picks = &mut Picks(&mut source);
            let scene = Scene {
                number: place as u64,
                first: 0,
                customers: 3,
                start: START.0 + HOUR,
                hours: if picks.one_in(2) {
                    24 * DAYS as u64
                } else {
                    200
                },
                clicks: &instants,
                partners,
                invoices: &invoices,
                disputes: &disputes,
            };
            let step = step(program, picks, &scene);
            if let Step::Report(report) = &step {
                if report.kind == "chargeback" {
                    let invoice = report.body["invoiceId"].as_str().unwrap();
                    disputes[place].1 = invoice.to_owned();
                }
                if !keys.insert(report.key()) {
                    continue;
                }
            }
            steps.push(step);
        }
    }
    if steps.is_empty() {
        steps.push(Step::Visit { click: 0, which: 0 });
    }
    steps
}

fn step(program: ProgramId, picks: &mut Picks<'_>, scene: &Scene<'_>) -> Step {
    match picks.below(12) {
        0..9 => Step::Report(report(picks, scene)),
        9 | 10 => Step::Visit {
            click: picks.below(scene.clicks.len() as u64) as usize,
            which: picks.below(2) as usize,
        },
        _ if picks.one_in(2) => Step::Said {
            click: picks.below(scene.clicks.len() as u64) as usize,
            class: picks.pick(&[Some("crawler"), Some("human"), None]),
        },
        _ => Step::Ruling {
            event: event_id(program, "sale", &picks.pick(scene.invoices)),
            action: picks.pick(&["hold", "approve", "reject", "clear"]),
        },
    }
}
