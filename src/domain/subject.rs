//! Whose information it is, and who may act for them. Age and mandates come from the identity service, never from a form.

use serde::{Deserialize, Serialize};

use super::{Claim, SubjectId};
use crate::clock::{Day, Moment};

/// Age from which a minor decides alone (s. 53.1).
pub const AGE_OF_OWN_CONSENT: u16 = 14;

/// Age at which the power of parents and of minors' tutors ends.
const MAJORITY: u16 = 18;

/// What a subject (*titulaire*) is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A natural person (*personne concernée*): gives a consent.
    Person,
    /// A business with a NEQ: gives an *autorisation*, never a consent.
    Enterprise,
}

impl SubjectKind {
    /// What such a subject's yes is, as acts and tokens name the basis: the Act knows the consent of persons alone.
    pub const fn basis(self) -> &'static str {
        match self {
            Self::Person => "consent",
            Self::Enterprise => "authorisation",
        }
    }
}

/// What the identity service said of a subject at this sign-in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identified {
    /// Person or enterprise.
    pub kind: SubjectKind,
    /// Name as the identity service gives it.
    pub name: String,
    /// Birth date of a person, where given.
    pub born: Option<Day>,
}

impl Identified {
    /// What the identity service said under this claim.
    pub fn claim(&self, claim: Claim) -> Option<String> {
        match claim {
            Claim::Name => Some(self.name.clone()),
            Claim::Birthdate => self.born.map(|born| born.to_string()),
        }
    }

    /// Whether the person is under 14 on `day`; a person whose age is not known is treated as if.
    pub fn under_14(&self, day: Day) -> bool {
        self.kind == SubjectKind::Person && self.born.is_none_or(|born| born.age_on(day) < AGE_OF_OWN_CONSENT)
    }

    /// Whether the person is known to be of full age on `day`.
    pub fn of_full_age(&self, day: Day) -> bool {
        self.kind == SubjectKind::Person && self.born.is_some_and(|born| born.age_on(day) >= MAJORITY)
    }

    /// Whether the person is known to be a minor on `day`.
    pub fn minor(&self, day: Day) -> bool {
        self.kind == SubjectKind::Person && self.born.is_some_and(|born| born.age_on(day) < MAJORITY)
    }
}

/// A power to act for another subject (*mandat de représentation*).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mandate {
    /// What kind of power.
    pub kind: MandateKind,
    /// What shows it: the identity service's reference.
    pub evidence: String,
    /// Who verified it.
    pub verifier: String,
    /// When it ends.
    pub until: Option<Moment>,
}

impl Mandate {
    /// Whether who holds it may decide for `who` on the day of `now`.
    pub fn allows(&self, who: &Identified, now: Moment) -> bool {
        self.until.is_none_or(|end| now < end) && self.kind.fits(who, now.day())
    }
}

/// Kinds of mandate that the identity services give so far.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MandateKind {
    /// Holder of parental authority.
    Parent,
    /// Tutor to a minor.
    Tutor,
    /// Signing officer of an enterprise.
    SigningOfficer,
}

impl MandateKind {
    /// The kind as written in records and rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Tutor => "tutor",
            Self::SigningOfficer => "signing-officer",
        }
    }
}

/// Who did something for a subject: the subject, or a representative with a mandate.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "as")]
pub enum Giver {
    /// The subject in person.
    Subject,
    /// A representative.
    Representative {
        /// The representative's own subject id.
        representative: SubjectId,
        /// The power.
        mandate: Mandate,
    },
}

impl Giver {
    /// Whether this giver may decide for `who` on the day of `now` (s. 53.1; C-1.1 for enterprises' officers).
    pub fn may_decide_for(&self, who: &Identified, now: Moment) -> bool {
        match (self, who.kind) {
            (Self::Subject, SubjectKind::Person) => !who.under_14(now.day()),
            (Self::Subject, SubjectKind::Enterprise) => false,
            (Self::Representative { mandate, .. }, _) => mandate.allows(who, now),
        }
    }

    /// Whether a parent or a minor's tutor decided for `who`, and `who` is of full age on `day`.
    pub fn outgrown(&self, who: &Identified, day: Day) -> bool {
        match self {
            Self::Representative { mandate, .. } => {
                matches!(mandate.kind, MandateKind::Parent | MandateKind::Tutor) && who.of_full_age(day)
            }
            Self::Subject => false,
        }
    }
}

impl MandateKind {
    fn fits(self, who: &Identified, day: Day) -> bool {
        match self {
            Self::SigningOfficer => who.kind == SubjectKind::Enterprise,
            Self::Parent | Self::Tutor => who.minor(day),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(born: &str) -> Identified {
        Identified { kind: SubjectKind::Person, name: "Zoé".into(), born: Some(born.parse().unwrap()) }
    }

    fn representative(kind: MandateKind) -> Giver {
        let mandate = Mandate { kind, evidence: "acte".into(), verifier: "service".into(), until: None };
        Giver::Representative { representative: SubjectId::new([1; 16]), mandate }
    }

    #[test]
    fn own_power_begins_at_fourteen() {
        let now: Moment = "2026-11-21T17:00:00Z".parse().unwrap();
        assert!(!Giver::Subject.may_decide_for(&person("2012-11-22"), now));
        assert!(Giver::Subject.may_decide_for(&person("2012-11-21"), now));
        let ageless = Identified { born: None, ..person("2000-01-01") };
        assert!(!Giver::Subject.may_decide_for(&ageless, now));
    }

    #[test]
    fn a_mandate_ends_at_its_moment() {
        let now: Moment = "2026-11-21T17:00:00Z".parse().unwrap();
        let Giver::Representative { mandate, .. } = representative(MandateKind::Tutor) else { unreachable!() };
        let until = |until| Mandate { until: Some(until), ..mandate.clone() };
        assert!(until(now.plus(1)).allows(&person("2013-01-01"), now));
        assert!(!until(now).allows(&person("2013-01-01"), now));
    }

    #[test]
    fn a_parent_decides_until_majority_and_never_for_an_enterprise() {
        let now: Moment = "2026-11-21T17:00:00Z".parse().unwrap();
        let parent = representative(MandateKind::Parent);
        assert!(parent.may_decide_for(&person("2013-01-01"), now));
        assert!(parent.may_decide_for(&person("2010-01-01"), now));
        assert!(!parent.may_decide_for(&person("2008-11-21"), now));
        let enterprise = Identified { kind: SubjectKind::Enterprise, name: "Sirop inc.".into(), born: None };
        assert!(!parent.may_decide_for(&enterprise, now));
        assert!(representative(MandateKind::SigningOfficer).may_decide_for(&enterprise, now));
        assert!(!Giver::Subject.may_decide_for(&enterprise, now));
    }
}
