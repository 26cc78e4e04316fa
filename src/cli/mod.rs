//! The command line. Every command says what it did on standard output, as text or with `--json` as one object; progress
//! and logs go to standard error. Exit codes: 0 done, 1 refused or departed, 2 not understood.

mod change;
mod govern;
mod policy;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

use crate::app::{self, Command as Admin};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::domain::Section;
use crate::jose::b64;
use crate::policy::{Bundle, Finding};
use crate::{telemetry, verify};

/// Unefois: people give their information to the State once.
#[derive(Parser)]
#[command(name = "unefois", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// Say it as one JSON object.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try everything: fictional data, loopback only, one command
    #[cfg(feature = "dev")]
    Dev(crate::dev::Options),
    /// Measure releases over TLS beside their crypto floor, on fictional data
    #[cfg(feature = "dev")]
    Bench(crate::dev::BenchOptions),
    /// Found a log: keys, administrators, the first bundle
    Init(govern::Init),
    /// Run the broker
    Serve(Serve),
    /// Check configuration, catalogue and rules
    Check(Check),
    /// Check an export, a proof or a data token, without a server or a network
    Verify(Verify),
    /// Write an export of the log that a third party can check
    Export(Export),
    /// Destroy the keys of a person's information
    Erase(Erase),
    /// Public bodies
    #[command(subcommand)]
    Body(Changing),
    /// Purposes
    #[command(subcommand)]
    Purpose(Changing),
    /// Clients
    #[command(subcommand)]
    Client(Client),
    /// Rules and catalogue
    #[command(subcommand)]
    Policy(Policy),
    /// Keys
    #[command(subcommand)]
    Keys(Keys),
}

#[derive(Args)]
struct Configured {
    /// Configuration file
    #[arg(long, env = "UNEFOIS_CONFIG", default_value = "unefois.toml")]
    config: PathBuf,
}

/// What the log enters under an operator's name.
#[derive(Args)]
struct Operated {
    #[command(flatten)]
    at: Configured,
    /// Your name, as the entry carries it
    #[arg(long, env = "USER", default_value = "operator")]
    operator: String,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    at: Configured,
    #[cfg(feature = "dev")]
    #[command(flatten)]
    trial: crate::dev::Trial,
}

#[derive(Args)]
struct Check {
    #[command(flatten)]
    at: Configured,
    /// Folder of a bundle to check with it
    #[arg(long)]
    policies: Option<PathBuf>,
}

#[derive(Args)]
struct Verify {
    /// Folder of an export
    export: Option<PathBuf>,
    /// The log's verifier key: a file that holds it, as at /log/vkey
    #[arg(long)]
    vkey: Option<PathBuf>,
    /// A signed checkpoint that you hold
    #[arg(long)]
    checkpoint: Vec<PathBuf>,
    /// An entry proof that you hold
    #[arg(long)]
    proof: Vec<PathBuf>,
    /// A data token, to be checked against the proof
    #[arg(long, requires = "jwks", requires = "issuer", requires = "audience")]
    token: Option<PathBuf>,
    /// The issuer's keys, as at /jwks
    #[arg(long)]
    jwks: Option<PathBuf>,
    /// The issuer
    #[arg(long)]
    issuer: Option<String>,
    /// The receiving body
    #[arg(long)]
    audience: Option<String>,
    /// Private JWK that decrypts the token
    #[arg(long)]
    key: Option<PathBuf>,
}

#[derive(Args)]
struct Export {
    #[command(flatten)]
    by: Operated,
    /// A new folder
    #[arg(long)]
    to: PathBuf,
    /// Open person parts too; this is itself an entry
    #[arg(long, requires = "reason")]
    open: bool,
    /// Why
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Args)]
struct Erase {
    #[command(flatten)]
    by: Operated,
    /// The identity service that knows the person
    #[arg(long)]
    issuer: String,
    /// Its identifier of the person
    #[arg(long)]
    sub: String,
    /// Classes to destroy (values:KIND, evidence); all values when none is given
    #[arg(long)]
    class: Vec<String>,
}

#[derive(Subcommand)]
enum Changing {
    /// Propose an entry of the catalogue, as an officer
    Add(change::Entry),
    /// Approve an entry that another officer proposed
    Approve(change::Entry),
}

#[derive(Subcommand)]
enum Client {
    #[command(flatten)]
    Changing(Changing),
    /// Stop a client: it gets nothing more
    Stop(govern::StopClient),
}

#[derive(Subcommand)]
enum Policy {
    /// Check a bundle: what to mend, what is worth knowing, and with --table where each row of the law is answered
    Check(policy::Check),
    /// Run cases: what the rules must come to, by which rules and sections
    Test(policy::Test),
    /// Bring a bundle into force
    Activate(govern::Activate),
    /// Sign a bundle into a file, for who brings it into force elsewhere
    Sign(govern::Sign),
}

#[derive(Subcommand)]
enum Keys {
    /// Make an administrator's key file
    Administrator(govern::NewKey),
    /// Make an officer's key file
    Officer(govern::NewKey),
}

/// What a command has to say: an object, and the same for people.
struct Said {
    object: Value,
    text: String,
    good: bool,
}

impl Said {
    fn new(object: Value, text: impl Into<String>) -> Self {
        Self { object, text: text.into(), good: true }
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let Cli { json, command } = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => return say(json, Err(fault.to_string())),
    };
    let said = match command {
        #[cfg(feature = "dev")]
        Command::Dev(options) => return runtime.block_on(crate::dev::run(options, json)),
        #[cfg(feature = "dev")]
        Command::Bench(options) => return runtime.block_on(crate::dev::bench(options, json)),
        Command::Init(init) => runtime.block_on(govern::begin(&init)),
        Command::Serve(asked) => runtime.block_on(serve(&asked)),
        Command::Check(check) => check_all(&check),
        Command::Verify(verify) => verify_all(&verify),
        Command::Export(export) => runtime.block_on(export_log(export)),
        Command::Erase(erase) => runtime.block_on(erase_keys(erase)),
        Command::Body(asked) => runtime.block_on(change_entry(Section::Body, asked)),
        Command::Purpose(asked) => runtime.block_on(change_entry(Section::Purpose, asked)),
        Command::Client(Client::Changing(asked)) => runtime.block_on(change_entry(Section::Client, asked)),
        Command::Client(Client::Stop(stop)) => runtime.block_on(govern::stop_client(stop)),
        Command::Policy(Policy::Check(check)) => Ok(policy::check(&check)),
        Command::Policy(Policy::Test(test)) => Ok(policy::test(&test)),
        Command::Policy(Policy::Activate(activate)) => runtime.block_on(govern::activate(&activate)),
        Command::Policy(Policy::Sign(sign)) => runtime.block_on(govern::sign_apart(&sign)),
        Command::Keys(Keys::Administrator(new) | Keys::Officer(new)) => govern::new_key(&new),
    };
    say(json, said)
}

fn say(json: bool, said: Result<Said, String>) -> ExitCode {
    let (object, text, good) = match said {
        Ok(Said { object, text, good }) => (object, text, good),
        Err(fault) => (json!({"ok": false, "fault": fault}), fault, false),
    };
    let text = if json { object.to_string() } else { text };
    if good || json {
        // A reader that went away has heard enough.
        let _ = writeln!(std::io::stdout(), "{text}");
    } else {
        let _ = writeln!(std::io::stderr(), "unefois: {text}");
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn config(at: &Configured) -> Result<Config, String> {
    Config::read(&at.config).map_err(|fault| fault.to_string())
}

async fn change_entry(section: Section, asked: Changing) -> Result<Said, String> {
    match asked {
        Changing::Add(entry) => change::propose(section, &entry).await,
        Changing::Approve(entry) => change::approve(section, &entry).await,
    }
}

async fn serve(asked: &Serve) -> Result<Said, String> {
    telemetry::start("info");
    let config = config(&asked.at)?;
    #[cfg(feature = "dev")]
    let running = asked.trial.serve(&config).await;
    #[cfg(not(feature = "dev"))]
    let running = app::serve(&config, false).await;
    let running = running.map_err(|fault| fault.to_string())?;
    tracing::info!(service = %running.service, ops = %running.ops, "listening");
    running.until_signal().await;
    running.stop().await;
    Ok(Said::new(json!({"ok": true}), "stopped"))
}

fn check_all(check: &Check) -> Result<Said, String> {
    config(&check.at)?;
    if let Some(folder) = &check.policies {
        let loaded = bundle(folder)?.load().map_err(|findings| said_findings(&findings))?;
        let digest = b64::encode(loaded.digest());
        return Ok(Said::new(json!({"ok": true, "bundle": digest}), format!("Nothing to mend. Bundle {digest}.")));
    }
    Ok(Said::new(json!({"ok": true}), "Nothing to mend."))
}

fn bundle(folder: &Path) -> Result<Bundle, String> {
    Bundle::read(folder).map_err(|findings| said_findings(&findings))
}

fn said_findings(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn verify_all(asked: &Verify) -> Result<Said, String> {
    let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|fault| format!("{}: {fault}", path.display()));
    let vkey = asked.vkey.as_ref().map(read).transpose()?.map(|text| text.trim().to_owned());
    let checkpoints = asked.checkpoint.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let proofs = asked.proof.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if let Some(token) = &asked.token {
        return verify_token(asked, &read(token)?, vkey.as_deref(), &proofs, &read);
    }
    let Some(folder) = &asked.export else {
        let vkey = vkey.ok_or("give an export, or a proof with --vkey")?;
        let vkey = verify::Vkey::parse(&vkey).map_err(|fault| fault.to_string())?;
        let checked = proofs.iter().map(|proof| verify::EntryProof::verify(proof, &vkey));
        let indices = checked.map(|proof| proof.map(|proof| proof.index()));
        let indices = indices.collect::<Result<Vec<_>, _>>().map_err(|fault| fault.to_string())?;
        return Ok(Said::new(json!({"ok": true, "entries": indices}), format!("Proved: entries {indices:?}.")));
    };
    let trust = verify::Trust { vkey, checkpoints, proofs };
    let report = verify::audit(folder, &trust).map_err(|fault| fault.to_string())?;
    let object = serde_json::to_value(&report).map_err(|fault| fault.to_string())?;
    Ok(Said { good: report.ok, object, text: report.to_string() })
}

fn verify_token(
    asked: &Verify,
    token: &str,
    vkey: Option<&str>,
    proofs: &[String],
    read: &impl Fn(&PathBuf) -> Result<String, String>,
) -> Result<Said, String> {
    let (Some(jwks), Some(issuer), Some(audience)) = (&asked.jwks, &asked.issuer, &asked.audience) else {
        return Err("a token is verified with --jwks, --issuer and --audience".to_owned());
    };
    let keys = read(jwks)?;
    let (Some(vkey), [proof]) = (vkey, proofs) else {
        return Err("a token is verified with --vkey and its --proof".to_owned());
    };
    let token = match &asked.key {
        Some(key) => verify::decrypt(token.trim(), &read(key)?).map_err(|fault| fault.to_string())?,
        None => token.trim().to_owned(),
    };
    let checked = || {
        let proof = verify::EntryProof::verify(proof, &verify::Vkey::parse(vkey)?)?;
        let expected = verify::Expected { issuer, audience, now: SystemClock.now().unix() };
        let token = verify::DataToken::verify(&token, &verify::Jwks::parse(&keys)?, &expected)?;
        token.check_entry(&proof)?;
        Ok::<_, verify::Fault>(token)
    };
    let token = checked().map_err(|fault| fault.to_string())?;
    let claims = token.claims();
    let text = serde_json::to_string_pretty(&claims).map_err(|fault| fault.to_string())?;
    Ok(Said::new(json!({"ok": true, "claims": claims}), text))
}

async fn export_log(asked: Export) -> Result<Said, String> {
    let config = config(&asked.by.at)?;
    let open = asked.open.then(|| (asked.by.operator, asked.reason.unwrap_or_default()));
    let folder = std::path::absolute(&asked.to).map_err(|fault| fault.to_string())?;
    let done = app::command(&config, Admin::Export { folder, open }).await?;
    let text = format!("Exported to {}: {done}", asked.to.display());
    Ok(Said::new(done, text))
}

async fn erase_keys(asked: Erase) -> Result<Said, String> {
    let config = config(&asked.by.at)?;
    let Erase { by: Operated { operator, .. }, issuer, sub, class: classes } = asked;
    let done = app::command(&config, Admin::Erase { operator, issuer, sub, classes }).await?;
    let text = format!(
        "Destroyed; entry {}. A backup opened with its own key ring stays readable: key epochs do not end yet.",
        done.pointer("/entry").unwrap_or(&Value::Null)
    );
    Ok(Said::new(done, text))
}
