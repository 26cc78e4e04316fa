//! The notice shown to a person (ss. 53.1, 65): what it tells, and what is kept of it.
//!
//! A notice can be shown again, word for word, as long as the evidence lasts, whatever became of the texts and of the
//! catalogue since (C-1.1, s. 19). Its text is kept once, in the log's entry; what decisions look at is here.
//! Not here: the page (`pages`), the hashing (`http`), what the law asks it to tell (`policies/rules`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BadName, KindId, Language, Version};
use crate::clock::Moment;

/// What proves which notice was shown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Notice {
    /// Name of the page's template.
    pub template: String,
    /// Its version.
    pub template_version: u32,
    /// Language in which it was read.
    pub language: Language,
    /// SHA-256 of the French text, which is authoritative, base64url.
    pub sha256_fr: String,
    /// SHA-256 of the text that was read, base64url.
    pub sha256: String,
    /// Versions of the records whose values were shown beside it.
    pub records: BTreeMap<KindId, Version>,
    /// What it tells, read off the page.
    pub keys: BTreeSet<NoticeKey>,
    /// When the reader attested that they may read it in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested: Option<Moment>,
    /// Time at which the page was made.
    pub shown: Moment,
}

/// The words of a notice, without any value: sealed in the entry of what was decided on it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct NoticeText {
    /// The French text, which is authoritative.
    pub fr: String,
    /// The English text, where it is the one that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident, $text:literal;)*) => {
        /// One thing that a notice tells: a part of the page.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum NoticeKey {
            $($(#[$doc])* $name,)*
        }

        impl NoticeKey {
            /// Every key.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, on pages and in rules.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

keys! {
    /// The body that asks, and whom to reach there.
    Body, "body";
    /// The purposes.
    Purposes, "purposes";
    /// By what means the information is collected.
    Means, "means";
    /// Whether answering is mandatory or optional.
    Mandatory, "mandatory";
    /// What refusing and withdrawing lead to.
    Refusal, "refusal";
    /// The rights of access and correction.
    Rights, "rights";
    /// How to do without the service.
    Alternative, "alternative";
    /// That information may go outside Québec.
    Outside, "outside";
    /// The third parties that handle it.
    ThirdParty, "third-party";
}

impl FromStr for NoticeKey {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::ALL.iter().copied().find(|key| key.as_str() == text).ok_or(BadName("notice key"))
    }
}

impl fmt::Display for NoticeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
