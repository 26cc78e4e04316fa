//! The founding of a log: keys, administrators, the first bundle. Explicit, once; never by a missing file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{AppFault, Assembly, Detached};
use crate::broker::{Administration, Founding, GovernFault};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::crypto::{KeyRing, KeyRingError, create_credential, read_credential};
use crate::jose::{Algorithm, JoseError, Jwk, PrivateJwk, PublicKey, encrypt};
use crate::ledger::Ledger;
use crate::policy::{Bundle, Finding};
use crate::store::{Sqlite, Store};

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
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
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

/// Founds the log that the configuration describes: makes folders, credential, key ring and record, and enters what it
/// begins with. Who signed the bundle administers it; `quorum` of them must sign each later one.
pub async fn init(
    config: &Config,
    bundle: &Bundle,
    signed: &[Detached],
    quorum: usize,
) -> Result<Initialised, InitFault> {
    let loaded = bundle.load().map_err(InitFault::Bundle)?;
    let administrators = signed.iter().map(|one| (one.name.clone(), one.jwk.clone())).collect();
    let administration = Administration::new(administrators, quorum)?;
    let signatures = signed.iter().map(Detached::named).collect();
    let canonical = bundle.canonical().map_err(InitFault::Bundle)?;
    let founding = Founding::new(config.custodian.clone(), administration, canonical, signatures)?;
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
    let keys =
        [("checkpoint", checkpoint_key), ("data-token", ledger.token_key().clone()), ("access-token", access_key)];
    founding.found(&ledger, &keys).await?;
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
