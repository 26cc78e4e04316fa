//! A value of an attribute, as persons read it.

use crate::clock::Day;
use crate::i18n::Texts;

/// A value of an attribute. How it is said depends on the language of the page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// Text, as it is on file.
    Text(String),
    /// A number.
    Number(i64),
    /// An amount in cents of Canadian dollars.
    Cents(i64),
    /// A day.
    Day(Day),
    /// Yes or no.
    YesNo(bool),
}

impl Value {
    pub(super) fn said(&self, t: &'static Texts) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(n) => t.signed(*n),
            Self::Cents(cents) => t.dollars(*cents),
            Self::Day(day) => t.day(day),
            Self::YesNo(yes) => t.say(if *yes { "say.yes" } else { "say.no" }).to_string(),
        }
    }
}
