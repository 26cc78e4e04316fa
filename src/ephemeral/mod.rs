//! What may vanish: sessions, pushed requests, logins, codes, and the guard against replays.
//!
//! It is not a record. Losing all of it, or finding an older state of it, costs people a new sign-in and clients a new
//! request, and breaks no promise: whatever moves information is unique in `store`. It holds no keys and no values.
//!
//! Invariants:
//! - Nothing enters an engine in clear: names are keyed digests, values are sealed to their name, space and epoch.
//! - Every operation carries the caller's epoch (kept in `store`) and is refused by the engine, in the same step, when
//!   the engine's own stamp is missing or another: what was forgotten is never taken for what never was.
//! - An engine in doubt answers [`Lost::Unavailable`], within a bounded time; never a guess.

#[cfg(test)]
mod contract;
mod memory;
mod redis;

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::crypto::{Address, Digest, SealingKey, Secret, hmac_sha256};

pub use self::{
    memory::Memory,
    redis::{BadAddress, Redis},
};

/// Why an operation has no answer. It may or may not have taken place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The engine does not answer, not in time, or has no room: the request fails with 503.
    #[error("the engine for sessions and replays does not answer")]
    Unavailable,
    /// The engine's stamp is missing or is not the caller's epoch: it restarted, was emptied or was rolled back, or
    /// another replica raised the epoch. The caller reads the epoch again, raises it in `store` if it had not moved,
    /// stamps the engine with it, and lets the request fail.
    #[error("the engine for sessions and replays has lost what it held")]
    Stale,
}

/// What a name is a name of: the same name in two spaces is two names. Each has a place of its own in digests and
/// seals, which never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// A signed-in person's or officer's browser.
    Session,
    /// A pushed authorization request, by its `request_uri`.
    PushedRequest,
    /// What a person let a portal do, by the `grant_id` of its token.
    PortalSession,
    /// An authorization code.
    Code,
    /// The `jti` of a client's assertion.
    ClientAssertion,
    /// The `jti` of a DPoP proof.
    DpopProof,
    /// A portal's one-use `confirm_uri`.
    ConfirmUri,
    /// What a browser keeps itself of its session. Never in an engine.
    Standby,
}

impl Space {
    const fn tag(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::PushedRequest => "pushed",
            Self::PortalSession => "portal",
            Self::Code => "code",
            Self::ClientAssertion => "assertion",
            Self::DpopProof => "proof",
            Self::ConfirmUri => "confirm",
            Self::Standby => "standby",
        }
    }
}

/// The keys of the front. Every replica holds the same ones.
pub struct Keys {
    /// Seals the values.
    pub values: SealingKey,
    /// Digests the names.
    pub names: Secret<32>,
}

/// The port. An enum and not a trait: the replay guard is on the way of every request, and in memory it costs neither
/// an allocation nor a suspension. The contract suite says what each operation means; both engines run it.
#[expect(clippy::large_enum_variant, reason = "a process has one")]
pub enum Engine {
    /// In this process; the default.
    Memory(Memory),
    /// Shared by replicas.
    Redis(Redis),
}

/// The sealed front: the one way to an engine. A lifetime (`ttl_seconds`) of zero counts as one second.
pub struct Ephemeral {
    engine: Engine,
    keys: Keys,
}

impl Ephemeral {
    /// A front over an engine.
    pub fn new(engine: Engine, keys: Keys) -> Self {
        Self { engine, keys }
    }

    /// Marks a name for `ttl_seconds`: true the first time, false as long as the mark lives.
    pub async fn once(&self, epoch: u64, space: Space, name: &[u8], ttl_seconds: u32) -> Result<bool, Lost> {
        self.engine.once(epoch, &self.key(space, name), ttl_seconds.max(1)).await
    }

    /// Keeps a value under a name for `ttl_seconds`, in place of an earlier one.
    pub async fn put<T: Serialize>(
        &self,
        epoch: u64,
        space: Space,
        name: &str,
        value: &T,
        ttl_seconds: u32,
    ) -> Result<(), Lost> {
        let sealed = self.seal(epoch, space, name, value)?;
        self.engine.put(epoch, &self.key(space, name.as_bytes()), sealed, ttl_seconds.max(1)).await
    }

    /// A value as an engine would hold it under a name, to be held elsewhere.
    pub fn seal<T: Serialize>(&self, epoch: u64, space: Space, name: &str, value: &T) -> Result<Vec<u8>, Lost> {
        let key = self.key(space, name.as_bytes());
        let plain = serde_json::to_vec(value).map(Zeroizing::new).map_err(|_| Lost::Unavailable)?;
        self.keys.values.seal(&address(&key, space, epoch), &plain).map_err(|_| Lost::Unavailable)
    }

    /// Opens what was sealed so under this name. Under another epoch, or altered, it is no value.
    pub fn unseal<T: DeserializeOwned>(&self, epoch: u64, space: Space, name: &str, sealed: &[u8]) -> Option<T> {
        self.open(&address(&self.key(space, name.as_bytes()), space, epoch), sealed)
    }

    /// The value under a name. One that was put under another epoch, or altered, is no value.
    pub async fn get<T: DeserializeOwned>(&self, epoch: u64, space: Space, name: &str) -> Result<Option<T>, Lost> {
        let key = self.key(space, name.as_bytes());
        let sealed = self.engine.get(epoch, &key).await?;
        Ok(sealed.and_then(|sealed| self.open(&address(&key, space, epoch), &sealed)))
    }

    /// The value under a name, which is gone with it: of any number of takers, one has it.
    pub async fn take<T: DeserializeOwned>(&self, epoch: u64, space: Space, name: &str) -> Result<Option<T>, Lost> {
        let key = self.key(space, name.as_bytes());
        let sealed = self.engine.take(epoch, &key).await?;
        Ok(sealed.and_then(|sealed| self.open(&address(&key, space, epoch), &sealed)))
    }

    /// Forgets the value under a name.
    pub async fn remove(&self, epoch: u64, space: Space, name: &str) -> Result<(), Lost> {
        self.engine.remove(epoch, &self.key(space, name.as_bytes())).await
    }

    /// The epoch that the engine is stamped with; `None` after a restart or a loss.
    pub async fn stamp(&self) -> Result<Option<u64>, Lost> {
        self.engine.stamp().await
    }

    /// Stamps the engine, unless it already carries this epoch or a later one. An engine that has lost what it held
    /// takes only an epoch that it was never stamped with: raise it in `store` first.
    pub async fn set_stamp(&self, epoch: u64) -> Result<(), Lost> {
        self.engine.set_stamp(epoch).await
    }

    /// No tag contains the colon, so no two pairs of space and name share their bytes.
    fn key(&self, space: Space, name: &[u8]) -> Key {
        hmac_sha256(self.keys.names.expose(), &[space.tag().as_bytes(), b":", name])
    }

    fn open<T: DeserializeOwned>(&self, at: &Address, sealed: &[u8]) -> Option<T> {
        let plain = self.keys.values.open(at, sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

fn address(key: &Key, space: Space, epoch: u64) -> Address<'_> {
    Address { table: "ephemeral", row: key, field: space.tag(), version: epoch }
}

/// A name as the engines know it.
type Key = Digest;

impl Engine {
    async fn once(&self, epoch: u64, key: &Key, ttl_seconds: u32) -> Result<bool, Lost> {
        match self {
            Self::Memory(memory) => memory.once(epoch, key, ttl_seconds),
            Self::Redis(redis) => redis.once(epoch, key, ttl_seconds).await,
        }
    }

    async fn put(&self, epoch: u64, key: &Key, value: Vec<u8>, ttl_seconds: u32) -> Result<(), Lost> {
        match self {
            Self::Memory(memory) => memory.put(epoch, key, value, ttl_seconds),
            Self::Redis(redis) => redis.put(epoch, key, value, ttl_seconds).await,
        }
    }

    async fn get(&self, epoch: u64, key: &Key) -> Result<Option<Vec<u8>>, Lost> {
        match self {
            Self::Memory(memory) => memory.get(epoch, key),
            Self::Redis(redis) => redis.get(epoch, key).await,
        }
    }

    async fn take(&self, epoch: u64, key: &Key) -> Result<Option<Vec<u8>>, Lost> {
        match self {
            Self::Memory(memory) => memory.take(epoch, key),
            Self::Redis(redis) => redis.take(epoch, key).await,
        }
    }

    async fn remove(&self, epoch: u64, key: &Key) -> Result<(), Lost> {
        match self {
            Self::Memory(memory) => memory.remove(epoch, key),
            Self::Redis(redis) => redis.remove(epoch, key).await,
        }
    }

    async fn stamp(&self) -> Result<Option<u64>, Lost> {
        match self {
            Self::Memory(memory) => memory.stamp(),
            Self::Redis(redis) => redis.stamp().await,
        }
    }

    async fn set_stamp(&self, epoch: u64) -> Result<(), Lost> {
        match self {
            Self::Memory(memory) => memory.set_stamp(epoch),
            Self::Redis(redis) => redis.set_stamp(epoch).await,
        }
    }
}
