//! What people of the program do: settings with dates, and words about events and clicks.

use super::{CHANGES, Simulation};
use crate::support::merchant::plans;
use crate::support::oracle::{Code, Rate};
use crate::support::picks::{Picks, Random};
use crate::support::story;
use serde_json::json;

/// What a currency was worth, and since when: the start, or later by so many days.
const RATES: [(&str, &str, i64, &str); 7] = [
    ("EUR", "USD", 0, "1.0842"),
    ("EUR", "USD", 3, "1.1"),
    ("USD", "EUR", 0, "0.9"),
    ("JPY", "EUR", 1, "0.0061"),
    ("EUR", "JPY", 0, "151.203"),
    ("USD", "BHD", 2, "0.376"),
    ("EUR", "BHD", 0, "0.41"),
];

impl Simulation {
    /// Partners of other kinds, codes and rates, and a first plan with many rules.
    pub(super) fn open(&mut self) {
        let shop = &mut self.shop;
        for name in ["Coupon", "House"] {
            let body = json!({"program": shop.program, "name": name});
            let partner = shop.made("POST", "partners", &body)["id"].clone();
            let body = json!({"program": shop.program, "partner": partner, "host": "shop.example",
                "slug": name, "target": "https://shop.example/"});
            shop.made("POST", "links", &body);
            shop.partners.push(partner.as_str().unwrap().to_owned());
        }
        shop.publish();
        let now = shop.now.get().0;
        let code = |code: &str, partner: usize, from, until| Code {
            code: code.to_owned(),
            partner: shop.partners[partner].clone(),
            from,
            until,
        };
        self.world.codes = vec![
            code("SAVE", 0, 0, None),
            code("GIFT", 1, 0, Some(now + 86_400_000)),
            code("GIFT", 2, now + 86_400_000, None),
        ];
        self.world.rates = Vec::from(RATES.map(|(from, to, days, text)| Rate {
            from: from.into(),
            to: to.into(),
            at: now + (days - 60) * 86_400_000,
            text: text.into(),
        }));
        let (customer, mailbox) = story::Names::of(shop).make(Some("u7"), Some("a9@shop.example"));
        let selves = [(0, customer), (1, mailbox)];
        self.world.selves = selves
            .into_iter()
            .map(|(partner, own)| (shop.partners[partner].clone(), own.unwrap()))
            .collect();
        story::write(shop, &self.world);
        self.kind(2, "coupon");
        self.plan();
    }

    /// Somebody decides, or changes a setting.
    pub(super) fn person(&mut self) {
        // What is dated now is later than everything that was reported so far.
        self.shop.wait(1);
        match self.random.below(8) {
            0..4 => self.rule(),
            _ if self.changes > CHANGES => {}
            // Rare, since each looks through all decisions.
            4..6 => {
                self.changes += 1;
                self.reclassify();
            }
            _ => {
                self.changes += 1;
                match self.random.below(4) {
                    0 => self.plan(),
                    1 => self.pause(),
                    2 => {
                        let kind = *self.random.pick(&["coupon", "content"]).unwrap();
                        self.kind(2, kind);
                    }
                    _ => self.suspend(),
                }
            }
        }
    }

    fn rule(&mut self) {
        let recent = self.events.len().saturating_sub(300);
        let Some(event) = self.random.pick(&self.events[recent..]).cloned() else {
            return;
        };
        let actions = ["hold", "approve", "reject", "clear"];
        let action = *self.random.pick(&actions).unwrap();
        let path = format!("events/{event}/{action}");
        let (status, answer) = self
            .shop
            .control("POST", &path, &json!({"reason": "looked"}));
        match status {
            202 => {
                let at = answer["at"].as_i64();
                let at = at.unwrap_or(self.shop.now.get().0);
                self.world.rulings.push((event, action.into(), at));
            }
            // The queue still holds the event, or it is a reversal.
            404 | 409 => {}
            other => panic!("{other} {answer}"),
        }
    }

    fn reclassify(&mut self) {
        let clicks: Vec<String> = self
            .recent
            .iter()
            .filter_map(|c| c.1.nonce.clone())
            .collect();
        let Some(nonce) = self.random.pick(&clicks) else {
            return;
        };
        let classes = [Some("crawler"), Some("human"), Some("stuffed"), None];
        let class = *self.random.pick(&classes).unwrap();
        let body = json!({"program": self.shop.program, "class": class, "reason": "looked"});
        self.shop
            .made("POST", &format!("clicks/{nonce}/reclassify"), &body);
        let said = (
            nonce.clone(),
            class.map(str::to_owned),
            self.shop.now.get().0,
        );
        self.world.said.push(said);
    }

    fn plan(&mut self) {
        let mut random = Random(self.random.next());
        let mut source = || random.next();
        let rules = plans::rules(&mut Picks(&mut source), &self.shop.partners);
        let path = format!("programs/{}", self.shop.program);
        self.shop.made("PATCH", &path, &json!({"plan": rules}));
    }

    fn suspend(&mut self) {
        let partner = self.random.pick(&self.shop.partners).unwrap().clone();
        let active = self.random.below(3) > 0;
        let status = if active { "active" } else { "suspended" };
        let path = format!("partners/{partner}");
        self.shop.made("PATCH", &path, &json!({"status": status}));
    }

    fn kind(&mut self, partner: usize, kind: &str) {
        let path = format!("partners/{}", self.shop.partners[partner]);
        self.shop.made("PATCH", &path, &json!({"kind": kind}));
    }

    /// The program pauses for some hours.
    fn pause(&mut self) {
        let (program, now) = (&self.shop.program, self.shop.now.get().0);
        let until = now + self.random.below(6) as i64 * 3_600_000 + 1;
        for (active, at) in [(0, now), (1, until)] {
            self.shop.db.execute(&format!(
                "INSERT INTO program_statuses (program, active, at)
                 VALUES ('{program}', {active}, {at})"
            ));
        }
        // It ends before anything else about it is said.
        self.shop.now.set(domain::values::time::UnixMs(until + 1));
    }

    /// Dated settings as the tables have them at the end.
    pub(super) fn learn_settings(&mut self) {
        self.world.plans = story::plans_of(&self.shop);
        self.world.statuses = story::statuses_of(&self.shop);
    }
}
