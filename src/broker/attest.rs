//! What a source attests: values of a subject that it names by an identifier. It becomes a record at once; nobody has to
//! confirm it, and whoever is told of it later hears who attested it and when.
//!
//! A subject that nobody named before is made, reached by the identifier: who signs in with it later is that subject.
//! INVARIANT: the identifier is kept as a blind index, and in the entry's person part; nowhere else.

use serde_json::{Map, Value};

use super::{Broker, Refusal, Setback, TRIES, moved, next_record};
use crate::clock::{Day, Moment};
use crate::crypto::{SealingKey, random};
use crate::domain::{Attestation, Identifier, Origin, RecordKind, SubjectId, Version};
use crate::identity::AuthenticatedBody;
use crate::ledger::Refused;
use crate::policy::{Denial, InForce};
use crate::store::{Class, Precondition, RecordRow, Write};

/// An attestation that is recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attested {
    /// Its entry.
    pub entry: u64,
    /// The last day on which it is valid, where it has one.
    pub valid_until: Option<Day>,
}

/// What a source sends, besides what the rules look at.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    /// The values.
    pub values: &'a Map<String, Value>,
    /// The request's Idempotency-Key.
    pub key: &'a str,
    /// The request's body, for that key.
    pub body: &'a [u8],
}

/// A subject that a source names, with what must hold and be written for it to be the one.
struct Named {
    subject: SubjectId,
    version: Version,
    evidence: SealingKey,
    stands: Precondition,
    writes: Vec<Write>,
}

impl Broker {
    /// Records what a source attests. A repeated request gets the first one's answer, and leaves nothing new.
    pub async fn attest(
        &self,
        source: &AuthenticatedBody,
        act: Attestation,
        sent: Sent<'_>,
    ) -> Result<Attested, Refusal> {
        for _ in 0..TRIES {
            match self.attempt_attest(source, &act, sent).await {
                Ok(attested) => return Ok(attested),
                Err(Setback::Moved) => self.refresh()?,
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("what the attestation rests on keeps moving".to_owned()))
    }

    async fn attempt_attest(
        &self,
        source: &AuthenticatedBody,
        act: &Attestation,
        sent: Sent<'_>,
    ) -> Result<Attested, Setback> {
        let in_force = self.in_force();
        let now = self.clock.now();
        let permit = match in_force.decide(source, act.clone(), &self.client_facts(&in_force), now) {
            Ok(permit) => permit,
            Err(denial) => return Err(self.refuse_source(source, denial).await.into()),
        };
        let kind = in_force.catalogue().kinds.get(&act.kind).ok_or(Refusal::Unknown)?;
        let valid_until = kind.validity.as_ref().map(|validity| validity.last_day(act.issued));
        let request = self.blind.request(sent.body);
        if let Some(used) = self.store.key_use(source.client(), sent.key)? {
            let again = Attested { entry: used.entry, valid_until };
            return if used.body == request { Ok(again) } else { Err(Refusal::KeyReused.into()) };
        }
        if !well_formed(&in_force, kind, act, sent.values, now) {
            return Err(Refusal::BadValues.into());
        }
        let Named { subject, version, evidence, stands, mut writes } = self.named(&act.of)?;
        let row = RecordRow {
            subject,
            kind: act.kind.clone(),
            version: next_record(version),
            holder: kind.holder.clone(),
            purpose: kind.collected_for.clone(),
            origin: Origin::Attested,
            via: None,
            at: now,
            issued: Some(act.issued),
            valid_until,
            concerns: None,
            sealed: Vec::new(),
        };
        writes.extend(self.safe.put_record(kind, row.clone(), sent.values)?);
        writes.push(Write::MoveSubject(subject));
        writes.push(Write::PutKeyUse(source.client().clone(), sent.key.to_owned(), request));
        // The key first: who repeats a request is answered like the first time.
        let fresh = Precondition::FreshKey(source.client().clone(), sent.key.to_owned());
        let entered = self.ledger.attestation(&permit, source.client(), &row, evidence, [fresh, stands], writes).await;
        Ok(Attested { entry: entered.map_err(moved)?.index(), valid_until })
    }

    /// The subject that the identifier names; a new one where it names none.
    fn named(&self, of: &Identifier) -> Result<Named, Refusal> {
        let lookup = self.blind.identifier(of.of(), of.expose());
        let known = self.store.identity(&lookup)?;
        let subject = known.map_or_else(|| random().map(SubjectId::new), Ok)?;
        // The version before the keys: where they move after it, the commit is sent back.
        let (version, stands, mut writes) = match known {
            Some(_) => {
                let version = self.store.subject_version(&subject)?;
                (version, Precondition::Subject(subject, version), Vec::new())
            }
            None => {
                let made = vec![Write::PutSubject(subject), Write::PutIdentity(lookup, subject)];
                (1, Precondition::NewIdentity(lookup), made)
            }
        };
        let (evidence, key) = self.safe.vault().key_or_new(&subject, &Class::Evidence)?;
        writes.extend(key);
        Ok(Named { subject, version, evidence, stands, writes })
    }

    async fn refuse_source(&self, source: &AuthenticatedBody, denial: Denial) -> Refusal {
        let refused = Refused {
            client: Some((source.client(), source.body())),
            asked: "attest",
            purpose: None,
            attributes: Vec::new(),
            subject: None,
            consent: None,
        };
        self.refuse(denial, refused).await
    }
}

/// Whether the values have the form of their kind, and name the day of issue as the source does: a day that has come.
fn well_formed(
    in_force: &InForce,
    kind: &RecordKind,
    act: &Attestation,
    values: &Map<String, Value>,
    now: Moment,
) -> bool {
    let departures = in_force.loaded().departures(&act.kind, &Value::Object(values.clone()));
    let day = kind.validity.as_ref().map(|validity| values.get(&validity.issued).and_then(Value::as_str));
    let same = day.is_none_or(|day| day.is_some_and(|day| day.parse() == Ok(act.issued)));
    departures.is_some_and(|departures| departures.is_empty()) && same && act.issued <= now.day()
}
