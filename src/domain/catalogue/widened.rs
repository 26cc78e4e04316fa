//! When a consent no longer covers its purpose: what a new version of a purpose asks for beyond the old one.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Catalogue, Purpose};
use crate::domain::{AttributeId, BodyId};

/// One way in which a purpose asks for more than it did, or for something else.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Difference {
    /// Attributes that it did not know.
    Attributes {
        /// Those.
        added: BTreeSet<AttributeId>,
    },
    /// Bodies that did not receive.
    Recipients {
        /// Those.
        added: BTreeSet<BodyId>,
    },
    /// A consent may last longer.
    Longer {
        /// How many days it lasted at most.
        from: u32,
        /// How many it may last now.
        to: u32,
    },
    /// It may be used more often.
    MoreUses {
        /// How often at most.
        from: u32,
        /// How often now; none is without limit.
        to: Option<u32>,
    },
    /// It is asked for another reason.
    OtherWhy {},
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attributes { added } => write!(f, "more attributes: {}", list(added)),
            Self::Recipients { added } => write!(f, "more recipients: {}", list(added)),
            Self::Longer { from, to } => write!(f, "longer: {to} days, {from} before"),
            Self::MoreUses { from, to: Some(to) } => write!(f, "more uses: {to}, {from} before"),
            Self::MoreUses { from, to: None } => write!(f, "uses without limit, {from} before"),
            Self::OtherWhy {} => f.write_str("another reason"),
        }
    }
}

fn list(names: &BTreeSet<impl ToString>) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Catalogue {
    /// In what `new` asks for more than `old`, or for something else: a consent to `old` does not cover it.
    pub fn widened(old: &Purpose, new: &Purpose) -> Vec<Difference> {
        let attributes: BTreeSet<_> = new.attributes().filter(|id| !old.allows(id)).cloned().collect();
        let recipients: BTreeSet<_> = new.recipients.difference(&old.recipients).cloned().collect();
        let (from, to) = (old.longest_days, new.longest_days);
        let more = old.max_uses.filter(|most| new.max_uses.is_none_or(|now| now > *most));
        let differences = [
            (!attributes.is_empty()).then_some(Difference::Attributes { added: attributes }),
            (!recipients.is_empty()).then_some(Difference::Recipients { added: recipients }),
            (to > from).then_some(Difference::Longer { from, to }),
            more.map(|from| Difference::MoreUses { from, to: new.max_uses }),
            (old.why != new.why).then_some(Difference::OtherWhy {}),
        ];
        differences.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(change: &str) -> Purpose {
        let text = "{fr = \"a\", en = \"a\"}";
        let mut table: toml::Table = format!(
            "version = 1\nlabel = {text}\nwhy = {text}\nrecipients = [\"afe\"]\nnecessary = {{\"revenu.annuel\" = {text}}}\n\
             longest_days = 30\nmax_uses = 3\nrefusal = {text}\nalternative = {text}\nkept = {text}\npowers = []\n"
        )
        .parse()
        .unwrap();
        table.extend(change.parse::<toml::Table>().unwrap());
        table.try_into().unwrap()
    }

    fn differences(change: &str) -> Vec<String> {
        Catalogue::widened(&purpose(""), &purpose(change)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn more_is_wider_and_less_is_not() {
        let wider = "optional = {\"revenu.annee\" = {fr = \"a\", en = \"a\"}}\nrecipients = [\"afe\", \"saaq\"]\n\
            longest_days = 31\nmax_uses = 4\nwhy = {fr = \"b\", en = \"b\"}";
        let expected = [
            "more attributes: revenu.annee",
            "more recipients: saaq",
            "longer: 31 days, 30 before",
            "more uses: 4, 3 before",
            "another reason",
        ];
        assert_eq!(differences(wider), expected);
        let narrower = "recipients = []\nlongest_days = 29\nmax_uses = 2\nversion = 2";
        assert_eq!(differences(narrower), Vec::<String>::new());
        assert_eq!(differences(""), Vec::<String>::new());
    }

    #[test]
    fn no_limit_is_more_than_any() {
        let mut unlimited = purpose("");
        unlimited.max_uses = None;
        let told = |old: &Purpose, new: &Purpose| {
            Catalogue::widened(old, new).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let limited = purpose("");
        assert_eq!(told(&limited, &unlimited), ["uses without limit, 3 before"]);
        assert_eq!(told(&unlimited, &limited), Vec::<String>::new());
    }
}
