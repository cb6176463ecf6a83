//! JSON values with their objects in order, and what a property may be.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::{Fault, Parsed};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    /// A number that is no integer. Nothing in the metadata may be one, but for attributes.
    Real,
    Text(String),
    Array(Vec<Json>),
    Object(Object),
}

/// A JSON object. Each key is there once.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Object(pub(super) Vec<(String, Json)>);

impl Json {
    /// A word for what it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Integer(_) => "an integer",
            Json::Real => "a number that is no integer",
            Json::Text(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    fn expected<T>(&self, wanted: &str) -> Parsed<T> {
        Err(Fault::new(format!("expected {wanted}, found {}", self.kind())))
    }

    pub(super) fn object(&self) -> Parsed<&Object> {
        match self {
            Json::Object(object) => Ok(object),
            other => other.expected("an object"),
        }
    }

    pub(super) fn array(&self) -> Parsed<&[Json]> {
        match self {
            Json::Array(array) => Ok(array),
            other => other.expected("an array"),
        }
    }

    pub(super) fn text(&self) -> Parsed<&str> {
        match self {
            Json::Text(text) => Ok(text),
            other => other.expected("a string"),
        }
    }

    pub(super) fn integer<T: TryFrom<i128>>(&self) -> Parsed<T> {
        match self {
            Json::Integer(value) => {
                T::try_from(*value).map_err(|_| Fault::new(format!("{value} is out of range")))
            }
            other => other.expected("an integer"),
        }
    }
}

impl Object {
    /// The value of a property, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        self.0.iter().find(|(other, _)| other == key).map(|(_, value)| value)
    }

    /// What `read` makes of a property, if it is there.
    pub(super) fn optional<'j, T>(
        &'j self,
        key: &str,
        read: impl FnOnce(&'j Json) -> Parsed<T>,
    ) -> Parsed<Option<T>> {
        self.get(key).map(read).transpose().map_err(|fault| fault.under(key))
    }

    /// What `read` makes of a property that has to be there.
    pub(super) fn required<'j, T>(
        &'j self,
        key: &str,
        read: impl FnOnce(&'j Json) -> Parsed<T>,
    ) -> Parsed<T> {
        self.optional(key, read)?.ok_or_else(|| Fault::new(format!("lacks its property `{key}`")))
    }

    pub(super) fn optional_text(&self, key: &str) -> Parsed<Option<String>> {
        self.optional(key, |value| value.text().map(str::to_owned))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Real)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = access.next_element()? {
            array.push(value);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        let mut keys = std::collections::HashSet::new();
        while let Some((key, value)) = access.next_entry::<String, Json>()? {
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format!("the property `{key}` is there twice")));
            }
            object.push((key, value));
        }
        Ok(Json::Object(Object(object)))
    }
}
