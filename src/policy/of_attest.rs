//! What a source attests, as the rules see it; and whether what was attested serves the occasion for which it is asked.
//!
//! Not here: whether the values have the form of their kind (`Loaded::departures`), what every release shares
//! (`of_releases`).

use super::model::{Act, Case, PurposeOf, Stated, View};
use super::rules::Action;
use crate::domain::{Ask, Attestation, ClientFacts, Filed, Occasion, Role};
use crate::identity::AuthenticatedBody;
use crate::store::Precondition;

impl Act for Attestation {
    type Actor = AuthenticatedBody;
    type Facts = ClientFacts;
    type Kept = ();

    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a AuthenticatedBody, facts: &'a ClientFacts) -> Case<'a, ()> {
        let client = view.asking(actor);
        let source = client.and_then(|client| match &client.role {
            Role::Source { kinds, identifiers } => Some((kinds, identifiers)),
            Role::Agency { .. } | Role::Relay {} | Role::Collector { .. } => None,
        });
        let kind = view.catalogue.kinds.get(&self.kind);
        let mut stated = view.stated(client, &facts.custodian);
        stated.insert("source", source.is_some().into());
        stated.insert("registered", source.is_some_and(|(kinds, _)| kinds.contains(&self.kind)).into());
        stated.insert("identifier", source.is_some_and(|(_, names)| names.contains(&self.of.of())).into());
        stated.insert("holder", kind.is_some_and(|kind| kind.holder == *actor.body()).into());

        let good_until = view.midnight();
        let mut preconditions = view.common(facts.epoch, good_until);
        preconditions.push(Precondition::ClientRuns(actor.client().clone()));
        let regimes = view.regimes([&self.kind]);
        Case { action: Action::Attest, stated, regimes, good_until, preconditions, grounds: Vec::new(), kept: Some(()) }
    }
}

/// What the records on file are worth for what the ask says that it is for. Where the purpose wants no occasion, and
/// where none is named, each fact but the first refuses nothing more.
pub(super) fn state_occasion(stated: &mut Stated<'_>, ask: &Ask, on_file: &[Filed], purpose: Option<&PurposeOf<'_>>) {
    let wanted = purpose.and_then(|it| it.purpose.occasion.as_ref());
    let occasion = wanted.and(ask.occasion.as_ref());
    let least = wanted.and_then(|it| it.amount_from);
    let enough = |it: &Occasion| least.is_none_or(|from| it.amount.is_some_and(|amount| amount >= from));
    let all = |fits: fn(&Filed, &Occasion) -> bool| occasion.is_none_or(|it| on_file.iter().all(|row| fits(row, it)));
    stated.insert("occasion", (wanted.is_none() || occasion.is_some()).into());
    stated.insert("needed_by_amount", occasion.is_none_or(enough).into());
    stated.insert("issued_before_occasion", all(Filed::issued_before).into());
    stated.insert("valid_at_occasion", all(Filed::valid_at).into());
}
