//! A consent: asked by an agency, shown to the person with the exact values, decided by the person alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Broker, Refusal, Setback, TRIES, moved, next_record};
use crate::clock::{Day, Moment};
use crate::crypto::random;
use crate::domain::{
    AttributeId, BodyId, Catalogue, ClientFacts, ClientId, Consent, ConsentAsk, ConsentId, Decision, GrantId, KindId,
    MandateAct, ManifestAct, Notice, NoticeText, Origin, OwnView, Pseudonym, SubjectId, Terms, Version,
};
use crate::identity::{AuthenticatedBody, AuthenticatedPerson};
use crate::ledger::{Proof, Refused};
use crate::policy::{self, InForce, minimise};
use crate::store::{EntryRow, Filter, GrantRow, GrantedOn, Hash, Precondition, RecordRow, SearchRow, Write};

/// Seconds in a day, for the length of a consent.
pub(super) const DAY: i64 = 86_400;
/// Entries shown of one person.
const SHOWN: usize = 200;

/// A consent asked for, kept between the agency's request and the person's decision.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Asked {
    /// The client that asks.
    pub client: ClientId,
    /// What it asks for.
    pub ask: ConsentAsk,
    /// Until when the consent would hold.
    pub until: Moment,
    /// For how many releases.
    pub max_uses: Option<u32>,
    /// Version of the purpose when it was asked.
    pub purpose_version: u32,
}

/// One value as it would be released.
#[derive(Clone)]
pub struct Previewed {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
    /// The body through whose portal it came.
    pub via: Option<BodyId>,
    /// When it was recorded.
    pub at: Moment,
    /// The version of its record; none of what the identity service said at this sign-in.
    pub version: Option<Version>,
}

/// Writes that keep records, and the versions that they make.
type Kept = (Vec<Write>, Vec<(KindId, Version)>);

/// What the person chose.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Optional attributes that the person ticked.
    pub optional: BTreeSet<AttributeId>,
    /// Sensitive attributes to which the person consented by an act of their own.
    pub express: BTreeSet<AttributeId>,
    /// What the person had before their eyes.
    pub notice: Notice,
    /// Its words.
    pub text: NoticeText,
    /// The control that they used, as the page names it.
    pub control: String,
    /// Whether the person who decides began the session.
    pub same_session: bool,
}

/// What brought the question: it is answered once, whatever the ephemeral engine forgets.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Digest of its name.
    pub digest: Hash,
    /// When it has ended, at the latest.
    pub until: Moment,
}

impl Request {
    pub(super) const fn unanswered(self) -> Precondition {
        Precondition::Unspent(self.digest)
    }

    pub(super) const fn answered(self) -> Write {
        Write::Spend(self.digest, self.until)
    }
}

/// A consent given.
#[derive(Clone, Debug)]
pub struct Given {
    /// The consent.
    pub consent: ConsentId,
    /// What the client may ask under it.
    pub grant: GrantId,
    /// The terms.
    pub terms: Terms,
    /// How the body knows the person.
    pub pseudonym: Pseudonym,
    /// Index of the entry.
    pub entry: u64,
}

/// A consent as its subject sees it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The consent.
    pub consent: Consent,
    /// Uses taken.
    pub uses: u64,
    /// What was released under it, newest first: row and attributes.
    pub releases: Vec<(SearchRow, Vec<String>)>,
}

/// A release that rested on no consent, as its subject sees it.
#[derive(Clone, Debug)]
pub struct Unasked {
    /// Its row.
    pub row: SearchRow,
    /// The attributes.
    pub attributes: Vec<String>,
    /// What the entry says of it.
    pub act: Value,
}

/// All that a subject is told of what was decided and released.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Consents, newest change first.
    pub consents: Vec<Shown>,
    /// Releases on another basis, newest first.
    pub unasked: Vec<Unasked>,
}

impl Broker {
    /// An agency asks at PAR; nobody is there yet.
    pub async fn ask_consent(&self, agency: &AuthenticatedBody, ask: ConsentAsk) -> Result<Asked, Refusal> {
        let in_force = self.in_force();
        let facts = self.client_facts(&in_force);
        let now = self.clock.now();
        let permit = match in_force.decide(agency, ask.clone(), &facts, now) {
            Ok(permit) => permit,
            Err(denial) => {
                let refused = Refused {
                    client: Some((agency.client(), agency.body())),
                    asked: "ask-consent",
                    purpose: Some(&ask.purpose),
                    attributes: ask.attributes.iter().chain(&ask.optional).collect(),
                    subject: None,
                    consent: None,
                };
                return Err(self.refuse(denial, refused).await);
            }
        };
        let ask = permit.into_act();
        let purpose = in_force.catalogue().purposes.get(&ask.purpose).ok_or(Refusal::Unknown)?;
        let longest = now.plus(i64::from(purpose.longest_days) * DAY);
        let ends = [ask.until, purpose.until.map(Day::start)].into_iter().flatten();
        let until = ends.fold(longest, Ord::min);
        let max_uses = [ask.max_uses, purpose.max_uses].into_iter().flatten().min();
        Ok(Asked { client: agency.client().clone(), purpose_version: purpose.version, ask, until, max_uses })
    }

    pub(super) fn client_facts(&self, in_force: &InForce) -> ClientFacts {
        ClientFacts { epoch: in_force.epoch(), custodian: self.custodian.clone() }
    }

    /// The exact values that would be released; what is not on file is not there.
    pub async fn preview(
        &self,
        person: &AuthenticatedPerson,
        attributes: BTreeSet<AttributeId>,
    ) -> Result<BTreeMap<AttributeId, Previewed>, Refusal> {
        let in_force = self.in_force();
        let facts = self.person_facts(person, true)?;
        let now = self.clock.now();
        let permit = match in_force.decide(person, OwnView { attributes: attributes.clone() }, &facts, now) {
            Ok(permit) => permit,
            Err(denial) => return Err(self.refuse_person(person, "view-own", None, &attributes, denial).await),
        };
        let catalogue = in_force.catalogue();
        let of_service = identified(catalogue, person, &attributes, now);
        let opened = policy::open(minimise(permit), &self.safe).map_err(|fault| Refusal::NotNow(fault.to_string()))?;
        let on_file = opened.values().iter().map(|(id, value)| {
            let policy::Value { value, origin, via, at, version, .. } = value.clone();
            (id.clone(), Previewed { value, origin, via, at, version: Some(version) })
        });
        // What the identity service said at this sign-in is newer than what it said before.
        Ok(on_file.chain(of_service).collect())
    }

    /// The person says yes.
    pub async fn give(
        &self,
        person: &AuthenticatedPerson,
        request: Request,
        asked: &Asked,
        chosen: &Chosen,
    ) -> Result<Given, Refusal> {
        for _ in 0..TRIES {
            match self.attempt_give(person, request, asked, chosen).await {
                Ok(given) => return Ok(given),
                Err(Setback::Moved) => self.refresh()?,
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("what the decision rests on keeps moving".to_owned()))
    }

    async fn attempt_give(
        &self,
        person: &AuthenticatedPerson,
        request: Request,
        asked: &Asked,
        chosen: &Chosen,
    ) -> Result<Given, Setback> {
        let in_force = self.in_force();
        let (id, now) = (ConsentId::new(random().map_err(Refusal::from)?), self.clock.now());
        let terms = terms(in_force.catalogue(), asked, person, chosen, now);
        let facts = self.person_facts(person, chosen.same_session)?;
        let act = Decision { consent: id, terms: terms.clone(), text: chosen.text.clone() };
        let permit = match in_force.decide(person, act, &facts, now) {
            Ok(permit) => permit,
            Err(denial) => {
                let purpose = Some(&terms.purpose);
                let refusal = self.refuse_person(person, "give-consent", purpose, &terms.attributes, denial).await;
                return Err(refusal.into());
            }
        };
        let subject = *person.subject();
        let (mut writes, records) =
            self.identity_records(&in_force, person, &terms.attributes, next_record(facts.subject_version), now)?;
        let (pseudonym, known) = self.pseudonym(&subject, &terms.receiving)?;
        writes.extend(known);
        let consent = Consent::decided(id, subject, terms.clone(), true, now);
        let grant = GrantId::new(random().map_err(Refusal::from)?);
        writes.push(self.safe.put_consent(&consent)?);
        writes.push(Write::PutGrant(GrantRow {
            id: grant,
            client: terms.client.clone(),
            on: GrantedOn::Consent(id),
            until: terms.until,
            revoked: false,
        }));
        writes.extend(super::due::of_consent(&consent, now));
        writes.extend([Write::MoveSubject(subject), request.answered()]);
        // One, by the rules.
        let source = terms.sources.first().ok_or(Refusal::State)?;
        let entered = self.ledger.consent(&permit, subject, source, &records, request.unanswered(), writes).await;
        let entered = entered.map_err(moved)?;
        Ok(Given { consent: id, grant, terms, pseudonym, entry: entered.index() })
    }

    /// The person says no. Rests on the right to act for the subject alone.
    pub async fn decline(
        &self,
        person: &AuthenticatedPerson,
        request: Request,
        asked: &Asked,
        chosen: &Chosen,
    ) -> Result<u64, Refusal> {
        let now = self.clock.now();
        if !self.may(person, MandateAct::Decide)? || !person.giver().covers(&asked.ask.purpose) {
            return Err(Refusal::State);
        }
        let id = ConsentId::new(random()?);
        let consent = Consent::decided(
            id,
            *person.subject(),
            terms(self.in_force().catalogue(), asked, person, chosen, now),
            false,
            now,
        );
        let writes = vec![self.safe.put_consent(&consent)?, request.answered()];
        match self.ledger.consent_refused(&consent, request.unanswered(), writes).await.map_err(moved) {
            Ok(entered) => Ok(entered.index()),
            Err(Setback::Moved) => Err(Refusal::NotNow("the decision was entered meanwhile".to_owned())),
            Err(Setback::Refused(refusal)) => Err(refusal),
        }
    }

    /// The subject's consents with what was released under each, and what was released without one, up to what the person
    /// has just done.
    pub async fn decisions(&self, person: &AuthenticatedPerson, after: Option<u64>) -> Result<Told, Refusal> {
        if !self.may(person, MandateAct::View)? {
            return Err(Refusal::State);
        }
        let blind = self.blind.subject(person.subject());
        let search = self.ledger.search(after).await;
        let mut releases: BTreeMap<ConsentId, Vec<(SearchRow, Vec<String>)>> = BTreeMap::new();
        let mut told = Told::default();
        for row in search.find(&Filter { subject: Some(blind), ..Filter::default() }, SHOWN)? {
            match self.released(row)? {
                Some((Some(consent), one)) => releases.entry(consent).or_default().push((one.row, one.attributes)),
                Some((None, one)) => told.unasked.push(one),
                None => {}
            }
        }
        for row in self.store.consents_of(person.subject())? {
            let Some(consent) = self.safe.open_consent(&row)? else { continue };
            let uses = self.store.uses(&row.id)?;
            let releases = releases.remove(&row.id).unwrap_or_default();
            told.consents.push(Shown { consent, uses, releases });
        }
        Ok(told)
    }

    /// The proof of an entry about the subject, with the act part opened.
    pub fn own_proof(&self, person: &AuthenticatedPerson, index: u64) -> Result<Proof, Refusal> {
        let own = |entry: &EntryRow| entry.subject.as_ref() == Some(person.subject());
        let entry = self.ledger.entry(index)?.filter(own).ok_or(Refusal::Unknown)?;
        let mut proof = self.ledger.prove(index)?.ok_or(Refusal::Unknown)?;
        proof.opening = Some(self.ledger.open_act(&entry)?);
        Ok(proof)
    }

    /// A release read from its entry, and its consent where it rests on one.
    fn released(&self, row: SearchRow) -> Result<Option<(Option<ConsentId>, Unasked)>, Refusal> {
        if !matches!(row.event.as_str(), "release" | "redelivery") {
            return Ok(None);
        }
        let Some(entry) = self.ledger.entry(row.index)? else { return Ok(None) };
        let Some(person) = self.ledger.open_person(&entry)? else { return Ok(None) };
        let consent = person.value().get("consent").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let act = self.ledger.open_act(&entry)?.value();
        let names = act.get("attributes").and_then(Value::as_array).into_iter().flatten();
        let attributes = names.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Some((consent, Unasked { row, attributes, act })))
    }

    /// The writes that keep what the identity service says of the person, where these attributes need it and it is news.
    pub(super) fn identity_records(
        &self,
        in_force: &InForce,
        person: &AuthenticatedPerson,
        attributes: &BTreeSet<AttributeId>,
        version: Version,
        now: Moment,
    ) -> Result<Kept, Refusal> {
        let catalogue = in_force.catalogue();
        let kinds: BTreeSet<KindId> = attributes.iter().map(AttributeId::kind).collect();
        let (mut writes, mut records) = (Vec::new(), Vec::new());
        for id in kinds {
            let Some(kind) = catalogue.kinds.get(&id).filter(|kind| kind.origin == Origin::IdentityService) else {
                continue;
            };
            let claims = kind.attributes.iter().filter_map(|(member, attribute)| {
                Some((member.clone(), Value::String(person.who().claim(attribute.claim?)?)))
            });
            let values: Map<String, Value> = claims.collect();
            let newest = self.safe.record(person.subject(), &id)?;
            if newest.as_ref().is_some_and(|(_, kept)| *kept == values) {
                continue;
            }
            let row = RecordRow {
                subject: *person.subject(),
                kind: id.clone(),
                version,
                holder: kind.holder.clone(),
                purpose: kind.collected_for.clone(),
                origin: Origin::IdentityService,
                via: None,
                at: now,
                issued: None,
                valid_until: None,
                concerns: None,
                sealed: Vec::new(),
            };
            writes.extend(self.safe.put_record(kind, row, &values)?);
            records.push((id, version));
        }
        Ok((writes, records))
    }

    /// How the body knows the subject, with the write that keeps it if that is new.
    pub(super) fn pseudonym(&self, subject: &SubjectId, body: &BodyId) -> Result<(Pseudonym, Option<Write>), Refusal> {
        if let Some(pseudonym) = self.store.pseudonym(subject, body)? {
            return Ok((pseudonym, None));
        }
        let pseudonym = Pseudonym::new(random()?);
        Ok((pseudonym, Some(Write::PutPseudonym(*subject, body.clone(), pseudonym))))
    }

    /// Enters that a person's act is refused.
    pub(super) async fn refuse_person(
        &self,
        person: &AuthenticatedPerson,
        asked: &str,
        purpose: Option<&crate::domain::PurposeId>,
        attributes: &BTreeSet<AttributeId>,
        denial: policy::Denial,
    ) -> Refusal {
        let refused = Refused {
            client: None,
            asked,
            purpose,
            attributes: attributes.iter().collect(),
            subject: Some(*person.subject()),
            consent: None,
        };
        self.refuse(denial, refused).await
    }
}

/// What the identity service said at this sign-in, of the attributes that come from there.
fn identified<'a>(
    catalogue: &'a Catalogue,
    person: &'a AuthenticatedPerson,
    attributes: &BTreeSet<AttributeId>,
    now: Moment,
) -> Vec<(AttributeId, Previewed)> {
    let said = |id: &AttributeId| {
        let value = Value::String(person.who().claim(catalogue.attribute(id)?.claim?)?);
        Some((id.clone(), Previewed { value, origin: Origin::IdentityService, via: None, at: now, version: None }))
    };
    attributes.iter().filter_map(said).collect()
}

/// The terms as the person leaves them: narrowed to what was ticked, never widened.
fn terms(catalogue: &Catalogue, asked: &Asked, person: &AuthenticatedPerson, chosen: &Chosen, now: Moment) -> Terms {
    let Asked { client, ask, until, max_uses, purpose_version } = asked;
    let attributes: BTreeSet<AttributeId> =
        ask.attributes.iter().chain(ask.optional.intersection(&chosen.optional)).cloned().collect();
    let kinds = attributes.iter().filter_map(|id| catalogue.kinds.get(&id.kind()));
    Terms {
        sources: kinds.map(|kind| kind.holder.clone()).collect(),
        assurance: person.assurance(),
        act: ManifestAct { control: chosen.control.clone(), at: now },
        purpose: ask.purpose.clone(),
        purpose_version: *purpose_version,
        receiving: ask.recipient.clone(),
        client: client.clone(),
        express: chosen.express.intersection(&attributes).cloned().collect(),
        attributes,
        until: *until,
        max_uses: *max_uses,
        case: ask.case.clone(),
        notice: chosen.notice.clone(),
        who: person.who().clone(),
        giver: person.giver().clone(),
    }
}
