//! What persons and officers do, as the rules see it: decide on a consent, confirm a draft, look at their own values,
//! look into the log; operators rehearse rules on it.

use std::collections::BTreeSet;

use super::model::{
    Act, Case, Fact, PurposeOf, Regimes, Reveals, Scope, Stated, View, kinds, mandate_end, may_act, names, outlasts,
    state_notice, state_purpose,
};
use super::rules::Action;
use crate::clock::Moment;
use crate::domain::{
    AttributeId, BodyId, Decision, Delegation, Giver, MandateAct, OfficerFacts, OwnView, PersonFacts, Reading,
    ReadingPurpose, Rehearsing, StatusChange, StatusRecord, SubjectKind, Submission, Terms, in_force,
};
use crate::identity::{AuthenticatedOfficer, AuthenticatedPerson};
use crate::store::Precondition;

impl Act for Decision {
    type Actor = AuthenticatedPerson;
    type Facts = PersonFacts;
    type Kept = ();

    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedPerson, facts: &'a PersonFacts) -> Case<'a, ()> {
        let terms = &self.terms;
        let client = view.running(&terms.client);
        let purpose = PurposeOf::find(view.catalogue, &terms.purpose);
        let mut stated = view.stated(client, &facts.custodian);
        state_purpose(&mut stated, view, client, purpose.as_ref());
        view.state_recipient(&mut stated, client);
        state_own(&mut stated, view, actor, facts, MandateAct::Decide);
        let mandate = may_act(facts, MandateAct::Decide, view.now) && facts.giver.covers(&terms.purpose);
        stated.insert("mandate", mandate.into());
        stated.insert("alive", facts.status.died.is_none().into());
        state_terms(&mut stated, view, terms, purpose.as_ref());
        stated.insert("recipient", client.is_some_and(|client| client.body == terms.receiving).into());
        let theirs = terms.who == facts.who && terms.giver == facts.giver && terms.assurance == actor.assurance();
        stated.insert("own", (is_own(actor, facts) && theirs).into());
        stated.insert("strong", actor.express().into());
        stated.insert("asked_by_will", view.by_will(&terms.purpose, &terms.receiving).into());
        stated.insert("minor_alone", minor_alone(view, facts).into());

        let good_until = good_until(view, facts).min(terms.until);
        let mut preconditions = of_subject(view, facts, good_until);
        preconditions.push(Precondition::ClientRuns(terms.client.clone()));
        preconditions.push(Precondition::Consent(self.consent, 0));
        let action = if is_enterprise(facts) { Action::GiveAuthorisation } else { Action::GiveConsent };
        let regimes = view.regimes_of(&terms.attributes);
        Case { action, stated, regimes, good_until, preconditions, grounds: Vec::new(), kept: Some(()) }
    }
}

/// What is decided on, against the purpose as it stands.
fn state_terms<'a>(stated: &mut Stated<'a>, view: &View<'a>, terms: &'a Terms, purpose: Option<&PurposeOf<'a>>) {
    let longer = |it: &PurposeOf<'_>| outlasts(view, it, Some(terms.until), terms.max_uses.or(Some(u32::MAX)));
    let sensitive = |id: &&AttributeId| view.catalogue.sensitive_for(id, &terms.purpose);
    let sources = view.holders(terms.attributes.iter());
    stated.insert("asked", names(&terms.attributes));
    stated.insert("one_source", (sources.len() <= 1 && sources.into_iter().eq(&terms.sources)).into());
    stated.insert("manifest", terms.act.shows(&terms.notice, view.now).into());
    stated.insert("allowed", names(purpose.into_iter().flat_map(PurposeOf::attributes)));
    stated.insert("sensitive", names(terms.attributes.iter().filter(sensitive)));
    stated.insert("express", names(&terms.express));
    stated.insert("informed", terms.notice.is_proof(view.now).into());
    state_notice(stated, view, Some(&terms.notice));
    stated.insert("longer", purpose.is_some_and(longer).into());
    stated.insert("purpose_current", purpose.is_none_or(|it| it.purpose.version == terms.purpose_version).into());
}

impl Act for Submission {
    type Actor = AuthenticatedPerson;
    type Facts = PersonFacts;
    type Kept = ();

    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedPerson, facts: &'a PersonFacts) -> Case<'a, ()> {
        let client = view.running(&self.client).filter(|client| client.body == self.via);
        let mut stated = view.stated(client, &facts.custodian);
        view.state_collector(&mut stated, client);
        state_own(&mut stated, view, actor, facts, MandateAct::Submit);
        stated.insert("alive", facts.status.died.is_none().into());
        stated.insert("asked", kinds(&BTreeSet::new(), &BTreeSet::from([self.kind.clone()])));
        stated.insert("enterprise", is_enterprise(facts).into());
        stated.insert("minor_alone", minor_alone(view, facts).into());

        let good_until = good_until(view, facts);
        let mut preconditions = of_subject(view, facts, good_until);
        preconditions.push(Precondition::ClientRuns(self.client.clone()));
        preconditions.push(Precondition::DraftStands(self.draft));
        let regimes = view.regimes([&self.kind]);
        Case { action: Action::Submit, stated, regimes, good_until, preconditions, grounds: Vec::new(), kept: Some(()) }
    }
}

impl Reveals for OwnView {
    fn asked(&self) -> &BTreeSet<AttributeId> {
        &self.attributes
    }

    fn scope(kept: &Scope) -> &Scope {
        kept
    }
}

impl Act for OwnView {
    type Actor = AuthenticatedPerson;
    type Facts = PersonFacts;
    type Kept = Scope;

    fn case<'a>(
        &'a self,
        view: &'a View<'a>,
        actor: &'a AuthenticatedPerson,
        facts: &'a PersonFacts,
    ) -> Case<'a, Scope> {
        let mut stated = Stated::new();
        state_own(&mut stated, view, actor, facts, MandateAct::View);
        stated.insert("enterprise", is_enterprise(facts).into());
        let good_until = good_until(view, facts);
        let scope = Scope { subject: facts.subject, allowed: self.attributes.clone(), necessary: BTreeSet::new() };
        let preconditions = of_subject(view, facts, good_until);
        let regimes = view.regimes_of(&self.attributes);
        Case {
            action: Action::ViewOwn,
            stated,
            regimes,
            good_until,
            preconditions,
            grounds: Vec::new(),
            kept: Some(scope),
        }
    }
}

/// Who acts, and for whom.
fn state_own(
    stated: &mut Stated<'_>,
    view: &View<'_>,
    actor: &AuthenticatedPerson,
    facts: &PersonFacts,
    act: MandateAct,
) {
    stated.insert("own", is_own(actor, facts).into());
    stated.insert("mandate", may_act(facts, act, view.now).into());
}

fn is_enterprise(facts: &PersonFacts) -> bool {
    facts.who.kind == SubjectKind::Enterprise
}

/// Whether a person under 14 acts without a representative.
fn minor_alone(view: &View<'_>, facts: &PersonFacts) -> bool {
    facts.giver == Giver::Subject && facts.who.under_14(view.day)
}

/// Whether the act is that of the person who signed in, in the session that they began, for the subject they act for.
fn is_own(actor: &AuthenticatedPerson, facts: &PersonFacts) -> bool {
    facts.same_session
        && facts.subject == *actor.subject()
        && facts.who == *actor.who()
        && facts.giver == *actor.giver()
}

fn good_until(view: &View<'_>, facts: &PersonFacts) -> Moment {
    mandate_end(&facts.giver).map_or(view.midnight(), |end| end.min(view.midnight()))
}

fn of_subject(view: &View<'_>, facts: &PersonFacts, good_until: Moment) -> Vec<Precondition> {
    let mut preconditions = view.common(facts.epoch, good_until);
    preconditions.push(Precondition::Subject(facts.subject, facts.subject_version));
    preconditions
}

impl Act for Reading {
    type Actor = AuthenticatedOfficer;
    type Facts = OfficerFacts;
    type Kept = ();

    fn case<'a>(
        &'a self,
        view: &'a View<'a>,
        actor: &'a AuthenticatedOfficer,
        facts: &'a OfficerFacts,
    ) -> Case<'a, ()> {
        let mut stated = delegated(view, actor, facts, self.query.body.as_ref());
        state_reading(&mut stated, &self.reason, self.purpose, false);
        office_case(Action::ReadLog, view, stated, facts)
    }
}

impl Act for Rehearsing {
    /// Who may give the broker operators' commands.
    type Actor = ();
    type Facts = OfficerFacts;
    type Kept = ();

    fn case<'a>(&'a self, view: &'a View<'a>, (): &'a (), facts: &'a OfficerFacts) -> Case<'a, ()> {
        let mut stated = Stated::from([
            ("delegated", false.into()),
            ("delegation_in_force", false.into()),
            ("reaches", true.into()),
        ]);
        state_reading(&mut stated, &self.reason, Some(ReadingPurpose::Rehearsal), true);
        office_case(Action::ReadLog, view, stated, facts)
    }
}

impl Act for StatusRecord {
    type Actor = AuthenticatedOfficer;
    type Facts = OfficerFacts;
    type Kept = ();

    fn case<'a>(
        &'a self,
        view: &'a View<'a>,
        actor: &'a AuthenticatedOfficer,
        facts: &'a OfficerFacts,
    ) -> Case<'a, ()> {
        let to_come = matches!(self.change, StatusChange::Died { on } if on > view.day);
        let mut stated = delegated(view, actor, facts, None);
        stated.insert("reason", (!self.reason.trim().is_empty()).into());
        stated.insert("evidence", (!self.evidence.trim().is_empty()).into());
        stated.insert("to_come", to_come.into());
        office_case(Action::Status, view, stated, facts)
    }
}

/// Why the log is read, and how much of it is shown.
fn state_reading(stated: &mut Stated<'_>, reason: &str, purpose: Option<ReadingPurpose>, only_counts: bool) {
    stated.insert("reason", (!reason.trim().is_empty()).into());
    stated.insert("reading_for", Fact::Word(purpose.map_or("none", ReadingPurpose::as_str)));
    stated.insert("only_counts", only_counts.into());
}

/// By which delegation the officer acts: on the custodian's behalf, or on that of the one `body` to which the act is
/// limited.
fn delegated<'a>(
    view: &View<'_>,
    actor: &AuthenticatedOfficer,
    facts: &OfficerFacts,
    body: Option<&BodyId>,
) -> Stated<'a> {
    let known = |it: &&Delegation| it.issuer == actor.issuer() && it.sub == actor.sub();
    let theirs: Vec<_> = view.catalogue.delegations.iter().filter(known).collect();
    let today: Vec<_> = theirs.iter().filter(|it| in_force(it.from, it.until, view.day)).collect();
    let reaches = |of: &BodyId| *of == facts.custodian.body || body == Some(of);
    Stated::from([
        ("delegated", (!theirs.is_empty()).into()),
        ("delegation_in_force", (!today.is_empty()).into()),
        ("reaches", (today.is_empty() || today.iter().any(|it| reaches(&it.body))).into()),
    ])
}

/// The case of an act of an office, which rests on no subject and no client.
fn office_case<'a>(action: Action, view: &View<'a>, stated: Stated<'a>, facts: &OfficerFacts) -> Case<'a, ()> {
    let good_until = view.midnight();
    let preconditions = view.common(facts.epoch, good_until);
    Case { action, stated, regimes: Regimes::new(), good_until, preconditions, grounds: Vec::new(), kept: Some(()) }
}
