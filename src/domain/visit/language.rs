//! The language that a visitor likes best, from `Accept-Language`.
//!
//! Rules ask whether it matches a range like `de`. Only the first choice counts: nearly every
//! browser lists English somewhere, and a rule for English would catch everybody.

/// Elements that are looked at. Browsers send a handful; the rest of a hostile header is not read.
const ELEMENTS: usize = 32;
/// Bytes of the header that are looked at.
const BYTES: usize = 1_024;
/// Longest tag (RFC 5646, section 4.4.1, asks for 35).
const TAG_CHARS: usize = 35;

/// Does the visitor's most preferred language match the range?
///
/// Takes the header as it came and a range like `de`, `de-AT` or `*`. The highest `q` is the most
/// preferred, the first one of several; `q=0` means "not this one" (RFC 9110, section 12.5.4).
/// Matching is RFC 4647's basic filtering: `de` matches `de` and `de-AT`, not `den`, in any case;
/// `*` matches whatever was asked for. A visitor who asks for nothing matches nothing.
pub fn prefers(accept_language: &str, range: &str) -> bool {
    preferred(accept_language).is_some_and(|tag| matches(tag, range))
}

/// The most preferred language tag of the header.
fn preferred(accept_language: &str) -> Option<&str> {
    // The limit may lie inside of a letter; tags are ASCII, so that element is none anyway.
    let limit = accept_language.floor_char_boundary(BYTES);
    let read = accept_language.get(..limit).unwrap_or_default();
    let mut best = None;
    let mut best_weight = 0;
    for element in read.split(',').take(ELEMENTS) {
        let (tag, weight) = element.split_once(';').unwrap_or((element, ""));
        let tag = tag.trim();
        let weight = weight_of(weight).unwrap_or_default();
        if weight > best_weight && is_tag(tag) {
            best = Some(tag);
            best_weight = weight;
        }
    }
    best
}

/// Thousandths of a weight: `q=` with 0 to 1 and up to three decimals; 1,000 when there is none.
fn weight_of(parameter: &str) -> Option<u16> {
    let parameter = parameter.trim();
    if parameter.is_empty() {
        return Some(1_000);
    }
    let number = parameter
        .strip_prefix("q=")
        .or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = decimals.bytes().map(|digit| u16::from(digit - b'0'));
    let digits = digits.chain([0, 0, 0]).take(3);
    match (whole, digits.fold(0, |part, digit| part * 10 + digit)) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

fn is_tag(tag: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    tag == "*" || (!tag.is_empty() && tag.len() <= TAG_CHARS && tag.bytes().all(allowed))
}

fn matches(tag: &str, range: &str) -> bool {
    if range == "*" {
        return true;
    }
    let begin = tag.as_bytes().get(..range.len());
    let next = tag.as_bytes().get(range.len());
    !range.is_empty()
        && begin.is_some_and(|begin| begin.eq_ignore_ascii_case(range.as_bytes()))
        && next.is_none_or(|byte| *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_most_preferred_language_decides() {
        for (header, language) in [
            ("de-AT,de;q=0.9,en;q=0.8", Some("de-AT")),
            ("en;q=0.8, fr", Some("fr")),
            ("en;q=0.5,fr;q=0.5", Some("en")),
            ("en;q=0.001,fr;q=0", Some("en")),
            ("fr;q=1.000, en", Some("fr")),
            ("*", Some("*")),
            ("de ; q=0.5 , nl;q=0.55", Some("nl")),
            ("de;q=0", None),
            ("", None),
            (",,;q=1,", None),
            ("de;q=2,fr;q=x,nl;q=0.1234,it;q=-1,en;q=0.1", Some("en")),
            ("d€,en;q=0.1", Some("en")),
        ] {
            assert_eq!(preferred(header), language, "{header}");
        }
    }

    #[test]
    fn ranges_match_by_whole_subtags_in_any_case() {
        for (header, range, answer) in [
            ("de-AT", "de", true),
            ("DE-at", "de-AT", true),
            ("de", "de-AT", false),
            ("den", "de", false),
            ("zh-Hant-TW", "zh-hant", true),
            ("en,de", "de", false),
            ("en", "*", true),
            ("*", "de", false),
            ("de", "", false),
            ("", "*", false),
        ] {
            assert_eq!(prefers(header, range), answer, "{header} {range}");
        }
    }

    #[test]
    fn a_hostile_header_costs_a_bounded_look() {
        let many = "x;q=0.1,".repeat(1_000_000) + "de";
        assert!(!prefers(&many, "de"));
        let cut = "ä".repeat(100_000);
        assert!(!prefers(&cut, "de"));
        let late = "a;q=0.1,".repeat(31) + "de";
        assert!(prefers(&late, "de"), "the 32nd element is read");
    }

    proptest! {
        #[test]
        fn any_header_has_an_answer(header in any::<String>(), range in any::<String>()) {
            let answer = prefers(&header, &range);
            prop_assert!(!answer || prefers(&header, "*"));
        }

        #[test]
        fn weights_order_as_numbers_do(one in 0u16..=1000, other in 0u16..=1000) {
            let weight = |number: u16| format!("q={}.{:03}", number / 1000, number % 1000);
            prop_assert_eq!(weight_of(&weight(one)), Some(one));
            let header = format!("aa;{},bb;{}", weight(one), weight(other));
            let expected = (one.max(other) > 0).then_some(if other > one { "bb" } else { "aa" });
            prop_assert_eq!(preferred(&header), expected);
        }
    }
}
