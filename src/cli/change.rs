//! Acts of officers: propose an entry of the catalogue, approve what another proposed.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::govern::text;
use super::{Configured, Said, config};
use crate::app::{self, Command as Admin, Signatory};
use crate::config::Config;
use crate::domain::{Change, Section};
use crate::jose::b64;
use crate::policy::{digest_of, read_change};
use crate::store::Hash;

#[derive(Args)]
pub(super) struct Entry {
    #[command(flatten)]
    at: Configured,
    /// Key file of the officer, who signs it
    #[arg(long)]
    sign: PathBuf,
    /// TOML file with this one entry, as the catalogue is to have it
    file: PathBuf,
}

/// What an officer is about to sign.
struct Signing {
    config: Config,
    officer: Signatory,
    entry: String,
    change: Change,
    digest: Hash,
    origin: String,
}

impl Signing {
    async fn of(section: Section, asked: &Entry) -> Result<Self, String> {
        let config = config(&asked.at)?;
        let officer = Signatory::read(&asked.sign).map_err(text)?;
        let at = |fault: String| format!("{}: {fault}", asked.file.display());
        let entry = std::fs::read_to_string(&asked.file).map_err(|fault| at(fault.to_string()))?;
        let change = read_change(section, &entry).map_err(|fault| at(fault.to_string()))?;
        let digest = digest_of(&change).map_err(text)?;
        let head = app::command(&config, Admin::Head).await?;
        let origin = head.get("origin").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { config, officer, entry, change, digest, origin })
    }

    fn said(&self, done: &Value, what: &str) -> Said {
        let entry = done.get("entry").unwrap_or(&Value::Null);
        let (section, name, digest) = (self.change.section(), self.change.name(), b64::encode(self.digest));
        let text = format!("{} {what} {section} {name}; entry {entry}.", self.officer.name);
        Said::new(json!({"ok": true, "entry": entry, "section": section, "name": name, "digest": digest}), text)
    }
}

pub(super) async fn propose(section: Section, asked: &Entry) -> Result<Said, String> {
    let signing = Signing::of(section, asked).await?;
    let signature = app::sign_proposal(&signing.officer, &signing.origin, &signing.digest).map_err(text)?;
    let command = Admin::Propose { section, entry: signing.entry.clone(), signature };
    let done = app::command(&signing.config, command).await?;
    Ok(signing.said(&done, "proposed"))
}

pub(super) async fn approve(section: Section, asked: &Entry) -> Result<Said, String> {
    let signing = Signing::of(section, asked).await?;
    let signature = app::sign_approval(&signing.officer, &signing.origin, &signing.digest).map_err(text)?;
    let command = Admin::Approve { section, entry: signing.entry.clone(), signature };
    let done = app::command(&signing.config, command).await?;
    Ok(signing.said(&done, "approved"))
}
