//! Addresses that we send to: webhook receivers and the bases of platform APIs.
//!
//! Decides which addresses a person may give us to call, so that nobody reaches what is not on
//! the public internet through us. Works on the text alone and does not resolve names: names that
//! are known to lead inside are refused ([`private_names`]); any other public name that resolves
//! to a private address is left to the platform, whose outgoing requests do not reach private
//! networks.

mod private_names;

use std::fmt;
use std::net::Ipv6Addr;

use url::{Host, Url};

use super::target::{TargetError, check_text};
use private_names::PRIVATE_NAMES;

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
            Self::HostNotPublic => f.write_str(
                "The host must be a name on the public internet, or one that OUTBOUND_ALLOW lists.",
            ),
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

/// Which addresses this deployment may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundRules {
    /// Development: http, any port, and this machine are allowed too.
    loopback: bool,
    /// Private names that the operator allows, in lower case.
    allowed: Vec<String>,
}

impl OutboundRules {
    /// `allowed` holds host names with commas between them: the setting `OUTBOUND_ALLOW`.
    pub fn new(loopback: bool, allowed: &str) -> OutboundRules {
        let names = allowed
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase());
        OutboundRules {
            loopback,
            allowed: names.filter(|name| !name.is_empty()).collect(),
        }
    }

    /// Is this a development setup?
    pub fn loopback(&self) -> bool {
        self.loopback
    }

    /// Each name is allowed by itself; the names below it are not.
    fn allows(&self, name: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == name)
    }
}

/// A serialised https URL on a public host, without fragment; in development also http on this
/// machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundUrl(String);

impl OutboundUrl {
    /// Takes what a person or the API wrote. Gives the serialised address or the first reason
    /// against it. Every IP address is refused, in every spelling that the URL Standard reads as
    /// one (`0x7f.1`, `2130706433`). In development `localhost`, `*.localhost`, 127.0.0.0/8 and
    /// `[::1]` are allowed, with http and any port.
    pub fn parse(raw: &str, rules: &OutboundRules) -> Result<Self, OutboundError> {
        check_text(raw)?;
        let mut url = Url::parse(raw).map_err(|_| TargetError::InvalidUrl)?;
        // The text check saw no `@`; this repeats it on what the parser saw.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials.into());
        }
        let local = rules.loopback && url.host().is_some_and(|host| is_this_machine(&host));
        if !local {
            check_public(&url, rules)?;
        }
        url.set_fragment(None);
        Ok(Self(url.into()))
    }

    /// Is it an address of this machine? Development allows those alone for a platform's stand-in.
    pub fn is_this_machine(&self) -> bool {
        let url = Url::parse(&self.0).ok();
        url.is_some_and(|url| url.host().is_some_and(|host| is_this_machine(&host)))
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

fn check_public(url: &Url, rules: &OutboundRules) -> Result<(), OutboundError> {
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
    let private =
        !name.contains('.') || PRIVATE_NAMES.iter().any(|private| is_below(name, private));
    if private && !rules.allows(name) {
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
mod tests;
