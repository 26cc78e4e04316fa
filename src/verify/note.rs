//! Checkpoints: signed notes (C2SP tlog-checkpoint) under a verifier key.
//!
//! What it is: the reading of a vkey and of a checkpoint signed with it, in the one form that this log writes: the
//! key's name is the origin, and there are no extension lines.
//!
//! What it is not: it keeps no checkpoint and compares no two of them (`tree` does).
//!
//! INVARIANT: a [`Checkpoint`] was signed by the key it was verified with. Signatures by other keys, such as the
//! witnesses' to come, are neither needed nor in the way; a bad one by the log's own key refuses the whole note.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use signed_note::{Note, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::Hash;

use super::Fault;

/// The most that is read of a signed checkpoint: room for some hundred witnesses.
const MAX_NOTE: usize = 32 * 1024;

/// A log's verifier key, `origin+hex+base64`: an Ed25519 public key and the name of the log that it signs for.
pub struct Vkey {
    text: String,
    origin: String,
    known: VerifierList,
}

impl Vkey {
    /// Reads a vkey.
    ///
    /// # Errors
    /// [`Fault::Malformed`] if it is not one, if its hash does not match, or if it is not Ed25519.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let malformed = Fault::Malformed { what: "vkey", why: "it is `origin+hash+key`, the key Ed25519" };
        let text = text.trim_end();
        let verifier = StandardVerifier::new(text).map_err(|_| malformed.clone())?;
        let origin = verifier.name().to_owned();
        // The library also reads capital hex; with one spelling, two vkeys are the same if their texts are.
        let canonical = text.starts_with(&format!("{origin}+{:08x}+", verifier.key_id()));
        if !canonical || origin.contains(char::is_control) {
            return Err(malformed);
        }
        Ok(Self { text: text.to_owned(), origin, known: VerifierList::new(vec![Box::new(verifier)]) })
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The vkey as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Verifies a signed checkpoint of this log.
    ///
    /// # Errors
    /// [`Fault::TooLong`], [`Fault::Malformed`], [`Fault::Signature`], or [`Fault::Origin`] if the log's key signed a
    /// checkpoint in another log's name.
    pub fn verify(&self, note: &str) -> Result<Checkpoint, Fault> {
        if note.len() > MAX_NOTE {
            return Err(Fault::TooLong { what: "checkpoint", limit: MAX_NOTE });
        }
        let note = Note::from_bytes(note.as_bytes()).map_err(|_| malformed("it is a signed note"))?;
        note.verify(&self.known).map_err(|_| Fault::Signature(self.text.clone()))?;
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text())
            .map_err(|_| malformed("its text is an origin, a size and a root"))?;
        // The library reads extension lines; this log writes none, and one form means one meaning.
        if checkpoint.to_bytes() != note.text() || !checkpoint.extension().is_empty() {
            return Err(malformed("its text is an origin, a size and a root, and nothing else"));
        }
        if checkpoint.origin() != self.origin {
            return Err(Fault::Origin(self.origin.clone()));
        }
        Ok(Checkpoint { size: checkpoint.size(), root: *checkpoint.hash() })
    }
}

/// What the log signed: the root of its first `size` entries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checkpoint {
    size: u64,
    root: Hash,
}

impl Checkpoint {
    /// How many entries it covers.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them.
    pub fn root(&self) -> &[u8; 32] {
        &self.root.0
    }

    pub(super) fn hash(&self) -> Hash {
        self.root
    }
}

/// Verifies a bare Ed25519 signature. The key goes through the library as a vkey of a name that is looked at nowhere.
pub(super) fn ed25519_verifies(public_key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    const NAME: &str = "administrator";
    const ED25519: u8 = 1;
    let mut key = vec![ED25519];
    key.extend_from_slice(public_key);
    let vkey = format!("{NAME}+{:08x}+{}", signed_note::key_id(NAME, &key), BASE64_STANDARD.encode(&key));
    StandardVerifier::new(&vkey).is_ok_and(|verifier| verifier.verify(message, signature))
}

fn malformed(why: &'static str) -> Fault {
    Fault::Malformed { what: "checkpoint", why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tlog_tiles::record_hash;

    use super::super::testlog::{Key, ORIGIN, SEEDS, hex};
    use super::*;

    fn vkey() -> Vkey {
        Vkey::parse(&Key::log().vkey).unwrap()
    }

    #[test]
    fn reads_the_vkey_of_the_specification() {
        let vkey = Vkey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n").unwrap();
        assert_eq!(vkey.origin(), "example.com/foo");
        assert_eq!(vkey.as_str(), "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    }

    #[test]
    fn refuses_other_vkeys() {
        for text in [
            "",
            "example.com/foo",
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo+530d903a+Aekye",
            &Key::named("\u{1b}[2J", SEEDS[0]).vkey,
        ] {
            assert!(Vkey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn verifies_a_checkpoint() {
        let checkpoint = vkey().verify(&Key::log().checkpoint(ORIGIN, 5, record_hash(b"x"))).unwrap();
        assert_eq!((checkpoint.size(), checkpoint.root()), (5, &record_hash(b"x").0));
    }

    #[test]
    fn witnesses_may_sign_too() {
        let cosigned = Key::log().checkpoint(ORIGIN, 5, record_hash(b"x"));
        let witness = Key::named("witness.example", SEEDS[3]).checkpoint(ORIGIN, 5, record_hash(b"x"));
        let cosigned = cosigned + witness.rsplit_once("\n\n").unwrap().1;
        assert_eq!(vkey().verify(&cosigned).unwrap().size(), 5);
    }

    #[test]
    fn refuses_another_key_and_another_log() {
        let another = Key::another().checkpoint(ORIGIN, 5, record_hash(b"x"));
        assert_eq!(vkey().verify(&another), Err(Fault::Signature(Key::log().vkey)));
        let other_log = Key::log().checkpoint("other.example/log", 5, record_hash(b"x"));
        assert_eq!(vkey().verify(&other_log), Err(Fault::Origin(ORIGIN.to_owned())));
    }

    #[test]
    fn refuses_every_other_form() {
        let root = record_hash(b"x");
        for text in [
            format!("{ORIGIN}\n5\n{root}\nextension\n"),
            format!("{ORIGIN}\n05\n{root}\n"),
            format!("{ORIGIN}\n+5\n{root}\n"),
            format!("{ORIGIN}\n5\n{root}\n\n"),
            format!("{ORIGIN}\n5\n"),
            format!("{ORIGIN}\n5\nAAAA\n"),
            "\n".to_owned(),
        ] {
            let note = Key::log().note(text.as_bytes());
            assert!(matches!(vkey().verify(&note), Err(Fault::Malformed { .. })), "{text:?}");
        }
        assert!(matches!(vkey().verify(&"x".repeat(MAX_NOTE + 1)), Err(Fault::TooLong { .. })));
    }

    #[test]
    fn verifies_a_bare_signature() {
        // RFC 8032, 7.1, test 2.
        let public: [u8; 32] = hex(SEEDS[1].1).try_into().unwrap();
        let signature = hex(concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ));
        assert!(ed25519_verifies(&public, &[0x72], &signature));
        assert!(!ed25519_verifies(&public, &[0x73], &signature));
        assert!(!ed25519_verifies(&public, &[0x72], &signature[1..]));
        assert!(!ed25519_verifies(&[2; 32], &[0x72], &signature));
    }

    proptest! {
        #[test]
        fn no_flipped_bit_passes(at in 0..150_usize, bit in 0..8_u32) {
            let good = Key::log().checkpoint(ORIGIN, 1234, record_hash(b"x"));
            let mut bytes = good.into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bytes) {
                prop_assert!(vkey().verify(&text).is_err());
            }
        }

        #[test]
        fn never_panics(text in "\\PC*(\n\\PC*){0,6}\n\n— \\PC*\n") {
            let _ = vkey().verify(&text);
            let _ = Vkey::parse(&text);
        }
    }
}
