//! JSON read strictly, and written canonically.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};

use super::JoseError;

/// The canonical JSON (RFC 8785) of a value, in UTF-8: what is hashed, committed to and compared.
///
/// Numbers should be integers within ±2^53, which every reader writes alike.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, JoseError> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| JoseError::Json)
}

/// Reads an object in which, at any depth, no object has the same member twice.
///
/// Looking at every member first costs a second pass: serde's structs refuse only the duplicates that they know, and
/// maps keep the last one, so two readers of one text could disagree.
pub fn object<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, JoseError> {
    // Without this, serde would fill a struct from an array, by position.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(JoseError::Json);
    }
    unique(text)?;
    serde_json::from_slice(text).map_err(|_| JoseError::Json)
}

/// Refuses JSON in which, at any depth, an object has the same member twice.
pub fn unique(text: &[u8]) -> Result<(), JoseError> {
    serde_json::from_slice::<Unique>(text)
        .map(|_| ())
        .map_err(|error| if error.is_data() { JoseError::DuplicateMember } else { JoseError::Json })
}

/// Whether a member is there, whatever its value, null included.
#[derive(Default)]
pub(super) struct Present(pub(super) bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// Any JSON without a duplicate member; nothing is kept of it.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, Self)) = map.next_entry::<Name, Self>()? {
            if !names.insert(name.0) {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

/// A member's name, unescaped; borrowed where it holds no escape.
#[derive(DeriveDeserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn duplicates_are_refused_at_any_depth_and_under_any_spelling() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"a":[{"b":{"c":1,"d":null,"c":true}}]}"#] {
            assert_eq!(object::<Value>(text.as_bytes()), Err(JoseError::DuplicateMember), "{text}");
        }
        let text = r#" {"a":[1,-1,1.5,true,null,"s",{"a":{"a":{}}}],"b":{}} "#;
        assert!(object::<Value>(text.as_bytes()).is_ok());
    }

    #[test]
    fn only_whole_objects_are_read() {
        for text in ["", "[]", r#"["a"]"#, "1", "null", r#"{"a":1}x"#, r#"{"a":"#, "\u{feff}{}"] {
            assert_eq!(object::<Value>(text.as_bytes()), Err(JoseError::Json), "{text}");
        }
        assert_eq!(object::<Value>(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}']), Err(JoseError::Json));
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(500), "]".repeat(500));
        assert_eq!(object::<Value>(deep.as_bytes()), Err(JoseError::Json));
    }

    #[test]
    fn canonical_json_is_sorted_and_bare() {
        let value = json!({"b": 1, "a": {"é": "\u{20ac}", "A": [true, null]}});
        assert_eq!(canonical(&value).unwrap(), r#"{"a":{"A":[true,null],"é":"€"},"b":1}"#.as_bytes());
    }
}
