//! Verdicts remembered. The facts of a case are booleans and names computed at its moment, so the same facts have the
//! same verdict as long as the same rules are loaded; dates never enter.
//!
//! INVARIANT: bounded; what was not asked again within a generation is forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::Hash;

/// Verdicts of one generation.
const GENERATION: usize = 4096;

/// Verdicts by digest of rules, action and facts.
#[derive(Debug)]
pub(super) struct Remembered<T> {
    generations: Mutex<[HashMap<Hash, Arc<T>>; 2]>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { generations: Mutex::default() }
    }
}

impl<T> Remembered<T> {
    /// The verdict for `digest`, as remembered or as `weigh` finds it.
    pub(super) fn or_weigh(&self, digest: Hash, weigh: impl FnOnce() -> T) -> Arc<T> {
        if let Some(verdict) = self.recall(&digest) {
            return verdict;
        }
        let verdict = Arc::new(weigh());
        self.keep(digest, &verdict);
        verdict
    }

    fn recall(&self, digest: &Hash) -> Option<Arc<T>> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        let verdict = young.get(digest).or_else(|| old.get(digest)).cloned()?;
        young.entry(*digest).or_insert_with(|| Arc::clone(&verdict));
        Some(verdict)
    }

    fn keep(&self, digest: Hash, verdict: &Arc<T>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        if young.len() >= GENERATION {
            *old = std::mem::take(young);
        }
        young.insert(digest, Arc::clone(verdict));
    }
}
