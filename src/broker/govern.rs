//! Founding the log, bringing bundles into force, stopping clients: operators' and administrators' acts.
//!
//! Administrators' keys are fixed at `init`, in the log's first entry. INVARIANT: nothing is in force but by an
//! activation entry that an administrator signed; what is loaded is what the head names.

use std::sync::Arc;

use serde_json::Value;

use super::{Broker, Refusal};
use crate::crypto::{equal, verify_ed25519};
use crate::domain::{ClientId, Custodian};
use crate::jose::{Jwk, PublicKey, b64};
use crate::ledger::{AdministratorSignature, Ledger, NotEntered};
use crate::policy::{Bundle, Finding, InForce, Loaded};
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
    #[error("the bundle is refused: {0} findings")]
    Findings(usize, Vec<Finding>),
    /// The signature is not that of an administrator of this log.
    #[error("the signature is not that of an administrator of this log over this act")]
    Signature,
    /// There is no such client.
    #[error("there is no client {0} in the catalogue in force")]
    NoClient(ClientId),
    /// What was to be replaced has been replaced meanwhile.
    #[error("something else came into force meanwhile; sign again")]
    Moved,
    /// What is in force could not be read again.
    #[error("{0}")]
    Refusal(String),
}

/// What a log begins with.
pub struct Founding {
    /// Who runs it.
    pub custodian: Custodian,
    /// Its administrators, by name.
    pub administrators: Vec<(String, Jwk)>,
    /// Its keys: use and public part.
    pub keys: Vec<(&'static str, Jwk)>,
    /// The first bundle, in canonical form.
    pub bundle: Vec<u8>,
    /// Its administrators' signatures.
    pub signatures: Vec<AdministratorSignature>,
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
    /// Writes the log's first entries.
    pub async fn found(self, ledger: &Ledger) -> Result<(), GovernFault> {
        let loaded = load(&self.bundle)?;
        let text = activation_text(loaded.digest(), &[0; 32]);
        check(&self.administrators, &text, &self.signatures)?;
        ledger.begin(&self.custodian, &self.administrators).await?;
        for (usage, jwk) in &self.keys {
            ledger.key_added(usage, jwk).await?;
        }
        let epoch = ledger.head()?.epoch;
        ledger.activation(*loaded.digest(), &self.bundle, epoch, &self.signatures).await?;
        Ok(())
    }
}

impl Broker {
    /// Brings a bundle into force; its digest.
    pub async fn activate(&self, bundle: &[u8], signatures: &[AdministratorSignature]) -> Result<Hash, GovernFault> {
        let loaded = load(bundle)?;
        let head = self.ledger.head()?;
        check(&self.administrators()?, &activation_text(loaded.digest(), &head.bundle), signatures)?;
        match self.ledger.activation(*loaded.digest(), bundle, head.epoch, signatures).await {
            Ok(_) => {}
            Err(NotEntered::Commit(crate::ledger::NotCommitted::Moved(_))) => return Err(GovernFault::Moved),
            Err(fault) => return Err(fault.into()),
        }
        self.refresh().map_err(|fault: Refusal| GovernFault::Refusal(fault.to_string()))?;
        Ok(*loaded.digest())
    }

    /// Stops a client: from this entry on it gets nothing.
    pub async fn stop_client(&self, client: &ClientId, signature: &AdministratorSignature) -> Result<u64, GovernFault> {
        if !self.in_force().catalogue().clients.contains_key(client) {
            return Err(GovernFault::NoClient(client.clone()));
        }
        let text = stop_text(self.ledger.origin(), client);
        check(&self.administrators()?, &text, std::slice::from_ref(signature))?;
        let index = self.ledger.client_stop(client, signature).await?.index();
        self.refresh().map_err(|fault: Refusal| GovernFault::Refusal(fault.to_string()))?;
        Ok(index)
    }

    /// The administrators that the log's first entry names.
    fn administrators(&self) -> Result<Vec<(String, Jwk)>, GovernFault> {
        let row = self.ledger.entry(0)?.ok_or(GovernFault::Nothing)?;
        let act = self.ledger.open_act(&row).map_err(NotEntered::from)?.value();
        let named = act.get("administrators").and_then(Value::as_array).into_iter().flatten();
        let administrators = named.filter_map(|one| {
            let name = one.get("name")?.as_str()?.to_owned();
            Some((name, serde_json::from_value(one.get("jwk")?.clone()).ok()?))
        });
        Ok(administrators.collect())
    }
}

/// At least one signature, and every one an administrator's.
fn check(
    administrators: &[(String, Jwk)],
    text: &[u8],
    signatures: &[AdministratorSignature],
) -> Result<(), GovernFault> {
    let good = |signature: &AdministratorSignature| {
        let key = administrators.iter().find(|(name, _)| equal(name.as_bytes(), signature.name.as_bytes()));
        match (key.map(|(_, jwk)| jwk.key()), b64::decode(&signature.signature)) {
            (Some(PublicKey::Ed25519(key)), Ok(bytes)) => verify_ed25519(key, text, &bytes),
            _ => false,
        }
    };
    if !signatures.is_empty() && signatures.iter().all(good) { Ok(()) } else { Err(GovernFault::Signature) }
}

fn load(bundle: &[u8]) -> Result<Loaded, GovernFault> {
    let findings = |findings: Vec<Finding>| GovernFault::Findings(findings.len(), findings);
    Bundle::from_bytes(bundle).and_then(|bundle| bundle.load()).map_err(findings)
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
