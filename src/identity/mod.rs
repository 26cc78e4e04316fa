//! Who is speaking: values that only a proof of identity yields.
//!
//! Not here: what they may do (`policy`), what is known of a subject on file (`store`).
//! INVARIANT: holding one of these values is the evidence; their fields are private and they are minted here alone.

use crate::clock::Moment;
use crate::domain::{BodyId, ClientId, Giver, Identified, SubjectId};

/// A client that proved its key, and the body it acts for.
#[derive(Clone, Debug)]
pub struct AuthenticatedBody {
    client: ClientId,
    body: BodyId,
    recipient_key: Option<String>,
}

impl AuthenticatedBody {
    /// The client.
    pub const fn client(&self) -> &ClientId {
        &self.client
    }

    /// The body for which it is registered.
    pub const fn body(&self) -> &BodyId {
        &self.body
    }

    /// Thumbprint of the DPoP key that it proved, if it proved one.
    pub fn recipient_key(&self) -> Option<&str> {
        self.recipient_key.as_deref()
    }

    /// A client that proved nothing, for tests.
    #[cfg(test)]
    pub(crate) const fn for_tests(client: ClientId, body: BodyId, recipient_key: Option<String>) -> Self {
        Self { client, body, recipient_key }
    }
}

/// A person who signed in, and the subject for whom they act.
#[derive(Clone)]
pub struct AuthenticatedPerson {
    subject: SubjectId,
    who: Identified,
    giver: Giver,
    issuer: String,
    at: Moment,
    express: bool,
}

impl AuthenticatedPerson {
    /// The subject acted for.
    pub const fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// What the identity service said of the subject.
    pub const fn who(&self) -> &Identified {
        &self.who
    }

    /// Who acts.
    pub const fn giver(&self) -> &Giver {
        &self.giver
    }

    /// The identity service.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// When they signed in.
    pub const fn at(&self) -> Moment {
        self.at
    }

    /// Whether they signed in as strongly as an express consent asks for.
    pub const fn express(&self) -> bool {
        self.express
    }

    /// A person who proved nothing, for tests.
    #[cfg(test)]
    pub(crate) fn for_tests(subject: SubjectId, who: Identified, giver: Giver, at: Moment, express: bool) -> Self {
        Self { subject, who, giver, issuer: "https://identite.example".to_owned(), at, express }
    }
}

/// An officer who signed in. Whether they hold a delegation is for `policy` to say.
#[derive(Clone)]
pub struct AuthenticatedOfficer {
    issuer: String,
    sub: String,
    name: String,
}

impl AuthenticatedOfficer {
    /// The identity service.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The officer's identifier there.
    pub fn sub(&self) -> &str {
        &self.sub
    }

    /// The officer's name, as shown in the log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An officer who proved nothing, for tests.
    #[cfg(test)]
    pub(crate) fn for_tests(issuer: &str, sub: &str) -> Self {
        Self { issuer: issuer.to_owned(), sub: sub.to_owned(), name: "Odile Brossard".to_owned() }
    }
}
