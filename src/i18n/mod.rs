//! What the pages say, in French and in English: texts by key, and dates, durations, numbers and citations in words.
//!
//! Not here: texts of the catalogue (`policies/`), which persons decide on, and what others wrote.
//! INVARIANT: both languages have the same keys with the same arguments, and none is unused (tested).

mod say;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use crate::domain::{Language, Text};

static FRENCH: LazyLock<Texts> = LazyLock::new(|| Texts::read(Language::Fr, include_str!("fr.toml")));
static ENGLISH: LazyLock<Texts> = LazyLock::new(|| Texts::read(Language::En, include_str!("en.toml")));

/// All texts of one language.
#[derive(Debug)]
pub struct Texts {
    language: Language,
    phrases: BTreeMap<String, String>,
}

impl Texts {
    /// The texts of `language`.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::Fr => &FRENCH,
            Language::En => &ENGLISH,
        }
    }

    /// The texts in `source`: tables of keys. A source that does not parse gives no texts; a test sees to it.
    fn read(language: Language, source: &str) -> Self {
        let tables: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(source).unwrap_or_default();
        let phrases = tables.into_iter().flat_map(|(table, texts)| {
            texts.into_iter().map(move |(key, text)| (format!("{table}.{key}"), say::typeset(language, &text)))
        });
        Self { language, phrases: phrases.collect() }
    }

    /// The language of these texts.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The text of `key`; the key itself where there is none.
    pub fn say(&'static self, key: &'static str) -> Phrase {
        Phrase { text: self.phrases.get(key).map_or(key, String::as_str), arguments: Vec::new() }
    }

    /// The text of `one` or `many`, as the language counts `n`; both know the number as `{n}`.
    pub fn count(&'static self, n: u64, one: &'static str, many: &'static str) -> Phrase {
        let singular = match self.language {
            Language::Fr => n < 2,
            Language::En => n == 1,
        };
        self.say(if singular { one } else { many }).with("n", self.number(&n))
    }

    /// A text of the catalogue.
    pub fn catalogue<'a>(&self, text: &'a Text) -> &'a str {
        text.in_language(self.language)
    }
}

/// A text, with what is to be put at its `{arguments}`.
#[derive(Clone, Debug)]
pub struct Phrase {
    text: &'static str,
    arguments: Vec<(&'static str, String)>,
}

impl Phrase {
    /// The phrase with `value` at `{name}`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.arguments.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Phrase {
    /// Reads the text once: what an argument contains is never read as an argument's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, tail)| Some((before, tail.split_once('}')?)))
        {
            f.write_str(before)?;
            match self.arguments.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => f.write_str(value)?,
                None => write!(f, "{{{name}}}")?,
            }
            rest = after;
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests;
