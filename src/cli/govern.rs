//! Acts of administrators: found a log, bring a bundle into force, sign where the key is, stop a client.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Configured, Said, bundle, config, said_findings};
use crate::app::{self, Command as Admin, Detached, Signatory};
use crate::config::Config;
use crate::domain::ClientId;
use crate::jose::b64;
use crate::policy::Bundle;
use crate::store::Hash;

/// Who signs: here, or elsewhere with `policy sign`.
#[derive(Args)]
struct Signed {
    /// Key file of an administrator, who signs it; once for each
    #[arg(long)]
    sign: Vec<PathBuf>,
    /// File of a signature made elsewhere with `policy sign`; once for each
    #[arg(long)]
    signature: Vec<PathBuf>,
}

#[derive(Args)]
pub(super) struct Init {
    #[command(flatten)]
    at: Configured,
    #[command(flatten)]
    by: Signed,
    /// How many administrators must sign a bundle; `serve` asks for two
    #[arg(long, default_value_t = 2)]
    quorum: usize,
    /// Folder of the first bundle: schema/, rules/, catalogue/
    #[arg(long)]
    policies: PathBuf,
}

#[derive(Args)]
pub(super) struct Activate {
    #[command(flatten)]
    at: Configured,
    #[command(flatten)]
    by: Signed,
    /// Folder of the bundle
    #[arg(long)]
    policies: PathBuf,
}

#[derive(Args)]
pub(super) struct Sign {
    #[command(flatten)]
    at: Configured,
    /// Folder of the bundle
    #[arg(long)]
    policies: PathBuf,
    /// Key file of an administrator, who signs it
    #[arg(long = "sign")]
    key: PathBuf,
    /// Digest of the bundle that it comes after; that in force in this broker when it is not given
    #[arg(long, conflicts_with = "founding")]
    after: Option<String>,
    /// It is the first bundle of a log
    #[arg(long)]
    founding: bool,
    /// A new file for the signature
    #[arg(long)]
    to: PathBuf,
}

#[derive(Args)]
pub(super) struct StopClient {
    #[command(flatten)]
    at: Configured,
    /// Key file of an administrator, who signs it
    #[arg(long)]
    sign: PathBuf,
    /// The client
    client: ClientId,
}

#[derive(Args)]
pub(super) struct NewKey {
    /// Name, as it will stand in the log
    #[arg(long)]
    name: String,
    /// A new file
    #[arg(long)]
    to: PathBuf,
}

/// What every failure here becomes.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` passes")]
pub(super) fn text(fault: impl ToString) -> String {
    fault.to_string()
}

impl Signed {
    /// The signatures of `bundle` after `previous`.
    fn signatures(&self, bundle: &Hash, previous: &Hash) -> Result<Vec<Detached>, String> {
        let here = self.sign.iter().map(|path| sign(path, bundle, previous));
        let elsewhere = self.signature.iter().map(|path| Detached::read(path).map_err(text));
        here.chain(elsewhere).collect()
    }
}

fn sign(key: &Path, bundle: &Hash, previous: &Hash) -> Result<Detached, String> {
    app::sign_activation(&Signatory::read(key).map_err(text)?, bundle, previous).map_err(text)
}

fn digest(bundle: &Bundle) -> Result<Hash, String> {
    bundle.load().map(|loaded| *loaded.digest()).map_err(|findings| said_findings(&findings))
}

/// The digest of the bundle in force.
async fn in_force(config: &Config) -> Result<Hash, String> {
    let head = app::command(config, Admin::Head).await?;
    let digest = head.get("bundle").and_then(Value::as_str).and_then(|text| b64::decode_array(text).ok());
    digest.ok_or_else(|| "the broker does not say what is in force".to_owned())
}

pub(super) async fn begin(init: &Init) -> Result<Said, String> {
    let config = config(&init.at)?;
    let bundle = bundle(&init.policies)?;
    let signed = init.by.signatures(&digest(&bundle)?, &[0; 32])?;
    let made = app::init(&config, &bundle, &signed, init.quorum).await.map_err(text)?;
    let recovery = String::from_utf8_lossy(&made.recovery).into_owned();
    let text = format!(
        "The log {} is founded.\nVerifier key: {}\n\nRecovery key. Print it, give it to the second custodian, and keep \
         no copy on this machine:\n{recovery}\n",
        made.origin, made.vkey
    );
    Ok(Said::new(json!({"ok": true, "origin": made.origin, "vkey": made.vkey, "recovery_key": recovery}), text))
}

pub(super) async fn activate(asked: &Activate) -> Result<Said, String> {
    let config = config(&asked.at)?;
    let bundle = bundle(&asked.policies)?;
    let signed = asked.by.signatures(&digest(&bundle)?, &in_force(&config).await?)?;
    let canonical = bundle.canonical().map_err(|findings| said_findings(&findings))?;
    let bundle = String::from_utf8(canonical).map_err(text)?;
    let signatures = signed.iter().map(Detached::named).collect();
    let done = app::command(&config, Admin::Activate { bundle, signatures }).await?;
    let text = format!("In force: {}.", done.pointer("/bundle").unwrap_or(&Value::Null));
    Ok(Said::new(done, text))
}

pub(super) async fn sign_apart(asked: &Sign) -> Result<Said, String> {
    let digest = digest(&bundle(&asked.policies)?)?;
    let previous = match (&asked.after, asked.founding) {
        (_, true) => [0; 32],
        (Some(after), _) => b64::decode_array(after).map_err(|_| "--after is no digest of a bundle")?,
        (None, false) => in_force(&config(&asked.at)?).await?,
    };
    let signed = sign(&asked.key, &digest, &previous)?;
    write_new(&asked.to, &signed)?;
    let (bundle, after) = (b64::encode(digest), b64::encode(previous));
    let text = format!("{} signed {bundle} after {after}, in {}.", signed.name, asked.to.display());
    Ok(Said::new(json!({"ok": true, "name": signed.name, "bundle": bundle, "after": after}), text))
}

pub(super) async fn stop_client(asked: StopClient) -> Result<Said, String> {
    let config = config(&asked.at)?;
    let signer = Signatory::read(&asked.sign).map_err(text)?;
    let head = app::command(&config, Admin::Head).await?;
    let origin = head.get("origin").and_then(Value::as_str).unwrap_or_default();
    let signature = app::sign_stop(&signer, origin, &asked.client).map_err(text)?;
    let done = app::command(&config, Admin::StopClient { client: asked.client.clone(), signature }).await?;
    let text = format!("{} is stopped; entry {}.", asked.client, done.pointer("/entry").unwrap_or(&Value::Null));
    Ok(Said::new(done, text))
}

pub(super) fn new_key(asked: &NewKey) -> Result<Said, String> {
    let signatory = Signatory::generate(&asked.name).map_err(text)?;
    let public = json!({"name": signatory.name, "jwk": signatory.public().map_err(text)?});
    write_new(&asked.to, &signatory)?;
    let text = format!("Key of {} in {}. Public part: {public}", signatory.name, asked.to.display());
    Ok(Said::new(public, text))
}

/// Writes a new file that its owner alone may read.
fn write_new(to: &Path, value: &impl Serialize) -> Result<(), String> {
    let json = serde_json::to_vec(value).map_err(text)?;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    file.and_then(|mut file| file.write_all(&json)).map_err(|fault| format!("{}: {fault}", to.display()))
}
