//! What else is entered: persons' acts, portals' questions, officers' readings, refusals, operators' acts.
//!
//! INVARIANT: an act that the rules decide enters with its permit, and with the preconditions read off its facts.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::entry::{Statement, object};
use super::release::citations;
use super::{Entered, Lane, Ledger, NotEntered};
use crate::clock::Day;
use crate::crypto::SealingKey;
use crate::domain::{
    AgreementId, Attestation, AttributeId, Basis, BodyId, CheckAsk, ClientId, Consent, ConsentId, Custodian, Decision,
    Event, Giver, KindId, Notice, NoticeText, PartB, PurposeId, Reading, StatusRecord, SubjectId, Submission, Version,
};
use crate::jose::{Jwk, b64};
use crate::policy::{Denial, Grounds, Permit};
use crate::store::{Hash, Precondition, RecordRow, Write};

/// What a refused ask was about.
#[derive(Clone, Debug)]
pub struct Refused<'a> {
    /// The client that asked, with its body.
    pub client: Option<(&'a ClientId, &'a BodyId)>,
    /// What it asked for: the action, in one word.
    pub asked: &'a str,
    /// The purpose.
    pub purpose: Option<&'a PurposeId>,
    /// The attributes.
    pub attributes: Vec<&'a AttributeId>,
    /// The subject, where one is known.
    pub subject: Option<SubjectId>,
    /// The consent it named.
    pub consent: Option<ConsentId>,
}

/// What a person was told that a body gets without their consent.
pub struct Telling<'a> {
    /// Whose information it is.
    pub subject: SubjectId,
    /// Who read it.
    pub giver: &'a Giver,
    /// The client that asks.
    pub client: &'a ClientId,
    /// The body that receives.
    pub receiving: &'a BodyId,
    /// The purpose and its version.
    pub purpose: (&'a PurposeId, u32),
    /// The attributes.
    pub attributes: &'a BTreeSet<AttributeId>,
    /// The basis.
    pub basis: &'a Basis,
    /// The notice that was read.
    pub notice: &'a Notice,
    /// Its words.
    pub text: &'a NoticeText,
    /// Records kept with it, of what the identity service says.
    pub records: &'a [(KindId, Version)],
}

/// The signature of someone known by name: an administrator's under an activation or a stop.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct NamedSignature {
    /// The name, as the log knows it.
    pub name: String,
    /// Ed25519 signature, base64url.
    pub signature: String,
}

/// That who opens the person parts of an export, and why, is a durable entry.
pub struct PersonsOpened(Entered);

impl PersonsOpened {
    /// The entry.
    pub const fn entered(&self) -> &Entered {
        &self.0
    }
}

impl Ledger {
    /// Enters a consent given, with the words of the notice and the writes that keep it. `unanswered`: that the question was not answered before.
    pub async fn consent(
        &self,
        permit: &Permit<Decision>,
        subject: SubjectId,
        releasing: &BodyId,
        records: &[(KindId, Version)],
        unanswered: Precondition,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let Decision { consent, terms, text } = permit.act();
        let mut act = decided(permit.grounds());
        act.extend(object(json!({
            "releasing": releasing, "receiving": terms.receiving, "client": terms.client, "purpose": terms.purpose,
            "purpose_version": terms.purpose_version, "basis": terms.basis(), "attributes": terms.attributes,
            "notice": terms.notice.sha256_fr, "outcome": "given",
        })));
        let person = object(json!({
            "subject": subject, "consent": consent, "until": terms.until, "max_uses": terms.max_uses,
            "records": versions(records), "giver": terms.giver, "language": terms.notice.language,
            "notice": terms.notice, "text": text,
        }));
        let statement = of_subject(Event::Consent, act, Some(permit.grounds().facts_text()), person, subject);
        // First: a second answer is told so, and not that the subject moved with the first.
        let preconditions = [&[unanswered], permit.grounds().preconditions()].concat();
        self.enter(Lane::Person, statement, preconditions, writes).await
    }

    /// Enters a consent refused. Rests on the right to act for the subject alone. `unanswered`: that the question was not
    /// answered before.
    pub async fn consent_refused(
        &self,
        consent: &Consent,
        unanswered: Precondition,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let preconditions = vec![unanswered, Precondition::Consent(consent.id, 0)];
        self.stage_changed(Event::ConsentRefused, consent, &consent.terms.giver, preconditions, writes).await
    }

    /// Enters a withdrawal: `before` is the version it ends. Rests on the right to act for the subject alone.
    pub async fn withdrawal(
        &self,
        consent: &Consent,
        giver: &Giver,
        before: Version,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let preconditions = vec![Precondition::Consent(consent.id, before)];
        self.stage_changed(Event::Withdrawal, consent, giver, preconditions, writes).await
    }

    /// Enters that a consent has run out, as recorded: `before` is the version it ends. `stands`: that nobody did it yet.
    pub async fn consent_expired(
        &self,
        consent: &Consent,
        before: Version,
        stands: Precondition,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        self.stage_due(Event::ConsentExpired, consent, before, stands, writes).await
    }

    /// Enters that a consent has lapsed: `before` is the version it ends. `stands`: that nobody did it yet.
    pub async fn consent_lapsed(
        &self,
        consent: &Consent,
        before: Version,
        stands: Precondition,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        self.stage_due(Event::ConsentLapsed, consent, before, stands, writes).await
    }

    /// A change of stage that nobody decides: its day has come.
    async fn stage_due(
        &self,
        event: Event,
        consent: &Consent,
        before: Version,
        stands: Precondition,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let person = object(json!({"subject": consent.subject, "consent": consent.id}));
        let statement = of_subject(event, of_stage(consent), None, person, consent.subject);
        self.enter(Lane::Client, statement, vec![Precondition::Consent(consent.id, before), stands], writes).await
    }

    /// Enters an agreement into part B of the register of s. 67.3.
    pub async fn register(
        &self,
        agreement: &AgreementId,
        begins: Day,
        part: &PartB,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let act = json!({"instrument": agreement, "begins": begins, "register": part, "outcome": "entered"});
        self.enter(Lane::Client, Statement::act(Event::Register, act), preconditions, writes).await
    }

    async fn stage_changed(
        &self,
        event: Event,
        consent: &Consent,
        giver: &Giver,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let terms = &consent.terms;
        let act = object(json!({
            "receiving": consent.receiving(), "client": consent.client(), "purpose": terms.purpose,
            "purpose_version": terms.purpose_version, "basis": terms.basis(), "outcome": consent.stage.name(),
        }));
        let person = object(json!({"subject": consent.subject, "consent": consent.id, "giver": giver}));
        let statement = of_subject(event, act, None, person, consent.subject);
        self.enter(Lane::Person, statement, preconditions, writes).await
    }

    /// Enters that a person was told what a body gets without their consent, and on what basis; its grant goes with it.
    pub async fn informed(
        &self,
        telling: Telling<'_>,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let Telling { subject, giver, client, receiving, purpose, attributes, basis, notice, text, records } = telling;
        let act = object(json!({
            "receiving": receiving, "client": client, "purpose": purpose.0, "purpose_version": purpose.1,
            "basis": basis.word(), "instrument": basis.instrument(), "attributes": attributes,
            "notice": notice.sha256_fr, "outcome": "informed",
        }));
        let person = object(json!({
            "subject": subject, "records": versions(records), "giver": giver, "language": notice.language,
            "notice": notice, "text": text,
        }));
        let statement = of_subject(Event::Informed, act, None, person, subject);
        self.enter(Lane::Person, statement, preconditions, writes).await
    }

    /// Enters a draft confirmed: it is a record.
    pub async fn submission(
        &self,
        permit: &Permit<Submission>,
        subject: SubjectId,
        record: (&BodyId, &PurposeId, Version),
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let Submission { kind, via, client, language, .. } = permit.act();
        let (holder, purpose, version) = record;
        let mut act = decided(permit.grounds());
        act.extend(object(json!({
            "releasing": via, "receiving": holder, "client": client, "purpose": purpose, "kind": kind,
            "outcome": "confirmed",
        })));
        let records = json!([{"kind": kind, "version": version}]);
        let person = object(json!({"subject": subject, "records": records, "language": language}));
        let statement = of_subject(Event::Submission, act, Some(permit.grounds().facts_text()), person, subject);
        self.enter(Lane::Person, statement, permit.grounds().preconditions().to_vec(), writes).await
    }

    /// Enters what a source attests. `evidence` is the subject's key, and `stands` what must hold of the subject; before
    /// it, the request.
    pub async fn attestation(
        &self,
        permit: &Permit<Attestation>,
        client: &ClientId,
        record: &RecordRow,
        evidence: SealingKey,
        stands: [Precondition; 2],
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let Attestation { kind, of, issued, reference } = permit.act();
        let mut act = decided(permit.grounds());
        act.extend(object(json!({
            "releasing": record.holder, "client": client, "purpose": record.purpose, "kind": kind, "outcome": "attested",
        })));
        let person = object(json!({
            "subject": record.subject, "records": [{"kind": kind, "version": record.version}],
            "of": {"type": of.of(), "value": of.expose()}, "issued": issued, "valid_until": record.valid_until,
            "reference": reference,
        }));
        let mut statement =
            of_subject(Event::Attestation, act, Some(permit.grounds().facts_text()), person, record.subject);
        statement.evidence = Some(evidence);
        let preconditions = [&stands, permit.grounds().preconditions()].concat();
        self.enter(Lane::Client, statement, preconditions, writes).await
    }

    /// Enters that a portal asked what is on file.
    pub async fn check(
        &self,
        permit: &Permit<CheckAsk>,
        client: &ClientId,
        asking: &BodyId,
    ) -> Result<Entered, NotEntered> {
        let CheckAsk { subject, kinds, .. } = permit.act();
        let mut act = decided(permit.grounds());
        act.extend(object(json!({"receiving": asking, "client": client, "kinds": kinds, "outcome": "answered"})));
        let person = object(json!({"subject": subject}));
        let statement = of_subject(Event::Check, act, Some(permit.grounds().facts_text()), person, *subject);
        self.enter(Lane::Client, statement, permit.grounds().preconditions().to_vec(), Vec::new()).await
    }

    /// Enters that an officer looks, before anything is shown.
    pub async fn officer_read(
        &self,
        permit: &Permit<Reading>,
        officer: (&str, &str),
        body: &BodyId,
    ) -> Result<Entered, NotEntered> {
        let Reading { reason, query, .. } = permit.act();
        let (issuer, name) = officer;
        let mut act = decided(permit.grounds());
        act.extend(object(json!({"receiving": body, "outcome": "shown"})));
        let person = object(json!({"officer": name, "issuer": issuer, "reason": reason, "query": query}));
        let statement = Statement {
            event: Event::OfficerRead,
            act,
            facts: Some(permit.grounds().facts_text().to_owned()),
            person,
            subject: None,
            evidence: None,
            used: None,
        };
        self.enter(Lane::Person, statement, permit.grounds().preconditions().to_vec(), Vec::new()).await
    }

    /// Enters what an officer records of a subject's status. The act part says nothing of what it is.
    pub async fn status(
        &self,
        permit: &Permit<StatusRecord>,
        officer: (&str, &str),
        unmoved: Precondition,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let StatusRecord { subject, change, evidence, reason } = permit.act();
        let (issuer, name) = officer;
        let mut act = decided(permit.grounds());
        act.extend(object(json!({"outcome": "recorded"})));
        let person = object(json!({
            "subject": subject, "change": change, "evidence": evidence, "officer": name, "issuer": issuer,
            "reason": reason,
        }));
        let statement = of_subject(Event::Status, act, Some(permit.grounds().facts_text()), person, *subject);
        let preconditions = [&[unmoved], permit.grounds().preconditions()].concat();
        self.enter(Lane::Person, statement, preconditions, writes).await
    }

    /// Enters a refusal, with its full reasons.
    pub async fn refusal(&self, denial: &Denial, refused: Refused<'_>) -> Result<Entered, NotEntered> {
        let rules: Vec<&str> = denial.reasons().iter().map(|reason| reason.id.as_str()).collect();
        let cited: Vec<_> = denial.reasons().iter().flat_map(|reason| reason.citations.iter().cloned()).collect();
        let act = object(json!({
            "receiving": refused.client.map(|(_, body)| body), "client": refused.client.map(|(client, _)| client),
            "purpose": refused.purpose, "attributes": refused.attributes, "asked": refused.asked, "rules": rules,
            "citations": citations(&cited), "bundle": b64::encode(denial.bundle()), "outcome": "refused",
        }));
        // A subject whose keys are destroyed can no longer be named: the refusal stands without.
        let subject = match refused.subject {
            Some(subject) if self.store.key(&subject, &crate::store::Class::Evidence)?.is_some() => Some(subject),
            _ => None,
        };
        let person = match subject {
            Some(subject) => object(json!({"subject": subject, "consent": refused.consent})),
            None => Map::new(),
        };
        let facts = Some(denial.facts_text().to_owned());
        let statement = Statement { event: Event::Refusal, act, facts, person, subject, evidence: None, used: None };
        let lane = if refused.client.is_some() { Lane::Client } else { Lane::Person };
        self.enter(lane, statement, Vec::new(), Vec::new()).await
    }

    /// Enters that keys of a subject were destroyed; whom it was dies with them.
    pub async fn erasure(
        &self,
        operator: &str,
        classes: &[String],
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let act = json!({"operator": operator, "classes": classes, "outcome": "erased"});
        self.enter(Lane::Person, Statement::act(Event::Erasure, act), preconditions, writes).await
    }

    /// Enters that values were destroyed because their days had run (s. 73).
    pub async fn destruction(
        &self,
        classes: &[String],
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Entered, NotEntered> {
        let cited = json!([{"cite": "A-2.1, art. 73", "read": "2024-11-15"}]);
        let act = json!({"classes": classes, "citations": cited, "outcome": "destroyed"});
        self.enter(Lane::Client, Statement::act(Event::Erasure, act), preconditions, writes).await
    }

    /// Enters that the log begins: who runs it, who administers it, how many of them must sign.
    pub(crate) async fn begin(
        &self,
        custodian: &Custodian,
        administrators: &[(String, Jwk)],
        quorum: usize,
    ) -> Result<Entered, NotEntered> {
        let administrators: Vec<Value> =
            administrators.iter().map(|(name, jwk)| json!({"name": name, "jwk": jwk})).collect();
        let act = json!({
            "origin": self.origin(), "custodian": custodian, "administrators": administrators, "quorum": quorum,
        });
        self.enter(Lane::Person, Statement::act(Event::Init, act), Vec::new(), Vec::new()).await
    }

    /// Enters that a key comes into use.
    pub(crate) async fn key_added(&self, usage: &str, jwk: &Jwk) -> Result<Entered, NotEntered> {
        let act = json!({"kid": jwk.kid(), "use": usage, "jwk": jwk});
        self.enter(Lane::Person, Statement::act(Event::KeyAdded, act), Vec::new(), Vec::new()).await
    }

    /// Enters that a bundle comes into force.
    pub(crate) async fn activation(
        &self,
        digest: Hash,
        bytes: &[u8],
        epoch: Version,
        signatures: &[NamedSignature],
    ) -> Result<Entered, NotEntered> {
        let act = json!({"bundle": b64::encode(digest), "signatures": signatures});
        let preconditions = vec![Precondition::Epoch(epoch)];
        let writes = vec![Write::Activate(digest, bytes.into())];
        self.enter(Lane::Person, Statement::act(Event::Activation, act), preconditions, writes).await
    }

    /// Enters that a client is stopped.
    pub(crate) async fn client_stop(
        &self,
        client: &ClientId,
        signature: &NamedSignature,
    ) -> Result<Entered, NotEntered> {
        let act = json!({"client": client, "signatures": [signature], "outcome": "stopped"});
        let writes = vec![Write::StopClient(client.clone())];
        self.enter(Lane::Person, Statement::act(Event::ClientStop, act), Vec::new(), writes).await
    }

    /// Enters that an export is opened, before anything of it is written.
    pub async fn opening(&self, operator: &str, reason: &str) -> Result<PersonsOpened, NotEntered> {
        let mut statement = Statement::act(Event::Opening, json!({"outcome": "opened"}));
        statement.person = object(json!({"operator": operator, "reason": reason}));
        self.enter(Lane::Person, statement, Vec::new(), Vec::new()).await.map(PersonsOpened)
    }
}

fn versions(records: &[(KindId, Version)]) -> Vec<Value> {
    records.iter().map(|(kind, version)| json!({"kind": kind, "version": version})).collect()
}

pub(super) fn decided(grounds: &Grounds) -> Map<String, Value> {
    object(json!({"citations": citations(grounds.citations())}))
}

/// What an act says of a consent whose stage changes.
fn of_stage(consent: &Consent) -> Map<String, Value> {
    let terms = &consent.terms;
    object(json!({
        "receiving": consent.receiving(), "client": consent.client(), "purpose": terms.purpose,
        "purpose_version": terms.purpose_version, "basis": terms.basis(), "outcome": consent.stage.name(),
    }))
}

pub(super) fn of_subject(
    event: Event,
    act: Map<String, Value>,
    facts: Option<&str>,
    person: Map<String, Value>,
    subject: SubjectId,
) -> Statement {
    let facts = facts.map(str::to_owned);
    Statement { event, act, facts, person, subject: Some(subject), evidence: None, used: None }
}
