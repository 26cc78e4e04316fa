//! What can be asked of the broker, each with the facts on which it is decided. An act holds what its asker said; its
//! facts hold what the broker knows. `policy` decides on both and on the catalogue; nothing else is considered.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    AttributeId, BodyId, Consent, ConsentId, Custodian, DraftId, Filed, Giver, GrantId, Identified, KindId, Language,
    NoticeText, Occasion, PurposeId, StatusChange, SubjectId, SubjectStatus, Terms,
};
use crate::clock::Moment;

/// A version counter of something stored.
pub type Version = u64;

/// An agency asks for a data token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ask {
    /// What it relies on.
    pub on: Relied,
    /// The grant of its access token.
    pub grant: GrantId,
    /// The purpose it states.
    pub purpose: PurposeId,
    /// The attributes it wants; never empty.
    pub attributes: BTreeSet<AttributeId>,
    /// Thumbprint of the DPoP key that the answer is bound to.
    pub recipient_key: String,
    /// Its Idempotency-Key.
    pub idempotency_key: String,
    /// What it is for, where the purpose wants that said.
    pub occasion: Option<Occasion>,
}

/// What an ask relies on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Relied {
    /// A consent or an authorisation, by its identifier.
    Consent(ConsentId),
    /// Another basis, which the catalogue gives for the purpose and the body; whose values, the grant says.
    Basis,
}

impl Relied {
    /// The consent that it names.
    pub const fn consent(&self) -> Option<ConsentId> {
        match self {
            Self::Consent(id) => Some(*id),
            Self::Basis => None,
        }
    }
}

/// What the broker knows of that on which an ask relies.
#[derive(Clone, Debug)]
pub enum Known {
    /// Nothing of it is there.
    Nothing,
    /// The consent.
    Consent(Box<Consent>),
    /// The subject of a grant that rests on another basis.
    Basis(SubjectId),
}

impl Known {
    /// Whose information it is.
    pub const fn subject(&self) -> Option<SubjectId> {
        match self {
            Self::Nothing => None,
            Self::Consent(consent) => Some(consent.subject),
            Self::Basis(subject) => Some(*subject),
        }
    }
}

/// What the broker knows when an agency asks.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What the ask relies on, as far as it is there.
    pub on: Known,
    /// The record of each kind asked for, as far as it is told in clear: the newest that serves the occasion, where one
    /// is named, else the newest.
    pub on_file: Vec<Filed>,
    /// What is known of the subject besides; nothing where there is none.
    pub status: SubjectStatus,
    /// Whether the grant stands.
    pub grant_stands: bool,
    /// Version of the subject: records, mandates, keys.
    pub subject_version: Version,
    /// Version of what is in force: rules, catalogue, clients, bodies.
    pub epoch: Version,
    /// Who runs the broker.
    pub custodian: Custodian,
}

/// An agency asks for a consent (at PAR), before any person is there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConsentAsk {
    /// The purpose.
    pub purpose: PurposeId,
    /// Its version, where the agency pins one.
    pub purpose_version: Option<u32>,
    /// Attributes it cannot do without.
    pub attributes: BTreeSet<AttributeId>,
    /// Attributes that the person may leave out.
    pub optional: BTreeSet<AttributeId>,
    /// The body that is to receive.
    pub recipient: BodyId,
    /// Until when it asks; the purpose's longest validity otherwise.
    pub until: Option<Moment>,
    /// How many releases it asks for; the purpose's most otherwise.
    pub max_uses: Option<u32>,
    /// Its own reference.
    pub case: Option<String>,
}

/// An agency says (at PAR) what it gets without asking its subject, on the basis that the catalogue gives its body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reliance {
    /// The purpose.
    pub purpose: PurposeId,
    /// The attributes it means to ask for.
    pub attributes: BTreeSet<AttributeId>,
}

/// A portal asks to check and draft (at PAR), before any person is there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SessionAsk {
    /// Kinds it wants to check.
    pub checks: BTreeSet<KindId>,
    /// Kinds it wants to draft.
    pub drafts: BTreeSet<KindId>,
}

/// What the broker knows when a client asks at PAR, or a portal asks on behalf of a person who agreed.
#[derive(Clone, Debug)]
pub struct ClientFacts {
    /// Version of what is in force.
    pub epoch: Version,
    /// Who runs the broker.
    pub custodian: Custodian,
}

/// A portal asks what is on file, for a person who agreed to it in this session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckAsk {
    /// Whose records.
    pub subject: SubjectId,
    /// The kinds it asks about.
    pub kinds: BTreeSet<KindId>,
    /// The kinds to which the person agreed in this session.
    pub agreed: BTreeSet<KindId>,
}

/// A person says yes to a consent asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision {
    /// The consent's new identifier.
    pub consent: ConsentId,
    /// What was asked and shown, with what the person ticked.
    pub terms: Terms,
    /// The words of the notice.
    pub text: NoticeText,
}

/// A person confirms a draft that a portal submitted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Submission {
    /// The draft.
    pub draft: DraftId,
    /// Its kind.
    pub kind: KindId,
    /// The portal's body, which is named with the record.
    pub via: BodyId,
    /// The portal's client.
    pub client: super::ClientId,
    /// Language of the page.
    pub language: Language,
}

/// What the broker knows when a person acts for a subject.
#[derive(Clone, Debug)]
pub struct PersonFacts {
    /// The subject.
    pub subject: SubjectId,
    /// Who the subject is, as identified at this sign-in.
    pub who: Identified,
    /// Who acts.
    pub giver: Giver,
    /// What is known of the subject besides.
    pub status: SubjectStatus,
    /// Whether the acting person is the one who began the session.
    pub same_session: bool,
    /// Version of the subject.
    pub subject_version: Version,
    /// Version of what is in force.
    pub epoch: Version,
    /// Who runs the broker.
    pub custodian: Custodian,
}

/// A person looks at values that the broker keeps about the subject: a preview, a copy. Writes no entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OwnView {
    /// The attributes to show.
    pub attributes: BTreeSet<AttributeId>,
}

/// An operator carries a consent to the body that took the place of the one that may receive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Carry {
    /// The consent.
    pub consent: ConsentId,
}

/// Who commands the broker, by the name that entries carry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operator(pub String);

/// What the broker knows when a consent is to be carried.
#[derive(Clone, Debug)]
pub struct CarryFacts {
    /// The consent.
    pub consent: Consent,
    /// Version of the subject.
    pub subject_version: Version,
    /// Version of what is in force.
    pub epoch: Version,
}

/// An officer looks into the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// Why: free text that the officer writes, kept in the person part.
    pub reason: String,
    /// For what; none of the ends that a reading may have otherwise.
    pub purpose: Option<ReadingPurpose>,
    /// What is looked for.
    pub query: Query,
}

/// An officer records what changes in a subject's status.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusRecord {
    /// Whose.
    pub subject: SubjectId,
    /// What changes.
    pub change: StatusChange,
    /// What shows it: the reference of an act of death, of a judgment.
    pub evidence: String,
    /// Why it is recorded: free text that the officer writes.
    pub reason: String,
}

/// For what someone reads the log: a closed list, on which no profile stands (s. 65.0.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadingPurpose {
    /// A complaint is looked into.
    Complaint,
    /// What was done is audited.
    Audit,
    /// A person asked for access or correction.
    Request,
    /// Rules are rehearsed on what was decided.
    Rehearsal,
    /// A register that the law asks for is kept.
    Register,
}

impl ReadingPurpose {
    /// The purpose in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::Audit => "audit",
            Self::Request => "request",
            Self::Rehearsal => "rehearsal",
            Self::Register => "register",
        }
    }
}

/// An operator has a draft of the rules decide again what the log keeps, and is shown how many decisions would differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rehearsing {
    /// The operator's name.
    pub operator: String,
    /// Why: free text that the operator writes. It stands in the act, so it names nobody.
    pub reason: String,
    /// Over how many entries.
    pub entries: u64,
}

/// What an officer looks for.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Query {
    /// One entry, by index.
    pub entry: Option<u64>,
    /// Events of one type.
    pub event: Option<String>,
    /// Where this body released or received.
    pub body: Option<BodyId>,
    /// For this purpose.
    pub purpose: Option<PurposeId>,
    /// From this day.
    pub from: Option<crate::clock::Day>,
    /// To this day, included.
    pub to: Option<crate::clock::Day>,
    /// Before this index: the page's key.
    pub before: Option<u64>,
}

/// What the broker knows when an officer looks.
#[derive(Clone, Debug)]
pub struct OfficerFacts {
    /// Version of what is in force.
    pub epoch: Version,
    /// Who runs the broker.
    pub custodian: Custodian,
}
