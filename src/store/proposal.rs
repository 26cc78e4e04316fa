//! What goes in: proposals, what must hold for them, and what they change. Closed, so that each engine means the same.
//!
//! Not here: how they are judged and written (each engine), who makes them (`ledger`, `broker`).
//! INVARIANT: a write that the log accounts for is made only together with an entry of a type that tells of it.

use std::sync::Arc;

use super::{Class, ConsentRow, DraftRow, DueRow, Fault, GrantRow, Hash, NoticeRow, RecordRow, WrappedKey};
use crate::clock::{Day, Moment};
use crate::domain::{
    AgreementId, BodyId, ClientId, ConsentId, DraftId, Event, GrantId, NoticeId, Pseudonym, SubjectId, Version,
};

/// Something to be recorded: an entry with its writes, or writes alone.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// What must hold in the transaction.
    pub preconditions: Vec<Precondition>,
    /// The log entry, if this leaves one.
    pub entry: Option<Draft>,
    /// What else changes.
    pub writes: Vec<Write>,
}

impl Proposal {
    /// Judged before anything else, by every engine: that each write which the log accounts for comes with its entry.
    pub fn accounted_for(&self) -> Result<(), Fault> {
        let event = self.entry.as_ref().map(|entry| entry.event);
        let told = "a consent, a record, a key's end or a rule in force changes only with its entry";
        let told = || Fault::Undone(told.to_owned());
        if self.writes.iter().all(|write| write.goes_with(event)) { Ok(()) } else { Err(told()) }
    }
}

/// An entry before it has an index.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its type.
    pub event: Event,
    /// Commitment to the act part.
    pub act_commitment: Hash,
    /// Commitment to the person part.
    pub person_commitment: Hash,
    /// The act part, sealed under the log key of its year.
    pub act: Vec<u8>,
    /// The person part, sealed under the subject's key, or under the log key where it names nobody.
    pub person: Vec<u8>,
    /// Whose key opens the person part, and what it counts towards.
    pub link: Option<Link>,
}

/// Ties an entry to a subject. Apart from the log rows, so that it can be cut on erasure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link {
    /// The subject whose evidence key opens the person part.
    pub subject: SubjectId,
    /// The consent of which this entry took a use.
    pub used: Option<ConsentId>,
}

/// What must hold for a proposal to pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Precondition {
    /// What is in force has not moved.
    Epoch(Version),
    /// The subject's records, mandates and keys have not moved. 0: there is no such subject.
    Subject(SubjectId, Version),
    /// The consent has not moved. 0: there is no such consent.
    Consent(ConsentId, Version),
    /// The consent has a use left.
    UseLeft(ConsentId),
    /// The agreement has a use left for the subject, of `most` in the period that began on the day `from`.
    BasisUseLeft {
        /// The agreement.
        agreement: AgreementId,
        /// Whose information it is.
        subject: SubjectId,
        /// First day of the period.
        from: Day,
        /// Most uses in it.
        most: u32,
    },
    /// The client has not used this Idempotency-Key.
    FreshKey(ClientId, String),
    /// The one-time thing with this digest (code, confirmation) has not been spent.
    Unspent(Hash),
    /// The batch's time is before this moment.
    Before(Moment),
    /// The grant stands.
    GrantStands(GrantId),
    /// The draft is still there.
    DraftStands(DraftId),
    /// No subject is known by this lookup digest.
    NewIdentity(Hash),
    /// The client has not been stopped.
    ClientRuns(ClientId),
    /// The dated work is still to be done.
    DueStands(Hash),
}

impl Precondition {
    /// Whether it rests on what time it is.
    pub const fn is_timed(&self) -> bool {
        matches!(self, Self::Before(_) | Self::GrantStands(_) | Self::DraftStands(_))
    }
}

/// What a proposal changes besides the log.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new subject, version 1.
    PutSubject(SubjectId),
    /// The subject is reached by this lookup digest.
    PutIdentity(Hash, SubjectId),
    /// The subject's version rises by one.
    MoveSubject(SubjectId),
    /// The subject's status, sealed. What rests on it is told by [`Write::MoveSubject`], beside it.
    PutStatus(SubjectId, Vec<u8>),
    /// A wrapped key of one class of the subject.
    PutKey(SubjectId, Class, WrappedKey),
    /// Destroys the subject's keys of these classes, and its drafts; with the key of evidence its status, its notices and
    /// what was granted on a basis for it, and with its last key the dated work that is its own.
    DestroyKeys(SubjectId, Vec<Class>),
    /// Cuts the links of these entries to their subject.
    CutLinks(Vec<u64>),
    /// A wrapped log key of a year.
    PutLogKey(i16, WrappedKey),
    /// A record's next version.
    PutRecord(RecordRow),
    /// A consent at its version.
    PutConsent(ConsentRow),
    /// How the body knows the subject.
    PutPseudonym(SubjectId, BodyId, Pseudonym),
    /// Forgets all pseudonyms of the subject, and how often agreements were used for it.
    DropPseudonyms(SubjectId),
    /// A grant.
    PutGrant(GrantRow),
    /// Revokes what was granted on the consent.
    RevokeGrantsOf(ConsentId),
    /// Takes a use of the agreement for the subject.
    TakeBasisUse {
        /// The agreement.
        agreement: AgreementId,
        /// Whose information it is.
        subject: SubjectId,
        /// First day of the period in which it counts.
        from: Day,
    },
    /// The client used this Idempotency-Key for the entry of this proposal.
    PutKeyUse(ClientId, String, Hash),
    /// The one-time thing with this digest is spent; remembered until the moment given.
    Spend(Hash, Moment),
    /// A portal's draft.
    PutDraft(DraftRow),
    /// The draft is gone.
    DropDraft(DraftId),
    /// A notice to a subject.
    PutNotice(NoticeRow),
    /// The notice was read; the first reading is the one that is kept.
    ReadNotice(NoticeId, Moment),
    /// Dated work; planned again under its key, it moves to its new moment.
    PutDue(DueRow),
    /// The dated work under this key is done.
    DoneDue(Hash),
    /// A bundle, by digest; it is in force from this entry on.
    Activate(Hash, Arc<[u8]>),
    /// The client is stopped.
    StopClient(ClientId),
    /// The ephemeral engine starts anew.
    RaiseEphemeral,
    /// Who is reached by this lookup digest signed out: their sessions so far are void.
    SignOut(Hash),
}

impl Write {
    /// Whether it may be made together with an entry of this type, or without one.
    const fn goes_with(&self, entry: Option<Event>) -> bool {
        match self {
            Self::PutConsent(_) => matches!(
                entry,
                Some(
                    Event::Consent
                        | Event::ConsentRefused
                        | Event::Withdrawal
                        | Event::ConsentSuspended
                        | Event::ConsentLapsed
                        | Event::ConsentCarried
                        | Event::ConsentExpired
                )
            ),
            Self::PutStatus(..) => matches!(entry, Some(Event::Status)),
            Self::TakeBasisUse { .. } => matches!(entry, Some(Event::Release)),
            Self::PutRecord(_)
            | Self::PutPseudonym(..)
            | Self::DropPseudonyms(_)
            | Self::DestroyKeys(..)
            | Self::PutKeyUse(..)
            | Self::PutGrant(_)
            | Self::RevokeGrantsOf(_)
            | Self::Activate(..)
            | Self::StopClient(_) => entry.is_some(),
            Self::PutSubject(_)
            | Self::PutIdentity(..)
            | Self::MoveSubject(_)
            | Self::PutKey(..)
            | Self::CutLinks(_)
            | Self::PutLogKey(..)
            | Self::Spend(..)
            | Self::PutDraft(_)
            | Self::DropDraft(_)
            | Self::PutNotice(_)
            | Self::ReadNotice(..)
            | Self::PutDue(_)
            | Self::DoneDue(_)
            | Self::RaiseEphemeral
            | Self::SignOut(_) => true,
        }
    }
}
