//! Reads JSON texts (RFC 8259).
//!
//! serde_json's own reader brings the printing of floats for its error messages, 30 KB of wasm that
//! never run. Ours gives the same values and says only whether the text is JSON; a property holds
//! the two against each other. Numbers stay the texts that they are.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read, as in serde_json: the reader calls itself.
const DEPTH: usize = 127;

/// Reads a text; `None` when it is not JSON, or nested too deep. Of members with one name the last
/// counts.
pub fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'a> {
    text: &'a str,
    /// Always at the start of a character.
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes past a byte of ASCII if it is next.
    fn takes(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        let rest = self.text.get(self.at..)?;
        self.at += word.len();
        rest.starts_with(word).then_some(value)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.space();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(Value::String),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut members = Map::new();
        if self.opens(b'}', depth)? {
            return Some(Value::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            if !self.takes(b':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            members.insert(name, value);
            if self.ends(b'}')? {
                return Some(Value::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        if self.opens(b']', depth)? {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.ends(b']')? {
                return Some(Value::Array(items));
            }
        }
    }

    /// Goes past the opening bracket; says whether the closing one follows at once.
    fn opens(&mut self, close: u8, depth: usize) -> Option<bool> {
        self.at += 1;
        self.space();
        (depth < DEPTH).then(|| self.takes(close))
    }

    /// After an item: says whether it was the last one.
    fn ends(&mut self, close: u8) -> Option<bool> {
        self.space();
        if self.takes(close) {
            return Some(true);
        }
        self.takes(b',').then_some(false)
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        let mut text = self.text.get(start..self.at)?.to_owned();
        if self.takes(b'e') || self.takes(b'E') {
            let minus = !self.takes(b'+') && self.takes(b'-');
            let exponent = self.at;
            self.digits()?;
            // The one form in which serde_json writes it.
            text.push_str(if minus { "e-" } else { "e+" });
            text.push_str(self.text.get(exponent..self.at)?);
        }
        Some(Value::Number(Number::from_string_unchecked(text)))
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        if !self.takes(b'"') {
            return None;
        }
        let mut read = String::new();
        loop {
            let start = self.at;
            while let Some(b' ' | b'!' | b'#'..=b'[' | b']'..=0xff) = self.peek() {
                self.at += 1;
            }
            read.push_str(self.text.get(start..self.at)?);
            if self.takes(b'"') {
                return Some(read);
            }
            // What is left are control characters, which a string must not hold, and the end.
            if !self.takes(b'\\') {
                return None;
            }
            read.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return None,
        })
    }

    /// Four hex digits, and four more where they are the first half of a pair.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if !self.takes(b'\\') || !self.takes(b'u') {
            return None;
        }
        let second = self.hex()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at.checked_add(4)?)?;
        self.at += 4;
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(text: &str) {
        let theirs = serde_json::from_str::<Value>(text).ok();
        assert_eq!(parse(text), theirs, "{text}");
    }

    #[test]
    fn what_is_json_reads_as_serde_json_reads_it() {
        for text in [
            "",
            " ",
            "null",
            " true ",
            "false",
            "nul",
            "tru",
            "nullx",
            "0",
            "-0",
            "01",
            "-",
            "1.",
            ".5",
            "1.5e+3",
            "1E-2",
            "1e",
            "+1",
            "--1",
            "1.0",
            "123456789012345678901234567890",
            "\"\"",
            "\"a",
            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
            "\"\\x\"",
            "\"\\u00e4\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d\\u0041\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "\"\u{1}\"",
            "\"\u{7f}\u{e4}\u{1f600}\"",
            "\"tab\there\"",
            "[]",
            "[ ]",
            "[1,]",
            "[,]",
            "[1 2]",
            "[1,2 ]",
            "{}",
            "{ }",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1,\"a\":2}",
            "{\"b\":[{\"c\":null}]} ",
            "[1]x",
            "\u{feff}1",
            "[\"\\u00\u{e4}\"]",
            "{\"\\u0061\":0}",
        ] {
            same(text);
        }
    }

    #[test]
    fn nesting_ends_where_serde_json_ends_it() {
        for depth in [1, 126, 127, 128, 129, 5_000] {
            same(&"[".repeat(depth));
            same(&("[".repeat(depth) + &"]".repeat(depth)));
            same(&("{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)));
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_as_serde_json_reads_it(
            text in "[\\[\\]{}:,\"\\\\u0-9a-fA-F.eE+\\- tnrls/\u{e4}\u{1f600}]{0,40}"
        ) {
            same(&text);
        }

        #[test]
        fn any_cut_of_a_record_reads_as_serde_json_reads_it(cut in 0usize..200, byte in 32u8..127) {
            let whole = r#"{"a":[1,-2.5e3,"x\u00e4\ud83d\ude00\n",{"b":null,"c":[true]}],"d":""}"#;
            same(whole.get(..cut.min(whole.len())).unwrap_or_default());
            let mut changed = whole.as_bytes().to_vec();
            let place = cut % changed.len();
            changed[place] = byte;
            same(std::str::from_utf8(&changed).unwrap());
        }
    }
}
