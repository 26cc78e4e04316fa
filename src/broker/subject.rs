//! Subjects: found by identity service and `sub`, or by a NEQ that the service vouches for; made at the first sign-in, or
//! by a source that named them before (`attest`), with the key of their evidence.

use super::{Broker, Refusal, TRIES};
use crate::crypto::random;
use crate::domain::{Giver, IdentifierType, PersonFacts, SubjectId};
use crate::identity::{Acting, AuthenticatedPerson, login};
use crate::ledger::{Lane, NotCommitted, NotEntered};
use crate::store::{Class, Precondition, Write};

/// Why who signed in does not act for a subject.
#[derive(Debug, thiserror::Error)]
pub enum NotActing {
    /// They do not decide alone: they are under 14, or of no known age.
    #[error("who signed in does not decide alone")]
    TooYoung,
    /// They hold no mandate for the subject, or one that has ended.
    #[error("who signed in holds no mandate that lets them decide")]
    NoMandate,
    /// It cannot be said now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Broker {
    /// Whether who signed in decides for themselves, today.
    pub fn decides_alone(&self, signed_in: &login::SignedIn) -> bool {
        Giver::Subject.may_decide_for(&signed_in.who, self.now())
    }

    /// For whom else who signed in decides, today.
    pub fn represented<'a>(
        &self,
        signed_in: &'a login::SignedIn,
    ) -> impl Iterator<Item = &'a login::Representable> + use<'a> {
        let now = self.now();
        signed_in.mandates.iter().filter(move |found| found.mandate.allows(&found.who, now))
    }

    /// The signed-in person, acting for themselves.
    pub async fn acting_for_oneself(&self, signed_in: &login::SignedIn) -> Result<Acting, NotActing> {
        if !self.decides_alone(signed_in) {
            return Err(NotActing::TooYoung);
        }
        let subject = self.subject(&signed_in.issuer, &signed_in.sub, signed_in.neq.as_deref()).await?;
        Ok(Acting { subject, who: signed_in.who.clone(), giver: Giver::Subject })
    }

    /// The signed-in person, acting for the subject that their identity service knows as `sub`.
    pub async fn acting_for(&self, signed_in: &login::SignedIn, sub: &str) -> Result<Acting, NotActing> {
        let represented = self.represented(signed_in).find(|found| found.sub == sub).ok_or(NotActing::NoMandate)?;
        let representative = self.subject(&signed_in.issuer, &signed_in.sub, signed_in.neq.as_deref()).await?;
        let subject = self.subject(&signed_in.issuer, &represented.sub, represented.neq.as_deref()).await?;
        let giver = Giver::Representative { representative, mandate: represented.mandate.clone() };
        Ok(Acting { subject, who: represented.who.clone(), giver })
    }

    /// How often who signed in has signed out so far: their session carries it, and is void once it has risen.
    pub fn sign_outs(&self, signed_in: &login::SignedIn) -> Result<u64, Refusal> {
        Ok(self.store.sign_outs(&self.blind.identity(&signed_in.issuer, &signed_in.sub))?)
    }

    /// Who signed in signs out: of every session, in any browser, and whatever the ephemeral engine still holds of one.
    pub async fn sign_out(&self, signed_in: &login::SignedIn) -> Result<(), Refusal> {
        let lookup = self.blind.identity(&signed_in.issuer, &signed_in.sub);
        self.ledger.write(Lane::Person, Vec::new(), vec![Write::SignOut(lookup)]).await?;
        Ok(())
    }

    /// The subject that the service knows as `sub`. Where the service gives a NEQ, it is also whom sources name by it:
    /// whichever came first made the subject. Two subjects that both exist are never made one.
    async fn subject(&self, issuer: &str, sub: &str, neq: Option<&str>) -> Result<SubjectId, Refusal> {
        let by_service = self.blind.identity(issuer, sub);
        let by_number = neq.map(|neq| self.blind.identifier(IdentifierType::Neq, neq));
        for _ in 0..TRIES {
            let signed_in = self.store.identity(&by_service)?;
            let named = by_number.map_or(Ok(None), |lookup| self.store.identity(&lookup))?;
            let lookups = [(Some(by_service), signed_in), (by_number, named)];
            let missing = || lookups.into_iter().filter(|(_, found)| found.is_none()).filter_map(|(lookup, _)| lookup);
            let known = signed_in.or(named);
            if let Some(subject) = known.filter(|_| missing().next().is_none()) {
                return Ok(subject);
            }
            let subject = known.map_or_else(|| random().map(SubjectId::new), Ok)?;
            let mut writes = Vec::new();
            if known.is_none() {
                let (_, key) = self.safe.vault().key_or_new(&subject, &Class::Evidence)?;
                writes.push(Write::PutSubject(subject));
                writes.extend(key);
            }
            writes.extend(missing().map(|lookup| Write::PutIdentity(lookup, subject)));
            let preconditions = missing().map(Precondition::NewIdentity).collect();
            match self.ledger.write(Lane::Person, preconditions, writes).await {
                Ok(_) => return Ok(subject),
                // Signed in twice at once, or attested meanwhile: the other one made the subject.
                Err(NotEntered::Commit(NotCommitted::Moved(_))) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(Refusal::NotNow("who signs in keeps moving".to_owned()))
    }

    /// What is known when this person acts.
    pub(super) fn person_facts(
        &self,
        person: &AuthenticatedPerson,
        same_session: bool,
    ) -> Result<PersonFacts, Refusal> {
        Ok(PersonFacts {
            subject: *person.subject(),
            who: person.who().clone(),
            giver: person.giver().clone(),
            same_session,
            subject_version: self.store.subject_version(person.subject())?,
            epoch: self.in_force().epoch(),
            custodian: self.custodian.clone(),
        })
    }
}
