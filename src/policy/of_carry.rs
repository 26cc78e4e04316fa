//! A consent that follows a function from a body that is gone, as the rules see it.
//!
//! Not here: where the function leads (`domain::succession`), what is written then (`broker/substitution`). What the
//! succeeding body asks under the consent is decided anew each time (`of_releases`).

use super::model::{Act, Case, Fact, PurposeOf, Stated, View, names};
use super::rule::Citation;
use super::rules::Action;
use crate::domain::{
    BodyId, Carry, CarryFacts, Client, ClientId, Consent, FunctionId, Hop, NoPath, Operator, Path, PurposeId, Role,
    SubjectKind, Substitution,
};
use crate::store::Precondition;

/// What a permit to carry keeps of the facts: the way, and who asks at its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Succession {
    hops: Vec<Hop>,
    client: ClientId,
}

impl Succession {
    /// Each substitution on the way.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// The client of the succeeding body that asks from now on.
    pub const fn client(&self) -> &ClientId {
        &self.client
    }
}

impl Act for Carry {
    type Actor = Operator;
    type Facts = CarryFacts;
    type Kept = Succession;

    fn case<'a>(&'a self, view: &'a View<'a>, _: &'a Operator, facts: &'a CarryFacts) -> Case<'a, Succession> {
        let CarryFacts { consent, subject_version, epoch } = facts;
        let terms = &consent.terms;
        let purpose = PurposeOf::find(view.catalogue, &terms.purpose);
        let function = purpose.as_ref().and_then(|it| it.purpose.function.as_ref());
        let path = path(view, consent, function);
        let to = path.as_ref().ok().and_then(Path::end);
        let recipient = |to: &BodyId| purpose.as_ref().is_some_and(|it| it.purpose.recipients.contains(to));
        let client = to.and_then(|to| client(view, to, &terms.purpose));
        let current = |it: &PurposeOf<'_>| it.purpose.version == terms.purpose_version;

        // Without a path, each of these is what refuses nothing more.
        let mut stated = Stated::new();
        stated.insert("path", Fact::Word(word(&path)));
        stated.insert("purpose_of_body", to.is_none_or(recipient).into());
        stated.insert("client", (client.is_some() || !to.is_some_and(recipient)).into());
        stated.insert("purpose_current", purpose.as_ref().is_none_or(current).into());
        stated.insert("necessary", names(purpose.iter().flat_map(|it| it.purpose.necessary.keys())));
        stated.insert("consented", names(&terms.attributes));

        let good_until = view.midnight();
        let mut preconditions = view.common(*epoch, good_until);
        preconditions.push(Precondition::Consent(consent.id, consent.version));
        preconditions.push(Precondition::Subject(consent.subject, *subject_version));
        preconditions.extend(client.map(|client| Precondition::ClientRuns(client.clone())));
        let action = match terms.who.kind {
            SubjectKind::Person => Action::Carry,
            SubjectKind::Enterprise => Action::CarryAuthorisation,
        };
        let regimes = view.regimes_of(&terms.attributes);
        let grounds = path.iter().flat_map(|path| path.hops.iter().map(|hop| instrument(hop))).collect();
        let kept = path.ok().zip(client).map(|(path, client)| Succession { hops: path.kept(), client: client.clone() });
        Case { action, stated, regimes, good_until, preconditions, grounds, kept }
    }
}

/// Where the consent's function leads today; nowhere, where its purpose names none.
fn path<'a>(view: &View<'a>, consent: &'a Consent, function: Option<&FunctionId>) -> Result<Path<'a>, NoPath<'a>> {
    let of = consent.receiving();
    function.map_or(Err(NoPath::Unmapped(of)), |function| view.catalogue.successor(of, function, view.day))
}

fn word(path: &Result<Path<'_>, NoPath<'_>>) -> &'static str {
    match path {
        Ok(path) if path.hops.is_empty() => "stays",
        Ok(_) => "found",
        Err(none) => none.as_str(),
    }
}

/// The body's one client that runs and is registered for the purpose.
fn client<'a>(view: &View<'a>, body: &BodyId, purpose: &PurposeId) -> Option<&'a ClientId> {
    let theirs = |client: &Client| match &client.role {
        Role::Agency { purposes, .. } => client.body == *body && purposes.contains(purpose),
        Role::Source { .. } | Role::Relay {} | Role::Collector { .. } => false,
    };
    let running = |id: &ClientId| view.running(id).is_some_and(theirs);
    let mut clients = view.catalogue.clients.keys().filter(|id| running(id));
    clients.next().filter(|_| clients.next().is_none())
}

/// The provision that a hop rests on.
pub(super) fn instrument(hop: &Substitution) -> Citation {
    Citation::new(&hop.instrument.cite, hop.instrument.read, false)
}
