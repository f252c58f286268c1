//! A part of a queue batch, as rows: what one transaction writes of it.

use super::Message;
use crate::domain::click::{self, Visit, VisitKind};
use crate::domain::limits;
use crate::domain::traffic::Class;
use crate::json;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use throughline_text::Draft;

/// Messages of which none is stored yet, each once, and what they come to.
#[derive(Default)]
pub(super) struct Part<'a> {
    messages: Vec<&'a Message>,
    counts: BTreeMap<Count, i64>,
    /// Named clicks.
    nonces: BTreeSet<&'a str>,
    links: BTreeSet<String>,
    /// The first landing of each token.
    landings: BTreeMap<&'a str, &'a Visit>,
    grants: BTreeMap<&'a str, Vec<&'a Visit>>,
    packs: Vec<Pack<'a>>,
}

/// Program, day, link, partner and class.
type Count = (String, String, String, String, &'static str);

/// One row of packed visits.
struct Pack<'a> {
    bucket: i64,
    bytes: usize,
    messages: Vec<&'a Message>,
    visits: Vec<Value>,
    nonces: String,
}

impl<'a> Part<'a> {
    /// The messages without those whose ids are `stored`, and without those that bring nothing.
    pub(super) fn of(messages: &'a [Message], stored: &BTreeSet<String>) -> Part<'a> {
        let mut part = Part::default();
        let mut seen = BTreeSet::new();
        for message in messages {
            let known = stored.contains(&message.id) || !seen.insert(message.id.as_str());
            if !known && !message.visits.is_empty() {
                part.add(message);
            }
        }
        part
    }

    fn add(&mut self, message: &'a Message) {
        self.messages.push(message);
        let mut packed = Vec::new();
        for visit in &message.visits {
            self.links.insert(visit.touch.link.to_string());
            match (visit.kind, visit.touch.nonce.as_deref()) {
                (VisitKind::Landing, Some(nonce)) => {
                    self.landings.entry(nonce).or_insert(visit);
                    continue;
                }
                (VisitKind::Grant, Some(nonce)) => {
                    self.grants.entry(nonce).or_default().push(visit);
                }
                (_, nonce) => {
                    self.nonces.extend(nonce);
                    packed.push(visit);
                }
            }
            for class in classes(visit) {
                *self.counts.entry(count(visit, class)).or_default() += 1;
            }
        }
        self.pack(message, &packed);
    }

    /// Adds a message to the open pack of its minute, or begins one where that is full: a row is
    /// small enough for who looks in it for one click, and far below what D1 allows a row.
    fn pack(&mut self, message: &'a Message, visits: &[&Visit]) {
        let bucket = click::bucket(message.sent_at);
        let bytes = visits.iter().map(|visit| bytes(visit)).sum::<usize>();
        let room = |pack: &&mut Pack<'_>| {
            pack.bucket == bucket && pack.bytes + bytes <= limits::CLICK_PACK_BYTES
        };
        let pack = match self.packs.iter_mut().rev().find(room) {
            Some(pack) => pack,
            None => self.packs.push_mut(Pack {
                bucket,
                bytes: 0,
                messages: Vec::new(),
                visits: Vec::new(),
                nonces: String::new(),
            }),
        };
        pack.bytes += bytes;
        pack.messages.push(message);
        pack.visits.extend(visits.iter().map(|visit| json!(visit)));
        for nonce in visits.iter().filter_map(|v| v.touch.nonce.as_deref()) {
            pack.nonces.push_str(nonce.get(..6).unwrap_or(nonce));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Where messages of this part are if they are stored.
    pub(super) fn look(&self) -> Value {
        let sent = || self.messages.iter().map(|message| message.sent_at);
        let ids: Vec<&str> = self.messages.iter().map(|m| m.id.as_str()).collect();
        let buckets: BTreeSet<i64> = sent().map(click::bucket).collect();
        json!({"ids": ids, "buckets": buckets, "from": sent().min(), "until": sent().max()})
    }

    /// What is counted, and what it is news of.
    pub(super) fn summary(&self) -> Value {
        let counts: Vec<Value> = self.counts.iter().map(counted).collect();
        let landings = self.landings.iter().map(|(nonce, visit)| {
            let (program, day, link, partner, _) = count(visit, "");
            json!({"nonce": nonce, "program": program, "day": day, "link": link,
                "partner": partner, "classes": classes(visit)})
        });
        json!({
            "counts": counts,
            "landings": landings.collect::<Vec<Value>>(),
            "nonces": self.nonces,
            "grants": self.grants.keys().collect::<Vec<_>>(),
            "most_grants": limits::CLICK_GRANTS,
            "links": self.links,
        })
    }

    pub(super) fn landings(&self) -> Value {
        let row = |(nonce, visit): (&&str, &&Visit)| json!({"nonce": nonce, "visit": visit});
        self.landings.iter().map(row).collect()
    }

    pub(super) fn grants(&self) -> Value {
        let rows = self.grants.iter().flat_map(|(nonce, visits)| {
            let kept = visits.iter().take(limits::CLICK_GRANTS).enumerate();
            kept.map(move |(place, visit)| json!({"nonce": nonce, "place": place, "visit": visit}))
        });
        json!({"most_grants": limits::CLICK_GRANTS, "grants": rows.collect::<Vec<Value>>()})
    }

    pub(super) fn packs(&self) -> Value {
        let row = |pack: &Pack<'_>| {
            let sent = || pack.messages.iter().map(|message| message.sent_at);
            let ids: Vec<&str> = pack.messages.iter().map(|m| m.id.as_str()).collect();
            json!({"bucket": pack.bucket, "messages": ids, "visits": pack.visits,
                "from": sent().min(), "until": sent().max(), "nonces": pack.nonces})
        };
        self.packs.iter().map(row).collect()
    }
}

fn bytes(visit: &Visit) -> usize {
    let mut text = Draft::default();
    visit.write_json(&mut text);
    text.len()
}

fn counted(((program, day, link, partner, class), count): (&Count, &i64)) -> Value {
    json!({"program": program, "day": day, "link": link, "partner": partner, "class": class,
        "count": count})
}

fn count(visit: &Visit, class: &'static str) -> Count {
    let touch = &visit.touch;
    let (program, link) = (touch.program.to_string(), touch.link.to_string());
    let day = visit.at.to_day().to_string();
    (program, day, link, touch.partner.to_string(), class)
}

/// The classes that a visit counts under. What a token lands as is counted once per token.
fn classes(visit: &Visit) -> Vec<&'static str> {
    let named = visit.touch.nonce.is_some();
    let classes: &[&str] = match (visit.kind, visit.touch.class, named) {
        (VisitKind::Click, class, _) => &[class.name()],
        (VisitKind::Orphan, ..) => &["orphan"],
        // A page that was loaded ahead is shown: the click happens now.
        (VisitKind::Landing, Class::Prefetch, true) => &["shown", "confirmed"],
        // What might have been software was a person.
        (VisitKind::Landing, Class::Provisional, true) => &["validated", "confirmed"],
        (VisitKind::Landing, Class::Flood, true) => &["validated", "confirmed", "unpaid"],
        (VisitKind::Landing, class, true) if !class.is_paid() => &["confirmed", "unpaid"],
        (VisitKind::Landing, _, true) => &["confirmed"],
        // Nothing tells two anonymous landings apart, so they are counted by themselves; those that
        // got a name by a grant, which comes with a landing of that name, are subtracted in reads.
        (VisitKind::Landing, _, false) => &["confirmed_anonymous"],
        (VisitKind::Grant, ..) => &["granted"],
        (VisitKind::Unverified, ..) => &["unverified"],
    };
    classes.to_vec()
}
