//! On what a release rests (*fondement juridique*): one of a closed list (ss. 59, 67, 67.2, 68; G-1.03, s. 12.14).
//!
//! Not here: whether it holds (`policy`). Repealed numbers and s. 65.0.2 do not exist; what is released in an emergency,
//! or by an officer on paper, happens outside and has no name here.

use serde::{Deserialize, Serialize};

use super::{AgreementId, ContractId, OrderId, ProvisionId};

/// The basis on which a body gets what a purpose needs, as the catalogue states it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "on", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Basis {
    /// The will of the subject: a person's consent (s. 53.1), an enterprise's authorisation (s. 23).
    Consent {},
    /// An agreement between two bodies, after an assessment (s. 68).
    Agreement {
        /// The agreement.
        agreement: AgreementId,
    },
    /// What an Act needs to be applied (s. 67).
    Act {
        /// The provision of that Act.
        provision: ProvisionId,
    },
    /// What a mandate or contract needs to be carried out (s. 67.2).
    Contract {
        /// The contract.
        contract: ContractId,
    },
    /// Mobility under an order (G-1.03, s. 12.14).
    Mobility {
        /// The order.
        order: OrderId,
        /// Which of the purposes of s. 12.10(2).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        letter: Option<MobilityLetter>,
        /// The government digital data manager's authorisation (s. 12.12).
        authorisation: String,
    },
}

/// Why a word that was once a basis, or is one only on paper, is none here; for who writes it into a catalogue.
pub fn no_basis_of_ours(word: &str) -> Option<&'static str> {
    Some(match word {
        "59(5)" | "59(6)" | "59(7)" | "68.1" | "70" => "repealed: an agreement under s. 68 takes its place",
        "65.0.2" => "no basis of a release: s. 53.1, 67 or 68 may be one",
        "59(1)" | "59(2)" | "59(3)" | "59(4)" | "59(9)" | "59.1" | "60" | "61" | "66" | "67.1" | "67.2.1" | "68(2)" => {
            "an officer releases under it, outside the broker"
        }
        _ => return None,
    })
}

/// The administrative and public service purposes of G-1.03, s. 12.10(2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MobilityLetter {
    /// Services to citizens and enterprises.
    A,
    /// Missions of the State.
    B,
    /// A mandate under an Act, or an initiative of the whole government.
    C,
    /// Resources, programs and services.
    D,
    /// Information for a decision of a minister or of the Government.
    E,
    /// Eligibility for a program or measure.
    F,
    /// Research and development.
    G,
}

impl MobilityLetter {
    /// The letter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::D => "d",
            Self::E => "e",
            Self::F => "f",
            Self::G => "g",
        }
    }
}

impl Basis {
    /// Whether it is the will of the subject, who is then asked.
    pub const fn is_by_will(&self) -> bool {
        matches!(self, Self::Consent {})
    }

    /// Whether the register of s. 67.3 keeps a row of each release on it.
    pub const fn in_register(&self) -> bool {
        matches!(self, Self::Agreement { .. } | Self::Act { .. } | Self::Contract { .. })
    }

    /// The basis in one word, as acts and tokens name it. A will has another word for each kind of subject.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Consent {} => "consent",
            Self::Agreement { .. } => "agreement",
            Self::Act { .. } => "act",
            Self::Contract { .. } => "contract",
            Self::Mobility { .. } => "mobility",
        }
    }

    /// The name of the instrument that it rests on; none of a will.
    pub fn instrument(&self) -> Option<&str> {
        match self {
            Self::Consent {} => None,
            Self::Agreement { agreement } => Some(agreement.as_str()),
            Self::Act { provision } => Some(provision.as_str()),
            Self::Contract { contract } => Some(contract.as_str()),
            Self::Mobility { order, .. } => Some(order.as_str()),
        }
    }
}
