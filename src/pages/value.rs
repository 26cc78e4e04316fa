//! A value of an attribute, as persons read it.

use crate::clock::Day;

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
