//! The rules: compiled once, sliced by action, evaluated.
//!
//! Not here: what they look at (`model`), what follows from them (`decide`).
//! INVARIANT: an evaluation in which any rule errs allows nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Effect, Entities, EntityUid, Policy, PolicyId, PolicySet, Request,
    RestrictedExpression, Schema, ValidationMode, Validator,
};

use super::bundle::{Finding, RULES, located, under};
#[cfg(test)]
use super::cases::Facts;
use super::cases::WrittenFact;
use super::catalogue::nearest;
use super::model::Fact;
use super::rows::ROWS;
use super::schema;
use crate::clock::Day;
use crate::domain::{BadName, Text};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $by:literal;)*) => {
        /// What may be asked for, one per act and basis: the rules' actions.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in rules, cases and facts.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The action that decides in its place where another statute governs what is asked for.
            pub(super) fn overlay(self) -> Self {
                if self.asker() == Self::OverlayOwn.asker() { Self::OverlayOwn } else { Self::Overlay }
            }

            /// The kind of asker.
            const fn asker(self) -> &'static str {
                match self {
                    $(Self::$name => $by,)*
                }
            }
        }
    };
}

actions! {
    /// An agency asks for a consent.
    AskConsent, "ask-consent", "Client";
    /// A portal asks to check and draft.
    OpenSession, "open-session", "Client";
    /// A portal asks what is on file.
    Check, "check", "Client";
    /// A person confirms a draft.
    Submit, "submit", "Person";
    /// A person gives a consent.
    GiveConsent, "give-consent", "Person";
    /// An enterprise gives an *autorisation*.
    GiveAuthorisation, "give-authorisation", "Person";
    /// An agency asks for a person's values; a redelivery too.
    ReleaseByConsent, "release-by-consent", "Client";
    /// An agency asks for an enterprise's values; a redelivery too.
    ReleaseByAuthorisation, "release-by-authorisation", "Client";
    /// An agency asks for a person's values under an agreement (s. 68).
    ReleaseByAgreement, "release-by-agreement", "Client";
    /// An agency asks for what an Act needs to be applied (s. 67).
    ReleaseByAct, "release-by-act", "Client";
    /// An agency asks for what a mandate or contract needs to be carried out (s. 67.2).
    ReleaseByContract, "release-by-contract", "Client";
    /// An agency asks for values under an order of mobility (G-1.03, s. 12.14).
    ReleaseByMobility, "release-by-mobility", "Client";
    /// A client asks for what another statute governs, whatever it asks.
    Overlay, "overlay", "Client";
    /// A person acts on what another statute governs, whatever the act.
    OverlayOwn, "overlay-own", "Person";
    /// A person's consent follows a function to the body that takes it over.
    Carry, "carry", "Operator";
    /// An enterprise's authorisation does.
    CarryAuthorisation, "carry-authorisation", "Operator";
    /// Someone looks at their own values.
    ViewOwn, "view-own", "Person";
    /// An officer looks into the log.
    ReadLog, "read-log", "Officer";
}

impl FromStr for Action {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(BadName("action"))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a reason rests on, and so whether a body is told it (P4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum About {
    /// The body's own request and registration.
    Request,
    /// The person.
    Person,
}

/// A provision applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Citation {
    /// The provision, for example `A-2.1, art. 59`.
    pub cite: String,
    /// The consolidation date of the copy that was read; none where no dated copy was.
    pub read: Option<Day>,
    /// Whether counsel has yet to confirm it: « à confirmer ».
    pub to_confirm: bool,
}

impl Citation {
    /// A provision with the consolidation that was read; one of which none was is to be confirmed in any case.
    pub(super) fn new(cite: &str, read: Option<Day>, to_confirm: bool) -> Self {
        Self { cite: cite.to_owned(), read, to_confirm: to_confirm || read.is_none() }
    }
}

/// One rule of law.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which is its file's.
    pub id: String,
    /// The provisions, each with the copy that was read.
    pub citations: Vec<Citation>,
    /// The rows that it serves of the table of what the law asks of software.
    pub rows: BTreeSet<u8>,
    /// What it says.
    pub text: Text,
    /// What to do about it.
    pub mend: Text,
    /// Whether counsel has yet to confirm it.
    pub to_confirm: bool,
    /// What it rests on.
    pub about: About,
    /// Whether it permits; otherwise it forbids.
    pub permits: bool,
    /// What it applies to.
    pub actions: BTreeSet<Action>,
    policy: Policy,
}

/// The annotations of a rule, all of them mandatory.
const ANNOTATIONS: [&str; 10] = ["id", "cite", "read", "rows", "fr", "en", "mend_fr", "mend_en", "status", "about"];

/// The rules of a bundle.
#[derive(Debug)]
pub struct Rules {
    by_name: BTreeMap<String, Arc<Rule>>,
    slices: BTreeMap<Action, Slice>,
    schema: Schema,
    file: EntityUid,
    authorizer: Authorizer,
    entities: Entities,
}

/// The rules that apply to one action.
#[derive(Debug)]
struct Slice {
    policies: PolicySet,
    asker: EntityUid,
    action: EntityUid,
}

/// What the rules say of one act.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// Whether a permit fired and no forbid.
    pub(super) allowed: bool,
    /// The permits that fired, when allowed; else the forbids. By name.
    pub(super) fired: Vec<Arc<Rule>>,
    /// Whether something could not be evaluated.
    pub(super) in_doubt: bool,
}

impl Verdict {
    const fn doubt() -> Self {
        Self { allowed: false, fired: Vec::new(), in_doubt: true }
    }
}

impl Rules {
    /// Every rule by name.
    pub fn all(&self) -> impl Iterator<Item = &Rule> {
        self.by_name.values().map(AsRef::as_ref)
    }

    /// Compiles the rules among `files`, strictly. Adds what is wrong to `findings`; none if anything is.
    pub(super) fn compile(files: &BTreeMap<String, String>, findings: &mut Vec<Finding>) -> Option<Self> {
        let before = findings.len();
        let mut rules = BTreeMap::new();
        for (path, text) in under(files, RULES) {
            let rule = read_rule(path, text, findings);
            rules.extend(rule.map(|rule| (rule.id.clone(), Arc::new(rule))));
        }
        let schema = validate(files, &rules, findings);
        if rules.is_empty() && findings.len() == before {
            findings.push(Finding::at(RULES, "", 0, "there is no rule", "a bundle without rules allows nothing"));
        }
        schema.filter(|_| findings.len() == before).and_then(|schema| Self::assemble(rules, schema))
    }

    fn assemble(rules: BTreeMap<String, Arc<Rule>>, schema: Schema) -> Option<Self> {
        let mut slices = BTreeMap::new();
        for action in Action::ALL.iter().copied() {
            let applying = rules.values().filter(|rule| rule.actions.contains(&action));
            let policies = applying.map(|rule| discharged(&rule.policy)).collect::<Option<Vec<_>>>()?;
            let policies = PolicySet::from_policies(policies).ok()?;
            slices.insert(
                action,
                Slice { policies, asker: uid(action.asker(), "it")?, action: uid("Action", action.as_str())? },
            );
        }
        let file = uid("File", "it")?;
        Some(Self { by_name: rules, slices, schema, file, authorizer: Authorizer::new(), entities: Entities::empty() })
    }

    /// What the rules for `action` say of these facts.
    pub(super) fn weigh<'f, N, F>(&self, action: Action, facts: impl IntoIterator<Item = (&'f N, &'f F)>) -> Verdict
    where
        N: AsRef<str> + 'f,
        F: 'f,
        RestrictedExpression: From<&'f F>,
    {
        let slice = self.slices.get(&action);
        let verdict = slice.and_then(|slice| self.weigh_with(slice, &slice.policies, context(facts)?));
        verdict.unwrap_or(Verdict::doubt())
    }

    /// Whether these facts are those that the schema says of `action`; otherwise which is not.
    pub(super) fn conforms<'f, N, F>(
        &self,
        action: Action,
        facts: impl IntoIterator<Item = (&'f N, &'f F)>,
    ) -> Result<(), String>
    where
        N: AsRef<str> + 'f,
        F: 'f,
        RestrictedExpression: From<&'f F>,
    {
        let (Some(slice), Some(context)) = (self.slices.get(&action), context(facts)) else {
            return Err("a fact stands twice".to_owned());
        };
        let uid = &slice.action;
        context.validate(&self.schema, uid).map_err(|error| error.to_string())
    }

    fn weigh_with(&self, slice: &Slice, policies: &PolicySet, context: Context) -> Option<Verdict> {
        let request = Request::new(slice.asker.clone(), slice.action.clone(), self.file.clone(), context, None).ok()?;
        let response = self.authorizer.is_authorized(&request, policies, &self.entities);
        let ids: BTreeSet<&str> = response.diagnostics().reason().map(AsRef::as_ref).collect();
        let fired = ids.into_iter().map(|id| self.by_name.get(id).cloned()).collect::<Option<Vec<_>>>()?;
        let in_doubt = response.diagnostics().errors().next().is_some();
        Some(Verdict { allowed: response.decision() == Decision::Allow && !in_doubt, fired, in_doubt })
    }
}

/// The rule without its scope's actions, which its slice has tested: they take more than half of the time of a decision.
fn discharged(policy: &Policy) -> Option<Policy> {
    let mut json = policy.to_json().ok()?;
    json.as_object_mut()?.insert("action".to_owned(), serde_json::json!({"op": "All"}));
    Policy::from_json(Some(policy.id().clone()), json).ok()
}

fn context<'f, N, F>(facts: impl IntoIterator<Item = (&'f N, &'f F)>) -> Option<Context>
where
    N: AsRef<str> + 'f,
    F: 'f,
    RestrictedExpression: From<&'f F>,
{
    Context::from_pairs(facts.into_iter().map(|(name, fact)| (name.as_ref().to_owned(), fact.into()))).ok()
}

impl From<&Fact<'_>> for RestrictedExpression {
    fn from(fact: &Fact<'_>) -> Self {
        match fact {
            Fact::Is(holds) => Self::new_bool(*holds),
            Fact::Word(text) => word(text),
            Fact::Names(names) => Self::new_set(names.iter().copied().map(word)),
            Fact::Made(names) => Self::new_set(names.iter().map(String::as_str).map(word)),
        }
    }
}

impl From<&WrittenFact> for RestrictedExpression {
    fn from(fact: &WrittenFact) -> Self {
        match fact {
            WrittenFact::Is(holds) => Self::new_bool(*holds),
            WrittenFact::Word(text) => word(text),
            WrittenFact::Names(names) => Self::new_set(names.iter().map(String::as_str).map(word)),
        }
    }
}

fn word(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    EntityUid::from_str(&format!("{kind}::\"{id}\"")).ok()
}

/// Reads one file: one rule, all annotations.
fn read_rule(path: &str, text: &str, findings: &mut Vec<Finding>) -> Option<Rule> {
    let name = path.strip_prefix(RULES)?.strip_suffix(".cedar")?;
    let policy = match Policy::parse(Some(PolicyId::new(name)), text) {
        Ok(policy) => policy,
        Err(errors) => {
            findings.extend(errors.iter().map(|error| located(path, text, &DetailedError::from(error))));
            return None;
        }
    };
    let mut reader = Annotations { path, text, policy: &policy, findings };
    reader.refuse_strangers();
    let id = reader.parsed("id", "the name of the file", |id| (id == name).then(|| id.to_owned()));
    let cited =
        reader.parsed("cite", "for example \"A-2.1, art. 53.1; A-2.1, art. 65\"", |text| listed(text, provision));
    let read = reader.parsed("read", "for each provision, a day YYYY-MM-DD or \"none\"", |text| listed(text, day_read));
    let rows = reader.parsed("rows", "rows of the table, for example \"4 8\", or \"-\"", rows);
    let to_confirm = reader.parsed("status", "\"read\" or \"to-confirm\"", |text| match text {
        "read" => Some(false),
        "to-confirm" => Some(true),
        _ => None,
    });
    let about = reader.parsed("about", "\"request\" or \"person\"", |text| match text {
        "request" => Some(About::Request),
        "person" => Some(About::Person),
        _ => None,
    });
    let (fr, en) = (reader.sentence("fr"), reader.sentence("en"));
    let (mend_fr, mend_en) = (reader.sentence("mend_fr"), reader.sentence("mend_en"));
    if read.as_ref().is_some_and(|read| read.iter().all(Option::is_none)) && to_confirm == Some(false) {
        reader.report("status", "nothing dated was read, so it is still \"to-confirm\"");
    }
    let citations = cited.zip(read).zip(to_confirm).and_then(|((cited, read), to_confirm)| {
        if cited.len() != read.len() {
            reader.report("read", "as many days as there are provisions");
            return None;
        }
        let dated = cited.into_iter().zip(read);
        Some(dated.map(|(cite, read)| Citation::new(&cite, read, to_confirm)).collect())
    });
    let actions = reader.actions();
    let (text, mend) = (Text { fr: fr?, en: en? }, Text { fr: mend_fr?, en: mend_en? });
    let permits = policy.effect() == Effect::Permit;
    let (id, citations, rows, to_confirm, about) = (id?, citations?, rows?, to_confirm?, about?);
    Some(Rule { id, citations, rows, text, mend, to_confirm, about, permits, actions: actions?, policy })
}

/// What stands between semicolons.
fn listed<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split("; ").map(parse).collect()
}

/// An Act's chapter and an article; an annual statute whose article was not seen is cited whole.
fn provision(text: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = match text.split_once(", art. ") {
        Some((chapter, article)) => !chapter.is_empty() && article.starts_with(|c: char| c.is_ascii_digit()),
        None => text.split_once(", c. ").is_some_and(|(year, chapter)| digits(year) && digits(chapter)),
    };
    well_formed.then(|| text.to_owned())
}

#[expect(clippy::option_option, reason = "no day is well formed too")]
fn day_read(text: &str) -> Option<Option<Day>> {
    if text == "none" { Some(None) } else { text.parse().ok().map(Some) }
}

fn rows(text: &str) -> Option<BTreeSet<u8>> {
    let numbers = text.split(' ').filter(|number| *number != "-");
    numbers.map(|number| number.parse().ok().filter(|row| ROWS.iter().any(|known| known.row == *row))).collect()
}

/// Reads the annotations of one rule.
struct Annotations<'a> {
    path: &'a str,
    text: &'a str,
    policy: &'a Policy,
    findings: &'a mut Vec<Finding>,
}

impl Annotations<'_> {
    fn parsed<T>(&mut self, key: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.policy.annotation(key).and_then(parse);
        if value.is_none() {
            self.report(key, expected);
        }
        value
    }

    fn sentence(&mut self, key: &str) -> Option<String> {
        self.parsed(key, "a sentence", |text| {
            let whole = text == text.trim() && text.ends_with(['.', '?', '!']);
            whole.then(|| text.to_owned())
        })
    }

    fn actions(&mut self) -> Option<BTreeSet<Action>> {
        let named = match self.policy.action_constraint() {
            ActionConstraint::Any => Vec::new(),
            ActionConstraint::In(named) => named,
            ActionConstraint::Eq(named) => vec![named],
        };
        let actions: Option<BTreeSet<Action>> = named.iter().map(|uid| uid.id().unescaped().parse().ok()).collect();
        let actions = actions.filter(|actions| !actions.is_empty());
        if actions.is_none() {
            self.findings.push(Finding::at(
                self.path,
                self.text,
                0,
                "its scope does not name its actions",
                known_actions(),
            ));
        }
        actions
    }

    fn refuse_strangers(&mut self) {
        for (key, _) in self.policy.annotations().filter(|(key, _)| !ANNOTATIONS.contains(key)) {
            let fix = nearest(key, ANNOTATIONS).map_or_else(String::new, |near| format!("did you mean @{near}?"));
            let offset = self.text.find(&format!("@{key}")).unwrap_or_default();
            self.findings.push(Finding::at(self.path, self.text, offset, format!("unknown annotation @{key}"), fix));
        }
    }

    fn report(&mut self, key: &str, expected: &str) {
        let offset = self.text.find(&format!("@{key}(")).unwrap_or_default();
        let message = format!("@{key} is missing or not well formed");
        self.findings.push(Finding::at(self.path, self.text, offset, message, format!("expected: {expected}")));
    }
}

/// What an unknown action might have been.
pub(super) fn known_actions() -> String {
    let names: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
    format!("known actions: {}", names.join(", "))
}

/// Validates the rules against the schema, which it reads.
fn validate(
    files: &BTreeMap<String, String>,
    rules: &BTreeMap<String, Arc<Rule>>,
    findings: &mut Vec<Finding>,
) -> Option<Schema> {
    let schema = schema::read(files, findings)?;
    let policies = PolicySet::from_policies(rules.values().map(|rule| rule.policy.clone())).ok()?;
    let result = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
    let errors = result.validation_errors().map(|error| (error.policy_id(), DetailedError::from(error)));
    let warnings = result.validation_warnings().map(|error| (error.policy_id(), DetailedError::from(error)));
    for (id, error) in errors.chain(warnings) {
        let path = format!("{RULES}{id}.cedar");
        let text = files.get(&path).map_or("", String::as_str);
        findings.push(located(&path, text, &error));
    }
    Some(schema)
}

#[cfg(test)]
impl Rules {
    /// What the whole set says, unsliced.
    pub(super) fn weigh_unsliced(&self, action: Action, facts: &Facts) -> Verdict {
        let whole = PolicySet::from_policies(self.by_name.values().map(|rule| rule.policy.clone())).unwrap();
        self.weigh_with(&self.slices[&action], &whole, context(facts).unwrap()).unwrap()
    }

    /// The rule as JSON, without its scope's actions.
    pub(super) fn json(&self, id: &str) -> serde_json::Value {
        discharged(&self.by_name[id].policy).unwrap().to_json().unwrap()
    }

    /// Whether this, in place of the rule and alone, fires on the facts; none where it cannot be evaluated.
    pub(super) fn fires(&self, policies: &PolicySet, action: Action, facts: &Facts) -> Option<bool> {
        let verdict = self.weigh_with(&self.slices[&action], policies, context(facts).unwrap()).unwrap();
        (!verdict.in_doubt).then_some(!verdict.fired.is_empty())
    }
}
