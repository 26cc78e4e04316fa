//! `unefois policy diff`: what sets two bundles or packs apart.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::govern::text;
use super::rehearse::asked_again;
use super::{Configured, Said, config, said_findings};
use crate::app::{self, Command as Admin};
use crate::policy::{Bundle, Case, Change, Pack, RuleChange, Ruling, Side, What, Widened, demo_catalogue};

#[derive(Args)]
pub(super) struct Diff {
    /// Folders of OLD and NEW; with --in-force, of NEW alone
    #[arg(required = true, num_args = 1..=2, value_name = "OLD NEW")]
    folders: Vec<PathBuf>,
    /// OLD is what the broker has in force, and the consents that NEW would ask again are counted
    #[arg(long)]
    in_force: bool,
    /// Compare packs: rules, the facts they look at and their texts, whatever catalogue lies beside them
    #[arg(long, conflicts_with = "in_force")]
    pack: bool,
    #[command(flatten)]
    at: Configured,
}

/// What is compared, and the consents that the new one would ask again, where a record was asked.
struct Compared {
    old: Bundle,
    new: Bundle,
    counted: Option<Vec<Widened>>,
}

pub(super) async fn diff(asked: &Diff) -> Result<Said, String> {
    let Compared { old, new, counted } = match (asked.folders.as_slice(), asked.in_force) {
        ([new], true) => beside_in_force(asked, new).await?,
        ([old, new], false) => {
            let read = |folder: &Path| {
                let read = Bundle::read_or_pack(folder).map_err(|findings| said_findings(&findings))?;
                Ok::<_, String>(if asked.pack { read.without_catalogue() } else { read })
            };
            Compared { old: read(old)?, new: read(new)?, counted: None }
        }
        _ => return Err("give OLD and NEW, or --in-force and NEW".to_owned()),
    };
    // A pack is compared on the other's catalogue, or on the fictional one.
    let fictional = Bundle::from_files(demo_catalogue());
    let side = |bundle: &Bundle, other: &Bundle| {
        let whole = bundle.clone().or_catalogue_of(other).or_catalogue_of(&fictional);
        Side::of(&whole).map_err(|findings| said_findings(&findings))
    };
    let (old, new) = (side(&old, &new)?, side(&new, &old)?);
    let mut diff = crate::policy::Diff::of(&old, &new, &cases(&asked.folders)?);
    diff.widened = counted.unwrap_or(diff.widened);
    Ok(Said::new(serde_json::to_value(&diff).map_err(text)?, told(&diff)))
}

async fn beside_in_force(asked: &Diff, new: &Path) -> Result<Compared, String> {
    let config = config(&asked.at)?;
    let new = Bundle::read_or_pack(new).map_err(|findings| said_findings(&findings))?;
    let mut done = app::command(&config, Admin::Compare { draft: new.files().clone() }).await?;
    let mut member = |name: &str| done.get_mut(name).map(Value::take).unwrap_or_default();
    let old = Bundle::from_files(serde_json::from_value(member("in_force")).map_err(text)?);
    let counted = serde_json::from_value(member("asked_again")).map_err(text)?;
    Ok(Compared { old, new, counted: Some(counted) })
}

/// The cases of the newest folder that has any, else the product's own.
fn cases(folders: &[PathBuf]) -> Result<Vec<Case>, String> {
    for folder in folders.iter().rev() {
        let pack = Pack::read(folder).map_err(|findings| said_findings(&findings))?;
        if let Some(cases) = pack.cases() {
            return cases.map_err(|findings| said_findings(&findings));
        }
    }
    Pack::product().cases().unwrap_or(Ok(Vec::new())).map_err(|findings| said_findings(&findings))
}

fn told(diff: &crate::policy::Diff) -> String {
    let mut text: String = diff.rules.iter().map(rule).collect();
    diff.facts.iter().for_each(|fact| text.push_str(&change("fact", fact)));
    diff.catalogue.iter().for_each(|entry| text.push_str(&change("catalogue", entry)));
    diff.widened.iter().for_each(|purpose| text.push_str(&asked_again(purpose)));
    for case in &diff.cases {
        let ruling = |ruling: &Option<Ruling>| ruling.as_ref().map_or("not its facts".to_owned(), Ruling::to_string);
        let _ = writeln!(text, "case {}\n  old: {}\n  new: {}", case.case, ruling(&case.old), ruling(&case.new));
    }
    if text.is_empty() { "Nothing sets them apart.".to_owned() } else { text.trim_end().to_owned() }
}

fn rule(of: &RuleChange) -> String {
    let what = match of.change {
        What::Added => "added",
        What::Dropped => "dropped",
        What::Changed => "changed",
    };
    let condition = if of.condition { ": another condition" } else { "" };
    let annotations: String = of.annotations.iter().map(|it| change("  @", it)).collect();
    format!("rule {} {what}{condition}\n{annotations}", of.rule)
}

fn change(what: &str, Change { at, old, new }: &Change) -> String {
    match (old, new) {
        (None, _) => format!("{what} {at} added\n"),
        (_, None) => format!("{what} {at} dropped\n"),
        (Some(old), Some(new)) => format!("{what} {at}: {old} -> {new}\n"),
    }
}
