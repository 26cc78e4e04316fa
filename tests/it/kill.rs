//! A broker killed at random moments under load: what it acknowledged is there, what it handed out has its entry, no
//! key led to two releases, and every checkpoint that ever left it holds. The same checker catches a record that
//! acknowledges before it commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use unefois::crypto::random;
use unefois::dev::client::Client;
use unefois::dev::world::{Founded, Setting};
use unefois::verify;

use super::harness::{Broker, Consented, Handed, Log, PORTAL, Person, RESIDENCE, TOWN, client};

/// Rounds in every run of the tests; `UNEFOIS_KILL_ROUNDS` asks for more.
const ROUNDS: u64 = 12;
/// Asks side by side, for each client.
const WORKERS: usize = 4;
/// Who asks about whom.
const PERSONAS: [&str; 2] = ["alice", "noe"];
/// Who withdraws.
const WITHDRAWER: &str = "luc-14";

/// What was seen from outside, and must stay true.
#[derive(Default)]
pub(crate) struct Witness {
    handed: Vec<Handed>,
    /// Keys whose ask was not answered with a token yet.
    open: Vec<(usize, String)>,
    checkpoints: Vec<String>,
    /// Consents whose withdrawal was acknowledged.
    withdrawn: Vec<String>,
    /// How many tokens and checkpoints were proved before: what a round adds is proved, what was there is compared.
    proved: (usize, usize),
}

/// The partners, each with a consent of its own.
pub(crate) struct Partners {
    asking: Vec<(Arc<Client>, Consented)>,
    /// Tokens handed out so far.
    handed: Arc<AtomicU64>,
    withdrawer: Person,
    withdrawable: Consented,
}

impl Partners {
    /// Signs everyone in anew: sessions and access tokens do not outlive a broker for long.
    pub(crate) async fn gather(world: &Founded, first: bool) -> Self {
        let portal = client(world, PORTAL).await;
        let mut asking = Vec::new();
        let mut last = None;
        for persona in [PERSONAS[0], PERSONAS[1], WITHDRAWER] {
            let agency = Arc::new(client(world, TOWN).await);
            let mut person = Person::new(world, persona);
            if first {
                person.give_address(world, &portal).await;
            }
            let held = person.consent(world, &agency, &RESIDENCE).await;
            asking.push((agency, held));
            last = Some(person);
        }
        let (_, withdrawable) = asking.pop().unwrap();
        Self { asking, handed: Arc::default(), withdrawer: last.unwrap(), withdrawable }
    }

    /// Asks, withdraws and reads checkpoints until the broker stops answering.
    pub(crate) async fn load(
        &mut self,
        world: &Founded,
        witness: &mut Witness,
        prefix: &str,
        end: impl Future<Output = ()>,
    ) {
        let stop = Arc::new(AtomicU64::new(0));
        let mut workers = Vec::new();
        for (place, (agency, held)) in self.asking.iter().enumerate() {
            for worker in 0..WORKERS {
                let (agency, held, stop) = (Arc::clone(agency), held.clone(), Arc::clone(&stop));
                let count = Arc::clone(&self.handed);
                let prefix = format!("{prefix}-{place}-{worker}");
                workers.push(tokio::spawn(async move {
                    let (mut handed, mut open) = (Vec::new(), Vec::new());
                    for number in 0_u32.. {
                        if stop.load(Ordering::SeqCst) > 0 {
                            break;
                        }
                        let key = format!("{prefix}-{number}");
                        let answer = agency.release(&held.token, &key, &held.ask).await;
                        match answer.ok().and_then(|answer| Handed::of(&key, &answer)) {
                            Some(one) => {
                                count.fetch_add(1, Ordering::SeqCst);
                                handed.push(one);
                            }
                            None => {
                                open.push((place, key));
                                break;
                            }
                        }
                    }
                    (handed, open)
                }));
            }
        }
        let (wire, checkpoint, stopped) =
            (world.wire().unwrap(), format!("{}/log/checkpoint", world.issuer), Arc::clone(&stop));
        let reader = tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            while stopped.load(Ordering::SeqCst) == 0 {
                match wire.get(&checkpoint).await {
                    Ok(answer) if answer.status == 200 => seen.insert(answer.text()),
                    _ => break,
                };
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            seen
        });
        let consent = self.withdrawable.consent.clone();
        let withdrawal = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            try_withdraw(&mut self.withdrawer, world, &consent).await.is_some()
        };
        let (withdrawn, ()) = tokio::join!(withdrawal, end);
        stop.store(1, Ordering::SeqCst);
        witness.withdrawn.extend(withdrawn.then_some(consent));
        for worker in workers {
            let (handed, open) = worker.await.unwrap();
            witness.handed.extend(handed);
            witness.open.extend(open);
        }
        witness.checkpoints.extend(reader.await.unwrap());
    }

    /// Repeats what was not answered, with the same keys, until it is.
    pub(crate) async fn repeat(&self, witness: &mut Witness) {
        for (place, key) in std::mem::take(&mut witness.open) {
            let (agency, held) = &self.asking[place];
            let answer = agency.release(&held.token, &key, &held.ask).await.unwrap();
            let handed = Handed::of(&key, &answer).unwrap_or_else(|| panic!("{key}: {}", answer.text()));
            witness.handed.push(handed);
        }
    }
}

/// Withdraws, as far as the broker lives to say that it is done.
async fn try_withdraw(person: &mut Person, world: &Founded, consent: &str) -> Option<()> {
    let url = format!("{}/fr/decisions/{consent}", world.issuer);
    let page = person.browser.open(&url).await.ok()?.page().ok()?;
    let done = person.browser.submit(&page, &[("choice", "withdraw")]).await.ok()?.page().ok()?;
    (done.status == 200).then_some(())
}

impl Witness {
    /// Whether the log is what was seen of it.
    pub(crate) fn check(&mut self, world: &Founded, log: &Log) -> Result<(), String> {
        for one in &self.handed {
            let entry = usize::try_from(one.index).ok().and_then(|index| log.entries.get(index));
            let entry = entry.ok_or_else(|| format!("entry {} was acknowledged and is not there", one.index))?;
            if leaf_of(&one.proof) != entry.leaf {
                return Err(format!("entry {} is another than was acknowledged", one.index));
            }
            let delivered =
                ["release", "redelivery"].contains(&entry.event) && entry.act["jti"] == one.release.as_str();
            if !delivered {
                return Err(format!("entry {} is not the release {}", one.index, one.release));
            }
        }
        let mut releases: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for one in &self.handed {
            releases.entry(&one.key).or_default().insert(&one.release);
        }
        if let Some((key, several)) = releases.iter().find(|(_, releases)| releases.len() > 1) {
            return Err(format!("{key} led to {several:?}"));
        }
        // Every key was answered at last: a release more than keys is one that a key led to twice.
        let entered = log.of(&["release"]).len();
        if self.open.is_empty() && entered != releases.len() {
            return Err(format!("{} keys led to {entered} releases", releases.len()));
        }
        for consent in &self.withdrawn {
            let of_it = |event: &[&str]| {
                log.of(event).iter().rfind(|it| it.person["consent"] == consent.as_str()).map(|it| it.index)
            };
            let withdrawal = of_it(&["withdrawal"]).ok_or("a withdrawal was acknowledged and is not there")?;
            if of_it(&["release", "redelivery"]).is_some_and(|last| last > withdrawal) {
                return Err(format!("released after the withdrawal at {withdrawal}"));
            }
        }
        let proofs = self.handed[self.proved.0..].iter().map(|one| one.proof.clone()).collect();
        let checkpoints = self.checkpoints[self.proved.1..].to_vec();
        let trust = verify::Trust { vkey: Some(world.vkey.clone()), checkpoints, proofs };
        let report = verify::audit(&log.folder, &trust).map_err(|fault| fault.to_string())?;
        self.proved = (self.handed.len(), self.checkpoints.len());
        if report.ok { Ok(()) } else { Err(report.to_string()) }
    }

    /// The same, with every proof and checkpoint held since the beginning.
    pub(crate) fn check_whole(&mut self, world: &Founded, log: &Log) -> Result<(), String> {
        self.proved = (0, 0);
        self.check(world, log)
    }

    pub(crate) fn handed(&self) -> usize {
        self.handed.len()
    }
}

/// The leaf that a proof is about.
fn leaf_of(proof: &str) -> Vec<u8> {
    let extra = proof.lines().find_map(|line| line.strip_prefix("extra ")).unwrap();
    let mut bytes = decode_base64(extra);
    bytes.truncate(verify::LEAF_SIZE);
    bytes
}

fn decode_base64(text: &str) -> Vec<u8> {
    let plain = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    unefois::jose::b64::decode(&plain).unwrap()
}

fn rounds() -> u64 {
    std::env::var("UNEFOIS_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// Somewhere in the life of a load: sign-in is over, releases run.
async fn random_moment() {
    let drawn = u64::from(u16::from_be_bytes(random().unwrap()));
    tokio::time::sleep(Duration::from_millis(20 + drawn % 300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_kill() {
    let world = Founded::found(Setting::default()).await.unwrap();
    let mut witness = Witness::default();
    let rounds = rounds();
    for round in 0..rounds {
        let mut broker = Broker::start(&world, &["--trial"]).await;
        let mut partners = Partners::gather(&world, round == 0).await;
        let end = async {
            random_moment().await;
            broker.kill();
        };
        partners.load(&world, &mut witness, &format!("cle-{round}"), end).await;
        assert!(!witness.open.is_empty(), "nothing was cut short");

        let broker = Broker::start(&world, &["--trial"]).await;
        partners.repeat(&mut witness).await;
        let log = Log::export(&world).await;
        let last = round + 1 == rounds;
        let held = if last { witness.check_whole(&world, &log) } else { witness.check(&world, &log) };
        held.unwrap_or_else(|fault| panic!("round {round}: {fault}"));
        std::fs::remove_dir_all(&log.folder).unwrap();
        drop(broker);
        if round % 10 == 9 {
            println!("round {}: {} tokens so far", round + 1, witness.handed());
        }
    }
    println!(
        "{rounds} rounds: {} tokens, {} checkpoints, {} withdrawals held",
        witness.handed.len(),
        witness.checkpoints.len(),
        witness.withdrawn.len()
    );
    world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_catches_a_record_that_acknowledges_before_it_commits() {
    let world = Founded::found(Setting::default()).await.unwrap();
    let mut witness = Witness::default();
    let head = world.config.keys.folder.join("head");
    let at_first = std::fs::read(&head).unwrap();
    let mut broker = Broker::start(&world, &["--trial", "--hasty"]).await;
    let mut partners = Partners::gather(&world, true).await;
    let handed = Arc::clone(&partners.handed);
    let end = async {
        // The withdrawal waits for what is late; some time after it, releases are acknowledged again.
        tokio::time::sleep(Duration::from_millis(400)).await;
        let enough = handed.load(Ordering::SeqCst) + 20;
        for _ in 0..10_000 {
            if handed.load(Ordering::SeqCst) >= enough {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        broker.kill();
    };
    partners.load(&world, &mut witness, "cle", end).await;
    assert!(witness.handed() > 0);

    // The head beside the checkpoint key has seen more than the record holds.
    let said = Broker::refuses(&world, &["--trial"]).await;
    assert!(said.contains("older copy"), "{said}");
    // With an older memory, which a record ahead of it never contradicts, the checker says so.
    std::fs::write(&head, at_first).unwrap();
    let broker = Broker::start(&world, &["--trial"]).await;
    let log = Log::export(&world).await;
    let caught = witness.check(&world, &log).unwrap_err();
    assert!(caught.contains("acknowledged"), "{caught}");
    drop(broker);
    world.end();
}
