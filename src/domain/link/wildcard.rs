//! Wildcard links: `/go/{slug}/any/path` leads to that path below the link's target.
//!
//! The path travels as it came, byte for byte where a serialised URL may hold the byte, else
//! percent-encoded. It cannot leave the target's host, nor the target's own path: what a server
//! could read as a step upwards is refused, encoded or not, and so are empty segments (a site that
//! redirects `//evil.example/` to itself without its host would send visitors away).

use crate::domain::target::query::decoded;
use crate::domain::target::{MAX_TARGET, Target};

/// The address `rest` below `target`; `None` when it is none that may be led to. `rest` is the raw
/// path after the slug and its slash. The target's query and fragment stay.
///
/// `https://a.example/shop?x=1` and `tea/big%20pot` → `https://a.example/shop/tea/big%20pot?x=1`.
pub fn below(target: &Target, rest: &str) -> Option<Target> {
    let length = target.as_str().len().checked_add(rest.len())?;
    if length >= MAX_TARGET || rest.contains('\\') || rest.chars().any(char::is_control) {
        return None;
    }
    let mut segments = rest.split('/').rev();
    // The last one may be empty: a path may end with a slash.
    let last = segments.next().unwrap_or_default();
    if climbs(last) || segments.any(|segment| segment.is_empty() || climbs(segment)) {
        return None;
    }
    let mut href = String::with_capacity(length.saturating_add(1));
    href.push_str(target.origin());
    href.push_str(target.path());
    if !target.path().ends_with('/') {
        href.push('/');
    }
    for byte in rest.bytes() {
        if stands(byte) {
            href.push(char::from(byte));
        } else {
            push_encoded(&mut href, byte);
        }
    }
    href.push_str(target.tail());
    (href.len() <= MAX_TARGET).then(|| Target::trusted(href))
}

/// A byte as `%XX`.
pub(super) fn push_encoded(out: &mut String, byte: u8) {
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
        out.push(digit.to_ascii_uppercase());
    }
}

/// Whether a byte stands in the path of a serialised URL (URL Standard, path percent-encode set;
/// `^` is in it since 2023).
fn stands(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e)
        && !matches!(
            byte,
            b'"' | b'#' | b'<' | b'>' | b'?' | b'^' | b'`' | b'{' | b'}'
        )
}

/// Could a server read a step upwards here? Decoded once, cut at both slashes; a `;` ends a name
/// for some servers.
fn climbs(segment: &str) -> bool {
    if !segment.contains(['%', '.']) {
        return false;
    }
    let decoded: Vec<u8> = decoded(segment).collect();
    let mut parts = decoded.split(|byte| matches!(byte, b'/' | b'\\' | b';'));
    parts.any(|part| part == b"." || part == b"..")
}
