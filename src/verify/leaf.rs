//! Leaves: the 128 bytes that the tree is made of, and the parts that they commit to.
//!
//! What it is: the strict reading of a leaf, the table of entry types, and the opening of the act, the person part and
//! the rule facts against their commitments.
//!
//! What it is not: it does not say that the leaf is in the log (`proof`, `tree`), nor that its content follows from
//! the entries before it (`history`).
//!
//! INVARIANT: reading a leaf loses nothing, so two leaves are equal if and only if their bytes are.
//! INVARIANT: commitments are compared in constant time.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::{Fault, base64url};

/// Length of a leaf in bytes.
pub const LEAF_SIZE: usize = 128;

/// The type of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Event {
    /// The log was created.
    Init = 1,
    /// A bundle of rules and catalogue came into force.
    Activation = 2,
    /// A key came into use.
    KeyAdded = 3,
    /// A key went out of use.
    KeyRetired = 4,
    /// A client was stopped.
    ClientStop = 5,
    /// A change of the catalogue is proposed.
    Proposal = 6,
    /// A proposed change is approved.
    Approval = 7,
    /// Rules were rehearsed on what was decided before.
    Rehearsal = 8,
    /// A statutory register gains what no release writes.
    Register = 9,
    /// Information was submitted.
    Submission = 16,
    /// A consent was given.
    Consent = 17,
    /// A consent was refused.
    ConsentRefused = 18,
    /// A consent was withdrawn.
    Withdrawal = 19,
    /// The key of a class of information was destroyed.
    Erasure = 20,
    /// A consent is suspended: nothing is released under it until it is carried.
    ConsentSuspended = 21,
    /// A consent has lapsed, for ever.
    ConsentLapsed = 22,
    /// A consent is carried to the body that succeeds, and stands.
    ConsentCarried = 23,
    /// A body attests values of a subject.
    Attestation = 24,
    /// A consent has run out.
    ConsentExpired = 25,
    /// A subject's status changes: a death, the end of a mandate.
    Status = 26,
    /// What is on file was asked.
    Check = 32,
    /// A release was authorised.
    Release = 33,
    /// A release was delivered again.
    Redelivery = 34,
    /// A release was refused.
    Refusal = 35,
    /// A person was told that a body gets information without their consent.
    Informed = 36,
    /// An officer read.
    OfficerRead = 48,
    /// An export was opened.
    Opening = 49,
}

impl Event {
    /// Every type, in the order of the bytes.
    pub const ALL: [Self; 27] = [
        Self::Init,
        Self::Activation,
        Self::KeyAdded,
        Self::KeyRetired,
        Self::ClientStop,
        Self::Proposal,
        Self::Approval,
        Self::Rehearsal,
        Self::Register,
        Self::Submission,
        Self::Consent,
        Self::ConsentRefused,
        Self::Withdrawal,
        Self::Erasure,
        Self::ConsentSuspended,
        Self::ConsentLapsed,
        Self::ConsentCarried,
        Self::Attestation,
        Self::ConsentExpired,
        Self::Status,
        Self::Check,
        Self::Release,
        Self::Redelivery,
        Self::Refusal,
        Self::Informed,
        Self::OfficerRead,
        Self::Opening,
    ];

    /// The type that a leaf's second byte stands for.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.byte() == byte)
    }

    /// The byte in the leaf.
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// The name in the act's member `event`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Activation => "activation",
            Self::KeyAdded => "key-added",
            Self::KeyRetired => "key-retired",
            Self::ClientStop => "client-stop",
            Self::Proposal => "proposal",
            Self::Approval => "approval",
            Self::Rehearsal => "rehearsal",
            Self::Register => "register",
            Self::Submission => "submission",
            Self::Consent => "consent",
            Self::ConsentRefused => "consent-refused",
            Self::Withdrawal => "withdrawal",
            Self::Erasure => "erasure",
            Self::ConsentSuspended => "consent-suspended",
            Self::ConsentLapsed => "consent-lapsed",
            Self::ConsentCarried => "consent-carried",
            Self::Attestation => "attestation",
            Self::ConsentExpired => "consent-expired",
            Self::Status => "status",
            Self::Check => "check",
            Self::Release => "release",
            Self::Redelivery => "redelivery",
            Self::Refusal => "refusal",
            Self::Informed => "informed",
            Self::OfficerRead => "officer-read",
            Self::Opening => "opening",
        }
    }

    /// Whether entries of this type are about nobody, so that their person part is `{}`.
    pub fn is_impersonal(self) -> bool {
        matches!(
            self,
            Self::Init
                | Self::Activation
                | Self::KeyAdded
                | Self::KeyRetired
                | Self::ClientStop
                | Self::Proposal
                | Self::Approval
                | Self::Rehearsal
                | Self::Register
                | Self::Erasure
        )
    }
}

/// A leaf in the form of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    event: Event,
    time: u64,
    act: [u8; 32],
    person: [u8; 32],
    rules: [u8; 32],
}

impl Leaf {
    /// Reads a leaf.
    ///
    /// # Errors
    /// [`Fault::UnknownType`] for a well-formed leaf of a type that this verifier does not know; [`Fault::Malformed`]
    /// for any other length, version, flag or fill.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let mut rest = bytes;
        let [version, kind] = take(&mut rest)?;
        let flags: [u8; 2] = take(&mut rest)?;
        let time = u64::from_be_bytes(take(&mut rest)?);
        let (act, person, rules) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
        let fill: [u8; 20] = take(&mut rest)?;
        if !rest.is_empty() {
            return Err(malformed("it is 128 bytes long"));
        }
        if version != 1 {
            return Err(malformed("its version is 1"));
        }
        if flags != [0; 2] || fill != [0; 20] {
            return Err(malformed("its flags and its last 20 bytes are zero"));
        }
        let event = Event::from_byte(kind).ok_or(Fault::UnknownType(kind))?;
        Ok(Self { event, time, act, person, rules })
    }

    /// The type of the entry.
    pub fn event(&self) -> Event {
        self.event
    }

    /// The time of the batch, in whole Unix seconds.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The digest of the bundle in force.
    pub fn rules(&self) -> &[u8; 32] {
        &self.rules
    }

    /// Opens the act: the payload is the one that the leaf commits to, canonical, of version 1 and of the leaf's type.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn open_act(&self, blind: &[u8; 32], payload: &str) -> Result<Value, Fault> {
        self.check("act", b"unefois/act/v1\n", blind, payload, &self.act)?;
        let act = canonical("act", payload)?;
        let of_type = act.get("event").and_then(Value::as_str) == Some(self.event.name());
        if act.get("v").and_then(Value::as_u64) != Some(1) || !of_type {
            return Err(Fault::Malformed { what: "act", why: "its `v` is 1 and its `event` the name of its type" });
        }
        Ok(act)
    }

    /// Opens the person part: the payload is the one that the leaf commits to, and canonical.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn open_person(&self, blind: &[u8; 32], payload: &str) -> Result<Value, Fault> {
        self.check("person part", b"unefois/person/v1\n", blind, payload, &self.person)?;
        canonical("person part", payload)
    }

    /// Opens the rule facts against the commitment that an opened act of this leaf carries in `facts`.
    ///
    /// # Errors
    /// [`Fault::Commitment`] if the act carries none or another; [`Fault::NotCanonical`].
    pub fn open_facts(&self, act: &Value, blind: &[u8; 32], facts: &str) -> Result<Value, Fault> {
        let commitment = act.get("facts").and_then(Value::as_str).and_then(base64url);
        let commitment = commitment.ok_or(Fault::Commitment("rule facts"))?;
        self.check("rule facts", b"unefois/facts/v1\n", blind, facts, &commitment)?;
        canonical("rule facts", facts)
    }

    fn check(
        &self,
        what: &'static str,
        label: &[u8],
        blind: &[u8; 32],
        payload: &str,
        commitment: &[u8],
    ) -> Result<(), Fault> {
        let mut mac = Hmac::<Sha256>::new_from_slice(blind).map_err(|_| Fault::Commitment(what))?;
        mac.update(label);
        mac.update(&[self.event.byte()]);
        mac.update(payload.as_bytes());
        mac.verify_slice(commitment).map_err(|_| Fault::Commitment(what))
    }
}

/// Reads an object in canonical JSON. Writing it again must give the same bytes, which also refuses members that come
/// twice. The writer's canonicaliser is not asked: it would agree with its own errors, and take half of an audit's time.
fn canonical(what: &'static str, text: &str) -> Result<Value, Fault> {
    let fault = || Fault::NotCanonical(what);
    let value: Value = serde_json::from_str(text).map_err(|_| fault())?;
    let mut again = Vec::with_capacity(text.len());
    write_canonical(&value, &mut again).ok_or_else(fault)?;
    if again == text.as_bytes() && value.is_object() { Ok(value) } else { Err(fault()) }
}

/// RFC 8785 for values without fractions, where only three things are left to say: members are sorted by UTF-16 code
/// units, there is no space, and integers are those that a double holds. Strings are escaped as `serde_json` does.
fn write_canonical(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Number(number) => {
            let integer = number.as_i64().filter(|integer| integer.unsigned_abs() < 1 << 53)?;
            out.extend_from_slice(integer.to_string().as_bytes());
        }
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                out.extend_from_slice(if position == 0 { b"" } else { b"," });
                write_canonical(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
            out.push(b'{');
            for (position, (name, member)) in members.into_iter().enumerate() {
                out.extend_from_slice(if position == 0 { b"" } else { b"," });
                serde_json::to_writer(&mut *out, name).ok()?;
                out.push(b':');
                write_canonical(member, out)?;
            }
            out.push(b'}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => serde_json::to_writer(out, value).ok()?,
    }
    Some(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (head, tail) = rest.split_first_chunk().ok_or(malformed("it is 128 bytes long"))?;
    *rest = tail;
    Ok(*head)
}

fn malformed(why: &'static str) -> Fault {
    Fault::Malformed { what: "leaf", why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::testlog::{Entry, FACTS, REDELIVERY, RELEASE, START, TestLog, act_blind, person_blind};
    use super::*;

    fn leaf(index: usize) -> Leaf {
        Leaf::parse(&TestLog::story().entries[index].leaf(index)).unwrap()
    }

    #[test]
    fn every_type_is_its_byte_and_its_name() {
        let table = [
            (1, "init"),
            (2, "activation"),
            (3, "key-added"),
            (4, "key-retired"),
            (5, "client-stop"),
            (6, "proposal"),
            (7, "approval"),
            (8, "rehearsal"),
            (9, "register"),
            (16, "submission"),
            (17, "consent"),
            (18, "consent-refused"),
            (19, "withdrawal"),
            (20, "erasure"),
            (21, "consent-suspended"),
            (22, "consent-lapsed"),
            (23, "consent-carried"),
            (24, "attestation"),
            (25, "consent-expired"),
            (26, "status"),
            (32, "check"),
            (33, "release"),
            (34, "redelivery"),
            (35, "refusal"),
            (36, "informed"),
            (48, "officer-read"),
            (49, "opening"),
        ];
        assert_eq!(Event::ALL.map(|event| (event.byte(), event.name())), table);
        let known: Vec<u8> = (0..=u8::MAX).filter(|byte| Event::from_byte(*byte).is_some()).collect();
        assert_eq!(known, table.map(|(byte, _)| byte));
    }

    #[test]
    fn reads_the_fields_where_the_format_puts_them() {
        let leaf = leaf(RELEASE);
        assert_eq!((leaf.event(), leaf.time()), (Event::Release, START + 6));
        assert_eq!(leaf.rules(), &[0xA1; 32]);
    }

    #[test]
    fn refuses_every_other_form() {
        let good = TestLog::story().entries[0].leaf(0);
        let with = |at: usize, byte: u8| {
            let mut leaf = good.clone();
            leaf[at] = byte;
            Leaf::parse(&leaf)
        };
        assert!(matches!(with(0, 2), Err(Fault::Malformed { .. })), "version");
        assert_eq!(with(1, 77), Err(Fault::UnknownType(77)));
        for at in [2, 3, 108, 127] {
            assert!(matches!(with(at, 1), Err(Fault::Malformed { .. })), "byte {at}");
        }
        for length in [0, 127] {
            assert!(Leaf::parse(&good[..length]).is_err(), "{length} bytes");
        }
        assert!(Leaf::parse(&[&good[..], &[0]].concat()).is_err(), "129 bytes");
    }

    #[test]
    fn opens_what_it_commits_to_and_nothing_else() {
        let story = TestLog::story();
        let entry = &story.entries[RELEASE];
        let (leaf, blind) = (leaf(RELEASE), act_blind(RELEASE));
        assert_eq!(leaf.open_act(&blind, &entry.act_payload()).unwrap(), entry.act);
        assert_eq!(leaf.open_person(&person_blind(RELEASE), &entry.person_payload()).unwrap(), entry.person);

        let other = Fault::Commitment("act");
        assert_eq!(leaf.open_act(&act_blind(0), &entry.act_payload()), Err(other.clone()), "another blind");
        assert_eq!(leaf.open_act(&blind, &entry.act_payload().replace("r1", "r2")), Err(other), "another payload");
        let person = leaf.open_person(&blind, &entry.act_payload());
        assert_eq!(person, Err(Fault::Commitment("person part")), "the act is not the person part");
    }

    #[test]
    fn opens_the_rule_facts_of_an_act() {
        let story = TestLog::story();
        let (leaf, act) = (leaf(RELEASE), &story.entries[RELEASE].act);
        assert_eq!(leaf.open_facts(act, &FACTS.1, FACTS.0).unwrap(), json!({"consent": "given", "uses_left": 1}));
        assert_eq!(leaf.open_facts(act, &[0; 32], FACTS.0), Err(Fault::Commitment("rule facts")));
        assert_eq!(leaf.open_facts(&json!({}), &FACTS.1, FACTS.0), Err(Fault::Commitment("rule facts")));
        // The type is part of what is committed: the facts of a release are not those of its redelivery.
        let redelivery = self::leaf(REDELIVERY);
        assert!(redelivery.open_facts(&story.entries[REDELIVERY].act, &FACTS.1, FACTS.0).is_ok());
        assert_eq!(redelivery.open_facts(act, &FACTS.1, FACTS.0), Err(Fault::Commitment("rule facts")));
    }

    #[test]
    fn refuses_acts_that_are_not_canonical_or_not_of_the_type() {
        let open = |text: &str| {
            let entry = Entry { act_text: Some(text.to_owned()), ..TestLog::story().entries[0].clone() };
            Leaf::parse(&entry.leaf(0)).unwrap().open_act(&act_blind(0), text)
        };
        assert!(open(r#"{"event":"init","v":1}"#).is_ok());
        let not_canonical = [
            r#"{"v":1,"event":"init"}"#,
            r#"{"event": "init","v":1}"#,
            r#"{"event":"init","v":1.0}"#,
            r#"{"event":"init","v":1,"x":1.5}"#,
            r#"{"event":"init","v":1,"x":[{"y":-0}]}"#,
            r#"{"event":"init","v":1,"x":9007199254740992}"#,
            r#"{"event":"init","v":1,"x":18446744073709551615}"#,
            r#"{"event":"init","v":1,"v":1}"#,
            r#"{"event":"\u0069nit","v":1}"#,
            r#"["init",1]"#,
            "{",
            "",
        ];
        for text in not_canonical {
            assert_eq!(open(text), Err(Fault::NotCanonical("act")), "{text}");
        }
        for text in [r#"{"event":"consent","v":1}"#, r#"{"event":"init","v":2}"#, r#"{"event":"init"}"#, r#"{"v":1}"#] {
            assert!(matches!(open(text), Err(Fault::Malformed { what: "act", .. })), "{text}");
        }
    }

    #[test]
    fn members_are_sorted_by_utf_16_code_units() {
        // The example of RFC 8785, section 3.2.3.
        let sorted = "{\"\\r\":1,\"1\":2,\"\u{80}\":3,\"ö\":4,\"€\":5,\"😀\":6,\"\u{fb33}\":7}";
        assert!(canonical("act", sorted).is_ok());
        let by_code_point = "{\"\\r\":1,\"1\":2,\"\u{80}\":3,\"ö\":4,\"€\":5,\"\u{fb33}\":7,\"😀\":6}";
        assert!(canonical("act", by_code_point).is_err());
    }

    /// Any value without fractions.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1_i64 << 53) + 1..1 << 53).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_form_is_that_of_the_crate(value in values()) {
            let value = json!({ "value": value });
            let text = serde_json_canonicalizer::to_string(&value).unwrap();
            prop_assert_eq!(canonical("act", &text), Ok(value));
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Leaf::parse(&bytes);
        }

        #[test]
        fn reading_loses_nothing(at in 0..128_usize, bit in 0..8_u32) {
            let good = TestLog::story().entries[RELEASE].leaf(RELEASE);
            let mut other = good.clone();
            other[at] ^= 1 << bit;
            prop_assert_ne!(Leaf::parse(&other), Leaf::parse(&good));
        }
    }
}
