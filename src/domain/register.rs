//! The register of s. 67.3, in words that outlive the catalogue: part A, a row for each release without consent; part B, a
//! row for each agreement on collection for another body.
//!
//! Not here: part C (nothing is used here for another purpose than its own), nor how the register is shown.
//! INVARIANT: a row names nobody. What an enterprise supplied is not personal information, and what an order of mobility
//! moves is outside the section: neither has a row.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Agreement, AttributeId, Basis, BodyId, Catalogue, PurposeId, Text, Under};

/// A row of part A, by the four columns of the section.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PartA {
    /// Nature or type of the information.
    pub nature: Vec<Text>,
    /// Who receives it.
    pub recipient: Text,
    /// For which purpose.
    pub purpose: Text,
    /// Whether it leaves Québec (s. 70.1).
    pub outside: bool,
    /// Why the release is justified.
    pub reason: Text,
}

impl PartA {
    /// The row of a release of `attributes` to `recipient`; none where the section asks for none, or where the catalogue
    /// does not know what is released.
    pub fn of<'a>(
        catalogue: &Catalogue,
        basis: &Basis,
        recipient: &BodyId,
        purpose: &PurposeId,
        attributes: impl IntoIterator<Item = &'a AttributeId>,
    ) -> Option<Self> {
        let reason = match basis {
            Basis::Consent {} | Basis::Mobility { .. } => return None,
            Basis::Agreement { agreement } => {
                let found = catalogue.agreements.get(agreement)?;
                under(&found.title, found.under.as_str())
            }
            Basis::Contract { contract } => under(&catalogue.contracts.get(contract)?.title, "67.2"),
            Basis::Act { provision } => {
                let cite = &catalogue.provisions.get(provision)?.cite;
                Text {
                    fr: format!("Application d’une loi (art. 67): {cite}"),
                    en: format!("Application of an Act (s. 67): {cite}"),
                }
            }
        };
        let body = catalogue.bodies.get(recipient)?;
        let labels = |id: &AttributeId| catalogue.attribute(id).map(|it| it.label.clone());
        Some(Self {
            nature: attributes.into_iter().collect::<BTreeSet<_>>().into_iter().map(labels).collect::<Option<_>>()?,
            recipient: body.name.clone(),
            purpose: catalogue.purposes.get(purpose)?.label.clone(),
            outside: body.outside_quebec(),
            reason,
        })
    }
}

/// A row of part B, by the columns of the section.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PartB {
    /// The body for which the information is collected.
    pub beneficiary: Text,
    /// The program or power for which it is necessary.
    pub powers: Vec<Text>,
    /// Nature of the service or of the common mission.
    pub service: Text,
    /// Nature or type of the information.
    pub nature: Vec<Text>,
    /// For which purposes.
    pub purposes: Vec<Text>,
    /// Categories of persons who have access to it, in both bodies.
    pub access: Text,
}

impl PartB {
    /// The row of an agreement under s. 64; none of another, nor of one that does not say what the columns ask.
    pub fn of(catalogue: &Catalogue, agreement: &Agreement) -> Option<Self> {
        if agreement.under != Under::Collection {
            return None;
        }
        let purposes = agreement.purposes.iter().map(|id| catalogue.purposes.get(id)).collect::<Option<Vec<_>>>()?;
        let labels = |id: &AttributeId| catalogue.attribute(id).map(|it| it.label.clone());
        Some(Self {
            beneficiary: catalogue.bodies.get(&agreement.receiving)?.name.clone(),
            powers: purposes.iter().flat_map(|purpose| purpose.powers.clone()).collect(),
            service: agreement.service.clone()?,
            nature: agreement.attributes.iter().map(labels).collect::<Option<_>>()?,
            purposes: purposes.iter().map(|purpose| purpose.label.clone()).collect(),
            access: agreement.access.clone()?,
        })
    }
}

fn under(title: &Text, section: &str) -> Text {
    Text { fr: format!("{} (art. {section})", title.fr), en: format!("{} (s. {section})", title.en) }
}
