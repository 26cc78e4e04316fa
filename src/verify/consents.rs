//! The consents that an export tells of, from stage to stage, and what is released under them (P2, P5).
//!
//! What it is: what the person parts of one log say of each consent: whose it is, which body and client may have releases
//! under it, until when, how often, and whether it stands.
//!
//! What it is not: it does not say that a part is the one that its leaf commits to (`leaf`), nor that a consent is good in
//! law. What is erased is not followed.
//!
//! INVARIANT: nothing is released under a consent that does not stand, nor to another body or client than its own.

use std::collections::HashMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::history::rule;
use super::{Event, Fault, Leaf, base64url_32};

/// Stands for an identifier: 16 bytes of its SHA-256, so that what is kept is small and names nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Tag([u8; 16]);

impl Tag {
    pub(super) fn of(identifier: &Value) -> Self {
        let digest: [u8; 32] = Sha256::digest(identifier.to_string()).into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// The consents of the entries followed so far.
#[derive(Default)]
pub(super) struct Consents(HashMap<Tag, Consent>);

impl Consents {
    /// Follows the entry at `index`, which is about a person.
    pub(super) fn follow(&mut self, index: u64, leaf: &Leaf, act: &Value, person: &Value) -> Result<(), Fault> {
        match leaf.event() {
            Event::Consent | Event::ConsentRefused => self.decide(index, leaf.event(), act, person),
            Event::Withdrawal => self.withdraw(index, person),
            Event::Informed => words(act, person),
            Event::ConsentSuspended | Event::ConsentLapsed | Event::ConsentCarried | Event::ConsentExpired => {
                self.change(index, leaf, act, person)
            }
            Event::Release | Event::Redelivery => self.release(leaf, act, person),
            _ => Ok(()),
        }
    }

    fn decide(&mut self, index: u64, event: Event, act: &Value, person: &Value) -> Result<(), Fault> {
        let (id, subject) = (id(person)?, subject(person)?);
        let consent = match event {
            Event::Consent => {
                words(act, person)?;
                Consent::given(subject, act, person)?
            }
            _ => Consent { stage: Stage::Refused, since: index, ..Consent::unknown(subject) },
        };
        if self.0.insert(id, consent).is_some() {
            return Err(rule("it decides on a consent that was decided on or withdrawn before"));
        }
        Ok(())
    }

    /// What no entry gave can be withdrawn too: nothing may be released under it.
    fn withdraw(&mut self, index: u64, person: &Value) -> Result<(), Fault> {
        let subject = subject(person)?;
        let consent = self.0.entry(id(person)?).or_insert(Consent::unknown(subject));
        consent.is_of(subject)?;
        consent.goes_on(index, Event::Withdrawal)
    }

    fn change(&mut self, index: u64, leaf: &Leaf, act: &Value, person: &Value) -> Result<(), Fault> {
        let consent =
            self.0.get_mut(&id(person)?).ok_or(rule("no entry before it gives the consent that it changes"))?;
        consent.is_of(subject(person)?)?;
        consent.goes_on(index, leaf.event())?;
        match leaf.event() {
            Event::ConsentCarried => consent.to = to(act)?,
            Event::ConsentExpired if leaf.time() < consent.until => {
                return Err(rule("it comes before the end of its consent"));
            }
            _ => {}
        }
        Ok(())
    }

    /// A release rests on a consent, or has nothing to do with one.
    fn release(&mut self, leaf: &Leaf, act: &Value, person: &Value) -> Result<(), Fault> {
        if !matches!(act.get("basis").and_then(Value::as_str), Some("consent" | "authorisation")) {
            let tied = person.get("consent").is_some();
            return if tied { Err(rule("it is tied to a consent, which is not its basis")) } else { Ok(()) };
        }
        let id = id(person).map_err(|_| rule("it names no consent, its basis"))?;
        let consent = self.0.get_mut(&id).ok_or(rule("no entry before it gives the consent that it is under"))?;
        consent.is_of(subject(person)?)?;
        consent.stands(leaf.time())?;
        if to(act)? != consent.to {
            return Err(rule("it is not to the body and the client of its consent"));
        }
        if leaf.event() == Event::Release { consent.take_use() } else { Ok(()) }
    }
}

/// The words of the notice that are kept are those whose hash the act carries.
fn words(act: &Value, person: &Value) -> Result<(), Fault> {
    let kept = person.pointer("/text/fr").and_then(Value::as_str);
    let digest = act.get("notice").and_then(Value::as_str).and_then(base64url_32);
    match (kept, digest) {
        (Some(kept), Some(digest)) if <[u8; 32]>::from(Sha256::digest(kept)) == digest => Ok(()),
        _ => Err(rule("the words of its notice are not those that its act commits to")),
    }
}

/// A consent, as far as the entries so far have brought it.
struct Consent {
    subject: Tag,
    /// The body and the client that may have releases under it.
    to: Tag,
    until: u64,
    uses_left: u64,
    stage: Stage,
    /// The entry that brought it to its stage; not said of one that stands.
    since: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Given,
    Refused,
    Suspended,
    Lapsed,
    Expired,
    Withdrawn,
}

impl Stage {
    /// Where an entry of this type brings a consent; none where it cannot.
    fn after(self, event: Event) -> Option<Self> {
        match (event, self) {
            (Event::ConsentSuspended, Self::Given) => Some(Self::Suspended),
            (Event::ConsentCarried, Self::Given | Self::Suspended) => Some(Self::Given),
            (Event::ConsentLapsed, Self::Given | Self::Suspended) => Some(Self::Lapsed),
            (Event::ConsentExpired, Self::Given) => Some(Self::Expired),
            // A will may be stated of what carries nothing any more, and again.
            (Event::Withdrawal, Self::Given | Self::Suspended | Self::Expired | Self::Withdrawn) => {
                Some(Self::Withdrawn)
            }
            _ => None,
        }
    }

    /// What brought it there.
    fn noun(self) -> &'static str {
        match self {
            Self::Given => "giving",
            Self::Refused => "refusal",
            Self::Suspended => "suspension",
            Self::Lapsed => "lapse",
            Self::Expired => "expiry",
            Self::Withdrawn => "withdrawal",
        }
    }
}

impl Consent {
    fn given(subject: Tag, act: &Value, person: &Value) -> Result<Self, Fault> {
        let until = person.get("until").and_then(Value::as_u64).ok_or(rule("its consent has no end"))?;
        let uses_left = match person.get("max_uses") {
            Some(Value::Null) => Some(u64::MAX),
            uses => uses.and_then(Value::as_u64),
        };
        let uses_left = uses_left.ok_or(rule("its consent does not say how often it may be used"))?;
        Ok(Self { to: to(act)?, until, uses_left, ..Self::unknown(subject) })
    }

    /// A consent that no entry gave: nobody may have anything under it.
    fn unknown(subject: Tag) -> Self {
        Self { subject, to: Tag::default(), until: 0, uses_left: 0, stage: Stage::Given, since: 0 }
    }

    fn goes_on(&mut self, index: u64, event: Event) -> Result<(), Fault> {
        let after = self.stage.after(event).ok_or_else(|| self.late())?;
        if after != self.stage {
            (self.stage, self.since) = (after, index);
        }
        Ok(())
    }

    fn stands(&self, time: u64) -> Result<(), Fault> {
        match self.stage {
            Stage::Given if time >= self.until => Err(rule("it comes after the end of its consent")),
            Stage::Given => Ok(()),
            _ => Err(self.late()),
        }
    }

    fn late(&self) -> Fault {
        let (noun, since) = (self.stage.noun(), self.since);
        Fault::Rule(format!("it comes after the {noun} of its consent at entry {since}").into())
    }

    fn take_use(&mut self) -> Result<(), Fault> {
        let left = self.uses_left.checked_sub(1);
        self.uses_left = left.ok_or(rule("it is one use more than its consent allows"))?;
        Ok(())
    }

    fn is_of(&self, subject: Tag) -> Result<(), Fault> {
        if self.subject == subject { Ok(()) } else { Err(rule("its subject is not the one of its consent")) }
    }
}

fn id(person: &Value) -> Result<Tag, Fault> {
    let id = person.get("consent").filter(|consent| consent.is_string());
    id.map(Tag::of).ok_or(rule("its person part names no consent"))
}

fn subject(person: &Value) -> Result<Tag, Fault> {
    person.get("subject").map(Tag::of).ok_or(rule("its person part names no subject"))
}

/// The body and the client that an act is to.
fn to(act: &Value) -> Result<Tag, Fault> {
    let member = |name: &str| act.get(name).filter(|member| member.is_string());
    let both = member("receiving").zip(member("client"));
    both.map(|both| Tag::of(&json!([both.0, both.1]))).ok_or(rule("it does not say to which body and client it is"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testlog::{
        CONSENT, LAST_RELEASE, REDELIVERY, RELEASE, START, TestLog, WITHDRAWAL, departs, told,
    };

    /// What an entry of each type that changes a stage is called in the log.
    const SUSPENDED: (u8, &str) = (21, "consent-suspended");
    const LAPSED: (u8, &str) = (22, "consent-lapsed");
    const EXPIRED: (u8, &str) = (25, "consent-expired");
    const WITHDRAWN: (u8, &str) = (19, "withdrawal");

    /// Brings the consent that stands, `c3`, through these stages, after its end.
    fn through(log: &mut TestLog, stages: &[(u8, &str)]) {
        log.entries[16].person["until"] = json!(START + 20);
        for (kind, event) in stages {
            log.add_stage(*kind, event, "s3", "c3");
        }
    }

    #[test]
    fn the_words_of_a_notice_are_those_that_the_act_commits_to() {
        let other = "the words of its notice are not those that its act commits to";
        departs(CONSENT, other, |log| log.entries[CONSENT].person["text"]["fr"] = json!("Avis."));
        departs(CONSENT, other, |log| drop(log.entries[CONSENT].person.as_object_mut().unwrap().remove("text")));
        departs(CONSENT, other, |log| log.entries[CONSENT].act["notice"] = json!(null));
        departs(25, other, |log| {
            log.add(36, "informed", json!({"notice": null}), json!({"subject": "s1", "text": {"fr": "Avis"}}));
        });
    }

    #[test]
    fn nothing_is_released_after_a_withdrawal() {
        let late = "it comes after the withdrawal of its consent at entry 12";
        departs(25, late, |log| log.add_release("s1", Some("c1"), "r9"));
        departs(25, late, |log| log.add_redelivery("s1", "c1", "r1", 6));
        departs(17, "it comes after the withdrawal of its consent at entry 12", |log| {
            log.entries[17].person["consent"] = json!("c1");
            log.entries[17].person["subject"] = json!("s1");
        });
        // A second withdrawal changes nothing.
        departs(26, late, |log| {
            let again = log.entries[WITHDRAWAL].clone();
            log.add(19, "withdrawal", again.act, again.person);
            log.add_release("s1", Some("c1"), "r9");
        });
        // What was withdrawn cannot be given again, nor what was withdrawn before it was given.
        let again = "it decides on a consent that was decided on or withdrawn before";
        departs(25, again, |log| log.add_consent("s1", "c1", Some(9)));
        departs(25, again, |log| log.add_consent("s3", "c4", Some(9)));
        departs(25, again, |log| log.add_stage(18, "consent-refused", "s3", "c3"));
        departs(26, again, |log| {
            log.add_stage(19, "withdrawal", "s1", "c9");
            log.add_consent("s1", "c9", Some(9));
        });
    }

    #[test]
    fn a_consent_goes_from_stage_to_stage_as_the_law_knows_them() {
        for stages in [
            &[SUSPENDED, LAPSED][..],
            &[SUSPENDED, WITHDRAWN],
            &[EXPIRED, WITHDRAWN],
            &[LAPSED],
            &[WITHDRAWN, WITHDRAWN],
        ] {
            assert_eq!(told(|log| through(log, stages)).departs, None, "{stages:?}");
        }
        for (first, noun) in
            [(SUSPENDED, "suspension"), (LAPSED, "lapse"), (EXPIRED, "expiry"), (WITHDRAWN, "withdrawal")]
        {
            for next in [SUSPENDED, LAPSED, EXPIRED, WITHDRAWN] {
                let may = match first {
                    SUSPENDED => next == LAPSED || next == WITHDRAWN,
                    EXPIRED | WITHDRAWN => next == WITHDRAWN,
                    _ => false,
                };
                if !may {
                    let late = format!("it comes after the {noun} of its consent at entry 25");
                    departs(26, &late, |log| through(log, &[first, next]));
                }
            }
        }
        // None of them gives anything back but the carrying of one that is suspended.
        for (stage, noun) in [(LAPSED, "lapse"), (EXPIRED, "expiry"), (WITHDRAWN, "withdrawal")] {
            let late = format!("it comes after the {noun} of its consent at entry 25");
            departs(26, &late, |log| {
                through(log, &[stage]);
                log.add_carried("s3", "c3");
            });
        }
        let refused = "it comes after the refusal of its consent at entry 20";
        for (kind, event) in [SUSPENDED, LAPSED, EXPIRED, WITHDRAWN] {
            departs(25, refused, |log| log.add_stage(kind, event, "s3", "c4"));
        }
        departs(25, "it comes before the end of its consent", |log| {
            log.add_stage(25, "consent-expired", "s3", "c3");
        });
        departs(25, "no entry before it gives the consent that it changes", |log| {
            log.add_stage(21, "consent-suspended", "s3", "c9");
        });
        departs(25, "its subject is not the one of its consent", |log| {
            log.add_stage(21, "consent-suspended", "s1", "c3");
        });
    }

    #[test]
    fn nothing_is_released_under_a_consent_that_does_not_stand() {
        for (stage, noun) in [(SUSPENDED, "suspension"), (LAPSED, "lapse"), (EXPIRED, "expiry")] {
            let late = format!("it comes after the {noun} of its consent at entry 25");
            departs(26, &late, |log| {
                through(log, &[stage]);
                log.add_release("s3", Some("c3"), "r9");
            });
            departs(26, &late, |log| {
                through(log, &[stage]);
                log.add_redelivery("s3", "c3", "r4", 17);
            });
        }
        departs(25, "it comes after the refusal of its consent at entry 20", |log| {
            log.add_release("s3", Some("c4"), "r9");
        });
    }

    #[test]
    fn what_is_carried_is_released_to_the_body_that_succeeds() {
        let other = "it is not to the body and the client of its consent";
        departs(26, other, |log| {
            log.add_carried("s3", "c3");
            log.add_release("s3", Some("c3"), "r9");
        });
        let carried = |log: &mut TestLog| {
            log.add_carried("s3", "c3");
            log.add_release("s3", Some("c3"), "r9");
            log.carry_last();
        };
        assert_eq!(told(carried).departs, None);
        for member in ["receiving", "client"] {
            departs(RELEASE, other, |log| log.entries[RELEASE].act[member] = json!("logis"));
            let nobody = "it does not say to which body and client it is";
            for entry in [CONSENT, RELEASE] {
                departs(entry, nobody, |log| log.entries[entry].act[member] = json!(null));
            }
            departs(25, nobody, |log| {
                log.add_carried("s3", "c3");
                log.last().act[member] = json!(null);
            });
        }
    }

    #[test]
    fn nothing_is_released_beyond_a_consent() {
        departs(LAST_RELEASE, "it is one use more than its consent allows", |log| {
            log.entries[CONSENT].person["max_uses"] = json!(1);
        });
        departs(RELEASE, "it is one use more than its consent allows", |log| {
            log.entries[CONSENT].person["max_uses"] = json!(0);
        });
        departs(RELEASE, "it comes after the end of its consent", |log| {
            log.entries[CONSENT].person["until"] = json!(START + 6);
        });
        departs(REDELIVERY, "it comes after the end of its consent", |log| {
            log.entries[CONSENT].person["until"] = json!(START + 7);
        });
        assert!(told(|log| log.entries[CONSENT].person["until"] = json!(START + 12)).ok, "its last second is its own");
        departs(CONSENT, "its consent has no end", |log| log.entries[CONSENT].person["until"] = json!("never"));
        departs(CONSENT, "its consent does not say how often it may be used", |log| {
            log.entries[CONSENT].person.as_object_mut().unwrap().remove("max_uses");
        });
        departs(RELEASE, "no entry before it gives the consent that it is under", |log| {
            log.entries[RELEASE].person["consent"] = json!("c9");
        });
        departs(RELEASE, "it names no consent, its basis", |log| log.entries[RELEASE].person["consent"] = json!(null));
        departs(RELEASE, "its subject is not the one of its consent", |log| {
            log.entries[RELEASE].person["subject"] = json!("s2");
        });
        departs(CONSENT + 20, "its subject is not the one of its consent", |log| {
            log.add_stage(19, "withdrawal", "s1", "c3");
        });
        departs(3, "it is about a person, which entries of its type are not", |log| {
            log.entries[3].person = json!({"subject": "s1"});
        });
    }
}
