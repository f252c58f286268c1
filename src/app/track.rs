//! Reads the bodies of `/api/v1/track/*` into facts, and writes the answers that Dub's public
//! client expects. Everything beyond the fact is reduced before it is stored: hashes for
//! destinations go into the sealed row, names and mail addresses go nowhere.

use crate::domain::click::TouchRecord;
use crate::domain::consent::Consent;
use crate::domain::destination::{self, Kept, Permission, Person, permission};
use crate::domain::event::{EventKind, Fact, TokenFound};
use crate::domain::ids::{ProgramId, event_id};
use crate::domain::input::{FieldError, Fields};
use crate::domain::limits;
use crate::domain::money::{MAX_MINOR, Money};
use crate::domain::seal::Keyring;
use crate::domain::time::UnixMs;
use crate::domain::token;
use serde_json::{Map, Value, json};

/// What one kind of destination keeps, until the event is delivered, and whether only those that
/// take limited data may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: &'static str,
    pub kept: Kept,
    pub limited: bool,
}

/// A body that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Conversion {
    pub fact: Fact,
    pub kept: Vec<Part>,
    /// The success answer.
    pub answer: Value,
}

/// What reading a body needs besides it.
pub struct Reading<'a> {
    pub program: ProgramId,
    pub keys: &'a Keyring,
    pub now: UnixMs,
    /// For the key of a sale that has none.
    pub server_key: String,
}

type Read = Result<Conversion, Vec<FieldError>>;

impl Reading<'_> {
    /// Reads a body by the kind of its address.
    pub fn read(&self, kind: EventKind, body: &Map<String, Value>) -> Read {
        let fields = Fields::new(body, "");
        match kind {
            EventKind::Lead => self.lead(fields),
            EventKind::Sale => self.sale(fields),
            EventKind::Refund => self.refund(fields),
        }
    }

    fn lead(&self, mut fields: Fields<'_>) -> Read {
        let customer = fields.required_text("customerExternalId", limits::EXTERNAL_ID_CHARS);
        let name = fields.required_text("eventName", limits::NAME_CHARS);
        fields.integer("eventQuantity", 1, 100);
        fields.choice("mode", &[("async", ()), ("wait", ()), ("deferred", ())]);
        let common = self.common(&mut fields, customer);
        let (customer, name, common) =
            fields.finish(customer.zip(name).map(|(c, n)| (c, n, common)))?;
        let pseudonym = self.keys.customer(&self.program.to_string(), customer);
        let key = format!("{pseudonym}:{name}");
        let click = common.click.clone().unwrap_or_default();
        let answer = json!({
            "click": {"id": click},
            "link": null,
            "customer": common.customer(customer),
            "eventId": event_id(self.program, EventKind::Lead.name(), &key),
        });
        let fact = self.fact(EventKind::Lead, key, Some(pseudonym), name, &common);
        Ok(Conversion {
            fact,
            kept: common.kept,
            answer,
        })
    }

    fn sale(&self, mut fields: Fields<'_>) -> Read {
        let customer = fields.required_text("customerExternalId", limits::EXTERNAL_ID_CHARS);
        let amount = fields.required_integer("amount", 0, MAX_MINOR);
        let given = fields.value("currency").is_some();
        let currency = fields.currency("currency");
        let currency = if given {
            currency
        } else {
            crate::domain::money::Currency::parse("USD").ok()
        };
        let name = fields
            .text("eventName", limits::NAME_CHARS)
            .unwrap_or("Purchase");
        let processor = fields.text("paymentProcessor", 40).unwrap_or("custom");
        let invoice = fields
            .text("invoiceId", limits::EXTERNAL_ID_CHARS)
            .map(str::trim);
        let invoice = invoice.filter(|invoice| !invoice.is_empty());
        fields.text("leadEventName", limits::NAME_CHARS);
        let metadata = fields.value("metadata").cloned();
        let common = self.common(&mut fields, customer);
        let money = amount
            .zip(currency)
            .and_then(|(a, c)| Money::new(a, c).ok());
        let (customer, money, common) =
            fields.finish(customer.zip(money).map(|(c, m)| (c, m, common)))?;
        let key = invoice.map_or_else(|| self.server_key.clone(), str::to_owned);
        let pseudonym = self.keys.customer(&self.program.to_string(), customer);
        let mut shown = common.customer(customer);
        shown["id"] = json!(format!("cus_{pseudonym}"));
        let answer = json!({
            "eventName": name,
            "customer": shown,
            "sale": {
                "amount": money.amount_minor(),
                "currency": money.currency().code().to_ascii_lowercase(),
                "paymentProcessor": processor,
                "invoiceId": invoice,
                "metadata": metadata,
            },
            "eventId": event_id(self.program, EventKind::Sale.name(), &key),
            "idempotency": {
                "key": key,
                "from": if invoice.is_some() { "invoiceId" } else { "server" },
            },
        });
        let mut fact = self.fact(EventKind::Sale, key, Some(pseudonym), name, &common);
        fact.money = Some(money);
        Ok(Conversion {
            fact,
            kept: common.kept,
            answer,
        })
    }

    fn refund(&self, mut fields: Fields<'_>) -> Read {
        let refund = fields.required_text("refundId", limits::EXTERNAL_ID_CHARS);
        let invoice = fields.required_text("invoiceId", limits::EXTERNAL_ID_CHARS);
        let amount = fields.integer("amount", 0, MAX_MINOR);
        let currency = fields.currency("currency");
        if amount.is_some() && fields.value("currency").is_none() {
            fields.fault("currency", "required", "is required with an amount");
        }
        // For destinations alone; the ledger knows by the sale whose refund it is.
        let customer = fields.text("customerExternalId", limits::EXTERNAL_ID_CHARS);
        let common = self.common(&mut fields, customer);
        let (refund, invoice, common) =
            fields.finish(refund.zip(invoice).map(|(r, i)| (r, i, common)))?;
        let money = amount
            .zip(currency)
            .and_then(|(a, c)| Money::new(a, c).ok());
        let answer = json!({
            "eventId": event_id(self.program, EventKind::Refund.name(), refund),
            "refundId": refund,
            "invoiceId": invoice,
            "amount": money.map(Money::amount_minor),
        });
        let mut fact = self.fact(
            EventKind::Refund,
            refund.to_owned(),
            None,
            "Refund",
            &common,
        );
        fact.money = money;
        fact.sale_key = Some(invoice.to_owned());
        Ok(Conversion {
            fact,
            kept: common.kept,
            answer,
        })
    }

    fn fact(
        &self,
        kind: EventKind,
        key: String,
        customer: Option<String>,
        name: &str,
        common: &Common<'_>,
    ) -> Fact {
        Fact {
            id: event_id(self.program, kind.name(), &key),
            program: self.program,
            kind,
            key,
            customer,
            name: name.to_owned(),
            occurred_at: common.occurred_at,
            received_at: self.now,
            money: None,
            sale_key: None,
            token: common.token.clone(),
            consent: common.consent,
        }
    }

    fn common<'b>(&self, fields: &mut Fields<'b>, customer: Option<&str>) -> Common<'b> {
        let click = fields
            .text("clickId", 500)
            .map(str::trim)
            .filter(|click| !click.is_empty());
        let email = fields.text("customerEmail", 320);
        let name = fields.text("customerName", 320);
        let avatar = fields.text("customerAvatar", 2_048);
        if fields
            .value("metadata")
            .is_some_and(|metadata| metadata.to_string().len() > 10_000)
        {
            fields.fault(
                "metadata",
                "too_long",
                "must be at most 10000 characters of JSON",
            );
        }
        let phone = fields.text("customerPhone", 64);
        let (browser, consent) = self.context(fields);
        let person = Person {
            customer_id: customer,
            email,
            phone,
            user_agent: browser.user_agent.as_deref(),
            page_url: browser.page_url.as_deref(),
            fbp: browser.fbp.as_deref(),
            ttp: browser.ttp.as_deref(),
            ga_client_id: browser.ga_client_id.as_deref(),
            ga_session_id: browser.ga_session_id.as_deref(),
        };
        let token = self.token(click);
        Common {
            kept: kept(&person, &token, consent),
            token,
            click: click.map(str::to_owned),
            occurred_at: self.occurred_at(fields),
            email,
            name,
            avatar,
            consent,
        }
    }

    /// Reads `context`, or `metadata.context` from clients that drop members they do not know.
    fn context(&self, fields: &mut Fields<'_>) -> (Browser, Option<Consent>) {
        let Some(mut context) = context_of(fields) else {
            return (Browser::default(), None);
        };
        // A browser's fact is never a reason to lose a sale: what is too long is cut.
        let fact = |name, max| {
            let text = context.value(name)?.as_str()?;
            let sound = text.chars().filter(|c| !c.is_control());
            Some(sound.take(max).collect::<String>())
        };
        let browser = Browser {
            user_agent: fact("userAgent", 512),
            page_url: fact("pageUrl", 2_048),
            fbp: fact("fbp", 640),
            ttp: fact("ttp", 128),
            ga_client_id: fact("gaClientId", 128),
            ga_session_id: fact("gaSessionId", 256),
        };
        let consent = context.choice(
            "consent",
            &[
                ("full", Consent::Full),
                ("session", Consent::Session),
                ("code", Consent::Code),
            ],
        );
        let read = context.finish(Some(consent));
        (browser, fields.absorb(read).flatten())
    }

    fn token(&self, click: Option<&str>) -> TokenFound {
        let Some(click) = click else {
            return TokenFound::Absent;
        };
        match token::open(self.keys, click, self.now) {
            Some(touch) if touch.program == self.program => {
                TokenFound::Opened(TouchRecord::from(&touch))
            }
            _ => TokenFound::Unreadable,
        }
    }

    fn occurred_at(&self, fields: &mut Fields<'_>) -> UnixMs {
        let Some(at) = fields.instant("occurredAt") else {
            return self.now;
        };
        if at.since(self.now) > limits::EVENT_FUTURE_MS {
            fields.fault("occurredAt", "in_the_future", "must not be later than now");
        }
        if self.now.since(at) > limits::EVENT_PAST_MS {
            fields.fault("occurredAt", "too_old", "must be within the last 400 days");
        }
        at
    }
}

fn context_of<'b>(fields: &mut Fields<'b>) -> Option<Fields<'b>> {
    if fields.value("context").is_some() {
        return fields.object("context");
    }
    let nested = fields.value("metadata")?.get("context");
    if !nested.is_some_and(Value::is_object) {
        return None;
    }
    fields.object("metadata")?.object("context")
}

/// What each kind of destination keeps of a person, as far as it is not known already that it
/// must not: the customer's earlier touches may still have a say.
fn kept(person: &Person<'_>, token: &TokenFound, said: Option<Consent>) -> Vec<Part> {
    let touch = match token {
        TokenFound::Opened(touch) => Some((touch.consent, touch.evidence)),
        TokenFound::Absent | TokenFound::Unreadable => None,
    };
    let known = touch.map(|(consent, _)| consent).into_iter().chain(said);
    let known = known.min().unwrap_or(Consent::Full);
    let evidence = touch.map(|(_, evidence)| evidence);
    let permission = permission(Some(known), evidence, said, true);
    let mut parts = Vec::new();
    for each in destination::ALL {
        let needs = each.terms().needs_consent;
        if needs && permission == Permission::None {
            continue;
        }
        let mut kept = Kept::default();
        each.keep(person, &mut kept);
        if kept != Kept::default() {
            parts.push(Part {
                kind: each.kind(),
                kept,
                limited: needs && permission < Permission::Full,
            });
        }
    }
    parts
}

/// What the merchant's server tells of the buyer's browser.
#[derive(Default)]
struct Browser {
    user_agent: Option<String>,
    page_url: Option<String>,
    fbp: Option<String>,
    ttp: Option<String>,
    ga_client_id: Option<String>,
    ga_session_id: Option<String>,
}

/// What all bodies share.
struct Common<'b> {
    click: Option<String>,
    token: TokenFound,
    occurred_at: UnixMs,
    email: Option<&'b str>,
    name: Option<&'b str>,
    avatar: Option<&'b str>,
    consent: Option<Consent>,
    kept: Vec<Part>,
}

impl Common<'_> {
    /// The customer as the caller sent it: echoed, not stored.
    fn customer(&self, external_id: &str) -> Value {
        json!({
            "name": self.name,
            "email": self.email,
            "avatar": self.avatar,
            "externalId": external_id,
        })
    }
}
