//! Names of things. Catalogue names are chosen by people and stable; identifiers of persons' things are random.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Text that does not have the form of the name that was expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct BadName(pub &'static str);

/// Longest catalogue name, in bytes.
const LONGEST_SLUG: usize = 64;
/// Characters of 16 random bytes in base64url.
const RANDOM_CHARS: usize = 22;

fn is_slug(text: &str, dots: bool) -> bool {
    text.len() <= LONGEST_SLUG
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (dots && c == '.'))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.to_owned())) } else { Err(BadName($what)) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// A public body (*organisme public*).
    BodyId, "body name", |text| is_slug(text, false);
    /// An OAuth client of a body: an agency's system or a portal.
    ClientId, "client_id", |text| is_slug(text, false);
    /// A purpose (*fin*).
    PurposeId, "purpose", |text| is_slug(text, false);
    /// A record kind (*catégorie*).
    KindId, "record kind", |text| is_slug(text, false);
    /// A written instrument: agreement, mandate contract, order.
    InstrumentId, "instrument", |text| is_slug(text, false);
    /// An agreement between bodies (*entente*, ss. 64 and 68).
    AgreementId, "agreement", |text| is_slug(text, false);
    /// A provision of an Act that needs information to be applied (s. 67).
    ProvisionId, "provision", |text| is_slug(text, false);
    /// A mandate or contract (s. 67.2).
    ContractId, "contract", |text| is_slug(text, false);
    /// An order of the Government (G-1.03, s. 12.14).
    OrderId, "order", |text| is_slug(text, false);
    /// Who keeps or handles information on the custodian's behalf.
    HostId, "host", |text| is_slug(text, false);
    /// A file on information that leaves Québec (s. 70.1).
    OutsideId, "outside file", |text| is_slug(text, false);
    /// A function of a body, which may go over to another (*attribution*).
    FunctionId, "function", |text| is_slug(text, false);
    /// A legal hold.
    HoldId, "hold", |text| is_slug(text, false);
    /// An attribute (*renseignement*), `kind.member`.
    AttributeId, "attribute", |text| is_slug(text, true) && text.split('.').filter(|part| !part.is_empty()).count() == 2 && text.matches('.').count() == 1;
}

impl AttributeId {
    /// The attribute `member` of `kind`.
    pub fn of(kind: &KindId, member: &str) -> Result<Self, BadName> {
        format!("{kind}.{member}").parse()
    }

    /// The kind's name, before the dot.
    pub fn kind(&self) -> KindId {
        KindId(self.0.split('.').next().unwrap_or_default().to_owned())
    }

    /// The member's name within the kind, after the dot.
    pub fn member(&self) -> &str {
        self.0.split('.').nth(1).unwrap_or_default()
    }
}

macro_rules! random_names {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier made of 16 random bytes.
            pub const fn new(random: [u8; 16]) -> Self {
                Self(random)
            }

            /// Its bytes, as stored.
            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(&encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                text.strip_prefix($prefix).and_then(decode).map(Self).ok_or(BadName(stringify!($name)))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

random_names! {
    /// A subject (*titulaire*): never leaves the broker; bodies see a [`Pseudonym`].
    SubjectId, "s_";
    /// A consent (*consentement*) or an enterprise's *autorisation*.
    ConsentId, "c_";
    /// A release (*communication*); also the data token's `jti`.
    ReleaseId, "r_";
    /// A grant: what one client may ask under one consent.
    GrantId, "g_";
    /// A portal's sealed draft that the person has not confirmed.
    DraftId, "d_";
    /// A notice in a subject's inbox (*avis*).
    NoticeId, "n_";
    /// One subject as one body sees it: random, pairwise, deleted on erasure.
    Pseudonym, "p_";
}

fn encode(bytes: [u8; 16]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Option<[u8; 16]> {
    use base64::Engine as _;
    if text.len() != RANDOM_CHARS {
        return None;
    }
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_strict() {
        assert!("aide-etudes".parse::<PurposeId>().is_ok());
        for bad in ["", "Aide", "-a", "a_b", "a.b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<PurposeId>().is_err(), "{bad}");
        }
        let attribute: AttributeId = "revenu.annuel".parse().unwrap();
        assert_eq!((attribute.kind().as_str(), attribute.member()), ("revenu", "annuel"));
        for bad in ["revenu", "revenu.", ".annuel", "a.b.c"] {
            assert!(bad.parse::<AttributeId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn random_names_round_trip() {
        let id = ConsentId::new([7; 16]);
        assert_eq!(id.to_string().parse::<ConsentId>(), Ok(id));
        assert!(id.to_string().parse::<ReleaseId>().is_err());
        assert!("c_".parse::<ConsentId>().is_err());
    }
}
