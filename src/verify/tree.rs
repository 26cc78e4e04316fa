//! The tree of an export: do its leaves and hashes lead to the roots that were signed?
//!
//! What it is: one walk along the leaves and the level-0 hashes, past every root in order of size: those that the
//! auditor holds, and those of the export's own checkpoints.
//!
//! What it is not: it reads no leaf's content (`history` does).
//!
//! What it names: where the hashes lead to a root, a leaf that is not the one hashed is the first departure, exactly.
//! Where neither hashes nor leaves lead to a root, somebody rebuilt the tree, and all that can be said is the batch
//! since the last root that they led to. A root that the auditor holds outweighs the export's own.
//!
//! INVARIANT: memory is bounded by what the auditor holds and by the height of the tree, not by its size.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tlog_tiles::{EMPTY_HASH, Hash, node_hash, record_hash};

use super::folder::{Lines, Records};
use super::report::Halt;
use super::{Checkpoint, Departure, EntryProof, Fault, LEAF_SIZE, Leaf, Place, Vkey};

/// What the auditor holds from before: verified checkpoints, those of proofs included, and the leaves of proofs.
#[derive(Default)]
pub(super) struct Held {
    roots: Vec<Checkpoint>,
    leaves: BTreeMap<u64, Leaf>,
}

impl Held {
    pub(super) fn add_checkpoint(&mut self, checkpoint: Checkpoint) {
        let at = self.roots.partition_point(|root| root.size() <= checkpoint.size());
        self.roots.insert(at, checkpoint);
    }

    pub(super) fn add_proof(&mut self, proof: &EntryProof) {
        self.add_checkpoint(proof.checkpoint());
        self.leaves.insert(proof.index(), *proof.leaf());
    }
}

/// What the walk found.
pub(super) struct Tree {
    /// How many of the export's own checkpoints the hashes led to.
    pub(super) batches: u64,
    /// How many entries lead to a root that is held.
    pub(super) covered: u64,
    /// The first departure.
    pub(super) departure: Option<Departure>,
}

/// Walks the tree of the export in `folder`, of `size` entries.
pub(super) fn check(folder: &Path, size: u64, vkey: &Vkey, held: &Held) -> Result<Tree, Fault> {
    let mut walk = Walk {
        leaves: Records::open(folder, "leaves")?,
        hashes: Records::open(folder, "hashes")?,
        of_leaves: Range::default(),
        of_hashes: Range::default(),
        held,
        read: 0,
        past: 0,
        stray: None,
        batches: 0,
        covered: 0,
        agreed: 0,
        fault: None,
    };
    match walk.follow(folder, size, vkey) {
        Ok(()) => {}
        Err(Halt::Departs(departure)) => walk.depart(departure),
        Err(Halt::Broken(fault)) => return Err(fault),
    }
    Ok(Tree { batches: walk.batches, covered: walk.covered, departure: walk.verdict() })
}

/// A line of `checkpoints.jsonl`.
#[derive(Deserialize)]
struct Batch {
    size: u64,
    note: String,
}

struct Walk<'a> {
    leaves: Records<LEAF_SIZE>,
    hashes: Records<32>,
    /// The tree over the leaves, as they are.
    of_leaves: Range,
    /// The tree over the hashes, as they are.
    of_hashes: Range,
    held: &'a Held,
    /// How many entries were read.
    read: u64,
    /// How many of the held roots are behind.
    past: usize,
    /// The first entry whose leaf and level-0 hash do not belong together.
    stray: Option<u64>,
    /// How many of the export's own checkpoints the hashes led to.
    batches: u64,
    /// The size of the last held root that the hashes led to.
    covered: u64,
    /// The size of the last root, held or not, that they led to.
    agreed: u64,
    /// The departure that ends first; of two, the narrower.
    fault: Option<Departure>,
}

impl Walk<'_> {
    /// Past every root, to the end of the files.
    fn follow(&mut self, folder: &Path, size: u64, vkey: &Vkey) -> Result<(), Halt> {
        let mut lines = Lines::open(folder, "checkpoints.jsonl")?;
        match self.past_own(&mut lines, size, vkey) {
            // The export's own checkpoints stop here; the held ones may still say where exactly.
            Err(Halt::Departs(departure)) if self.read < size => self.depart(departure),
            other => other?,
        }
        self.advance(size)?;
        self.leaves.finish(size)?;
        self.hashes.finish(size)?;
        self.beyond(size)
    }

    /// Past the export's own checkpoints, whose sizes rise to that of the export.
    fn past_own(&mut self, lines: &mut Lines, size: u64, vkey: &Vkey) -> Result<(), Halt> {
        let mut last = 0;
        while last < size {
            let rest = Place::Batch { from: self.agreed, to: size };
            let Some(batch) = lines.next::<Batch>(rest)? else {
                return Err(Departure::new(rest, "there is no checkpoint of the whole export").into());
            };
            if batch.size <= last || batch.size > size {
                return Err(Departure::new(rest, "the sizes of the checkpoints do not rise to the export's own").into());
            }
            self.advance(batch.size)?;
            self.judge_own(&batch, vkey);
            last = batch.size;
        }
        lines.finish(size)
    }

    /// Goes on to `size`, past the held roots on the way.
    fn advance(&mut self, size: u64) -> Result<(), Halt> {
        while let Some(root) = self.held.roots.get(self.past).filter(|root| root.size() <= size) {
            self.read_to(root.size())?;
            self.judge_held(root);
            self.past += 1;
        }
        self.read_to(size)
    }

    fn read_to(&mut self, size: u64) -> Result<(), Halt> {
        while self.read < size {
            let (leaf, hash) = (self.leaves.next()?, self.hashes.next()?);
            if leaf.is_none() && hash.is_none() {
                return Err(self.ends_before(size).into());
            }
            let index = self.read;
            let (hash_of_leaf, hash) = (leaf.as_ref().map(|leaf| record_hash(leaf)), hash.map(Hash));
            if hash_of_leaf != hash {
                self.stray = self.stray.or(Some(index));
            }
            if let Some(hash) = hash_of_leaf {
                self.of_leaves.push(hash);
            }
            if let Some(hash) = hash {
                self.of_hashes.push(hash);
            }
            let proven = self.held.leaves.get(&index);
            if proven.is_some_and(|proven| leaf.and_then(|leaf| Leaf::parse(&leaf).ok()).as_ref() != Some(proven)) {
                self.depart(Departure::entry(index, "it is not the entry of the proof that is held"));
            }
            self.read += 1;
        }
        Ok(())
    }

    /// Both files end on the way to `size`. The first entry missing is known only if those before it are certain.
    fn ends_before(&self, size: u64) -> Departure {
        if self.read == self.agreed {
            return Departure::entry(self.read, "the files `leaves` and `hashes` end before it");
        }
        let reason = format!("the files `leaves` and `hashes` end after {} entries", self.read);
        Departure::batch(self.agreed, size, reason)
    }

    fn judge_held(&mut self, root: &Checkpoint) {
        if self.of_hashes.leads_to(root) {
            self.covered = root.size();
            self.agreed = self.agreed.max(root.size());
        } else {
            // The export's own checkpoints in between prove nothing here: whoever rebuilt the tree may have signed them.
            let reason = format!(
                "the export does not lead to the checkpoint of {} entries that is held: the log was rewritten or forked",
                root.size()
            );
            self.depart(Departure::batch(self.covered, root.size(), reason));
        }
    }

    fn judge_own(&mut self, batch: &Batch, vkey: &Vkey) {
        let size = batch.size;
        let in_batch = |reason: String| Departure::batch(self.agreed, size, reason);
        let departure = match (vkey.verify(&batch.note), self.stray) {
            (Err(fault), _) => in_batch(format!("the checkpoint of {size} entries: {fault}")),
            (Ok(checkpoint), _) if checkpoint.size() != size => {
                in_batch(format!("what is given as the checkpoint of {size} entries is one of {}", checkpoint.size()))
            }
            (Ok(checkpoint), None) if self.of_hashes.leads_to(&checkpoint) => {
                self.agreed = size;
                self.batches += 1;
                return;
            }
            (Ok(checkpoint), Some(stray)) if self.of_hashes.leads_to(&checkpoint) => {
                Departure::entry(stray, "its leaf is missing, or is not the one whose hash is in the tree")
            }
            (Ok(checkpoint), Some(stray)) if self.of_leaves.leads_to(&checkpoint) => Departure::entry(
                stray,
                "its level-0 hash is missing, or is not the one of its leaf, which is in the tree",
            ),
            (Ok(_), _) => in_batch(format!("neither leaves nor hashes lead to the root of the checkpoint of {size}")),
        };
        self.depart(departure);
    }

    /// Held roots of more entries than the export has.
    fn beyond(&self, size: u64) -> Result<(), Halt> {
        match self.held.roots.get(self.past) {
            None => Ok(()),
            Some(root) => {
                let reason = format!("the export ends before the checkpoint of {} entries that is held", root.size());
                Err(Departure::batch(size, root.size(), reason).into())
            }
        }
    }

    fn depart(&mut self, departure: Departure) {
        let order = |departure: &Departure| (departure.at.end(), Reverse(departure.at.start()));
        if self.fault.as_ref().is_none_or(|fault| order(&departure) < order(fault)) {
            self.fault = Some(departure);
        }
    }

    /// A held root makes the first stray leaf certain, whatever else is wrong.
    fn verdict(self) -> Option<Departure> {
        match self.stray {
            Some(stray) if stray < self.covered => Some(Departure::entry(
                stray,
                "its leaf is missing, or is not the one whose hash leads to the root that is held",
            )),
            _ => self.fault,
        }
    }
}

/// A compact range from entry 0: the roots of the full subtrees, left to right.
#[derive(Default)]
struct Range {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Range {
    fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each trailing 1 of the size is a subtree that this leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(left, hash);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The size counts: inner nodes in place of leaves lead to the same root, from fewer of them.
    fn leads_to(&self, checkpoint: &Checkpoint) -> bool {
        self.size == checkpoint.size() && self.root() == checkpoint.hash()
    }

    fn root(&self) -> Hash {
        let from_the_right = self.subtrees.iter().rev().copied();
        from_the_right.reduce(|right, left| node_hash(left, right)).unwrap_or(EMPTY_HASH)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testlog::{TestLog, hex};
    use super::*;

    fn root_of(leaves: impl IntoIterator<Item = Hash>) -> Hash {
        let mut range = Range::default();
        for leaf in leaves {
            range.push(leaf);
        }
        range.root()
    }

    #[test]
    fn the_roots_are_those_of_rfc_6962() {
        // The entries and roots of the reference implementation of RFC 6962.
        let entries =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, root) in roots.into_iter().enumerate() {
            let leaves = entries.iter().take(size).map(|entry| record_hash(&hex(entry)));
            assert_eq!(root_of(leaves).0.to_vec(), hex(root), "of {size} entries");
        }
    }

    #[test]
    fn the_roots_are_those_of_the_stored_tree() {
        let log = TestLog::story();
        for size in 0..=log.entries.len() {
            let leaves = log.leaves().into_iter().take(size);
            assert_eq!(root_of(leaves.map(|leaf| record_hash(&leaf))), log.root(size as u64));
        }
    }
}
