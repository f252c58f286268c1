//! What must hold when everything has settled.

use super::Simulation;
use crate::support::compare::check;
use domain::visit::click::{Visit, VisitKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Simulation {
    pub fn verify(&self) {
        let db = &self.shop.db;
        if let Err(difference) = check(&self.shop, &self.world) {
            panic!("{difference}");
        }
        assert_eq!(db.refused(), 0, "nothing is too large for D1");
        assert_eq!(db.number("SELECT count(*) FROM unfinished"), 0);
        let facts = db.column("SELECT id FROM facts ORDER BY id");
        let mut accepted: Vec<_> = self.world.facts.iter().map(|f| f.event.clone()).collect();
        accepted.sort();
        assert_eq!(facts, accepted, "accepted once, stored once");
        let decided = db.number("SELECT count(DISTINCT event) FROM decisions");
        assert_eq!(
            db.number("SELECT count(*) FROM facts WHERE state = 'parked'"),
            self.world.facts.len() as i64 - decided
        );
        let left = "SELECT count(*) FROM facts WHERE state NOT IN ('folded', 'parked')";
        assert_eq!(db.number(left), 0);
        let classes = db.column(
            "SELECT class || ' ' || sum(count) FROM click_rollups GROUP BY class ORDER BY class",
        );
        let counted = self.counted.iter().map(|(class, n)| format!("{class} {n}"));
        assert_eq!(classes, counted.collect::<Vec<_>>());
        assert_eq!(
            db.number("SELECT count(*) FROM publications WHERE done < version"),
            0
        );
        self.verify_deliveries();
    }

    fn verify_deliveries(&self) {
        let db = &self.shop.db;
        // What was set aside while it was being sent may keep a lease that ran out.
        let now = self.shop.now.get().0;
        let open = format!(
            "SELECT count(*) FROM deliveries
             WHERE state NOT IN ('delivered', 'skipped', 'set_aside') OR leased_until > {now}"
        );
        assert_eq!(db.number(&open), 0);
        let told = |of: &str| db.number(&format!("SELECT count(*) FROM deliveries WHERE {of}"));
        let rest = "type NOT LIKE 'commission.%' AND type NOT LIKE 'violation.%'";
        // Later ones were not heard any more.
        let until = self.heard_until;
        let heard = |table: &str, at: &str| {
            db.number(&format!(
                "SELECT count(*) FROM {table} WHERE {at} < {until}"
            ))
        };
        assert_eq!(
            told(rest),
            heard("decisions", "decided_at"),
            "one message for each revision"
        );
        let booked = "type IN ('commission.earned', 'commission.reversed', 'commission.rejected',
            'commission.adjusted')";
        assert_eq!(
            told(booked),
            heard("entries", "booked_at"),
            "one message for each entry"
        );
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for request in self.shop.receiver.got.borrow().iter() {
            let id = request
                .headers
                .iter()
                .find(|h| h.0 == "webhook-id")
                .unwrap();
            let body: Value = serde_json::from_str(&request.body).unwrap();
            let about = json!([body["type"], body["timestamp"], body["data"]["id"]]).to_string();
            let first = seen.entry(id.1.clone()).or_insert_with(|| about.clone());
            assert_eq!(*first, about, "an id names one message over all attempts");
        }
        let delivered = db.column("SELECT id FROM deliveries WHERE state = 'delivered'");
        assert!(delivered.iter().all(|id| seen.contains_key(id)));
        let sealed = "SELECT count(*) FROM sealed_rows s WHERE NOT EXISTS (
            SELECT 1 FROM deliveries d WHERE d.event = s.event AND d.state = 'set_aside')";
        assert_eq!(
            db.number(sealed),
            0,
            "nothing personal outlives its deliveries"
        );
    }
}

/// Under which name a followed link counts.
pub(super) fn class_of(visit: &Visit) -> &'static str {
    match visit.kind {
        VisitKind::Orphan => "orphan",
        _ => visit.touch.class.name(),
    }
}
