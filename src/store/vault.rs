//! Keys per subject and class, and per year of the log: wrapped by the KEK of an epoch, kept in the record, opened here.
//!
//! Not here: what is sealed with them (`policy`, `ledger`, `broker`), when they are destroyed (`broker/erase`).
//! INVARIANT: a key is never derived from anything; once its row is gone, what it sealed is gone.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

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
    /// Log keys as opened: each entry needs one, and there are as many as years.
    log_keys: RwLock<HashMap<i16, Arc<SealingKey>>>,
}

impl Vault {
    /// A vault over the record's wrapped keys.
    pub fn new(store: Arc<dyn Store>, keks: Keks) -> Self {
        Self { store, keks, log_keys: RwLock::default() }
    }

    /// The subject's key of a class; none once it is destroyed, or before it is made.
    pub fn key(&self, subject: &SubjectId, class: &Class) -> Result<Option<SealingKey>, VaultFault> {
        self.store.key(subject, class)?.map(|row| self.opened(subject, class, &row)).transpose()
    }

    /// The subject's key of a class, from its row.
    pub fn opened(&self, subject: &SubjectId, class: &Class, row: &WrappedKey) -> Result<SealingKey, VaultFault> {
        self.open(&address(subject.bytes(), &class.name(), row.epoch), row)
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
    pub fn log_key(&self, year: i16) -> Result<Option<Arc<SealingKey>>, VaultFault> {
        let opened = self.log_keys.read().unwrap_or_else(PoisonError::into_inner).get(&year).cloned();
        if opened.is_some() {
            return Ok(opened);
        }
        let Some(row) = self.store.log_key(year)? else { return Ok(None) };
        let key = Arc::new(self.open(&address(&year.to_be_bytes(), LOG, row.epoch), &row)?);
        self.log_keys.write().unwrap_or_else(PoisonError::into_inner).insert(year, Arc::clone(&key));
        Ok(Some(key))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::crypto::KeyRing;
    use crate::domain::Event;
    use crate::store::contract::entry_of;
    use crate::store::{Chain, Folder, Proposal, Sqlite};

    const SUBJECT: SubjectId = SubjectId::new([1; 16]);
    const AT: Address = Address { table: "records", row: b"1", field: "sealed", version: 1 };

    fn vault() -> (Folder, Vault) {
        let folder = Folder::new();
        let store = Arc::new(Sqlite::create(folder.path()).unwrap());
        (folder, Vault::new(store, KeyRing::create("log.example", None).unwrap().keks))
    }

    fn keep(vault: &Vault, writes: Vec<Write>) {
        let proposal = Proposal { writes, ..entry_of(Event::Erasure, 0) };
        vault.store.commit(&[proposal], Moment::default(), &Chain::default()).unwrap();
    }

    #[test]
    fn a_key_is_made_kept_and_destroyed() {
        let (_folder, vault) = vault();
        assert!(vault.key(&SUBJECT, &Class::Evidence).unwrap().is_none());
        let (key, write) = vault.key_or_new(&SUBJECT, &Class::Evidence).unwrap();
        let sealed = key.seal(&AT, b"value").unwrap();
        assert!(vault.key(&SUBJECT, &Class::Evidence).unwrap().is_none(), "not before its write is committed");
        keep(&vault, vec![write.unwrap()]);
        let (again, write) = vault.key_or_new(&SUBJECT, &Class::Evidence).unwrap();
        assert!(write.is_none());
        assert_eq!(again.open(&AT, &sealed).unwrap().as_slice(), b"value");
        assert!(vault.key(&SubjectId::new([2; 16]), &Class::Evidence).unwrap().is_none());
        keep(&vault, vec![Write::DestroyKeys(SUBJECT, vec![Class::Evidence])]);
        let (new, _) = vault.key_or_new(&SUBJECT, &Class::Evidence).unwrap();
        assert!(new.open(&AT, &sealed).is_err(), "a new key is another");
    }

    #[test]
    fn a_log_key_is_opened_once_it_is_kept() {
        let (_folder, vault) = vault();
        assert!(vault.log_key(2026).unwrap().is_none());
        let (key, write) = vault.new_log_key(2026).unwrap();
        assert!(vault.log_key(2026).unwrap().is_none(), "not before its write is committed");
        keep(&vault, vec![write]);
        let kept = vault.log_key(2026).unwrap().unwrap();
        assert_eq!(kept.open(&AT, &key.seal(&AT, b"act").unwrap()).unwrap().as_slice(), b"act");
        assert!(Arc::ptr_eq(&kept, &vault.log_key(2026).unwrap().unwrap()));
        assert!(vault.log_key(2027).unwrap().is_none());
    }

    #[test]
    fn another_ring_opens_nothing() {
        let (_folder, vault) = vault();
        let (_, write) = vault.key_or_new(&SUBJECT, &Class::Evidence).unwrap();
        let (_, log_write) = vault.new_log_key(2026).unwrap();
        keep(&vault, vec![write.unwrap(), log_write]);
        let other = Vault::new(Arc::clone(&vault.store), KeyRing::create("log.example", None).unwrap().keks);
        assert!(matches!(other.key(&SUBJECT, &Class::Evidence), Err(VaultFault::Closed(1))));
        assert!(matches!(other.log_key(2026), Err(VaultFault::Closed(1))));
    }

    #[test]
    fn a_wrapped_key_opens_in_its_own_row_alone() {
        let (_folder, vault) = vault();
        let (_, write) = vault.key_or_new(&SUBJECT, &Class::Evidence).unwrap();
        let Some(Write::PutKey(_, class, wrapped)) = write else { panic!("a new key has a write") };
        let other = SubjectId::new([2; 16]);
        keep(&vault, vec![Write::PutKey(other, class, wrapped)]);
        assert!(matches!(vault.key(&other, &Class::Evidence), Err(VaultFault::Closed(1))));
    }
}
