//! What a server can do to the shared engine, and what the engine then says.

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    super::{BadAddress, Engine, Ephemeral, Lost, Redis, Space},
    EPOCH, LONG, assert_stale,
    server::Server,
    stand::{InRedis, Stand as _, front},
};

/// The engine's bound, and what a busy machine adds.
const BOUND: Duration = Duration::from_millis(250 + 250);

async fn stand(options: &[&str]) -> Option<InRedis> {
    let stand = InRedis::on(Server::start(options)?);
    stand.front().set_stamp(EPOCH).await.unwrap();
    Some(stand)
}

fn over(address: &str, authority: Option<&[u8]>) -> Arc<Ephemeral> {
    front(Engine::Redis(Redis::open(address, authority, Redis::PATIENCE).unwrap()))
}

async fn mark(front: &Ephemeral, epoch: u64, name: &str) -> Result<bool, Lost> {
    front.once(epoch, Space::DpopProof, name.as_bytes(), LONG).await
}

async fn assert_unavailable_in_time(front: &Ephemeral) {
    let since = Instant::now();
    assert_eq!(mark(front, EPOCH, "during").await, Err(Lost::Unavailable));
    assert!(since.elapsed() < BOUND, "{:?}", since.elapsed());
}

/// The stamp, as soon as the engine answers again.
async fn stamp_once_back(front: &Ephemeral) -> Option<u64> {
    for _ in 0..200 {
        if let Ok(stamp) = front.stamp().await {
            return stamp;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the engine does not come back");
}

#[tokio::test]
async fn a_killed_server_is_unavailable_then_stale_until_stamped() {
    let Some(mut stand) = stand(&[]).await else { return };
    let front = Arc::clone(stand.front());
    assert_eq!(mark(&front, EPOCH, "before").await, Ok(true));
    stand.server.kill();
    for _ in 0..3 {
        assert_unavailable_in_time(&front).await;
    }
    stand.server.restart();
    assert_eq!(stamp_once_back(&front).await, None);
    assert_stale(&front, EPOCH).await;
    front.set_stamp(EPOCH + 1).await.unwrap();
    assert_eq!(mark(&front, EPOCH + 1, "after").await, Ok(true));
}

#[tokio::test]
async fn a_server_that_restarts_from_a_file_is_stale_though_it_holds_the_epoch() {
    let Some(mut stand) = stand(&["--appendonly", "yes", "--appendfsync", "always"]).await else { return };
    let front = Arc::clone(stand.front());
    front.put(EPOCH, Space::Session, "s", &1, LONG).await.unwrap();
    stand.server.kill();
    stand.server.restart();
    assert_eq!(stamp_once_back(&front).await, None);
    assert_eq!(stand.server.command("DBSIZE"), ":2", "the stamp and the session are still there");
    assert_stale(&front, EPOCH).await;
    front.set_stamp(EPOCH).await.unwrap();
    assert_stale(&front, EPOCH).await;
    front.set_stamp(EPOCH + 1).await.unwrap();
    assert_eq!(front.get::<u8>(EPOCH + 1, Space::Session, "s").await, Ok(None));
}

#[tokio::test]
async fn a_replica_is_stale_though_it_holds_the_epoch_and_stays_so_when_promoted() {
    let Some(stand) = stand(&[]).await else { return };
    let primary = stand.server.port.to_string();
    let Some(replica) = Server::start(&["--replicaof", "127.0.0.1", &primary, "--repl-diskless-sync-delay", "0"])
    else {
        return;
    };
    replica.await_reply("DBSIZE", ":1");
    let front = over(&replica.address(), None);
    assert_stale(&front, EPOCH).await;
    assert_eq!(front.set_stamp(EPOCH + 1).await, Err(Lost::Unavailable));
    assert_eq!(replica.command("REPLICAOF NO ONE"), "+OK");
    assert_eq!(stamp_once_back(&front).await, None);
    assert_stale(&front, EPOCH).await;
    front.set_stamp(EPOCH + 1).await.unwrap();
    assert_eq!(mark(&front, EPOCH + 1, "after").await, Ok(true));
}

#[tokio::test]
async fn a_server_that_hangs_is_unavailable_in_time_and_serves_when_it_goes_on() {
    let Some(stand) = stand(&[]).await else { return };
    let front = stand.front();
    assert_eq!(mark(front, EPOCH, "before").await, Ok(true));
    stand.server.signal("STOP");
    for _ in 0..8 {
        assert_unavailable_in_time(front).await;
    }
    stand.server.signal("CONT");
    assert_eq!(stamp_once_back(front).await, Some(EPOCH), "it lost nothing");
    assert_eq!(mark(front, EPOCH, "before").await, Ok(false));
    assert_eq!(mark(front, EPOCH, "during").await, Ok(false), "an unknown outcome refuses the retry");
}

#[tokio::test]
async fn a_server_that_cuts_the_line_or_forgets_the_scripts_is_served_again() {
    let Some(stand) = stand(&[]).await else { return };
    let front = stand.front();
    assert_eq!(stand.server.command("SCRIPT FLUSH"), "+OK");
    assert_eq!(mark(front, EPOCH, "scripts").await, Ok(true));
    stand.server.command("CLIENT KILL TYPE normal");
    assert_eq!(stamp_once_back(front).await, Some(EPOCH));
    assert_eq!(mark(front, EPOCH, "scripts").await, Ok(false));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_at_once() {
    let front = over("redis://127.0.0.1:1", None);
    for _ in 0..3 {
        assert_unavailable_in_time(&front).await;
    }
    assert_eq!(front.stamp().await, Err(Lost::Unavailable));
    assert_eq!(front.set_stamp(EPOCH).await, Err(Lost::Unavailable));
}

#[tokio::test]
async fn a_server_that_may_evict_is_not_used() {
    let Some(server) = Server::start(&["--maxmemory-policy", "allkeys-lru"]) else { return };
    let front = over(&server.address(), None);
    assert_eq!(front.set_stamp(EPOCH).await, Err(Lost::Unavailable));
    server.command("CONFIG SET maxmemory-policy noeviction");
    assert_eq!(stamp_once_back(&front).await, None);
}

#[tokio::test]
async fn a_full_server_refuses_new_marks_and_still_knows_the_old() {
    let Some(stand) = stand(&[]).await else { return };
    let front = stand.front();
    assert_eq!(mark(front, EPOCH, "old").await, Ok(true));
    assert_eq!(stand.server.command("CONFIG SET maxmemory 1"), "+OK");
    assert_eq!(mark(front, EPOCH, "new").await, Err(Lost::Unavailable));
    assert_eq!(stand.server.command("CONFIG SET maxmemory 0"), "+OK");
    assert_eq!(mark(front, EPOCH, "old").await, Ok(false));
    assert_eq!(mark(front, EPOCH, "new").await, Ok(true));
}

/// The account that the module's documentation names, and a password that arrives after the broker.
#[tokio::test]
async fn a_narrow_account_suffices_and_a_late_password_is_tried_again() {
    let Some(server) = Server::start(&[]) else { return };
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let front = over(&format!("redis://unefois:s%40lt@127.0.0.1:{}", server.port), None);
    assert_eq!(front.stamp().await, Err(Lost::Unavailable));
    let rights = "resetkeys ~unefois:* -@all +evalsha +script|load +get +set +getdel +del +info";
    assert_eq!(server.command(&format!("ACL SETUSER unefois on >s@lt {rights}")), "+OK");
    assert_eq!(stamp_once_back(&front).await, None);
    front.set_stamp(EPOCH).await.unwrap();
    assert_eq!(mark(&front, EPOCH, "a").await, Ok(true));
    front.put(EPOCH, Space::Code, "c", &1, LONG).await.unwrap();
    assert_eq!(front.get::<u8>(EPOCH, Space::Code, "c").await, Ok(Some(1)));
    assert_eq!(front.take::<u8>(EPOCH, Space::Code, "c").await, Ok(Some(1)));
    front.remove(EPOCH, Space::Code, "c").await.unwrap();
    let log = log.text();
    assert!(
        log.contains("the Redis server cannot be used") && !log.contains("s@lt") && !log.contains("s%40lt"),
        "{log}"
    );
}

#[test]
fn an_address_that_cannot_be_used_is_refused_and_not_repeated() {
    for address in ["", "127.0.0.1:6379", "http://u:secret@h", "rediss://u:secret@h/#insecure", "redis://u:secret@h/x"]
    {
        assert_eq!(Redis::open(address, None, Redis::PATIENCE).err(), Some(BadAddress), "{address}");
    }
    assert_eq!(Redis::open("redis://h", Some(b"a certificate"), Redis::PATIENCE).err(), Some(BadAddress));
    assert!(!format!("{BadAddress:?} {BadAddress}").contains("secret"));
}

#[cfg(feature = "dev")]
mod tls {
    use std::{env, fs};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::{super::server::free_port, *};

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// A server that speaks TLS on the second port, under a certificate for `localhost`.
    fn server(authority: &Authority) -> Option<(Server, u16)> {
        let (plain, tls) = (free_port(), free_port());
        let folder = env::temp_dir().join(format!("unefois-redis-tls-{}-{plain}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        let file = |name, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path.into_os_string().into_string().unwrap()
        };
        let (certificate, key) = (file("server.pem", certificate.pem()), file("key.pem", key.serialize_pem()));
        let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-auth-clients", "no"];
        let port = tls.to_string();
        let options = [&["--tls-port", &port], files.as_slice()].concat();
        Server::start_in(folder, plain, &options).map(|server| (server, tls))
    }

    #[tokio::test]
    async fn trusts_the_named_authority_and_no_other() {
        let (own, other) = (authority(), authority());
        let Some((_server, port)) = server(&own) else { return };
        let address = format!("rediss://localhost:{port}");
        let trusting = over(&address, Some(own.pem().as_bytes()));
        assert_eq!(stamp_once_back(&trusting).await, None);
        trusting.set_stamp(EPOCH).await.unwrap();
        assert_eq!(mark(&trusting, EPOCH, "a").await, Ok(true));
        for front in [
            over(&address, Some(other.pem().as_bytes())),
            over(&address, None),
            over(&format!("rediss://127.0.0.1:{port}"), Some(own.pem().as_bytes())),
        ] {
            for _ in 0..3 {
                assert_eq!(front.stamp().await, Err(Lost::Unavailable));
                sleep(Duration::from_millis(150)).await;
            }
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
