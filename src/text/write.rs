//! Writing texts and numbers. What the standard library offers for it takes ten times as long.

use super::Set;

/// Appends texts one after another.
pub fn append(pieces: &[&str], out: &mut String) {
    out.reserve(pieces.iter().map(|piece| piece.len()).sum());
    for piece in pieces {
        out.push_str(piece);
    }
}

/// The bytes that stand for themselves in HTML.
const PLAIN: Set = Set::of(0, 255, b"&<>\"");

/// Appends a text that may stand in an element or in a quoted attribute of HTML.
pub fn escape(text: &str, out: &mut String) {
    // By bytes: characters cost five times as much.
    let mut rest = text;
    loop {
        let plain = PLAIN.run(rest.as_bytes());
        let entity = match rest.as_bytes().get(plain) {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(_) => "&quot;",
            None => break out.push_str(rest),
        };
        append(&[rest.get(..plain).unwrap_or_default(), entity], out);
        rest = rest.get(plain + 1..).unwrap_or_default();
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
#[allow(clippy::cast_possible_truncation, reason = "a digit")]
pub fn number(value: i64, out: &mut String) {
    let mut digits = [0; 20];
    let mut rest = value.unsigned_abs();
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
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
