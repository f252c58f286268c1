//! Outgoing webhooks, signed as Standard Webhooks 1.0 says.
//!
//! Decides what the merchant's own systems are told, how it is signed, and what the status of an
//! answer means.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    Answer, Destination, Event, Fate, Item, Kept, Method, Outcome, Person, Request, Settings,
    Target, Terms,
};

/// A receiver of signed webhooks.
pub struct Webhook;

impl Destination for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn terms(&self) -> Terms {
        Terms {
            needs_consent: false,
            hears_changes: true,
            hears_notices: true,
            ..Terms::PLATFORM
        }
    }

    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value> {
        let url = settings.required_url("url");
        let given = settings.fields.text("secret", 200);
        match given.map(WebhookSecret::parse) {
            None if settings.has_secret() => {}
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
        Some(json!({"url": url?}))
    }

    /// The merchant's own id of the customer, unless it looks like a mail address.
    fn keep(&self, person: &Person<'_>, kept: &mut Kept) {
        let id = person.customer_id.filter(|id| !id.contains('@'));
        kept.copy("customer_id", id);
    }

    /// The message's id and its text.
    fn item(&self, event: &Event, _: &Target<'_>) -> Item {
        let body = json!({
            "type": event.message,
            "timestamp": event.decided_at.to_rfc3339(),
            "data": event.notice.clone().unwrap_or_else(|| data(event)),
        });
        Item::Send(json!([event.delivery, body.to_string()]))
    }

    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request> {
        let message = items.first()?;
        let (id, body) = (message[0].as_str()?, message[1].as_str()?);
        let secret = WebhookSecret::parse(to.secret).ok()?;
        let seconds = to.now.0.div_euclid(1_000);
        let request = Request {
            method: Method::Post,
            url: to.text("url")?.to_owned(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_owned(),
        };
        let signature = secret.sign(id, seconds, body.as_bytes());
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
    fn outcome(&self, answer: &Answer, _: usize) -> Outcome {
        match answer.status {
            200..=299 => Outcome::delivered(),
            410 => Outcome::of(answer, Fate::Drop),
            429 => Outcome::of(answer, Fate::Throttled),
            _ => Outcome::of(answer, Fate::Retry),
        }
    }
}

fn data(event: &Event) -> Value {
    let credit = event.credits.first();
    let credits: Vec<Value> = event
        .credits
        .iter()
        .map(|credit| {
            json!({"partner": {"id": credit.partner, "name": credit.partner_name},
                "link": credit.link, "code": credit.code, "shareBps": credit.share_bps,
                "amount": credit.amount, "commission": credit.commission})
        })
        .collect();
    json!({
        "id": event.id,
        "program": event.program,
        "kind": event.occasion.as_str(),
        "name": event.name,
        "key": event.key,
        "revision": event.revision,
        "status": event.status,
        "occurredAt": event.occurred_at.to_rfc3339(),
        "customerExternalId": event.kept.text("customer_id"),
        "isNewCustomer": event.is_new_customer,
        "amount": event.money,
        "sale": event.sale.as_ref().map(|sale| json!({"id": sale.event, "key": sale.key})),
        "partner": credit.map(|one| json!({"id": one.partner, "name": one.partner_name})),
        "commission": credit.map_or(&[][..], |one| &one.commission),
        "credits": credits,
        "consent": event.consent,
        "explanation": event.explanation,
        "decision": event.decision,
    })
}

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
        let key = STANDARD.decode(encoded).map_err(|_| SecretError)?;
        if !(SHORTEST..=LONGEST).contains(&key.len()) {
            return Err(SecretError);
        }
        Ok(Self::from_key(&key))
    }

    /// The text form, to be shown to the receiver's owner once.
    pub fn reveal(&self) -> String {
        let key = self.block.get(..self.length).unwrap_or(&self.block);
        format!("{SECRET_PREFIX}{}", STANDARD.encode(key))
    }

    /// The value of `webhook-signature`: `v1,` and the base64 of the HMAC-SHA256 over
    /// `id.timestamp.body`. Takes the message id, unix seconds, and the exact bytes of the body.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new(&self.block.into());
        mac.update(id.as_bytes());
        mac.update(format!(".{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
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
            let text = format!("whsec_{}", STANDARD.encode(vec![1; length]));
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
            let outcome = Webhook.outcome(&answer, 1);
            assert_eq!(outcome.fate.as_str(), word, "{status}");
            assert!(outcome.reason.len() <= super::super::MAX_REASON);
        }
    }
}
