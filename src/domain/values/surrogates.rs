//! Characters that were cut in half.
//!
//! JavaScript's strings are UTF-16: an emoji is two units, and `name.slice(0, 20)` may leave one of
//! them. `JSON.stringify` writes it as `\ud83d`, as Python does, and JSON readers of other
//! languages refuse the whole text for it.

/// What stands for a character that cannot be read: U+FFFD, as browsers put it.
const REPLACEMENT: &str = "\\ufffd";

/// Bytes of the escape of one unit: `\u` and four hex digits.
const ESCAPE: usize = 6;

/// The JSON text with U+FFFD in place of each half character that is escaped; `None` when it has
/// none.
pub fn replaced(text: &str) -> Option<String> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        whole.push_str(before);
        let half = unit(escape).filter(|unit| (0xd800..0xe000).contains(unit));
        let second = || unit(escape.get(ESCAPE..)?).filter(|unit| (0xdc00..0xe000).contains(unit));
        let length = match half {
            // Also a backslash that is escaped itself: what follows is no escape then.
            None => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
            Some(first) if first < 0xdc00 && second().is_some() => 2 * ESCAPE,
            Some(_) => ESCAPE,
        };
        let (own, after) = escape.split_at_checked(length)?;
        let lone = half.is_some() && length == ESCAPE;
        whole.push_str(if lone { REPLACEMENT } else { own });
        rest = after;
    }
    whole.push_str(rest);
    (whole != text).then_some(whole)
}

/// The UTF-16 unit whose escape the text begins with.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_are_replaced_and_nothing_else_is() {
        for (text, wanted) in [
            (r#""cut \ud83d""#, r#""cut \ufffd""#),
            (r#""\uDE00 first""#, r#""\ufffd first""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r#""\ud83dA""#, r#""\ufffdA""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ude00\ude00""#, r#""\ud83d\ude00\ufffd""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#"{"\ud83d":"\ud83d"}"#, r#"{"\ufffd":"\ufffd"}"#),
            ("\"\\ud83d\u{1f600}\"", "\"\\ufffd\u{1f600}\""),
        ] {
            assert_eq!(replaced(text).as_deref(), Some(wanted), "{text}");
        }
        for text in [
            "",
            "\\",
            r#""\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#""\\\\ude00""#,
            r#""\ud83""#,
            r#""\ud83g""#,
            r#""\u+83d""#,
            r"\ud83",
            r#""\ud7ff\ue000""#,
            "\"\\u00\u{e4}\"",
        ] {
            assert_eq!(replaced(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_units_read_as_javascript_reads_them(
            units in prop::collection::vec(prop_oneof![
                Just(0xd83d_u16), Just(0xde00), Just(0x5c), Just(0x22), Just(0x75), any::<u16>(),
            ], 0..12),
            escaped in prop::collection::vec(any::<bool>(), 12),
        ) {
            let mut text = String::from("\"");
            for (unit, escaped) in units.iter().zip(escaped) {
                match char::from_u32((*unit).into()).filter(|_| !escaped) {
                    Some('\\') => text.push_str("\\\\"),
                    Some('"') => text.push_str("\\\""),
                    Some(plain) if !plain.is_control() => text.push(plain),
                    _ => text.push_str(&format!("\\u{unit:04x}")),
                }
            }
            text.push('"');
            let whole = replaced(&text).unwrap_or(text);
            let read: String = serde_json::from_str(&whole).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
