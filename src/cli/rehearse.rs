//! `unefois policy rehearse`: what a draft would have decided, as a table, as CSV, or as JSON.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;

use super::govern::text;
use super::{Operated, Said, config, said_findings};
use crate::app::{self, Command as Admin};
use crate::policy::{Bundle, Flips, Rehearsed, Widened};

#[derive(Args)]
pub(super) struct Rehearse {
    #[command(flatten)]
    by: Operated,
    /// Folder of the draft: a bundle, or a pack, which is rehearsed on the catalogue in force
    #[arg(long, value_name = "DIR")]
    draft: PathBuf,
    /// Over how many days before today
    #[arg(long)]
    days: u16,
    /// Why; it stands in the log for all who audit it, so name nobody
    #[arg(long)]
    reason: String,
    /// Say it as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

pub(super) async fn rehearse(asked: Rehearse) -> Result<Said, String> {
    let config = config(&asked.by.at)?;
    let draft = Bundle::read_or_pack(&asked.draft).map_err(|findings| said_findings(&findings))?;
    let draft = draft.files().clone();
    let command = Admin::Rehearse { draft, days: asked.days, operator: asked.by.operator, reason: asked.reason };
    let bar = ProgressBar::new(0);
    let progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let done = app::follow(&config, command, &progress).await;
    bar.finish_and_clear();
    let object = done?;
    let rehearsed: Rehearsed = serde_json::from_value(object.clone()).map_err(text)?;
    let text = if asked.csv { csv(&rehearsed).map_err(text)? } else { table(&rehearsed) };
    Ok(Said::new(object, text))
}

/// The two ways in which a decision turns round.
fn turned(of: &Rehearsed) -> [(&'static str, &Flips); 2] {
    [("permit to deny", &of.denials), ("deny to permit", &of.permits)]
}

fn table(of: &Rehearsed) -> String {
    let mut text = format!(
        "Draft {}, on {} entries since {}; entry {} says so.\n{} decisions, {} of them decided again in {} ms.\n",
        of.draft, of.entries, of.from, of.entry, of.decisions, of.replayed, of.milliseconds
    );
    for (what, flips) in turned(of) {
        let _ = writeln!(text, "{what}: {}", flips.count);
        for (by, counts) in flips.lists() {
            let width = counts.keys().map(|name| name.chars().count()).max().unwrap_or_default();
            for (name, count) in counts {
                let _ = writeln!(text, "  {by:<7}  {name:<width$}  {count:>9}");
            }
        }
    }
    let _ = writeln!(text, "persons and enterprises concerned: {}", of.persons);
    for (why, count) in &of.not_replayed {
        let _ = writeln!(text, "not decided again: {count}, {why}");
    }
    of.asked_again.iter().for_each(|purpose| text.push_str(&asked_again(purpose)));
    text.trim_end().to_owned()
}

/// A purpose of which another question is made, in one line.
pub(super) fn asked_again(of: &Widened) -> String {
    let versions =
        if of.from == of.to { format!("version {}", of.to) } else { format!("version {} to {}", of.from, of.to) };
    let mut told = vec![versions];
    told.extend(of.differences.iter().map(ToString::to_string));
    told.extend(of.consents.map(|count| format!("at most {count} consents would be asked again")));
    format!("purpose {}: {}\n", of.purpose, told.join("; "))
}

/// One line per count: what is counted, by what, which, how many.
fn csv(of: &Rehearsed) -> Result<String, csv::Error> {
    let mut lines = csv::Writer::from_writer(Vec::new());
    let mut line =
        |what: &str, by: &str, name: &str, count: u64| lines.write_record([what, by, name, &count.to_string()]);
    for (what, count) in [("entries", of.entries), ("decisions", of.decisions), ("decided again", of.replayed)] {
        line(what, "", "", count)?;
    }
    for (what, flips) in turned(of) {
        line(what, "", "", flips.count)?;
        for (by, counts) in flips.lists() {
            counts.iter().try_for_each(|(name, count)| line(what, by, name, *count))?;
        }
    }
    line("persons", "", "", of.persons)?;
    of.not_replayed.iter().try_for_each(|(why, count)| line("not decided again", "why", why, *count))?;
    for purpose in &of.asked_again {
        line("asked again", "purpose", purpose.purpose.as_str(), purpose.consents.unwrap_or_default())?;
    }
    let bytes = lines.into_inner().map_err(|fault| csv::Error::from(fault.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
