//! What all bodies share: customer, token, time, code, and what only destinations may see.

use super::{Part, Reading, person};
use crate::domain::click::TouchRecord;
use crate::domain::consent::Consent;
use crate::domain::destination::{Person, Phone, hashing};
use crate::domain::event::{self, TokenFound};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::time::UnixMs;
use crate::domain::token;
use crate::json;
use serde_json::Value;

/// What all bodies share.
pub(super) struct Common<'b> {
    pub(super) customer: Option<&'b str>,
    pub(super) subscription: Option<&'b str>,
    /// The code in capitals.
    pub(super) code: Option<String>,
    pub(super) click: Option<String>,
    pub(super) token: TokenFound,
    pub(super) occurred_at: UnixMs,
    /// Pseudonym of the mail address.
    pub(super) mailbox: Option<String>,
    email: Option<&'b str>,
    name: Option<&'b str>,
    avatar: Option<&'b str>,
    pub(super) consent: Option<Consent>,
    /// What destinations keep of the person.
    pub(super) kept: Vec<Part>,
}

impl Common<'_> {
    /// The customer as the caller sent it: echoed, not stored.
    pub(super) fn shown(&self) -> Value {
        json!({
            "name": self.name,
            "email": self.email,
            "avatar": self.avatar,
            "externalId": self.customer,
        })
    }
}

impl Reading<'_> {
    /// Reads what all bodies share; the customer was read already, as some bodies need one.
    pub(super) fn common<'b>(
        &self,
        fields: &mut Fields<'b>,
        customer: Option<&'b str>,
    ) -> Common<'b> {
        let click = fields.text("clickId", 500);
        let click = click.filter(|click| !click.is_empty());
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
        let phone = fields
            .text("customerPhone", 64)
            .and_then(|text| Phone::read(text, |text| self.phones.e164(text, self.country)));
        let (browser, consent) = self.context(fields);
        let person = Person {
            customer_id: customer,
            email,
            phone: phone.as_ref(),
            user_agent: browser.user_agent.as_deref(),
            page_url: browser.page_url.as_deref(),
            fbp: browser.fbp.as_deref(),
            ttp: browser.ttp.as_deref(),
            ga_client_id: browser.ga_client_id.as_deref(),
            ga_session_id: browser.ga_session_id.as_deref(),
        };
        let token = self.token(click);
        let subscription = fields.text("subscriptionId", limits::EXTERNAL_ID_CHARS);
        let code = fields.text("code", limits::CODE_CHARS).map(event::code);
        let program = self.program.to_string();
        let hash = email.and_then(hashing::mailbox);
        let mailbox = hash.map(|hash| self.pseudonyms.mailbox(&program, &hash));
        Common {
            customer,
            subscription: subscription.filter(|id| !id.is_empty()),
            code: code.filter(|code| !code.is_empty()),
            mailbox,
            kept: person::kept(&person, &token, consent),
            token,
            click: click.map(str::to_owned),
            occurred_at: self.occurred_at(fields),
            email,
            name,
            avatar,
            consent,
        }
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
