//! OAuth 2.0 access tokens: bought with a service account's key (RFC 7523) or a refresh token.
//!
//! The signature (RS256) is the platform's matter; here is what is signed, and what the answer
//! means. Source: Google's "Using OAuth 2.0 for Server to Server Applications".

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::request::{Method, Request};
use super::settings::encoded;
use super::{Answer, Fate, Object, Outcome};
use crate::values::record;
use crate::values::time::UnixMs;

const FORM: &str = "application/x-www-form-urlencoded";
/// How long an assertion is good for: Google's most.
const ASSERTION_S: i64 = 3_600;
/// A token is not used in the last minute of its life.
const MARGIN_S: i64 = 60;

/// What a token is bought with.
#[derive(Clone, PartialEq, Eq)]
pub enum Grant {
    /// A whole request.
    Ready(Request),
    /// `unsigned` is to be signed with the key (PKCS #8 in PEM), then [`Grant::signed`] makes the
    /// request.
    Sign {
        url: String,
        key: String,
        unsigned: String,
    },
}

impl Grant {
    /// Takes the credentials as the platform's console gives them: a service account's JSON
    /// (`client_email`, `private_key`), or `{"client_id", "client_secret", "refresh_token"}`.
    /// `None` for anything else.
    pub fn new(url: &str, credentials: &str, scope: &str, now: UnixMs) -> Option<Grant> {
        let read = record::parse(credentials)?;
        let member = |name: &str| read.get(name)?.as_str().filter(|text| !text.is_empty());
        if let Some(refresh) = member("refresh_token") {
            let body = format!(
                "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
                encoded(member("client_id")?),
                encoded(member("client_secret")?),
                encoded(refresh)
            );
            return Some(Grant::Ready(form(url, body)));
        }
        let key = member("private_key")?.to_owned();
        let issued = now.0.div_euclid(1_000);
        let mut claims = Object::new();
        claims
            .text("iss", member("client_email")?)
            .text("scope", scope)
            .text("aud", url)
            .number("iat", issued)
            .number("exp", issued + ASSERTION_S);
        let claims = URL_SAFE_NO_PAD.encode_to_string(claims.build().to_string());
        let header = URL_SAFE_NO_PAD.encode_to_string(r#"{"alg":"RS256","typ":"JWT"}"#);
        Some(Grant::Sign {
            url: url.to_owned(),
            key,
            unsigned: format!("{header}.{claims}"),
        })
    }

    /// The request with a signature in base64url.
    pub fn signed(url: &str, unsigned: &str, signature: &str) -> Request {
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        form(
            url,
            format!("grant_type={grant}&assertion={unsigned}.{signature}"),
        )
    }
}

fn form(url: &str, body: String) -> Request {
    Request {
        method: Method::Post,
        url: url.to_owned(),
        headers: vec![("content-type", FORM.to_owned())],
        body,
    }
}

/// A token and the instant until which it may be used, or why there is none.
pub fn token(answer: &Answer, now: UnixMs) -> Result<(String, UnixMs), Outcome> {
    let read = record::parse(&answer.body).unwrap_or_default();
    let token = read.get("access_token").and_then(Value::as_str);
    if let (200, Some(token)) = (answer.status, token.filter(|text| sound(text))) {
        let seconds = read.get("expires_in").and_then(Value::as_i64).unwrap_or(0);
        let life = seconds.clamp(0, ASSERTION_S).saturating_sub(MARGIN_S);
        return Ok((token.to_owned(), now.plus(life * 1_000)));
    }
    let fate = match answer.status {
        429 => Fate::Throttled,
        408 | 425 | 500..=599 => Fate::Retry,
        _ => Fate::Misconfigured,
    };
    Err(Outcome::of(answer, fate).because("no access token"))
}

/// A text that may stand in a header.
fn sound(token: &str) -> bool {
    !token.is_empty() && token.len() <= 4_096 && token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const URL: &str = "https://oauth2.googleapis.com/token";
    const NOW: UnixMs = UnixMs(1_795_334_400_000);

    #[test]
    fn a_service_account_signs_its_claims() {
        let account = json!({"type": "service_account", "client_email": "a@b.example",
            "private_key": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
            "token_uri": "https://evil.example/"});
        let grant = Grant::new(URL, &account.to_string(), "scope", NOW).unwrap();
        let Grant::Sign { url, unsigned, .. } = grant else {
            unreachable!("a service account has a key");
        };
        assert_eq!(url, URL, "never the address in the credentials");
        let claims = URL_SAFE_NO_PAD.decode_to_vec(unsigned.split('.').nth(1).unwrap());
        let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        assert_eq!(claims["iss"], "a@b.example");
        assert_eq!(claims["aud"], URL);
        assert_eq!(claims["exp"], 1_795_334_400 + 3_600);
        let request = Grant::signed(&url, &unsigned, "c2ln");
        assert!(request.body.ends_with(".c2ln"));
    }

    #[test]
    fn a_refresh_token_is_a_form() {
        let given = json!({"client_id": "i&", "client_secret": "s", "refresh_token": "1//r"});
        let grant = Grant::new(URL, &given.to_string(), "scope", NOW).unwrap();
        let Grant::Ready(request) = grant else {
            unreachable!("a refresh token needs no signature");
        };
        let form = "grant_type=refresh_token&client_id=i%26&client_secret=s&refresh_token=1%2F%2Fr";
        assert_eq!(request.body, form);
        for text in [
            "",
            "{}",
            r#"{"refresh_token":"r"}"#,
            r#"{"private_key":"k"}"#,
        ] {
            assert!(Grant::new(URL, text, "scope", NOW).is_none(), "{text}");
        }
    }

    #[test]
    fn a_token_ends_a_minute_early() {
        let answer = |status, body: &str| Answer {
            status,
            body: body.to_owned(),
            wait_ms: 0,
        };
        let good = answer(200, r#"{"access_token":"ya29.x","expires_in":3599}"#);
        let (found, until) = token(&good, NOW).unwrap();
        assert_eq!((found.as_str(), until), ("ya29.x", NOW.plus(3_539_000)));
        for (status, body, word) in [
            (200, "{}", "misconfigured"),
            (200, r#"{"access_token":"a b"}"#, "misconfigured"),
            (400, r#"{"error":"invalid_grant"}"#, "misconfigured"),
            (429, "", "throttled"),
            (503, "<html>", "retry"),
        ] {
            let refused = token(&answer(status, body), NOW).unwrap_err();
            assert_eq!(refused.fate.as_str(), word, "{status} {body}");
            assert!(refused.reason.ends_with("no access token"));
        }
    }
}
