//! The people of the trial environment: fictional, and always of the age that they are for.

use serde::Serialize;

use crate::clock::Day;
use crate::domain::MandateKind;

/// Someone to sign in as.
#[derive(Debug, Serialize)]
pub struct Persona {
    /// The identifier at the issuer.
    pub sub: &'static str,
    /// What the persona is for.
    pub about: About,
    /// The name.
    pub name: &'static str,
    /// The birth date; officers have none.
    #[serde(skip)]
    pub born: Option<Born>,
    /// The NEQ of a sole proprietor, who is a person.
    #[serde(skip)]
    pub neq: Option<&'static str>,
    /// For whom the persona may act.
    #[serde(skip)]
    pub mandates: &'static [PersonaMandate],
}

/// A text in both languages.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct About {
    /// French.
    pub fr: &'static str,
    /// English.
    pub en: &'static str,
}

/// A birth date that moves with the years, so that the age never does.
#[derive(Clone, Copy, Debug)]
pub struct Born {
    /// The age, today.
    pub age: u16,
    /// The birthday, `MM-DD`.
    pub birthday: &'static str,
}

impl Born {
    /// The birth date of someone of this age and birthday on `today`.
    pub fn day(self, today: Day) -> Option<Day> {
        let year = i32::from(today.parts().0) - i32::from(self.age);
        let born = |year: i32| format!("{year:04}-{}", self.birthday).parse::<Day>().ok();
        [year, year - 1].into_iter().filter_map(born).find(|born| born.age_on(today) == self.age)
    }
}

/// A mandate that a persona holds.
#[derive(Clone, Copy, Debug)]
pub struct PersonaMandate {
    /// The represented subject's identifier at the issuer.
    pub sub: &'static str,
    /// The kind.
    pub kind: MandateKind,
    /// The represented subject's name.
    pub name: &'static str,
    /// Its birth date, of a person.
    pub born: Option<Born>,
    /// Its NEQ, of an enterprise.
    pub neq: Option<&'static str>,
    /// What shows the power.
    pub evidence: &'static str,
}

const fn aged(age: u16, birthday: &'static str) -> Born {
    Born { age, birthday }
}

const fn person(
    sub: &'static str,
    name: &'static str,
    born: Born,
    mandates: &'static [PersonaMandate],
    fr: &'static str,
    en: &'static str,
) -> Persona {
    Persona { sub, about: About { fr, en }, name, born: Some(born), neq: None, mandates }
}

const fn officer(sub: &'static str, name: &'static str, fr: &'static str, en: &'static str) -> Persona {
    Persona { sub, about: About { fr, en }, name, born: None, neq: None, mandates: &[] }
}

/// The persons.
pub static PERSONS: [Persona; 11] = [
    person("alice", "Alice Tremblay", aged(34, "02-14"), &[], "Adulte, sans particularité", "An ordinary adult"),
    person(
        "noe",
        "Noémie D'Août-Côté",
        aged(27, "08-31"),
        &[],
        "Nom accentué, avec trait d'union et apostrophe",
        "An accented name with a hyphen and an apostrophe",
    ),
    person("refuse", "Rémi Lafleur", aged(45, "06-24"), &[], "Rémi qui refuse tout", "Rémi, who refuses everything"),
    person(
        "zoe-13",
        "Zoé Bélanger",
        aged(13, "03-21"),
        &[],
        "13 ans, sans représentant : ne peut pas décider",
        "13 years old, alone: cannot decide",
    ),
    person(
        "parent-13",
        "Marc Gagnon",
        aged(41, "10-05"),
        &PARENT_13,
        "Parent d'une personne de 13 ans",
        "Parent of a 13-year-old",
    ),
    person(
        "luc-14",
        "Luc Pelletier",
        aged(14, "03-21"),
        &[],
        "14 ans, sans représentant : peut décider",
        "14 years old, alone: may decide",
    ),
    person(
        "parent-14",
        "Sylvie Roy",
        aged(43, "12-12"),
        &PARENT_14,
        "Parent d'une personne de 14 ans",
        "Parent of a 14-year-old",
    ),
    person(
        "parent-18",
        "Ginette Lavoie",
        aged(49, "11-02"),
        &PARENT_18,
        "Parent d'une personne de 18 ans : ne décide plus pour elle",
        "Parent of an 18-year-old: no longer decides for them",
    ),
    person(
        "tutrice-14",
        "Louise Cyr",
        aged(58, "07-08"),
        &TUTOR_14,
        "Tutrice de cette même personne de 14 ans",
        "Tutor of that same 14-year-old",
    ),
    person(
        "sirop",
        "Josée Bouchard",
        aged(52, "01-30"),
        &SIROP,
        "Signataire autorisée de Sirop du Fjord inc. (NEQ 1171234567)",
        "Signing officer of Sirop du Fjord inc. (NEQ 1171234567)",
    ),
    Persona {
        neq: Some("2271234568"),
        ..person(
            "boulangere",
            "Maude Fournier",
            aged(38, "05-19"),
            &[],
            "Entreprise individuelle (NEQ 2271234568) : une personne, qui consent",
            "A sole proprietorship (NEQ 2271234568): a person, who consents",
        )
    },
];

/// The officers.
pub static OFFICERS: [Persona; 3] = [
    officer(
        "odile-brossard",
        "Odile Brossard",
        "Responsable de la protection des renseignements personnels",
        "Privacy officer: in charge of the protection of personal information",
    ),
    officer(
        "marc-etienne-lachance",
        "Marc-Étienne Lachance",
        "Responsable de l'accès aux documents",
        "Access officer: in charge of access to documents",
    ),
    officer("sans-delegation", "Karine Morin", "Membre du personnel sans délégation", "A clerk without delegation"),
];

const PARENT_13: [PersonaMandate; 1] = [PersonaMandate {
    sub: "enfant-13",
    kind: MandateKind::Parent,
    name: "Florence Gagnon",
    born: Some(aged(13, "04-17")),
    neq: None,
    evidence: "acte de naissance fictif 13",
}];

const PARENT_14: [PersonaMandate; 1] = [PersonaMandate {
    sub: "enfant-14",
    kind: MandateKind::Parent,
    name: "Thomas Roy",
    born: Some(aged(14, "04-17")),
    neq: None,
    evidence: "acte de naissance fictif 14",
}];

const PARENT_18: [PersonaMandate; 1] = [PersonaMandate {
    sub: "enfant-18",
    kind: MandateKind::Parent,
    name: "Olivier Lavoie",
    born: Some(aged(18, "04-17")),
    neq: None,
    evidence: "acte de naissance fictif 18",
}];

const TUTOR_14: [PersonaMandate; 1] = [PersonaMandate {
    sub: "enfant-14",
    kind: MandateKind::Tutor,
    name: "Thomas Roy",
    born: Some(aged(14, "04-17")),
    neq: None,
    evidence: "jugement fictif de tutelle",
}];

const SIROP: [PersonaMandate; 1] = [PersonaMandate {
    sub: "neq-1171234567",
    kind: MandateKind::SigningOfficer,
    name: "Sirop du Fjord inc.",
    born: None,
    neq: Some("1171234567"),
    evidence: "résolution fictive du conseil d'administration",
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_ages() {
        for today in ["2026-11-21", "2027-03-20", "2027-03-21", "2028-02-29", "2040-12-31", "2041-01-01"] {
            let today: Day = today.parse().unwrap();
            for persona in &PERSONS {
                let mandates = persona.mandates.iter().filter_map(|mandate| mandate.born);
                for born in persona.born.into_iter().chain(mandates) {
                    let day = born.day(today).unwrap();
                    assert_eq!(day.age_on(today), born.age, "{} on {today}", persona.sub);
                }
            }
        }
    }
}
