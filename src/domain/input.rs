//! Reading JSON bodies field by field: every fault is collected with its path and a stable code,
//! so that one answer names them all.

use super::limits;
use super::money::Currency;
use super::time::UnixMs;
use serde::Serialize;
use serde_json::{Map, Value};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) to the field.
    pub path: String,
    pub code: &'static str,
    pub detail: String,
}

/// A JSON object that is being read, and the faults found so far.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    at: String,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Starts reading `object`, which lies at the JSON Pointer `at` (empty for the whole body).
    pub fn new(object: &'a Map<String, Value>, at: &str) -> Self {
        Self {
            object,
            at: at.to_owned(),
            errors: Vec::new(),
        }
    }

    /// The value as read, or every fault that was found.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }

    /// Was nothing wrong so far?
    pub fn is_sound(&self) -> bool {
        self.errors.is_empty()
    }

    /// Records a fault of a field; without a name, of the object itself.
    pub fn fault(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        let mut path = self.at.clone();
        if !name.is_empty() {
            path.push('/');
            path.push_str(name);
        }
        self.errors.push(FieldError {
            path,
            code,
            detail: detail.into(),
        });
    }

    /// Takes over the faults of a nested object.
    pub fn absorb<T>(&mut self, nested: Result<T, Vec<FieldError>>) -> Option<T> {
        match nested {
            Ok(value) => Some(value),
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }

    /// The field's value; absent and `null` are the same.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Was the field given at all, even as `null`?
    pub fn has(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// Is there nothing, or a text of nothing?
    pub fn is_blank(&self, name: &str) -> bool {
        let blank = |value: &Value| value.as_str().is_some_and(|text| trimmed(text).is_empty());
        self.value(name).is_none_or(blank)
    }

    /// Refuses members that are not in the list; of very many it names the first.
    pub fn only(&mut self, known: &[&str]) {
        for name in self.unknown(known).take(limits::UNKNOWN_MEMBERS) {
            let shown: String = name.chars().take(limits::NAME_CHARS).collect();
            self.fault(&shown, "unknown_member", "is not known here");
        }
    }

    /// The members that are not in the list.
    pub fn unknown<'k>(&self, known: &'k [&'k str]) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        let names = self.object.keys().map(String::as_str);
        names.filter(move |name| !known.contains(name))
    }

    /// The names of the members, of which there may be at most `max`.
    pub fn names(&mut self, max: usize) -> Vec<&'a str> {
        if self.object.len() > max {
            self.fault("", "too_many", format!("must hold at most {max} members"));
        }
        self.object.keys().map(String::as_str).collect()
    }

    /// A text of at most `max` characters without control characters and without the white space
    /// around it; absent is `None`.
    pub fn text(&mut self, name: &str, max: usize) -> Option<&'a str> {
        let Some(text) = self.value(name)?.as_str().map(trimmed) else {
            self.fault(name, "not_a_string", "must be a string");
            return None;
        };
        if text.chars().count() > max {
            self.fault(
                name,
                "too_long",
                format!("must be at most {max} characters"),
            );
            return None;
        }
        if text.chars().any(char::is_control) {
            self.fault(
                name,
                "control_character",
                "must not hold control characters",
            );
            return None;
        }
        Some(text)
    }

    /// Like [`Fields::text`], but must be there and must not be blank.
    pub fn required_text(&mut self, name: &str, max: usize) -> Option<&'a str> {
        if self.value(name).is_none() {
            self.fault(name, "required", "is required");
            return None;
        }
        let text = self.text(name, max)?;
        if text.is_empty() {
            self.fault(name, "required", "must not be empty");
            return None;
        }
        Some(text)
    }

    /// A whole number within the bounds.
    pub fn integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let Value::Number(number) = self.value(name)? else {
            self.fault(name, "not_an_integer", "must be a whole number");
            return None;
        };
        match whole(number.as_str()) {
            Whole::Number(number) if (min..=max).contains(&number) => return Some(number),
            Whole::Number(number) if number < 0 && min == 0 => {
                self.fault(name, "negative", "must not be negative");
            }
            Whole::Fraction => {
                self.fault(name, "fractional", "must be a whole number (minor units)");
            }
            Whole::Number(_) | Whole::OutOfRange => {
                let detail = format!("must be between {min} and {max}");
                self.fault(name, "out_of_range", detail);
            }
        }
        None
    }

    /// Like [`Fields::integer`], but must be there.
    pub fn required_integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        if self.value(name).is_none() {
            self.fault(name, "required", "is required");
        }
        self.integer(name, min, max)
    }

    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.value(name)?.as_bool();
        if value.is_none() {
            self.fault(name, "not_a_boolean", "must be true or false");
        }
        value
    }

    /// An ISO 4217 code in any case.
    pub fn currency(&mut self, name: &str) -> Option<Currency> {
        let code = self.text(name, 3)?;
        let currency = Currency::parse(code).ok();
        if currency.is_none() {
            self.fault(
                name,
                "currency_unknown",
                "must be an active ISO 4217 currency code",
            );
        }
        currency
    }

    /// RFC 3339 text or whole unix seconds.
    pub fn instant(&mut self, name: &str) -> Option<UnixMs> {
        let value = self.value(name)?;
        let read = match value {
            Value::String(text) => UnixMs::parse_rfc3339(trimmed(text)),
            other => other.as_i64().and_then(UnixMs::from_unix_seconds),
        };
        if read.is_none() {
            self.fault(
                name,
                "not_a_time",
                "must be RFC 3339 text or whole unix seconds",
            );
        }
        read
    }

    /// A nested object.
    pub fn object(&mut self, name: &str) -> Option<Fields<'a>> {
        let object = self.value(name)?.as_object();
        if object.is_none() {
            self.fault(name, "not_an_object", "must be an object");
        }
        object.map(|object| Fields::new(object, &format!("{}/{name}", self.at)))
    }

    /// The objects of a list of at most `max`, each to be read and absorbed; absent is `None`.
    pub fn objects(&mut self, name: &str, max: usize) -> Option<Vec<Fields<'a>>> {
        let Some(list) = self.value(name)?.as_array() else {
            self.fault(name, "not_a_list", "must be a list of objects");
            return None;
        };
        if list.len() > max {
            self.fault(name, "too_many", format!("must hold at most {max} entries"));
            return None;
        }
        let mut objects = Vec::with_capacity(list.len());
        for (place, entry) in list.iter().enumerate() {
            let at = format!("{name}/{place}");
            match entry.as_object() {
                Some(object) => objects.push(Fields::new(object, &format!("{}/{at}", self.at))),
                None => self.fault(&at, "not_an_object", "must be an object"),
            }
        }
        (objects.len() == list.len()).then_some(objects)
    }

    /// The members of the object.
    pub fn members(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.object
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// A list of at most `max` texts, each without the white space around it.
    pub fn texts(&mut self, name: &str, max: usize) -> Option<Vec<&'a str>> {
        let Some(list) = self.value(name)?.as_array() else {
            self.fault(name, "not_a_list", "must be a list of strings");
            return None;
        };
        if list.len() > max {
            self.fault(name, "too_many", format!("must hold at most {max} entries"));
            return None;
        }
        let texts: Option<Vec<_>> = list.iter().map(|each| each.as_str().map(trimmed)).collect();
        if texts.is_none() {
            self.fault(name, "not_a_string", "must hold strings only");
        }
        texts
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.value(name)?;
        let given = value.as_str().map(trimmed);
        let found = choices.iter().find(|(word, _)| given == Some(word));
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.fault(
                name,
                "not_a_choice",
                format!("must be one of: {}", words.join(", ")),
            );
        }
        found.map(|(_, choice)| *choice)
    }
}

/// A text without the white space around it, of whatever script, and without marks that are as
/// invisible (a byte order mark, a space of no width). It comes from files and from copying and is
/// part of no value.
pub fn trimmed(text: &str) -> &str {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}');
    text.trim_matches(blank)
}

/// What the text of a JSON number is.
enum Whole {
    Number(i64),
    Fraction,
    OutOfRange,
}

/// Reads the text of a JSON number. `1000.0` and `1e3` are whole numbers too: JSON does not tell
/// them apart.
fn whole(text: &str) -> Whole {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let written = format!("{whole}{fraction}");
    let digits = written.trim_start_matches('0');
    if digits.is_empty() {
        return Whole::Number(0);
    }
    // An exponent that does not read is beyond any number that fits.
    let exponent = exponent.trim_start_matches('+').parse::<i32>();
    let places = i32::try_from(fraction.len()).ok();
    let shift = exponent
        .ok()
        .zip(places)
        .and_then(|(e, f)| e.checked_sub(f));
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let Some(shift) = shift else {
        return Whole::OutOfRange;
    };
    let kept = if shift < 0 {
        let cut = shift.unsigned_abs() as usize;
        match digits.len().checked_sub(cut).filter(|_| cut <= zeros) {
            Some(length) => digits.get(..length).unwrap_or_default().to_owned(),
            None => return Whole::Fraction,
        }
    } else if shift < 20 {
        format!("{digits}{}", "0".repeat(shift as usize))
    } else {
        return Whole::OutOfRange;
    };
    match kept.parse::<i64>() {
        Ok(number) if negative => Whole::Number(-number),
        Ok(number) => Whole::Number(number),
        Err(_) => Whole::OutOfRange,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(body: &Value, read: impl Fn(&mut Fields<'_>)) -> Vec<(String, &'static str)> {
        let mut fields = Fields::new(body.as_object().unwrap(), "");
        read(&mut fields);
        let errors = fields.finish::<()>(None).unwrap_err();
        errors
            .into_iter()
            .map(|error| (error.path, error.code))
            .collect()
    }

    #[test]
    fn amounts_are_whole_and_not_negative() {
        let cases = [
            (json!({"amount": -1}), "negative"),
            (json!({"amount": 1.5}), "fractional"),
            (json!({"amount": "5"}), "not_an_integer"),
            (json!({"amount": 1e300}), "out_of_range"),
            (json!({"amount": 9_007_199_254_740_992_i64}), "out_of_range"),
            (json!({}), "required"),
            (json!({"amount": null}), "required"),
        ];
        for (body, code) in cases {
            let found = faults(&body, |f| {
                f.required_integer("amount", 0, 9_007_199_254_740_991);
            });
            assert_eq!(found, [("/amount".to_owned(), code)], "{body}");
        }
    }

    #[test]
    fn whole_numbers_are_read_however_they_are_written() {
        for (text, number) in [
            ("7", 7),
            ("-7", -7),
            ("1000.0", 1_000),
            ("1e3", 1_000),
            ("1.5E+1", 15),
            ("1500e-2", 15),
            ("0.0", 0),
            ("-0", 0),
            ("0e99999999999", 0),
        ] {
            assert!(
                matches!(whole(text), Whole::Number(n) if n == number),
                "{text}"
            );
        }
        for text in ["0.5", "1.5", "15e-1", "1e-400", "10.01"] {
            assert!(matches!(whole(text), Whole::Fraction), "{text}");
        }
        for text in ["9223372036854775808", "1e19", "1e99999999999", "-1e30"] {
            assert!(matches!(whole(text), Whole::OutOfRange), "{text}");
        }
    }

    #[test]
    fn texts_have_a_bound_and_no_control_characters() {
        for (body, code) in [
            (json!({"id": "a\nb"}), "control_character"),
            (json!({"id": "abcdef"}), "too_long"),
            (json!({"id": 5}), "not_a_string"),
            (json!({"id": "  "}), "required"),
            (json!({"id": "\u{3000}\n\u{feff}"}), "required"),
            (json!({"id": "\0a"}), "control_character"),
        ] {
            let found = faults(&body, |f| {
                f.required_text("id", 5);
            });
            assert_eq!(found, [("/id".to_owned(), code)], "{body}");
        }
    }

    #[test]
    fn white_space_around_a_text_is_part_of_no_value() {
        for around in [
            "\n", "\r\n", "\t ", "\u{a0}", "\u{2009}", "\u{3000}", "\u{feff}", "\u{85}",
        ] {
            let padded = |text: &str| format!("{around}{text}{around}");
            let body = json!({"text": padded("a b"), "list": [padded("x")], "word": padded("full"),
                "code": padded("usd"), "at": padded("2026-11-22T08:00:00Z"), "none": around});
            let mut f = Fields::new(body.as_object().unwrap(), "");
            assert_eq!(f.text("text", 3), Some("a b"), "{around:?}");
            assert_eq!(f.required_text("text", 3), Some("a b"));
            assert_eq!(f.texts("list", 1), Some(vec!["x"]));
            assert_eq!(f.choice("word", &[("full", 1)]), Some(1));
            assert_eq!(f.currency("code"), Currency::parse("USD").ok());
            assert_eq!(f.instant("at"), Some(UnixMs(1_795_334_400_000)));
            assert!(f.is_blank("none"));
            assert_eq!(f.finish(Some(())), Ok(()), "{around:?}");
        }
    }

    #[test]
    fn every_fault_is_named_with_its_path() {
        let body = json!({"currency": "XXQ", "at": "yesterday", "context": {"consent": "maybe"}});
        let found = faults(&body, |f| {
            f.currency("currency");
            f.instant("at");
            if let Some(mut context) = f.object("context") {
                context.choice("consent", &[("full", 1)]);
                let nested = context.finish::<()>(None);
                f.absorb(nested);
            }
        });
        let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["/currency", "/at", "/context/consent"]);
    }
}
