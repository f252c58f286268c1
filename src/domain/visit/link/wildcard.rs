//! Wildcard links: `/go/{slug}/any/path` leads to that path below the link's target.
//!
//! The path travels as it came, byte for byte where a serialised URL may hold the byte, else
//! percent-encoded. It cannot leave the target's host, nor the target's own path: what a server
//! could read as a step upwards is refused, encoded or not, and so are empty segments (a site that
//! redirects `//evil.example/` to itself without its host would send visitors away).

use crate::visit::target::query::decoded;
use crate::visit::target::{MAX_TARGET, Target};

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    fn joined(target: &str, rest: &str) -> Option<String> {
        below(&Target::trusted(target.to_owned()), rest).map(|deep| deep.as_str().to_owned())
    }

    #[test]
    fn the_path_travels_as_it_came_between_prefix_and_query() {
        for (target, rest, expected) in [
            ("https://a.example/", "tea", "https://a.example/tea"),
            (
                "https://a.example/shop",
                "tea/",
                "https://a.example/shop/tea/",
            ),
            (
                "https://a.example/shop/",
                "t%20a/b;c=d",
                "https://a.example/shop/t%20a/b;c=d",
            ),
            (
                "https://a.example/s?x=1#f",
                "tea",
                "https://a.example/s/tea?x=1#f",
            ),
            ("https://a.example/#f?g", "tea", "https://a.example/tea#f?g"),
            (
                "https://a.example:8443/",
                "tea",
                "https://a.example:8443/tea",
            ),
            (
                "https://a.example/",
                "a%2Fb%5Cc",
                "https://a.example/a%2Fb%5Cc",
            ),
            (
                "https://a.example/",
                "%E6%9D%B1",
                "https://a.example/%E6%9D%B1",
            ),
            ("https://a.example/", "%8c%8E", "https://a.example/%8c%8E"),
            (
                "https://a.example/",
                "a b^\"é",
                "https://a.example/a%20b%5E%22%C3%A9",
            ),
            ("https://a.example/", "...", "https://a.example/..."),
            (
                "https://a.example/",
                "a..b/.hidden",
                "https://a.example/a..b/.hidden",
            ),
            (
                "https://a.example/",
                "@b.example:x",
                "https://a.example/@b.example:x",
            ),
            ("https://a.example/", "%zz%", "https://a.example/%zz%"),
        ] {
            assert_eq!(joined(target, rest).as_deref(), Some(expected), "{rest}");
        }
    }

    #[test]
    fn what_could_leave_is_refused() {
        let long = "x".repeat(MAX_TARGET);
        for rest in [
            "..",
            ".",
            "../x",
            "a/../../x",
            "a/..",
            "%2e%2e",
            "%2E./x",
            ".%2e",
            "a/%2e%2E/b",
            "..%2fx",
            "%2e%2e%2fx",
            "a%2f..%2f..",
            "..%5cx",
            "%2e%2e%5c",
            "\\x",
            "..\\",
            "/b.example",
            "//b.example",
            "a//b",
            "a/./b",
            "..;/x",
            "..;a=b",
            "%2e%2e%3b/x",
            "a\tb",
            "a\r\nb",
            "a\u{85}",
            &long,
        ] {
            assert_eq!(joined("https://a.example/shop", rest), None, "{rest:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_path_stays_below_and_is_serialised(
            rest in "([a-z.%2eEfF5cC/\\\\;^{}?# -~é]{0,12}/?){0,4}",
            target in "https://a\\.example/([a-z]{0,5}/?){0,2}(\\?x=1)?(#f)?",
        ) {
            let Some(deep) = joined(&target, &rest) else { return Ok(()) };
            let (parsed, prefix) = (Url::parse(&deep).unwrap(), Url::parse(&target).unwrap());
            prop_assert_eq!(parsed.as_str(), &deep);
            prop_assert_eq!(parsed.host_str(), Some("a.example"));
            prop_assert!(parsed.path().starts_with(prefix.path()));
            prop_assert_eq!(parsed.query(), prefix.query());
            prop_assert_eq!(parsed.fragment(), prefix.fragment());
            prop_assert!(deep.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
        }
    }
}
