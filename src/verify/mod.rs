//! The offline verifier: the second implementation of the log's formats.
//!
//! What it is: everything that a third party needs to check us without us. An entry proof, a data token, a whole
//! export: text and files in, a verdict out. It was written from `ledger/FORMAT.md`, not from the writer, on other
//! libraries than the writer's, so that an error in one of the two shows as a disagreement.
//!
//! What it is not: it opens no connection, reads no clock (the caller says what time it is) and holds no state. It
//! decides nothing about the law; it says whether the record is the one that was signed.
//!
//! INVARIANT: nothing else of this crate is imported here, and no code is shared with the writer.
//! INVARIANT: no input makes it panic; every input is bounded before it is read into memory.
//! INVARIANT: a value of [`Leaf`], [`Checkpoint`], [`EntryProof`] or [`DataToken`] exists only after its own checks.
//! INVARIANT: no message repeats what an entry, a token or a key says; it names places and rules.

mod consents;
mod export;
mod folder;
mod history;
mod jwe;
mod keys;
mod leaf;
mod note;
mod proof;
mod report;
#[cfg(test)]
mod testlog;
mod token;
mod tree;

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

pub use export::{Trust, audit};
pub use jwe::decrypt;
pub use leaf::{Event, LEAF_SIZE, Leaf};
pub use note::{Checkpoint, Vkey};
pub use proof::EntryProof;
pub use report::{Departure, Persons, Place, Report, Rests};
pub use token::{DataToken, Expected, Jwks};

/// Why something does not verify: the one vocabulary of this module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not written in its format.
    #[error("the {what} is malformed: {why}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// What its format asks for.
        why: &'static str,
    },
    /// It is longer than anything of its kind may be.
    #[error("the {what} is longer than {limit} bytes")]
    TooLong {
        /// What was read.
        what: &'static str,
        /// The most that is read of it.
        limit: usize,
    },
    /// An entry of a type that came after this verifier.
    #[error("entries of type {0} are not known to this verifier")]
    UnknownType(u8),
    /// No good signature by the key that was expected.
    #[error("there is no good signature by {0}")]
    Signature(String),
    /// A checkpoint of another log.
    #[error("the checkpoint is not of the log {0}")]
    Origin(String),
    /// The audit path does not lead from the leaf to the signed root.
    #[error("the audit path does not lead from the leaf to the signed root")]
    Inclusion,
    /// A part of an entry is not the one that the leaf commits to.
    #[error("the {0} is not the one that its commitment binds")]
    Commitment(&'static str),
    /// A part of an entry is not canonical JSON.
    #[error("the {0} is not canonical JSON (RFC 8785, integers only)")]
    NotCanonical(&'static str),
    /// A key is absent, of another kind, or for another use.
    #[error("the key cannot be used: {0}")]
    Key(&'static str),
    /// A token says other than what was expected of it.
    #[error("the token is refused: {0}")]
    Token(&'static str),
    /// A sealed token does not open.
    #[error("the sealed token does not open: {0}")]
    Sealed(&'static str),
    /// An entry breaks a rule of the log.
    #[error("{0}")]
    Rule(Cow<'static, str>),
    /// A file of the export cannot be used at all.
    #[error("the file `{file}` {problem}")]
    File {
        /// Its name in the folder.
        file: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// Decodes base64url without padding; refuses any other spelling of the same bytes.
fn base64url(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

/// Decodes 32 bytes (a digest, a blind, a coordinate) from base64url without padding.
fn base64url_32(text: &str) -> Option<[u8; 32]> {
    base64url(text)?.try_into().ok()
}

/// Reads a decimal number in its only spelling: no sign, no leading zero.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
