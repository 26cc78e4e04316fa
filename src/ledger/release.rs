//! A release: entered first, signed after. The only place where a data token is made.
//!
//! INVARIANT: the claims are fixed before the commit, and their digest is in the entry; only `log` is added to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::entry::{Statement, object};
use super::{Entered, EntryFault, Lane, Ledger, NotCommitted, NotEntered, event_of};
use crate::clock::Moment;
use crate::crypto::{SealingKey, random, sha256};
use crate::domain::{Ask, AttributeId, BodyId, Catalogue, Consent, Event, Pseudonym, ReleaseId};
use crate::identity::jwk;
use crate::jose::{JoseError, Jwk, Signer, b64, canonical, encrypt, sign};
use crate::policy::{Citation, Denial, Grounds, Opened};
use crate::store::{EntryRow, Fault, Hash, Precondition, Write};

/// Life of a data token, in seconds: how fresh it is, not how long it proves.
const TOKEN_LIFE: i64 = 86_400;
const TYP: &str = "data-release+jwt";

/// Signs data tokens. Held by the ledger alone.
pub(super) struct TokenSigner {
    issuer: String,
    signer: Signer,
}

impl TokenSigner {
    pub(super) const fn new(issuer: String, signer: Signer) -> Self {
        Self { issuer, signer }
    }

    pub(super) fn jwk(&self) -> &Jwk {
        self.signer.jwk()
    }
}

/// A release that is durable and covered by a signed checkpoint; owns the values. Minted here alone.
pub struct Recorded {
    entered: Entered,
    release: ReleaseId,
    claims: Map<String, Value>,
    expires: Moment,
    encryption: Option<Jwk>,
}

/// A data token (*jeton*) with the entry proof that goes with it. Minted here alone.
#[derive(Debug)]
pub struct DataToken {
    release: ReleaseId,
    token: String,
    proof: String,
    expires: Moment,
}

impl DataToken {
    /// The release.
    pub const fn release(&self) -> &ReleaseId {
        &self.release
    }

    /// JWS, or JWE around it where the body registered an encryption key.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The entry proof: a tlog-proof file that opens the act part.
    pub fn proof(&self) -> &str {
        &self.proof
    }

    /// When the token expires.
    pub const fn expires(&self) -> Moment {
        self.expires
    }
}

/// What ties a release to the person: read with the facts, so that nothing is read again.
pub struct Ties {
    /// How the receiving body knows the subject.
    pub pseudonym: Pseudonym,
    /// The entry that last changed the consent.
    pub consent_entry: u64,
    /// The subject's key of evidence.
    pub evidence: SealingKey,
}

/// Why there is no release.
#[derive(Debug, thiserror::Error)]
pub enum NotReleased {
    /// It was not entered.
    #[error(transparent)]
    Entry(#[from] NotEntered),
    /// Something that ties the release to its subject is gone, though it is permitted: the consent's entry, the
    /// receiving body's name for the subject, or the subject's key of evidence.
    #[error("what ties the release to its subject is gone")]
    NoPseudonym,
    /// The values are held by several bodies: each releases its own.
    #[error("the values are held by several bodies")]
    SeveralHolders,
    /// What was released under this Idempotency-Key no longer holds.
    #[error("what was released before no longer holds")]
    Changed(ReleaseId),
    /// The consent has no use left: a denial, to be entered like any other.
    #[error("the consent has no use left")]
    UsesTaken(Box<Denial>),
    /// The token could not be signed or encrypted.
    #[error(transparent)]
    Token(#[from] JoseError),
}

impl From<Fault> for NotReleased {
    fn from(fault: Fault) -> Self {
        Self::Entry(fault.into())
    }
}

impl From<EntryFault> for NotReleased {
    fn from(fault: EntryFault) -> Self {
        Self::Entry(fault.into())
    }
}

/// What distinguishes one release from another of the same values.
struct Drawn {
    release: ReleaseId,
    issued: Moment,
    expires: Moment,
    salt: String,
}

impl Ledger {
    /// Enters a release. `request` is the keyed digest of the request's body, kept with its Idempotency-Key.
    pub async fn release(
        &self,
        opened: Opened<Ask>,
        catalogue: &Catalogue,
        ties: Ties,
        request: Hash,
    ) -> Result<Recorded, NotReleased> {
        let issued = self.clock.now();
        let drawn = Drawn {
            release: ReleaseId::new(random().map_err(EntryFault::from)?),
            issued,
            expires: issued.plus(TOKEN_LIFE),
            salt: b64::encode(random::<32>().map_err(EntryFault::from)?),
        };
        let terms = &opened.kept().consent().terms;
        let key_use = (terms.client.clone(), opened.act().idempotency_key.clone());
        // The key first: who repeats an ask that took the last use is answered like the first time.
        let mut preconditions = vec![Precondition::FreshKey(key_use.0.clone(), key_use.1.clone())];
        preconditions.extend_from_slice(opened.grounds().preconditions());
        let writes = vec![Write::PutKeyUse(key_use.0, key_use.1, request)];
        self.enter_release(Event::Release, opened, catalogue, ties, drawn, None, preconditions, writes).await
    }

    /// Enters a redelivery of the release at `row`: the same claims, if the record versions and the token's life still
    /// allow it. Values given anew are another version, even where they are the same.
    pub async fn redeliver(
        &self,
        opened: Opened<Ask>,
        catalogue: &Catalogue,
        ties: Ties,
        row: &EntryRow,
    ) -> Result<Recorded, NotReleased> {
        let act = self.open_act(row)?.value();
        let release = act.get("jti").and_then(Value::as_str).and_then(|jti| jti.parse().ok());
        let release: ReleaseId = release.ok_or(EntryFault::Departs(row.index))?;
        let person = self.open_person(row)?.map(|opening| opening.value());
        let Some(person) = person.filter(|_| event_of(row) == Some(Event::Release)) else {
            return Err(NotReleased::Changed(release));
        };
        if person.get("records") != Some(&records(&opened)) {
            return Err(NotReleased::Changed(release));
        }
        let moment = |member: &str| act.get(member).and_then(Value::as_i64).map(Moment::from_unix);
        let (issued, expires) = moment("iat").zip(moment("exp")).ok_or(EntryFault::Departs(row.index))?;
        let salt = person.get("salt").and_then(Value::as_str).unwrap_or_default().to_owned();
        let drawn = Drawn { release, issued, expires, salt };
        let mut preconditions: Vec<_> = opened.grounds().preconditions().to_vec();
        preconditions.retain(|condition| !matches!(condition, Precondition::UseLeft(_)));
        preconditions.push(Precondition::Before(expires));
        let claims = act.get("claims").and_then(Value::as_str).unwrap_or_default().to_owned();
        let of = Some((row.index, claims));
        let event = Event::Redelivery;
        match self.enter_release(event, opened, catalogue, ties, drawn, of, preconditions, Vec::new()).await {
            // No other attempt would find the token alive again.
            Err(NotReleased::Entry(NotEntered::Commit(NotCommitted::Moved(Precondition::Before(end)))))
                if end == expires =>
            {
                Err(NotReleased::Changed(release))
            }
            recorded => recorded,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step for both kinds of release, whose parts differ in nothing else"
    )]
    async fn enter_release(
        &self,
        event: Event,
        opened: Opened<Ask>,
        catalogue: &Catalogue,
        ties: Ties,
        drawn: Drawn,
        of: Option<(u64, String)>,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> Result<Recorded, NotReleased> {
        let terms = &opened.kept().consent().terms;
        let releasing = holder(&opened)?;
        let claims = self.claims(&opened, &drawn, &releasing, &ties.pseudonym.to_string());
        let digest = b64::encode(sha256(&[&canonical(&claims)?]));
        if of.as_ref().is_some_and(|(_, before)| *before != digest) {
            return Err(NotReleased::Changed(drawn.release));
        }
        let statement = statement(event, &opened, &drawn, &releasing, &digest, of.map(|(index, _)| index), ties);
        let encryption = catalogue.bodies.get(&terms.receiving).and_then(|body| body.encryption_key.as_ref());
        let encryption = encryption.map(|key| jwk(key).ok_or(JoseError::Key)).transpose()?;
        let entered = match self.enter(Lane::Client, statement, preconditions, writes).await {
            Err(NotEntered::Commit(NotCommitted::Moved(Precondition::UseLeft(_)))) => {
                return Err(NotReleased::UsesTaken(Box::new(Denial::uses_taken(opened.grounds()))));
            }
            entered => entered?,
        };
        Ok(Recorded { entered, release: drawn.release, claims, expires: drawn.expires, encryption })
    }

    /// Signs what was recorded.
    pub fn sign(&self, recorded: Recorded) -> Result<DataToken, NotReleased> {
        let Recorded { entered, release, mut claims, expires, encryption } = recorded;
        let index = entered.index();
        claims.insert("log".into(), json!({"origin": self.origin(), "index": index}));
        let signed = sign(&self.tokens.signer, TYP, &claims)?;
        let token = match &encryption {
            Some(key) => encrypt(key, "JWT", signed.as_bytes())?,
            None => signed,
        };
        let proof = entered.proof().ok_or(EntryFault::Departs(index))?.to_string();
        Ok(DataToken { release, token, proof, expires })
    }

    fn claims(&self, opened: &Opened<Ask>, drawn: &Drawn, releasing: &BodyId, sub: &str) -> Map<String, Value> {
        let consent = opened.kept().consent();
        let terms = &consent.terms;
        let values: BTreeMap<&AttributeId, Value> = opened
            .values()
            .iter()
            .map(|(id, value)| {
                let told = json!({
                    "value": value.value, "origin": value.origin, "via": value.via, "holder": value.holder,
                    "as_of": value.at.day(),
                });
                (id, told)
            })
            .collect();
        let mut claims = object(json!({
            "iss": self.tokens.issuer,
            "aud": terms.receiving,
            "sub": sub,
            "iat": drawn.issued,
            "exp": drawn.expires,
            "jti": drawn.release,
            "purpose": {"id": terms.purpose, "version": terms.purpose_version},
            "basis": basis(consent, opened.grounds()),
            "releasing": releasing,
            "values": values,
            "salt": drawn.salt,
            "cnf": {"jkt": opened.act().recipient_key},
        }));
        if let Some(case) = &terms.case {
            claims.insert("case_ref".into(), json!(case));
        }
        claims
    }
}

/// The basis of a release, with its identifier under its own name: an enterprise's token speaks of no consent.
fn basis(consent: &Consent, grounds: &Grounds) -> Value {
    let kind = consent.terms.basis();
    json!({"kind": kind, kind: consent.id, "citations": citations(grounds.citations())})
}

/// The one body that holds the values.
fn holder(opened: &Opened<Ask>) -> Result<BodyId, NotReleased> {
    let holders: BTreeSet<&BodyId> = opened.values().values().map(|value| &value.holder).collect();
    match holders.into_iter().collect::<Vec<_>>().as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(NotReleased::SeveralHolders),
    }
}

fn statement(
    event: Event,
    opened: &Opened<Ask>,
    drawn: &Drawn,
    releasing: &BodyId,
    claims: &str,
    of: Option<u64>,
    ties: Ties,
) -> Statement {
    let consent = opened.kept().consent();
    let terms = &consent.terms;
    let attributes: Vec<&AttributeId> = opened.values().keys().collect();
    let mut act = object(json!({
        "releasing": releasing,
        "receiving": terms.receiving,
        "client": terms.client,
        "purpose": terms.purpose,
        "purpose_version": terms.purpose_version,
        "basis": terms.basis(),
        "citations": citations(opened.grounds().citations()),
        "attributes": attributes,
        "jti": drawn.release,
        "iat": drawn.issued,
        "exp": drawn.expires,
        "recipient_key": opened.act().recipient_key,
        "claims": claims,
        "outcome": "authorised",
    }));
    if let Some(of) = of {
        act.insert("of".into(), json!(of));
    }
    let person = object(json!({
        "subject": opened.subject(),
        "consent": consent.id,
        "consent_version": consent.version,
        "records": records(opened),
        "previous": ties.consent_entry,
        "salt": drawn.salt,
        "case": terms.case,
    }));
    let used = (event == Event::Release).then_some(consent.id);
    let facts = Some(opened.grounds().facts_text().to_owned());
    Statement { event, act, facts, person, subject: Some(*opened.subject()), evidence: Some(ties.evidence), used }
}

/// The record versions that are released, as a person part names them.
fn records(opened: &Opened<Ask>) -> Value {
    let versions: BTreeMap<_, _> = opened.values().values().map(|value| (&value.kind, value.version)).collect();
    versions.iter().map(|(kind, version)| json!({"kind": kind, "version": version})).collect()
}

/// Citations as they go into acts and tokens.
pub(super) fn citations(cited: &[Citation]) -> Value {
    cited
        .iter()
        .map(|citation| {
            let mut member = object(json!({"cite": citation.cite, "read": citation.read}));
            if citation.to_confirm {
                member.insert("to_confirm".into(), json!(true));
            }
            Value::Object(member)
        })
        .collect()
}
