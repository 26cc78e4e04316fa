//! The values that a minimised act leaves, and no others.
//!
//! Not here: how they are unsealed (a [`Vault`] does that), what becomes of them (`ledger`).
//! INVARIANT: an [`Opened`] holds no member that its act was not permitted; it never prints a value.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Map;

use super::decide::{Denial, Grounds};
use super::minimise::Minimised;
use super::model::Act;
use crate::clock::{Day, Moment};
use crate::domain::{AttributeId, BodyId, KindId, Origin, SubjectId, Version};
use crate::store::{Fault, RecordRow};

/// The values of a record, by member.
pub type Values = Map<String, serde_json::Value>;

/// Where values are kept, sealed; it opens one record at a time.
pub trait Vault {
    /// The newest record of the kind, with its values.
    fn values(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<(RecordRow, Values)>, Fault>;
}

/// Why values could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// Nothing is on file for an attribute without which the purpose is not served: a denial after all.
    #[error("nothing is on file for {attribute}")]
    NothingOnFile {
        /// The attribute.
        attribute: AttributeId,
        /// The denial.
        denial: Box<Denial>,
    },
    /// The record does not answer.
    #[error(transparent)]
    Store(#[from] Fault),
}

/// One value, with where it comes from.
#[derive(Clone, Eq, PartialEq)]
pub struct Value {
    /// The value.
    pub value: serde_json::Value,
    /// Where it comes from.
    pub origin: Origin,
    /// The body through whose portal it came, if any.
    pub via: Option<BodyId>,
    /// The body that holds it.
    pub holder: BodyId,
    /// When it was recorded.
    pub at: Moment,
    /// The day on which it was issued, where a body attested it.
    pub issued: Option<Day>,
    /// The last day on which it is valid, where it has one.
    pub valid_until: Option<Day>,
    /// Its kind.
    pub kind: KindId,
    /// The version of its record.
    pub version: Version,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("kind", &self.kind).field("version", &self.version).finish_non_exhaustive()
    }
}

/// A permitted act with the values it leads to.
pub struct Opened<A: Act> {
    act: A,
    kept: A::Kept,
    grounds: Grounds,
    subject: SubjectId,
    values: BTreeMap<AttributeId, Value>,
}

impl<A: Act> fmt::Debug for Opened<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("attributes", &self.values.keys()).finish_non_exhaustive()
    }
}

/// Consumes what is left of an act and opens those values alone. What the person may leave out may be missing.
pub fn open<A: Act>(minimised: Minimised<A>, vault: &impl Vault) -> Result<Opened<A>, OpenFault> {
    let (act, kept, grounds, subject, wanted) = minimised.into_parts();
    let mut values = BTreeMap::new();
    for (kind, attributes) in wanted {
        let mut record = vault.values(&subject, &kind)?;
        for (id, necessary) in attributes {
            match record.as_mut().and_then(|(row, members)| value(row, members, &id)) {
                Some(value) => drop(values.insert(id, value)),
                None if necessary => {
                    let denial = Box::new(Denial::nothing_on_file(&grounds));
                    return Err(OpenFault::NothingOnFile { attribute: id, denial });
                }
                None => {}
            }
        }
    }
    Ok(Opened { act, kept, grounds, subject, values })
}

fn value(row: &RecordRow, members: &mut Values, id: &AttributeId) -> Option<Value> {
    let value = members.remove(id.member()).filter(|value| !value.is_null())?;
    Some(Value {
        value,
        origin: row.origin,
        via: row.via.clone(),
        holder: row.holder.clone(),
        at: row.at,
        issued: row.issued,
        valid_until: row.valid_until,
        kind: row.kind.clone(),
        version: row.version,
    })
}

impl<A: Act> Opened<A> {
    /// The act.
    pub const fn act(&self) -> &A {
        &self.act
    }

    /// What was kept of the facts it was decided on.
    pub const fn kept(&self) -> &A::Kept {
        &self.kept
    }

    /// What it rests on.
    pub const fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// Whose values.
    pub const fn subject(&self) -> &SubjectId {
        &self.subject
    }

    /// The values by attribute.
    pub const fn values(&self) -> &BTreeMap<AttributeId, Value> {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::minimise;
    use super::super::tests::{afe, ask, consent, demo, facts, now, terms};
    use super::*;
    use crate::domain::Ask;

    /// A vault that holds one income, with more in it than anyone asked for.
    struct Drawer(serde_json::Value);

    impl Vault for Drawer {
        fn values(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<(RecordRow, Values)>, Fault> {
            let row = RecordRow {
                subject: *subject,
                kind: kind.clone(),
                version: 3,
                holder: "bqtu".parse().unwrap(),
                purpose: "aide-etudes".parse().unwrap(),
                origin: Origin::Subject,
                via: Some("universite-du-fleuve".parse().unwrap()),
                at: now().plus(-86_400),
                issued: None,
                valid_until: None,
                concerns: None,
                sealed: Vec::new(),
            };
            Ok(self.0.as_object().map(|members| (row, members.clone())))
        }
    }

    fn opened(values: serde_json::Value) -> Result<Opened<Ask>, OpenFault> {
        let permit = demo().decide(&afe(), ask(&["revenu.annee"]), &facts(consent(terms())), now()).unwrap();
        open(minimise(permit), &Drawer(values))
    }

    #[test]
    fn only_what_is_left_is_opened_and_it_says_where_it_comes_from() {
        let opened = opened(json!({"annee": 2025, "annuel": 31_415, "autre": "x"})).unwrap();
        assert_eq!(opened.values().keys().map(AttributeId::as_str).collect::<BTreeSet<_>>(), ["revenu.annee"].into());
        let value = opened.values().values().next().unwrap();
        assert_eq!((&value.value, value.version, value.holder.as_str()), (&json!(2025), 3, "bqtu"));
        assert_eq!(value.via.as_ref().map(BodyId::as_str), Some("universite-du-fleuve"));
        assert_eq!(opened.kept().on().word(), "consent");
        assert_eq!(opened.act().purpose.as_str(), "aide-etudes");
        assert!(!opened.grounds().citations().is_empty());
    }

    #[test]
    fn a_necessary_attribute_that_is_not_on_file_stops_the_release() {
        for nothing in [json!(null), json!({"annuel": 1}), json!({"annee": null})] {
            let fault = opened(nothing).unwrap_err();
            assert!(
                matches!(fault, OpenFault::NothingOnFile { attribute, .. } if attribute.as_str() == "revenu.annee")
            );
        }
    }

    #[test]
    fn values_are_never_printed() {
        let opened = opened(json!({"annee": 1987})).unwrap();
        let printed = format!("{opened:?} {:?}", opened.values());
        assert!(printed.contains("revenu.annee") && !printed.contains("1987"), "{printed}");
    }
}
