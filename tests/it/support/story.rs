//! Streams of conversions for properties: the same facts in any order, as often as one likes.

use super::block_on;
use super::oracle::{self, Fact, Kind, Touch, World};
use super::shop::{Clicked, START, Shop};
use proptest::prelude::*;
use serde_json::{Value, json};
use throughline::app::clicks::{self, Message};

pub const CLICKS: usize = 6;
const HOUR: i64 = 3_600_000;

/// One thing that a merchant reports, or a click message that arrives. Its place in the story is
/// its natural key, so that a repeat is the same fact.
#[derive(Clone, Debug)]
pub enum Step {
    Lead {
        customer: u8,
        token: Option<usize>,
        hours: i64,
    },
    Sale {
        customer: u8,
        amount: i64,
        currency: &'static str,
        token: Option<usize>,
        hours: i64,
    },
    Refund {
        /// Place of the sale.
        sale: usize,
        money: Option<(i64, &'static str)>,
        hours: i64,
    },
    Visit {
        click: usize,
    },
}

fn currency() -> impl Strategy<Value = &'static str> {
    prop_oneof![5 => Just("USD"), 2 => Just("EUR"), 1 => Just("JPY")]
}

fn step() -> impl Strategy<Value = Step> {
    let token = || proptest::option::weighted(0.7, 0..CLICKS);
    let amount = || prop_oneof![0i64..50, 50i64..100_000, Just(9_007_199_254_740_991)];
    prop_oneof![
        2 => (0u8..3, token(), 0i64..200)
            .prop_map(|(customer, token, hours)| Step::Lead { customer, token, hours }),
        5 => (0u8..3, amount(), currency(), token(), 0i64..200).prop_map(
            |(customer, amount, currency, token, hours)| Step::Sale {
                customer, amount, currency, token, hours
            }
        ),
        4 => (0usize..12, proptest::option::of((0i64..60_000, currency())), 0i64..200)
            .prop_map(|(sale, money, hours)| Step::Refund { sale, money, hours }),
        3 => (0..CLICKS).prop_map(|click| Step::Visit { click }),
    ]
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..14)
}

/// Every place at least once, some more often, in any order.
pub fn order(length: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..length, 0..length)
        .prop_map(move |again| (0..length).chain(again).collect::<Vec<_>>())
        .prop_shuffle()
}

/// A shop with six clicks made before its first conversion: of both partners, with journals that
/// grow, with and without consent, one with a click ID, one at the end of its minute.
pub struct Stage {
    pub shop: Shop,
    pub clicks: Vec<Clicked>,
    /// When the conversions begin.
    pub base: i64,
}

pub fn stage() -> Stage {
    let shop = Shop::open();
    let plan = json!({"window_days": 5, "sale": {"rate_bps": 1_234,
        "flat": {"amount": 35, "currency": "USD"}},
        "lead": {"flat": {"amount": 200, "currency": "EUR"}}});
    shop.made(
        "PATCH",
        &format!("programs/{}", shop.program),
        &json!({"plan": plan}),
    );
    let mut clicks: Vec<Clicked> = Vec::new();
    for place in 0..CLICKS {
        shop.wait(7 * HOUR + 59_900 - shop.now.get().0.rem_euclid(60_000));
        let slug = ["anna", "northstar"][place % 2];
        let before = clicks.last().and_then(|click| click.cookie.clone());
        let cookie = before.filter(|_| place == 2 || place == 5);
        let (gpc, country) = [("", "US"), ("", "US"), ("", "US"), ("1", "US"), ("", "DE")]
            .get(place)
            .copied()
            .unwrap_or(("", "US"));
        let query = if place == 1 { "?fbclid=IwAR1" } else { "" };
        clicks.push(shop.follow(slug, query, cookie.as_deref().unwrap_or(""), gpc, country));
    }
    shop.wait(300 * HOUR);
    let base = START.0 + 30 * HOUR;
    Stage { shop, clicks, base }
}

impl Stage {
    /// Plays the step at a place of the story; gives the event's id where it has one.
    pub fn play(&self, steps: &[Step], place: usize) -> Option<String> {
        let sent = |kind: &str, body: Value| {
            let (status, answer) = self.shop.track(kind, &body);
            assert_eq!(status, 200, "{body}: {answer}");
            Some(answer["eventId"].as_str().unwrap().to_owned())
        };
        match &steps[place] {
            Step::Visit { click } => {
                let message = Message {
                    id: format!("m{click}"),
                    sent_at: throughline::domain::time::UnixMs(self.sent_at(*click)),
                    visits: self.clicks[*click].visits.clone(),
                };
                block_on(clicks::consume(&self.shop.db, &[message])).unwrap();
                None
            }
            Step::Lead {
                customer,
                token,
                hours,
            } => sent(
                "lead",
                json!({"customerExternalId": format!("u{customer}"),
                    "eventName": format!("l{place}"),
                    "clickId": self.token(*token), "occurredAt": self.at(*hours)}),
            ),
            Step::Sale {
                customer,
                amount,
                currency,
                token,
                hours,
            } => sent(
                "sale",
                json!({"customerExternalId": format!("u{customer}"), "amount": amount,
                    "currency": currency, "invoiceId": format!("o{place}"),
                    "clickId": self.token(*token), "occurredAt": self.at(*hours)}),
            ),
            Step::Refund { sale, money, hours } => {
                let mut body = json!({"refundId": format!("r{place}"),
                    "invoiceId": format!("o{sale}"), "occurredAt": self.at(*hours)});
                if let Some((amount, currency)) = money {
                    body["amount"] = json!(amount);
                    body["currency"] = json!(currency);
                }
                sent("refund", body)
            }
        }
    }

    /// Queue messages leave within a second of the click: here always in the next minute.
    fn sent_at(&self, click: usize) -> i64 {
        self.clicks[click].visits[0].touch.at.0 + 900
    }

    fn token(&self, click: Option<usize>) -> Option<&str> {
        click.map(|click| self.clicks[click].token.as_str())
    }

    fn at(&self, hours: i64) -> i64 {
        (self.base + hours * HOUR) / 1_000
    }

    /// The stored text of each event's newest decision, and the net positions that are not zero.
    pub fn outcome(&self) -> (Vec<String>, Vec<String>) {
        let decisions = self.shop.db.column(
            "SELECT event || ' ' || body FROM decisions d WHERE revision = (
               SELECT max(revision) FROM decisions n WHERE n.event = d.event) ORDER BY 1",
        );
        let positions = self.shop.db.column(
            "SELECT cause || ' ' || partner || ' ' || currency || ' ' || sum(amount) FROM entries
             GROUP BY cause, partner, currency HAVING sum(amount) <> 0 ORDER BY 1",
        );
        (decisions, positions)
    }

    /// The oracle's view of a story, once all of it has arrived.
    pub fn world(&self, steps: &[Step], events: &[Option<String>]) -> World {
        let mut world = World {
            plans: self.plans(),
            ..World::default()
        };
        for (place, step) in steps.iter().enumerate() {
            let event = events[place].clone();
            let touch = |token: &Option<usize>| token.map(|click| self.touch(click));
            let fact = |kind, key: String, customer: u8, hours: i64| Fact {
                event: event.clone().unwrap_or_default(),
                kind,
                key,
                customer: format!("u{customer}"),
                at: self.at(hours) * 1_000,
                money: None,
                sale: String::new(),
                touch: None,
            };
            match step {
                Step::Visit { click } => world.learn(&json!(self.clicks[*click].visits[0])),
                Step::Lead {
                    customer,
                    token,
                    hours,
                } => world.facts.push(Fact {
                    touch: touch(token),
                    ..fact(Kind::Lead, format!("l{place}"), *customer, *hours)
                }),
                Step::Sale {
                    customer,
                    amount,
                    currency,
                    token,
                    hours,
                } => world.facts.push(Fact {
                    touch: touch(token),
                    money: Some((*amount, (*currency).to_owned())),
                    ..fact(Kind::Sale, format!("o{place}"), *customer, *hours)
                }),
                Step::Refund { sale, money, hours } => world.facts.push(Fact {
                    customer: String::new(),
                    money: money.map(|(amount, code)| (amount, code.to_owned())),
                    sale: format!("o{sale}"),
                    ..fact(Kind::Refund, format!("r{place}"), 0, *hours)
                }),
            }
        }
        world
    }

    fn touch(&self, click: usize) -> Touch {
        Touch::read(&json!(self.clicks[click].visits[0].touch))
    }

    fn plans(&self) -> Vec<oracle::Plan> {
        plans(&self.shop)
    }
}

/// All plan versions of a shop's program, as the table has them.
pub fn plans(shop: &Shop) -> Vec<oracle::Plan> {
    let rows = shop.db.column(
        "SELECT json_object('from', effective_from, 'rules', json(rules)) FROM plans
         ORDER BY effective_from, version",
    );
    let flat = |rules: &Value| {
        let money = &rules["flat"];
        let currency = money["currency"].as_str()?.to_owned();
        Some((money["amount"].as_i64()?, currency))
    };
    let read = |row: &String| {
        let row: Value = serde_json::from_str(row).unwrap();
        let rules = &row["rules"];
        oracle::Plan {
            from: row["from"].as_i64().unwrap(),
            window_days: rules["window_days"].as_i64().unwrap(),
            rate_bps: rules["sale"]["rate_bps"].as_i64().unwrap_or(0),
            sale_flat: flat(&rules["sale"]),
            lead_flat: flat(&rules["lead"]),
        }
    };
    rows.iter().map(read).collect()
}
