//! Writing texts and numbers. What the standard library offers for it takes ten times as long.

use super::{Set, all_in, parts};

/// Appends texts one after another.
pub fn append(pieces: &[&str], out: &mut String) {
    out.reserve(pieces.iter().map(|piece| piece.len()).sum());
    for piece in pieces {
        out.push_str(piece);
    }
}

/// The bytes that stand for themselves in HTML, beside `&`.
const PLAIN: Set = Set::of(0, 255, b"<>\"");

/// Appends a text that may stand in an element or in a quoted attribute of HTML.
pub fn escape(text: &str, out: &mut String) {
    let mut before = "";
    // Addresses have many `&` and hardly one of the others.
    for part in parts(text, b'&') {
        out.push_str(before);
        before = "&amp;";
        if all_in(part, &PLAIN) {
            out.push_str(part);
            continue;
        }
        for character in part.chars() {
            match character {
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                plain => out.push(plain),
            }
        }
    }
}

/// 16 hex digits.
pub fn hex(number: u64) -> String {
    let mut digits = [0; 16];
    for (place, digit) in digits.iter_mut().enumerate() {
        let value = (number >> (60 - 4 * place)) as u8 & 15;
        *digit = value + if value < 10 { b'0' } else { b'a' - 10 };
    }
    str::from_utf8(&digits).unwrap_or_default().to_owned()
}

/// Appends a number in decimal digits.
pub fn number(value: i64, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    let (digits, from) = decimal(value.unsigned_abs());
    let written = digits.as_flattened().get(from..).unwrap_or_default();
    out.push_str(str::from_utf8(written).unwrap_or_default());
}

/// Decimal digits behind zeros, and where the first that counts is.
pub(crate) fn decimal(value: u64) -> ([[u8; 8]; 3], usize) {
    const EIGHT: u64 = 100_000_000;
    let parts = [value / EIGHT / EIGHT, value / EIGHT % EIGHT, value % EIGHT];
    let used = value.checked_ilog10().unwrap_or_default() as usize + 1;
    (parts.map(eight), 24 - used)
}

/// Eight digits of a number below a hundred million. Splits it into fours, twos and ones, those of
/// a kind side by side in one number; a division is a multiplication and a shift.
fn eight(value: u64) -> [u8; 8] {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | (twos - tens * 10) << 8;
    (ones | 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Draft;

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        let lengths = (0..19).flat_map(|zeros| [10_i64.pow(zeros), 10_i64.pow(zeros) - 1]);
        let some = [
            -1,
            1_795_334_400_000,
            1_234_567_890_123_456_789,
            i64::MAX,
            i64::MIN,
        ];
        for value in (0..10_000).chain(lengths).chain(some) {
            let mut out = String::new();
            number(value, &mut out);
            assert_eq!(out, value.to_string());
            let mut draft = Draft::with_room(0);
            draft.number(value);
            assert_eq!(draft.as_str(), out);
            assert_eq!(hex(value.cast_unsigned()), format!("{value:016x}"));
        }
    }

    #[test]
    fn texts_are_appended_in_their_order() {
        let mut out = String::from("a");
        append(&["b", "", "é"], &mut out);
        assert_eq!(out, "abé");
    }

    #[test]
    fn what_means_something_in_html_is_escaped() {
        let mut out = String::from("<");
        escape("é<a href=\"x\">&", &mut out);
        assert_eq!(out, "<é&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
