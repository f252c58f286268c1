//! Dated settings of random worlds: plans, standings, codes, partners that buy, exchange rates; for
//! the oracle and for the tables.

use super::super::merchant::plans;
use super::super::oracle::{Code, Plan, Rate, Status, World};
use super::super::picks::Picks;
use super::super::shop::{START, Shop};
use serde_json::Value;
use throughline::domain::destination::hashing;
use throughline::domain::pseudonym::Pseudonyms;
use throughline::domain::seal::Keyring;

const HOUR: i64 = 3_600_000;
/// How many days a story takes.
pub const DAYS: i64 = 100;

/// An hour of the story.
fn instant(picks: &mut Picks<'_>) -> i64 {
    START.0 + picks.below(24 * DAYS as u64) as i64 * HOUR
}

/// Plans, standings, codes and rates with dates inside the story.
pub fn settings(picks: &mut Picks<'_>, partners: &[String], names: Names<'_>) -> World {
    let mut plans = Vec::new();
    for version in 0..=picks.below(3) {
        let from = if version == 0 {
            START.0
        } else {
            instant(picks)
        };
        let rules = plans::rules(picks, partners);
        plans.push(Plan { from, rules });
    }
    // Of one instant the later version holds, as the list has it.
    plans.sort_by_key(|plan| plan.from);
    World {
        plans,
        statuses: statuses(picks, partners),
        codes: codes(partners, instant(picks)),
        selves: selves(picks, partners, names),
        rates: rates(picks),
        ..World::default()
    }
}

/// Partners of several kinds that are suspended and active again, and a program that pauses.
fn statuses(picks: &mut Picks<'_>, partners: &[String]) -> Vec<Status> {
    let mut statuses = Vec::new();
    let kinds = [None, Some("content"), Some("coupon"), None];
    for (place, partner) in partners.iter().enumerate() {
        let mut add = |at, active| {
            statuses.push(Status {
                at,
                partner: Some(partner.clone()),
                active,
                kind: kinds[place].map(str::to_owned),
            });
        };
        add(START.0 - 1, true);
        for turn in 0..picks.pick(&[0, 0, 0, 1, 2]) {
            add(instant(picks), turn == 1);
        }
    }
    if picks.one_in(6) {
        let (from, until) = (instant(picks), instant(picks));
        for (at, active) in [(from, false), (until.max(from + 1), true)] {
            statuses.push(Status {
                at,
                partner: None,
                active,
                kind: None,
            });
        }
    }
    statuses
}

/// Rates between some currencies, of the start or later; some are missing.
fn rates(picks: &mut Picks<'_>) -> Vec<Rate> {
    let mut rates: Vec<Rate> = Vec::new();
    let pairs = [
        ("EUR", "USD"),
        ("USD", "EUR"),
        ("JPY", "USD"),
        ("USD", "JPY"),
        ("EUR", "JPY"),
        ("USD", "BHD"),
        ("EUR", "BHD"),
    ];
    for (from, to) in pairs {
        for _ in 0..picks.pick(&[1, 2, 0]) {
            let text = picks.pick(&["1.0842", "0.9", "151.203", "0.0061", "3"]);
            let at = if picks.one_in(2) { instant(picks) } else { 0 };
            let same = |rate: &Rate| rate.from == from && rate.to == to && rate.at == at;
            if !rates.iter().any(same) {
                rates.push(Rate {
                    from: from.into(),
                    to: to.into(),
                    at,
                    text: text.into(),
                });
            }
        }
    }
    rates
}

fn codes(partners: &[String], turn: i64) -> Vec<Code> {
    let code = |code: &str, partner: usize, from, until| Code {
        code: code.to_owned(),
        partner: partners[partner].clone(),
        from,
        until,
    };
    vec![
        code("SAVE", 0, 0, None),
        code("GIFT", 1, 0, Some(turn)),
        code("GIFT", 2, turn, None),
        code("OLD", 2, 0, Some(turn)),
    ]
}

/// Partners that buy under a customer's name, or have a customer's mail address.
fn selves(picks: &mut Picks<'_>, partners: &[String], names: Names<'_>) -> Vec<(String, String)> {
    let mut selves = Vec::new();
    if picks.one_in(3) {
        let (customer, mailbox) = names.make(Some("u0"), Some("a1@shop.example"));
        selves.push((partners[0].clone(), customer.unwrap()));
        selves.push((partners[1].clone(), mailbox.unwrap()));
    }
    selves
}

/// Makes pseudonyms as the deployment does.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub keys: &'a Keyring,
    pub pseudonyms: &'a Pseudonyms,
    pub program: &'a str,
}

impl Names<'_> {
    pub fn of(shop: &Shop) -> Names<'_> {
        Names {
            keys: &shop.settings.keys,
            pseudonyms: &shop.settings.pseudonyms,
            program: &shop.program,
        }
    }

    /// Those of a customer and of a mail address.
    pub fn make(
        &self,
        customer: Option<&str>,
        email: Option<&str>,
    ) -> (Option<String>, Option<String>) {
        let mailbox = email.and_then(hashing::email);
        (
            customer.map(|id| self.pseudonyms.customer(self.program, id)),
            mailbox.map(|hash| self.pseudonyms.mailbox(self.program, &hash)),
        )
    }
}

/// Writes settings into the tables that no API fills with past dates.
pub fn write(shop: &Shop, world: &World) {
    let program = &shop.program;
    let quoted = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
    let mut sql = String::new();
    for (version, plan) in world.plans.iter().enumerate() {
        let (from, rules) = (plan.from, &plan.rules);
        sql += &format!(
            "INSERT INTO plans VALUES ('{program}', {}, {from}, '{rules}');",
            version + 1
        );
    }
    for s in &world.statuses {
        let (at, active, kind) = (s.at, i32::from(s.active), quoted(s.kind.as_deref()));
        sql += &match &s.partner {
            Some(partner) => format!(
                "INSERT INTO partner_statuses (program, partner, active, at, kind)
                 VALUES ('{program}', '{partner}', {active}, {at}, {kind});"
            ),
            None => format!(
                "INSERT INTO program_statuses (program, active, at)
                 VALUES ('{program}', {active}, {at});"
            ),
        };
    }
    for (place, c) in world.codes.iter().enumerate() {
        let until = c.until.map_or("NULL".to_owned(), |until| until.to_string());
        sql += &format!(
            "INSERT INTO codes (id, program, code, partner, from_at, until_at, created_at)
             VALUES ('cd_{place}', '{program}', '{}', '{}', {}, {until}, 0);",
            c.code, c.partner, c.from
        );
    }
    for (partner, pseudonym) in &world.selves {
        sql += &format!(
            "INSERT INTO partner_identities VALUES ('{program}', '{pseudonym}', '{partner}');"
        );
    }
    for r in &world.rates {
        sql += &format!(
            "INSERT INTO rates VALUES ('{}', '{}', {}, '{}', 'test');",
            r.from, r.to, r.at, r.text
        );
    }
    shop.db.execute(&sql);
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
