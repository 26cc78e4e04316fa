//! OAuth clients of bodies, and the role of each.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{PublicJwk, Text};
use crate::domain::{BodyId, IdentifierType, InstrumentId, KindId, PurposeId};

/// An OAuth client of a body. An organisation that is both a portal and an agency has two clients.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The body it acts for.
    pub body: BodyId,
    /// What it is called on pages.
    pub name: Text,
    /// What it may do.
    pub role: Role,
    /// Where a person may be sent back to; compared exactly. A source sends nobody.
    #[serde(default)]
    pub redirect_uris: BTreeSet<String>,
    /// Its signing keys.
    #[serde(default)]
    pub keys: Vec<PublicJwk>,
}

/// What a client is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "UPPERCASE", deny_unknown_fields)]
pub enum Role {
    /// Asks for data tokens, for these purposes.
    Agency {
        /// The purposes it is registered for.
        purposes: BTreeSet<PurposeId>,
    },
    /// Attests what its body holds, so that others need not ask.
    Source {
        /// The kinds it is registered for.
        kinds: BTreeSet<KindId>,
        /// How it may name those of whom it speaks.
        identifiers: BTreeSet<IdentifierType>,
    },
    /// A portal (*portail partenaire*) that sends persons and gets them back, nothing else.
    Relay {},
    /// A portal that may check what is on file and submit drafts.
    Collector {
        /// The s. 64 agreement or s. 67.2 contract that lets it collect.
        instrument: InstrumentId,
        /// Kinds that its form asks about: on file, yes or no.
        checks: BTreeSet<KindId>,
        /// Kinds that it may draft.
        drafts: BTreeSet<KindId>,
    },
}
