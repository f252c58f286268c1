//! Settings of one destination: how they are read, and how they reach its functions.

use serde_json::Value;

use crate::domain::input::Fields;
use crate::domain::outbound::{OutboundRules, OutboundUrl};
use crate::domain::time::UnixMs;

/// What a destination that is being changed has already.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    pub config: &'a Value,
    /// There is a secret that must not be sent anywhere else.
    pub secret: bool,
}

/// The body of the API that is being read. `fields` reads members; what is here is for addresses
/// and the secret.
///
/// Where a secret goes changes only together with the secret: whoever may change settings could
/// otherwise have the secret sent to themselves. So every member that decides where requests go is
/// read through here ([`Settings::required_url`], [`Settings::test_url`], [`Settings::region`],
/// [`Settings::goes_to`]), and [`Settings::check_places`] compares them with what is stored.
pub struct Settings<'f, 'b> {
    pub fields: &'f mut Fields<'b>,
    /// Fresh random bytes, for a secret that we make.
    pub entropy: [u8; 32],
    rules: &'f OutboundRules,
    stored: Option<Stored<'f>>,
    secret_name: &'static str,
    secret: Option<String>,
    /// Some member says that requests go somewhere else than before.
    moved: bool,
}

impl<'f, 'b> Settings<'f, 'b> {
    /// `stored` is what a change begins with; `None` for a new destination.
    pub fn new(
        fields: &'f mut Fields<'b>,
        entropy: [u8; 32],
        rules: &'f OutboundRules,
        stored: Option<Stored<'f>>,
    ) -> Settings<'f, 'b> {
        Settings {
            fields,
            entropy,
            rules,
            stored,
            secret_name: "secret",
            secret: None,
            moved: false,
        }
    }

    /// A required address of a public https server.
    pub fn required_url(&mut self, name: &str) -> Option<String> {
        let raw = self.fields.required_text(name, 2_048)?;
        // What is stored may be refused by now. It is not called then, and everything else can be
        // changed, such as switching it off.
        if self.keeps(name, raw) {
            return Some(raw.to_owned());
        }
        let url = self.check_url(name, raw)?;
        self.goes_to(name, Some(url.as_str()));
        Some(url.as_str().to_owned())
    }

    /// The address of a platform's stand-in, for tests: only in development, and only on this
    /// machine. `Some(None)` when not given: the platform itself may always have its secret.
    #[allow(
        clippy::option_option,
        reason = "absent, given, and faulty are three things"
    )]
    pub fn test_url(&mut self, name: &str) -> Option<Option<String>> {
        if self.fields.value(name).is_none() {
            return Some(None);
        }
        let raw = self.fields.required_text(name, 2_048)?;
        if !self.rules.loopback() {
            let detail = "is for tests and works in development only; leave it out, or set it to \
                          null";
            self.fields.fault(name, "test_only", detail);
            return None;
        }
        let url = self.check_url(name, raw)?;
        if !url.is_this_machine() {
            let detail = "is for tests and must be an address of this machine";
            self.fields.fault(name, "test_only", detail);
            return None;
        }
        self.goes_to(name, Some(url.as_str()));
        Some(Some(url.as_str().to_owned()))
    }

    /// Notes a member that decides where requests go, as it will be stored.
    pub fn goes_to(&mut self, name: &str, value: Option<&str>) {
        let before = self.stored.map(|stored| stored.config.get(name));
        let before = before.map(|member| member.and_then(Value::as_str));
        self.moved |= before.is_some_and(|before| before != value);
    }

    /// Names the secret when requests would go elsewhere with the one that is stored.
    pub fn check_places(&mut self) {
        let stored = self.stored.is_some_and(|stored| stored.secret);
        if self.moved && stored && self.secret.is_none() {
            let detail = "must be given again, or a new one, in the call that changes where it is \
                          sent";
            self.fields
                .fault(self.secret_name, "secret_required", detail);
        }
    }

    /// Does a change leave this member as it is stored?
    pub fn keeps(&self, name: &str, value: &str) -> bool {
        let stored = self.stored.and_then(|stored| stored.config.get(name));
        stored.and_then(Value::as_str) == Some(value)
    }

    /// Checks an address that was made of a member.
    pub fn check_url(&mut self, name: &str, raw: &str) -> Option<OutboundUrl> {
        match OutboundUrl::parse(raw, self.rules) {
            Ok(url) => Some(url),
            Err(error) => {
                self.fields.fault(name, error.code(), error.to_string());
                None
            }
        }
    }

    /// The member `region` of platforms with a place of their own for data of the European Union:
    /// `us` or `eu`.
    pub fn region(&mut self) -> Option<&'static str> {
        const NAME: &str = "region";
        let chosen = self.fields.choice(NAME, &[("us", "us"), ("eu", "eu")]);
        self.goes_to(NAME, chosen);
        chosen
    }

    /// A member with the secret: needed unless there is one already.
    pub fn required_secret(&mut self, name: &'static str, max: usize) -> Option<()> {
        if self.has_secret(name) && self.fields.value(name).is_none() {
            return Some(());
        }
        let secret = self.fields.required_text(name, max)?.to_owned();
        self.keep_secret(secret);
        Some(())
    }

    /// Is there a secret from before? `name` is the member that a new one comes in.
    pub fn has_secret(&mut self, name: &'static str) -> bool {
        self.secret_name = name;
        self.stored.is_some_and(|stored| stored.secret)
    }

    /// Takes the secret that was read or made.
    pub fn keep_secret(&mut self, secret: String) {
        self.secret = Some(secret);
    }

    /// Do requests go somewhere else than before?
    pub fn moved(&self) -> bool {
        self.moved
    }

    /// The secret that was given or made; `None`: the one that is there stays.
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
    /// Secrets that were replaced lately and sign along, newest first.
    pub previous: &'a [String],
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
