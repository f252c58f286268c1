//! Folding: the one form in which codes and slugs are compared, however people type them.
//!
//! Unicode's compatibility caseless matching (Unicode Standard 3.13, D146), composed (NFC),
//! without what nobody sees (default ignorable characters: joiners, variation selectors, soft
//! hyphens). So `straße` is `STRASSE`, `é` is the same letter in one character or in two, and full
//! width is plain. One rule comes on top: an `i` has no dot of its own, so that `İSTANBUL`,
//! `ISTANBUL`, `istanbul` and `ıstanbul` are one, whatever keyboard they are typed on.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;

/// The dot above, a mark of its own.
const DOT: char = '\u{307}';
const DOTLESS_I: char = 'ı';

/// The folded text. Folding it again changes nothing.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let seen: String = text.chars().filter(|c| !ignorable.contains(*c)).collect();
    let folded = caseless(&caseless(&seen));
    ComposingNormalizer::new_nfc()
        .normalize(&without_dots(&folded))
        .into_owned()
}

/// Decomposed and with one case. Decomposing can bring letters up that have two cases, so it takes
/// two rounds.
fn caseless(text: &str) -> String {
    let decomposed = DecomposingNormalizer::new_nfkd().normalize(text);
    let folded = CaseMapper::new().fold_string(&decomposed);
    DecomposingNormalizer::new_nfkd()
        .normalize(&folded)
        .into_owned()
}

fn without_dots(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            DOT if plain.ends_with('i') => {}
            DOTLESS_I => plain.push('i'),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_the_same_is_the_same() {
        for same in [
            &[
                "straße",
                "STRASSE",
                "Straße",
                "STRAẞE",
                "ſtraſſe",
                "stra\u{ad}ße",
            ][..],
            &[
                "İSTANBUL",
                "ISTANBUL",
                "istanbul",
                "ıstanbul",
                "i\u{307}stanbul",
            ],
            &["İ\u{301}", "i\u{301}", "Í"],
            &["GRÖSSE10", "größe10", "GRO\u{308}SSE10", "ＧＲÖßＥ１０"],
            &["ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ"],
            &["❤️", "❤", "❤\u{fe0e}"],
            &["ﬁnd", "FIND"],
            &["かﾞ", "が"],
            &["Ꮳ", "ꮳ"],
        ] {
            for text in same {
                assert_eq!(fold(text), fold(same[0]), "{text}");
            }
        }
    }

    #[test]
    fn what_people_tell_apart_stays_apart() {
        let different = [
            "resume", "résumé", "ö", "o", "oe", "ss", "s", "10%", "10", "❤", "♥", "が", "か",
        ];
        for (place, one) in different.iter().enumerate() {
            for other in &different[place + 1..] {
                assert_ne!(fold(one), fold(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn folding_again_changes_nothing_and_case_never_matters() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            for text in [
                c.to_string(),
                format!("i{c}\u{307}"),
                format!("{c}\u{301}Σ"),
            ] {
                let folded = fold(&text);
                assert_eq!(fold(&folded), folded, "{text:?}");
                assert_eq!(fold(&text.to_lowercase()), folded, "{text:?}");
            }
            let upper: String = c.to_uppercase().collect();
            assert_eq!(fold(&upper), fold(&c.to_string()), "{c:?}");
        }
    }
}
