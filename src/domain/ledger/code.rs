//! Referral and coupon codes: as they are written, and the form in which they are compared.

use crate::values::folding::fold;
use crate::values::ids::PartnerId;
use crate::values::limits;
use crate::values::time::UnixMs;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Serialize};

/// The form in which codes are compared: folded, with one space where there is white space.
pub fn key(text: &str) -> String {
    let folded = fold(text);
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How codes were compared before [`key`]. Events and codes that were stored then are found in
/// this form, so it never changes.
pub fn capitals(text: &str) -> String {
    text.trim().to_lowercase().to_ascii_uppercase()
}

/// May a partner have this code? Anything that can be seen and typed, so `10%OFF` and `BUY 1+1`:
/// no control characters, nothing invisible but what emoji are put together with.
pub fn is_code(text: &str) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new();
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let shown = |c: char| match c {
        '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{e0020}'..='\u{e007f}' => true,
        _ => {
            let category = category.get(c);
            let hidden = GeneralCategoryGroup::Other.contains(category)
                || category == GeneralCategory::LineSeparator
                || category == GeneralCategory::ParagraphSeparator;
            !hidden && !ignorable.contains(c)
        }
    };
    let key = key(text);
    text.chars().all(shown) && !key.is_empty() && key.len() <= limits::CODE_KEY_BYTES
}

/// A code that came with an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Used {
    /// As [`capitals`] gives it: of events from before codes were stored as they are written.
    Capitals(String),
    Written {
        written: String,
        key: String,
    },
}

impl Used {
    /// Reads a code as a customer typed it. `None` for nothing.
    pub fn read(text: &str) -> Option<Used> {
        let key = key(text);
        (!key.is_empty()).then(|| Used::Written {
            written: text.trim().to_owned(),
            key,
        })
    }

    /// As it came.
    pub fn as_str(&self) -> &str {
        match self {
            Used::Capitals(text) | Used::Written { written: text, .. } => text,
        }
    }
}

/// A partner's code, and when it was the partner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeOwner {
    /// As its owner wrote it.
    pub code: String,
    key: String,
    capitals: String,
    pub partner: PartnerId,
    pub from: UnixMs,
    /// The first instant at which it no longer was.
    pub until: Option<UnixMs>,
}

impl CodeOwner {
    pub fn new(code: &str, partner: PartnerId, from: UnixMs, until: Option<UnixMs>) -> CodeOwner {
        CodeOwner {
            code: code.to_owned(),
            key: key(code),
            capitals: capitals(code),
            partner,
            from,
            until,
        }
    }
}

/// Whose code was used at an instant.
///
/// Two codes of before may be one now (`STRASSE` of one partner, `STRAßE` of another): each is then
/// found as it was found before, and what is neither is nobody's. An event of before is found as it
/// was, so that decisions stay.
pub fn owner<'a>(codes: &'a [CodeOwner], used: &Used, at: UnixMs) -> Option<&'a CodeOwner> {
    let live = codes
        .iter()
        .filter(|own| own.from <= at && own.until.is_none_or(|until| at < until));
    match used {
        Used::Capitals(text) => live.into_iter().find(|own| own.capitals == *text),
        Used::Written { written, key } => {
            let same: Vec<_> = live.filter(|own| own.key == *key).collect();
            if let [only] = same[..] {
                return Some(only);
            }
            let capitals = capitals(written);
            same.into_iter().find(|own| own.capitals == capitals)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(code: &str, partner: u64) -> CodeOwner {
        CodeOwner::new(code, PartnerId::from_number(partner), UnixMs(0), None)
    }

    fn whose(codes: &[CodeOwner], used: &Used) -> Option<PartnerId> {
        owner(codes, used, UnixMs(1)).map(|own| own.partner)
    }

    fn typed(text: &str) -> Used {
        Used::read(text).unwrap()
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let codes = ["Straße", "İSTANBUL", "GRÖSSE10", "10%OFF", "Buy 1+1", "❤️"];
        let codes: Vec<_> = (1..).zip(codes).map(|(n, code)| own(code, n)).collect();
        for (partner, texts) in [
            (1, &["STRASSE", "straße", " Strasse ", "STRAẞE"][..]),
            (2, &["istanbul", "ISTANBUL", "İstanbul", "ıstanbul"]),
            (3, &["größe10", "GRÖßE10", "gro\u{308}sse10"]),
            (4, &["10%off", "10％OFF"]),
            (5, &["BUY 1+1", "buy  1+1", "buy\u{a0}1+1"]),
            (6, &["❤", "❤\u{fe0e}"]),
        ] {
            for text in texts {
                let expected = Some(PartnerId::from_number(partner));
                assert_eq!(whose(&codes, &typed(text)), expected, "{text}");
            }
        }
        for other in ["10OFF", "BUY1+1", "STRASE", "10 %OFF"] {
            assert_eq!(whose(&codes, &typed(other)), None, "{other}");
        }
        assert_eq!(Used::read(" \u{200b} "), None);
    }

    #[test]
    fn two_codes_of_before_that_are_one_now_are_found_as_they_were() {
        let codes = [own("STRASSE", 1), own("STRAßE", 2)];
        for (text, partner) in [("strasse", 1), ("Straße", 2), ("STRAẞE", 2)] {
            let expected = Some(PartnerId::from_number(partner));
            assert_eq!(whose(&codes, &typed(text)), expected, "{text}");
        }
        assert_eq!(whose(&codes, &typed("ſtrasse")), None, "in doubt nobody's");
        assert_eq!(
            whose(&codes[1..], &typed("ſtrasse")),
            Some(codes[1].partner)
        );
    }

    #[test]
    fn events_of_before_are_found_as_they_were() {
        let codes = [own("Straße", 1)];
        let old = |text: &str| serde_json::from_value::<Used>(text.into()).unwrap();
        assert_eq!(whose(&codes, &old("STRAßE")), Some(codes[0].partner));
        assert_eq!(whose(&codes, &old("STRASSE")), None);
        let written = typed(" Straße ");
        let stored = serde_json::to_value(&written).unwrap();
        assert_eq!(stored["written"], "Straße");
        assert_eq!(stored["key"], "strasse");
        assert_eq!(serde_json::from_value::<Used>(stored).unwrap(), written);
    }

    #[test]
    fn what_was_compared_in_capitals_has_the_key_of_what_was_written() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = format!("a{c}b");
            assert_eq!(key(&capitals(&text)), key(&text), "{c:?}");
        }
    }

    #[test]
    fn codes_are_what_can_be_seen() {
        for code in [
            "10%OFF",
            "A+B",
            "a b",
            "e\u{301}",
            "😀",
            "👩‍💻",
            "I❤️NY",
            "a/b",
            "#1",
            "\"x\"",
        ] {
            assert!(is_code(code), "{code}");
        }
        let long = "ﷺ".repeat(20);
        for bad in [
            "a\u{202e}b",
            "\u{200b}",
            "a\u{0}b",
            "a\u{2028}b",
            "\u{fe0f}",
            "\u{e000}",
            &long,
        ] {
            assert!(!is_code(bad), "{bad:?}");
        }
    }
}
