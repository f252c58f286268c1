//! Stored records and messages, read from JSON into values.
//!
//! serde_json's own way from text into a type writes the whole parser out once more for each type,
//! which was a fifth of the product. Here the text becomes a [`Value`], by the one parser that is
//! needed anyway, and the value is read by a reader that only takes what our records are made of:
//! objects, lists, texts, whole numbers, booleans. It does not say what is wrong, only that
//! something is: nobody but us writes what it reads.

use crate::values::json;
use crate::values::surrogates;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde_json::{Map, Value, map};
use std::fmt;
use std::slice;

/// Reads a JSON text; `None` when it is none, or not such a record.
pub fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    take(&parse(text)?)
}

/// Reads a value; `None` when it is not such a record.
pub fn take<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(Reader(value)).ok()
}

/// Reads any JSON text; `None` when it is none. Half a character in a string reads as U+FFFD: an
/// emoji that was cut costs no event, report or platform's answer.
pub fn parse(text: &str) -> Option<Value> {
    json::parse(text).or_else(|| json::parse(&surrogates::replaced(text)?))
}

/// The value is another than the type wants.
#[derive(Debug)]
struct Mismatch;

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not such a record")
    }
}

impl std::error::Error for Mismatch {}

/// Each of these would format its own message.
impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Mismatch
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Mismatch
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Mismatch
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Mismatch
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Mismatch
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Mismatch
    }

    fn missing_field(_: &'static str) -> Self {
        Mismatch
    }

    fn duplicate_field(_: &'static str) -> Self {
        Mismatch
    }
}

#[derive(Clone, Copy)]
struct Reader<'de>(&'de Value);

impl<'de> Reader<'de> {
    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_str(self.0.as_str().ok_or(Mismatch)?)
    }

    fn whole<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0.as_u64() {
            Some(number) => visitor.visit_u64(number),
            None => visitor.visit_i64(self.0.as_i64().ok_or(Mismatch)?),
        }
    }

    fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let list = self.0.as_array().ok_or(Mismatch)?;
        visitor.visit_seq(Items(list.iter()))
    }

    fn object<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_map(Members::of(self.0.as_object().ok_or(Mismatch)?))
    }
}

/// The kinds of value that a method of [`Deserializer`] takes.
macro_rules! as_is {
    ($($method:ident: $kind:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.$kind(visitor)
        }
    )*};
}

/// Kinds of value that no record has.
macro_rules! refused {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mismatch> {
            Err(Mismatch)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Mismatch;

    as_is! {
        deserialize_i8: whole deserialize_i16: whole deserialize_i32: whole
        deserialize_i64: whole deserialize_u8: whole deserialize_u16: whole
        deserialize_u32: whole deserialize_u64: whole
        deserialize_str: text deserialize_string: text deserialize_identifier: text
        deserialize_seq: list deserialize_map: object
    }

    refused! {
        deserialize_f32 deserialize_f64 deserialize_char deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_i128 deserialize_u128
    }

    /// Members that hold any JSON.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            // No record has fractions: what may hold any JSON is taken as it is, not read.
            Value::Number(_) => self.whole(visitor),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(_) => self.list(visitor),
            Value::Object(_) => self.object(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_bool(self.0.as_bool().ok_or(Mismatch)?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.object(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.list(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, Mismatch> {
        Err(Mismatch)
    }

    /// `"word"`, or `{"word": content}`.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        if let Some(word) = self.0.as_str() {
            return visitor.visit_enum(Choice(word, None));
        }
        let mut members = self.0.as_object().ok_or(Mismatch)?.iter();
        match (members.next(), members.next()) {
            (Some((word, content)), None) => visitor.visit_enum(Choice(word, Some(content))),
            _ => Err(Mismatch),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }
}

struct Items<'de>(slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mismatch> {
        self.0
            .next()
            .map(|item| seed.deserialize(Reader(item)))
            .transpose()
    }
}

struct Members<'de> {
    left: map::Iter<'de>,
    value: &'de Value,
}

impl<'de> Members<'de> {
    fn of(object: &'de Map<String, Value>) -> Self {
        Members {
            left: object.iter(),
            value: &Value::Null,
        }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        let Some((name, value)) = self.left.next() else {
            return Ok(None);
        };
        self.value = value;
        seed.deserialize(word(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        seed.deserialize(Reader(self.value))
    }
}

fn word(text: &str) -> StrDeserializer<'_, Mismatch> {
    text.into_deserializer()
}

/// A variant's name and what it holds.
struct Choice<'de>(&'de str, Option<&'de Value>);

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Mismatch;
    type Variant = Content<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'de>), Mismatch> {
        Ok((seed.deserialize(word(self.0))?, Content(self.1)))
    }
}

struct Content<'de>(Option<&'de Value>);

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        if self.0.is_none_or(Value::is_null) {
            Ok(())
        } else {
            Err(Mismatch)
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mismatch> {
        seed.deserialize(Reader(self.0.ok_or(Mismatch)?))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        Reader(self.0.ok_or(Mismatch)?).list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        Reader(self.0.ok_or(Mismatch)?).object(visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Holding(u8),
        Named { at: i64 },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Everything {
        text: String,
        small: u8,
        signed: i64,
        large: u64,
        yes: bool,
        #[serde(default)]
        absent: bool,
        nothing: Option<u32>,
        missing: Option<String>,
        list: Vec<Option<i32>>,
        map: BTreeMap<String, u16>,
        kinds: Vec<Kind>,
        any: Value,
    }

    fn everything() -> Value {
        json!({
            "text": "\u{e4}", "small": 255, "signed": i64::MIN, "large": u64::MAX, "yes": true,
            "nothing": null, "list": [1, null, -1], "map": {"a": 1, "b": 65_535},
            "kinds": ["plain", {"holding": 7}, {"named": {"at": -5}}, {"plain": null}],
            "any": {"deep": [1, -1, "x", null, true]}, "unknown": {"is": ["left", "out"]},
        })
    }

    #[test]
    fn records_read_as_serde_json_reads_them() {
        let ours: Everything = read(&everything().to_string()).unwrap();
        assert_eq!(ours, serde_json::from_value(everything()).unwrap());
        assert_eq!(ours.kinds[2], Kind::Named { at: -5 });
        assert_eq!(ours.any, everything()["any"]);
    }

    #[test]
    fn half_a_character_reads_as_one_that_is_unknown() {
        let text = r#"{"cut \ud83d": ["\ude00", "\ud83d\ude00", "\\ud83d"]}"#;
        let wanted = json!({"cut \u{fffd}": ["\u{fffd}", "\u{1f600}", "\\ud83d"]});
        assert_eq!(parse(text), Some(wanted));
        assert_eq!(parse(r#"{"a": "\ud83d"#), None);
    }

    #[test]
    fn what_serde_json_refuses_is_refused() {
        for (name, bad) in [
            ("text", json!(1)),
            ("text", Value::Null),
            ("small", json!(256)),
            ("small", json!(-1)),
            ("small", json!(1.0)),
            ("small", json!("1")),
            ("signed", json!(u64::MAX)),
            ("yes", json!(1)),
            ("nothing", json!("x")),
            ("list", json!({"a": 1})),
            ("list", json!(["x"])),
            ("text", json!(0.5)),
            ("map", json!([])),
            ("map", json!({"a": -1})),
            ("kinds", json!(["other"])),
            ("kinds", json!(["holding"])),
            ("kinds", json!([{"plain": 1}])),
            ("kinds", json!([{"holding": 1, "plain": null}])),
            ("kinds", json!([{}])),
        ] {
            let mut record = everything();
            record[name] = bad;
            assert_eq!(
                take::<Everything>(&record),
                None,
                "{name}: {}",
                record[name]
            );
            assert!(
                serde_json::from_value::<Everything>(record).is_err(),
                "{name}"
            );
        }
        let mut record = everything();
        record.as_object_mut().unwrap().remove("yes");
        assert_eq!(take::<Everything>(&record), None);
        assert_eq!(read::<Everything>("{"), None);
    }
}
