//! Entries in the order in which the catalogue declares them, which is the order in which persons read them.
//!
//! INVARIANT: no name appears twice.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Entries by name, as few as one reads: they are looked up one after the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Declared<K, T>(Vec<(K, T)>);

impl<K, T> Default for Declared<K, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Eq, T> Declared<K, T> {
    /// The entry of that name.
    pub fn get<Q: Eq + ?Sized>(&self, name: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        self.iter().find(|(known, _)| (*known).borrow() == name).map(|(_, entry)| entry)
    }

    /// Whether there is an entry of that name.
    pub fn contains_key<Q: Eq + ?Sized>(&self, name: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(name).is_some()
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.0.iter().map(|(name, entry)| (name, entry))
    }

    /// The names.
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.0.iter().map(|(name, _)| name)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Serialize, T: Serialize> Serialize for Declared<K, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, entry)| (name, entry)))
    }
}

impl<'de, K: Deserialize<'de> + Eq, T: Deserialize<'de>> Deserialize<'de> for Declared<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, T>(PhantomData<(K, T)>);

        impl<'de, K: Deserialize<'de> + Eq, T: Deserialize<'de>> Visitor<'de> for Entries<K, T> {
            type Value = Declared<K, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut read = Declared::default();
                while let Some((name, entry)) = map.next_entry::<K, T>()? {
                    if read.contains_key(&name) {
                        return Err(A::Error::custom("a name appears twice"));
                    }
                    read.0.push((name, entry));
                }
                Ok(read)
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_one_written() {
        let read: Declared<String, u8> = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
        assert_eq!(read.keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!((read.get("a"), read.get("c")), (Some(&2), None));
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"b":1,"a":2}"#);
    }

    #[test]
    fn no_name_appears_twice() {
        assert!(serde_json::from_str::<Declared<String, u8>>(r#"{"a":1,"a":2}"#).is_err());
    }
}
