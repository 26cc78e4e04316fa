//! A release: entered first, signed after. The only place where a data token is made.
//!
//! INVARIANT: the claims are fixed before the commit, and their digest is in the entry; only `log` is added to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::entry::{Statement, object};
use super::{Entered, EntryFault, Lane, Ledger, NotCommitted, NotEntered, event_of};
use crate::clock::Moment;
use crate::crypto::{SealingKey, random, sha256};
use crate::domain::{Ask, AttributeId, Basis, BodyId, Catalogue, Event, Occasion, PartA, Pseudonym, ReleaseId};
use crate::identity::jwk;
use crate::jose::{JoseError, Jwk, Signer, b64, canonical, encrypt, sign};
use crate::policy::{Citation, Denial, Grounds, Opened, RestsOn};
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
    /// The entry that last changed the consent; none where the release rests on another basis.
    pub previous: Option<u64>,
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
    /// The catalogue does not know what the register of s. 67.3 has to say of it.
    #[error("the register of releases without consent cannot be written")]
    NoRegister,
    /// What was released under this Idempotency-Key no longer holds.
    #[error("what was released before no longer holds")]
    Changed(ReleaseId),
    /// The consent has no use left, or the agreement none in this period: a denial, to be entered like any other.
    #[error("no use is left")]
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
        let key_use = (opened.kept().client().clone(), opened.act().idempotency_key.clone());
        // The key first: who repeats an ask that took the last use is answered like the first time.
        let mut preconditions = vec![Precondition::FreshKey(key_use.0.clone(), key_use.1.clone())];
        preconditions.extend_from_slice(opened.grounds().preconditions());
        let uses = opened.grounds().preconditions().iter().filter_map(use_taken);
        let writes = uses.chain([Write::PutKeyUse(key_use.0, key_use.1, request)]).collect();
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
        preconditions.retain(|it| !matches!(it, Precondition::UseLeft(_) | Precondition::BasisUseLeft { .. }));
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
        let releasing = holder(&opened)?;
        let claims = self.claims(&opened, &drawn, &releasing, &ties.pseudonym.to_string());
        let digest = b64::encode(sha256(&[&canonical(&claims)?]));
        if of.as_ref().is_some_and(|(_, before)| *before != digest) {
            return Err(NotReleased::Changed(drawn.release));
        }
        let of = of.map(|(index, _)| index);
        let statement = statement(event, &opened, catalogue, &drawn, &releasing, &digest, of, ties)?;
        let encryption = catalogue.bodies.get(opened.kept().receiving()).and_then(|body| body.encryption_key.as_ref());
        let encryption = encryption.map(|key| jwk(key).ok_or(JoseError::Key)).transpose()?;
        let entered = match self.enter(Lane::Client, statement, preconditions, writes).await {
            Err(NotEntered::Commit(NotCommitted::Moved(Precondition::UseLeft(_)))) => {
                return Err(NotReleased::UsesTaken(Box::new(Denial::uses_taken(opened.grounds()))));
            }
            Err(NotEntered::Commit(NotCommitted::Moved(Precondition::BasisUseLeft { .. }))) => {
                return Err(NotReleased::UsesTaken(Box::new(Denial::interval_taken(opened.grounds()))));
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
        let granted = opened.kept();
        let values: BTreeMap<&AttributeId, Map<String, Value>> = opened
            .values()
            .iter()
            .map(|(id, value)| {
                let mut told = object(json!({
                    "value": value.value, "origin": value.origin, "via": value.via, "holder": value.holder,
                    "as_of": value.at.day(),
                }));
                told.extend(value.issued.map(|day| ("issued".to_owned(), json!(day))));
                told.extend(value.valid_until.map(|day| ("valid_until".to_owned(), json!(day))));
                (id, told)
            })
            .collect();
        let mut claims = object(json!({
            "iss": self.tokens.issuer,
            "aud": granted.receiving(),
            "sub": sub,
            "iat": drawn.issued,
            "exp": drawn.expires,
            "jti": drawn.release,
            "purpose": {"id": granted.purpose(), "version": granted.purpose_version()},
            "basis": basis(granted.on(), opened.grounds()),
            "releasing": releasing,
            "values": values,
            "salt": drawn.salt,
            "cnf": {"jkt": opened.act().recipient_key},
        }));
        if let Some(case) = granted.case() {
            claims.insert("case_ref".into(), json!(case));
        }
        if let Some(Occasion { reference, at, .. }) = &opened.act().occasion {
            claims.insert("occasion".into(), json!({"reference": reference, "at": at}));
        }
        claims
    }
}

/// The basis of a release, with its identifier under its own name: an enterprise's token speaks of no consent.
fn basis(on: &RestsOn, grounds: &Grounds) -> Value {
    let kind = on.word();
    let named = match on {
        RestsOn::Will { consent, .. } => json!(consent),
        RestsOn::Basis(basis) => json!(basis.instrument()),
    };
    json!({"kind": kind, kind: named, "citations": citations(grounds.citations())})
}

/// The write that takes the use of which this precondition says that it is left. Uses of a consent are counted by the
/// entry itself.
fn use_taken(condition: &Precondition) -> Option<Write> {
    match condition {
        Precondition::BasisUseLeft { agreement, subject, from, .. } => {
            Some(Write::TakeBasisUse { agreement: agreement.clone(), subject: *subject, from: *from })
        }
        _ => None,
    }
}

/// The one body that holds the values.
fn holder(opened: &Opened<Ask>) -> Result<BodyId, NotReleased> {
    let holders: BTreeSet<&BodyId> = opened.values().values().map(|value| &value.holder).collect();
    match holders.into_iter().collect::<Vec<_>>().as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(NotReleased::SeveralHolders),
    }
}

#[expect(clippy::too_many_arguments, reason = "an entry says all of it")]
fn statement(
    event: Event,
    opened: &Opened<Ask>,
    catalogue: &Catalogue,
    drawn: &Drawn,
    releasing: &BodyId,
    claims: &str,
    of: Option<u64>,
    ties: Ties,
) -> Result<Statement, NotReleased> {
    let granted = opened.kept();
    let attributes: Vec<&AttributeId> = opened.values().keys().collect();
    let mut act = object(json!({
        "releasing": releasing,
        "receiving": granted.receiving(),
        "client": granted.client(),
        "purpose": granted.purpose(),
        "purpose_version": granted.purpose_version(),
        "basis": granted.on().word(),
        "citations": citations(opened.grounds().citations()),
        "attributes": attributes,
        "jti": drawn.release,
        "iat": drawn.issued,
        "exp": drawn.expires,
        "recipient_key": opened.act().recipient_key,
        "claims": claims,
        "outcome": "authorised",
    }));
    if let Some(occasion) = &opened.act().occasion {
        act.insert("occasion".into(), json!(occasion.reference));
    }
    if let Some(of) = of {
        act.insert("of".into(), json!(of));
    }
    let mut person = object(json!({
        "subject": opened.subject(),
        "records": records(opened),
        "salt": drawn.salt,
        "case": granted.case(),
    }));
    let consent = granted.on().consent();
    match granted.on() {
        RestsOn::Will { consent, version, .. } => person.extend(object(json!({
            "consent": consent, "consent_version": version, "previous": ties.previous,
        }))),
        RestsOn::Basis(basis) => {
            act.insert("instrument".into(), json!(basis.instrument()));
            act.extend(register(basis, opened, catalogue)?);
        }
    }
    let used = consent.filter(|_| event == Event::Release).map(|(id, _)| id);
    let facts = Some(opened.grounds().facts_text().to_owned());
    Ok(Statement { event, act, facts, person, subject: Some(*opened.subject()), evidence: Some(ties.evidence), used })
}

/// The member that carries the release's row of the register of s. 67.3. What has no row though the section asks for one
/// is not released.
fn register(basis: &Basis, opened: &Opened<Ask>, catalogue: &Catalogue) -> Result<Map<String, Value>, NotReleased> {
    if !basis.in_register() {
        return Ok(Map::new());
    }
    let granted = opened.kept();
    let row = PartA::of(catalogue, basis, granted.receiving(), granted.purpose(), opened.values().keys());
    Ok(object(json!({"register": row.ok_or(NotReleased::NoRegister)?})))
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
