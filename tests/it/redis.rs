//! The main job with a real Redis server keeping what may vanish: with it, after it forgot everything, and without it.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Method;
use unefois::app;
use unefois::dev::play;
use unefois::dev::world::{Setting, World};

use super::harness::{Handed, Log, PORTAL, Person, RESIDENCE, TOWN, client, push, ready};

const PROGRAM: &str = "redis-server";

/// A `redis-server` on a loopback port of its own.
struct Server {
    port: u16,
    folder: PathBuf,
    process: Child,
}

impl Server {
    /// `None` where the program is not installed, unless the environment says that it must be.
    fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("unefois-it-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        match launch(&folder, port) {
            Ok(process) => {
                let server = Self { port, folder, process };
                server.await_pong();
                Some(server)
            }
            Err(fault) if fault.kind() == ErrorKind::NotFound => {
                std::fs::remove_dir_all(folder).unwrap();
                let required = std::env::var_os("UNEFOIS_REQUIRE_SERVERS").is_some_and(|value| value == "1");
                assert!(!required, "{PROGRAM} is not installed");
                println!("skipped: {PROGRAM} is not installed");
                None
            }
            Err(fault) => panic!("{PROGRAM} does not start: {fault}"),
        }
    }

    async fn world(&self) -> World {
        let redis = Some(format!("redis://127.0.0.1:{}", self.port));
        World::set(Setting { redis, ..Setting::default() }).await.unwrap()
    }

    fn command(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply)?;
        Ok(reply.trim_end().to_owned())
    }

    fn await_pong(&self) {
        for _ in 0..1_000 {
            if self.command("PING").is_ok_and(|reply| reply == "+PONG") {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{PROGRAM} does not answer")
    }

    /// Copies the value of each name that matches to another name, which a term of Lua gives.
    fn each(&self, pattern: &str, to: &str) {
        let copy = format!(
            "for _, name in ipairs(redis.call('KEYS', '{pattern}')) do redis.call('COPY', name, {to}, 'REPLACE') end"
        );
        assert_eq!(self.command(&format!("EVAL \"{copy} return 'done'\" 0")).unwrap(), "$4");
    }

    fn flush(&self) {
        assert_eq!(self.command("FLUSHALL").unwrap(), "+OK");
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn restart(&mut self) {
        self.process = launch(&self.folder, self.port).unwrap();
        self.await_pong();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn launch(folder: &PathBuf, port: u16) -> std::io::Result<Child> {
    Command::new(PROGRAM)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Nobody asks but the operators' probe: whoever waits for it to say yes sends nobody before.
async fn until_ready(world: &World) {
    for _ in 0..200 {
        if ready(world).await.0 == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the broker does not come back by itself: {:?}", ready(world).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_runs_on_redis() {
    let Some(server) = Server::start() else { return };
    let world = server.world().await;
    let steps = play(&world, |_| {}).await;
    assert_eq!(steps.len(), unefois::dev::steps().len());
    assert!(steps.iter().all(|step| step.ok), "{steps:#?}");
    // It did keep something there.
    assert_ne!(server.command("DBSIZE").unwrap(), ":0");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_goes_on_reading_and_withdraws_where_redis_reads_and_does_not_write() {
    let Some(server) = Server::start() else { return };
    let world = server.world().await;
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    // In English by now, so that a French page has something to keep.
    let gate = person.browser.open(&format!("{}/fr/english", world.issuer)).await.unwrap().page().unwrap();
    person.browser.submit(&gate, &[("choice", "attest"), ("next", "decisions")]).await.unwrap().page().unwrap();

    assert_eq!(server.command("CONFIG SET maxmemory 1").unwrap(), "+OK");
    let refused = agency.push(&RESIDENCE.details(&world), "etat").await.unwrap();
    assert_eq!(refused.err().map(|answer| answer.status.as_u16()), Some(503), "the control: nothing is written");
    for language in ["en", "fr"] {
        let url = format!("{}/{language}/decisions", world.issuer);
        let page = person.browser.open(&url).await.unwrap().page().unwrap();
        assert!(page.status == 200 && page.html.contains(&held.consent), "{} {}", page.status, page.heading());
    }
    person.withdraw(&world, &held.consent).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_forgot_is_void_and_nothing_else() {
    let Some(server) = Server::start() else { return };
    let world = server.world().await;
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    let portal_token = person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    // A code that is not redeemed yet, one that was, and a request that was answered.
    let pushed = push(&agency, &RESIDENCE.details(&world)).await;
    let page = person.arrive(&pushed.url).await;
    let code = person.agree(&page, &[]).await["code"].clone();
    let spent = push(&agency, &RESIDENCE.details(&world)).await;
    let page = person.arrive(&spent.url).await;
    let spent_code = person.agree(&page, &[]).await["code"].clone();
    agency.redeem(&spent, &spent_code).await.unwrap();
    let url = format!("{}/v1/releases", world.issuer);
    let authorization = format!("DPoP {}", held.token.access_token);
    let proof = agency.proof("POST", &url, Some(&held.token.access_token)).unwrap();
    let headers = [
        ("authorization", authorization.as_str()),
        ("dpop", proof.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "cle-1"),
    ];
    let wire = world.wire().unwrap();
    let once = wire.send(Method::POST, &url, &headers, held.ask.to_string()).await.unwrap();
    let released = Handed::of("cle-1", &once).unwrap();

    server.flush();
    // No token comes from a replay: not at once, and not after the broker noticed and began anew.
    for _ in 0..3 {
        let replayed = wire.send(Method::POST, &url, &headers, held.ask.to_string()).await.unwrap();
        assert!([401, 503].contains(&replayed.status.as_u16()), "{}", replayed.text());
    }
    for (pushed, code) in [(&pushed, &code), (&spent, &spent_code)] {
        let refused = agency.redeem(pushed, code).await.unwrap_err();
        assert!(refused.contains("invalid_grant"), "{refused}");
    }
    // Sessions are void: the person's and the portal's.
    let landed = person.browser.open(&format!("{}/fr/decisions", world.issuer)).await.unwrap().page().unwrap();
    assert!(!landed.html.contains(&held.consent), "a session outlived what kept it");
    let refused = portal.check(&portal_token).await.unwrap();
    assert_eq!(refused.status, 401);
    // What lies in the record stands: the consent, the grant, the key.
    let again = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    assert_eq!(Handed::of("cle-1", &again).unwrap().release, released.release);
    assert_eq!(ready(&world).await.0, 200);
    let mut person = Person::new(&world, "alice");
    person.consent(&world, &agency, &RESIDENCE).await;
    person.withdraw(&world, &held.consent).await;
    assert_eq!(agency.release(&held.token, "cle-1", &held.ask).await.unwrap().status, 403);
    Log::export(&world).await.holds(&world, &[released]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_closed_is_not_revived_by_an_older_state() {
    let Some(server) = Server::start() else { return };
    let world = server.world().await;
    let agency = client(&world, TOWN).await;
    let decisions = format!("{}/fr/decisions", world.issuer);
    let (mut leaves, mut stays) = (Person::new(&world, "alice"), Person::new(&world, "noe"));
    for person in [&mut leaves, &mut stays] {
        person.arrive(&push(&agency, &RESIDENCE.details(&world)).await.url).await;
    }
    let page = leaves.browser.open(&decisions).await.unwrap().page().unwrap();
    assert_eq!((page.status, page.url.as_str()), (200, decisions.as_str()));

    // A server that restarts is told by its run: this one keeps its own, and goes back to the moment before.
    server.each("*", "'old:' .. name");
    leaves.browser.submit_to(&page, "/fr/quitter", &[]).await.unwrap().page().unwrap();
    server.each("old:*", "string.sub(name, 5)");
    let page = leaves.browser.open(&decisions).await.unwrap().page().unwrap();
    assert!(page.url.starts_with(&world.persons), "a closed session opens {}", page.url);
    let page = stays.browser.open(&decisions).await.unwrap().page().unwrap();
    assert_eq!((page.status, page.url.as_str()), (200, decisions.as_str()), "the control: the older state is there");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_without_redis_nothing_is_released_and_who_is_signed_in_still_withdraws() {
    let Some(mut server) = Server::start() else { return };
    let world = server.world().await;
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &RESIDENCE).await;
    let other = person.consent(&world, &agency, &RESIDENCE).await;

    server.kill();
    let refused = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    let Err(refused) = agency.push(&RESIDENCE.details(&world), "etat").await.unwrap() else { panic!("pushed") };
    assert_eq!(refused.status, 503, "{}", refused.text());
    let (status, said) = ready(&world).await;
    assert_eq!(status, 503);
    assert_ne!(said["guard"], "ok", "{said}");
    assert_eq!(said["record"], "ok", "{said}");
    // Who is signed in sees what they decided, and takes it back. Nothing else begins: no consent, no sign-in.
    let decisions = format!("{}/fr/decisions", world.issuer);
    let page = person.browser.open(&decisions).await.unwrap().page().unwrap();
    assert!(page.status == 200 && page.html.contains(&other.consent), "{} {}", page.status, page.heading());
    person.withdraw(&world, &other.consent).await;
    let question = person.browser.open(&format!("{}/fr/consentement", world.issuer)).await.unwrap().page().unwrap();
    assert_eq!(question.status, 503, "it is out of reach, not over: {}", question.heading());
    // Signing out ends that too.
    person.browser.submit_to(&page, "/fr/quitter", &[]).await.unwrap().page().unwrap();
    for browser in [&mut person.browser, &mut Person::new(&world, "alice").browser] {
        assert_eq!(browser.open(&decisions).await.unwrap().page().unwrap().status, 503);
    }
    // Operators' acts need no session.
    let (issuer, sub) = (world.persons.clone(), "alice".to_owned());
    let classes = vec!["values:revenu".to_owned(), "values:adresse".to_owned()];
    let erase = app::Command::Erase { operator: "essai".to_owned(), issuer, sub, classes };
    app::command(&world.config, erase).await.unwrap();

    server.restart();
    until_ready(&world).await;
    let refused = agency.release(&held.token, "cle-2", &held.ask).await.unwrap();
    assert_eq!(refused.status, 403, "what was erased meanwhile stays erased: {}", refused.text());
    let portal_token = {
        person = Person::new(&world, "alice");
        person.give_address(&world, &portal).await
    };
    assert_eq!(portal.check(&portal_token).await.unwrap().status, 200);
    let refused = agency.release(&other.token, "cle-4", &other.ask).await.unwrap();
    assert_eq!(refused.status, 403, "what was withdrawn meanwhile stays withdrawn: {}", refused.text());
    let answer = agency.release(&held.token, "cle-3", &held.ask).await.unwrap();
    assert!(Handed::of("cle-3", &answer).is_some(), "{}", answer.text());
    assert_eq!(ready(&world).await.0, 200);
    world.end().await;
}
