//! What a body gets without asking its subject: it says so at PAR, the person is told, and the body may then ask for it.
//!
//! Nobody decides here, and no will is recorded: that the person was told is an entry, and the grant rests on the basis
//! that the catalogue gives the body. Each release is decided anew, by the rules of that basis.
//! INVARIANT: a body that has such a basis for a purpose asks nobody for a consent to it: that would not be free.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::consent::DAY;
use super::{Asked, Broker, Refusal, Request, Setback, TRIES, moved, next_record};
use crate::clock::Moment;
use crate::crypto::random;
use crate::domain::{
    AttributeId, Basis, BodyId, Catalogue, ClientId, ConsentAsk, GrantId, MandateAct, Notice, NoticeText, Pseudonym,
    PurposeId, Reliance, SubjectKind,
};
use crate::identity::{AuthenticatedBody, AuthenticatedPerson};
use crate::ledger::{Refused, Telling};
use crate::store::{GrantRow, GrantedOn, Precondition, Write};

/// What an agency's request at PAR leads to.
#[derive(Clone, Debug)]
pub enum Wish {
    /// A question, which the person answers.
    Consent(Asked),
    /// A notice, which the person reads.
    Relying(Relying),
}

/// What a body gets without asking, kept between its request and the person's reading.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Relying {
    /// The client that asks.
    pub client: ClientId,
    /// Its body.
    pub body: BodyId,
    /// The purpose.
    pub purpose: PurposeId,
    /// Its version when it was asked.
    pub purpose_version: u32,
    /// The attributes.
    pub attributes: BTreeSet<AttributeId>,
    /// The body's own reference.
    pub case: Option<String>,
}

impl Relying {
    /// The basis on which the body gets it on the day of `now`; none where it has come to need the person's will, or
    /// where the purpose is no longer the one that was asked for.
    pub fn basis<'a>(&self, catalogue: &'a Catalogue, now: Moment) -> Option<&'a Basis> {
        let same = catalogue.purposes.get(&self.purpose).is_some_and(|found| found.version == self.purpose_version);
        catalogue.basis(&self.purpose, &self.body, now.day()).filter(|basis| same && !basis.is_by_will())
    }

    /// When a grant ends whose notice was `shown` then, and the person is told anew.
    pub fn until(&self, catalogue: &Catalogue, shown: Moment) -> Option<Moment> {
        catalogue.purposes.get(&self.purpose).map(|found| shown.plus(i64::from(found.longest_days) * DAY))
    }
}

/// A person was told.
#[derive(Clone, Debug)]
pub struct Informed {
    /// What the client may ask for.
    pub grant: GrantId,
    /// Until when.
    pub until: Moment,
    /// How the body knows the person.
    pub pseudonym: Pseudonym,
    /// Index of the entry.
    pub entry: u64,
}

impl Broker {
    /// An agency asks at PAR; nobody is there yet. Where its body has another basis than the person's will, the person
    /// will be told instead of asked. What no such basis can carry is refused as a question would be.
    pub async fn ask(&self, agency: &AuthenticatedBody, ask: ConsentAsk) -> Result<Wish, Refusal> {
        let in_force = self.in_force();
        let version = in_force.catalogue().purposes.get(&ask.purpose).map(|found| found.version);
        let relying = version.map(|purpose_version| Relying {
            client: agency.client().clone(),
            body: agency.body().clone(),
            purpose: ask.purpose.clone(),
            purpose_version,
            attributes: &ask.attributes | &ask.optional,
            case: ask.case.clone(),
        });
        let fits = |relying: &Relying| {
            ask.recipient == relying.body
                && ask.purpose_version.is_none_or(|pinned| pinned == relying.purpose_version)
                && relying.basis(in_force.catalogue(), self.now()).is_some()
        };
        match relying.filter(fits) {
            Some(relying) => self.rely(agency, relying).await.map(Wish::Relying),
            None => self.ask_consent(agency, ask).await.map(Wish::Consent),
        }
    }

    /// Decides what the release itself will be decided on, so that a body without a good basis sends nobody here.
    async fn rely(&self, agency: &AuthenticatedBody, relying: Relying) -> Result<Relying, Refusal> {
        let in_force = self.in_force();
        let act = Reliance { purpose: relying.purpose.clone(), attributes: relying.attributes.clone() };
        match in_force.decide(agency, act, &self.client_facts(&in_force), self.now()) {
            Ok(_) => Ok(relying),
            Err(denial) => {
                let refused = Refused {
                    client: Some((agency.client(), agency.body())),
                    asked: "rely",
                    purpose: Some(&relying.purpose),
                    attributes: relying.attributes.iter().collect(),
                    subject: None,
                    consent: None,
                };
                Err(self.refuse(denial, refused).await)
            }
        }
    }

    /// The person has read: the body gets its grant. Rests on the right to act for the subject alone.
    pub async fn inform(
        &self,
        person: &AuthenticatedPerson,
        request: Request,
        relying: &Relying,
        notice: &Notice,
        text: &NoticeText,
    ) -> Result<Informed, Refusal> {
        for _ in 0..TRIES {
            match self.attempt_inform(person, request, relying, notice, text).await {
                Ok(informed) => return Ok(informed),
                Err(Setback::Moved) => self.refresh()?,
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("what the notice rests on keeps moving".to_owned()))
    }

    async fn attempt_inform(
        &self,
        person: &AuthenticatedPerson,
        request: Request,
        relying: &Relying,
        notice: &Notice,
        text: &NoticeText,
    ) -> Result<Informed, Setback> {
        let (in_force, now, subject) = (self.in_force(), self.now(), *person.subject());
        // What an enterprise supplied is no personal information: none of these bases is of it.
        let of_person = person.who().kind == SubjectKind::Person;
        if !of_person || !self.may(person, MandateAct::View)? {
            return Err(Refusal::State.into());
        }
        let catalogue = in_force.catalogue();
        let basis = relying.basis(catalogue, now).ok_or(Refusal::State)?;
        let until = relying.until(catalogue, notice.shown).ok_or(Refusal::State)?;
        let facts = self.person_facts(person, true)?;
        let version = next_record(facts.subject_version);
        let (mut writes, records) = self.identity_records(&in_force, person, &relying.attributes, version, now)?;
        let (pseudonym, known) = self.pseudonym(&subject, &relying.body)?;
        writes.extend(known);
        let grant = GrantId::new(random().map_err(Refusal::from)?);
        let on = GrantedOn::Basis { subject, purpose: relying.purpose.clone() };
        writes.push(Write::PutGrant(GrantRow { id: grant, client: relying.client.clone(), on, until, revoked: false }));
        writes.extend([Write::MoveSubject(subject), request.answered()]);
        let preconditions = vec![
            request.unanswered(),
            Precondition::Epoch(in_force.epoch()),
            Precondition::Before(now.day().plus_days(1).start()),
            Precondition::Subject(subject, facts.subject_version),
            Precondition::ClientRuns(relying.client.clone()),
        ];
        let telling = Telling {
            subject,
            giver: person.giver(),
            client: &relying.client,
            receiving: &relying.body,
            purpose: (&relying.purpose, relying.purpose_version),
            attributes: &relying.attributes,
            basis,
            notice,
            text,
            records: &records,
        };
        let entered = self.ledger.informed(telling, preconditions, writes).await.map_err(moved)?;
        Ok(Informed { grant, until, pseudonym, entry: entered.index() })
    }
}
