//! The shared engine: Redis 7.0 or later, or Valkey, one primary, reached by one multiplexed line.
//!
//! It is not a record: nothing here is durable, and no cluster, sentinel or newer command is used. Every operation is
//! one Lua script, so that the stamp is judged and the key touched in one step on the server. Lifetimes run on the
//! server's clock.
//!
//! Invariants:
//! - An operation answers within `patience`, whatever the server does. One whose outcome is unknown is
//!   [`Lost::Unavailable`]: a mark that may have been set refuses the retry, a value that may be gone is gone.
//! - The stamp names the run of the server that it was written in, so that a server that restarts from an old file, or
//!   a replica that is promoted, is [`Lost::Stale`] although it holds the epoch. A proxy that moves an open line to
//!   another server would hide that: do not put one between.
//! - A server that may evict keys is not used: a forgotten mark would let a replay in.
//! - The address carries the password; it is in no `Debug`, error or log line.
//!
//! The account needs `~unefois:* +evalsha +script|load +get +set +getdel +del +info` and nothing else.
//!
//! The line is ours and not the crate's `ConnectionManager`, which never tries again after an attempt that the server
//! refused (a password changed a second too late, `max number of clients reached`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError,
    RedisResult, Script, ScriptInvocation, ServerErrorKind, TlsCertificates, aio::MultiplexedConnection, cmd,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::{Key, Lost};

const STAMP: &str = "unefois:epoch";
const MARK: &[u8] = b"unefois:mark:";
const VALUE: &[u8] = b"unefois:value:";

/// After a failed attempt the next one waits this long; until then every operation fails at once.
const REST: Duration = Duration::from_millis(100);

/// A handshake may take this many times the patience of an operation: it has more round trips, and outlives its caller.
const HANDSHAKE: u32 = 4;

/// Opens each script that touches a key: `KEYS` are the stamp and the key, `ARGV[1]` the stamp that the caller expects.
const GUARD: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('STALE epoch') end ";
const STALE: &str = "STALE";

/// A stamp is the epoch in twenty digits, which compare as the numbers do, a colon, and the server's run.
const READ_STAMP: &str = "local stamp = redis.call('GET', KEYS[1])
    if stamp and string.sub(stamp, 22) == ARGV[1] then return string.sub(stamp, 1, 20) end
    return false";
const RAISE_STAMP: &str = "local stamp = redis.call('GET', KEYS[1])
    if not stamp or string.sub(stamp, 1, 20) < string.sub(ARGV[1], 1, 20) then redis.call('SET', KEYS[1], ARGV[1]) end
    return 1";

/// The address or the authority certificate cannot be used. The text repeats neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Redis address must be redis:// or rediss:// without a fragment; a certificate authority needs rediss://")]
pub struct BadAddress;

/// The shared engine.
pub struct Redis {
    client: Client,
    patience: Duration,
    slot: Arc<Mutex<Slot>>,
    scripts: Scripts,
}

impl Redis {
    /// How long an operation may take unless the configuration says otherwise.
    pub const PATIENCE: Duration = Duration::from_millis(250);

    /// An engine at `address`: `redis://` or, with TLS, `rediss://`, then `user:password@host:port/database`.
    /// `authority` is a PEM certificate to trust in place of the system's. Nothing is sent before the first operation;
    /// a server that is not there makes that one [`Lost::Unavailable`].
    pub fn open(address: &str, authority: Option<&[u8]>, patience: Duration) -> Result<Self, BadAddress> {
        let client = client(address, authority).map_err(|_| BadAddress)?;
        if let ConnectionAddr::TcpTls { insecure: true, .. } = client.get_connection_info().addr() {
            return Err(BadAddress);
        }
        let slot = Arc::new(Mutex::new(Slot { line: None, rests_until: Instant::now() }));
        Ok(Self { client, patience, slot, scripts: Scripts::new() })
    }

    pub(super) async fn once(&self, epoch: u64, key: &Key, ttl_seconds: u32) -> Result<bool, Lost> {
        self.guarded(&self.scripts.once, epoch, &[MARK, key], |call| {
            call.arg(ttl_seconds);
        })
        .await
    }

    pub(super) async fn put(&self, epoch: u64, key: &Key, value: Vec<u8>, ttl_seconds: u32) -> Result<(), Lost> {
        self.guarded(&self.scripts.put, epoch, &[VALUE, key], |call| {
            call.arg(ttl_seconds).arg(value);
        })
        .await
    }

    pub(super) async fn get(&self, epoch: u64, key: &Key) -> Result<Option<Vec<u8>>, Lost> {
        self.guarded(&self.scripts.get, epoch, &[VALUE, key], |_| {}).await
    }

    pub(super) async fn take(&self, epoch: u64, key: &Key) -> Result<Option<Vec<u8>>, Lost> {
        self.guarded(&self.scripts.take, epoch, &[VALUE, key], |_| {}).await
    }

    pub(super) async fn remove(&self, epoch: u64, key: &Key) -> Result<(), Lost> {
        self.guarded(&self.scripts.remove, epoch, &[VALUE, key], |_| {}).await
    }

    pub(super) async fn stamp(&self) -> Result<Option<u64>, Lost> {
        self.ask(&self.scripts.read_stamp, |run, call| {
            call.key(STAMP).arg(run);
        })
        .await
    }

    pub(super) async fn set_stamp(&self, epoch: u64) -> Result<(), Lost> {
        self.ask(&self.scripts.raise_stamp, |run, call| {
            call.key(STAMP).arg(stamp(epoch, run));
        })
        .await
    }

    async fn guarded<T: FromRedisValue>(
        &self,
        script: &Script,
        epoch: u64,
        key: &[&[u8]; 2],
        rest: impl FnOnce(&mut ScriptInvocation<'_>),
    ) -> Result<T, Lost> {
        self.ask(script, |run, call| {
            call.key(STAMP).key(key.concat()).arg(stamp(epoch, run));
            rest(call);
        })
        .await
    }

    /// Runs a script before the patience ends. A line that failed is left to die; the next operation opens another.
    async fn ask<T: FromRedisValue>(
        &self,
        script: &Script,
        fill: impl FnOnce(&str, &mut ScriptInvocation<'_>),
    ) -> Result<T, Lost> {
        let deadline = Instant::now() + self.patience;
        let line = timeout_at(deadline, self.line()).await.ok().flatten().ok_or(Lost::Unavailable)?;
        let mut call = script.prepare_invoke();
        fill(&line.run, &mut call);
        match timeout_at(deadline, call.invoke_async(&mut line.connection.clone())).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) if error.code() == Some(STALE) => Err(Lost::Stale),
            Ok(Err(error)) if line_is_good(&error) => Err(Lost::Unavailable),
            Ok(Err(_)) | Err(_) => {
                line.dead.store(true, Ordering::Relaxed);
                Err(Lost::Unavailable)
            }
        }
    }

    /// The line in use, else a new one. The attempt is a task of its own, so that a caller whose patience ends does not
    /// take down the handshake that the next one needs.
    async fn line(&self) -> Option<Arc<Line>> {
        let mut slot = Arc::clone(&self.slot).lock_owned().await;
        if let Some(line) = slot.line.as_ref().filter(|line| !line.dead.load(Ordering::Relaxed)) {
            return Some(Arc::clone(line));
        }
        if Instant::now() < slot.rests_until {
            return None;
        }
        let (client, bound) = (self.client.clone(), self.patience * HANDSHAKE);
        let attempt = tokio::spawn(async move {
            slot.line = Line::open(&client, bound).await.inspect_err(report).ok().map(Arc::new);
            slot.rests_until = Instant::now() + REST;
            slot.line.clone()
        });
        attempt.await.ok().flatten()
    }
}

fn client(address: &str, authority: Option<&[u8]>) -> RedisResult<Client> {
    let info = address.into_connection_info()?;
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    let info = info.set_redis_settings(settings);
    match authority {
        Some(pem) => Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(pem.to_vec()) }),
        None => Client::open(info),
    }
}

fn stamp(epoch: u64, run: &str) -> String {
    format!("{epoch:020}:{run}")
}

/// Whether the error is a reply: then the line works. A demoted primary replies too, but its successor is elsewhere.
fn line_is_good(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => kind != ServerErrorKind::ReadOnly,
        ErrorKind::Extension => true,
        _ => false,
    }
}

fn report(error: &RedisError) {
    tracing::warn!(%error, "the Redis server cannot be used");
}

struct Slot {
    line: Option<Arc<Line>>,
    rests_until: Instant,
}

struct Line {
    connection: MultiplexedConnection,
    run: String,
    dead: AtomicBool,
}

impl Line {
    async fn open(client: &Client, bound: Duration) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(bound)).set_response_timeout(Some(bound));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let info: String = cmd("INFO").arg("server").arg("memory").query_async(&mut connection).await?;
        if field(&info, "maxmemory_policy") != Some("noeviction") {
            return Err((ErrorKind::Client, "maxmemory-policy must be noeviction").into());
        }
        let run = field(&info, "run_id").ok_or((ErrorKind::Client, "INFO names no run_id"))?.to_owned();
        Ok(Self { connection, run, dead: AtomicBool::new(false) })
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

struct Scripts {
    once: Script,
    put: Script,
    get: Script,
    take: Script,
    remove: Script,
    read_stamp: Script,
    raise_stamp: Script,
}

impl Scripts {
    fn new() -> Self {
        let guarded = |body: &str| Script::new(&format!("{GUARD}{body}"));
        Self {
            once: guarded("return redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[2]) and 1 or 0"),
            put: guarded("return redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[2])"),
            get: guarded("return redis.call('GET', KEYS[2])"),
            take: guarded("return redis.call('GETDEL', KEYS[2])"),
            remove: guarded("return redis.call('DEL', KEYS[2])"),
            read_stamp: Script::new(READ_STAMP),
            raise_stamp: Script::new(RAISE_STAMP),
        }
    }
}
