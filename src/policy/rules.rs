//! The rules: compiled once, sliced by action, evaluated.
//!
//! Not here: how one is read (`rule`), what they look at (`model`), what follows from them (`decide`).
//! INVARIANT: an evaluation in which any rule errs allows nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicySet, Request, RestrictedExpression, Schema,
    ValidationMode, Validator,
};

use super::bundle::{Finding, RULES, located, under};
#[cfg(test)]
use super::cases::WrittenFacts;
use super::model::Fact;
use super::rule::{self, Rule};
use super::schema;
use crate::domain::BadName;

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
    /// A source attests values.
    Attest, "attest", "Client";
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
    /// Someone looks at their own values.
    ViewOwn, "view-own", "Person";
    /// An officer looks into the log.
    ReadLog, "read-log", "Officer";
    /// An officer approves a change of the catalogue.
    Approve, "approve", "Officer";
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

/// The rules of a bundle.
#[derive(Debug)]
pub struct Rules {
    by_name: BTreeMap<String, Arc<Rule>>,
    slices: BTreeMap<Action, Slice>,
    /// Boxed: it is large, and used on cases alone.
    schema: Box<Schema>,
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
            let rule = rule::read(path, text, findings);
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
        Some(Self {
            by_name: rules,
            slices,
            schema: Box::new(schema),
            file,
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
        })
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

fn word(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    EntityUid::from_str(&format!("{kind}::\"{id}\"")).ok()
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
    pub(super) fn weigh_unsliced(&self, action: Action, facts: &WrittenFacts) -> Verdict {
        let whole = PolicySet::from_policies(self.by_name.values().map(|rule| rule.policy.clone())).unwrap();
        self.weigh_with(&self.slices[&action], &whole, context(facts).unwrap()).unwrap()
    }

    /// The rule as JSON, without its scope's actions.
    pub(super) fn json(&self, id: &str) -> serde_json::Value {
        discharged(&self.by_name[id].policy).unwrap().to_json().unwrap()
    }

    /// Whether this, in place of the rule and alone, fires on the facts; none where it cannot be evaluated.
    pub(super) fn fires(&self, policies: &PolicySet, action: Action, facts: &WrittenFacts) -> Option<bool> {
        let verdict = self.weigh_with(&self.slices[&action], policies, context(facts).unwrap()).unwrap();
        (!verdict.in_doubt).then_some(!verdict.fired.is_empty())
    }
}
