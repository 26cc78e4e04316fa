//! The catalogue: which bodies, kinds, purposes, instruments, clients and delegations there are. Data that
//! administrators sign; texts that persons read come from here and from nowhere else.
//!
//! One file per section.

mod assessments;
mod bodies;
mod clients;
mod instruments;
mod kinds;
mod offices;
mod purposes;
mod texts;

pub use assessments::*;
pub use bodies::*;
pub use clients::*;
pub use instruments::*;
pub use kinds::*;
pub use offices::*;
pub use purposes::*;
pub use texts::*;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AttributeId, BodyId, ClientId, InstrumentId, KindId, PurposeId};
use crate::clock::Day;

/// The whole catalogue.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalogue {
    /// Fictional data: `serve` refuses it.
    pub demo: bool,
    /// Public bodies.
    pub bodies: BTreeMap<BodyId, Body>,
    /// Record kinds.
    pub kinds: BTreeMap<KindId, RecordKind>,
    /// Purposes.
    pub purposes: BTreeMap<PurposeId, Purpose>,
    /// Written instruments.
    pub instruments: BTreeMap<InstrumentId, Instrument>,
    /// Clients.
    pub clients: BTreeMap<ClientId, Client>,
    /// Officers, by delegation.
    pub delegations: Vec<Delegation>,
}

/// Whether `day` lies in `[from, until)`.
pub fn in_force(from: Day, until: Option<Day>, day: Day) -> bool {
    from <= day && until.is_none_or(|end| day < end)
}

impl Catalogue {
    /// The attribute's entry in its kind.
    pub fn attribute(&self, id: &AttributeId) -> Option<&Attribute> {
        self.kinds.get(&id.kind())?.attributes.get(id.member())
    }

    /// Whether the attribute is sensitive; an unknown one is.
    pub fn sensitive(&self, id: &AttributeId) -> bool {
        self.attribute(id).is_none_or(|attribute| attribute.sensitive)
    }

    /// Whether `body` exists on `day`.
    pub fn exists(&self, body: &BodyId, day: Day) -> bool {
        self.bodies.get(body).is_some_and(|found| in_force(found.from, found.until, day))
    }

    /// Whether `instrument` binds `body` on `day`.
    pub fn binds(&self, instrument: &InstrumentId, body: &BodyId, day: Day) -> bool {
        self.instruments
            .get(instrument)
            .is_some_and(|found| found.bodies.contains(body) && in_force(found.from, found.until, day))
    }

    /// The delegation in force on `day` of the officer that `issuer` knows as `sub`.
    pub fn delegation(&self, issuer: &str, sub: &str, day: Day) -> Option<&Delegation> {
        self.delegations
            .iter()
            .find(|found| found.issuer == issuer && found.sub == sub && in_force(found.from, found.until, day))
    }
}
