//! Slugs: the readable part of a link's address.
//!
//! Letters, marks and digits of any script, and `-`, `_`, `.`, `@`. Compared byte by byte after
//! percent-decoding; on hosts that do not tell case apart, folded first. Unicode's own tables of
//! letters and cases would be a tenth of the whole product, so what is no letter is listed by
//! block, and folding is arithmetic over the scripts that have two cases.

use crate::domain::{click_ids, limits};

/// A slug: 1 to 100 characters in at most 240 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

/// Digits and letters that nobody mistakes for one another: no `0 o`, `1 i l`, no `u` beside `v`.
const CLEAR: &[u8; 30] = b"23456789abcdefghjkmnpqrstvwxyz";

/// Characters of a random slug, 39 bits: at a million links one in half a million is taken.
const RANDOM: usize = 8;

/// Blocks beyond ASCII that hold no letters: punctuation, symbols, what is invisible or turns the
/// direction of text, private use. First and last, in order.
const NOT_LETTERS: [(u32, u32); 30] = [
    (0x80, 0xa9),
    (0xab, 0xb4),
    (0xb6, 0xb9),
    (0xbb, 0xbf),
    (0xd7, 0xd7),
    (0xf7, 0xf7),
    (0x37e, 0x37e),
    (0x387, 0x387),
    (0x5be, 0x5be),
    (0x600, 0x60f),
    (0x61b, 0x61f),
    (0x66a, 0x66d),
    (0x1160, 0x1160),
    (0x115f, 0x115f),
    (0x1680, 0x1680),
    (0x180e, 0x180f),
    (0x2000, 0x2bff),
    (0x2e00, 0x2e7f),
    (0x2ff0, 0x3004),
    (0x3007, 0x3020),
    (0x3030, 0x3030),
    (0x3164, 0x3164),
    (0xe000, 0xf8ff),
    (0xfdd0, 0xfdef),
    (0xfe00, 0xfe6f),
    (0xfeff, 0xff0f),
    (0xff1a, 0xff20),
    (0xff5b, 0xff65),
    (0xffa0, 0xffa0),
    (0xffe0, 0xffff),
];

/// What a slug may hold of ASCII.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'@' | b'_')
}

impl Slug {
    /// Reads a slug as a person or the API wrote it. `None` for anything that is not a slug.
    pub fn parse(text: &str, case_sensitive: bool) -> Option<Slug> {
        let fits = !text.is_empty()
            && text.len() <= limits::SLUG_BYTES
            && (text.len() <= limits::SLUG_CHARS || text.chars().count() <= limits::SLUG_CHARS);
        let dots = text.bytes().all(|byte| byte == b'.');
        let plain = text.bytes().all(plain);
        if !fits || dots || !(plain || text.chars().all(allowed)) {
            return None;
        }
        let slug = if case_sensitive {
            text.to_owned()
        } else if plain {
            text.to_ascii_lowercase()
        } else {
            text.chars().map(folded).collect()
        };
        Some(Slug(slug))
    }

    /// Reads a slug from a URL's path, where it may be percent-encoded.
    pub fn from_path(raw: &str, case_sensitive: bool) -> Option<Slug> {
        if !raw.contains('%') {
            return Slug::parse(raw, case_sensitive);
        }
        if raw.len() > 3 * limits::SLUG_BYTES {
            return None;
        }
        // What does not decode to text keeps its `%`, which no slug holds.
        Slug::parse(&click_ids::decode(raw), case_sensitive)
    }

    /// A slug of eight clear characters after `prefix`; `None` when the prefix does not fit.
    pub fn random(prefix: &str, entropy: [u8; 8], case_sensitive: bool) -> Option<Slug> {
        let mut text = String::from(prefix);
        let mut rest = u64::from_be_bytes(entropy);
        for _ in 0..RANDOM {
            let place = usize::try_from(rest % 30).unwrap_or_default();
            rest /= 30;
            text.extend(CLEAR.get(place).copied().map(char::from));
        }
        Slug::parse(&text, case_sensitive)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address of a link below its mount point: `anna`, `anna+`, `anna/any/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    pub slug: Slug,
    /// Raw path after the slug and its `/`; empty when there is none.
    pub rest: &'a str,
    /// A `+` at the end: show where the link leads instead of going there.
    pub inspect: bool,
}

impl<'a> Address<'a> {
    /// Reads what follows `/go/` (or `/` on a link host).
    pub fn read(path: &'a str, case_sensitive: bool) -> Option<Address<'a>> {
        let (slug, rest) = path.split_once('/').unwrap_or((path, ""));
        let plain = slug.strip_suffix('+').or_else(|| {
            let (plain, code) = slug.split_at_checked(slug.len().checked_sub(3)?)?;
            code.eq_ignore_ascii_case("%2b").then_some(plain)
        });
        let inspect = plain.is_some() && rest.is_empty();
        Some(Address {
            slug: Slug::from_path(if inspect { plain? } else { slug }, case_sensitive)?,
            rest,
            inspect,
        })
    }
}

/// The address again, without what people and mail programs add to one that they copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tidied<'a> {
    pub address: Address<'a>,
    /// Raw parameters that followed a `&` where a `?` belongs; empty when there are none.
    pub parameters: &'a str,
}

/// Marks that end a sentence, a bracket or a quotation.
const TRAILING: &[char] = &[
    '.', ',', ';', ':', '!', '?', ')', ']', '}', '>', '*', '"', '\'', '’', '”', '»', '…', '。',
    '、',
];

impl<'a> Tidied<'a> {
    /// Reads what follows the mount of links, after no link was found by the whole of it. `None`
    /// when nothing can be taken off, or nothing is left. A path below the slug stays as it is.
    pub fn read(path: &'a str, case_sensitive: bool) -> Option<Tidied<'a>> {
        let (slug, parameters) = path.split_once('&').unwrap_or((path, ""));
        if slug.contains('/') || slug.len() > 3 * limits::SLUG_BYTES {
            return None;
        }
        let decoded = click_ids::decode(slug);
        let kept = decoded.trim_end_matches(|c: char| c.is_whitespace() || TRAILING.contains(&c));
        if kept.len() == decoded.len() && slug.len() == path.len() {
            return None;
        }
        Some(Tidied {
            address: Address {
                slug: Slug::parse(kept, case_sensitive)?,
                rest: "",
                inspect: false,
            },
            // `&amp;` is what a page's source has.
            parameters: parameters.strip_prefix("amp;").unwrap_or(parameters),
        })
    }

    /// The parameters, and those of the request after them.
    pub fn query(&self, of_request: &str) -> String {
        let parts = [self.parameters, of_request];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("&")
    }
}

fn allowed(c: char) -> bool {
    let code = u32::from(c);
    if let Ok(byte @ 0..0x80) = u8::try_from(code) {
        return plain(byte);
    }
    code < 0x1_f000 && !within(&NOT_LETTERS, code) || (0x2_0000..0x3_4000).contains(&code)
}

fn within(blocks: &[(u32, u32)], code: u32) -> bool {
    blocks
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&code))
}

/// The lower-case letter: Latin with its extensions (Vietnamese too), Greek, Cyrillic, Armenian,
/// full-width Latin. Other letters stay as they are.
fn folded(c: char) -> char {
    let code = u32::from(c);
    let lower = match code {
        0x41..=0x5a | 0xc0..=0xd6 | 0xd8..=0xde | 0x391..=0x3a1 | 0x3a3..=0x3ab => code + 32,
        0x410..=0x42f | 0xff21..=0xff3a => code + 32,
        0x400..=0x40f => code + 80,
        0x531..=0x556 => code + 48,
        0x386 => 0x3ac,
        0x388..=0x38a => code + 37,
        0x38c => 0x3cc,
        0x38e | 0x38f => code + 63,
        0x178 => 0xff,
        // Turkish: the dot is a mark of its own in lower case; one letter is what people type.
        0x130 => 0x69,
        0x1e9e => 0xdf,
        0x1a0 | 0x1a2 | 0x1a4 | 0x1af => code + 1,
        0x4c0 => 0x4cf,
        0x139..=0x148 | 0x1cd..=0x1dc | 0x179..=0x17e | 0x4c1..=0x4ce => code + code % 2,
        0x100..=0x137
        | 0x14a..=0x177
        | 0x1de..=0x1ef
        | 0x1f8..=0x21f
        | 0x460..=0x481
        | 0x48a..=0x4bf => code | 1,
        0x4d0..=0x52f | 0x1e00..=0x1e95 | 0x1ea0..=0x1eff => code | 1,
        _ => code,
    };
    char::from_u32(lower).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Option<String> {
        Slug::parse(text, false).map(|slug| slug.as_str().to_owned())
    }

    #[test]
    fn slugs_are_folded_and_closed() {
        for (text, folded) in [
            ("Anna.B-1_@x", "anna.b-1_@x"),
            ("ÄRZTE", "ärzte"),
            ("ΑΘΉΝΑ", "αθήνα"),
            ("МОСКВА-2", "москва-2"),
            ("नमस्ते", "नमस्ते"),
            ("東京", "東京"),
            ("かな", "かな"),
            ("서울", "서울"),
            ("مرحبا", "مرحبا"),
            ("שלום", "שלום"),
            ("ไทย", "ไทย"),
            ("Đà-NẴNG", "đà-nẵng"),
            ("e\u{301}", "e\u{301}"),
        ] {
            assert_eq!(slug(text).as_deref(), Some(folded));
            assert_eq!(Slug::parse(text, true).unwrap().as_str(), text);
        }
        let (long, wide) = ("x".repeat(101), "東".repeat(81));
        for bad in [
            "",
            "a/b",
            "a b",
            "a%20",
            ".",
            "..",
            "a+",
            "a\u{a0}b",
            "a\u{200b}",
            "\u{202e}a",
            "a\u{ad}",
            "a/",
            "a\\b",
            "a?b",
            "a#b",
            "😀",
            "／",
            "\u{feff}a",
            &long,
            &wide,
        ] {
            assert_eq!(slug(bad), None, "{bad}");
        }
        assert!(slug(&"東".repeat(80)).is_some());
    }

    #[test]
    fn a_path_may_encode_what_a_body_writes() {
        for raw in ["%C3%84rzte", "%c3%a4rzte", "Ärzte", "%41nna"] {
            let plain = click_ids::decode(raw);
            assert_eq!(Slug::from_path(raw, false), Slug::parse(&plain, false));
            assert!(Slug::from_path(raw, false).is_some(), "{raw}");
        }
        for bad in [
            "a%2Fb",
            "a%00",
            "%ff",
            "%",
            "a%",
            "%2e%2e",
            &"%41".repeat(300),
        ] {
            assert_eq!(Slug::from_path(bad, false), None, "{bad}");
        }
    }

    #[test]
    fn folding_is_what_unicode_says_for_the_scripts_that_it_covers() {
        let exceptions = ['\u{130}', '\u{1e9e}'];
        for code in (0..0x180)
            .chain(0x1cd..0x1f0)
            .chain(0x1f8..0x220)
            .chain(0x380..0x3cf)
            .chain(0x400..0x590)
            .chain(0x1e00..0x1f00)
        {
            let Some(c) = char::from_u32(code).filter(|c| !exceptions.contains(c)) else {
                continue;
            };
            let lower: String = c.to_lowercase().collect();
            assert_eq!(folded(c).to_string(), lower, "{code:x}");
        }
        for code in 0..=0x10_ffff {
            let Some(c) = char::from_u32(code) else {
                continue;
            };
            let once = folded(c);
            assert_eq!(folded(once), once, "{code:x}");
            assert!(once == c || exceptions.contains(&c) || c.to_lowercase().eq([once]));
        }
    }

    #[test]
    fn what_is_blank_invisible_or_a_control_is_in_no_slug() {
        let mut letters = 0;
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let taken = allowed(c);
            assert!(!taken || !(c.is_control() || c.is_whitespace()), "{c:?}");
            letters += usize::from(taken && c.is_alphanumeric());
        }
        let all = (0..=0x10_ffff).filter_map(char::from_u32);
        let all = all.filter(|c| c.is_alphanumeric()).count();
        assert!(letters * 1000 > all * 990, "{letters} of {all} letters");
    }

    #[test]
    fn random_slugs_hold_clear_characters_only() {
        let slug = Slug::random("Anna-", [0xa7; 8], false).unwrap();
        assert_eq!(slug.as_str().len(), 13);
        assert!(slug.as_str().starts_with("anna-"));
        for seed in 0..=255 {
            let slug = Slug::random("", [seed, 3, seed, 9, 1, seed, 7, seed], true).unwrap();
            assert!(slug.as_str().bytes().all(|byte| CLEAR.contains(&byte)));
        }
        assert!(!CLEAR.iter().any(|byte| b"01oilu".contains(byte)));
        assert_eq!(Slug::random("a b", [1; 8], false), None);
    }

    #[test]
    fn what_is_added_to_a_copied_address_is_taken_off() {
        let read = |path| Tidied::read(path, false);
        for added in [
            "Anna.",
            "anna)",
            "anna,",
            "anna%20",
            "anna%29.",
            "anna...",
            "anna%E2%80%9D",
            "anna%C2%A0",
            "anna%0A",
            "anna?!",
            "anna%3E",
        ] {
            let tidied = read(added).unwrap();
            assert_eq!(tidied.address.slug.as_str(), "anna", "{added}");
            assert_eq!((tidied.address.rest, tidied.parameters), ("", ""));
        }
        for (joined, parameters) in [
            ("anna&utm_source=x", "utm_source=x"),
            (
                "anna&amp;utm_source=x&b=http://c/d",
                "utm_source=x&b=http://c/d",
            ),
            ("anna.&a=%26", "a=%26"),
            ("anna&", ""),
        ] {
            let tidied = read(joined).unwrap();
            assert_eq!(tidied.address.slug.as_str(), "anna");
            assert_eq!(tidied.parameters, parameters);
        }
        assert_eq!(read("anna&a=1").unwrap().query("b=2"), "a=1&b=2");
        assert_eq!(read("anna.").unwrap().query("b=2"), "b=2");
        let long = "a".repeat(10_000) + ".";
        for plain in [
            "anna", "anna/x.", "anna/x&y", ".", "%20", "&a=1", "", "an,na", &long,
        ] {
            assert_eq!(read(plain), None, "{plain}");
        }
    }

    #[test]
    fn an_address_is_a_slug_a_rest_and_a_plus() {
        let read = |path| Address::read(path, false);
        let address = read("Anna/any/p%20ath").unwrap();
        assert_eq!(
            (address.slug.as_str(), address.rest, address.inspect),
            ("anna", "any/p%20ath", false)
        );
        for shown in ["anna+", "anna%2B", "anna%2b"] {
            let address = read(shown).unwrap();
            assert_eq!((address.slug.as_str(), address.inspect), ("anna", true));
        }
        assert_eq!(read("anna/").unwrap().rest, "");
        assert_eq!(read("anna+/x"), None);
        assert_eq!(read("+"), None);
        assert_eq!(read("/x"), None);
    }
}
