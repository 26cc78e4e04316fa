//! Cases: facts, the decision that the rules must come to, and by which rules and sections exactly.
//!
//! A file holds the cases of one action: a base of facts, and what each case departs in from it.
//!
//! Not here: the facts of a real act (`model`), what a decision rests on besides the rules (`decide`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use cedar_policy::RestrictedExpression;
use serde::{Deserialize, Serialize};

use super::bundle::{self, Finding, RULES};
use super::decide::{Reason, refusals};
use super::rule::Rule;
use super::rules::{Action, Rules, known_actions};

/// WrittenFacts by name, as a file writes them.
pub type WrittenFacts = BTreeMap<String, WrittenFact>;

/// One fact, as a file writes it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged, expecting = "a fact is true, false, a word or a list of names")]
pub enum WrittenFact {
    /// Something holds or not.
    Is(bool),
    /// One word of a closed list.
    Word(String),
    /// Catalogue names.
    Names(BTreeSet<String>),
}

impl fmt::Display for WrittenFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(holds) => holds.fmt(f),
            Self::Word(word) => f.write_str(word),
            Self::Names(names) => write!(f, "[{}]", names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl From<&WrittenFact> for RestrictedExpression {
    fn from(fact: &WrittenFact) -> Self {
        let word = |word: &String| Self::new_string(word.clone());
        match fact {
            WrittenFact::Is(holds) => Self::new_bool(*holds),
            WrittenFact::Word(text) => word(text),
            WrittenFact::Names(names) => Self::new_set(names.iter().map(word)),
        }
    }
}

/// What the rules come to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Ruling {
    /// Whether the act is permitted.
    pub allowed: bool,
    /// The rules that say so, in the order of their names; or the broker's own reason, where no rule fired.
    pub rules: Vec<String>,
    /// The sections that they cite, rule by rule.
    pub cites: Vec<String>,
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = if self.allowed { "permitted" } else { "refused" };
        write!(f, "{decision} by {} ({})", self.rules.join(", "), self.cites.join("; "))
    }
}

impl Ruling {
    fn of(allowed: bool, reasons: &[Reason]) -> Self {
        let cited = reasons.iter().flat_map(|reason| &reason.citations);
        Self {
            allowed,
            rules: reasons.iter().map(|reason| reason.id.clone()).collect(),
            cites: cited.map(|citation| citation.cite.clone()).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    action: String,
    base: WrittenFacts,
    cases: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    facts: WrittenFacts,
    #[serde(default)]
    near: BTreeSet<String>,
    permit: Option<Vec<String>>,
    deny: Option<Vec<String>>,
    cites: Vec<String>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its file.
    pub file: String,
    /// Its line in it.
    pub line: usize,
    /// Its name, one of a kind in the file.
    pub name: String,
    /// What is asked for.
    pub action: Action,
    /// Every fact.
    pub facts: WrittenFacts,
    /// The facts in which it departs from the base of its file.
    pub departs: WrittenFacts,
    /// Rules that a little more would make fire.
    pub near: BTreeSet<String>,
    /// What the rules must come to.
    pub expected: Ruling,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action, self.name)
    }
}

impl Case {
    /// The cases in these files: every one of them, or every finding.
    pub fn read(files: &BTreeMap<String, String>) -> Result<Vec<Self>, Vec<Finding>> {
        let (mut cases, mut findings) = (Vec::new(), Vec::new());
        for (path, text) in files {
            read_file(path, text, &mut cases, &mut findings);
        }
        if findings.is_empty() { Ok(cases) } else { Err(findings) }
    }

    /// The cases in the files of a folder.
    pub fn read_folder(folder: &Path) -> Result<Vec<Self>, Vec<Finding>> {
        Self::read(&bundle::read_files(folder, &format!("{}/", folder.display()), ".json")?)
    }

    /// What these rules come to.
    pub fn ruling(&self, rules: &Rules) -> Ruling {
        let verdict = rules.weigh(self.action, &self.facts);
        let fired = || verdict.fired.iter().map(|rule| rule.reason()).collect();
        let reasons = if verdict.allowed { fired() } else { refusals(self.action, &verdict) };
        Ruling::of(verdict.allowed, &reasons)
    }

    /// What is wrong with its facts, if they are not those that the rules' schema says of its action.
    pub fn departure(&self, rules: &Rules) -> Option<Finding> {
        let message = rules.conforms(self.action, &self.facts).err()?;
        let (file, line) = (self.file.clone(), self.line);
        let fix = format!("schema/*.cedarschema says the facts of {}", self.action);
        Some(Finding { file, line, message: format!("{}: {message}", self.name), fix })
    }
}

fn read_file(path: &str, text: &str, cases: &mut Vec<Case>, findings: &mut Vec<Finding>) {
    let (action, base, written) = match serde_json::from_str::<CaseFile>(text) {
        Ok(CaseFile { action, base, cases }) => (action.parse::<Action>(), base, cases),
        Err(error) => {
            let (message, fix) = (error.to_string(), String::new());
            findings.push(Finding { file: path.to_owned(), line: error.line().max(1), message, fix });
            return;
        }
    };
    let Ok(action) = action else {
        findings.push(Finding::at(path, text, 0, "the cases are of no known action", known_actions()));
        return;
    };
    let mut names = BTreeSet::new();
    for Written { name, facts: departs, near, permit, deny, cites } in written {
        let place = serde_json::to_string(&name).ok().and_then(|quoted| text.find(&quoted)).unwrap_or_default();
        let mut wrong =
            |what: String, fix: &str| findings.push(Finding::at(path, text, place, format!("{name}: {what}"), fix));
        if !names.insert(name.clone()) {
            wrong("there are two cases of this name".to_owned(), "");
        }
        for fact in departs.keys().filter(|fact| !base.contains_key(*fact)) {
            wrong(format!("`{fact}` is not in the base"), "the base states every fact of the action");
        }
        let (allowed, rules) = match (permit, deny) {
            (Some(rules), None) => (true, rules),
            (None, Some(rules)) => (false, rules),
            _ => {
                wrong("it expects no decision, or two".to_owned(), "either `permit` or `deny`");
                continue;
            }
        };
        let facts = base.iter().chain(&departs).map(|(fact, value)| (fact.clone(), value.clone())).collect();
        let (file, line) = (path.to_owned(), bundle::line_of(text, place));
        let expected = Ruling { allowed, rules, cites };
        cases.push(Case { file, line, name, action, facts, departs, near, expected });
    }
}

/// What cases show of rules: which of them fires which, and which rules none of them shows at work.
#[derive(Debug)]
pub struct Coverage {
    fired: BTreeMap<String, Vec<String>>,
    notes: Vec<Finding>,
}

impl Coverage {
    /// Weighs every case.
    pub fn of(rules: &Rules, cases: &[Case]) -> Self {
        let rulings: Vec<_> = cases.iter().map(|case| (case, case.ruling(rules))).collect();
        let mut fired: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (case, ruling) in &rulings {
            for rule in &ruling.rules {
                fired.entry(rule.clone()).or_default().push(case.to_string());
            }
        }
        let rulings: Vec<_> = rulings.into_iter().map(|(_, ruling)| ruling).collect();
        let notes = rules.all().filter_map(|rule| note(rule, &rulings)).collect();
        Self { fired, notes }
    }

    /// The cases that fire the rule.
    pub fn cases_of(&self, rule: &str) -> &[String] {
        self.fired.get(rule).map_or(&[], Vec::as_slice)
    }

    /// Dead rules, which no case fires; shadowed ones, which never refuse without another.
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }
}

fn note(rule: &Rule, rulings: &[Ruling]) -> Option<Finding> {
    let mut firing = rulings.iter().filter(|ruling| ruling.rules.contains(&rule.id));
    let others = |ruling: &Ruling| ruling.rules.iter().filter(|id| **id != rule.id).cloned().collect();
    let said =
        |message: String, fix: &str| Some(Finding::at(&format!("{RULES}{}.cedar", rule.id), "", 0, message, fix));
    let Some(first) = firing.next() else {
        return said(format!("dead: no case fires `{}`", rule.id), "add a case, or drop the rule");
    };
    let always: BTreeSet<String> = others(first);
    let always = firing.fold(always, |always, ruling| &always & &others(ruling));
    let shadow = always.first().filter(|_| !rule.permits)?;
    said(
        format!("shadowed: wherever `{}` refuses, `{shadow}` refuses too", rule.id),
        "add a case that it refuses alone, or drop it",
    )
}
