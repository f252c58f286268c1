//! Links and hosts as the edge knows them: the compact snapshots that KV holds.
//!
//! A snapshot is a projection of D1 and can be rebuilt from it at any time. A host belongs to one
//! program; a slug is unique on its host.

use super::consent::Consent;
use super::ids::{LinkId, PartnerId, ProgramId};
use super::limits;
use serde::{Deserialize, Serialize};

/// What the edge must know of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSnapshot {
    pub program: ProgramId,
    /// The state of a visitor without any signal, where the law does not ask first.
    pub default_consent: Consent,
    /// Where unknown slugs lead; a serialised URL on an allowed host.
    pub fallback: Option<String>,
    /// The registrable domain for the cookie when links live on a sub-domain.
    pub cookie_domain: Option<String>,
    /// The registrable domain of this host; absent when it has none, and in older snapshots.
    pub registrable: Option<String>,
}

/// What the edge must know of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSnapshot {
    pub id: LinkId,
    pub program: ProgramId,
    pub partner: PartnerId,
    /// Serialised URL, checked against the allowed hosts when the link was made.
    pub target: String,
    /// A paused link, or one of a suspended partner, still leads to its target but earns nothing.
    pub active: bool,
}

/// KV key of a host's snapshot.
pub fn host_key(host: &str) -> String {
    format!("host:{host}")
}

/// KV key of a link's snapshot.
pub fn link_key(host: &str, slug: &str) -> String {
    format!("link:{host}/{slug}")
}

/// A slug: 1 to 100 of letters, digits, `-`, `_`, `.`, `@`, kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

impl Slug {
    /// Reads a slug from a URL path or a request body; upper case becomes lower case. `None` for
    /// anything that is not a slug.
    pub fn parse(text: &str) -> Option<Slug> {
        let fits = !text.is_empty() && text.len() <= limits::SLUG_CHARS;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
        let dots = text.bytes().all(|byte| byte == b'.');
        (fits && !dots && text.bytes().all(allowed)).then(|| Slug(text.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a host name from a `Host` header or a request body: lower case, without a port. `None`
/// when it is not a DNS name of at least two labels.
pub fn parse_host(text: &str) -> Option<String> {
    let host = text
        .split(':')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let valid = host.len() <= 253 && host.contains('.') && host.split('.').all(label);
    let numeric = host
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (valid && !numeric).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_lower_case_and_closed() {
        assert_eq!(Slug::parse("Anna.B-1_@x").unwrap().as_str(), "anna.b-1_@x");
        for bad in ["", "a/b", "a b", "ä", "a%20", ".", "..", &"x".repeat(101)] {
            assert_eq!(Slug::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn hosts_are_names_without_ports() {
        assert_eq!(
            parse_host("Shop.Example:8787").as_deref(),
            Some("shop.example")
        );
        for bad in [
            "",
            "localhost",
            "a..b",
            "-a.b",
            "1.2.3.4",
            "ä.example",
            "a_b.example",
        ] {
            assert_eq!(parse_host(bad), None, "{bad}");
        }
    }

    #[test]
    fn snapshots_keep_their_json_form() {
        let text = concat!(
            r#"{"id":"ln_000000000002","program":"pg_000000000001","partner":"pn_000000000003","#,
            r#""target":"https://shop.example/","active":true}"#
        );
        let link: LinkSnapshot = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&link).unwrap(), text);
    }
}
