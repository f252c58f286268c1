//! The target of a link: where it leads, and the `Location` made from it.
//!
//! Decides which addresses a link may lead to and how incoming query parameters travel on. What
//! a parser would repair in silence (tabs, backslashes, missing slashes, odd hosts) is refused,
//! so that what a person reads is what a browser opens. Knows nothing of links, tokens or
//! consent; source of the rules: URL Standard, and Brave's query handling (split on `&`, never
//! re-encode).

mod error;
mod location;
pub(crate) mod query;

use serde::{Serialize, Serializer};
use url::{Host, Url};

pub use error::TargetError;
pub(crate) use error::check_text;
pub use location::{Fate, Seen};

use query::{name_of, same_name};

/// Longest target, in bytes, raw and serialised.
pub const MAX_TARGET: usize = 2048;

/// Longest `Location`, in bytes: half of what the platform accepts as a URL.
pub const MAX_LOCATION: usize = 8192;

/// Most parameters in the query of a target; it bounds the comparisons per redirect.
pub const MAX_PINNED: usize = 64;

/// Most incoming query segments that travel on.
pub const MAX_SEGMENTS: usize = 256;

/// A serialised http(s) URL on an allowed host, with the places where a query is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    href: String,
    /// Where the path starts.
    path_at: usize,
    /// Where the query ends and a fragment may start.
    fragment_at: usize,
    /// Where the query starts, after its `?`; none if there is no `?`.
    query_at: Option<usize>,
}

impl Target {
    /// Takes what a person or the API wrote, the hosts that targets may have (lower case, no
    /// port), and whether this is a development setup. Gives the serialised target or the first
    /// reason against it. In development (`loopback`) http is allowed, `127.0.0.1` and `[::1]`
    /// may be listed, and loopback hosts (`localhost`, `*.localhost` too) may have any port.
    pub fn parse(raw: &str, allowed_hosts: &[String], loopback: bool) -> Result<Self, TargetError> {
        let url = web(raw, loopback)?;
        let host = url.host_str().unwrap_or_default();
        if !allowed_hosts.iter().any(|allowed| allowed == host) {
            return Err(TargetError::HostNotAllowed);
        }
        let target = Self::trusted(url.into());
        if target.pinned().count() > MAX_PINNED {
            return Err(TargetError::TooManyParameters);
        }
        Ok(target)
    }

    /// Takes back the stored [`Target::as_str`] without checking it again.
    pub fn trusted(href: String) -> Self {
        let host_at = href.find("://").map_or(0, |mark| mark.saturating_add(3));
        let path_at = href.get(host_at..).and_then(|rest| rest.find('/'));
        let path_at = path_at.map_or(href.len(), |slash| host_at.saturating_add(slash));
        let fragment_at = href.find('#').unwrap_or(href.len());
        let query_at = href
            .get(..fragment_at)
            .and_then(|before| before.find('?'))
            .map(|mark| mark.saturating_add(1));
        Self {
            href,
            path_at,
            fragment_at,
            query_at,
        }
    }

    /// The serialised URL, to be stored.
    pub fn as_str(&self) -> &str {
        &self.href
    }

    /// Whether the target's own query has a parameter of this (decoded) name. A link's target
    /// should not hold the parameter that carries the click token.
    pub fn pins(&self, name: &str) -> bool {
        self.pinned().any(|pinned| same_name(pinned, name))
    }

    /// Scheme, host and port: all that comes before the path.
    pub(crate) fn origin(&self) -> &str {
        self.href.get(..self.path_at).unwrap_or_default()
    }

    /// The path, from its `/` to the query or fragment.
    pub(crate) fn path(&self) -> &str {
        let end = self.path_end();
        self.href.get(self.path_at..end).unwrap_or_default()
    }

    /// Query and fragment with their marks; empty when there are none.
    pub(crate) fn tail(&self) -> &str {
        self.href.get(self.path_end()..).unwrap_or_default()
    }

    fn path_end(&self) -> usize {
        self.query_at
            .map_or(self.fragment_at, |at| at.saturating_sub(1))
    }

    fn query(&self) -> Option<&str> {
        self.query_at
            .and_then(|at| self.href.get(at..self.fragment_at))
    }

    fn pinned(&self) -> impl Iterator<Item = &str> {
        self.query()
            .unwrap_or_default()
            .split('&')
            .filter(|s| !s.is_empty())
            .map(name_of)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.href)
    }
}

/// Reads an address of anybody's host: https, or http in development; no credentials, no IP
/// address but loopback in development. Gives it parsed.
fn web(raw: &str, loopback: bool) -> Result<Url, TargetError> {
    check_text(raw)?;
    let url = Url::parse(raw).map_err(|_| TargetError::InvalidUrl)?;
    if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
        return Err(TargetError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::Credentials);
    }
    let local = match url.host() {
        None => return Err(TargetError::InvalidUrl),
        Some(Host::Domain(name)) if name.ends_with('.') => {
            return Err(TargetError::TrailingDot);
        }
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == std::net::Ipv6Addr::LOCALHOST,
    };
    let local = loopback && local;
    if !local && !matches!(url.host(), Some(Host::Domain(_))) {
        return Err(TargetError::IpLiteral);
    }
    if url.port().is_some() && !local {
        return Err(TargetError::Port);
    }
    if url.as_str().len() > MAX_TARGET {
        return Err(TargetError::TooLong);
    }
    Ok(url)
}

/// Reads the address of a picture, on anybody's host. Gives it serialised.
pub fn picture(raw: &str, loopback: bool) -> Result<String, TargetError> {
    web(raw, loopback).map(Into::into)
}

/// An address as a browser would ask for it; what no browser takes is refused.
pub fn visited(raw: &str) -> Result<String, TargetError> {
    check_text(raw.split(['?', '#']).next().unwrap_or_default())?;
    let url = Url::parse(raw).map_err(|_| TargetError::InvalidUrl)?;
    Ok(url.into())
}

/// The raw value of the last parameter of a raw query with this (decoded) name that has one.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let segments = query.split('&').take(MAX_SEGMENTS);
    let values = segments.filter_map(|segment| {
        let (raw, value) = segment.split_once('=')?;
        (!value.is_empty() && query::decodes_to(raw, name)).then_some(value)
    });
    values.last()
}

#[cfg(test)]
mod tests;
