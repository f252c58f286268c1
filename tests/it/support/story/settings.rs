//! The dated settings of a story.

use super::*;

/// An hour of the story.
fn instant(picks: &mut Picks<'_>) -> i64 {
    START.0 + picks.below(24 * DAYS as u64) as i64 * HOUR
}

/// Plans, standings, codes and rates with dates inside the story: into the tables, and for the
/// oracle.
pub(super) fn settings(shop: &Shop, picks: &mut Picks<'_>) -> World {
    let mut world = World::default();
    shop.db.execute("DELETE FROM plans");
    for version in 0..=picks.below(3) {
        let from = if version == 0 {
            START.0
        } else {
            instant(picks)
        };
        let rules = plans::rules(picks, &shop.partners);
        world.plans.push(Plan { from, rules });
    }
    // Of one instant the later version holds, as the list has it.
    world.plans.sort_by_key(|plan| plan.from);
    let kinds = [None, Some("content"), Some("coupon"), None];
    for (place, partner) in shop.partners.iter().enumerate() {
        let mut add = |at, active| {
            world.statuses.push(Status {
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
            world.statuses.push(Status {
                at,
                partner: None,
                active,
                kind: None,
            });
        }
    }
    world.codes = codes(shop, instant(picks));
    world.selves = selves(shop, picks);
    rates(picks, &mut world);
    write(shop, &world);
    world
}

fn rates(picks: &mut Picks<'_>, world: &mut World) {
    for (from, to) in [
        ("EUR", "USD"),
        ("USD", "EUR"),
        ("JPY", "USD"),
        ("USD", "JPY"),
        ("EUR", "JPY"),
        ("USD", "BHD"),
        ("EUR", "BHD"),
    ] {
        for _ in 0..picks.pick(&[1, 2, 0]) {
            let text = picks
                .pick(&["1.0842", "0.9", "151.203", "0.0061", "3"])
                .to_owned();
            let at = if picks.one_in(2) { instant(picks) } else { 0 };
            let known = world
                .rates
                .iter()
                .any(|r| r.from == from && r.to == to && r.at == at);
            if !known {
                world.rates.push(Rate {
                    from: from.into(),
                    to: to.into(),
                    at,
                    text,
                });
            }
        }
    }
}

fn codes(shop: &Shop, turn: i64) -> Vec<Code> {
    let code = |code: &str, partner: usize, from, until| Code {
        code: code.to_owned(),
        partner: shop.partners[partner].clone(),
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
fn selves(shop: &Shop, picks: &mut Picks<'_>) -> Vec<(String, String)> {
    let mut selves = Vec::new();
    if picks.one_in(3) {
        let (customer, mailbox) = named(shop, Some("u0"), Some("a1@shop.example"));
        selves.push((shop.partners[0].clone(), customer.unwrap()));
        selves.push((shop.partners[1].clone(), mailbox.unwrap()));
    }
    selves
}

/// Pseudonyms of a customer and of a mail address.
pub fn named(
    shop: &Shop,
    customer: Option<&str>,
    email: Option<&str>,
) -> (Option<String>, Option<String>) {
    use throughline::domain::destination::hashing;
    let keys = &shop.settings.keys;
    let mailbox = email.and_then(hashing::email);
    (
        customer.map(|id| keys.customer(&shop.program, id)),
        mailbox.map(|hash| keys.mailbox(&shop.program, &hash)),
    )
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
