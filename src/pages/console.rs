//! The officer's pages: search of the log, and one entry with its proof. Every look is itself an entry.

use super::Chrome;
use super::safe::quote;
use crate::clock::{Day, Moment};
use crate::domain::{Event, Text};
use crate::i18n::{Phrase, Texts};

/// One choice of a list.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The form's value.
    pub value: String,
    /// What it is called.
    pub label: Text,
}

/// The search form as it was sent; empty strings where nothing was.
#[derive(Clone, Debug, Default)]
pub struct SearchForm {
    /// Why the officer looks.
    pub reason: String,
    /// An event's name.
    pub event: String,
    /// A body's name in the catalogue.
    pub body: String,
    /// A purpose's name in the catalogue.
    pub purpose: String,
    /// First day, `YYYY-MM-DD`.
    pub from: String,
    /// Last day, `YYYY-MM-DD`.
    pub to: String,
}

/// What is wrong with a search form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SearchError {
    /// No reason was given.
    Reason,
    /// The first day is no day.
    From,
    /// The last day is no day, or before the first.
    To,
}

/// How it went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// A release was authorised.
    Authorised,
    /// An ask was refused.
    Refused,
    /// Something else was recorded.
    Recorded,
}

/// One entry found.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its index.
    pub index: u64,
    /// When.
    pub at: Moment,
    /// What.
    pub event: Event,
    /// The releasing body.
    pub releasing: Option<Text>,
    /// The receiving or asking body.
    pub receiving: Option<Text>,
    /// The purpose's label.
    pub purpose: Option<Text>,
    /// Name of the legal basis, as in the log (`consent`, `authorisation`).
    pub basis: Option<String>,
    /// How it went.
    pub verdict: Verdict,
}

/// How far the search has followed the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Entries that the search knows.
    pub known: u64,
    /// Entries in the log.
    pub size: u64,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Results {
    /// The entries, newest first.
    pub rows: Vec<Row>,
    /// Key of the next page: entries before this index.
    pub next: Option<u64>,
    /// How far the search has followed the log.
    pub progress: Progress,
    /// Index of the entry that records this look.
    pub read: u64,
}

/// Search of the log. Posts `reason`, `event`, `body`, `purpose`, `from`, `to`, and `before` for the next page; a row's
/// button posts `reason` and `entry` (the index) to `entry_href`. Nothing goes into an address.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "search.html", config = "src/pages/askama.toml")]
pub struct Search {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// The form as sent.
    pub form: SearchForm,
    /// Bodies to choose from.
    pub bodies: Vec<Choice>,
    /// Purposes to choose from.
    pub purposes: Vec<Choice>,
    /// What is wrong with the form.
    pub errors: Vec<SearchError>,
    /// What was found; none before the first search.
    pub results: Option<Results>,
    /// Where one entry is opened.
    pub entry_href: String,
}

/// A section applied.
#[derive(Clone, Debug)]
pub struct Citation {
    /// The section, as in the rules (`A-2.1, art. 53.1`).
    pub cite: String,
    /// The consolidation that was read; none where no dated copy was.
    pub read: Option<Day>,
    /// Not confirmed by a jurist.
    pub to_confirm: bool,
}

/// A reason of a refusal.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The rule, in words.
    pub text: Text,
    /// The sections.
    pub citations: Vec<Citation>,
    /// What would mend it.
    pub mend: Text,
}

/// The part of an entry that speaks of a person.
#[derive(Clone, Debug)]
pub struct PersonPart {
    /// Whose it is, as this body's officers know the subject.
    pub subject: Option<String>,
    /// The consent.
    pub consent: Option<String>,
    /// Kinds and versions of the records.
    pub records: Vec<(Text, u64)>,
    /// Index of the consent's previous entry.
    pub previous: Option<u64>,
    /// The asking body's case reference.
    pub case: Option<String>,
    /// The evidence of the mandate under which a representative acted.
    pub mandate: Option<String>,
    /// The day of a death that was recorded.
    pub died: Option<String>,
    /// The evidence of a mandate whose end was recorded.
    pub mandate_ended: Option<String>,
    /// What shows what was recorded.
    pub evidence: Option<String>,
    /// The officer's reason, of an officer's look or record.
    pub reason: Option<String>,
}

/// Proof that an entry is in the log.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Hash of the leaf, base64.
    pub leaf: String,
    /// Size of the tree.
    pub size: u64,
    /// Root of the tree, base64.
    pub root: String,
    /// The tlog-proof file.
    pub text: String,
    /// Where the file can be taken.
    pub download_href: String,
    /// Where the log's verifier key is published.
    pub vkey_href: String,
    /// The command that checks the downloaded file offline.
    pub command: String,
}

/// One entry. Where it speaks of a subject, a form posts `entry`, `change` (`death` or `mandate`), `day`, `mandate`,
/// `evidence` and `reason` to `status_href`.
#[derive(askama::Template, Clone, Debug)]
#[template(path = "entry.html", config = "src/pages/askama.toml")]
pub struct Entry {
    /// What surrounds the page.
    pub chrome: Chrome,
    /// What the search's row tells.
    pub row: Row,
    /// The sections applied.
    pub citations: Vec<Citation>,
    /// Labels of the attributes.
    pub attributes: Vec<Text>,
    /// Reasons of a refusal.
    pub reasons: Vec<Reason>,
    /// The part that speaks of a person; none when its key is destroyed.
    pub person: Option<PersonPart>,
    /// The proof.
    pub proof: Proof,
    /// Index of the entry that records this look.
    pub read: u64,
    /// Where a change of the subject's status is recorded.
    pub status_href: String,
    /// Back to the search.
    pub search_href: String,
}

impl SearchError {
    /// The field that is wrong.
    const fn field(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::From => "from",
            Self::To => "to",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Reason => "search.error_reason",
            Self::From => "search.error_from",
            Self::To => "search.error_to",
        }
    }
}

impl Search {
    fn wrong(&self, error: SearchError) -> bool {
        self.errors.contains(&error)
    }
}

impl Results {
    fn count(&self, t: &'static Texts) -> Phrase {
        let n = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        t.count(n, "search.found_one", "search.found_many")
    }
}

impl Progress {
    fn said(self, t: &'static Texts) -> Phrase {
        let phrase = match self.size.saturating_sub(self.known) {
            0 => t.say("search.current"),
            behind => t.count(behind, "search.lag_one", "search.lag_many"),
        };
        phrase.with("size", t.number(&self.size))
    }
}

impl Verdict {
    const fn key(self) -> &'static str {
        match self {
            Self::Authorised => "verdict.authorised",
            Self::Refused => "verdict.refused",
            Self::Recorded => "verdict.recorded",
        }
    }
}

impl Row {
    fn bodies(&self, t: &'static Texts) -> String {
        match (&self.releasing, &self.receiving) {
            (Some(releasing), Some(receiving)) => {
                let phrase = t.say("search.from_to").with("releasing", t.catalogue(releasing));
                phrase.with("receiving", t.catalogue(receiving)).to_string()
            }
            (Some(one), None) | (None, Some(one)) => t.catalogue(one).to_owned(),
            (None, None) => "—".to_owned(),
        }
    }

    fn purpose_said(&self, t: &'static Texts) -> &str {
        self.purpose.as_ref().map_or("—", |purpose| t.catalogue(purpose))
    }

    /// What happened: an enterprise's authorisation is never called a consent.
    fn event_said(&self, t: &'static Texts) -> Phrase {
        match (self.event, self.basis.as_deref()) {
            (Event::Consent, Some("authorisation")) => t.say("event.authorisation"),
            (Event::ConsentRefused, Some("authorisation")) => t.say("event.authorisation_refused"),
            (event, _) => t.event(&event),
        }
    }

    fn basis_said(&self, t: &'static Texts) -> String {
        match self.basis.as_deref() {
            Some("consent") => t.say("basis.consent").to_string(),
            Some("authorisation") => t.say("basis.authorisation").to_string(),
            Some("agreement") => t.say("basis.agreement").to_string(),
            Some("act") => t.say("basis.act").to_string(),
            Some("contract") => t.say("basis.contract").to_string(),
            Some("mobility") => t.say("basis.mobility").to_string(),
            Some(other) => other.to_owned(),
            None => "—".to_owned(),
        }
    }
}

impl PersonPart {
    fn fields(&self, t: &'static Texts) -> Vec<(Phrase, String)> {
        let records = self.records.iter().map(|(kind, version)| {
            let phrase = t.say("entry.record").with("kind", t.catalogue(kind)).with("version", t.number(version));
            (t.say("entry.records"), phrase.to_string())
        });
        let own_words = |key, text: &Option<String>| text.as_deref().map(|text| (t.say(key), quote(text)));
        let subject = own_words("entry.subject", &self.subject);
        let consent = own_words("entry.consent", &self.consent);
        let previous = self.previous.map(|index| (t.say("entry.previous"), t.number(&index)));
        let after = [
            own_words("entry.case", &self.case),
            own_words("entry.mandate", &self.mandate),
            own_words("entry.died", &self.died),
            own_words("entry.mandate_ended", &self.mandate_ended),
            own_words("entry.evidence", &self.evidence),
            own_words("entry.reason", &self.reason),
        ];
        let before = subject.into_iter().chain(consent).chain(records).chain(previous);
        before.chain(after.into_iter().flatten()).collect()
    }
}
