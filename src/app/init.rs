//! The founding of a log: keys, administrators, the first bundle. Explicit, once; never by a missing file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AppFault, Assembly};
use crate::broker::{Founding, GovernFault, activation_text, stop_text};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::crypto::{KeyRing, KeyRingError, create_credential, read_credential};
use crate::domain::ClientId;
use crate::jose::{Algorithm, JoseError, Jwk, PrivateJwk, PublicKey, b64, encrypt};
use crate::ledger::{AdministratorSignature, Ledger};
use crate::policy::{Bundle, Finding};
use crate::store::{Hash, Sqlite, Store};

/// An administrator's key, as kept in a file of their own.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Administrator {
    /// Name, as it stands in the log.
    pub name: String,
    jwk: serde_json::Value,
}

/// Why there is no new log.
#[derive(Debug, thiserror::Error)]
pub enum InitFault {
    /// A part does not start.
    #[error(transparent)]
    App(#[from] AppFault),
    /// The key ring.
    #[error("key ring: {0}")]
    KeyRing(#[from] KeyRingError),
    /// The founding entries.
    #[error(transparent)]
    Govern(#[from] GovernFault),
    /// A key.
    #[error("key: {0}")]
    Key(#[from] JoseError),
    /// The bundle has findings.
    #[error("the bundle has {} findings", .0.len())]
    Bundle(Vec<Finding>),
    /// A file.
    #[error("{}: {fault}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What failed.
        fault: String,
    },
}

/// What `init` made.
#[derive(Debug)]
pub struct Initialised {
    /// The log's origin.
    pub origin: String,
    /// The key that verifies its checkpoints.
    pub vkey: String,
    /// The recovery key: a private JWK, to be printed once and kept apart. Decrypts copies of the key ring.
    pub recovery: zeroize::Zeroizing<Vec<u8>>,
}

impl Administrator {
    /// A new administrator's key.
    pub fn generate(name: &str) -> Result<Self, JoseError> {
        let key = PrivateJwk::generate(Algorithm::Ed25519)?;
        let jwk = serde_json::from_slice(&key.to_json()?).map_err(|_| JoseError::Json)?;
        Ok(Self { name: name.to_owned(), jwk })
    }

    /// Reads a key file.
    pub fn read(path: &Path) -> Result<Self, InitFault> {
        let fault = |fault: String| InitFault::File { path: path.to_owned(), fault };
        let text = std::fs::read(path).map_err(|it| fault(it.to_string()))?;
        serde_json::from_slice(&text).map_err(|_| fault("not an administrator's key".to_owned()))
    }

    /// The public part, by name.
    pub fn public(&self) -> Result<(String, Jwk), JoseError> {
        Ok((self.name.clone(), self.private()?.public()))
    }

    fn private(&self) -> Result<PrivateJwk, JoseError> {
        PrivateJwk::parse(&self.jwk.to_string())
    }

    fn sign(&self, text: &[u8]) -> Result<AdministratorSignature, JoseError> {
        let signature = self.private()?.signer()?.sign(text)?;
        Ok(AdministratorSignature { name: self.name.clone(), signature: b64::encode(signature) })
    }
}

/// Signs that `bundle` comes into force after `previous`.
pub fn sign_activation(
    administrator: &Administrator,
    bundle: &Hash,
    previous: &Hash,
) -> Result<AdministratorSignature, JoseError> {
    administrator.sign(&activation_text(bundle, previous))
}

/// Signs that a client of the log at `origin` is stopped.
pub fn sign_stop(
    administrator: &Administrator,
    origin: &str,
    client: &ClientId,
) -> Result<AdministratorSignature, JoseError> {
    administrator.sign(&stop_text(origin, client))
}

/// Founds the log that the configuration describes: makes folders, credential, key ring and record, and enters what it
/// begins with. `signer` is the first administrator.
pub async fn init(config: &Config, bundle: &Bundle, signer: &Administrator) -> Result<Initialised, InitFault> {
    let loaded = bundle.load().map_err(InitFault::Bundle)?;
    super::listen::check_bundle(config, loaded.catalogue(), true)?;
    for folder in [&config.data, &config.keys.folder] {
        make_private(folder)?;
    }
    let recovery = PrivateJwk::generate(Algorithm::EcdhEs)?;
    let public = serde_json::to_string(&recovery.public()).map_err(|_| JoseError::Json)?;
    let origin = config.issuer.split("://").nth(1).unwrap_or(&config.issuer).to_owned();
    let credential = match read_credential(&config.keys.credential) {
        Ok(credential) => credential,
        Err(_) if !config.keys.credential.exists() => {
            create_credential(&config.keys.credential).map_err(AppFault::from)?
        }
        Err(fault) => return Err(AppFault::from(fault).into()),
    };
    let ring = KeyRing::create(&origin, Some(public)).map_err(KeyRingError::from)?;
    ring.save_new(&config.keys.folder, &credential)?;
    if let Some(folder) = &config.keys.recovery {
        copy_ring(&config.keys.folder, folder, &recovery.public())?;
    }
    let store: Arc<dyn Store> = Arc::new(Sqlite::create(&config.data).map_err(AppFault::from)?);
    let parts = Assembly::new(config, store, Arc::new(SystemClock), ring)?;
    let access_key = parts.rest.access_tokens.keys().last().cloned().ok_or(JoseError::Key)?;
    let checkpoint_key = Jwk::bare(PublicKey::Ed25519(parts.ledger.checkpoint.public()));
    let ledger = Ledger::create(parts.ledger, &config.keys.folder).map_err(AppFault::from)?;
    let founding = Founding {
        custodian: config.custodian.clone(),
        administrators: vec![signer.public()?],
        keys: vec![
            ("checkpoint", checkpoint_key),
            ("data-token", ledger.token_key().clone()),
            ("access-token", access_key),
        ],
        bundle: bundle.canonical().map_err(InitFault::Bundle)?,
        signatures: vec![sign_activation(signer, loaded.digest(), &[0; 32])?],
    };
    founding.found(&ledger).await?;
    ledger.close();
    Ok(Initialised { origin, vkey: ledger.vkey(), recovery: recovery.to_json()? })
}

fn make_private(folder: &Path) -> Result<(), InitFault> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|fault| InitFault::File { path: folder.to_owned(), fault: fault.to_string() })
}

/// A copy of the ring for the second custodian, encrypted to the recovery key.
fn copy_ring(from: &Path, to: &Path, recovery: &Jwk) -> Result<(), InitFault> {
    make_private(to)?;
    let path = from.join("ring.json");
    let ring = std::fs::read(&path).map_err(|fault| InitFault::File { path, fault: fault.to_string() })?;
    let copy = encrypt(recovery, "json", &ring)?;
    let path = to.join("ring.jwe");
    std::fs::write(&path, copy).map_err(|fault| InitFault::File { path, fault: fault.to_string() })
}
