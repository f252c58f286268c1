//! The reasons against a target, and the checks of its text that come before any parser.

use std::fmt;

use super::MAX_TARGET;

/// Why a target was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetError {
    /// Above [`super::MAX_TARGET`].
    TooLong,
    /// A control character: tab, CR, LF, NUL, …
    ControlCharacter,
    /// A space at the start or the end.
    SurroundingSpace,
    /// A backslash before the query, which browsers read as a slash.
    Backslash,
    /// Not `scheme://host…`.
    NotAbsolute,
    /// Not https, or http outside of development.
    Scheme,
    /// User name or password.
    Credentials,
    /// A host with a character outside ASCII or with `%`.
    HostNotAscii,
    /// The URL Standard calls it a failure.
    InvalidUrl,
    /// A port other than the default.
    Port,
    /// An IP address as the host, in any spelling.
    IpLiteral,
    /// A host that ends in a dot.
    TrailingDot,
    /// A host that the program does not list.
    HostNotAllowed,
    /// More than [`super::MAX_PINNED`] parameters.
    TooManyParameters,
}

impl TargetError {
    /// The stable code of the public error.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::ControlCharacter => "control_character",
            Self::SurroundingSpace => "surrounding_space",
            Self::Backslash => "backslash",
            Self::NotAbsolute => "not_absolute",
            Self::Scheme => "scheme",
            Self::Credentials => "credentials",
            Self::HostNotAscii => "host_not_ascii",
            Self::InvalidUrl => "invalid_url",
            Self::Port => "port",
            Self::IpLiteral => "ip_literal",
            Self::TrailingDot => "trailing_dot",
            Self::HostNotAllowed => "host_not_allowed",
            Self::TooManyParameters => "too_many_parameters",
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "The address is longer than 2048 bytes.",
            Self::ControlCharacter => "The address holds a control character, tab or line break.",
            Self::SurroundingSpace => "The address starts or ends with a space.",
            Self::Backslash => "The address holds a backslash before its query; write a slash.",
            Self::NotAbsolute => "Write the whole address: https://host/path.",
            Self::Scheme => "The address must start with https://.",
            Self::Credentials => "The address must not hold a user name or password.",
            Self::HostNotAscii => {
                "The host must be ASCII without %; write an international name in its xn-- form."
            }
            Self::InvalidUrl => "The address is not a valid URL.",
            Self::Port => "The address must not name a port.",
            Self::IpLiteral => "The host must be a name, not an IP address.",
            Self::TrailingDot => "The host must not end with a dot.",
            Self::HostNotAllowed => "The host is not one of the program's target hosts.",
            Self::TooManyParameters => "The address has more than 64 query parameters.",
        })
    }
}

impl std::error::Error for TargetError {}

/// Refuses what the URL parser would accept by repairing it, and hosts that do not look like what
/// they are compared with.
pub(in crate::domain) fn check_text(raw: &str) -> Result<(), TargetError> {
    if raw.len() > MAX_TARGET {
        return Err(TargetError::TooLong);
    }
    if raw.chars().any(char::is_control) {
        return Err(TargetError::ControlCharacter);
    }
    if raw.starts_with(' ') || raw.ends_with(' ') {
        return Err(TargetError::SurroundingSpace);
    }
    // In query and fragment a backslash is data (URL Standard, "query state").
    let before_query = raw.split(['?', '#']).next().unwrap_or_default();
    if before_query.contains('\\') {
        return Err(TargetError::Backslash);
    }
    let (scheme, rest) = raw.split_once(':').ok_or(TargetError::NotAbsolute)?;
    let named = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !named {
        return Err(TargetError::NotAbsolute);
    }
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(TargetError::Scheme);
    }
    let rest = rest.strip_prefix("//").ok_or(TargetError::NotAbsolute)?;
    if rest.starts_with('/') {
        return Err(TargetError::NotAbsolute);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(TargetError::Credentials);
    }
    if !authority.is_ascii() || authority.contains('%') {
        return Err(TargetError::HostNotAscii);
    }
    Ok(())
}
