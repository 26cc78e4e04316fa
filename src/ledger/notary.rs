//! Turns drafts into leaves and signs checkpoints (C2SP tlog-checkpoint, signed-note).
//!
//! INVARIANT: a root is signed only if two computations from different inputs agree on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tree;
use crate::clock::Moment;
use crate::crypto::{Ed25519Key, sha256, verify_ed25519};
use crate::store::{Appended, Draft, Hash, Head, Leaf, Refused, Seal};

/// Version of the leaf.
const LEAF_VERSION: u8 = 1;
/// Ed25519 in a signed note.
const NOTE_ED25519: u8 = 1;

/// Holds the checkpoint key.
pub(super) struct Notary {
    origin: String,
    key: Ed25519Key,
    key_id: [u8; 4],
}

impl Notary {
    pub(super) fn new(origin: String, key: Ed25519Key) -> Self {
        let id = sha256(&[origin.as_bytes(), b"\n", &[NOTE_ED25519], &key.public()]);
        let key_id = [id[0], id[1], id[2], id[3]];
        Self { origin, key, key_id }
    }

    /// The log's origin, which is also its key's name.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The verifier key, as text.
    pub(super) fn vkey(&self) -> String {
        let typed = [&[NOTE_ED25519], &self.key.public()[..]].concat();
        let id = u32::from_be_bytes(self.key_id);
        format!("{}+{id:08x}+{}", self.origin, STANDARD.encode(typed))
    }

    fn note(&self, size: u64, root: &Hash) -> Option<String> {
        let text = format!("{}\n{size}\n{}\n", self.origin, STANDARD.encode(root));
        let signature = self.key.sign(text.as_bytes()).ok()?;
        let line = STANDARD.encode([&self.key_id[..], &signature[..]].concat());
        Some(format!("{text}\n\u{2014} {} {line}\n", self.origin))
    }

    /// Whether this key signed that checkpoint of `size`; its root then.
    pub(super) fn recognise(&self, note: &str, size: u64) -> Option<Hash> {
        let (text, lines) = note.split_once("\n\n")?;
        let text = format!("{text}\n");
        let mut body = text.lines();
        let named = body.next()? == self.origin && body.next()? == size.to_string();
        let root: Hash = STANDARD.decode(body.next()?).ok()?.try_into().ok()?;
        let signature = lines.strip_prefix("\u{2014} ")?.strip_prefix(&self.origin)?.strip_prefix(' ')?.trim_end();
        let bytes = STANDARD.decode(signature).ok()?;
        let (id, signature) = bytes.split_at_checked(self.key_id.len())?;
        let signed = id == self.key_id && verify_ed25519(&self.key.public(), text.as_bytes(), signature);
        (named && signed).then_some(root)
    }
}

impl Seal for Notary {
    fn append(&self, head: &Head, time: Moment, drafts: &[(&Draft, Hash)]) -> Appended {
        let leaves: Vec<Leaf> = drafts.iter().map(|(draft, bundle)| leaf(draft, bundle, time)).collect();
        let hashes = leaves.iter().map(tree::leaf_hash).collect();
        let grown = tree::grow(head.size, &head.range, hashes);
        Appended { leaves, size: grown.size, root: grown.root, range: grown.range, nodes: grown.nodes }
    }

    fn sign(&self, head: &Head, appended: &Appended, read_back: &[Leaf]) -> Result<String, Refused> {
        if read_back.len() as u64 + head.size != appended.size {
            return Err(Refused("the leaves read back are not as many as were written"));
        }
        if tree::root_again(head.size, &head.range, read_back) != Some(appended.root) {
            return Err(Refused("the root computed a second way differs"));
        }
        self.note(appended.size, &appended.root).ok_or(Refused("the checkpoint key does not sign"))
    }
}

fn leaf(draft: &Draft, bundle: &Hash, time: Moment) -> Leaf {
    let mut leaf = [0; 128];
    let mut rest = leaf.as_mut_slice();
    for part in [
        &[LEAF_VERSION, draft.event.byte(), 0, 0][..],
        &time.unix().to_be_bytes(),
        &draft.act_commitment,
        &draft.person_commitment,
        bundle,
    ] {
        let Some((field, after)) = rest.split_at_mut_checked(part.len()) else { break };
        field.copy_from_slice(part);
        rest = after;
    }
    leaf
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Event;

    fn notary() -> Notary {
        Notary::new("log.example/unefois".into(), Ed25519Key::generate().unwrap().0)
    }

    fn draft(number: u8) -> Draft {
        let [act_commitment, person_commitment] = [[number; 32], [!number; 32]];
        Draft { event: Event::Check, act_commitment, person_commitment, act: vec![], person: vec![], link: None }
    }

    /// A head after five entries, and three more appended to it.
    fn appended(notary: &Notary) -> (Head, Appended) {
        let drafts: Vec<Draft> = (0..8).map(draft).collect();
        let drafts: Vec<(&Draft, Hash)> = drafts.iter().map(|draft| (draft, [7; 32])).collect();
        let (first, second) = drafts.split_at(5);
        let before = notary.append(&Head::default(), Moment::default(), first);
        let head = Head { size: before.size, root: before.root, range: before.range, ..Head::default() };
        let new = notary.append(&head, Moment::from_unix(1_800_000_000), second);
        (head, new)
    }

    #[test]
    fn the_leaf_is_as_the_format_says() {
        let leaf = leaf(&draft(3), &[7; 32], Moment::from_unix(0x0102_0304_0506));
        let expected = [&[1, 32, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6][..], &[3; 32], &[252; 32], &[7; 32], &[0; 20]].concat();
        assert_eq!(leaf.as_slice(), expected);
    }

    #[test]
    fn what_is_read_back_as_written_is_signed() {
        let notary = notary();
        let (head, new) = appended(&notary);
        let note = notary.sign(&head, &new, &new.leaves).unwrap();
        assert_eq!(notary.recognise(&note, 8), Some(new.root));
    }

    #[test]
    fn what_is_read_back_otherwise_is_not_signed() {
        let notary = notary();
        let (head, new) = appended(&notary);
        for bit in 0..3 * 128 * 8 {
            let mut leaves = new.leaves.clone();
            leaves[bit / 1024][bit % 1024 / 8] ^= 1 << (bit % 8);
            assert!(notary.sign(&head, &new, &leaves).is_err(), "bit {bit}");
        }
        let [one, two, three] = new.leaves[..] else { panic!("three leaves") };
        for leaves in [&[][..], &[one, two], &[two, one, three], &[one, two, two], &[one, two, three, three]] {
            assert!(notary.sign(&head, &new, leaves).is_err());
        }
    }

    #[test]
    fn what_the_tree_was_not_grown_from_is_not_signed() {
        let notary = notary();
        let (head, new) = appended(&notary);
        let root = Appended { root: [9; 32], ..new.clone() };
        assert!(notary.sign(&head, &root, &new.leaves).is_err());
        let mut moved = head.clone();
        moved.range.reverse();
        assert!(notary.sign(&moved, &new, &new.leaves).is_err());
        let shorter = Head { size: 4, ..head };
        assert!(notary.sign(&shorter, &new, &new.leaves).is_err());
    }

    #[test]
    fn a_checkpoint_is_recognised_whole_or_not_at_all() {
        let notary = notary();
        let note = notary.note(8, &[5; 32]).unwrap();
        assert_eq!(notary.recognise(&note, 8), Some([5; 32]));
        assert_eq!(notary.recognise(&note, 9), None);
        assert_eq!(super::tests::notary().recognise(&note, 8), None, "another key");
        for at in (0..note.len()).filter(|at| note.is_char_boundary(*at)) {
            let (before, after) = note.split_at(at);
            let altered = format!("{before}x{}", after.chars().skip(1).collect::<String>());
            assert!(altered == note || notary.recognise(&altered, 8).is_none(), "{altered}");
        }
    }
}
