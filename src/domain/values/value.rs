//! Values of ours as JSON values.
//!
//! `serde_json::to_value` brings serde_json's own reader of numbers, with tables for floats that we
//! never have, and writes its way of adding a member out once more for each type: 16 KB of wasm.

use serde::ser::{
    Error, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct,
    SerializeStructVariant, SerializeTuple, Serializer,
};
use serde_json::{Map, Number, Value};
use std::fmt;

/// A JSON value as it is written, as `serde_json::json!`; a key is one token.
#[macro_export]
macro_rules! json {
    (null) => { serde_json::Value::Null };
    ([ $($items:tt)* ]) => {
        serde_json::Value::Array($crate::json!(@list [] $($items)*))
    };
    ({ $($members:tt)* }) => {{
        #[allow(unused_mut, reason = "an empty object")]
        let mut object = serde_json::Map::new();
        $crate::json!(@members object $($members)*);
        serde_json::Value::Object(object)
    }};
    (@members $to:ident) => {};
    (@members $to:ident $key:tt : null $(, $($rest:tt)*)?) => {
        $crate::json!(@put $to $key (null) $($($rest)*)?)
    };
    (@members $to:ident $key:tt : [ $($items:tt)* ] $(, $($rest:tt)*)?) => {
        $crate::json!(@put $to $key ([ $($items)* ]) $($($rest)*)?)
    };
    (@members $to:ident $key:tt : { $($members:tt)* } $(, $($rest:tt)*)?) => {
        $crate::json!(@put $to $key ({ $($members)* }) $($($rest)*)?)
    };
    (@members $to:ident $key:tt : $value:expr $(, $($rest:tt)*)?) => {
        $crate::json!(@put $to $key ($value) $($($rest)*)?)
    };
    (@put $to:ident $key:tt ($($value:tt)*) $($rest:tt)*) => {
        let _ = $to.insert(String::from($key), $crate::json!($($value)*));
        $crate::json!(@members $to $($rest)*);
    };
    (@list [$($done:expr,)*]) => { vec![$($done,)*] };
    (@list [$($done:expr,)*] null $(, $($rest:tt)*)?) => {
        $crate::json!(@list [$($done,)* $crate::json!(null),] $($($rest)*)?)
    };
    (@list [$($done:expr,)*] [ $($items:tt)* ] $(, $($rest:tt)*)?) => {
        $crate::json!(@list [$($done,)* $crate::json!([ $($items)* ]),] $($($rest)*)?)
    };
    (@list [$($done:expr,)*] { $($members:tt)* } $(, $($rest:tt)*)?) => {
        $crate::json!(@list [$($done,)* $crate::json!({ $($members)* }),] $($($rest)*)?)
    };
    (@list [$($done:expr,)*] $next:expr $(, $($rest:tt)*)?) => {
        $crate::json!(@list [$($done,)* $crate::json!($next),] $($($rest)*)?)
    };
    ($value:expr) => { $crate::values::value::of(&$value) };
}

/// The JSON value of a value whose members all have one; else null.
pub fn of<T: Serialize + ?Sized>(value: &T) -> Value {
    value.serialize(Writer).unwrap_or_default()
}

/// Something that JSON has no word for.
#[derive(Debug)]
pub struct Unwritable;

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("has no JSON value")
    }
}

impl std::error::Error for Unwritable {}

impl Error for Unwritable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Unwritable
    }
}

type Written = Result<Value, Unwritable>;

struct Writer;

/// A whole number, as the text that it is.
fn number(text: String) -> Value {
    Value::Number(Number::from_string_unchecked(text))
}

/// Kinds of value that are written by a function.
macro_rules! written {
    ($($method:ident($value:ident: $from:ty) $by:expr;)*) => {$(
        fn $method(self, $value: $from) -> Written {
            Ok($by)
        }
    )*};
}

/// Kinds of value that no record has.
macro_rules! refused {
    ($($method:ident($from:ty);)*) => {$(
        fn $method(self, _: $from) -> Written {
            Err(Unwritable)
        }
    )*};
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = Unwritable;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Impossible<Value, Unwritable>;
    type SerializeTupleVariant = Impossible<Value, Unwritable>;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    written! {
        serialize_bool(value: bool) Value::Bool(value);
        serialize_i8(value: i8) number(i64::from(value).to_string());
        serialize_i16(value: i16) number(i64::from(value).to_string());
        serialize_i32(value: i32) number(i64::from(value).to_string());
        serialize_i64(value: i64) number(value.to_string());
        serialize_u8(value: u8) number(u64::from(value).to_string());
        serialize_u16(value: u16) number(u64::from(value).to_string());
        serialize_u32(value: u32) number(u64::from(value).to_string());
        serialize_u64(value: u64) number(value.to_string());
        serialize_char(value: char) Value::String(String::from(value));
        serialize_str(value: &str) Value::String(value.to_owned());
    }

    refused! {
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_bytes(&[u8]);
    }

    fn serialize_none(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Written {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Written {
        let mut members = Members::default();
        members.put(name, value.serialize(Writer)?);
        members.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items, Unwritable> {
        Ok(Items(Vec::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items, Unwritable> {
        Ok(Items(Vec::new()))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unwritable> {
        Err(Unwritable)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        Err(Unwritable)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members, Unwritable> {
        Ok(Members::default())
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members, Unwritable> {
        Ok(Members {
            is_number: name == NUMBER,
            ..Members::default()
        })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Members, Unwritable> {
        Ok(Members {
            variant: Some(name),
            ..Members::default()
        })
    }
}

/// The name under which serde_json hands the text of a number to itself.
const NUMBER: &str = "$serde_json::private::Number";

pub struct Items(Vec<Value>);

impl SerializeSeq for Items {
    type Ok = Value;
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.0.push(value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Written {
        Ok(Value::Array(self.0))
    }
}

impl SerializeTuple for Items {
    type Ok = Value;
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Written {
        SerializeSeq::end(self)
    }
}

#[derive(Default)]
pub struct Members {
    members: Map<String, Value>,
    /// The name whose value comes next.
    name: String,
    is_number: bool,
    variant: Option<&'static str>,
}

impl Members {
    #[inline(never)]
    fn put(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    fn close(self) -> Written {
        if self.is_number {
            let text = self.members.into_iter().next();
            let text = text.and_then(|(_, text)| text.as_str().map(str::to_owned));
            return text.map(number).ok_or(Unwritable);
        }
        let value = Value::Object(self.members);
        let Some(name) = self.variant else {
            return Ok(value);
        };
        let mut outer = Members::default();
        outer.put(name, value);
        Ok(Value::Object(outer.members))
    }
}

impl SerializeMap for Members {
    type Ok = Value;
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Unwritable> {
        match name.serialize(Writer)? {
            Value::String(name) => self.name = name,
            _ => return Err(Unwritable),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let name = std::mem::take(&mut self.name);
        self.put(&name, value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl SerializeStruct for Members {
    type Ok = Value;
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.put(name, value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl SerializeStructVariant for Members {
    type Ok = Value;
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        SerializeStruct::serialize_field(self, name, value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use serde_json::json as theirs;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    enum Kind {
        Plain,
        Holding(i8),
        Named { at: u16 },
    }

    #[derive(Serialize)]
    struct Wrapped(i64);

    #[derive(Serialize)]
    struct Everything<'a> {
        text: &'a str,
        letter: char,
        small: u8,
        signed: i64,
        large: u64,
        yes: bool,
        nothing: Option<u32>,
        something: Option<Wrapped>,
        unit: (),
        pair: (i32, &'a str),
        list: Vec<Option<i32>>,
        map: BTreeMap<String, u32>,
        kinds: Vec<Kind>,
        any: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<u8>,
    }

    #[test]
    fn values_are_as_serde_json_writes_them() {
        let everything = Everything {
            text: "\u{e4}\"",
            letter: 'x',
            small: 255,
            signed: i64::MIN,
            large: u64::MAX,
            yes: true,
            nothing: None,
            something: Some(Wrapped(-5)),
            unit: (),
            pair: (1, "b"),
            list: vec![Some(1), None],
            map: BTreeMap::from([("a".into(), 1)]),
            kinds: vec![Kind::Plain, Kind::Holding(-7), Kind::Named { at: 5 }],
            any: theirs!({"deep": [1, -1, 0.5, "x", null, true, {}]}),
            absent: None,
        };
        let ours = of(&everything);
        let theirs = serde_json::to_value(&everything).unwrap();
        assert_eq!(ours, theirs);
        assert_eq!(ours.to_string(), theirs.to_string());
    }

    #[test]
    fn literals_are_as_serde_json_writes_them() {
        let (key, text, list) = ("a", "b".to_owned(), vec![1, 2]);
        let ours = crate::json!({"a": null, "b": [], "c": {}, "d": [null, [1], {"e": text}, -1],
            "f": list.len() + 1, "h": true, key: "key",});
        let expected = theirs!({"a": null, "b": [], "c": {}, "d": [null, [1], {"e": text}, -1],
            "f": list.len() + 1, "h": true, "a": "key"});
        assert_eq!(ours, expected);
        assert_eq!(crate::json!([1, "x", list]), theirs!([1, "x", list]));
    }

    #[test]
    fn what_has_no_json_value_is_null() {
        assert_eq!(of(&0.5f64), Value::Null);
        assert_eq!(of(&BTreeMap::from([(1u8, 2u8)])), Value::Null);
    }
}
