//! Keys per subject and class, and per year of the log: wrapped by the KEK of an epoch, kept in the record, opened here.
//!
//! Not here: what is sealed with them (`policy`, `ledger`, `broker`), when they are destroyed (`broker/erase`).
//! INVARIANT: a key is never derived from anything; once its row is gone, what it sealed is gone.

use std::sync::Arc;

use super::{Class, Fault, Store, WrappedKey, Write};
use crate::crypto::{Address, Keks, SealError, SealingKey, Secret, Unavailable};
use crate::domain::SubjectId;

/// Why a key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultFault {
    /// The record does not answer.
    #[error(transparent)]
    Store(#[from] Fault),
    /// The key's epoch is over, or the key does not open.
    #[error("a key of epoch {0} does not open")]
    Closed(u32),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] Unavailable),
    /// Sealing or opening failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Opens and makes the keys that seal persons' information.
pub struct Vault {
    store: Arc<dyn Store>,
    keks: Keks,
}

impl Vault {
    /// A vault over the record's wrapped keys.
    pub fn new(store: Arc<dyn Store>, keks: Keks) -> Self {
        Self { store, keks }
    }

    /// The subject's key of a class; none once it is destroyed, or before it is made.
    pub fn key(&self, subject: &SubjectId, class: &Class) -> Result<Option<SealingKey>, VaultFault> {
        let Some(row) = self.store.key(subject, class)? else { return Ok(None) };
        self.open(&address(subject.bytes(), &class.name(), row.epoch), &row).map(Some)
    }

    /// The subject's key of a class, made if there is none: then with the write that keeps it, which the caller commits
    /// together with what it seals, on the condition that the subject has not moved.
    pub fn key_or_new(&self, subject: &SubjectId, class: &Class) -> Result<(SealingKey, Option<Write>), VaultFault> {
        if let Some(key) = self.key(subject, class)? {
            return Ok((key, None));
        }
        let (key, wrapped) = self.make(subject.bytes(), &class.name())?;
        Ok((key, Some(Write::PutKey(*subject, class.clone(), wrapped))))
    }

    /// The log key of a year; none before it is made.
    pub fn log_key(&self, year: i16) -> Result<Option<SealingKey>, VaultFault> {
        let Some(row) = self.store.log_key(year)? else { return Ok(None) };
        self.open(&address(&year.to_be_bytes(), LOG, row.epoch), &row).map(Some)
    }

    /// A new log key of a year, with the write that keeps it.
    pub fn new_log_key(&self, year: i16) -> Result<(SealingKey, Write), VaultFault> {
        let (key, wrapped) = self.make(&year.to_be_bytes(), LOG)?;
        Ok((key, Write::PutLogKey(year, wrapped)))
    }

    fn open(&self, address: &Address<'_>, row: &WrappedKey) -> Result<SealingKey, VaultFault> {
        let kek = self.keks.at(row.epoch).ok_or(VaultFault::Closed(row.epoch))?;
        let key = kek.unwrap_key(address, &row.wrapped).map_err(|_| VaultFault::Closed(row.epoch))?;
        Ok(SealingKey::new(&key))
    }

    fn make(&self, row: &[u8], field: &str) -> Result<(SealingKey, WrappedKey), VaultFault> {
        let key = Secret::random()?;
        let (epoch, kek) = self.keks.current();
        let wrapped = kek.wrap(&address(row, field, epoch), &key)?;
        Ok((SealingKey::new(&key), WrappedKey { epoch, wrapped }))
    }
}

const LOG: &str = "log";

fn address<'a>(row: &'a [u8], field: &'a str, epoch: u32) -> Address<'a> {
    Address { table: "keys", row, field, version: u64::from(epoch) }
}
