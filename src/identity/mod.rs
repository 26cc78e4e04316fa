//! Who is speaking: values that only a proof of identity yields.
//!
//! Not here: what they may do (`policy`), what is known of a subject on file (`store`).
//! INVARIANT: holding one of these values is the evidence; their fields are private and they are minted here alone.

mod access_token;
mod assertion;
mod dpop;
pub mod login;
mod officer;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

pub use self::access_token::{AccessClaims, AccessTokens, Confirmation, Granted, LONGEST_LIFE};
pub use self::assertion::{ASSERTION_TYPE, jwk, key_set};
pub use self::dpop::ProvenRequest;
pub use self::officer::signed_by;
pub use self::session::{Acting, Attested, SESSION_LIFE, Session};
use crate::clock::{Clock, Moment};
use crate::crypto::Secret;
use crate::domain::{BodyId, ClientId, Giver, Identified, SubjectId};
use crate::ephemeral::{Ephemeral, Lost, Space};

/// Why a caller is not taken for who it says it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotAuthenticated {
    /// The client's assertion is not good.
    #[error("the client is not authenticated")]
    Client,
    /// The DPoP proof is not good.
    #[error("the DPoP proof is not good")]
    Proof,
    /// The proof needs a nonce of ours, or a newer one.
    #[error("the DPoP proof needs the nonce that comes with this answer")]
    Nonce,
    /// The access token is not good.
    #[error("the access token is not good")]
    Token,
    /// The replay guard does not answer, or forgot.
    #[error("the replay guard does not answer")]
    Guard(Lost),
}

/// Checks proofs of identity. Each proof passes once.
pub struct Gate {
    issuer: String,
    ephemeral: Arc<Ephemeral>,
    clock: Arc<dyn Clock>,
    nonce_key: Secret<32>,
    tokens: AccessTokens,
    epoch: AtomicU64,
    since: AtomicI64,
}

impl Gate {
    /// A gate of the broker at `issuer`.
    pub fn new(
        issuer: String,
        ephemeral: Arc<Ephemeral>,
        clock: Arc<dyn Clock>,
        nonce_key: Secret<32>,
        tokens: AccessTokens,
    ) -> Self {
        Self { issuer, ephemeral, clock, nonce_key, tokens, epoch: AtomicU64::new(0), since: AtomicI64::new(i64::MAX) }
    }

    /// The replay guard knows everything since this epoch began: what is older is void.
    pub fn guard_from(&self, epoch: u64, since: Moment) {
        self.since.store(since.unix(), Ordering::SeqCst);
        self.epoch.store(epoch, Ordering::SeqCst);
    }

    /// The replay guard's epoch.
    pub fn guard_epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// The keys that sign access tokens, and the signing.
    pub const fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }

    fn guarded_since(&self) -> i64 {
        self.since.load(Ordering::SeqCst)
    }

    async fn once(&self, space: Space, name: &[u8], lives: u32) -> Result<bool, NotAuthenticated> {
        self.ephemeral.once(self.guard_epoch(), space, name, lives).await.map_err(NotAuthenticated::Guard)
    }
}

/// Whether a proof's `jti` can be remembered: something, and not longer than the replay guard should keep.
const fn is_jti(jti: &str) -> bool {
    const LONGEST: usize = 256;
    !jti.is_empty() && jti.len() <= LONGEST
}

/// A client that proved its key, and the body it acts for.
#[derive(Clone, Debug)]
pub struct AuthenticatedBody {
    client: ClientId,
    body: BodyId,
    token: Option<Arc<AccessClaims>>,
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

    /// Thumbprint of the DPoP key that it proved with its access token, if it came with one.
    pub fn recipient_key(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.cnf.jkt.as_str())
    }

    /// The claims of the access token that it came with.
    pub fn token(&self) -> Option<&AccessClaims> {
        self.token.as_deref()
    }

    fn with_token(body: BodyId, token: Arc<AccessClaims>) -> Self {
        Self { client: token.client_id.clone(), body, token: Some(token) }
    }

    /// A client that proved nothing, for tests.
    #[cfg(test)]
    pub(crate) fn for_tests(client: ClientId, body: BodyId) -> Self {
        Self { client, body, token: None }
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

/// An officer who signed in, or signed an act. Whether they hold a delegation is for `policy` to say.
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
