//! The jobs: one file each, from what was asked to what is answered. No HTTP, no SQL, no rule of law.
//!
//! Each job goes down the same way: load the facts, let `policy` decide, let `ledger` enter what was decided, answer.
//! INVARIANT: what moved between facts and commit sends a job back to its facts, three times at most.

mod administration;
mod attest;
mod change;
mod consent;
mod due;
mod erase;
mod govern;
mod held;
mod inform;
mod rehearse;
mod release;
mod review;
mod safe;
mod status;
mod subject;
mod submit;
mod substitution;
mod withdraw;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use self::administration::Administration;
pub use self::attest::{Attested, Sent};
pub use self::change::{approval_text, proposal_text};
pub use self::consent::{Asked, Chosen, Given, Previewed, Request, Shown, Told, Unasked};
pub use self::govern::{Founding, GovernFault, activation_text, stop_text};
pub use self::inform::{Informed, Relying, Wish};
pub use self::rehearse::{AskedRehearsal, Compared, Progress};
pub use self::review::{EntryView, Page};
use self::safe::Safe;
pub use self::status::Recording;
pub use self::subject::NotActing;
pub use self::submit::{DraftView, OnFile, PortalSession};
pub use self::substitution::Reformed;
use crate::clock::{Clock, Day, Moment};
use crate::crypto::Unavailable;
use crate::domain::{Custodian, ReleaseId, Version};
use crate::ephemeral::{Ephemeral, Lost};
use crate::identity::Gate;
use crate::jose::JoseError;
use crate::ledger::{BlindIndex, EntryFault, Lane, Ledger, NotCommitted, NotEntered, NotReleased, Refused};
use crate::policy::{Denial, InForce};
use crate::store::{Fault, Precondition, Store, Vault, VaultFault, Write};

/// How often a job goes back to its facts before it gives up.
const TRIES: usize = 3;

/// What the broker works with.
pub struct Parts {
    /// The record.
    pub store: Arc<dyn Store>,
    /// Keys of subjects.
    pub vault: Arc<Vault>,
    /// The log.
    pub ledger: Arc<Ledger>,
    /// What may vanish.
    pub ephemeral: Arc<Ephemeral>,
    /// Proofs of identity.
    pub gate: Arc<Gate>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Blind indices.
    pub blind: Arc<BlindIndex>,
    /// Who runs it.
    pub custodian: Custodian,
    /// The broker's issuer.
    pub issuer: String,
}

/// The broker.
pub struct Broker {
    store: Arc<dyn Store>,
    safe: Safe,
    ledger: Arc<Ledger>,
    ephemeral: Arc<Ephemeral>,
    gate: Arc<Gate>,
    clock: Arc<dyn Clock>,
    blind: Arc<BlindIndex>,
    custodian: Custodian,
    issuer: String,
    in_force: RwLock<Arc<InForce>>,
    /// The bundle and the day for which agreements were last entered into their register.
    registered: Mutex<Option<(Version, Day)>>,
}

/// Why a job was not done: the one vocabulary, which `http` translates in one place.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The rules refuse; the refusal is an entry.
    #[error("the rules refuse")]
    Denied(Box<Denial>),
    /// What was released under this Idempotency-Key no longer holds.
    #[error("what was released before no longer holds")]
    Changed(ReleaseId),
    /// The Idempotency-Key was used for another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// There is no such thing, or it is not the asker's.
    #[error("there is no such thing")]
    Unknown,
    /// The values do not have the form of their kind.
    #[error("the values do not have the form of their kind")]
    BadValues,
    /// The request was answered before.
    #[error("it was answered before")]
    Answered,
    /// It is in another state than the asker thinks.
    #[error("it is not in a state that allows this")]
    State,
    /// It cannot be done now: the record, the log or the guard does not answer, or too much moved meanwhile.
    #[error("it cannot be done now: {0}")]
    NotNow(String),
}

/// One attempt at a job: refused for good, or sent back to its facts.
enum Setback {
    Moved,
    Refused(Refusal),
}

impl<T: Into<Refusal>> From<T> for Setback {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

macro_rules! not_now {
    ($($fault:ty),*) => {$(
        impl From<$fault> for Refusal {
            fn from(fault: $fault) -> Self {
                tracing::error!(%fault, "a job failed");
                Self::NotNow(fault.to_string())
            }
        }
    )*};
}

not_now!(Fault, VaultFault, EntryFault, NotEntered, JoseError, Unavailable, Lost);

impl From<NotReleased> for Refusal {
    fn from(fault: NotReleased) -> Self {
        match fault {
            NotReleased::Changed(release) => Self::Changed(release),
            NotReleased::UsesTaken(denial) => Self::Denied(denial),
            other => {
                tracing::error!(fault = %other, "a release failed");
                Self::NotNow(other.to_string())
            }
        }
    }
}

/// A commit whose preconditions moved sends the job back, but what is spent stays spent; anything else ends it.
fn moved(fault: NotEntered) -> Setback {
    match fault {
        NotEntered::Commit(NotCommitted::Moved(Precondition::Unspent(_))) => Refusal::Answered.into(),
        NotEntered::Commit(NotCommitted::Moved(_)) => Setback::Moved,
        other => Setback::Refused(other.into()),
    }
}

/// The version of a record made while the subject was at `version`: the subject's, once it moved with the record. An erasure moves the
/// subject too, so that no two records of a kind ever share a version, and a release of one is never delivered again
/// with the other.
const fn next_record(version: Version) -> Version {
    version + 1
}

impl Broker {
    /// A broker on a log that was begun: with the bundle that the head names.
    pub fn new(parts: Parts) -> Result<Self, GovernFault> {
        let in_force = govern::in_force(parts.store.as_ref())?;
        let Parts { store, vault, ledger, ephemeral, gate, clock, blind, custodian, issuer } = parts;
        let safe = Safe::new(Arc::clone(&store), vault);
        let in_force = RwLock::new(Arc::new(in_force));
        Ok(Self {
            store,
            safe,
            ledger,
            ephemeral,
            gate,
            clock,
            blind,
            custodian,
            issuer,
            in_force,
            registered: Mutex::default(),
        })
    }

    /// What is in force.
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The log.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What may vanish.
    pub fn ephemeral(&self) -> &Ephemeral {
        &self.ephemeral
    }

    /// Proofs of identity.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The broker's issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who runs the broker.
    pub const fn custodian(&self) -> &Custodian {
        &self.custodian
    }

    /// The moment it is.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Reads what is in force again, if the head names something else.
    fn refresh(&self) -> Result<(), Refusal> {
        if self.store.head()?.epoch != self.in_force().epoch() {
            let fresh = govern::in_force(self.store.as_ref()).map_err(|fault| Refusal::NotNow(fault.to_string()))?;
            *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        }
        Ok(())
    }

    /// The ephemeral engine forgot, or never knew: everything that rests on it is void from now on.
    pub async fn restart_ephemeral(&self) -> Result<(), Refusal> {
        let known = self.store.head()?.ephemeral;
        // Another request may have raised it already; then the engine only has to be told.
        if known == self.gate.guard_epoch() || self.ephemeral.stamp().await? != Some(known) {
            self.ledger.write(Lane::Person, Vec::new(), vec![Write::RaiseEphemeral]).await?;
        }
        let head = self.store.head()?;
        self.ephemeral.set_stamp(head.ephemeral).await?;
        self.gate.guard_from(head.ephemeral, head.ephemeral_since);
        Ok(())
    }

    /// Enters a refusal, then says why. A refusal that cannot be entered is a fault: nothing is refused unseen.
    async fn refuse(&self, denial: Denial, refused: Refused<'_>) -> Refusal {
        match self.ledger.refusal(&denial, refused).await {
            Ok(_) => Refusal::Denied(Box::new(denial)),
            Err(fault) => fault.into(),
        }
    }

    /// Spends something that may be used once; false when it was spent before.
    pub async fn spend(&self, digest: [u8; 32], until: Moment) -> Result<bool, Refusal> {
        let once = vec![Precondition::Unspent(digest)];
        match self.ledger.write(Lane::Client, once, vec![Write::Spend(digest, until)]).await {
            Ok(_) => Ok(true),
            Err(NotEntered::Commit(NotCommitted::Moved(_))) => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Takes nothing new, finishes what was begun.
    pub fn close(&self) {
        self.ledger.close();
    }
}
