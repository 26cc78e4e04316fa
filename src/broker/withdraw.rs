//! A withdrawal: one check, the right to act for the subject; then the log. No rule, and no body, has a say in it.

use super::{Broker, Refusal, Setback, TRIES, moved};
use crate::domain::{ConsentId, MandateAct};
use crate::identity::AuthenticatedPerson;
use crate::store::Write;

impl Broker {
    /// Takes a consent back, and what was granted on it; the index of the entry. From that entry on, nothing is released
    /// under it.
    pub async fn withdraw(&self, person: &AuthenticatedPerson, id: &ConsentId) -> Result<u64, Refusal> {
        for _ in 0..TRIES {
            match self.attempt_withdraw(person, id).await {
                Ok(index) => return Ok(index),
                Err(Setback::Moved) => {}
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("the consent keeps moving".to_owned()))
    }

    async fn attempt_withdraw(&self, person: &AuthenticatedPerson, id: &ConsentId) -> Result<u64, Setback> {
        let now = self.clock.now();
        let own = |consent: &crate::domain::Consent| consent.subject == *person.subject();
        let consent = self.safe.consent(id).map_err(Refusal::from)?.filter(own).ok_or(Refusal::Unknown)?;
        if !self.may(person, MandateAct::Withdraw)? {
            return Err(Refusal::State.into());
        }
        let before = consent.version;
        let withdrawn = consent.withdrawn(now, person.giver().clone()).map_err(|_| Refusal::State)?;
        let writes = vec![self.safe.put_consent(&withdrawn)?, Write::RevokeGrantsOf(*id)];
        Ok(self.ledger.withdrawal(&withdrawn, person.giver(), before, writes).await.map_err(moved)?.index())
    }
}
