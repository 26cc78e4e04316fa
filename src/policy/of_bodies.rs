//! What bodies ask for, as the rules see it: a data token, a consent, a portal's session, what is on file.

use std::collections::BTreeSet;

use super::model::{
    Act, Case, Fact, PurposeOf, Reveals, Scope, Stated, View, informed, kinds, mandate_end, may_act, names, outlasts,
    state_purpose,
};
use super::rules::Action;
use crate::domain::{
    Ask, AttributeId, CheckAsk, Client, ClientFacts, Consent, ConsentAsk, Facts, Giver, Role, SessionAsk, Stage,
    SubjectKind, Terms,
};
use crate::identity::AuthenticatedBody;
use crate::store::Precondition;

/// What a permit to release keeps of the facts.
#[derive(Clone, Debug)]
pub struct Granted {
    consent: Consent,
    scope: Scope,
}

impl Granted {
    /// The consent on which the release was decided.
    pub const fn consent(&self) -> &Consent {
        &self.consent
    }
}

impl Reveals for Ask {
    fn asked(&self) -> &BTreeSet<AttributeId> {
        &self.attributes
    }

    fn scope(kept: &Granted) -> &Scope {
        &kept.scope
    }
}

impl Act for Ask {
    type Actor = AuthenticatedBody;
    type Facts = Facts;
    type Kept = Granted;

    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedBody, facts: &'a Facts) -> Case<'a, Granted> {
        let client = view.asking(actor);
        let purpose = PurposeOf::find(view.catalogue, &self.purpose);
        let consent = facts.consent.as_ref().filter(|found| rests_on(self, found, actor));

        let mut stated = view.stated(client, &facts.custodian);
        state_purpose(&mut stated, client, purpose.as_ref());
        state_asked(&mut stated, view, client, self.attributes.iter(), purpose.as_ref());
        stated.insert("grant", facts.grant_stands.into());
        state_consent(&mut stated, view, self, consent, purpose.as_ref());

        let ends = consent
            .into_iter()
            .flat_map(|found| mandate_end(&found.terms.giver).into_iter().chain([found.terms.until]));
        let good_until = ends.fold(view.midnight(), Ord::min);
        let mut preconditions = view.common(facts.epoch, good_until);
        preconditions.push(Precondition::ClientRuns(actor.client().clone()));
        preconditions.push(Precondition::GrantStands(self.grant));
        if let Some(found) = consent {
            preconditions.push(Precondition::Subject(found.subject, facts.subject_version));
            preconditions.push(Precondition::Consent(found.id, found.version));
            preconditions.push(Precondition::UseLeft(found.id));
        }
        let action = match consent.map(|found| found.terms.who.kind) {
            Some(SubjectKind::Enterprise) => Action::ReleaseByAuthorisation,
            Some(SubjectKind::Person) | None => Action::ReleaseByConsent,
        };
        let kept = consent.zip(purpose).map(|(consent, purpose)| Granted {
            consent: consent.clone(),
            scope: Scope {
                subject: consent.subject,
                allowed: consent.terms.attributes.iter().filter(|id| purpose.purpose.allows(id)).cloned().collect(),
                necessary: purpose.purpose.necessary.keys().cloned().collect(),
            },
        });
        Case { action, stated, good_until, preconditions, kept }
    }
}

/// Whether the consent is the one that the ask names, and was asked by this client for its body. Any other is none.
fn rests_on(ask: &Ask, consent: &Consent, actor: &AuthenticatedBody) -> bool {
    consent.id == ask.consent && consent.terms.client == *actor.client() && consent.terms.receiving == *actor.body()
}

/// The attributes asked for, against those that the purpose knows; what is outside it is refused for that alone.
fn state_asked<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    client: Option<&Client>,
    asked: impl Iterator<Item = &'a AttributeId> + Clone,
    purpose: Option<&PurposeOf<'a>>,
) {
    let sensitive = |id: &AttributeId| view.catalogue.sensitive(id) && purpose.is_some_and(|it| it.purpose.allows(id));
    let body = client.and_then(|client| view.catalogue.bodies.get(&client.body));
    stated.insert("asked", names(asked.clone()));
    stated.insert("allowed", names(purpose.into_iter().flat_map(PurposeOf::attributes)));
    stated.insert("regimes", view.regimes_of(asked.clone()));
    stated.insert("sensitive_asked", { asked }.any(sensitive).into());
    stated.insert("encryption_key", body.is_some_and(|body| body.encryption_key.is_some()).into());
}

/// What the consent allows of the ask. Without a consent, each fact is the one that refuses nothing more.
fn state_consent<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    ask: &'a Ask,
    consent: Option<&'a Consent>,
    purpose: Option<&PurposeOf<'a>>,
) {
    let terms = consent.map(|found| &found.terms);
    let same = terms.is_none_or(|terms| terms.purpose == ask.purpose);
    let current = |terms: &Terms| purpose.is_none_or(|it| it.purpose.version == terms.purpose_version);
    let within: Vec<_> = ask.attributes.iter().filter(|id| purpose.is_some_and(|it| it.purpose.allows(id))).collect();
    let left = |terms: &Terms| within.is_empty() || within.iter().any(|id| terms.attributes.contains(*id));
    let released = within.iter().copied().filter(|id| terms.is_some_and(|terms| terms.attributes.contains(*id)));

    stated.insert("consent", Fact::Word(consent.map_or("none", |found| found.stage.name())));
    stated.insert("same_purpose", same.into());
    stated.insert("purpose_current", (!same || terms.is_none_or(current)).into());
    stated.insert("nothing_left", (same && !terms.is_none_or(left)).into());
    stated.insert("sensitive", names(released.filter(|id| view.catalogue.sensitive(id))));
    stated.insert("express", names(terms.into_iter().flat_map(|terms| &terms.express)));
    stated.insert("expired", consent.is_some_and(|found| found.expired(view.now)).into());
    stated.insert("minor_alone", consent.is_some_and(minor_alone).into());
    stated.insert("mandate", consent.is_none_or(|found| given_by_right(view, found)).into());
    stated.insert("informed", consent.is_none_or(|found| informed(&found.terms.notice, decided(found))).into());
}

/// When the person decided.
const fn decided(consent: &Consent) -> crate::clock::Moment {
    match consent.stage {
        Stage::Given { at } | Stage::Refused { at } | Stage::Withdrawn { given: at, .. } => at,
    }
}

/// Whether a person under 14 decided alone: such a consent was never one.
fn minor_alone(consent: &Consent) -> bool {
    consent.terms.giver == Giver::Subject && consent.terms.who.under_14(decided(consent).day())
}

/// Whether who decided could do so then, and a mandate still carries it now.
fn given_by_right(view: &View<'_>, consent: &Consent) -> bool {
    let Terms { giver, who, .. } = &consent.terms;
    may_act(giver, who, view.now) && may_act(giver, who, decided(consent))
}

impl Act for ConsentAsk {
    type Actor = AuthenticatedBody;
    type Facts = ClientFacts;
    type Kept = ();

    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedBody, facts: &'a ClientFacts) -> Case<'a, ()> {
        let client = view.asking(actor);
        let purpose = PurposeOf::find(view.catalogue, &self.purpose);
        let current = |it: &PurposeOf<'_>| self.purpose_version.is_none_or(|version| version == it.purpose.version);
        let longer = |it: &PurposeOf<'_>| outlasts(view, it, self.until, self.max_uses);
        let agency = client.is_some_and(|client| matches!(client.role, Role::Agency { .. }));

        let mut stated = view.stated(client, &facts.custodian);
        state_purpose(&mut stated, client, purpose.as_ref());
        let asked = self.attributes.union(&self.optional);
        state_asked(&mut stated, view, client, asked, purpose.as_ref());
        stated.insert("agency", agency.into());
        stated.insert("recipient", (self.recipient == *actor.body()).into());
        let known = |id: &&AttributeId| purpose.as_ref().is_some_and(|it| it.purpose.allows(id));
        stated.insert("required", names(self.attributes.iter().filter(known)));
        stated.insert("necessary", names(purpose.iter().flat_map(|it| it.purpose.necessary.keys())));
        stated.insert("purpose_current", purpose.as_ref().is_none_or(current).into());
        stated.insert("longer", purpose.as_ref().is_some_and(longer).into());
        client_case(Action::AskConsent, stated, view, actor, facts)
    }
}

impl Act for SessionAsk {
    type Actor = AuthenticatedBody;
    type Facts = ClientFacts;
    type Kept = ();

    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedBody, facts: &'a ClientFacts) -> Case<'a, ()> {
        let client = view.asking(actor);
        let mut stated = view.stated(client, &facts.custodian);
        view.state_collector(&mut stated, client);
        stated.insert("asked", kinds(&self.checks, &self.drafts));
        stated.insert("regimes", view.regimes(self.checks.union(&self.drafts)));
        client_case(Action::OpenSession, stated, view, actor, facts)
    }
}

impl Act for CheckAsk {
    type Actor = AuthenticatedBody;
    type Facts = ClientFacts;
    type Kept = ();

    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedBody, facts: &'a ClientFacts) -> Case<'a, ()> {
        let client = view.asking(actor);
        let mut stated = view.stated(client, &facts.custodian);
        view.state_collector(&mut stated, client);
        stated.insert("asked", kinds(&self.kinds, &BTreeSet::new()));
        stated.insert("agreed", kinds(&self.agreed, &BTreeSet::new()));
        stated.insert("regimes", view.regimes(&self.kinds));
        client_case(Action::Check, stated, view, actor, facts)
    }
}

/// The case of an act that rests on the client alone.
fn client_case<'a>(
    action: Action,
    stated: Stated<'a>,
    view: &View<'_>,
    actor: &AuthenticatedBody,
    facts: &ClientFacts,
) -> Case<'a, ()> {
    let good_until = view.midnight();
    let mut preconditions = view.common(facts.epoch, good_until);
    preconditions.push(Precondition::ClientRuns(actor.client().clone()));
    Case { action, stated, good_until, preconditions, kept: Some(()) }
}
