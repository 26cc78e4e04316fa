//! What a client holds: a consent under which it may ask, whoever asked for it first.
//!
//! Not here: whether what it asks is released (`release`).

use super::{Broker, Given, Refusal};
use crate::domain::{Consent, ConsentId, Terms};
use crate::identity::AuthenticatedBody;
use crate::store::GrantedOn;

impl Broker {
    /// The consent, as given to `agency` or carried to it; none where it has no grant on one that stands.
    pub fn held(&self, agency: &AuthenticatedBody, id: &ConsentId) -> Result<Option<Given>, Refusal> {
        let now = self.clock.now();
        let theirs = |it: &Consent| it.client() == agency.client() && it.receiving() == agency.body() && it.active(now);
        let Some(row) = self.store.consent(id)? else { return Ok(None) };
        let Some(consent) = self.safe.open_consent(&row)?.filter(theirs) else { return Ok(None) };
        let grant = self.store.grant_on(id, agency.client())?;
        let grant = grant.filter(|it| !it.revoked && now < it.until && it.on == GrantedOn::Consent(*id));
        let named = self.store.pseudonym(&consent.subject, agency.body())?;
        Ok(grant.zip(named).map(|(grant, pseudonym)| {
            let (receiving, client) = (consent.receiving().clone(), consent.client().clone());
            let terms = Terms { receiving, client, ..consent.terms };
            Given { consent: *id, grant: grant.id, terms, pseudonym, entry: row.entry }
        }))
    }
}
