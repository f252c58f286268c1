//! Facts, touches and visits as the oracle sees them: read from the JSON that was sent, or that the
//! edge put onto the queue.

use serde_json::Value;

/// The kinds by their rank: facts of one instant follow each other in this order.
const KINDS: [&str; 10] = [
    "lead",
    "milestone",
    "sale",
    "deal",
    "renewal",
    "reactivation",
    "cancellation",
    "refund",
    "chargeback",
    "dispute_won",
];

/// A click, or the use of a code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    pub at: i64,
    pub nonce: Option<String>,
    pub link: Option<String>,
    pub code: Option<String>,
    /// The event that a code came with.
    pub event: String,
    pub partner: String,
    /// 0 code, 1 session, 2 full.
    pub consent: u8,
    pub class: String,
    pub checkout: bool,
    /// Known only from the journal of a later click.
    pub remembered: bool,
    /// Of an anonymous click: when an event first came with its token.
    pub known_from: i64,
}

impl Touch {
    /// Reads the JSON of a touch.
    pub fn read(json: &Value) -> Touch {
        Touch {
            at: json["at"].as_i64().unwrap(),
            nonce: text(&json["nonce"]),
            link: text(&json["link"]),
            code: None,
            event: String::new(),
            partner: text(&json["partner"]).unwrap(),
            consent: rung(json["consent"].as_str().unwrap()),
            class: text(&json["class"]).unwrap(),
            checkout: json["checkout"].as_bool().unwrap_or(false),
            remembered: false,
            known_from: 0,
        }
    }

    /// A click is known by its nonce; an anonymous one by its link and day.
    pub fn identity(&self) -> (Option<String>, Option<String>, i64) {
        match &self.nonce {
            Some(nonce) => (Some(nonce.clone()), None, 0),
            None => (None, self.link.clone(), self.at),
        }
    }
}

/// How much was allowed.
pub fn rung(word: &str) -> u8 {
    let place = ["code", "session", "full"].iter().position(|w| *w == word);
    place.unwrap() as u8
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A stored visit of a click.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visit {
    pub touch: Touch,
    pub earlier: Vec<Touch>,
    /// Names and instants of click IDs.
    pub click_ids: Vec<(String, i64)>,
    pub referrer: Option<String>,
    /// Tells all of its click; a landing does only when its click was prefetched.
    pub whole: bool,
}

impl Visit {
    pub fn read(json: &Value) -> Visit {
        let touch = Touch::read(&json["touch"]);
        let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
        let (earlier, ids) = (list("earlier"), list("click_ids"));
        let earlier = earlier.iter().map(|earlier| Touch {
            remembered: true,
            ..Touch::read(earlier)
        });
        let ids = ids.iter().map(|id| {
            let kind = text(&id["kind"]).unwrap();
            (kind, id["at"].as_i64().unwrap())
        });
        Visit {
            whole: json["kind"] != "landing" || touch.class == "prefetch",
            earlier: earlier.collect(),
            click_ids: ids.collect(),
            referrer: text(&json["referrer"]),
            touch,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Line {
    pub sku: Option<String>,
    pub category: Option<String>,
    pub quantity: Option<i64>,
    pub amount: Option<i64>,
    pub tax: i64,
    pub discount: i64,
}

/// An accepted event.
#[derive(Clone, Debug, Default)]
pub struct Fact {
    pub event: String,
    pub kind: String,
    pub key: String,
    /// The customer's pseudonym.
    pub customer: Option<String>,
    /// The pseudonym of their mail address.
    pub mailbox: Option<String>,
    pub name: String,
    pub at: i64,
    pub money: Option<(i64, String)>,
    /// The purchase that a reversal is about.
    pub sale: String,
    pub subscription: Option<String>,
    pub code: Option<String>,
    /// Of a deal.
    pub partner: Option<String>,
    pub lines: Vec<Line>,
    pub tax: i64,
    pub shipping: i64,
    pub discount: i64,
    /// Of a reversal: the tax, shipping and discount that it names, as `Some` even when zero; and
    /// whether it names any part, in its lines too.
    pub named: [Option<i64>; 3],
    pub names_parts: bool,
    pub new_customer: Option<bool>,
    pub touch: Option<Touch>,
}

impl Fact {
    /// The fact that a body becomes, as the README says it. `touch` is the click of its token,
    /// `named` makes pseudonyms of a customer id and a mail address.
    pub fn sent(
        kind: &str,
        body: &Value,
        touch: Option<Touch>,
        named: impl Fn(Option<&str>, Option<&str>) -> (Option<String>, Option<String>),
    ) -> Fact {
        let reverses = matches!(kind, "refund" | "chargeback" | "dispute_won");
        let buys = matches!(kind, "sale" | "deal" | "renewal");
        let own = |name: &str| body[name].as_str().filter(|_| !reverses);
        let (customer, mailbox) = named(own("customerExternalId"), own("customerEmail"));
        let name = text(&body["eventName"]).unwrap_or_default();
        let once = format!("{}:{name}", customer.clone().unwrap_or_default());
        let ids = ["invoiceId", "eventId", "disputeId"];
        let key = match kind {
            "lead" => once,
            "refund" => text(&body["refundId"]).unwrap(),
            "chargeback" | "dispute_won" => text(&body["disputeId"]).unwrap(),
            _ => ids.iter().find_map(|id| text(&body[*id])).unwrap_or(once),
        };
        let money = body["amount"].as_i64().filter(|_| kind != "dispute_won");
        let currency = body["currency"].as_str().unwrap_or("USD").to_uppercase();
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        let lines = body["lines"].as_array().into_iter().flatten();
        let part = |name: &str| if buys { number(&body[name]) } else { 0 };
        let named = ["tax", "shipping", "discount"];
        let named = named.map(|name| body[name].as_i64().filter(|_| reverses));
        let lines: Vec<Line> = lines.map(line).collect();
        let in_lines = lines.iter().any(|l| l.tax != 0 || l.discount != 0);
        let names_parts = reverses && (in_lines || named.iter().any(Option::is_some));
        Fact {
            event: String::new(),
            kind: kind.to_owned(),
            key,
            customer,
            mailbox,
            name,
            at: body["occurredAt"].as_i64().unwrap() * 1_000,
            money: money.map(|amount| (amount, currency)),
            sale: if reverses {
                text(&body["invoiceId"]).unwrap()
            } else {
                String::new()
            },
            subscription: own("subscriptionId").map(str::to_owned),
            code: own("code").map(str::to_uppercase),
            partner: text(&body["partnerId"]),
            lines,
            named,
            names_parts,
            tax: part("tax"),
            shipping: part("shipping"),
            discount: part("discount"),
            new_customer: body["newCustomer"].as_bool().filter(|_| buys),
            touch,
        }
    }

    pub fn is_purchase(&self) -> bool {
        matches!(self.kind.as_str(), "sale" | "deal" | "renewal")
    }

    pub fn is_reversal(&self) -> bool {
        matches!(self.kind.as_str(), "refund" | "chargeback" | "dispute_won")
    }

    pub fn rank(&self) -> usize {
        KINDS.iter().position(|kind| *kind == self.kind).unwrap()
    }

    pub fn order(&self) -> (i64, usize, String) {
        (self.at, self.rank(), self.key.clone())
    }
}

fn line(json: &Value) -> Line {
    Line {
        sku: text(&json["sku"]),
        category: text(&json["category"]),
        quantity: json["quantity"].as_i64(),
        amount: json["amount"].as_i64(),
        tax: json["tax"].as_i64().unwrap_or(0),
        discount: json["discount"].as_i64().unwrap_or(0),
    }
}
