//! What all bodies share: customer, token, time, code, and what only destinations may see.

use super::{ForDestinations, Reading};
use crate::domain::click::TouchRecord;
use crate::domain::consent::Consent;
use crate::domain::destination::hashing;
use crate::domain::event::{self, TokenFound};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::time::UnixMs;
use crate::domain::token;
use serde_json::{Value, json};

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
    pub(super) sealed: ForDestinations,
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
        let mut sealed = ForDestinations {
            customer_id: customer.filter(|id| !id.contains('@')).map(str::to_owned),
            email_hash: email.and_then(hashing::email),
            external_id_hash: customer.and_then(hashing::external_id),
            ..ForDestinations::default()
        };
        let consent = self.context(fields, &mut sealed);
        let subscription = fields.text("subscriptionId", limits::EXTERNAL_ID_CHARS);
        let code = fields.text("code", limits::CODE_CHARS).map(str::trim);
        let program = self.program.to_string();
        let hash = sealed.email_hash.as_deref();
        let mailbox = hash.map(|hash| self.keys.mailbox(&program, hash));
        Common {
            customer,
            subscription: subscription.map(str::trim).filter(|id| !id.is_empty()),
            code: code
                .filter(|code| !code.is_empty())
                .map(event::canonical_code),
            mailbox,
            token: self.token(click),
            click: click.map(str::to_owned),
            occurred_at: self.occurred_at(fields),
            email,
            name,
            avatar,
            consent,
            sealed,
        }
    }

    /// Reads `context`, or `metadata.context` from clients that drop members they do not know.
    fn context(&self, fields: &mut Fields<'_>, sealed: &mut ForDestinations) -> Option<Consent> {
        let mut context = if fields.value("context").is_some() {
            fields.object("context")?
        } else if fields
            .value("metadata")?
            .get("context")
            .is_some_and(Value::is_object)
        {
            fields.object("metadata")?.object("context")?
        } else {
            return None;
        };
        // A browser's fact is never a reason to lose a sale: what is too long is cut.
        let browser = |name, max| {
            let text = context.value(name)?.as_str()?;
            Some(
                text.chars()
                    .filter(|c| !c.is_control())
                    .take(max)
                    .collect::<String>(),
            )
        };
        sealed.user_agent = browser("userAgent", 512);
        sealed.page_url = browser("pageUrl", 2_048);
        sealed.fbp = browser("fbp", 640);
        let consent = context.choice(
            "consent",
            &[
                ("full", Consent::Full),
                ("session", Consent::Session),
                ("code", Consent::Code),
            ],
        );
        let read = context.finish(Some(consent));
        fields.absorb(read).flatten()
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
