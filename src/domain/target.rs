//! The target of a link: where it leads, and the `Location` made from it.
//!
//! Decides which addresses a link may lead to and how incoming query parameters travel on. What
//! a parser would repair in silence (tabs, backslashes, missing slashes, odd hosts) is refused,
//! so that what a person reads is what a browser opens. Knows nothing of links, tokens or
//! consent; source of the rules: URL Standard, and Brave's query handling (split on `&`, never
//! re-encode).

mod error;
mod query;

use url::{Host, Url};

pub use error::TargetError;
pub(in crate::domain) use error::check_text;

use query::{Room, legal, name_of, same_name};

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
        let host = url.host_str().unwrap_or_default();
        if !allowed_hosts.iter().any(|allowed| allowed == host) {
            return Err(TargetError::HostNotAllowed);
        }
        if url.port().is_some() && !local {
            return Err(TargetError::Port);
        }
        let target = Self::trusted(url.into());
        if target.href.len() > MAX_TARGET {
            return Err(TargetError::TooLong);
        }
        if target.pinned().count() > MAX_PINNED {
            return Err(TargetError::TooManyParameters);
        }
        Ok(target)
    }

    /// Takes back the stored [`Target::as_str`] without checking it again.
    pub fn trusted(href: String) -> Self {
        let fragment_at = href.find('#').unwrap_or(href.len());
        let query_at = href
            .get(..fragment_at)
            .and_then(|before| before.find('?'))
            .map(|mark| mark.saturating_add(1));
        Self {
            href,
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

    /// The `Location` of a redirect: the target with the incoming query and our own parameters
    /// before its fragment. Takes the raw incoming query (with or without `?`) and raw names and
    /// values of our own, which come last.
    ///
    /// Incoming segments keep order, duplicates and bytes (`+`, `%20`), except that these are
    /// left out: empty ones, ones whose (decoded) name the target or our own parameters have,
    /// ones with bytes that no serialised query holds, and those after [`MAX_SEGMENTS`]. If the
    /// whole would be longer than [`MAX_LOCATION`], click identifiers keep their place before
    /// other segments. The result is a serialised URL and equals what a browser would send.
    ///
    /// `https://a.example/?x=1#f` with `x=2&y=3` and `[("tl", "t")]` →
    /// `https://a.example/?x=1&y=3&tl=t#f`.
    pub fn location(&self, incoming: &str, own: &[(&str, &str)]) -> String {
        let incoming = incoming.strip_prefix('?').unwrap_or(incoming);
        let own_length: usize = own
            .iter()
            .map(|(name, value)| name.len().saturating_add(value.len()) + 2)
            .sum();
        let base = self.href.len().saturating_add(own_length);
        let most = base.saturating_add(incoming.len()).saturating_add(1);
        let mut out = String::with_capacity(most.min(MAX_LOCATION));
        out.push_str(self.href.get(..self.fragment_at).unwrap_or(&self.href));
        let mut room = Room::new(MAX_LOCATION.saturating_sub(base));
        if most > MAX_LOCATION {
            room.keep_for_click_ids(self.travelling(incoming, own));
        }
        let mut joint = self.first_joint();
        for segment in self.travelling(incoming, own) {
            if room.takes(segment) {
                out.push_str(joint);
                out.push_str(segment);
                joint = "&";
            }
        }
        for (name, value) in own {
            if legal(name) && legal(value) {
                for piece in [joint, name, "=", value] {
                    out.push_str(piece);
                }
                joint = "&";
            }
        }
        out.push_str(self.href.get(self.fragment_at..).unwrap_or_default());
        out
    }

    /// What stands between the target and the first added segment.
    fn first_joint(&self) -> &'static str {
        match self.query() {
            None => "?",
            Some(query) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        }
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

    fn travelling<'a>(
        &'a self,
        incoming: &'a str,
        own: &'a [(&str, &str)],
    ) -> impl Iterator<Item = &'a str> {
        let free = move |segment: &&str| {
            let name = name_of(segment);
            !own.iter().any(|(own_name, _)| same_name(own_name, name))
                && !self.pinned().any(|pinned| same_name(pinned, name))
        };
        incoming
            .split('&')
            .take(MAX_SEGMENTS)
            .filter(|segment| !segment.is_empty() && legal(segment))
            .filter(free)
    }
}

#[cfg(test)]
mod tests;
