//! What a source attests, and for what a body draws on it: a call for tenders, above all.
//!
//! Not here: whether the source may (`policy`), how long a kind's records are valid (`catalogue`).
//! INVARIANT: an identifier never prints.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{BadName, KindId};
use crate::clock::{Day, Moment};

/// A source attests values of a subject. The values come beside it, and are checked against the kind's schema.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attestation {
    /// Their kind.
    pub kind: KindId,
    /// Of whom they speak.
    pub of: Identifier,
    /// The day on which the source issued them.
    pub issued: Day,
    /// The source's own reference.
    pub reference: Reference,
}

/// What kind of number or name stands for a subject.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentifierType {
    /// The *numéro d’entreprise du Québec*.
    Neq,
}

impl IdentifierType {
    /// The type as written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Neq => "neq",
        }
    }

    fn fits(self, value: &str) -> bool {
        const NEQ_DIGITS: usize = 10;
        match self {
            Self::Neq => value.len() == NEQ_DIGITS && value.bytes().all(|byte| byte.is_ascii_digit()),
        }
    }
}

/// A subject as other bodies name it too. Kept as a blind index alone, and in the person parts of entries.
#[derive(Clone, Eq, PartialEq)]
pub struct Identifier {
    of: IdentifierType,
    value: String,
}

impl Identifier {
    /// The identifier, if the value has the form of its type.
    pub fn new(of: IdentifierType, value: &str) -> Result<Self, BadName> {
        if of.fits(value) { Ok(Self { of, value: value.to_owned() }) } else { Err(BadName(of.as_str())) }
    }

    /// Its type.
    pub const fn of(&self) -> IdentifierType {
        self.of
    }

    /// Its value.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identifier").field("of", &self.of).finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            r#type: IdentifierType,
            value: String,
        }
        let Written { r#type, value } = Written::deserialize(deserializer)?;
        Self::new(r#type, &value).map_err(de::Error::custom)
    }
}

/// A body's own reference to a document or a call for tenders: short and plain, so that nothing else is told in it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Reference(String);

impl FromStr for Reference {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        const LONGEST: usize = 64;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -./_".contains(&byte);
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain) && text.trim() == text;
        if fits { Ok(Self(text.to_owned())) } else { Err(BadName("reference")) }
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// For what one release is asked, where its purpose wants that said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Occasion {
    /// Its number, as the asking body publishes it.
    pub reference: Reference,
    /// When it closes.
    pub at: Moment,
    /// What the contract is worth, in whole dollars, where that is known.
    pub amount: Option<u64>,
}

/// A record on file, as far as it is told before anything is unsealed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filed {
    /// Its kind.
    pub kind: KindId,
    /// When it was recorded.
    pub at: Moment,
    /// The day on which it was issued, where a body attested it.
    pub issued: Option<Day>,
    /// The last day on which it is valid, where it has one.
    pub valid_until: Option<Day>,
}

impl Filed {
    /// Whether it was issued before the occasion closed. An attestation names a day and no hour: one of the closing day
    /// counts if it was here by then.
    pub fn issued_before(&self, occasion: &Occasion) -> bool {
        let closing = occasion.at.day();
        self.issued.is_none_or(|issued| issued < closing || (issued == closing && self.at <= occasion.at))
    }

    /// Whether it was, or will be, valid on the day on which the occasion closes.
    pub fn valid_at(&self, occasion: &Occasion) -> bool {
        self.valid_until.is_none_or(|last| occasion.at.day() <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(at: &str) -> Occasion {
        Occasion { reference: "AO-2026-17".parse().unwrap(), at: at.parse().unwrap(), amount: None }
    }

    fn filed(issued: &str, valid_until: &str) -> Filed {
        let day = |text: &str| Some(text.parse().unwrap());
        let at = "2026-11-21T17:00:00Z".parse().unwrap();
        Filed { kind: "attestation".parse().unwrap(), at, issued: day(issued), valid_until: day(valid_until) }
    }

    #[test]
    fn an_identifier_has_the_form_of_its_type_and_never_prints() {
        let neq: Identifier = serde_json::from_str(r#"{"type":"neq","value":"1171234567"}"#).unwrap();
        assert_eq!((neq.of(), neq.expose()), (IdentifierType::Neq, "1171234567"));
        assert!(!format!("{neq:?}").contains("117"));
        for bad in ["117123456", "11712345678", "117123456a", "1171 34567", ""] {
            assert!(Identifier::new(IdentifierType::Neq, bad).is_err(), "{bad}");
        }
        for bad in [r#"{"type":"nas","value":"1171234567"}"#, r#"{"type":"neq","value":"1171234567","more":1}"#] {
            assert!(serde_json::from_str::<Identifier>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reference_is_short_and_plain() {
        assert!("AO 2026-17/b".parse::<Reference>().is_ok());
        for bad in ["", " AO", "AO\n", "é", "<b>", &"a".repeat(65)] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_attestation_of_the_closing_day_counts_if_it_was_here_by_the_hour() {
        let issued = |day| filed(day, "2027-02-28");
        assert!(issued("2026-11-21").issued_before(&closing("2026-11-21T17:00:00Z")));
        assert!(!issued("2026-11-21").issued_before(&closing("2026-11-21T16:59:59Z")));
        assert!(issued("2026-11-20").issued_before(&closing("2026-11-21T05:00:00Z")));
        assert!(!issued("2026-11-22").issued_before(&closing("2026-11-21T20:00:00Z")));
    }

    #[test]
    fn it_is_valid_to_the_end_of_its_last_local_day() {
        let on_file = filed("2026-11-02", "2027-02-28");
        assert!(on_file.valid_at(&closing("2027-03-01T04:59:59Z")));
        assert!(!on_file.valid_at(&closing("2027-03-01T05:00:00Z")));
    }
}
