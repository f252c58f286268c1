//! Which touches a customer has, and the verdict on each for one event: by itself, against the
//! others, by the code rule, by the model.

use super::read::rung;
use super::{Fact, Plan, Touch, World, model};
use std::collections::BTreeMap;

/// Classes in which a person could be.
const PEOPLE: [&str; 5] = ["human", "provisional", "prefetch", "duplicate", "flood"];
const BEFORE: usize = 100;
const AFTER: usize = 10;

/// The clicks of the customer's tokens, what those clicks' journals remember, and the codes that
/// came with events; in their order.
pub fn all(world: &World, facts: &[&Fact]) -> Vec<Touch> {
    let mut clicks: Vec<Touch> = Vec::new();
    for own in facts.iter().filter_map(|fact| fact.touch.as_ref()) {
        clicks.push(own.clone());
        let nonce = own.nonce.as_ref();
        let visits = nonce.and_then(|nonce| world.visits.get(nonce));
        for visit in visits.into_iter().flatten() {
            clicks.push(visit.touch.clone());
            clicks.extend(visit.earlier.iter().cloned());
        }
    }
    // Of one click a token says more than a memory, and a later grant more than an earlier refusal.
    let mut known: BTreeMap<_, Touch> = BTreeMap::new();
    for click in clicks {
        let better = |kept: &Touch| {
            (click.remembered, u8::MAX - click.consent) < (kept.remembered, u8::MAX - kept.consent)
        };
        let identity = click.identity();
        if known.get(&identity).is_none_or(better) {
            known.insert(identity, click);
        }
    }
    let mut touches: Vec<Touch> = known.into_values().collect();
    for touch in &mut touches {
        let about = world
            .said
            .iter()
            .filter(|s| Some(&s.0) == touch.nonce.as_ref());
        let newest = about.max_by_key(|said| said.2);
        if let Some(class) = newest.and_then(|said| said.1.clone()) {
            touch.class = class;
        }
    }
    // An anonymous click is known from the earliest event on that came with its token.
    for touch in touches.iter_mut().filter(|touch| touch.nonce.is_none()) {
        let came = facts.iter().filter(|fact| {
            let own = fact.touch.as_ref();
            own.is_some_and(|own| own.identity() == touch.identity())
        });
        touch.known_from = came.map(|fact| fact.at).min().unwrap_or(touch.at);
    }
    touches.extend(facts.iter().filter_map(|fact| used_code(world, fact)));
    touches.sort_by_key(|t| {
        (
            t.at,
            t.nonce.clone(),
            t.link.clone(),
            t.code.clone(),
            t.event.clone(),
        )
    });
    touches
}

fn used_code(world: &World, fact: &Fact) -> Option<Touch> {
    let code = fact.code.as_ref()?;
    Some(Touch {
        at: fact.at,
        nonce: None,
        link: None,
        code: Some(code.clone()),
        event: fact.event.clone(),
        partner: world.owner(code, fact.at)?.to_owned(),
        consent: rung("full"),
        class: "human".to_owned(),
        checkout: false,
        remembered: false,
        known_from: fact.at,
    })
}

/// A touch with its verdict and share.
#[derive(Clone, Debug)]
pub struct Seen {
    pub touch: Touch,
    pub verdict: &'static str,
    pub share: i64,
}

impl Seen {
    pub fn eligible(&self) -> bool {
        matches!(self.verdict, "no_share" | "won")
    }
}

/// Considers touches for an event.
pub fn consider(world: &World, plan: &Plan, fact: &Fact, touches: &[Touch]) -> Vec<Seen> {
    let mut all: Vec<Seen> = in_reach(touches, fact.at)
        .into_iter()
        .map(|touch| Seen {
            verdict: alone(world, plan, fact, &touch),
            touch,
            share: 0,
        })
        .collect();
    let seconds = plan.nested("stand_down", "seconds").unwrap_or(10);
    let at_checkout = plan.flag("stand_down", "checkout", true);
    let late = |touch: &Touch| {
        let close = touch.nonce.is_some() && fact.at - touch.at < seconds * 1_000;
        touch.code.is_none() && (close || at_checkout && touch.checkout)
    };
    step_back(&mut all, late, "stood_down");
    let weak = |touch: &Touch| !plan.may_displace(&world.kind(&touch.partner, fact.at));
    step_back(&mut all, weak, "may_not_displace");
    codes(&mut all, plan, fact);
    share(&mut all, world, plan, fact);
    all
}

/// The first and the newest, a hundred in all before the event, and ten after it.
fn in_reach(touches: &[Touch], at: i64) -> Vec<Touch> {
    let (mut before, mut after): (Vec<Touch>, Vec<Touch>) =
        touches.iter().cloned().partition(|touch| touch.at <= at);
    while before.len() > BEFORE {
        before.remove(1);
    }
    after.truncate(AFTER);
    before.extend(after);
    before
}

fn alone(world: &World, plan: &Plan, fact: &Fact, touch: &Touch) -> &'static str {
    let partner = touch.partner.as_str();
    // Of an anonymous touch only the day is known.
    let anonymous = touch.nonce.is_none() && touch.code.is_none();
    let then = if anonymous { fact.at } else { touch.at };
    let window = plan.window(&fact.kind, &world.kind(partner, fact.at));
    if touch.at > fact.at {
        "after_event"
    } else if anonymous && fact.at < touch.known_from {
        "brought_later"
    } else if fact.at - touch.at > window {
        "outside_window"
    } else if !world.active(partner, fact.at) || !world.active(partner, then) {
        "partner_suspended"
    } else if !world.program_active(fact.at) || !world.program_active(then) {
        "program_paused"
    } else if !PEOPLE.contains(&touch.class.as_str()) {
        "class_earns_nothing"
    } else if touch.consent < rung(&plan.word("consent", "code")) {
        "consent_too_narrow"
    } else {
        "no_share"
    }
}

/// Weak touches step back where another partner has an eligible one that is not weak.
fn step_back(all: &mut [Seen], weak: impl Fn(&Touch) -> bool, verdict: &'static str) {
    let strong = |seen: &&Seen| seen.eligible() && !weak(&seen.touch);
    let strong: Vec<String> = all
        .iter()
        .filter(strong)
        .map(|s| s.touch.partner.clone())
        .collect();
    for seen in all.iter_mut() {
        let displaced = strong.iter().any(|partner| *partner != seen.touch.partner);
        if seen.eligible() && weak(&seen.touch) && displaced {
            seen.verdict = verdict;
        }
    }
}

fn codes(all: &mut [Seen], plan: &Plan, fact: &Fact) {
    let own = |seen: &Seen| seen.touch.code.is_some() && seen.touch.event == fact.event;
    let is_code = |seen: &Seen| seen.touch.code.is_some();
    let has = |all: &[Seen], what: &dyn Fn(&Seen) -> bool| {
        all.iter().any(|seen| seen.eligible() && what(seen))
    };
    match plan.word("code", "before_links").as_str() {
        "before_links" if has(all, &own) => {
            for seen in all.iter_mut().filter(|s| s.eligible() && !own(s)) {
                seen.verdict = "code_first";
            }
        }
        "after_links" if has(all, &|seen| !is_code(seen)) => {
            for seen in all.iter_mut().filter(|s| s.eligible() && is_code(s)) {
                seen.verdict = "link_first";
            }
        }
        _ => {}
    }
}

fn share(all: &mut [Seen], world: &World, plan: &Plan, fact: &Fact) {
    let eligible: Vec<&mut Seen> = all.iter_mut().filter(|seen| seen.eligible()).collect();
    let ages: Vec<i64> = eligible
        .iter()
        .map(|seen| fact.at - seen.touch.at)
        .collect();
    let half_life = plan.number("half_life_days", 7);
    let (mut shares, certain) = model::shares(&plan.word("model", "last"), half_life, &ages);
    let rounded = world.rounded.get(&fact.event).filter(|_| !certain);
    if let Some(rounded) = rounded.filter(|rounded| model::is_close(&shares, rounded)) {
        shares.clone_from(rounded);
    }
    for (seen, share) in eligible.into_iter().zip(shares) {
        seen.share = share;
        if share > 0 {
            seen.verdict = "won";
        }
    }
}
