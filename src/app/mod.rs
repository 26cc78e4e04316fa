//! Puts the parts together, from the configuration: the record, the keys, the log, the broker, the listeners.
//!
//! INVARIANT: a stop loses nothing: listeners first, then what was begun, then the log.

mod admin;
mod init;
mod listen;
mod signatory;

use std::path::Path;
use std::sync::Arc;

pub use self::admin::{Command, command, execute};
pub use self::init::{InitFault, Initialised, init};
pub use self::listen::{Running, serve, serve_on};
pub use self::signatory::{Detached, Signatory, Unreadable, sign_activation, sign_approval, sign_proposal, sign_stop};
use crate::broker::{Broker, GovernFault, Parts as BrokerParts};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::crypto::{CredentialError, KeyRing, KeyRingError, SealingKey, Secret, hkdf_sha256, read_credential};
use crate::ephemeral::{Engine, Ephemeral, Keys, Memory, Redis};
use crate::identity::login::LoginFault;
use crate::identity::{AccessTokens, Gate};
use crate::jose::{JoseError, Signer};
use crate::ledger::{BlindIndex, Ledger, Parts as LedgerParts, StartFault};
use crate::outbound::OutboundError;
use crate::store::{Fault, Search, Sqlite, Store, Vault};

/// Why the broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum AppFault {
    /// The record.
    #[error(transparent)]
    Store(#[from] Fault),
    /// The log.
    #[error(transparent)]
    Log(#[from] StartFault),
    /// The credential of the key ring.
    #[error("credential: {0}")]
    Credential(#[from] CredentialError),
    /// The key ring.
    #[error("key ring: {0}")]
    KeyRing(#[from] KeyRingError),
    /// A key of the ring.
    #[error("key: {0}")]
    Key(#[from] JoseError),
    /// What is in force.
    #[error(transparent)]
    Govern(#[from] GovernFault),
    /// The way out.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// An identity service.
    #[error(transparent)]
    Login(#[from] LoginFault),
    /// A file or a listener.
    #[error("{what}: {fault}")]
    Io {
        /// What was being done.
        what: String,
        /// What failed.
        fault: std::io::Error,
    },
    /// The configuration and what is in force do not go together, or are not for `serve`.
    #[error("{0}")]
    Refused(String),
}

/// Opens the record and the log that `init` made.
pub fn open(config: &Config) -> Result<Broker, AppFault> {
    open_on(config, Arc::new(Sqlite::open(&config.data)?), Arc::new(SystemClock))
}

/// Opens the log on a record that is open already.
fn open_on(config: &Config, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Broker, AppFault> {
    let ring = KeyRing::open(&config.keys.folder, &read_credential(&config.keys.credential)?)?;
    let parts = Assembly::new(config, store, clock, ring)?;
    let ledger = Arc::new(Ledger::open(parts.ledger, &config.keys.folder)?);
    parts.rest.broker(config, ledger)
}

/// The parts, before the log is begun or continued.
struct Assembly {
    ledger: LedgerParts,
    rest: Rest,
}

struct Rest {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    blind: Arc<BlindIndex>,
    access_tokens: AccessTokens,
    session: Secret<32>,
}

impl Assembly {
    fn new(config: &Config, store: Arc<dyn Store>, clock: Arc<dyn Clock>, mut ring: KeyRing) -> Result<Self, AppFault> {
        let vault = Arc::new(Vault::new(Arc::clone(&store), ring.keks));
        let blind = Arc::new(BlindIndex::new(ring.blind_index));
        let search = Arc::new(Search::open(&config.data)?);
        // The last key signs; data tokens of earlier ones are verified by who holds them, from the key history.
        let data_token = ring.data_token.pop().ok_or(JoseError::Key)?;
        let access_tokens = ring.access_token.into_iter().map(|kept| Signer::from(kept.into_key())).collect();
        let ledger = LedgerParts {
            store: Arc::clone(&store),
            vault: Arc::clone(&vault),
            clock: Arc::clone(&clock),
            origin: ring.origin,
            checkpoint: ring.checkpoint.into_key(),
            issuer: config.issuer.clone(),
            data_token: Signer::from(data_token.into_key()),
            search,
            blind: Arc::clone(&blind),
        };
        let access_tokens = AccessTokens::new(access_tokens)?;
        Ok(Self { ledger, rest: Rest { store, vault, clock, blind, access_tokens, session: ring.session } })
    }
}

impl Rest {
    fn broker(self, config: &Config, ledger: Arc<Ledger>) -> Result<Broker, AppFault> {
        let derived = |purpose: &str| Secret::new(hkdf_sha256(self.session.expose(), purpose.as_bytes()));
        let keys = Keys { values: SealingKey::new(&derived("ephemeral values")), names: derived("ephemeral names") };
        let nonces = derived("dpop nonces");
        let ephemeral = Arc::new(Ephemeral::new(engine(config)?, keys));
        let clock = Arc::clone(&self.clock);
        let gate = Gate::new(config.issuer.clone(), Arc::clone(&ephemeral), clock, nonces, self.access_tokens);
        Ok(Broker::new(BrokerParts {
            store: self.store,
            vault: self.vault,
            ledger,
            ephemeral,
            gate: Arc::new(gate),
            clock: self.clock,
            blind: self.blind,
            custodian: config.custodian.clone(),
            issuer: config.issuer.clone(),
        })?)
    }
}

fn engine(config: &Config) -> Result<Engine, AppFault> {
    let Some(address) = &config.ephemeral.redis else { return Ok(Engine::Memory(Memory::new(Memory::BYTES))) };
    let authority = config.outbound.authorities.as_deref().map(read).transpose()?;
    let redis = Redis::open(address.expose(), authority.as_deref(), Redis::PATIENCE);
    redis.map(Engine::Redis).map_err(|fault| AppFault::Refused(format!("ephemeral.redis: {fault}")))
}

fn read(path: &Path) -> Result<Vec<u8>, AppFault> {
    std::fs::read(path).map_err(|fault| AppFault::Io { what: path.display().to_string(), fault })
}
