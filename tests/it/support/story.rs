//! Streams of facts for properties: the same facts in any order, as often as one likes, in a world
//! of random plans, standings, codes and rates.

mod settings;

pub use settings::{named, write};

use super::block_on;
use super::merchant::clicks::{self as made, Made};
use super::merchant::{Report, Scene, plans, report};
use super::oracle::{Code, Fact, Plan, Rate, Status, Touch, World};
use super::picks::{Picks, listed};
use super::shop::{START, Shop};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use throughline::app::clicks::{self, Message};
use throughline::domain::ids::{PartnerId, ProgramId, event_id};
use throughline::domain::time::UnixMs;

const HOUR: i64 = 3_600_000;
const DAYS: i64 = 100;
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
        let settings = &stage.settings;
        for plan in &settings.plans {
            writeln!(to, "plan from {}: {}", plan.from, plan.rules)?;
        }
        writeln!(to, "{:?}", settings.statuses)?;
        writeln!(
            to,
            "{:?}\n{:?}\n{:?}",
            settings.codes, settings.selves, settings.rates
        )?;
        for (place, step) in stage.steps.iter().enumerate() {
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

/// A shop with its partners, clicks and dated settings, and what will happen.
pub struct Stage {
    pub shop: Shop,
    pub clicks: Vec<Made>,
    pub steps: Vec<Step>,
    /// The settings, as the oracle sees them.
    pub settings: World,
}

pub fn stage(story: &Story) -> Stage {
    let mut shop = Shop::open();
    for name in ["Coupon", "House"] {
        let body = json!({"program": shop.program, "name": name});
        let id = shop.made("POST", "partners", &body)["id"].clone();
        shop.partners.push(id.as_str().unwrap().to_owned());
    }
    let ids: Vec<PartnerId> = shop
        .partners
        .iter()
        .filter_map(|id| PartnerId::parse(id))
        .collect();
    let program = ProgramId::parse(&shop.program).unwrap();
    let clicks = made::make(&shop.settings.keys, program, &ids, START, 0);
    let mut source = listed(&story.world);
    let settings = settings::settings(&shop, &mut Picks(&mut source));
    let steps = steps(&shop, &clicks, &story.steps);
    shop.wait((DAYS + 20) * 24 * HOUR);
    Stage {
        shop,
        clicks,
        steps,
        settings,
    }
}

/// The steps, each natural key once.
fn steps(shop: &Shop, clicks: &[Made], numbers: &[Vec<u16>]) -> Vec<Step> {
    let instants: Vec<i64> = clicks.iter().map(|click| click.at).collect();
    let places = 0..PLACES;
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
                partners: &shop.partners,
                invoices: &invoices,
                disputes: &disputes,
            };
            let step = step(shop, picks, &scene);
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

fn step(shop: &Shop, picks: &mut Picks<'_>, scene: &Scene<'_>) -> Step {
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
        _ => {
            let program = ProgramId::parse(&shop.program).unwrap();
            Step::Ruling {
                event: event_id(program, "sale", &picks.pick(scene.invoices)),
                action: picks.pick(&["hold", "approve", "reject", "clear"]),
            }
        }
    }
}

impl Stage {
    /// Plays the step at a place of the story; gives the event's id where it has one.
    pub fn play(&self, place: usize) -> Option<String> {
        match &self.steps[place] {
            Step::Report(report) => {
                let mut body = report.body.clone();
                body["clickId"] = json!(report.click.map(|click| &self.clicks[click].token));
                let (status, answer) = self.shop.track(report.kind, &body);
                assert_eq!(status, 200, "{body}: {answer}");
                return Some(answer["eventId"].as_str().unwrap().to_owned());
            }
            Step::Visit { click, which } => {
                if let Some(visit) = self.clicks[*click].visits.get(*which) {
                    let message = Message {
                        id: format!("m{click} {which}"),
                        // Queue messages leave within a second: here always in the next minute.
                        sent_at: UnixMs(visit.touch.at.0 + 900),
                        visits: vec![visit.clone()],
                    };
                    block_on(clicks::consume(&self.shop.db, &[message])).unwrap();
                }
            }
            Step::Ruling { event, action } => ruled(&self.shop, event, action, place as i64),
            Step::Said { click, class } => {
                if let Some(nonce) = &self.clicks[*click].touch.nonce {
                    said(&self.shop, nonce, *class, place as i64);
                }
            }
        }
        None
    }

    /// The invoices of the story.
    pub fn purchases(&self) -> Vec<String> {
        let reports = self.steps.iter().filter_map(|step| match step {
            Step::Report(report) => Some(report),
            _ => None,
        });
        let bought = reports.filter(|r| matches!(r.kind, "sale" | "deal" | "renewal"));
        let invoices = bought.filter_map(|report| report.body["invoiceId"].as_str());
        invoices.map(str::to_owned).collect()
    }

    /// A reversal of all that is left of a purchase, now.
    pub fn reverse(&self, kind: &str, member: &str, id: &str, invoice: &str) {
        let body = json!({member: id, "invoiceId": invoice});
        let (status, answer) = self.shop.track(kind, &body);
        assert_eq!(status, 200, "{answer}");
    }

    /// The stored text of each event's newest decision, and the net positions that are not zero.
    pub fn outcome(&self) -> (Vec<String>, Vec<String>) {
        let decisions = self.shop.db.column(
            "SELECT event || ' ' || body FROM decisions d WHERE revision = (
               SELECT max(revision) FROM decisions n WHERE n.event = d.event) ORDER BY 1",
        );
        let positions = self.shop.db.column(
            "SELECT cause || ' ' || partner || ' ' || currency || ' ' || coalesce(paid_in, '') ||
               ' ' || sum(amount) || ' ' || coalesce(sum(payout), 0) FROM entries
             GROUP BY cause, partner, currency, paid_in
             HAVING sum(amount) <> 0 OR coalesce(sum(payout), 0) <> 0 ORDER BY 1",
        );
        (decisions, positions)
    }

    /// The oracle's view, once all of it has arrived.
    pub fn world(&self, events: &[Option<String>]) -> World {
        let mut world = self.settings.clone();
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Step::Report(report) => {
                    let touch = report
                        .click
                        .map(|click| Touch::read(&json!(self.clicks[click].touch)));
                    let named =
                        |id: Option<&str>, email: Option<&str>| named(&self.shop, id, email);
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
                    world
                        .said
                        .extend(nonce.map(|nonce| (nonce, class, place as i64)));
                }
            }
        }
        world
    }
}

/// What each purchase and its reversals add up to, by partner and currencies, without zeros.
pub fn by_purchase(shop: &Shop) -> BTreeMap<String, (i64, i64)> {
    let rows = shop.db.column(
        "SELECT json_array(coalesce(p.id, f.id) || ' ' || e.partner || ' ' || e.currency || ' ' ||
             coalesce(e.paid_in, ''), sum(e.amount), coalesce(sum(e.payout), 0))
         FROM entries e JOIN facts f ON f.id = e.cause
         LEFT JOIN facts p ON p.key = f.sale_key AND p.kind IN ('sale', 'deal', 'renewal')
         WHERE f.sale_key IS NOT NULL OR f.kind IN ('sale', 'deal', 'renewal')
         GROUP BY coalesce(p.id, f.id), e.partner, e.currency, e.paid_in
         HAVING sum(e.amount) <> 0 OR coalesce(sum(e.payout), 0) <> 0",
    );
    let read = |row: &String| {
        let (position, amount, payout) = serde_json::from_str(row).unwrap();
        (position, (amount, payout))
    };
    rows.iter().map(read).collect()
}

/// A person's ruling, dated, once; its event is folded again.
pub fn ruled(shop: &Shop, event: &str, action: &str, at: i64) {
    let program = &shop.program;
    shop.db.execute(&format!(
        "INSERT INTO rulings (program, event, action, actor, reason, at)
         SELECT '{program}', '{event}', '{action}', 'ak_test', 'looked', {at}
         WHERE NOT EXISTS (SELECT 1 FROM rulings WHERE event = '{event}' AND at = {at});
         UPDATE facts SET state = 'pending' WHERE id = '{event}' AND state = 'folded'"
    ));
}

/// What a person says of a click, dated, once; all facts are folded again, since journals may
/// remember the click.
pub fn said(shop: &Shop, nonce: &str, class: Option<&str>, at: i64) {
    let program = &shop.program;
    let class = class.map_or("NULL".to_owned(), |class| format!("'{class}'"));
    shop.db.execute(&format!(
        "INSERT INTO reclassifications (program, nonce, class, actor, reason, at)
         SELECT '{program}', '{nonce}', {class}, 'ak_test', 'looked', {at}
         WHERE NOT EXISTS (SELECT 1 FROM reclassifications WHERE nonce = '{nonce}' AND at = {at});
         UPDATE facts SET state = 'pending' WHERE state = 'folded'"
    ));
}

/// All plan versions of a shop's program, as the table has them.
pub fn plans_of(shop: &Shop) -> Vec<Plan> {
    let rows = shop.db.column(
        "SELECT json_object('from', effective_from, 'rules', json(rules)) FROM plans
         ORDER BY effective_from, version",
    );
    let read = |row: &String| {
        let row: Value = serde_json::from_str(row).unwrap();
        let (from, rules) = (row["from"].as_i64().unwrap(), row["rules"].clone());
        Plan { from, rules }
    };
    rows.iter().map(read).collect()
}

/// All standings, as the tables have them.
pub fn statuses_of(shop: &Shop) -> Vec<Status> {
    let rows = shop.db.column(
        "SELECT json_array(at, partner, active, kind) FROM (
           SELECT seq, at, partner, active, kind FROM partner_statuses ORDER BY seq)
         UNION ALL
         SELECT json_array(at, NULL, active, NULL) FROM (
           SELECT at, active FROM program_statuses ORDER BY seq)",
    );
    let read = |row: &String| {
        let (at, partner, active, kind) =
            serde_json::from_str::<(i64, Option<String>, i64, Option<String>)>(row).unwrap();
        Status {
            at,
            partner,
            active: active == 1,
            kind,
        }
    };
    rows.iter().map(read).collect()
}
