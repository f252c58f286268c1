//! Slugs: the readable part of a link's address.
//!
//! Letters, marks, digits and symbols (so emoji) of any script, and `-`, `_`, `.`, `@`. Compared in
//! the folded form ([`fold`]), and byte by byte on hosts that tell case apart.

use crate::values::folding::fold;
use crate::values::limits;
use crate::visit::click_ids;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

mod earlier;

/// A slug: 1 to 100 characters in at most 240 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug {
    text: String,
    earlier: Option<String>,
}

/// Digits and letters that nobody mistakes for one another: no `0 o`, `1 i l`, no `u` beside `v`.
const CLEAR: &[u8; 30] = b"23456789abcdefghjkmnpqrstvwxyz";

/// Characters of a random slug, 39 bits: at a million links one in half a million is taken.
const RANDOM: usize = 8;

/// What a slug may hold beyond ASCII.
const SHOWN: GeneralCategoryGroup = GeneralCategoryGroup::Letter
    .union(GeneralCategoryGroup::Mark)
    .union(GeneralCategoryGroup::Number)
    .union(GeneralCategoryGroup::Symbol)
    .union(GeneralCategoryGroup::OtherPunctuation);

/// What a slug may hold of ASCII.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'@' | b'_')
}

/// A slug that holds ASCII alone is what it was when folding was simpler, and most slugs do.
impl Slug {
    /// Reads a slug as a person or the API wrote it. `None` for anything that is not a slug.
    pub fn parse(text: &str, case_sensitive: bool) -> Option<Slug> {
        if !fits(text) {
            return None;
        }
        if text.bytes().all(plain) {
            let text = if case_sensitive {
                text.to_owned()
            } else {
                text.to_ascii_lowercase()
            };
            return Some(Slug {
                text,
                earlier: None,
            });
        }
        // What is invisible or looks like a slash shows once it is folded.
        let folded = fold(text);
        if !fits(&folded) || !text.chars().all(allowed) || !folded.chars().all(allowed) {
            return None;
        }
        if case_sensitive {
            return Some(Slug {
                text: text.to_owned(),
                earlier: None,
            });
        }
        let earlier = Some(earlier::fold(text)).filter(|earlier| *earlier != folded);
        Some(Slug {
            text: folded,
            earlier,
        })
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
        &self.text
    }

    /// The form in which a link of an earlier version may be stored, where it is another. Such a
    /// link goes first: it is found as it always was, even where another now folds to the same.
    pub fn earlier(&self) -> Option<&str> {
        self.earlier.as_deref()
    }
}

fn fits(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= limits::SLUG_BYTES
        && (text.len() <= limits::SLUG_CHARS || text.chars().count() <= limits::SLUG_CHARS)
        && !text.bytes().all(|byte| byte == b'.')
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
    if let Ok(byte) = u8::try_from(c)
        && byte.is_ascii()
    {
        return plain(byte);
    }
    match c {
        // Emoji are put together with joiners, selectors and tags. Nobody sees them, and folding
        // takes them away.
        '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{e0020}'..='\u{e007f}' => true,
        _ => {
            let category = CodePointMapData::<GeneralCategory>::new().get(c);
            SHOWN.contains(category) && !(c.is_whitespace() || unseen(c))
        }
    }
}

/// Letters and marks that show nothing: fillers and selectors.
fn unseen(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
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
            ("e\u{301}", "é"),
            ("Straße", "strasse"),
            ("İstanbul", "istanbul"),
            ("GRÖSSE10", "grösse10"),
            ("😀", "😀"),
            ("I❤️NY", "i❤ny"),
            ("👩‍💻", "👩💻"),
            ("🏴\u{e0067}\u{e007f}", "🏴"),
            ("🇩🇪", "🇩🇪"),
            ("カフェ・アンナ", "カフェ・アンナ"),
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
            "\u{fe0f}",
            "\u{200d}",
            "a\u{3164}",
            "a‼b",
            "“a”",
            "\u{e000}",
            "\u{378}",
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
    fn links_of_earlier_versions_are_looked_for_as_they_were_stored() {
        for (text, now, earlier) in [
            ("anna", "anna", None),
            ("Größe", "grösse", Some("größe")),
            ("e\u{301}", "é", Some("e\u{301}")),
            ("ÄRZTE", "ärzte", None),
            ("ΣΊΣΥΦΟς", "σίσυφοσ", Some("σίσυφος")),
        ] {
            let slug = Slug::parse(text, false).unwrap();
            assert_eq!((slug.as_str(), slug.earlier()), (now, earlier));
            assert_eq!(Slug::parse(text, true).unwrap().earlier(), None);
        }
    }

    #[test]
    fn what_is_blank_invisible_or_a_control_is_in_no_slug() {
        let mut letters = 0;
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let taken = allowed(c);
            assert!(!taken || !(c.is_control() || c.is_whitespace()), "{c:?}");
            assert!(!slug(&c.to_string()).is_some_and(|s| s.is_empty()), "{c:?}");
            letters += usize::from(taken && c.is_alphanumeric());
        }
        let all = (0..=0x10_ffff).filter_map(char::from_u32);
        let all = all.filter(|c| c.is_alphanumeric()).count();
        assert!(letters * 1000 > all * 999, "{letters} of {all} letters");
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
