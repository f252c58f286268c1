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

/// Appends a text and the low 60 bits of a number, as 12 digits of this alphabet.
pub fn base32(before: &str, mut number: u64, alphabet: &[u8; 32], out: &mut String) {
    let mut digits = [0; 12];
    for digit in digits.iter_mut().rev() {
        *digit = alphabet
            .get((number & 31) as usize)
            .copied()
            .unwrap_or_default();
        number >>= 5;
    }
    append(&[before, str::from_utf8(&digits).unwrap_or_default()], out);
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
#[allow(clippy::cast_possible_truncation, reason = "a digit")]
pub fn number(value: i64, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut rest = value.unsigned_abs();
    let mut used = 0;
    // Two digits for each division.
    for pair in digits.as_chunks_mut::<2>().0.iter_mut().rev() {
        let two = (rest % 100) as u8;
        rest /= 100;
        *pair = [b'0' + two / 10, b'0' + two % 10];
        used += 2;
        if rest == 0 {
            used -= usize::from(two < 10);
            break;
        }
    }
    if value < 0 {
        out.push('-');
    }
    let written = digits.get(digits.len() - used..).unwrap_or_default();
    out.push_str(str::from_utf8(written).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        for value in [0, 9, 10, -1, 1_795_334_400_000, i64::MAX, i64::MIN] {
            let mut out = String::new();
            number(value, &mut out);
            assert_eq!(out, value.to_string());
            assert_eq!(hex(value.cast_unsigned()), format!("{value:016x}"));
        }
    }

    #[test]
    fn digits_of_base_32_come_from_the_alphabet() {
        let mut out = String::from("<");
        base32(
            "x_",
            31 << 55 | 33,
            b"0123456789abcdefghjkmnpqrstvwxyz",
            &mut out,
        );
        assert_eq!(out, "<x_z00000000011");
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
