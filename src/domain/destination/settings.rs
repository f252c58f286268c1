//! Settings of one destination: how they are read, and how they reach its functions.

use serde_json::Value;

use crate::domain::input::Fields;
use crate::domain::outbound::OutboundUrl;
use crate::domain::time::UnixMs;

/// The body of the API that is being read. `fields` reads members; what is here is for addresses
/// and the secret.
pub struct Settings<'f, 'b> {
    pub fields: &'f mut Fields<'b>,
    /// Fresh random bytes, for a secret that we make.
    pub entropy: [u8; 32],
    loopback: bool,
    has_secret: bool,
    secret: Option<String>,
}

impl<'f, 'b> Settings<'f, 'b> {
    /// `loopback` allows http and this machine (development); `has_secret`: there is one already,
    /// so none has to be given.
    pub fn new(
        fields: &'f mut Fields<'b>,
        entropy: [u8; 32],
        loopback: bool,
        has_secret: bool,
    ) -> Settings<'f, 'b> {
        Settings {
            fields,
            entropy,
            loopback,
            has_secret,
            secret: None,
        }
    }

    /// A required address of a public https server.
    pub fn required_url(&mut self, name: &str) -> Option<String> {
        let raw = self.fields.required_text(name, 2_048)?;
        self.check_url(name, raw)
    }

    /// An address, for platforms that have several and for tests; `Some(None)` when not given.
    #[allow(
        clippy::option_option,
        reason = "absent, given, and faulty are three things"
    )]
    pub fn url(&mut self, name: &str) -> Option<Option<String>> {
        if self.fields.value(name).is_none() {
            return Some(None);
        }
        self.required_url(name).map(Some)
    }

    /// Checks an address that was made of a member.
    pub fn check_url(&mut self, name: &str, raw: &str) -> Option<String> {
        match OutboundUrl::parse(raw, self.loopback) {
            Ok(url) => Some(url.as_str().to_owned()),
            Err(error) => {
                self.fields.fault(name, error.code(), error.to_string());
                None
            }
        }
    }

    /// The member `region` of platforms with a place of their own for data of the European Union:
    /// `us` or `eu`.
    pub fn region(&mut self) -> Option<&'b str> {
        const NAME: &str = "region";
        self.fields.choice(NAME, &[("us", ()), ("eu", ())])?;
        self.fields.text(NAME, 2)
    }

    /// A member with the secret: needed unless there is one already.
    pub fn required_secret(&mut self, name: &str, max: usize) -> Option<()> {
        if self.has_secret && self.fields.value(name).is_none() {
            return Some(());
        }
        let secret = self.fields.required_text(name, max)?.to_owned();
        self.keep_secret(secret);
        Some(())
    }

    /// Is there a secret from before?
    pub fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// Takes the secret that was read or made.
    pub fn keep_secret(&mut self, secret: String) {
        self.secret = Some(secret);
    }

    /// The secret that was given; `None`: the one that is there stays.
    pub fn into_secret(self) -> Option<String> {
        self.secret
    }

    /// Reads a member that must be made of digits only, because it becomes part of an address.
    pub fn required_digits(&mut self, name: &str, max: usize) -> Option<&'b str> {
        let text = self.fields.required_text(name, max)?;
        let sound = text.bytes().all(|byte| byte.is_ascii_digit());
        if !sound {
            self.fields.fault(name, "not_digits", "must be digits only");
        }
        sound.then_some(text)
    }
}

/// Where a request goes, and with what.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// What [`super::Destination::settings`] gave.
    pub config: &'a Value,
    pub secret: &'a str,
    /// The token that [`super::Destination::grant`] bought.
    pub token: &'a str,
    pub now: UnixMs,
    /// Only to be tried: platforms that have a way to say so are told.
    pub test: bool,
}

impl<'a> Target<'a> {
    /// A text of the settings.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.config.get(name)?.as_str()
    }

    /// `base_url` of the settings, or the address of its `region`.
    pub fn regional(&self, us: &'a str, eu: &'a str) -> &'a str {
        let eu_wanted = self.text("region") == Some("eu");
        self.base("base_url", if eu_wanted { eu } else { us })
    }

    /// An address of the settings or its default, without the slash at the end.
    pub fn base(&self, name: &str, default: &'a str) -> &'a str {
        self.text(name).unwrap_or(default).trim_end_matches('/')
    }
}

/// How long before a version ends people are warned.
const WARN_MS: i64 = 90 * 86_400_000;

/// A sentence when a version ends within 90 days, or has ended. `ends` are versions with the day
/// on which each stops, as the platform published it.
pub fn version_warning(ends: &[(&str, &str)], version: &str, now: UnixMs) -> Option<String> {
    let (_, day) = ends.iter().find(|(known, _)| *known == version)?;
    let end = UnixMs::parse_rfc3339(&format!("{day}T00:00:00Z"))?;
    match end.since(now) {
        left if left > WARN_MS => None,
        left if left > 0 => Some(format!("API version {version} ends on {day}.")),
        _ => Some(format!("API version {version} ended on {day}.")),
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_warned_before_a_version_ends() {
        let ends = [("v1", "2026-09-24"), ("v2", "2027-01-21")];
        let at = |text: &str| UnixMs::parse_rfc3339(text).unwrap();
        let warning = |version, text| version_warning(&ends, version, at(text));
        assert_eq!(warning("v2", "2026-10-22T23:59:59Z"), None);
        let soon = warning("v2", "2026-10-23T00:00:00Z").unwrap();
        assert_eq!(soon, "API version v2 ends on 2027-01-21.");
        let late = warning("v1", "2026-10-23T00:00:00Z").unwrap();
        assert_eq!(late, "API version v1 ended on 2026-09-24.");
        assert_eq!(warning("v3", "2030-01-01T00:00:00Z"), None);
    }

    #[test]
    fn everything_but_the_unreserved_is_encoded() {
        assert_eq!(encoded("aZ9-._~"), "aZ9-._~");
        assert_eq!(encoded("a b&c=d/é%"), "a%20b%26c%3Dd%2F%C3%A9%25");
    }
}
