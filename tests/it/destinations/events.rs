//! The shared events: each is the plain sale with one thing about it that is different.

use throughline::domain::click::ClickIdRecord;
use throughline::domain::click_ids::ClickIdKind;
use throughline::domain::consent::{Consent, Evidence};
use throughline::domain::destination::sample::{PERSON, sample};
use throughline::domain::destination::{
    self, Credit, Destination, Event, Occasion, Parts, Permission, Person, Product, Sale, webhook,
};
use throughline::domain::money::{Currency, Money};
use throughline::domain::time::UnixMs;

pub const NOW: UnixMs = UnixMs(1_795_334_400_000);
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
const HASH: &str = "973DFE463EC85785F5F95AF5BA3906EEDB2D931C24E69824A89EA65DBA4E813B";

pub struct Case {
    pub name: &'static str,
    pub event: Event,
    pub person: Person<'static>,
    /// As the merchant wrote it.
    pub phone: Option<&'static str>,
    evidence: Option<Evidence>,
    said: Option<Consent>,
    limited_data: bool,
}

impl Case {
    /// What may leave to that kind of destination.
    pub fn permission(&self, _: &dyn Destination) -> Permission {
        destination::permission(
            self.event.consent,
            self.evidence,
            self.said,
            self.limited_data,
        )
    }
}

pub fn money(amount: i64, code: &str) -> Option<Money> {
    Money::new(amount, Currency::parse(code).unwrap()).ok()
}

/// The event with another amount, of the sale and of the one credit.
fn pay(event: &mut Event, amount: i64, code: &str) {
    event.money = money(amount, code);
    event.credits[0].amount = event.money;
    event.credits[0].commission = money(amount / 10, code).into_iter().collect();
}

fn of(occasion: Occasion) -> Event {
    let mut event = sample(occasion, &webhook::Webhook, NOW);
    event.id = format!("ev_{}", occasion.as_str());
    event.key = format!("{}-1", occasion.as_str());
    event.delivery = format!("dl_{}", occasion.as_str());
    event.name = "Purchase".to_owned();
    event
}

fn case(name: &'static str, occasion: Occasion, change: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case {
        name,
        event: of(occasion),
        person: PERSON,
        phone: Some("+1 202 555 0100"),
        evidence: None,
        said: None,
        limited_data: false,
    };
    change(&mut case);
    case
}

fn sale(name: &'static str, change: impl FnOnce(&mut Case)) -> Case {
    case(name, Occasion::Sale, change)
}

fn only(case: &mut Case, kind: &str) {
    let kind = ClickIdKind::from_param(kind).unwrap();
    case.event.click_ids.retain(|id| id.kind == kind);
}

fn consent(case: &mut Case, state: Consent, evidence: Evidence, limited_data: bool) {
    case.event.consent = Some(state);
    case.evidence = Some(evidence);
    case.limited_data = limited_data;
    if state != Consent::Full {
        case.event.click_ids.clear();
    }
}

pub fn all() -> Vec<Case> {
    let mut cases = occasions();
    cases.extend(amounts());
    cases.extend(mails_and_phones());
    cases.extend(people());
    cases.extend(permissions());
    cases.extend(clicks_and_times());
    cases.extend(credits());
    cases
}

fn occasions() -> Vec<Case> {
    let mut cases = vec![
        case("lead", Occasion::Lead, |case| {
            "Sign up".clone_into(&mut case.event.name)
        }),
        case("milestone_signup", Occasion::Milestone, |case| {
            "signup".clone_into(&mut case.event.name);
        }),
        case("milestone_of_the_shop", Occasion::Milestone, |case| {
            "Ärger gelöst".clone_into(&mut case.event.name);
        }),
        case("refund_whole", Occasion::Refund, |_| ()),
        case("refund_partial", Occasion::Refund, |case| {
            pay(&mut case.event, 500, "USD");
            case.event.sale = Some(Sale {
                event: "ev_sale".to_owned(),
                key: "sale-1".to_owned(),
                occurred_at: NOW.plus(-2 * DAY),
                money: money(1_999, "USD"),
                left: money(1_499, "USD"),
            });
        }),
        case("refund_partial_of_yesterday", Occasion::Refund, |case| {
            pay(&mut case.event, 500, "USD");
            case.event.occurred_at = NOW.plus(-DAY - MINUTE);
            case.event.sale = Some(Sale {
                event: "ev_sale".to_owned(),
                key: "sale-1".to_owned(),
                occurred_at: NOW.plus(-2 * DAY),
                money: money(1_999, "USD"),
                left: money(1_499, "USD"),
            });
            for id in &mut case.event.click_ids {
                id.at = NOW.plus(-3 * DAY);
            }
        }),
        case("refund_of_an_unknown_sale", Occasion::Refund, |case| {
            case.event.sale = None;
            case.event.credits.clear();
        }),
    ];
    for (name, occasion) in [
        ("sale", Occasion::Sale),
        ("renewal", Occasion::Renewal),
        ("deal", Occasion::Deal),
        ("cancellation", Occasion::Cancellation),
        ("reactivation", Occasion::Reactivation),
        ("chargeback", Occasion::Chargeback),
        ("dispute_won", Occasion::DisputeWon),
    ] {
        cases.push(case(name, occasion, |_| ()));
    }
    cases
}

/// 19.99 paid: two pieces of 7.50 with 2.00 tax, a line whose pieces differ, 1.00 shipping.
fn bought(event: &mut Event) {
    event.products = vec![
        Product {
            sku: "SKU-1".to_owned(),
            category: Some("Shoes > Kids".to_owned()),
            quantity: Some(2),
            amount: money(1_500, "USD"),
            tax: money(200, "USD"),
        },
        Product {
            sku: "Größe 38/4".to_owned(),
            quantity: Some(3),
            amount: money(400, "USD"),
            ..Product::default()
        },
    ];
    event.parts = Parts {
        tax: money(200, "USD"),
        shipping: money(99, "USD"),
        discount: money(50, "USD"),
    };
    event.coupon = Some("SPRING-10".to_owned());
}

fn amounts() -> Vec<Case> {
    let amount =
        |name, amount, code: &'static str| sale(name, |case| pay(&mut case.event, amount, code));
    vec![
        amount("amount_zero", 0, "USD"),
        amount("amount_without_decimals", 2_500, "JPY"),
        amount("amount_of_three_decimals", 1_234, "BHD"),
        amount("amount_large", 999_999_999_999, "EUR"),
        sale("amount_missing", |case| case.event.money = None),
        sale("lines", |case| {
            bought(&mut case.event);
        }),
        case("refund_of_lines", Occasion::Refund, |case| {
            bought(&mut case.event);
        }),
    ]
}

fn mails_and_phones() -> Vec<Case> {
    vec![
        case("lead_without_mail", Occasion::Lead, |case| {
            case.person.email = None;
            case.phone = None;
        }),
        sale("mail_of_gmail_with_dots", |case| {
            case.person.email = Some(" John.Q.Public+Shop@GoogleMail.com ");
        }),
        sale("mail_of_gmail_with_odd_dots", |case| {
            case.person.email = Some("..ada..b@gmail.com");
        }),
        sale("mail_of_another_script", |case| {
            case.person.email = Some("JÖRG@Bücher.example");
        }),
        sale("mail_with_a_line_end", |case| {
            case.person.email = Some("ada@example.com\n")
        }),
        sale("mail_that_is_none", |case| {
            case.person.email = Some("john example.com")
        }),
        sale("mail_already_hashed", |case| case.person.email = Some(HASH)),
        sale("mail_that_holds_a_hash", |case| {
            case.person.email =
                Some("x973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b");
        }),
        sale("phone_with_zeros", |case| {
            case.phone = Some("0044 20 7946 0958")
        }),
        sale("phone_with_extension", |case| {
            case.phone = Some("+1 650 555 1212 x5")
        }),
        sale("phone_with_a_trunk_zero", |case| {
            case.phone = Some("+49 (0) 151 23456789")
        }),
        sale("phone_without_a_country", |case| {
            case.phone = Some("0151 23456789")
        }),
        sale("phone_already_hashed", |case| case.phone = Some(HASH)),
    ]
}

fn people() -> Vec<Case> {
    vec![
        sale("customer_id_that_is_a_mail", |case| {
            case.person.customer_id = Some("Ada@Example.com");
        }),
        sale("customer_id_of_another_script", |case| {
            case.person.customer_id = Some("客户 42");
        }),
        sale("no_browser", |case| {
            case.phone = None;
            case.person = Person {
                customer_id: PERSON.customer_id,
                email: PERSON.email,
                ..Person::default()
            };
        }),
        sale("page_with_a_query", |case| {
            case.person.page_url = Some("https://shop.example/a%20b?mail=ada@example.com#top");
        }),
        sale("page_that_may_name_a_person", |case| {
            case.person.page_url = Some("https://shop.example/hi/ada%40example.com");
        }),
        sale("nobody_known", |case| {
            case.person = Person::default();
            case.phone = None;
            case.event.click_ids.clear();
        }),
        sale("analytics_cookies_of_the_old_form", |case| {
            case.person.ga_session_id = Some("GS1.1.1700000123.4.1.1700000456.0.0.0");
            case.person.ga_client_id = Some("GA1.2.987654321.1700000000");
        }),
        sale("analytics_client_of_amp", |case| {
            case.person.ga_client_id = Some("amp-QFqHg8fYpVqBJ2rGl5Kd3A");
        }),
        sale("analytics_client_that_is_a_uuid", |case| {
            case.person.ga_client_id = Some("GA1.1-2.35009a79-1a05-49d7-b876-2b884d0f825b");
        }),
        sale("analytics_without_session", |case| {
            case.person.ga_session_id = None
        }),
    ]
}

fn permissions() -> Vec<Case> {
    vec![
        sale("consent_unknown", |case| case.event.consent = None),
        sale("consent_denied", |case| {
            consent(case, Consent::Session, Evidence::Decision, true);
        }),
        sale("consent_code_only_in_europe", |case| {
            consent(case, Consent::Code, Evidence::Country, true);
        }),
        sale("gpc", |case| {
            consent(case, Consent::Code, Evidence::Gpc, false)
        }),
        sale("gpc_with_limited_data", |case| {
            consent(case, Consent::Code, Evidence::Gpc, true);
        }),
        sale("gpc_and_the_server_refuses", |case| {
            consent(case, Consent::Code, Evidence::Gpc, true);
            case.said = Some(Consent::Session);
        }),
    ]
}

fn clicks_and_times() -> Vec<Case> {
    let mut cases = vec![
        sale("click_id_missing", |case| case.event.click_ids.clear()),
        sale("click_just_now", |case| {
            for id in &mut case.event.click_ids {
                id.at = NOW.plus(-MINUTE);
            }
        }),
        sale("click_id_to_be_decoded", |case| {
            only(case, "fbclid");
            for id in &mut case.event.click_ids {
                "a%2Bb+c%3D".clone_into(&mut id.value);
            }
        }),
        sale("domain_of_two_labels", |case| {
            "shop.example.co.uk".clone_into(&mut case.event.domain);
        }),
    ];
    for (name, kind) in [
        ("click_of_meta_only", "fbclid"),
        ("click_of_google_only", "gclid"),
        ("click_of_tiktok_only", "ttclid"),
    ] {
        cases.push(sale(name, |case| only(case, kind)));
    }
    for (name, kind) in [("click_gbraid", "gbraid"), ("click_wbraid", "wbraid")] {
        cases.push(sale(name, |case| {
            case.event.click_ids = vec![ClickIdRecord {
                kind: ClickIdKind::from_param(kind).unwrap(),
                at: NOW.plus(-DAY),
                value: format!("{kind}-1"),
            }];
        }));
    }
    for (name, age) in [
        ("late_two_days", 2 * DAY),
        ("late_four_days", 4 * DAY),
        ("late_exactly_seven_days", 7 * DAY),
        ("late_eight_days", 8 * DAY),
        ("late_a_hundred_days", 100 * DAY),
    ] {
        cases.push(sale(name, |case| {
            case.event.occurred_at = NOW.plus(-age);
            for id in &mut case.event.click_ids {
                id.at = NOW.plus(-age - DAY);
            }
        }));
    }
    cases
}

fn credits() -> Vec<Case> {
    vec![
        sale("nobody_credited", |case| case.event.credits.clear()),
        sale("two_partners_share", |case| {
            case.event.credits[0].share_bps = 5_000;
            let mut other: Credit = case.event.credits[0].clone();
            other.partner = "pn_other".to_owned();
            other.partner_name = "Ødegård & Søn".to_owned();
            other.link = None;
            other.code = Some("SPRING-10".to_owned());
            case.event.credits.push(other);
        }),
        sale("held_for_review", |case| {
            "review".clone_into(&mut case.event.status)
        }),
        sale("rejected", |case| {
            "rejected".clone_into(&mut case.event.status)
        }),
        sale("changed", |case| {
            "sale.changed".clone_into(&mut case.event.message);
            case.event.revision = 2;
        }),
        sale("known_customer", |case| {
            case.event.is_new_customer = Some(false)
        }),
        sale("tags_of_another_script", |case| {
            let tags = &mut case.event.credits[0].tags;
            tags.insert("sub1".to_owned(), "клик&id=1 %41".to_owned());
        }),
        sale("tags_missing", |case| case.event.credits[0].tags.clear()),
    ]
}
