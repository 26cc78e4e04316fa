//! The RFC 6962 tree: growing it, proving in it, and computing its root a second way. Pure.
//!
//! A node is named by level (0 is a leaf's hash) and position. A tree of `n` leaves is made of perfect subtrees, one
//! per set bit of `n`, largest first: its range.

use crate::crypto::sha256;
use crate::store::{Hash, Leaf, Level};

/// The hash of a leaf (RFC 6962 2.1).
pub(super) fn leaf_hash(leaf: &Leaf) -> Hash {
    sha256(&[&[0], leaf])
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// A tree after leaves were appended.
pub(super) struct Grown {
    pub(super) size: u64,
    pub(super) root: Hash,
    pub(super) range: Vec<Hash>,
    /// The complete nodes that are new, by level.
    pub(super) nodes: Vec<Level>,
}

/// Appends leaf hashes to the tree of `size` leaves with this `range`.
pub(super) fn grow(size: u64, range: &[Hash], leaves: Vec<Hash>) -> Grown {
    let after = size + leaves.len() as u64;
    let mut nodes = vec![Level { first: size, hashes: leaves }];
    for level in 1..u64::BITS {
        let first = size >> level;
        let end = after >> level;
        if first >= end {
            break;
        }
        let below = Below { size, range, nodes: &nodes };
        let hashes = (first..end).filter_map(|position| below.parent(level, position)).collect();
        nodes.push(Level { first, hashes });
    }
    let below = Below { size, range, nodes: &nodes };
    let range: Vec<Hash> = peaks(after).filter_map(|(level, position)| below.node(level, position)).collect();
    Grown { size: after, root: bag(&range), range, nodes }
}

/// Nodes known after a batch: those it added, and the perfect subtrees that were there before.
pub(super) struct Below<'a> {
    pub(super) size: u64,
    pub(super) range: &'a [Hash],
    pub(super) nodes: &'a [Level],
}

impl Below<'_> {
    /// A complete node, if the batch added it or it was a perfect subtree before.
    pub(super) fn node(&self, level: u32, position: u64) -> Option<Hash> {
        let added = self.nodes.get(level as usize).filter(|new| new.first <= position);
        if let Some(new) = added {
            return new.hashes.get(usize::try_from(position - new.first).ok()?).copied();
        }
        let place = peaks(self.size).position(|peak| peak == (level, position))?;
        self.range.get(place).copied()
    }

    fn parent(&self, level: u32, position: u64) -> Option<Hash> {
        let left = self.node(level - 1, position * 2)?;
        let right = self.node(level - 1, position * 2 + 1)?;
        Some(node_hash(&left, &right))
    }
}

/// The perfect subtrees of a tree of `size` leaves, largest first: level and position.
fn peaks(size: u64) -> impl Iterator<Item = (u32, u64)> {
    (0..u64::BITS).rev().filter(move |level| size >> level & 1 == 1).map(move |level| (level, (size >> level) - 1))
}

/// The root over perfect subtrees, largest first.
fn bag(range: &[Hash]) -> Hash {
    let mut hashes = range.iter().rev();
    let Some(last) = hashes.next() else { return sha256(&[]) };
    hashes.fold(*last, |right, left| node_hash(left, &right))
}

/// The audit path of leaf `index` in the tree of `size` leaves, leaf to root (RFC 9162 2.1.3.1). `node` gives complete
/// nodes. None when the index is not in the tree, or a node is missing.
pub(super) fn path<E>(
    index: u64,
    size: u64,
    mut node: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    let tops: Vec<(u32, u64)> = peaks(size).collect();
    let Some(home) = tops.iter().position(|(level, position)| index >> level == *position) else { return Ok(None) };
    let mut hashes = Vec::new();
    for level in 0..tops.get(home).map_or(0, |top| top.0) {
        hashes.push(node(level, (index >> level) ^ 1)?);
    }
    let (before, from_home) = tops.split_at(home);
    let right =
        from_home.iter().skip(1).map(|(level, position)| node(*level, *position)).collect::<Result<Vec<_>, E>>()?;
    if !right.is_empty() {
        hashes.push(bag(&right));
    }
    for (level, position) in before.iter().rev() {
        hashes.push(node(*level, *position)?);
    }
    Ok(Some(hashes))
}

/// The proof that the tree of `old` leaves is a prefix of the tree of `new` leaves (RFC 6962 2.1.2); empty when they
/// are equal or `old` is 0. None when `old` is larger.
pub(super) fn consistency<E>(
    old: u64,
    new: u64,
    mut node: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if old > new {
        return Ok(None);
    }
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(Some(proof));
    }
    let (mut low, mut high, mut whole) = (0, new, true);
    let mut siblings = Vec::new();
    loop {
        if old == high {
            if !whole {
                proof.push(subtree_root(low, high, &mut node)?);
            }
            break;
        }
        let middle = low + (high - low).next_power_of_two() / 2;
        if old <= middle {
            siblings.push((middle, high));
            high = middle;
        } else {
            siblings.push((low, middle));
            low = middle;
            whole = false;
        }
    }
    for (low, high) in siblings.into_iter().rev() {
        proof.push(subtree_root(low, high, &mut node)?);
    }
    Ok(Some(proof))
}

/// The root of the leaves `[low, high)`, where `low` is a multiple of the next power of two of the span.
fn subtree_root<E>(low: u64, high: u64, node: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let parts: Vec<Hash> = peaks(high - low)
        .scan(low, |at, (level, _)| {
            let position = *at >> level;
            *at += 1 << level;
            Some((level, position))
        })
        .map(|(level, position)| node(level, position))
        .collect::<Result<_, E>>()?;
    Ok(bag(&parts))
}

/// The root computed from the definition, top down, from the perfect subtrees before and the new leaves: the second way.
pub(super) fn root_again(size: u64, range: &[Hash], new: &[Leaf]) -> Option<Hash> {
    fn over(low: u64, high: u64, size: u64, range: &[Hash], new: &[Leaf]) -> Option<Hash> {
        let span = high - low;
        if high <= size && span.is_power_of_two() {
            let place = peaks(size).position(|peak| peak == (span.trailing_zeros(), low / span))?;
            return range.get(place).copied();
        }
        if span == 1 {
            return new.get(usize::try_from(low - size).ok()?).map(leaf_hash);
        }
        let middle = low + span.next_power_of_two() / 2;
        Some(node_hash(&over(low, middle, size, range, new)?, &over(middle, high, size, range, new)?))
    }
    let after = size + new.len() as u64;
    if after == 0 { Some(sha256(&[])) } else { over(0, after, size, range, new) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn leaf(number: u64) -> Leaf {
        let mut leaf = [0; 128];
        leaf[..8].copy_from_slice(&number.to_be_bytes());
        leaf
    }

    /// RFC 6962 2.1, word for word.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves.len() {
            0 => sha256(&[]),
            1 => leaves[0],
            n => {
                let k = n.next_power_of_two() / 2;
                node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
            }
        }
    }

    fn verify_path(mut index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Hash {
        // RFC 9162 2.1.3.2.
        let (mut last, mut root) = (size - 1, leaf);
        for hash in path {
            if index & 1 == 1 || index == last {
                root = node_hash(hash, &root);
                while index & 1 == 0 && index != 0 {
                    index >>= 1;
                    last >>= 1;
                }
            } else {
                root = node_hash(&root, hash);
            }
            index >>= 1;
            last >>= 1;
        }
        assert_eq!(last, 0);
        root
    }

    fn verify_consistency(first: u64, second: u64, old: Hash, new: Hash, proof: &[Hash]) {
        // RFC 9162 2.1.4.2.
        let mut proof: Vec<Hash> = proof.to_vec();
        if first.is_power_of_two() {
            proof.insert(0, old);
        }
        let (mut low, mut high) = (first - 1, second - 1);
        while low & 1 == 1 {
            low >>= 1;
            high >>= 1;
        }
        let (mut from, mut to) = (proof[0], proof[0]);
        for hash in &proof[1..] {
            assert_ne!(high, 0);
            if low & 1 == 1 || low == high {
                from = node_hash(hash, &from);
                to = node_hash(hash, &to);
                while low & 1 == 0 && low != 0 {
                    low >>= 1;
                    high >>= 1;
                }
            } else {
                to = node_hash(&to, hash);
            }
            low >>= 1;
            high >>= 1;
        }
        assert_eq!((from, to, high), (old, new, 0));
    }

    fn node_of(hashes: &[Hash]) -> impl Fn(u32, u64) -> Result<Hash, Infallible> + '_ {
        move |level, position| {
            let low = usize::try_from(position << level).unwrap();
            Ok(mth(&hashes[low..low + (1 << level)]))
        }
    }

    #[test]
    fn the_empty_tree_has_the_hash_of_nothing() {
        assert_eq!(grow(0, &[], vec![]).root, sha256(&[]));
        assert_eq!(root_again(0, &[], &[]), Some(sha256(&[])));
    }

    proptest! {
        #[test]
        fn growing_in_batches_gives_the_rfc_root(batches in prop::collection::vec(0_usize..40, 1..8)) {
            let (mut size, mut range, mut all) = (0, Vec::new(), Vec::new());
            for count in batches {
                let new: Vec<Leaf> = (0..count as u64).map(|number| leaf(size + number)).collect();
                let hashes: Vec<Hash> = new.iter().map(leaf_hash).collect();
                let grown = grow(size, &range, hashes.clone());
                all.extend(hashes);
                prop_assert_eq!(grown.root, mth(&all));
                prop_assert_eq!(root_again(size, &range, &new), Some(grown.root));
                let below = Below { size, range: &range, nodes: &grown.nodes };
                for index in size..grown.size {
                    let found = path(index, grown.size, |level, position| below.node(level, position).ok_or(())).unwrap().unwrap();
                    prop_assert_eq!(verify_path(index, grown.size, all[usize::try_from(index).unwrap()], &found), grown.root);
                }
                (size, range) = (grown.size, grown.range);
            }
        }

        #[test]
        fn old_entries_and_old_trees_are_proved(size in 1_u64..130, pick in any::<prop::sample::Index>()) {
            let hashes: Vec<Hash> = (0..size).map(|number| leaf_hash(&leaf(number))).collect();
            let index = pick.index(hashes.len());
            let found = path(index as u64, size, node_of(&hashes)).unwrap().unwrap();
            prop_assert_eq!(verify_path(index as u64, size, hashes[index], &found), mth(&hashes));
            let old = index as u64 + 1;
            let proof = consistency(old, size, node_of(&hashes)).unwrap().unwrap();
            if old < size {
                verify_consistency(old, size, mth(&hashes[..=index]), mth(&hashes), &proof);
            } else {
                prop_assert!(proof.is_empty());
            }
        }

        #[test]
        fn a_flipped_bit_gives_another_root(size in 1_u64..70, bit in 0_usize..1024) {
            let mut leaves: Vec<Leaf> = (0..size).map(leaf).collect();
            let root = root_again(0, &[], &leaves);
            leaves[usize::try_from(size / 2).unwrap()][bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(root, root_again(0, &[], &leaves));
        }
    }

    #[test]
    fn what_is_not_in_the_tree_has_no_proof() {
        let hashes = [leaf_hash(&leaf(0))];
        assert_eq!(path(1, 1, node_of(&hashes)), Ok(None));
        assert_eq!(consistency(2, 1, node_of(&hashes)), Ok(None));
    }
}
