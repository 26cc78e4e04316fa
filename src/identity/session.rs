//! A browser's session: who signed in, and for whom they act. Sealed in the ephemeral engine under a random name that
//! only the browser's cookie holds.
//!
//! INVARIANT: a session names a person only after [`super::login`] vouched for them.

use serde::{Deserialize, Serialize};

use super::login::{Pending, SignedIn};
use super::{AuthenticatedOfficer, AuthenticatedPerson};
use crate::clock::Moment;
use crate::domain::{Giver, Identified, Language, SubjectId, Text};

/// Longest a session lives, in seconds.
pub const SESSION_LIFE: u32 = 3_600;

/// For whom a person acts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Acting {
    /// The subject.
    pub subject: SubjectId,
    /// Who the subject is.
    pub who: Identified,
    /// Who acts: the subject, or the person as a representative.
    pub giver: Giver,
}

/// What was attested before English: the words of the page, and when. On what ground is never asked.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Attested {
    /// When.
    pub at: Moment,
    /// The statement, in both languages as it was shown.
    pub statement: Text,
}

/// A session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Session {
    /// Form token: every form sends it back.
    pub csrf: String,
    /// That the person attested, in good faith, to be one whom the State may serve in English.
    pub attested: Option<Attested>,
    /// The language last read: sign-in and partners' sites bring the person back to it.
    pub language: Language,
    /// What brought the browser here, to be gone on with after sign-in: the name of a pushed request or of a draft.
    pub flow: Option<String>,
    /// When the question before the person was first shown.
    pub shown: Option<Moment>,
    /// A sign-in under way.
    pub pending: Option<Pending>,
    person: Option<Person>,
    officer: Option<SignedIn>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Person {
    signed_in: SignedIn,
    at: Moment,
    strong: bool,
    acting: Option<Acting>,
}

impl Session {
    /// A session in which nobody signed in.
    pub const fn new(csrf: String) -> Self {
        let language = Language::Fr;
        Self { csrf, attested: None, language, flow: None, shown: None, pending: None, person: None, officer: None }
    }

    /// A person signed in at `at`, as strongly as an express consent asks for or not.
    pub fn sign_in_person(&mut self, signed_in: SignedIn, strong: bool, at: Moment) {
        self.person = Some(Person { signed_in, at, strong, acting: None });
    }

    /// An officer signed in.
    pub fn sign_in_officer(&mut self, signed_in: SignedIn) {
        self.officer = Some(signed_in);
    }

    /// Who signed in as a person.
    pub fn signed_in(&self) -> Option<&SignedIn> {
        self.person.as_ref().map(|person| &person.signed_in)
    }

    /// The signed-in person acts for this subject.
    pub fn act_for(&mut self, acting: Acting) {
        if let Some(person) = &mut self.person {
            person.acting = Some(acting);
        }
    }

    /// The person who signed in and chose for whom they act.
    pub fn person(&self) -> Option<AuthenticatedPerson> {
        let Person { signed_in, at, strong, acting } = self.person.as_ref()?;
        let Acting { subject, who, giver } = acting.clone()?;
        let (issuer, express) = (signed_in.issuer.clone(), *strong);
        Some(AuthenticatedPerson { subject, who, giver, issuer, at: *at, express })
    }

    /// The officer who signed in.
    pub fn officer(&self) -> Option<AuthenticatedOfficer> {
        let SignedIn { issuer, sub, who, .. } = self.officer.as_ref()?;
        Some(AuthenticatedOfficer { issuer: issuer.clone(), sub: sub.clone(), name: who.name.clone() })
    }
}
