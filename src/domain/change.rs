//! Changes of the catalogue, one entry at a time: one officer proposes, another approves.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Body, BodyId, Catalogue, Client, ClientId, Custodian, Purpose, PurposeId, Version};

/// The sections whose every entry is approved before it comes into force.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// Public bodies.
    Body,
    /// Purposes.
    Purpose,
    /// Clients.
    Client,
}

impl Section {
    /// Its name in the log, in the rules and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Purpose => "purpose",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One entry of the catalogue as it is to stand, under its name.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// A body.
    Body(BodyId, Box<Body>),
    /// A purpose.
    Purpose(PurposeId, Box<Purpose>),
    /// A client.
    Client(ClientId, Box<Client>),
}

impl Change {
    /// The section.
    pub const fn section(&self) -> Section {
        match self {
            Self::Body(..) => Section::Body,
            Self::Purpose(..) => Section::Purpose,
            Self::Client(..) => Section::Client,
        }
    }

    /// The entry's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Body(id, _) => id.as_str(),
            Self::Purpose(id, _) => id.as_str(),
            Self::Client(id, _) => id.as_str(),
        }
    }

    /// The purpose, where it is one.
    pub fn purpose(&self) -> Option<(&PurposeId, &Purpose)> {
        match self {
            Self::Purpose(id, purpose) => Some((id, purpose)),
            Self::Body(..) | Self::Client(..) => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.section(), self.name())
    }
}

impl Catalogue {
    /// Its bodies, purposes and clients, each as a change.
    pub fn entries(&self) -> impl Iterator<Item = Change> {
        let bodies = self.bodies.iter().map(|(id, body)| Change::Body(id.clone(), Box::new(body.clone())));
        let purposes = self.purposes.iter().map(|(id, it)| Change::Purpose(id.clone(), Box::new(it.clone())));
        let clients = self.clients.iter().map(|(id, it)| Change::Client(id.clone(), Box::new(it.clone())));
        bodies.chain(purposes).chain(clients)
    }

    /// Its entries that are new, or are not what they were in `before`.
    pub fn changes_since(&self, before: &Self) -> Vec<Change> {
        let stood = |change: &Change| match change {
            Change::Body(id, body) => before.bodies.get(id) == Some(body),
            Change::Purpose(id, purpose) => before.purposes.get(id) == Some(purpose),
            Change::Client(id, client) => before.clients.get(id) == Some(client),
        };
        self.entries().filter(|change| !stood(change)).collect()
    }
}

/// An officer approves a change that was proposed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Approval {
    /// The change.
    pub change: Change,
    /// Index of the entry that proposes it.
    pub proposal: u64,
}

/// What the broker knows when an officer approves.
#[derive(Clone, Debug)]
pub struct ApprovalFacts {
    /// Who proposed it.
    pub proposer: NamedOfficer,
    /// Version of what is in force.
    pub epoch: Version,
    /// Who runs the broker.
    pub custodian: Custodian,
}

/// An officer who proposed or approved a change, as the log names them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NamedOfficer {
    /// Name.
    pub name: String,
    /// RFC 7638 thumbprint of the key that signed.
    pub key: String,
}
