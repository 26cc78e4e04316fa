//! What tests of users share: partners with their persons, load, the log as an auditor reads it, brokers as processes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use unefois::app::{self, Command as Order, sign_activation};
use unefois::clock::{Clock, Moment, SystemClock};
use unefois::dev::browser::{Browser, Landed, Page};
use unefois::dev::client::{Client, Pushed, Token};
use unefois::dev::wire::Answer;
use unefois::dev::world::Founded;
use unefois::jose::b64;
use unefois::policy::Bundle;
use unefois::verify;

/// The portal that drafts and checks.
pub(crate) const PORTAL: &str = "portail-fleuve";
/// A one-use purpose: the address, once.
pub(crate) const ADDRESSES: &str = "saaq-adresses";
/// A purpose without a limit of uses: the municipality.
pub(crate) const TOWN: &str = "val-cendre-residents";
/// A sensitive purpose, whose tokens are encrypted: the income, three times.
pub(crate) const STUDENT_AID: &str = "afe-demandes";

/// A partner of this world.
pub(crate) async fn client(world: &Founded, id: &str) -> Client {
    let (wire, key) = (world.wire().unwrap(), world.key(id).unwrap());
    Client::discover(wire, &world.issuer, id, key, &world.redirect_uri(id)).await.unwrap()
}

/// A person with a browser.
pub(crate) struct Person {
    pub(crate) browser: Browser,
    persona: &'static str,
    persons: String,
}

impl Person {
    pub(crate) fn new(world: &Founded, persona: &'static str) -> Self {
        let browser = Browser::new(world.wire().unwrap(), &world.site);
        Self { browser, persona, persons: world.persons.clone() }
    }

    /// Opens an address, continues, and signs in where asked.
    pub(crate) async fn arrive(&mut self, url: &str) -> Page {
        let arrival = self.browser.open(url).await.unwrap().page().unwrap();
        let mut page = self.browser.submit(&arrival, &[("choice", "continue")]).await.unwrap().page().unwrap();
        for field in ["persona", "confirm"] {
            if page.url.starts_with(&self.persons) {
                page = self.browser.submit(&page, &[(field, self.persona)]).await.unwrap().page().unwrap();
            }
        }
        page
    }

    /// Says yes; what the client is brought.
    pub(crate) async fn agree(&mut self, page: &Page, express: &[&str]) -> BTreeMap<String, String> {
        let mut fields: Vec<_> = express.iter().map(|attribute| ("express", *attribute)).collect();
        fields.push(("choice", "yes"));
        let landed = self.browser.submit(page, &fields).await.unwrap();
        landed.back().unwrap()
    }

    /// Lets the portal check and draft; the portal's token.
    pub(crate) async fn open_portal(&mut self, world: &Founded, portal: &Client) -> Token {
        let details = json!([{
            "type": format!("{}/types/portal-session/v1", world.issuer),
            "checks": ["adresse", "revenu"], "drafts": ["adresse", "revenu"],
        }]);
        self.grant(portal, &details, &[]).await
    }

    /// Confirms a draft that the portal submits.
    pub(crate) async fn submit(&mut self, portal: &Client, token: &Token, kind: &str, values: &Value) {
        let page = self.draft(portal, token, kind, values).await;
        let back = self.agree(&page, &[]).await;
        assert_eq!(back["result"], "done");
    }

    /// A draft that the portal submits, on our page.
    pub(crate) async fn draft(&mut self, portal: &Client, token: &Token, kind: &str, values: &Value) -> Page {
        let answer = portal.draft(token, kind, values, "etat").await.unwrap();
        let uri = answer.json()["confirm_uri"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned();
        self.browser.open(&uri).await.unwrap().page().unwrap()
    }

    /// Gives the address through the portal; the portal's token.
    pub(crate) async fn give_address(&mut self, world: &Founded, portal: &Client) -> Token {
        let token = self.open_portal(world, portal).await;
        self.submit(portal, &token, "adresse", &address(OLD_TOWN)).await;
        token
    }

    /// Agrees to what a client asks; the client's token.
    pub(crate) async fn grant(&mut self, client: &Client, details: &Value, express: &[&str]) -> Token {
        let pushed = push(client, details).await;
        let page = self.arrive(&pushed.url).await;
        let back = self.agree(&page, express).await;
        client.redeem(&pushed, &back["code"]).await.unwrap()
    }

    /// Consents to what an agency asks for; its token, with the ask that goes with it.
    pub(crate) async fn consent(&mut self, world: &Founded, agency: &Client, what: &Wanted) -> Consented {
        let token = self.grant(agency, &what.details(world), what.express).await;
        Consented::of(token, what)
    }

    /// Takes a consent back.
    pub(crate) async fn withdraw(&mut self, world: &Founded, consent: &str) {
        let url = format!("{}/fr/decisions/{consent}", world.issuer);
        let page = self.browser.open(&url).await.unwrap().page().unwrap();
        let landed = self.browser.submit(&page, &[("choice", "withdraw")]).await.unwrap();
        let Landed::Page(done) = landed else { panic!("sent away") };
        assert_eq!(done.status, 200, "{}", done.heading());
    }
}

/// The machine's clock, so many seconds on.
#[derive(Default)]
pub(crate) struct Later(pub(crate) AtomicI64);

impl Clock for Later {
    fn now(&self) -> Moment {
        SystemClock.now().plus(self.0.load(Ordering::SeqCst))
    }
}

/// Pushes a request that is accepted.
pub(crate) async fn push(client: &Client, details: &Value) -> Pushed {
    client.push(details, "etat").await.unwrap().unwrap_or_else(|answer| panic!("{}", answer.text()))
}

/// What an agency asks for.
pub(crate) struct Wanted {
    pub(crate) purpose: &'static str,
    pub(crate) recipient: &'static str,
    pub(crate) necessary: &'static [&'static str],
    pub(crate) optional: &'static [&'static str],
    pub(crate) express: &'static [&'static str],
}

/// The municipality, as often as wanted.
pub(crate) const RESIDENCE: Wanted = Wanted {
    purpose: "residence-municipale",
    recipient: "ville-de-val-cendre",
    necessary: &["adresse.municipalite"],
    optional: &[],
    express: &[],
};

/// The address, once.
pub(crate) const CHANGE_OF_ADDRESS: Wanted = Wanted {
    purpose: "changement-adresse",
    recipient: "saaq",
    necessary: &["identite.nom", "adresse.ligne", "adresse.municipalite", "adresse.code-postal", "adresse.depuis"],
    optional: &[],
    express: &[],
};

/// The own income, three times.
pub(crate) const INCOME: Wanted = Wanted {
    purpose: "aide-etudes",
    recipient: "afe",
    necessary: &["revenu.annuel", "revenu.annee"],
    optional: &[],
    express: &["revenu.annuel"],
};

impl Wanted {
    pub(crate) fn details(&self, world: &Founded) -> Value {
        json!([{
            "type": format!("{}/types/data-release/v1", world.issuer), "purpose": self.purpose,
            "datatypes": self.necessary, "optional_datatypes": self.optional, "recipient": self.recipient,
        }])
    }
}

/// What an agency holds once a person consented.
#[derive(Clone)]
pub(crate) struct Consented {
    pub(crate) token: Token,
    pub(crate) consent: String,
    pub(crate) ask: Value,
}

impl Consented {
    fn of(token: Token, what: &Wanted) -> Self {
        let consent = token.details.pointer("/0/consent_id").and_then(Value::as_str).unwrap().to_owned();
        let attributes: Vec<_> = what.necessary.iter().chain(what.optional).collect();
        let ask = json!({"consent_id": consent, "purpose": what.purpose, "attributes": attributes});
        Self { token, consent, ask }
    }
}

pub(crate) const OLD_TOWN: &str = "Val-Cendre";
pub(crate) const NEW_TOWN: &str = "Anse-aux-Bouleaux";

/// An address in a town.
pub(crate) fn address(town: &str) -> Value {
    json!({"ligne": "12, rue de l’Île-aux-Coudres", "municipalite": town, "code-postal": "G1A 1A1",
        "depuis": "2024-07-01"})
}

/// An answer that handed a token out.
#[derive(Clone)]
pub(crate) struct Handed {
    pub(crate) key: String,
    pub(crate) release: String,
    pub(crate) index: u64,
    pub(crate) proof: String,
    pub(crate) token: String,
}

impl Handed {
    /// What an answer handed out; none when it refused.
    pub(crate) fn of(key: &str, answer: &Answer) -> Option<Self> {
        if answer.status != 200 {
            return None;
        }
        let body = answer.json();
        let text = |member: &str| body[member].as_str().unwrap().to_owned();
        let proof = text("proof");
        let index = proof.lines().find_map(|line| line.strip_prefix("index ")).unwrap().parse().unwrap();
        let (release, token) = (text("release_id"), text("data_token"));
        Some(Self { key: key.to_owned(), release, index, proof, token })
    }

    /// The claims of a token that is not encrypted, without a check.
    pub(crate) fn claims(&self) -> Value {
        let payload = self.token.split('.').nth(1).unwrap();
        serde_json::from_slice(&unefois::jose::b64::decode(payload).unwrap()).unwrap()
    }

    pub(crate) fn value(&self, attribute: &str) -> Value {
        self.claims()["values"][attribute]["value"].clone()
    }
}

/// Asks under load: every answer, in the order of its arrival.
pub(crate) struct Load {
    pub(crate) answered: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    workers: Vec<tokio::task::JoinHandle<Vec<(String, Answer)>>>,
}

impl Load {
    /// `workers` ask side by side, each `asks` times at most; every fourth ask repeats the key of the one before.
    pub(crate) fn start(agency: &Arc<Client>, held: &Consented, workers: usize, asks: usize) -> Self {
        let (answered, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let worker = |worker: usize| {
            let (agency, held) = (Arc::clone(agency), held.clone());
            let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for number in 0..asks {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let key = format!("cle-{worker}-{}", if number % 4 == 3 { number - 1 } else { number });
                    let answer = agency.release(&held.token, &key, &held.ask).await.unwrap();
                    answered.fetch_add(1, Ordering::SeqCst);
                    answers.push((key, answer));
                }
                answers
            })
        };
        Self { workers: (0..workers).map(worker).collect(), answered, stop }
    }

    /// Waits until so many were answered.
    pub(crate) async fn until(&self, count: usize) {
        while self.answered.load(Ordering::SeqCst) < count
            && !self.workers.iter().all(tokio::task::JoinHandle::is_finished)
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Lets every worker finish what it was to ask.
    pub(crate) async fn end(self) -> Answers {
        let mut answers = Answers { handed: Vec::new(), refused: Vec::new() };
        for worker in self.workers {
            for (key, answer) in worker.await.unwrap() {
                match Handed::of(&key, &answer) {
                    Some(handed) => answers.handed.push(handed),
                    None => answers.refused.push(answer),
                }
            }
        }
        answers
    }

    /// Ends after so many further answers.
    pub(crate) async fn stop_after(self, more: usize) -> Answers {
        self.until(self.answered.load(Ordering::SeqCst) + more).await;
        self.stop.store(true, Ordering::SeqCst);
        self.end().await
    }
}

/// What a load was answered.
pub(crate) struct Answers {
    pub(crate) handed: Vec<Handed>,
    pub(crate) refused: Vec<Answer>,
}

impl Answers {
    /// How many refusals of each status there were.
    pub(crate) fn statuses(&self) -> BTreeMap<u16, usize> {
        let mut statuses = BTreeMap::new();
        for answer in &self.refused {
            *statuses.entry(answer.status.as_u16()).or_insert(0) += 1;
        }
        statuses
    }
}

/// One entry of an export.
pub(crate) struct Entry {
    pub(crate) index: u64,
    pub(crate) event: &'static str,
    pub(crate) rules: [u8; 32],
    pub(crate) act: Value,
    /// Null where its key is destroyed, or where nobody opened it.
    pub(crate) person: Value,
    pub(crate) leaf: Vec<u8>,
}

/// The log as an auditor reads it.
pub(crate) struct Log {
    pub(crate) folder: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

impl Log {
    /// Exports the log, with person parts.
    pub(crate) async fn export(world: &Founded) -> Self {
        let folder = world.folder.join(format!("export-{:?}", std::time::Instant::now()).replace([' ', '{', '}'], ""));
        let open = Some(("essai".to_owned(), "vérification".to_owned()));
        app::command(&world.config, app::Command::Export { folder: folder.clone(), open }).await.unwrap();
        Self::read(folder)
    }

    fn read(folder: PathBuf) -> Self {
        let (acts, persons) = (lines(&folder, "acts.jsonl"), lines(&folder, "persons.jsonl"));
        let leaves = std::fs::read(folder.join("leaves")).unwrap();
        let entry = |((act, person), leaf): ((Value, Value), &[u8])| {
            let parsed = verify::Leaf::parse(leaf).unwrap();
            let opened = |line: &Value| {
                line["payload"].as_str().map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default()
            };
            Entry {
                index: act["index"].as_u64().unwrap(),
                event: parsed.event().name(),
                rules: *parsed.rules(),
                act: opened(&act),
                person: opened(&person),
                leaf: leaf.to_vec(),
            }
        };
        let entries: Vec<_> = acts.into_iter().zip(persons).zip(leaves.chunks(verify::LEAF_SIZE)).map(entry).collect();
        assert!(entries.iter().zip(0..).all(|(entry, index)| entry.index == index));
        Self { folder, entries }
    }

    /// The entries of these events.
    pub(crate) fn of(&self, events: &[&str]) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| events.contains(&entry.event)).collect()
    }

    /// Releases and redeliveries.
    pub(crate) fn deliveries(&self) -> Vec<&Entry> {
        self.of(&["release", "redelivery"])
    }

    /// The only entry of an event.
    pub(crate) fn one(&self, event: &str) -> &Entry {
        let found = self.of(&[event]);
        assert_eq!(found.len(), 1, "{event}");
        found[0]
    }

    /// Every token handed out has its entry, and the proofs that came with them hold.
    pub(crate) fn holds(&self, world: &Founded, handed: &[Handed]) {
        for one in handed {
            let entry = &self.entries[usize::try_from(one.index).unwrap()];
            assert!(["release", "redelivery"].contains(&entry.event), "entry {} is a {}", one.index, entry.event);
            assert_eq!(entry.act["jti"], one.release.as_str());
        }
        // A few proofs say as much as a thousand of the same batches.
        let proofs = handed.iter().step_by(1 + handed.len() / 50).map(|one| one.proof.clone()).collect();
        self.audited(world, proofs);
    }

    /// The export holds offline, against the verifier key and proofs held.
    pub(crate) fn audited(&self, world: &Founded, proofs: Vec<String>) {
        let trust = verify::Trust { vkey: Some(world.vkey.clone()), checkpoints: Vec::new(), proofs };
        let report = verify::audit(&self.folder, &trust).unwrap();
        assert!(report.ok, "{report}");
    }
}

fn lines(folder: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rules that a refusal names to its asker.
pub(crate) fn reasons(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let told = body["reasons"].as_array().cloned().unwrap_or_default();
    told.iter().map(|reason| reason["id"].as_str().unwrap().to_owned()).collect()
}

/// How many entries the log has, from its public checkpoint.
pub(crate) async fn log_size(world: &Founded) -> u64 {
    let note = world.wire().unwrap().get(&format!("{}/log/checkpoint", world.issuer)).await.unwrap().text();
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// The purposes of the catalogue.
pub(crate) const PURPOSES: &str = "catalogue/purposes.toml";

/// Brings the bundle into force with one text of one of its files replaced; its digest. What was changed stays changed.
pub(crate) async fn activate(world: &Founded, file: &str, from: &str, to: &str) -> [u8; 32] {
    let head = app::command(&world.config, Order::Head).await.unwrap();
    let previous = b64::decode_array::<32>(head["bundle"].as_str().unwrap()).unwrap();
    let mut files = world.files.clone();
    let text = files.get_mut(file).unwrap();
    assert!(text.contains(from));
    *text = text.replace(from, to);
    let bundle = Bundle::from_files(files);
    let digest = *bundle.load().unwrap().digest();
    let signature = sign_activation(&world.administrator, &digest, &previous).unwrap();
    let bundle = String::from_utf8(bundle.canonical().unwrap()).unwrap();
    app::command(&world.config, Order::Activate { bundle, signatures: vec![signature.named()] }).await.unwrap();
    digest
}

/// A broker in a process of its own, on a world that was founded.
pub(crate) struct Broker {
    process: Child,
    log: PathBuf,
}

/// The program under test. Whoever runs this binary by hand may name another.
pub(crate) fn program() -> OsString {
    std::env::var_os("CARGO_BIN_EXE_unefois").unwrap_or_else(|| env!("CARGO_BIN_EXE_unefois").into())
}

impl Broker {
    /// Starts it, ready to answer.
    pub(crate) async fn start(world: &Founded, options: &[&str]) -> Self {
        let command = Command::new(program());
        Self::launch(world, command, options).await.unwrap_or_else(|said| panic!("the broker does not start: {said}"))
    }

    /// Starts it with no file longer than this many half-kilobytes.
    pub(crate) async fn start_limited(world: &Founded, blocks: u32) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]).arg(program());
        Self::launch(world, command, &["--trial"]).await.unwrap()
    }

    /// What it says when it refuses to start.
    pub(crate) async fn refuses(world: &Founded, options: &[&str]) -> String {
        match Self::launch(world, Command::new(program()), options).await {
            Ok(_) => panic!("the broker starts"),
            Err(said) => said,
        }
    }

    async fn launch(world: &Founded, mut command: Command, options: &[&str]) -> Result<Self, String> {
        let log = world.folder.join("broker.log");
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let start = file.metadata().unwrap().len();
        command.arg("serve").args(options).arg("--config").arg(world.folder.join("unefois.toml"));
        let level = if options.contains(&"--trial") { LEVEL } else { "warn" };
        command.env("UNEFOIS_LOG", level).stdout(Stdio::null()).stderr(file);
        let mut broker = Self { process: command.spawn().unwrap(), log };
        let (wire, health) = (world.wire().unwrap(), format!("http://{}/healthz", world.config.listen.ops));
        for _ in 0..1_000 {
            if let Some(status) = broker.process.try_wait().unwrap() {
                assert!(!status.success(), "it ended by itself, in peace");
                let said = std::fs::read(&broker.log).unwrap();
                return Err(String::from_utf8_lossy(&said[usize::try_from(start).unwrap()..]).into_owned());
            }
            if wire.get(&health).await.is_ok_and(|answer| answer.status == 200) {
                return Ok(broker);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the broker neither starts nor ends")
    }

    /// As a power cut does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn terminate(mut self) {
        let signalled = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(signalled.success());
        let ended = tokio::task::spawn_blocking(move || (self.process.wait(), self)).await.unwrap().0.unwrap();
        assert!(ended.success(), "{ended}");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Everything that a broker can say, since a test reads it for what it must not.
const LEVEL: &str = "debug";

/// Whether the broker makes releases, and what it says about it.
pub(crate) async fn ready(world: &Founded) -> (u16, Value) {
    let url = format!("http://{}/readyz", world.config.listen.ops);
    let answer = world.wire().unwrap().get(&url).await.unwrap();
    (answer.status.as_u16(), answer.json())
}
