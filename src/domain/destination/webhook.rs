//! Outgoing webhooks, signed as Standard Webhooks 1.0 says.
//!
//! Decides what the merchant's own systems are told, how it is signed, and what the status of an
//! answer means.

use std::fmt;

use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::{
    Answer, Credit, Destination, Event, Fate, Item, Kept, Method, Object, Outcome, Person, Request,
    Settings, Target, Terms, unless_mail,
};
use crate::domain::money::Money;

/// A receiver of signed webhooks.
pub struct Webhook;

impl Destination for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn terms(&self) -> Terms {
        Terms {
            needs_consent: false,
            awaits_click: false,
            hears_changes: true,
            takes_future: true,
            repeatable: true,
            ..Terms::PLATFORM
        }
    }

    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value> {
        let url = settings.required_url("url");
        let stored = settings.has_secret("secret");
        let given = settings.fields.text("secret", 200);
        match given.map(WebhookSecret::parse) {
            None if stored && !settings.fields.has("secret") => {}
            None => {
                let made = WebhookSecret::generate(settings.entropy);
                settings.keep_secret(made.reveal());
            }
            Some(Ok(secret)) => settings.keep_secret(secret.reveal()),
            Some(Err(error)) => {
                let detail = "must be whsec_ and base64 of 24 to 64 bytes";
                settings.fields.fault("secret", error.code(), detail);
            }
        }
        let mut config = Object::new();
        config.text("url", &url?);
        Some(config.build())
    }

    /// A receiver may know either secret while it changes over.
    fn previous_secrets_sign(&self) -> bool {
        true
    }

    fn stand_in_secret(&self) -> &'static str {
        STAND_IN
    }

    /// A receiver shows the key in its own forms: without the prefix, or as the bytes it is.
    fn secret_parts(&self, secret: &str) -> Vec<String> {
        let mut parts = vec![secret.to_owned()];
        if let Ok(read) = WebhookSecret::parse(secret) {
            parts.push(secret.trim_start_matches(SECRET_PREFIX).to_owned());
            parts.push(hex::encode(read.key()));
        }
        parts
    }

    /// The merchant's own id of the customer, unless it looks like a mail address.
    fn keep(&self, person: &Person<'_>, kept: &mut Kept) {
        let id = unless_mail(person.customer_id);
        kept.copy("customer_id", id);
    }

    /// The message's id and its text.
    fn item(&self, event: &Event, _: &Target<'_>) -> Item {
        let mut body = Object::new();
        let data = event.notice.clone().unwrap_or_else(|| data(event));
        body.text("type", &event.message)
            .text("timestamp", &event.decided_at.to_rfc3339())
            .value("data", data);
        let body = body.build().to_string();
        Item::Send(vec![Value::from(event.delivery.as_str()), body.into()].into())
    }

    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request> {
        let message = items.first()?;
        let (id, body) = (message.get(0)?.as_str()?, message.get(1)?.as_str()?);
        let secret = WebhookSecret::parse(to.secret).ok()?;
        let seconds = to.now.0.div_euclid(1_000);
        let request = Request {
            method: Method::Post,
            url: to.text("url")?.to_owned(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_owned(),
        };
        let mut signature = secret.sign(id, seconds, body.as_bytes());
        for previous in to.previous {
            if let Ok(previous) = WebhookSecret::parse(previous) {
                signature.push(' ');
                signature.push_str(&previous.sign(id, seconds, body.as_bytes()));
            }
        }
        Some(
            request
                .with("webhook-id", id.to_owned())
                .with("webhook-timestamp", seconds.to_string())
                .with("webhook-signature", signature),
        )
    }

    /// 2xx is delivered, whatever the body. 410 is the receiver's word that it is gone for good.
    /// Everything else is tried again within the schedule: what is wrong on the receiver's side
    /// (a route, a certificate, a token) is mended by a person within the day that it lasts; a
    /// redirect is never followed, because it would carry signed data to an unchecked host.
    fn outcome(&self, answer: &Answer, _: &Target<'_>, _: usize) -> Outcome {
        match answer.status {
            200..=299 => Outcome::delivered(),
            410 => Outcome::of(answer, Fate::Drop),
            429 => Outcome::of(answer, Fate::Throttled),
            _ => Outcome::of(answer, Fate::Retry),
        }
    }
}

fn data(event: &Event) -> Value {
    let mut data = Object::new();
    data.text("id", &event.id)
        .text("program", &event.program)
        .text("kind", event.occasion.as_str())
        .text("name", &event.name)
        .text("key", &event.key)
        .number("revision", event.revision.into())
        .text("status", &event.status)
        .text("occurredAt", &event.occurred_at.to_rfc3339())
        .text("explanation", &event.explanation)
        .value("decision", event.decision.clone());
    let customer = event.kept.text("customer_id");
    nullable(&mut data, "customerExternalId", customer.map(Value::from));
    let new = event.is_new_customer.map(Value::Bool);
    nullable(&mut data, "isNewCustomer", new);
    nullable(&mut data, "amount", event.money.map(amount));
    let consent = event.consent.map(|consent| consent.name().into());
    nullable(&mut data, "consent", consent);
    if let Some(sale) = &event.sale {
        let mut about = Object::new();
        about.text("id", &sale.event).text("key", &sale.key);
        data.object("sale", about);
    }
    let mut credits = Vec::new();
    for credit in &event.credits {
        let mut shown = Object::new();
        shown
            .value("partner", partner(credit))
            .maybe("link", credit.link.as_deref())
            .maybe("code", credit.code.as_deref())
            .number("shareBps", credit.share_bps.into())
            .value("amount", credit.amount.map_or(Value::Null, amount))
            .value("commission", amounts(&credit.commission));
        credits.push(shown.build());
    }
    // The first credit alone, for receivers that know of one.
    let first = event.credits.first();
    nullable(&mut data, "partner", first.map(partner));
    let earned = first.map_or(&[][..], |credit| &credit.commission);
    data.value("commission", amounts(earned));
    data.value("credits", credits.into());
    data.build()
}

/// A member that is `null` when there is nothing, so that receivers can rely on it.
fn nullable(data: &mut Object, name: &str, value: Option<Value>) {
    data.0.insert(name.to_owned(), value.unwrap_or_default());
}

fn partner(credit: &Credit) -> Value {
    let mut shown = Object::new();
    shown
        .text("id", &credit.partner)
        .text("name", &credit.partner_name);
    shown.build()
}

fn amount(money: Money) -> Value {
    let mut shown = Object::new();
    shown
        .number("amount", money.amount_minor())
        .text("currency", money.currency().code());
    shown.build()
}

fn amounts(all: &[Money]) -> Value {
    let mut shown = Vec::new();
    for money in all {
        shown.push(amount(*money));
    }
    shown.into()
}

/// Signs what people look at: 24 zero bytes, which nobody uses.
const STAND_IN: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What a secret starts with in its text form.
pub const SECRET_PREFIX: &str = "whsec_";

const SHORTEST: usize = 24;
const LONGEST: usize = 64;

/// The text is not `whsec_` and the base64 of 24 to 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretError;

impl SecretError {
    /// The stable code of the public error.
    pub fn code(self) -> &'static str {
        "webhook_secret_invalid"
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The secret must be whsec_ and the base64 of 24 to 64 bytes.")
    }
}

impl std::error::Error for SecretError {}

/// The key of one receiver. Prints as `[redacted]`; [`WebhookSecret::reveal`] is the only way to
/// its text.
#[derive(Clone)]
pub struct WebhookSecret {
    /// The key filled up with zeros to the block of SHA-256, which is what HMAC does with any
    /// shorter key (RFC 2104).
    block: [u8; LONGEST],
    length: usize,
}

impl WebhookSecret {
    /// Takes 32 random bytes.
    pub fn generate(entropy: [u8; 32]) -> Self {
        Self::from_key(&entropy)
    }

    /// Takes `whsec_` and standard base64 with its padding, of 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(SecretError)?;
        let key = STANDARD.decode_to_vec(encoded).map_err(|_| SecretError)?;
        if !(SHORTEST..=LONGEST).contains(&key.len()) {
            return Err(SecretError);
        }
        Ok(Self::from_key(&key))
    }

    /// The text form, to be shown to the receiver's owner once.
    pub fn reveal(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode_to_string(self.key()))
    }

    fn key(&self) -> &[u8] {
        self.block.get(..self.length).unwrap_or(&self.block)
    }

    /// The value of `webhook-signature`: `v1,` and the base64 of the HMAC-SHA256 over
    /// `id.timestamp.body`. Takes the message id, unix seconds, and the exact bytes of the body.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new(&self.block.into());
        mac.update(id.as_bytes());
        mac.update(format!(".{timestamp_s}.").as_bytes());
        mac.update(body);
        format!(
            "v1,{}",
            STANDARD.encode_to_string(mac.finalize().into_bytes())
        )
    }

    fn from_key(key: &[u8]) -> Self {
        let mut block = [0; LONGEST];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self {
            block,
            length: key.len().min(LONGEST),
        }
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn signatures_equal_those_of_the_reference_library() {
        let text = include_str!("../../../tests/golden/standard_webhooks.json");
        let golden: Value = serde_json::from_str(text).unwrap();
        let vectors = golden["vectors"].as_array().unwrap();
        assert!(vectors.len() >= 6);
        for vector in vectors {
            let member = |name: &str| vector[name].as_str().unwrap();
            let secret = WebhookSecret::parse(member("secret")).unwrap();
            let at = vector["timestamp"].as_i64().unwrap();
            let signature = secret.sign(member("id"), at, member("body").as_bytes());
            assert_eq!(signature, member("signature"), "{}", member("id"));
            assert_eq!(secret.reveal(), member("secret"));
        }
    }

    #[test]
    fn the_published_vector_holds() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            secret.sign(
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                br#"{"test": 2432232314}"#
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_reads_back_and_does_not_print() {
        let secret = WebhookSecret::generate([7; 32]);
        let text = secret.reveal();
        assert_eq!(WebhookSecret::parse(&text).unwrap().reveal(), text);
        assert_eq!(format!("{secret:?}"), "[redacted]");
        for length in [0, 23, 65] {
            let text = format!("whsec_{}", STANDARD.encode_to_string(vec![1; length]));
            assert_eq!(WebhookSecret::parse(&text).unwrap_err(), SecretError);
        }
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8 ",
            "whpk_AA",
        ] {
            assert_eq!(WebhookSecret::parse(text).unwrap_err(), SecretError);
        }
    }

    /// What other programs take for standard base64: its padding, and nothing left over.
    #[test]
    fn a_secret_is_read_as_strictly_as_others_read_base64() {
        use base64::Engine as _;
        let theirs = base64::engine::general_purpose::STANDARD;
        for length in 24..=27 {
            let text = STANDARD.encode_to_string(vec![0xf7; length]);
            for (at, with) in
                (0..text.len()).flat_map(|at| ["", "=", "B", "/", "-", " "].map(|w| (at, w)))
            {
                let mut changed = text.clone();
                changed.replace_range(at..=at, with);
                let expected = theirs.decode(&changed);
                let key = expected
                    .ok()
                    .filter(|key| (SHORTEST..=LONGEST).contains(&key.len()));
                let read = WebhookSecret::parse(&format!("whsec_{changed}"));
                assert_eq!(read.is_ok(), key.is_some(), "{changed}");
            }
        }
    }

    #[test]
    fn statuses_have_their_meaning() {
        for (status, word) in [
            (200, "delivered"),
            (204, "delivered"),
            (299, "delivered"),
            (101, "retry"),
            (301, "retry"),
            (400, "retry"),
            (404, "retry"),
            (408, "retry"),
            (410, "drop"),
            (425, "retry"),
            (429, "throttled"),
            (500, "retry"),
            (503, "retry"),
        ] {
            let answer = Answer {
                status,
                ..Answer::default()
            };
            let to = Target {
                config: &Value::Null,
                secret: "",
                previous: &[],
                token: "",
                now: crate::domain::time::UnixMs(0),
                test: false,
            };
            let outcome = Webhook.outcome(&answer, &to, 1);
            assert_eq!(outcome.fate.as_str(), word, "{status}");
            assert!(outcome.reason.len() <= super::super::MAX_REASON);
        }
    }
}
