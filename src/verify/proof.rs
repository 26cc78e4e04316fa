//! Entry proofs: C2SP tlog-proof files.
//!
//! What it is: the strict reading of a proof and its verification under a vkey: the checkpoint is signed, the leaf is
//! in the tree that it signs, and the act, where the proof carries its opening, is the one that the leaf commits to.
//!
//! What it is not: it does not say that the token handed over with it is the one of the entry (`token` does).
//!
//! INVARIANT: an [`EntryProof`] exists only if all of this held.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tlog_tiles::{Hash, check_record, record_hash};

use super::{Checkpoint, Fault, LEAF_SIZE, Leaf, Vkey, decimal};

/// The most that is read of a proof: an act is at most a few kilobytes.
const MAX_PROOF: usize = 256 * 1024;

/// A verified proof that an entry is in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryProof {
    origin: String,
    index: u64,
    leaf: Leaf,
    act: Option<Value>,
    checkpoint: Checkpoint,
}

impl EntryProof {
    /// Verifies the text of a proof.
    ///
    /// # Errors
    /// The first fault, in the order of the file: its form, the checkpoint's signature, the leaf's inclusion, the act.
    pub fn verify(text: &str, vkey: &Vkey) -> Result<Self, Fault> {
        let unverified = UnverifiedProof::parse(text)?;
        let checkpoint = vkey.verify(unverified.note)?;
        let leaf_hash = record_hash(unverified.leaf());
        check_record(&unverified.path, checkpoint.size(), checkpoint.hash(), unverified.index, leaf_hash)
            .map_err(|_| Fault::Inclusion)?;
        let leaf = Leaf::parse(unverified.leaf())?;
        let act = match unverified.opening()? {
            Some((blind, payload)) => Some(leaf.open_act(blind, payload)?),
            None => None,
        };
        Ok(Self { origin: vkey.origin().to_owned(), index: unverified.index, leaf, act, checkpoint })
    }

    /// The log that the entry is in.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The entry's index.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many entries the proof's checkpoint covers.
    pub fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// The checkpoint that the proof rests on.
    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    /// The entry's leaf.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The act, if the proof opens it.
    pub fn act(&self) -> Option<&Value> {
        self.act.as_ref()
    }
}

/// A proof in its form, of which nothing has been verified.
struct UnverifiedProof<'a> {
    index: u64,
    path: Vec<Hash>,
    extra: Vec<u8>,
    note: &'a str,
}

impl<'a> UnverifiedProof<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        if text.len() > MAX_PROOF {
            return Err(Fault::TooLong { what: "proof", limit: MAX_PROOF });
        }
        let (head, note) = text.split_once("\n\n").ok_or(malformed("a blank line precedes its checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some("c2sp.org/tlog-proof@v1") {
            return Err(malformed("its first line is `c2sp.org/tlog-proof@v1`"));
        }
        let extra = lines
            .next()
            .and_then(|line| BASE64_STANDARD.decode(line.strip_prefix("extra ")?).ok())
            .filter(|extra| extra.len() >= LEAF_SIZE)
            .ok_or(malformed("its second line is `extra` and the leaf in base64"))?;
        let index = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("index ")?))
            .ok_or(malformed("its third line is `index` and a decimal number"))?;
        let path: Vec<Hash> = lines
            .map(|line| Hash::parse_hash(line).ok())
            .collect::<Option<_>>()
            .filter(|path: &Vec<Hash>| path.len() <= 64)
            .ok_or(malformed("its further lines are at most 64 hashes in base64"))?;
        Ok(Self { index, path, extra, note })
    }

    fn leaf(&self) -> &[u8] {
        self.extra.split_at_checked(LEAF_SIZE).map_or(&[], |(leaf, _)| leaf)
    }

    /// The act's blind and payload; `None` if the proof carries the leaf alone.
    fn opening(&self) -> Result<Option<(&[u8; 32], &str)>, Fault> {
        let rest = self.extra.split_at_checked(LEAF_SIZE).map_or(&[][..], |(_, rest)| rest);
        if rest.is_empty() {
            return Ok(None);
        }
        rest.split_first_chunk()
            .and_then(|(blind, payload)| Some(Some((blind, str::from_utf8(payload).ok()?))))
            .ok_or(malformed("what follows the leaf is a blind of 32 bytes and a payload in UTF-8"))
    }
}

fn malformed(why: &'static str) -> Fault {
    Fault::Malformed { what: "proof", why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testlog::{Key, RELEASE, TestLog};
    use super::*;

    fn verify(text: &str) -> Result<EntryProof, Fault> {
        EntryProof::verify(text, &Vkey::parse(&Key::log().vkey).unwrap())
    }

    #[test]
    fn every_entry_is_proven_in_every_tree_that_has_it() {
        let log = TestLog::story();
        for size in 1..=log.size() {
            for index in 0..usize::try_from(size).unwrap() {
                let proof = verify(&log.proof(index, size, true)).unwrap();
                assert_eq!((proof.index(), proof.size()), (index as u64, size));
                assert_eq!(proof.act(), Some(&log.entries[index].act));
            }
        }
    }

    #[test]
    fn a_proof_may_keep_the_act_closed() {
        let log = TestLog::story();
        let proof = verify(&log.proof(RELEASE, 12, false)).unwrap();
        assert_eq!(proof.act(), None);
        assert_eq!(proof.leaf(), &Leaf::parse(&log.entries[RELEASE].leaf(RELEASE)).unwrap());
        assert_eq!(proof.origin(), super::super::testlog::ORIGIN);
    }

    #[test]
    fn refuses_another_index_path_or_leaf() {
        let log = TestLog::story();
        let good = log.proof(RELEASE, 12, true);
        assert_eq!(verify(&good.replace("index 6", "index 7")), Err(Fault::Inclusion));
        assert_eq!(verify(&good.replace("index 6", "index 12")), Err(Fault::Inclusion));
        let hash = log.root(3).to_string();
        let first = good.lines().nth(3).unwrap();
        assert_eq!(verify(&good.replace(first, &hash)), Err(Fault::Inclusion));
        assert_eq!(verify(&good.replace(&format!("{first}\n"), "")), Err(Fault::Inclusion));
        assert_eq!(verify(&good.replace(first, &format!("{first}\n{first}"))), Err(Fault::Inclusion));
        let (extra, other) = (good.lines().nth(1).unwrap(), log.proof(5, 12, true));
        assert_eq!(verify(&good.replace(extra, other.lines().nth(1).unwrap())), Err(Fault::Inclusion));
    }

    #[test]
    fn refuses_another_opening() {
        let log = TestLog::story();
        let altered = |change: fn(&mut Vec<u8>)| {
            let good = log.proof(RELEASE, 12, true);
            let line = good.lines().nth(1).unwrap().to_owned();
            let mut extra = BASE64_STANDARD.decode(line.strip_prefix("extra ").unwrap()).unwrap();
            change(&mut extra);
            verify(&good.replace(&line, &format!("extra {}", BASE64_STANDARD.encode(extra))))
        };
        assert!(altered(|_| {}).is_ok());
        assert_eq!(altered(|extra| extra[0] = 2), Err(Fault::Inclusion));
        assert_eq!(altered(|extra| extra[130] ^= 1), Err(Fault::Commitment("act")));
        assert_eq!(altered(|extra| extra[170] ^= 1), Err(Fault::Commitment("act")));
        assert_eq!(altered(|extra| extra.truncate(200)), Err(Fault::Commitment("act")));
        for (length, what) in [(140, "half a blind"), (127, "half a leaf")] {
            let cut =
                if length == 140 { altered(|extra| extra.truncate(140)) } else { altered(|extra| extra.truncate(127)) };
            assert!(matches!(cut, Err(Fault::Malformed { .. })), "{what}");
        }
        assert!(matches!(altered(|extra| extra.push(0xFF)), Err(Fault::Malformed { .. })), "not UTF-8");
    }

    #[test]
    fn refuses_every_other_form() {
        let good = TestLog::story().proof(RELEASE, 12, true);
        let (head, note) = good.split_once("\n\n").unwrap();
        for text in [
            String::new(),
            head.to_owned(),
            good.replace("@v1", "@v2"),
            good.replace("extra ", "extra  "),
            good.replace("extra ", "Extra "),
            good.replace("index 6", "index 06"),
            good.replace("index 6", "index +6"),
            good.replace("index 6", "index"),
            good.replace('\n', "\r\n"),
            format!("\n{good}"),
            format!("{head}\nAAAA\n\n{note}"),
            format!("{head}{}\n\n{note}", "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".repeat(64)),
        ] {
            assert!(matches!(verify(&text), Err(Fault::Malformed { .. })), "{text}");
        }
        assert!(verify(&format!("{good}\n")).is_err(), "a line after the checkpoint");
        assert!(matches!(verify(&"x".repeat(MAX_PROOF + 1)), Err(Fault::TooLong { .. })));
    }

    #[test]
    fn refuses_another_key() {
        let proof = TestLog::story().proof(RELEASE, 12, true);
        let another = Vkey::parse(&Key::another().vkey).unwrap();
        assert_eq!(EntryProof::verify(&proof, &another), Err(Fault::Signature(Key::another().vkey)));
    }

    proptest! {
        #[test]
        fn no_flipped_bit_passes(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut bytes = TestLog::story().proof(RELEASE, 12, true).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(verify(&text).is_err());
            }
        }

        #[test]
        fn never_panics(text in "(c2sp.org/tlog-proof@v1\n)?(extra [A-Za-z0-9+/]{0,300}={0,2}\n)?(index [0-9]{0,22}\n)?(\\PC*\n){0,4}\n\\PC*") {
            let _ = verify(&text);
        }
    }
}
