//! What the merchant reports: sent until it was answered with 2xx, sometimes again.

use super::{AT_A_TIME, RECENT_CLICKS, Request, Simulation};
use crate::support::merchant::{Report, Scene, report};
use crate::support::oracle::{Fact, Touch};
use crate::support::picks::{Picks, Random};
use crate::support::story::Names;
use serde_json::json;

const HOUR: i64 = 3_600_000;
/// How many of the newest purchases and chargebacks reversals are about.
const RECENT: usize = 60;
/// One of so many events is of the customer under whom a hotel books all its guests; the first such
/// customer, and after how many events another one follows.
const TAIL: u64 = 6;
const CROWD: u64 = 1_000_000;
const EVENTS_OF_A_CROWD: u64 = 1_200;

impl Simulation {
    pub(super) fn convert(&mut self) {
        self.number += 1;
        let now = self.shop.now.get().0;
        // Most events are of the last day, some of the last weeks.
        let hours = if self.random.one_in(12) { 24 * 50 } else { 24 };
        let instants: Vec<i64> = self.recent.iter().map(|(_, touch)| touch.at).collect();
        let mut random = Random(self.random.next());
        let mut source = || random.next();
        let (first, customers) = match self.random.one_in(TAIL) {
            true => (CROWD + self.number / EVENTS_OF_A_CROWD, 1),
            false => (self.first(), AT_A_TIME),
        };
        let scene = Scene {
            number: self.number,
            first,
            customers,
            start: now - hours * HOUR,
            hours: hours.unsigned_abs(),
            clicks: &instants,
            partners: &self.shop.partners,
            invoices: &self.invoices,
            disputes: &self.disputes,
        };
        let mut report = report(&mut Picks(&mut source), &scene);
        let at = report.body["occurredAt"].as_i64().unwrap();
        report.body["occurredAt"] = json!(at.min(now / 1_000));
        self.name(&mut report);
        self.note(&report);
        let click = report.click.map(|click| &self.recent[click]);
        report.body["clickId"] = json!(click.map(|click| &click.0));
        let touch = click.map(|click| click.1.clone());
        let names = Names::of(&self.shop);
        let pseudonyms = |id: Option<&str>, email: Option<&str>| names.make(id, email);
        let fact = Fact::sent(report.kind, &report.body, touch, pseudonyms);
        self.send(Request {
            kind: report.kind,
            body: report.body,
            fact,
        });
    }

    /// Makes natural keys unique, so that no report is another one's repeat, and lets a chargeback
    /// be about what its won dispute, which came before it, was about.
    fn name(&self, report: &mut Report) {
        let (number, body) = (self.number, &mut report.body);
        match report.kind {
            "lead" => body["eventName"] = json!(format!("signup {number}")),
            "milestone" => body["eventId"] = json!(format!("m{number}")),
            "chargeback" => {
                if let Some(invoice) = self.won.get(&format!("d{number}")) {
                    body["invoiceId"] = json!(invoice);
                }
            }
            _ => {}
        }
    }

    /// Remembers what later reports may be about; some are about what comes only later.
    fn note(&mut self, report: &Report) {
        let number = self.number;
        let text = |name: &str| report.body[name].as_str().unwrap_or_default().to_owned();
        match report.kind {
            "sale" | "deal" | "renewal" => {
                self.invoices.push(format!("o{number}"));
                if number.is_multiple_of(9) {
                    self.invoices.push(format!("o{}", number + 3));
                }
            }
            "chargeback" if !self.won.contains_key(&format!("d{number}")) => {
                self.disputes
                    .retain(|(known, _)| *known != format!("d{number}"));
                self.disputes
                    .push((format!("d{number}"), text("invoiceId")));
            }
            "dispute_won" => {
                // One answer to each chargeback: another one would be another content.
                self.disputes
                    .retain(|(known, _)| *known != text("disputeId"));
                self.won.insert(text("disputeId"), text("invoiceId"));
                let about = self.random.pick(&self.invoices).unwrap().clone();
                self.disputes.push((format!("d{}", number + 5), about));
            }
            _ => {}
        }
        let excess = self.invoices.len().saturating_sub(RECENT);
        self.invoices.drain(..excess);
        let excess = self.disputes.len().saturating_sub(RECENT / 4);
        self.disputes.drain(..excess);
    }

    pub(super) fn send(&mut self, request: Request) {
        self.trouble(12, 2);
        self.shop.queue.down.set(self.random.one_in(40));
        let (status, answer) = self.shop.track(request.kind, &request.body);
        self.shop.queue.down.set(false);
        self.shop.db.heal();
        match status {
            200 => {
                let event = answer["eventId"].as_str().unwrap().to_owned();
                self.answered.push((request.kind, request.body));
                self.events.push(event.clone());
                self.world.facts.push(Fact {
                    event,
                    ..request.fact
                });
            }
            503 => self.unanswered.push(request),
            other => panic!("{other} {answer} {}", request.body),
        }
    }

    /// A caller without an answer tries again; one with an answer sometimes does too.
    pub(super) fn send_again(&mut self) {
        if self.unanswered.is_empty() || self.random.one_in(2) {
            let recent = self.answered.len().saturating_sub(1_000);
            let known = self.random.pick(&self.answered[recent..]).cloned();
            if let Some((kind, body)) = known {
                self.trouble(12, 2);
                let (status, answer) = self.shop.track(kind, &body);
                self.shop.db.heal();
                assert_eq!(status, 200, "{answer}");
            }
            return;
        }
        let place = self.random.below(self.unanswered.len() as u64) as usize;
        let request = self.unanswered.swap_remove(place);
        self.send(request);
    }

    /// Keeps the newest tokens for reports to come with.
    pub(super) fn remember(&mut self, token: String, touch: Touch) {
        self.recent.push_back((token, touch));
        if self.recent.len() > RECENT_CLICKS {
            self.recent.pop_front();
        }
    }
}
