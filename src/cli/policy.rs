//! `unefois policy check` and `policy test`: a bundle by itself, without a broker.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{Said, said_findings};
use crate::jose::b64;
use crate::policy::{
    Bundle, Case, Coverage, Finding, Line, Loaded, Ruling, demo_catalogue, product_cases, product_rules, table,
};

/// A bundle and its cases.
#[derive(Args)]
struct Bundled {
    /// Folder of the bundle: schema/, rules/, catalogue/ (default: the product's own rules, on the fictional catalogue)
    folder: Option<PathBuf>,
    /// Folder of cases; may be given again (default: cases/ in the bundle's folder, else the product's own)
    #[arg(long, value_name = "DIR")]
    cases: Vec<PathBuf>,
}

#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    of: Bundled,
    /// Print, for each row of what the law asks, the rules, functions and cases that answer it
    #[arg(long)]
    table: bool,
}

#[derive(Args)]
pub(super) struct Test {
    #[command(flatten)]
    of: Bundled,
}

impl Bundled {
    fn load(&self) -> Result<Loaded, Vec<Finding>> {
        let bundle = match &self.folder {
            Some(folder) => Bundle::read(folder)?,
            None => Bundle::from_files(product_rules().into_iter().chain(demo_catalogue()).collect()),
        };
        bundle.load()
    }

    /// Its cases, each on the facts that its rules may look at.
    fn cases(&self, loaded: &Loaded) -> Result<Vec<Case>, Vec<Finding>> {
        let beside = self.folder.iter().map(|folder| folder.join("cases")).filter(|folder| folder.is_dir());
        let folders: Vec<PathBuf> = if self.cases.is_empty() { beside.collect() } else { self.cases.clone() };
        let (mut cases, mut findings) = (Vec::new(), Vec::new());
        let read = folders.iter().map(|folder| Case::read_folder(folder));
        for read in read.chain(folders.is_empty().then(|| Case::read(&product_cases()))) {
            match read {
                Ok(read) => cases.extend(read),
                Err(found) => findings.extend(found),
            }
        }
        findings.extend(cases.iter().filter_map(|case| case.departure(loaded.rules())));
        if findings.is_empty() { Ok(cases) } else { Err(findings) }
    }

    fn read(&self) -> Result<(Loaded, Vec<Case>), Vec<Finding>> {
        let loaded = self.load()?;
        let cases = self.cases(&loaded)?;
        Ok((loaded, cases))
    }
}

/// What is wrong, as both commands say it.
fn wrong(findings: &[Finding]) -> Said {
    Said { object: json!({"ok": false, "findings": findings}), text: said_findings(findings), good: false }
}

pub(super) fn check(asked: &Check) -> Said {
    let (loaded, cases) = match asked.of.read() {
        Ok(read) => read,
        Err(findings) => return wrong(&findings),
    };
    let coverage = Coverage::of(loaded.rules(), &cases);
    let notes: Vec<&Finding> = loaded.notes().iter().chain(coverage.notes()).collect();
    let table = asked.table.then(|| table(loaded.rules(), &coverage));
    let digest = b64::encode(loaded.digest());
    let mut text = table.as_deref().map(aligned).unwrap_or_default();
    for note in &notes {
        let _ = writeln!(text, "note: {note}");
    }
    let _ = write!(text, "Nothing to mend. Bundle {digest}.");
    Said::new(json!({"ok": true, "bundle": digest, "notes": notes, "table": table}), text)
}

/// The table for people: each row, and under it where it is answered.
fn aligned(lines: &[Line]) -> String {
    let in_files = || lines.iter().filter(|line| !line.file.is_empty());
    let width = |of: fn(&Line) -> &str| in_files().map(|line| of(line).chars().count()).max().unwrap_or_default();
    let (place, file) = (width(|line| &line.place), width(|line| &line.file));
    let (mut text, mut row) = (String::new(), 0);
    for line in lines {
        if line.row != row {
            row = line.row;
            let _ = writeln!(text, "{row:>2}  {}  {}", line.priority, line.says);
        }
        let answered = if line.place.is_empty() { "open" } else { &line.place };
        let shown = if line.cases.is_empty() { String::new() } else { line.cases.len().to_string() };
        let line = format!("        {answered:<place$}  {:<file$}  {shown:>3}", line.file);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

pub(super) fn test(asked: &Test) -> Said {
    let (loaded, cases) = match asked.of.read() {
        Ok(read) => read,
        Err(findings) => return wrong(&findings),
    };
    let progress = ProgressBar::new(cases.len() as u64);
    let decided = progress.wrap_iter(cases.iter()).map(|case| (case, case.ruling(loaded.rules())));
    let failed: Vec<_> = decided.filter(|(case, actual)| *actual != case.expected).collect();
    progress.finish_and_clear();
    let (all, good) = (cases.len(), failed.is_empty());
    let mut text: String = failed.iter().map(|(case, actual)| failure(case, actual)).collect();
    let _ = if good {
        write!(text, "All {all} cases are decided as they say.")
    } else {
        write!(text, "{} of {all} cases are decided otherwise than they say.", failed.len())
    };
    let failed: Vec<Value> = failed.into_iter().map(|(case, actual)| failed_object(case, &actual)).collect();
    Said { object: json!({"ok": good, "cases": all, "failed": failed}), text, good }
}

/// A case that is decided otherwise than it says, with what sets it apart from the others of its file.
fn failure(case: &Case, actual: &Ruling) -> String {
    let Case { file, line, expected, departs, .. } = case;
    let facts: Vec<_> = departs.iter().map(|(name, fact)| format!("{name} = {fact}")).collect();
    let facts = if facts.is_empty() { "those of the base".to_owned() } else { facts.join(", ") };
    format!("{file}:{line}: {case}\n  expected: {expected}\n  actual:   {actual}\n  facts:    {facts}\n")
}

fn failed_object(case: &Case, actual: &Ruling) -> Value {
    let Case { file, line, name, action, expected, departs, .. } = case;
    json!({
        "file": file, "line": line, "action": action.as_str(), "name": name,
        "facts": departs, "expected": expected, "actual": actual,
    })
}
