//! What the log records: one table of event types, for ever (`ledger/FORMAT.md`).

use std::fmt;
use std::str::FromStr;

use super::BadName;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $byte:literal, $text:literal;)*) => {
        /// The type of a log entry.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(u8)]
        pub enum Event {
            $($(#[$doc])* $name = $byte,)*
        }

        impl Event {
            /// Every type.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The byte in the leaf.
            pub const fn byte(self) -> u8 {
                self as u8
            }

            /// The name in the act part.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

events! {
    /// The log begins.
    Init = 1, "init";
    /// Rules and catalogue come into force.
    Activation = 2, "activation";
    /// A key enters.
    KeyAdded = 3, "key-added";
    /// A key leaves.
    KeyRetired = 4, "key-retired";
    /// A client is stopped.
    ClientStop = 5, "client-stop";
    /// A change of the catalogue is proposed.
    Proposal = 6, "proposal";
    /// A proposed change is approved.
    Approval = 7, "approval";
    /// Rules were rehearsed on what was decided before.
    Rehearsal = 8, "rehearsal";
    /// A statutory register gains what no release writes.
    Register = 9, "register";
    /// A person confirmed a draft: it is a record.
    Submission = 16, "submission";
    /// A consent is given.
    Consent = 17, "consent";
    /// A consent is refused.
    ConsentRefused = 18, "consent-refused";
    /// A consent is withdrawn.
    Withdrawal = 19, "withdrawal";
    /// A person's keys of some classes are destroyed.
    Erasure = 20, "erasure";
    /// A consent is suspended: nothing is released under it until it is carried.
    ConsentSuspended = 21, "consent-suspended";
    /// A consent has lapsed, for ever.
    ConsentLapsed = 22, "consent-lapsed";
    /// A consent is carried to the body that succeeds, and stands.
    ConsentCarried = 23, "consent-carried";
    /// A body attests values of a subject.
    Attestation = 24, "attestation";
    /// A consent has run out.
    ConsentExpired = 25, "consent-expired";
    /// A subject's status changes: a death, the end of a mandate.
    Status = 26, "status";
    /// A portal asked what is on file.
    Check = 32, "check";
    /// A release is authorised.
    Release = 33, "release";
    /// A release is delivered again.
    Redelivery = 34, "redelivery";
    /// An authenticated ask is refused.
    Refusal = 35, "refusal";
    /// A person was told that a body gets information without their consent.
    Informed = 36, "informed";
    /// An officer looked.
    OfficerRead = 48, "officer-read";
    /// An export was opened.
    Opening = 49, "opening";
}

impl Event {
    /// The type whose leaf byte is `byte`.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.byte() == byte)
    }
}

impl FromStr for Event {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::ALL.iter().copied().find(|event| event.as_str() == text).ok_or(BadName("event"))
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_round_trips_and_matches_the_format_page() {
        let page = include_str!("../ledger/FORMAT.md");
        for event in Event::ALL.iter().copied() {
            assert_eq!(Event::from_byte(event.byte()), Some(event));
            assert_eq!(event.as_str().parse(), Ok(event));
            assert!(page.contains(&format!("| {} | `{event}` |", event.byte())), "{event} is not on the page");
        }
    }
}
