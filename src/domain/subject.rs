//! Whose information it is, and who may act for them. Age and mandates come from the identity service, never from a form.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Claim, PurposeId, SubjectId};
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
    /// How far it goes.
    pub scope: MandateScope,
    /// When it begins.
    pub from: Option<Moment>,
    /// When it ends.
    pub until: Option<Moment>,
}

/// How far a mandate goes, as who verified it says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MandateScope {
    /// The acts.
    pub acts: BTreeSet<MandateAct>,
    /// The purposes; none is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purposes: Option<BTreeSet<PurposeId>>,
}

impl MandateScope {
    /// Every act, for every purpose.
    pub fn whole() -> Self {
        Self { acts: MandateAct::ALL.into(), purposes: None }
    }
}

/// What may be done for another.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MandateAct {
    /// Say yes or no.
    Decide,
    /// Confirm information.
    Submit,
    /// See what is kept and what was released.
    View,
    /// Take a consent back.
    Withdraw,
}

impl MandateAct {
    /// Every act.
    pub const ALL: [Self; 4] = [Self::Decide, Self::Submit, Self::View, Self::Withdraw];
}

impl Mandate {
    /// Whether who holds it may do `act` for `who` at `now`.
    pub fn allows(&self, act: MandateAct, who: &Identified, now: Moment) -> bool {
        self.holds(who, now) && self.scope.acts.contains(&act) && self.kind.reaches(act)
    }

    /// Whether it lets its holder do anything for `who` at `now`.
    pub fn holds(&self, who: &Identified, now: Moment) -> bool {
        let begun = self.from.is_none_or(|begin| begin <= now);
        begun && self.until.is_none_or(|end| now < end) && self.kind.fits(who, now.day())
    }
}

/// Kinds of mandate that identity services vouch for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MandateKind {
    /// Holder of parental authority.
    Parent,
    /// Tutor to a minor.
    Tutor,
    /// Tutor to a person of full age.
    TutorOfFullAge,
    /// Mandatary under a homologated protection mandate (*mandat de protection homologué*).
    ProtectionMandate,
    /// Representative for a time, authorised by a court (*représentation temporaire*).
    TemporaryRepresentation,
    /// Liquidator of the succession of a person who died: sees and takes back, and decides nothing for the dead.
    Liquidator,
    /// Signing officer of an enterprise.
    SigningOfficer,
}

impl MandateKind {
    /// The kind as written in records and rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Tutor => "tutor",
            Self::TutorOfFullAge => "tutor-of-full-age",
            Self::ProtectionMandate => "protection-mandate",
            Self::TemporaryRepresentation => "temporary-representation",
            Self::Liquidator => "liquidator",
            Self::SigningOfficer => "signing-officer",
        }
    }

    /// Whether it always names its end.
    pub const fn is_for_a_time(self) -> bool {
        matches!(self, Self::TemporaryRepresentation)
    }

    /// Whether such a power is one over `who` on `day`.
    fn fits(self, who: &Identified, day: Day) -> bool {
        match self {
            Self::SigningOfficer => who.kind == SubjectKind::Enterprise,
            Self::Parent | Self::Tutor => who.minor(day),
            Self::TutorOfFullAge | Self::TemporaryRepresentation => who.of_full_age(day),
            Self::ProtectionMandate | Self::Liquidator => who.kind == SubjectKind::Person,
        }
    }

    /// Whether such a power can extend to `act` at all.
    pub const fn reaches(self, act: MandateAct) -> bool {
        !matches!((self, act), (Self::Liquidator, MandateAct::Decide | MandateAct::Submit))
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
    /// Whether this giver may do `act` for `who` at `now` (s. 53.1; C-1.1 for enterprises' officers).
    pub fn may(&self, act: MandateAct, who: &Identified, now: Moment) -> bool {
        match (self, who.kind) {
            (Self::Subject, SubjectKind::Person) => !who.under_14(now.day()),
            (Self::Subject, SubjectKind::Enterprise) => false,
            (Self::Representative { mandate, .. }, _) => mandate.allows(act, who, now),
        }
    }

    /// The power, of a representative.
    pub const fn mandate(&self) -> Option<&Mandate> {
        match self {
            Self::Subject => None,
            Self::Representative { mandate, .. } => Some(mandate),
        }
    }

    /// Whether the power extends to this purpose.
    pub fn covers(&self, purpose: &PurposeId) -> bool {
        let purposes = self.mandate().and_then(|mandate| mandate.scope.purposes.as_ref());
        purposes.is_none_or(|purposes| purposes.contains(purpose))
    }

    /// Whether a parent or a minor's tutor decided for `who`, and `who` is of full age on `day`.
    pub fn outgrown(&self, who: &Identified, day: Day) -> bool {
        let of_minors = |mandate: &Mandate| matches!(mandate.kind, MandateKind::Parent | MandateKind::Tutor);
        self.mandate().is_some_and(of_minors) && who.of_full_age(day)
    }
}

/// What is known of a subject besides what the identity service says: recorded by an officer, with evidence.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SubjectStatus {
    /// The day on which the person died.
    pub died: Option<Day>,
    /// The mandates that have ended, each by its evidence.
    pub ended: BTreeSet<String>,
}

impl SubjectStatus {
    /// The status once this has happened too.
    #[must_use]
    pub fn after(mut self, change: &StatusChange) -> Self {
        match change {
            StatusChange::Died { on } => self.died = Some(*on),
            StatusChange::MandateEnded { mandate } => drop(self.ended.insert(mandate.clone())),
        }
        self
    }

    /// Whether the mandate under which `giver` acts has ended.
    pub fn has_ended(&self, giver: &Giver) -> bool {
        giver.mandate().is_some_and(|mandate| self.ended.contains(&mandate.evidence))
    }
}

/// What changes in a subject's status.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum StatusChange {
    /// The person died.
    Died {
        /// On this day.
        on: Day,
    },
    /// A mandate ended before its time.
    MandateEnded {
        /// The evidence of the mandate.
        mandate: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(born: &str) -> Identified {
        Identified { kind: SubjectKind::Person, name: "Zoé".into(), born: Some(born.parse().unwrap()) }
    }

    fn mandate(kind: MandateKind) -> Mandate {
        let (evidence, verifier) = ("acte".to_owned(), "service".to_owned());
        Mandate { kind, evidence, verifier, scope: MandateScope::whole(), from: None, until: None }
    }

    fn holder(mandate: Mandate) -> Giver {
        Giver::Representative { representative: SubjectId::new([1; 16]), mandate }
    }

    fn now() -> Moment {
        "2026-11-21T17:00:00Z".parse().unwrap()
    }

    fn enterprise() -> Identified {
        Identified { kind: SubjectKind::Enterprise, name: "Sirop inc.".into(), born: None }
    }

    #[test]
    fn own_power_begins_at_fourteen() {
        let decides = |who: &Identified| Giver::Subject.may(MandateAct::Decide, who, now());
        assert!(!decides(&person("2012-11-22")));
        assert!(decides(&person("2012-11-21")));
        assert!(!decides(&Identified { born: None, ..person("2000-01-01") }));
        assert!(!decides(&enterprise()));
    }

    #[test]
    fn a_mandate_begins_and_ends_at_its_moments() {
        let tutor = mandate(MandateKind::Tutor);
        let allows = |mandate: Mandate| mandate.allows(MandateAct::Decide, &person("2013-01-01"), now());
        assert!(allows(Mandate { until: Some(now().plus(1)), ..tutor.clone() }));
        assert!(!allows(Mandate { until: Some(now()), ..tutor.clone() }));
        assert!(allows(Mandate { from: Some(now()), ..tutor.clone() }));
        assert!(!allows(Mandate { from: Some(now().plus(1)), ..tutor }));
    }

    /// Of whom a power of each kind is one: a child of 13, one of 17, a person of 18, an enterprise.
    #[test]
    fn a_power_is_one_over_those_whom_the_law_puts_under_it() {
        let subjects = [person("2013-01-01"), person("2008-11-22"), person("2008-11-21"), enterprise()];
        let table = [
            (MandateKind::Parent, [true, true, false, false]),
            (MandateKind::Tutor, [true, true, false, false]),
            (MandateKind::TutorOfFullAge, [false, false, true, false]),
            (MandateKind::ProtectionMandate, [true, true, true, false]),
            (MandateKind::TemporaryRepresentation, [false, false, true, false]),
            (MandateKind::Liquidator, [true, true, true, false]),
            (MandateKind::SigningOfficer, [false, false, false, true]),
        ];
        for (kind, expected) in table {
            let reached = subjects.each_ref().map(|who| mandate(kind).allows(MandateAct::Withdraw, who, now()));
            assert_eq!(reached, expected, "{}", kind.as_str());
        }
        let ageless = Identified { born: None, ..person("2000-01-01") };
        assert!(!mandate(MandateKind::Parent).holds(&ageless, now()));
        assert!(!mandate(MandateKind::TutorOfFullAge).holds(&ageless, now()));
    }

    #[test]
    fn a_mandate_goes_no_further_than_its_scope() {
        let adult = person("1980-01-01");
        let protection = mandate(MandateKind::ProtectionMandate);
        let to_see = MandateScope { acts: [MandateAct::View].into(), purposes: None };
        let narrow = Mandate { scope: to_see, ..protection.clone() };
        assert!(narrow.allows(MandateAct::View, &adult, now()) && !narrow.allows(MandateAct::Decide, &adult, now()));
        let purposes = Some(["aide-etudes".parse().unwrap()].into());
        let for_one = Mandate { scope: MandateScope { purposes, ..MandateScope::whole() }, ..protection };
        assert!(holder(for_one.clone()).covers(&"aide-etudes".parse().unwrap()));
        assert!(!holder(for_one).covers(&"changement-adresse".parse().unwrap()));
    }

    #[test]
    fn a_liquidator_sees_and_takes_back_and_decides_nothing() {
        let liquidator = mandate(MandateKind::Liquidator);
        let may = MandateAct::ALL.map(|act| liquidator.allows(act, &person("1950-01-01"), now()));
        assert_eq!(may, [false, false, true, true]);
    }

    #[test]
    fn a_status_keeps_what_happened_before() {
        let parent = holder(mandate(MandateKind::Parent));
        let ended = StatusChange::MandateEnded { mandate: "acte".to_owned() };
        let died = StatusChange::Died { on: "2026-11-20".parse().unwrap() };
        let status = SubjectStatus::default().after(&ended).after(&died);
        assert!(status.died.is_some() && status.has_ended(&parent));
        assert!(!status.has_ended(&Giver::Subject));
        assert!(!SubjectStatus::default().after(&died).has_ended(&parent));
    }
}
