//! Rows as they are stored, whatever the engine.

use super::{Hash, Leaf};
use crate::clock::{Day, Moment};
use crate::domain::{
    BodyId, ClientId, ConsentId, DraftId, GrantId, KindId, NoticeId, Origin, Pseudonym, PurposeId, SubjectId, Version,
};

/// A class of a subject's sealed data: each has its own key and its own date of destruction.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// Evidence of decisions: consents, person parts of entries.
    Evidence,
    /// Values of one kind.
    Values(KindId),
}

impl Class {
    /// The class as stored.
    pub fn name(&self) -> String {
        match self {
            Self::Evidence => "evidence".to_owned(),
            Self::Values(kind) => format!("values:{kind}"),
        }
    }
}

/// A key wrapped by the KEK of an epoch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WrappedKey {
    /// The KEK's epoch.
    pub epoch: u32,
    /// The wrapped bytes.
    pub wrapped: Vec<u8>,
}

/// A record's version as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordRow {
    /// Whose.
    pub subject: SubjectId,
    /// Its kind.
    pub kind: KindId,
    /// Its version: the subject's when it was made.
    pub version: Version,
    /// The body that holds it.
    pub holder: BodyId,
    /// The purpose it was first collected for.
    pub purpose: PurposeId,
    /// Where it comes from.
    pub origin: Origin,
    /// The body through whose portal it came, if any.
    pub via: Option<BodyId>,
    /// When.
    pub at: Moment,
    /// The day on which it was issued, where a body attested it.
    pub issued: Option<Day>,
    /// The last day on which it is valid, where it has one.
    pub valid_until: Option<Day>,
    /// The other subjects of whom it speaks, sealed as its values are; none where it speaks of nobody else.
    pub concerns: Option<Vec<u8>>,
    /// Its values, sealed under the subject's key of its class.
    pub sealed: Vec<u8>,
}

/// A consent as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConsentRow {
    /// Its identifier.
    pub id: ConsentId,
    /// Whose.
    pub subject: SubjectId,
    /// The body that may receive under it.
    pub receiving: BodyId,
    /// Its purpose; of a version that replaces another, the same.
    pub purpose: PurposeId,
    /// Its version, from 1.
    pub version: Version,
    /// Most uses; of a version that replaces another, the same.
    pub max_uses: Option<u32>,
    /// The consent, sealed under the subject's evidence key.
    pub sealed: Vec<u8>,
    /// The entry that last changed it; written by the engine.
    pub entry: u64,
}

/// A grant as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GrantRow {
    /// Its identifier.
    pub id: GrantId,
    /// The client that holds it.
    pub client: ClientId,
    /// What it rests on.
    pub on: GrantedOn,
    /// When it ends.
    pub until: Moment,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// What a grant rests on: a will, or a basis that asks for none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GrantedOn {
    /// A consent.
    Consent(ConsentId),
    /// The basis that the purpose has for the client's body.
    Basis {
        /// Whose information may be asked for.
        subject: SubjectId,
        /// For which purpose.
        purpose: PurposeId,
    },
}

/// What a release rests on, read at one moment. Its subject is the grant's, where the grant rests on a basis, and the
/// consent's otherwise: what hangs on the subject is empty where there is none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// What the Idempotency-Key led to before.
    pub key_use: Option<KeyUse>,
    /// The grant.
    pub grant: Option<GrantRow>,
    /// The consent; none where the grant rests on a basis.
    pub consent: Option<ConsentRow>,
    /// The subject's version.
    pub subject_version: Version,
    /// The subject's status, sealed under the key of evidence; none while nothing was said of it.
    pub status: Option<Vec<u8>>,
    /// The subject's key of evidence.
    pub evidence: Option<WrappedKey>,
    /// How the asking body knows the subject.
    pub pseudonym: Option<Pseudonym>,
    /// The newest record of each kind asked for, with the key of its class; one whose key is destroyed is none. Where the
    /// ask names an occasion, those before it too, the newest first.
    pub records: Vec<(RecordRow, WrappedKey)>,
}

/// A portal's draft as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DraftRow {
    /// Its identifier.
    pub id: DraftId,
    /// Whose.
    pub subject: SubjectId,
    /// Its kind.
    pub kind: KindId,
    /// The portal's client.
    pub client: ClientId,
    /// When it goes.
    pub until: Moment,
    /// The values, sealed under the subject's key of the kind's class.
    pub sealed: Vec<u8>,
}

/// A notice to a subject as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NoticeRow {
    /// Its identifier.
    pub id: NoticeId,
    /// To whom.
    pub subject: SubjectId,
    /// When.
    pub at: Moment,
    /// What it says, sealed under the subject's evidence key.
    pub sealed: Vec<u8>,
    /// When it was first read.
    pub read: Option<Moment>,
}

/// Dated work as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DueRow {
    /// Stands for the work: planned twice, it is planned once.
    pub key: Hash,
    /// When it is due.
    pub at: Moment,
    /// What is to be done.
    pub job: String,
    /// To what.
    pub target: Vec<u8>,
    /// Whose it is, if anyone's: it goes with that subject's last key.
    pub subject: Option<SubjectId>,
}

/// A log entry as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EntryRow {
    /// Its index.
    pub index: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// The act part, sealed.
    pub act: Vec<u8>,
    /// The person part, sealed.
    pub person: Vec<u8>,
    /// Whose key opens it; none for entries that name nobody, and after erasure.
    pub subject: Option<SubjectId>,
}

/// The use of an Idempotency-Key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyUse {
    /// The entry it led to.
    pub entry: u64,
    /// Keyed digest of the request's body.
    pub body: Hash,
}
