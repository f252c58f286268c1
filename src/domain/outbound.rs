//! Addresses that we send to: webhook receivers and the bases of platform APIs.
//!
//! Decides which addresses a person may give us to call, so that nobody reaches what is not on
//! the public internet through us. Works on the text alone and does not resolve names: a public
//! name that resolves to a private address is left to the platform, whose outgoing requests do
//! not reach private networks.

use std::fmt;
use std::net::Ipv6Addr;

use url::{Host, Url};

use super::target::{TargetError, check_text};

/// Names below these are never public (RFC 6761, RFC 6762, RFC 7686, RFC 8375, ICANN `internal`,
/// and what home routers use).
const LOCAL_SUFFIXES: [&str; 9] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "lan",
    "localdomain",
    "intranet",
    "onion",
    "invalid",
];

/// Ports that a public receiver may have.
const PORTS: [u16; 2] = [443, 8443];

/// Why an outbound address was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboundError {
    /// One of the reasons that hold for link targets too: text, scheme, credentials, IP address,
    /// trailing dot.
    Address(TargetError),
    /// A local or single-label name.
    HostNotPublic,
    /// A port other than 443 and 8443.
    Port,
}

impl OutboundError {
    /// The stable code of the public error.
    pub fn code(self) -> &'static str {
        match self {
            Self::Address(error) => error.code(),
            Self::HostNotPublic => "host_not_public",
            Self::Port => "port",
        }
    }
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::HostNotPublic => f.write_str("The host must be a name on the public internet."),
            Self::Port => f.write_str("The port must be 443 or 8443."),
        }
    }
}

impl std::error::Error for OutboundError {}

impl From<TargetError> for OutboundError {
    fn from(error: TargetError) -> Self {
        Self::Address(error)
    }
}

/// A serialised https URL on a public host, without fragment; in development also http on this
/// machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundUrl(String);

impl OutboundUrl {
    /// Takes what a person or the API wrote and whether this is a development setup. Gives the
    /// serialised address or the first reason against it. Every IP address is refused, in every
    /// spelling that the URL Standard reads as one (`0x7f.1`, `2130706433`). In development
    /// (`loopback`) `localhost`, `*.localhost`, 127.0.0.0/8 and `[::1]` are allowed, with http
    /// and any port.
    pub fn parse(raw: &str, loopback: bool) -> Result<Self, OutboundError> {
        check_text(raw)?;
        let mut url = Url::parse(raw).map_err(|_| TargetError::InvalidUrl)?;
        // The text check saw no `@`; this repeats it on what the parser saw.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials.into());
        }
        let local = loopback && url.host().is_some_and(|host| is_this_machine(&host));
        if !local {
            check_public(&url)?;
        }
        url.set_fragment(None);
        Ok(Self(url.into()))
    }

    /// Takes back the stored [`OutboundUrl::as_str`] without checking it again.
    pub fn trusted(href: String) -> Self {
        Self(href)
    }

    /// The serialised URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_public(url: &Url) -> Result<(), OutboundError> {
    if url.scheme() != "https" {
        return Err(TargetError::Scheme.into());
    }
    let name = match url.host() {
        Some(Host::Domain(name)) => name,
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(TargetError::IpLiteral.into()),
        None => return Err(TargetError::InvalidUrl.into()),
    };
    if name.ends_with('.') {
        return Err(TargetError::TrailingDot.into());
    }
    if !name.contains('.') || LOCAL_SUFFIXES.iter().any(|suffix| is_below(name, suffix)) {
        return Err(OutboundError::HostNotPublic);
    }
    match url.port_or_known_default() {
        Some(port) if PORTS.contains(&port) => Ok(()),
        _ => Err(OutboundError::Port),
    }
}

/// Whether a name is the suffix itself or a name below it.
fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_below(name, "localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => *ip == Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn public_https_addresses_are_serialised_without_fragment() {
        for (raw, href) in [
            ("https://Hooks.Shop.example", "https://hooks.shop.example/"),
            ("https://shop.example:443/a?b#c", "https://shop.example/a?b"),
            (
                "https://shop.example:8443/ä",
                "https://shop.example:8443/%C3%A4",
            ),
            ("https://localhost.example/", "https://localhost.example/"),
            ("https://mylocal.example/", "https://mylocal.example/"),
        ] {
            assert_eq!(OutboundUrl::parse(raw, false).unwrap().as_str(), href);
            assert_eq!(OutboundUrl::parse(raw, true).unwrap().as_str(), href);
        }
    }

    #[test]
    fn each_refusal_has_its_code() {
        let table = [
            ("http://shop.example/", "scheme"),
            ("ftp://shop.example/", "scheme"),
            ("shop.example", "not_absolute"),
            ("https:\\\\shop.example", "backslash"),
            ("https://shop.example/\n", "control_character"),
            ("https://user:secret@shop.example/", "credentials"),
            ("https://shöp.example/", "host_not_ascii"),
            ("https://shop.example./", "trailing_dot"),
            ("https://localhost./", "trailing_dot"),
            ("https://shop.example:80/", "port"),
            ("https://shop.example:8080/", "port"),
            ("https://localhost/", "host_not_public"),
            ("https://a.localhost/", "host_not_public"),
            ("https://printer.local/", "host_not_public"),
            ("https://metadata.google.internal/", "host_not_public"),
            ("https://router.home.arpa/", "host_not_public"),
            ("https://home.arpa/", "host_not_public"),
            ("https://intranet/", "host_not_public"),
        ];
        for (raw, code) in table {
            let error = OutboundUrl::parse(raw, false).unwrap_err();
            assert_eq!(error.code(), code, "{raw}");
            assert!(error.to_string().ends_with('.'));
        }
    }

    #[test]
    fn no_ip_address_is_public_in_any_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0177.0.0.1",
            "2130706433",
            "0",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "8.8.8.8",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a00:1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fe80::1]",
            "[ff02::1]",
            "[64:ff9b::7f00:1]",
            "[2606:4700::1111]",
        ] {
            let error = OutboundUrl::parse(&format!("https://{host}/"), false).unwrap_err();
            assert_eq!(error.code(), "ip_literal", "{host}");
        }
    }

    #[test]
    fn development_allows_this_machine_and_nothing_more() {
        for raw in [
            "http://127.0.0.1:9000/hook",
            "http://127.8.9.1/",
            "http://localhost:1/",
            "https://shop.localhost:8787/",
            "http://[::1]:9000/",
        ] {
            assert_eq!(OutboundUrl::parse(raw, true).unwrap().as_str(), raw);
        }
        assert_eq!(
            OutboundUrl::parse("http://0x7f.1", true).unwrap().as_str(),
            "http://127.0.0.1/"
        );
        for (raw, code) in [
            ("http://shop.example/", "scheme"),
            ("http://10.0.0.1/", "scheme"),
            ("https://10.0.0.1/", "ip_literal"),
            ("https://[::ffff:127.0.0.1]/", "ip_literal"),
            ("https://printer.local/", "host_not_public"),
            ("https://shop.example:9000/", "port"),
            ("http://a@127.0.0.1/", "credentials"),
        ] {
            assert_eq!(
                OutboundUrl::parse(raw, true).unwrap_err().code(),
                code,
                "{raw}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_a_dotted_https_name(
            raw in "\\PC{0,30}|https?://[a-z.0-9x:@\\[\\]-]{0,24}(:[0-9]{1,5})?/\\PC{0,9}",
        ) {
            let Ok(accepted) = OutboundUrl::parse(&raw, false) else { return Ok(()) };
            let url = Url::parse(accepted.as_str()).unwrap();
            prop_assert_eq!(url.as_str(), accepted.as_str());
            prop_assert_eq!(url.scheme(), "https");
            prop_assert!(matches!(url.host(), Some(Host::Domain(name)) if name.contains('.')));
            prop_assert!(url.fragment().is_none());
        }
    }
}
