//! Outgoing webhooks, signed as Standard Webhooks 1.0 says.
//!
//! Decides how a message is signed and what the status of an answer means. The body and its
//! transport belong to others.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Outcome;

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

/// What a receiver's answer means. Takes the status, 0 when no answer came (refused, timed out).
///
/// 2xx is delivered, whatever the body. 410 is the receiver's word that it is gone for good.
/// 429 asks for fewer deliveries. Everything else is tried again within the schedule: no answer,
/// 408, 425 and 5xx pass by themselves; the other 4xx (a wrong route, an expired certificate or
/// token on the receiver's side) are mended by a person within the day that the schedule lasts;
/// a redirect (3xx) is never followed, because it would carry signed data to an unchecked host.
pub fn classify(status: u16) -> Outcome {
    let reason = match status {
        0 => "no answer".to_owned(),
        300..=399 => format!("http {status}, redirects are not followed"),
        _ => format!("http {status}"),
    };
    match status {
        200..=299 => Outcome::Delivered,
        410 => Outcome::Permanent { reason },
        429 => Outcome::Throttled { reason },
        _ => Outcome::Retry { reason },
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
            (0, "retry"),
            (101, "retry"),
            (301, "retry"),
            (400, "retry"),
            (404, "retry"),
            (408, "retry"),
            (410, "permanent"),
            (425, "retry"),
            (429, "throttled"),
            (500, "retry"),
            (503, "retry"),
        ] {
            let outcome = classify(status);
            assert_eq!(outcome.as_str(), word, "{status}");
            assert!(outcome.reason().len() <= super::super::MAX_REASON);
        }
    }
}
