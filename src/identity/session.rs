//! A browser's session: what brought it here, who signed in, and for whom they act. Sealed in the ephemeral engine under
//! a random name that only the browser's cookie holds.
//!
//! Not here: whether somebody signed out since (`broker`: the engine may hold what was, the store holds what is).
//! INVARIANT: a session names a person only after [`super::login`] vouched for them.
//! INVARIANT: what one person began in a browser is not the same session for another who signs in there.

use serde::{Deserialize, Serialize};

use super::login::{Pending, SignedIn};
use super::{AuthenticatedOfficer, AuthenticatedPerson};
use crate::clock::Moment;
use crate::domain::{Giver, Identified, Language, SubjectId};

/// Longest a session lives, in seconds: from its last sign-in, however often it is read.
pub const SESSION_LIFE: u32 = 3_600;

/// How long a strong sign-in counts as one, in seconds: who comes upon a browser left open cannot consent expressly for
/// long. A choice of ours; no section gives a figure.
const EXPRESS_LIFE: i64 = 900;

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

/// What was attested before English, and when. On what ground is never asked.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Attested {
    /// When.
    pub at: Moment,
    /// SHA-256 of the statement, in both languages as it was shown, in base64url.
    pub statement: String,
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
    /// A sign-in under way.
    pub pending: Option<Pending>,
    flow: Option<Flow>,
    person: Option<Person>,
    officer: Option<Officer>,
}

/// What brought the browser here, to be gone on with after sign-in.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Flow {
    /// The name of a pushed request or of a draft.
    name: String,
    /// Who began it, by issuer and `sub`: whoever was signed in then, or signed in first after.
    begun_by: Option<(String, String)>,
    /// When its question was first shown, and to whom it was put.
    shown: Option<(Moment, SubjectId)>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Person {
    signed_in: SignedIn,
    /// How often they had signed out before.
    sign_outs: u64,
    at: Moment,
    strong: bool,
    acting: Option<Acting>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Officer {
    signed_in: SignedIn,
    sign_outs: u64,
    at: Moment,
}

impl Session {
    /// A session in which nobody signed in.
    pub const fn new(csrf: String) -> Self {
        let language = Language::Fr;
        Self { csrf, attested: None, language, pending: None, flow: None, person: None, officer: None }
    }

    /// A client brings the browser here. A sign-in under way belongs to what was before, and is over.
    pub fn begin(&mut self, flow: String) {
        self.pending = None;
        let begun_by = self.signed_in().map(key);
        self.flow = Some(Flow { name: flow, begun_by, shown: None });
    }

    /// What brought the browser here.
    pub fn flow(&self) -> Option<&str> {
        self.flow.as_ref().map(|flow| flow.name.as_str())
    }

    /// Who is signed in may not answer, and leaves what they began to whoever signs in next, of their own will.
    pub fn hand_over(&mut self) {
        self.person = None;
        self.unattest();
        if let Some(flow) = &mut self.flow {
            (flow.begun_by, flow.shown) = (None, None);
        }
    }

    /// What brought the browser here is done with.
    pub fn end_flow(&mut self) {
        self.flow = None;
    }

    /// The flow's question is shown at `now`; when it first was, to the subject acted for.
    pub fn show(&mut self, now: Moment) -> Moment {
        let subject = self.subject();
        let Some((flow, subject)) = self.flow.as_mut().zip(subject) else { return now };
        match flow.shown {
            Some((at, whose)) if whose == subject => at,
            _ => {
                flow.shown = Some((now, subject));
                now
            }
        }
    }

    /// When the question was shown.
    pub fn shown(&self) -> Option<Moment> {
        self.flow.as_ref()?.shown.map(|(at, _)| at)
    }

    /// Whether there is a flow that somebody else began than who is signed in; where nobody is, it is nobody else's.
    pub fn is_of_another(&self) -> bool {
        let both = self.flow.as_ref().zip(self.signed_in());
        both.is_some_and(|(flow, signed_in)| flow.begun_by.as_ref() != Some(&key(signed_in)))
    }

    /// Whether who is signed in began the flow, and acts for the subject to whom its question was put, if it was.
    pub fn is_same(&self) -> bool {
        let put_to = self.flow.as_ref().and_then(|flow| flow.shown).map(|(_, subject)| subject);
        let begun = self.flow.is_some() && self.person.is_some() && !self.is_of_another();
        begun && (put_to.is_none() || put_to == self.subject())
    }

    /// A person signed in at `at`, as strongly as an express consent asks for or not, after so many sign-outs.
    pub fn sign_in_person(&mut self, signed_in: SignedIn, strong: bool, at: Moment, sign_outs: u64) {
        if self.signed_in().is_some_and(|before| key(before) != key(&signed_in)) {
            self.unattest();
        }
        if let Some(flow) = &mut self.flow {
            flow.begun_by.get_or_insert_with(|| key(&signed_in));
        }
        self.person = Some(Person { signed_in, sign_outs, at, strong, acting: None });
    }

    /// An officer signed in at `at`, after so many sign-outs.
    pub fn sign_in_officer(&mut self, signed_in: SignedIn, at: Moment, sign_outs: u64) {
        self.officer = Some(Officer { signed_in, sign_outs, at });
    }

    /// Whether somebody in it signed in too long ago. The engine's own end moves with every write, and what a browser
    /// keeps has none: this one holds for both.
    pub fn has_ended(&self, now: Moment) -> bool {
        let person = self.person.as_ref().map(|person| person.at);
        let officer = self.officer.as_ref().map(|officer| officer.at);
        person.into_iter().chain(officer).any(|at| now >= at.plus(i64::from(SESSION_LIFE)))
    }

    /// Who signed in as a person.
    pub fn signed_in(&self) -> Option<&SignedIn> {
        self.person.as_ref().map(|person| &person.signed_in)
    }

    /// Everyone who signed in, with how often they had signed out before.
    pub fn sign_ins(&self) -> impl Iterator<Item = (&SignedIn, u64)> {
        let person = self.person.as_ref().map(|person| (&person.signed_in, person.sign_outs));
        person.into_iter().chain(self.officer.as_ref().map(|officer| (&officer.signed_in, officer.sign_outs)))
    }

    /// The signed-in person acts for this subject.
    pub fn act_for(&mut self, acting: Acting) {
        if let Some(person) = &mut self.person {
            person.acting = Some(acting);
        }
    }

    /// The person who signed in and chose for whom they act, as strongly signed in as that still is at `now`.
    pub fn person(&self, now: Moment) -> Option<AuthenticatedPerson> {
        let Person { signed_in, at, strong, acting, .. } = self.person.as_ref()?;
        let Acting { subject, who, giver } = acting.clone()?;
        let (issuer, express) = (signed_in.issuer.clone(), *strong && now < at.plus(EXPRESS_LIFE));
        Some(AuthenticatedPerson { subject, who, giver, issuer, at: *at, express })
    }

    /// What a browser keeps itself of this session, sealed, for when the engine does not answer, once the person has
    /// chosen for whom they act: that, and nothing to go on with. Enough to see what was decided and to take it back,
    /// which waits for no engine.
    pub fn standby(&self) -> Option<Self> {
        let mut person = self.person.clone().filter(|person| person.acting.is_some())?;
        person.signed_in.mandates.clear();
        let Self { csrf, attested, language, .. } = self.clone();
        Some(Self { csrf, attested, language, pending: None, flow: None, person: Some(person), officer: None })
    }

    /// The officer who signed in.
    pub fn officer(&self) -> Option<AuthenticatedOfficer> {
        let SignedIn { issuer, sub, who, .. } = &self.officer.as_ref()?.signed_in;
        Some(AuthenticatedOfficer { issuer: issuer.clone(), sub: sub.clone(), name: who.name.clone() })
    }

    /// What one person attested says nothing of another: French again, until they say so themselves.
    fn unattest(&mut self) {
        (self.attested, self.language) = (None, Language::Fr);
    }

    fn subject(&self) -> Option<SubjectId> {
        self.person.as_ref()?.acting.as_ref().map(|acting| acting.subject)
    }
}

fn key(signed_in: &SignedIn) -> (String, String) {
    (signed_in.issuer.clone(), signed_in.sub.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SubjectKind;

    const NOW: Moment = Moment::from_unix(1_800_000_000);

    fn somebody(sub: &str) -> SignedIn {
        let who = Identified { kind: SubjectKind::Person, name: "Zoé".to_owned(), born: None };
        let issuer = "https://identite.example".to_owned();
        SignedIn { issuer, sub: sub.to_owned(), who, neq: None, mandates: Vec::new(), auth_time: None, acr: None }
    }

    fn sign_in(session: &mut Session, sub: &str, subject: u8) {
        session.sign_in_person(somebody(sub), false, NOW, 0);
        let who = somebody(sub).who;
        session.act_for(Acting { subject: SubjectId::new([subject; 16]), who, giver: Giver::Subject });
    }

    #[test]
    fn a_flow_is_of_who_was_signed_in_or_signs_in_first() {
        let mut session = Session::new(String::new());
        assert!(!session.is_same(), "nobody is there");
        session.begin("request:1".to_owned());
        assert!(!session.is_same());
        sign_in(&mut session, "a", 1);
        assert!(session.is_same());
        sign_in(&mut session, "b", 2);
        assert!(!session.is_same(), "another came in");
        sign_in(&mut session, "a", 1);
        assert!(session.is_same(), "who began it is back");
        session.begin("request:2".to_owned());
        sign_in(&mut session, "b", 2);
        assert!(!session.is_same(), "begun while the other was signed in");
        session.begin("request:3".to_owned());
        assert!(session.is_same());
        session.end_flow();
        assert!(!session.is_same());
    }

    #[test]
    fn what_is_handed_over_is_of_who_signs_in_next() {
        let mut session = Session::new(String::new());
        session.begin("request:1".to_owned());
        sign_in(&mut session, "child", 1);
        session.show(NOW);
        session.hand_over();
        assert!(session.signed_in().is_none() && session.shown().is_none());
        assert_eq!(session.flow(), Some("request:1"));
        sign_in(&mut session, "parent", 2);
        assert!(session.is_same());
        sign_in(&mut session, "child", 1);
        assert!(!session.is_same(), "it is the parent's now");
    }

    #[test]
    fn an_answer_is_for_the_subject_to_whom_the_question_was_put() {
        let mut session = Session::new(String::new());
        session.begin("request:1".to_owned());
        sign_in(&mut session, "a", 1);
        assert_eq!((session.show(NOW), session.show(NOW.plus(9))), (NOW, NOW));
        sign_in(&mut session, "a", 2);
        assert!(!session.is_same());
        assert_eq!(session.show(NOW.plus(20)), NOW.plus(20), "put anew");
        assert!(session.is_same());
    }

    #[test]
    fn a_session_ends_by_its_sign_in_and_strength_before() {
        let life = i64::from(SESSION_LIFE);
        let mut session = Session::new(String::new());
        assert!(!session.has_ended(NOW.plus(life)), "nobody signed in");
        session.sign_in_person(somebody("a"), true, NOW, 0);
        let acting = Acting { subject: SubjectId::new([1; 16]), who: somebody("a").who, giver: Giver::Subject };
        session.act_for(acting);
        session.show(NOW.plus(life - 1));
        assert_eq!((session.has_ended(NOW.plus(life - 1)), session.has_ended(NOW.plus(life))), (false, true));
        let express = |at| session.person(at).unwrap().express();
        assert_eq!((express(NOW.plus(EXPRESS_LIFE - 1)), express(NOW.plus(EXPRESS_LIFE))), (true, false));
        let mut session = Session::new(String::new());
        session.sign_in_officer(somebody("o"), NOW, 0);
        assert_eq!((session.has_ended(NOW.plus(life - 1)), session.has_ended(NOW.plus(life))), (false, true));
    }

    #[test]
    fn what_was_attested_is_of_one_person() {
        let attested = || Some(Attested { at: NOW, statement: String::new() });
        let mut session = Session::new(String::new());
        (session.attested, session.language) = (attested(), Language::En);
        sign_in(&mut session, "a", 1);
        sign_in(&mut session, "a", 1);
        assert!(session.attested.is_some() && session.language == Language::En, "before they signed in, and again");
        sign_in(&mut session, "b", 2);
        assert!(session.attested.is_none() && session.language == Language::Fr, "another");
        (session.attested, session.language) = (attested(), Language::En);
        session.hand_over();
        assert!(session.attested.is_none() && session.language == Language::Fr, "whoever comes next");
    }

    #[test]
    fn what_stands_in_for_a_session_lets_see_and_withdraw_and_go_on_with_nothing() {
        let mut session = Session::new("csrf".to_owned());
        session.begin("request:1".to_owned());
        session.sign_in_officer(somebody("o"), NOW, 0);
        session.sign_in_person(somebody("a"), true, NOW, 3);
        assert!(session.standby().is_none(), "nobody is acted for");
        sign_in(&mut session, "a", 1);
        let standing_in = session.standby().unwrap();
        assert_eq!(standing_in.person(NOW).unwrap().subject(), session.person(NOW).unwrap().subject());
        assert!(standing_in.has_ended(NOW.plus(i64::from(SESSION_LIFE))), "it ends when the session does");
        assert_eq!((standing_in.csrf.as_str(), standing_in.sign_ins().count()), ("csrf", 1));
        assert!(standing_in.flow().is_none() && standing_in.pending.is_none() && standing_in.officer().is_none());
    }
}
