//! JSON objects made member by member. `json!` writes its code out at each member; a destination
//! would be twice as large in wasm.

use serde_json::{Map, Value};

/// An object in the making; absent values leave their member out.
#[derive(Default)]
pub struct Object(pub Map<String, Value>);

impl Object {
    pub fn new() -> Object {
        Object::default()
    }

    #[inline(never)]
    pub fn value(&mut self, name: &str, value: Value) -> &mut Object {
        if !value.is_null() {
            self.0.insert(name.to_owned(), value);
        }
        self
    }

    #[inline(never)]
    pub fn text(&mut self, name: &str, value: &str) -> &mut Object {
        self.value(name, Value::String(value.to_owned()))
    }

    pub fn maybe(&mut self, name: &str, value: Option<&str>) -> &mut Object {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    #[inline(never)]
    pub fn number(&mut self, name: &str, value: i64) -> &mut Object {
        self.value(name, value.into())
    }

    /// Adds an object, unless it is empty.
    #[inline(never)]
    pub fn object(&mut self, name: &str, value: Object) -> &mut Object {
        if !value.0.is_empty() {
            self.0.insert(name.to_owned(), Value::Object(value.0));
        }
        self
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn build(self) -> Value {
        Value::Object(self.0)
    }
}
