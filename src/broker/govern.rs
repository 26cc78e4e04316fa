//! Founding the log, bringing bundles into force, stopping clients: operators' and administrators' acts.
//!
//! INVARIANT: nothing is in force but by an activation entry that a quorum of administrators signed; what is loaded is
//! what the head names.

use std::sync::Arc;

use super::{Administration, Broker, Refusal};
use crate::domain::{BodyId, Catalogue, ClientId, Custodian};
use crate::identity::jwk;
use crate::jose::{JoseError, Jwk};
use crate::ledger::{Ledger, NamedSignature, NotCommitted, NotEntered};
use crate::policy::{Bundle, Denial, Finding, InForce, Loaded, Reason, keys_moved};
use crate::store::{Fault, Hash, Store};

/// Why an administrator's act is refused.
#[derive(Debug, thiserror::Error)]
pub enum GovernFault {
    /// The record does not answer.
    #[error(transparent)]
    Store(#[from] Fault),
    /// The log does not take it.
    #[error(transparent)]
    Log(#[from] NotEntered),
    /// Nothing was ever brought into force.
    #[error("no bundle is in force; `unefois init` begins with one")]
    Nothing,
    /// The bundle that the head names is missing, or is not what it was.
    #[error("the bundle in force is not in the record as it was signed")]
    Departs,
    /// The bundle has findings.
    #[error("the bundle is refused:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Findings(Vec<Finding>),
    /// These cannot administer a log.
    #[error("{0}")]
    Administrators(&'static str),
    /// The signature is not that of an administrator of this log.
    #[error("the signature of {0} is not that of an administrator over this act")]
    Signature(String),
    /// One administrator signed twice.
    #[error("{0} signed twice; each administrator counts once")]
    Twice(String),
    /// Fewer signed than must.
    #[error("{needed} administrators must sign; {given} did")]
    TooFew {
        /// How many did.
        given: usize,
        /// How many must.
        needed: usize,
    },
    /// A key changes hands: where it stands now, and whose it is.
    #[error("{0}: the key is that of {1} in the bundle in force; a key is one body's for ever")]
    KeyMoved(String, BodyId),
    /// An administrator's key is that of an officer.
    #[error("the key of administrator {0} is also an officer's; nobody approves what they bring into force")]
    SameHand(String),
    /// A demonstration would become the real thing, or the other way round.
    #[error("a log is a demonstration from its founding on, or never: found another")]
    Demo,
    /// Entries that no officer approved as they are.
    #[error("not approved as it stands: {}", .0.join(", "))]
    NotApproved(Vec<String>),
    /// The signature is not that of an officer.
    #[error("the signature of {0} is not that of an officer, by a delegation that holds today, over this act")]
    Officer(String),
    /// Nobody proposed it.
    #[error("nobody proposed {0} as it stands in this file")]
    NotProposed(String),
    /// The rules refuse.
    #[error("refused:\n{}", .0.reasons().iter().map(said).collect::<Vec<_>>().join("\n"))]
    Denied(Box<Denial>),
    /// It cannot be written canonically.
    #[error(transparent)]
    Form(#[from] JoseError),
    /// There is no such client.
    #[error("there is no client {0} in the catalogue in force")]
    NoClient(ClientId),
    /// What was to be replaced has been replaced meanwhile.
    #[error("something else came into force meanwhile; sign again")]
    Moved,
    /// What is in force could not be read again, or a refusal could not be entered.
    #[error("{0}")]
    Refusal(String),
}

/// A reason in one line, as an operator reads it.
fn said(reason: &Reason) -> String {
    let cited = reason.citations.iter().map(|citation| citation.cite.as_str()).collect::<Vec<_>>().join("; ");
    format!("{}: {} ({cited}) {}", reason.id, reason.text.en, reason.mend.en)
}

/// What a log begins with: checked before anything is made of it.
pub struct Founding {
    custodian: Custodian,
    administration: Administration,
    digest: Hash,
    bundle: Vec<u8>,
    signatures: Vec<NamedSignature>,
}

/// What an administrator signs to bring `bundle` into force after `previous`.
pub fn activation_text(bundle: &Hash, previous: &Hash) -> Vec<u8> {
    [b"unefois/activation/v1\n", &bundle[..], previous].concat()
}

/// What an administrator signs to stop a client of the log at `origin`.
pub fn stop_text(origin: &str, client: &ClientId) -> Vec<u8> {
    format!("unefois/client-stop/v1\n{origin}\n{client}\n").into_bytes()
}

impl Founding {
    /// Who runs the log, who administers it, and the first bundle, in canonical form, with their signatures.
    pub fn new(
        custodian: Custodian,
        administration: Administration,
        bundle: Vec<u8>,
        signatures: Vec<NamedSignature>,
    ) -> Result<Self, GovernFault> {
        let loaded = load(&bundle)?;
        apart(&administration, loaded.catalogue())?;
        let text = activation_text(loaded.digest(), &[0; 32]);
        administration.signed(&text, &signatures, administration.quorum())?;
        Ok(Self { custodian, administration, digest: *loaded.digest(), bundle, signatures })
    }

    /// Writes the log's first entries. `keys` are its own: use and public part.
    pub async fn found(self, ledger: &Ledger, keys: &[(&str, Jwk)]) -> Result<(), GovernFault> {
        ledger.begin(&self.custodian, self.administration.named(), self.administration.quorum()).await?;
        for (usage, jwk) in keys {
            ledger.key_added(usage, jwk).await?;
        }
        let epoch = ledger.head()?.epoch;
        ledger.activation(self.digest, &self.bundle, epoch, &self.signatures).await?;
        Ok(())
    }
}

impl Broker {
    /// Brings a bundle into force; its digest.
    pub async fn activate(&self, bundle: &[u8], signatures: &[NamedSignature]) -> Result<Hash, GovernFault> {
        let loaded = load(bundle)?;
        self.refresh().map_err(|fault: Refusal| GovernFault::Refusal(fault.to_string()))?;
        let before = self.in_force();
        self.check_approved(before.catalogue(), loaded.catalogue())?;
        if let Some((place, owner)) = keys_moved(before.catalogue(), loaded.catalogue()).into_iter().next() {
            return Err(GovernFault::KeyMoved(place, owner.clone()));
        }
        let administration = Administration::of(&self.ledger)?;
        apart(&administration, loaded.catalogue())?;
        let text = activation_text(loaded.digest(), before.loaded().digest());
        administration.signed(&text, signatures, administration.quorum())?;
        match self.ledger.activation(*loaded.digest(), bundle, before.epoch(), signatures).await {
            Ok(_) => {}
            Err(NotEntered::Commit(NotCommitted::Moved(_))) => return Err(GovernFault::Moved),
            Err(fault) => return Err(fault.into()),
        }
        self.refresh().map_err(|fault: Refusal| GovernFault::Refusal(fault.to_string()))?;
        Ok(*loaded.digest())
    }

    /// Stops a client, by one administrator: from this entry on it gets nothing.
    pub async fn stop_client(&self, client: &ClientId, signature: &NamedSignature) -> Result<u64, GovernFault> {
        if !self.in_force().catalogue().clients.contains_key(client) {
            return Err(GovernFault::NoClient(client.clone()));
        }
        let text = stop_text(self.ledger.origin(), client);
        Administration::of(&self.ledger)?.signed(&text, std::slice::from_ref(signature), 1)?;
        let index = self.ledger.client_stop(client, signature).await?.index();
        self.refresh().map_err(|fault: Refusal| GovernFault::Refusal(fault.to_string()))?;
        Ok(index)
    }

    /// How many administrators must sign what comes into force.
    pub fn quorum(&self) -> Result<usize, GovernFault> {
        Ok(Administration::of(&self.ledger)?.quorum())
    }
}

/// No administrator signs as an officer too: who proposes, who approves and who brings into force are several.
fn apart(administration: &Administration, catalogue: &Catalogue) -> Result<(), GovernFault> {
    let mut keys = catalogue.delegations.iter().filter_map(|it| jwk(it.key.as_ref()?));
    match keys.find_map(|key| administration.holder(&key.thumbprint()).map(str::to_owned)) {
        Some(name) => Err(GovernFault::SameHand(name)),
        None => Ok(()),
    }
}

fn load(bundle: &[u8]) -> Result<Loaded, GovernFault> {
    Bundle::from_bytes(bundle).and_then(|bundle| bundle.load()).map_err(GovernFault::Findings)
}

/// What the head names: the bundle in force, less the clients stopped.
pub(super) fn in_force(store: &dyn Store) -> Result<InForce, GovernFault> {
    let head = store.head()?;
    if head.bundle == [0; 32] {
        return Err(GovernFault::Nothing);
    }
    let bytes = store.bundle(&head.bundle)?.ok_or(GovernFault::Departs)?;
    let loaded = load(&bytes)?;
    if *loaded.digest() != head.bundle {
        return Err(GovernFault::Departs);
    }
    Ok(InForce::new(Arc::new(loaded), store.stopped()?, head.epoch))
}
