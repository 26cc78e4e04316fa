//! The catalogue: which bodies, kinds, purposes, instruments, clients and delegations there are. Data that
//! administrators sign; texts that persons read come from here and from nowhere else.
//!
//! One file per section.

mod agreements;
mod assessments;
mod bodies;
mod clients;
mod instruments;
mod kinds;
mod offices;
mod outside;
mod purposes;
mod substitutions;
mod texts;
mod widened;

pub use agreements::*;
pub use assessments::*;
pub use bodies::*;
pub use clients::*;
pub use instruments::*;
pub use kinds::*;
pub use offices::*;
pub use outside::*;
pub use purposes::*;
pub use substitutions::*;
pub use texts::*;
pub use widened::*;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    AgreementId, AttributeId, Basis, BodyId, ClientId, ContractId, FunctionId, HoldId, HostId, InstrumentId, KindId,
    OrderId, OutsideId, ProvisionId, PurposeId, SubjectKind,
};
use crate::clock::Day;

/// The whole catalogue.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalogue {
    /// Fictional data: `serve` refuses it.
    pub demo: bool,
    /// Public bodies.
    pub bodies: BTreeMap<BodyId, Body>,
    /// Functions that bodies exercise.
    pub functions: BTreeMap<FunctionId, Text>,
    /// Which bodies take the place of others, each for one function.
    pub substitutions: Vec<Substitution>,
    /// Functions of bodies that are gone, which no instrument gives to another one.
    pub unmapped: Vec<Unmapped>,
    /// Record kinds.
    pub kinds: BTreeMap<KindId, RecordKind>,
    /// Purposes.
    pub purposes: BTreeMap<PurposeId, Purpose>,
    /// Written instruments.
    pub instruments: BTreeMap<InstrumentId, Instrument>,
    /// Agreements between bodies.
    pub agreements: BTreeMap<AgreementId, Agreement>,
    /// Provisions of Acts that need information to be applied.
    pub provisions: BTreeMap<ProvisionId, Provision>,
    /// Mandates and contracts.
    pub contracts: BTreeMap<ContractId, Contract>,
    /// Orders of the Government.
    pub orders: BTreeMap<OrderId, Order>,
    /// Who keeps or handles information on the custodian's behalf.
    pub hosts: BTreeMap<HostId, Host>,
    /// Files on information that leaves Québec.
    pub outside: BTreeMap<OutsideId, OutsideFile>,
    /// Numbers that the law leaves to be counted.
    pub law: Law,
    /// Clients.
    pub clients: BTreeMap<ClientId, Client>,
    /// What may not be destroyed for now.
    pub holds: BTreeMap<HoldId, Hold>,
    /// Officers, by delegation.
    pub delegations: Vec<Delegation>,
}

/// Numbers of the law that counsel may have to correct: signed with the bundle, like the rules.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Law {
    /// Calendar days from the Commission's receipt of an agreement to its coming into force (ss. 64 and 68).
    pub cai_wait_days: u16,
}

impl Default for Law {
    fn default() -> Self {
        Self { cai_wait_days: 30 }
    }
}

/// A legal hold: nothing of these kinds is destroyed while it lasts, whatever its date.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The kinds.
    pub kinds: BTreeSet<KindId>,
    /// The writing that orders it.
    pub document: String,
    /// First day.
    pub from: Day,
    /// First day on which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
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

    /// Whether the attribute is sensitive for the purpose: of itself, or by the context (s. 59). An unknown one is.
    pub fn sensitive_for(&self, id: &AttributeId, purpose: &PurposeId) -> bool {
        let by_context = self.purposes.get(purpose).is_some_and(|found| found.sensitive.contains(id));
        by_context || self.attribute(id).is_none_or(|attribute| attribute.sensitive)
    }

    /// Whether the attribute tells something of persons; one of an enterprise's kind does not, an unknown one does.
    pub fn personal(&self, id: &AttributeId) -> bool {
        self.kinds.get(&id.kind()).is_none_or(|kind| kind.subject == SubjectKind::Person)
    }

    /// Whether the attribute speaks of another person than the subject.
    pub fn speaks_of_another(&self, id: &AttributeId) -> bool {
        self.kinds.get(&id.kind()).is_some_and(|kind| kind.speaks_of_others.contains(id.member()))
    }

    /// Whether `body` exists on `day`.
    pub fn exists(&self, body: &BodyId, day: Day) -> bool {
        self.bodies.get(body).is_some_and(|found| in_force(found.from, found.until, day))
    }

    /// The agreement that an instrument under s. 64 is.
    pub fn agreement_of(&self, instrument: &InstrumentId) -> Option<&Agreement> {
        self.agreements.get(self.instruments.get(instrument)?.agreement.as_ref()?)
    }

    /// Whether `instrument` binds `body` on `day`.
    pub fn binds(&self, instrument: &InstrumentId, body: &BodyId, day: Day) -> bool {
        self.instruments
            .get(instrument)
            .is_some_and(|found| found.bodies.contains(body) && in_force(found.from, found.until, day))
    }

    /// Whether a hold keeps records of the kind from destruction on `day`.
    pub fn held(&self, kind: &KindId, day: Day) -> bool {
        self.holds.values().any(|hold| hold.kinds.contains(kind) && in_force(hold.from, hold.until, day))
    }

    /// The delegation in force on `day` of the officer that `issuer` knows as `sub`.
    pub fn delegation(&self, issuer: &str, sub: &str, day: Day) -> Option<&Delegation> {
        self.delegations
            .iter()
            .find(|found| found.issuer == issuer && found.sub == sub && in_force(found.from, found.until, day))
    }

    /// The basis on which `body` gets what `purpose` needs on `day`: the first in force of those listed for it, else the
    /// first listed; the will of the subject where none is. None for who is no recipient.
    pub fn basis(&self, purpose: &PurposeId, body: &BodyId, day: Day) -> Option<&Basis> {
        const WILL: Basis = Basis::Consent {};
        let found = self.purposes.get(purpose).filter(|found| found.recipients.contains(body))?;
        let theirs = || found.bases.iter().filter(|it| it.recipients.contains(body)).map(|it| &it.basis);
        Some(theirs().find(|it| self.basis_in_force(it, day)).or_else(|| theirs().next()).unwrap_or(&WILL))
    }

    /// Whether the instrument of a basis is in force on `day`, by its dates alone.
    fn basis_in_force(&self, basis: &Basis, day: Day) -> bool {
        match basis {
            Basis::Consent {} => true,
            Basis::Agreement { agreement } => {
                self.agreements.get(agreement).is_some_and(|found| found.in_force(self.law.cai_wait_days, day))
            }
            Basis::Act { provision } => self.provisions.contains_key(provision),
            Basis::Contract { contract } => {
                self.contracts.get(contract).is_some_and(|found| in_force(found.from, Some(found.until), day))
            }
            Basis::Mobility { order, .. } => {
                self.orders.get(order).is_some_and(|found| in_force(found.from, found.until, day))
            }
        }
    }

    /// Whether a file concludes, by `day`, that what goes to `abroad` is adequately protected (s. 70.1).
    pub fn assessed(&self, abroad: &Abroad, day: Day) -> bool {
        self.outside.values().any(|file| file.to == *abroad && file.adequate && file.on <= day)
    }

    /// The hosts outside Québec.
    pub fn hosts_outside(&self) -> impl Iterator<Item = (&HostId, &Host)> {
        self.hosts.iter().filter(|(_, host)| !host.place.is_quebec())
    }

    /// Whether every host outside Québec has its file.
    pub fn hosts_assessed(&self, day: Day) -> bool {
        self.hosts_outside().all(|(id, _)| self.assessed(&Abroad::Host(id.clone()), day))
    }
}
