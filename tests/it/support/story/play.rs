//! A story in a shop: each step through the API, and what the ledger says in the end.

use super::super::block_on;
use super::super::oracle::World;
use super::super::shop::Shop;
use super::{Names, Stage, Step};
use app::clicks::{self, Message};
use domain::values::time::UnixMs;
use serde_json::json;
use std::collections::BTreeMap;

impl Stage {
    /// Plays the step at a place of the story; gives the event's id where it has one.
    pub fn play(&self, place: usize) -> Option<String> {
        match &self.script.steps[place] {
            Step::Report(report) => {
                let mut body = report.body.clone();
                body["clickId"] = json!(report.click.map(|click| &self.script.clicks[click].token));
                let (status, answer) = self.shop.track(report.kind, &body);
                assert_eq!(status, 200, "{body}: {answer}");
                return Some(answer["eventId"].as_str().unwrap().to_owned());
            }
            Step::Visit { click, which } => {
                if let Some(visit) = self.script.clicks[*click].visits.get(*which) {
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
                if let Some(nonce) = &self.script.clicks[*click].touch.nonce {
                    said(&self.shop, nonce, *class, place as i64);
                }
            }
        }
        None
    }

    /// The invoices of the story.
    pub fn purchases(&self) -> Vec<String> {
        let reports = self.script.steps.iter().filter_map(|step| match step {
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
        self.script.world(Names::of(&self.shop), events)
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
