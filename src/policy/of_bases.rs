//! A release on a basis that the catalogue gives: an agreement, an Act, a contract, an order of mobility.
//!
//! Not here: what every release shares (`of_releases`). No person is asked; so the catalogue says on what the body may
//! rely, the grant says whose information it is, and neither comes from the ask.

use super::model::{Act, Case, Fact, PurposeOf, Scope, Stated, View, names, state_asked, state_purpose};
use super::of_carry::instrument;
use super::of_releases::{Asked, Granted, Resting, RestsOn, rest_on_will};
use super::rule::Citation;
use super::rules::Action;
use crate::domain::{
    Agreement, AttributeId, Basis, BodyId, Clause, ClientFacts, Contract, Finding, Intervals, Known, MobilityLetter,
    Order, Path, Reliance, SubjectStatus, Under, in_force,
};
use crate::identity::AuthenticatedBody;
use crate::store::Precondition;

impl Act for Reliance {
    type Actor = AuthenticatedBody;
    type Facts = ClientFacts;
    type Kept = ();

    /// The case of the release to come, as if its grant stood already; whose information it will be does not matter.
    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedBody, facts: &'a ClientFacts) -> Case<'a, ()> {
        let client = view.asking(actor);
        let purpose = PurposeOf::find(view.catalogue, &self.purpose);
        let mut stated = view.stated(client, &facts.custodian);
        state_purpose(&mut stated, view, client, purpose.as_ref());
        state_asked(&mut stated, view, client, self.attributes.iter(), purpose.as_ref());
        stated.insert("grant", true.into());
        let asked = Asked { purpose: &self.purpose, attributes: &self.attributes };
        let unknown = (&Known::Nothing, &SubjectStatus::default());
        let resting = rest(&mut stated, view, asked, actor, unknown, purpose.as_ref());
        let good_until = view.midnight();
        let preconditions = view.common(facts.epoch, good_until);
        let regimes = view.regimes_of(&self.attributes);
        let Resting { action, grounds, .. } = resting;
        Case { action, stated, regimes, good_until, preconditions, grounds, kept: Some(()) }
    }
}

/// What the catalogue's basis for the asking body adds to the case.
pub(super) fn rest<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    ask: Asked<'a>,
    actor: &'a AuthenticatedBody,
    (known, status): (&Known, &SubjectStatus),
    purpose: Option<&PurposeOf<'a>>,
) -> Resting {
    let subject = match known {
        Known::Basis(subject) => Some(*subject),
        Known::Nothing | Known::Consent(_) => None,
    };
    let Some(basis) = view.catalogue.basis(ask.purpose, actor.body(), view.day).filter(|it| !it.is_by_will()) else {
        return rest_on_will(stated, view, ask, None, status, purpose);
    };
    let (mut preconditions, mut grounds) = (Vec::new(), Vec::new());
    let mut hops = Vec::new();
    let (action, allowed) = match basis {
        Basis::Consent {} => return rest_on_will(stated, view, ask, None, status, purpose),
        Basis::Agreement { agreement } => {
            let found = view.catalogue.agreements.get(agreement);
            let way = found.and_then(|found| way(view, found, actor.body()));
            state_agreement(stated, view, ask, way.is_some(), found);
            grounds.extend(way.iter().flat_map(|way| &way.hops).map(|hop| instrument(hop)));
            hops = way.map(|way| way.kept()).unwrap_or_default();
            let intervals = found.and_then(|found| found.intervals.as_ref());
            preconditions.extend(intervals.zip(subject).map(|(Intervals { times, per, .. }, subject)| {
                let (agreement, from) = (agreement.clone(), view.day.first_of(*per));
                Precondition::BasisUseLeft { agreement, subject, from, most: *times }
            }));
            (Action::ReleaseByAgreement, found.map(|found| &found.attributes))
        }
        Basis::Act { provision } => {
            let found = view.catalogue.provisions.get(provision);
            stated.insert("provision", found.is_some().into());
            grounds.extend(found.map(|it| Citation::new(&it.cite, it.read, false)));
            (Action::ReleaseByAct, None)
        }
        Basis::Contract { contract } => {
            state_contract(stated, view, actor, view.catalogue.contracts.get(contract));
            (Action::ReleaseByContract, None)
        }
        Basis::Mobility { order, letter, authorisation } => {
            let found = view.catalogue.orders.get(order);
            state_mobility(stated, view, ask, found, *letter, authorisation);
            (Action::ReleaseByMobility, None)
        }
    };
    let within = |id: &&AttributeId| allowed.is_none_or(|allowed| allowed.contains(*id));
    let kept = subject.zip(purpose).map(|(subject, purpose)| Granted {
        client: actor.client().clone(),
        receiving: actor.body().clone(),
        purpose: purpose.id.clone(),
        purpose_version: purpose.purpose.version,
        case: None,
        on: RestsOn::Basis(basis.clone()),
        hops,
        scope: Scope {
            subject,
            allowed: purpose.attributes().filter(within).cloned().collect(),
            necessary: purpose.purpose.necessary.keys().cloned().collect(),
        },
    });
    Resting { action, ends: Vec::new(), preconditions, grounds, kept }
}

/// The substitutions by which `body` is in the agreement's place of the receiving one: none where it is that body; no way
/// unless each function of the agreement leads to it.
fn way<'a>(view: &View<'a>, agreement: &'a Agreement, body: &BodyId) -> Option<Path<'a>> {
    if agreement.receiving == *body {
        return Some(Path::default());
    }
    let mut way = Path::default();
    for function in &agreement.functions {
        let path = view.catalogue.successor(&agreement.receiving, function, view.day).ok()?;
        if path.end() != Some(body) {
            return None;
        }
        way.hops.extend(path.hops);
    }
    (!way.hops.is_empty()).then_some(way)
}

/// An agreement under s. 68, against the ask: `of_asker` where the asking body is its receiving one, or in its place.
fn state_agreement<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    ask: Asked<'a>,
    of_asker: bool,
    agreement: Option<&'a Agreement>,
) {
    let holders = || ask.attributes.iter().filter_map(|id| view.catalogue.kinds.get(&id.kind())).map(|it| &it.holder);
    let parties = |it: &Agreement| of_asker && holders().all(|holder| *holder == it.releasing);
    let begun = |it: &Agreement| it.begins(view.catalogue.law.cai_wait_days).is_some_and(|day| day <= view.day);
    let found = agreement.into_iter().flat_map(|it| it.found(view.day)).map(Finding::as_str);
    stated.insert("agreement", Fact::Word(agreement.map_or("none", |it| Under::as_str(it.under))));
    stated.insert("outside_exempt", agreement.is_some_and(|it| it.under == Under::Benefit).into());
    stated.insert("agreement_parties", agreement.is_some_and(parties).into());
    stated.insert("agreement_purpose", agreement.is_some_and(|it| it.purposes.contains(ask.purpose)).into());
    stated.insert("agreed", names(agreement.into_iter().flat_map(|it| &it.attributes)));
    stated.insert("findings", Fact::Names(found.collect()));
    stated.insert("items", Fact::Names(agreement.into_iter().flat_map(Agreement::items).collect()));
    stated.insert("received", agreement.and_then(Agreement::received).is_some_and(|day| day <= view.day).into());
    stated.insert("begun", agreement.is_some_and(begun).into());
    stated.insert("ended", agreement.and_then(|it| it.until).is_some_and(|end| end <= view.day).into());
}

/// A mandate or contract (s. 67.2), against who asks.
fn state_contract<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    actor: &AuthenticatedBody,
    contract: Option<&'a Contract>,
) {
    let stands = |it: &Contract| in_force(it.from, Some(it.until), view.day);
    let clauses = contract.into_iter().flat_map(|it| &it.clauses).map(|clause| Clause::as_str(*clause));
    stated.insert("contract", contract.is_some_and(|it| it.contractor == *actor.body()).into());
    stated.insert("contract_in_force", contract.is_some_and(stands).into());
    stated.insert("clauses", Fact::Names(clauses.collect()));
}

/// An order of mobility (G-1.03, ss. 12.10 to 12.16), against the ask.
fn state_mobility<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    ask: Asked<'_>,
    order: Option<&'a Order>,
    letter: Option<MobilityLetter>,
    authorisation: &str,
) {
    let covers = |it: &Order| {
        let kinds = ask.attributes.iter().map(AttributeId::kind);
        it.purposes.contains(ask.purpose) && { kinds }.all(|kind| it.kinds.contains(&kind))
    };
    let declared =
        |it: &Order| [it.evaluation_sent, it.rules_sent].iter().all(|sent| sent.is_some_and(|day| day < view.day));
    stated.insert("letter", Fact::Word(letter.map_or("none", MobilityLetter::as_str)));
    stated.insert("order", order.is_some_and(covers).into());
    stated.insert("order_in_force", order.is_some_and(|it| in_force(it.from, it.until, view.day)).into());
    stated.insert("authorised", order.is_some_and(|it| it.authorisations.contains(authorisation)).into());
    stated.insert("declared", order.is_some_and(declared).into());
}
