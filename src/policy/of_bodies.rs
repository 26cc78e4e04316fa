//! What bodies ask for before any value moves, as the rules see it: a consent, a portal's session, what is on file.

use std::collections::BTreeSet;

use super::model::{Act, Case, PurposeOf, Regimes, Stated, View, kinds, names, outlasts, state_asked, state_purpose};
use super::rules::Action;
use crate::domain::{AttributeId, CheckAsk, ClientFacts, ConsentAsk, Role, SessionAsk};
use crate::identity::AuthenticatedBody;
use crate::store::Precondition;

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
        state_purpose(&mut stated, view, client, purpose.as_ref());
        let asked = self.attributes.union(&self.optional);
        state_asked(&mut stated, view, client, asked, purpose.as_ref());
        stated.insert("agency", agency.into());
        stated.insert("recipient", (self.recipient == *actor.body()).into());
        stated.insert("asked_by_will", view.by_will(&self.purpose, actor.body()).into());
        let known = |id: &&AttributeId| purpose.as_ref().is_some_and(|it| it.purpose.allows(id));
        stated.insert("required", names(self.attributes.iter().filter(known)));
        stated.insert("necessary", names(purpose.iter().flat_map(|it| it.purpose.necessary.keys())));
        stated.insert("purpose_current", purpose.as_ref().is_none_or(current).into());
        stated.insert("longer", purpose.as_ref().is_some_and(longer).into());
        let regimes = view.regimes_of(self.attributes.union(&self.optional));
        client_case(Action::AskConsent, stated, regimes, view, actor, facts)
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
        let regimes = view.regimes(self.checks.union(&self.drafts));
        client_case(Action::OpenSession, stated, regimes, view, actor, facts)
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
        let regimes = view.regimes(&self.kinds);
        client_case(Action::Check, stated, regimes, view, actor, facts)
    }
}

/// The case of an act that rests on the client alone.
fn client_case<'a>(
    action: Action,
    stated: Stated<'a>,
    regimes: Regimes,
    view: &View<'_>,
    actor: &AuthenticatedBody,
    facts: &ClientFacts,
) -> Case<'a, ()> {
    let good_until = view.midnight();
    let mut preconditions = view.common(facts.epoch, good_until);
    preconditions.push(Precondition::ClientRuns(actor.client().clone()));
    Case { action, stated, regimes, good_until, preconditions, grounds: Vec::new(), kept: Some(()) }
}
