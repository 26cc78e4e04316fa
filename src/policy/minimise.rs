//! From what may be done to the least that does it: asked ∩ consented ∩ known to the purpose.
//!
//! Pure. INVARIANT: what is left is a part of each of the three, whatever their order.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Grounds, Permit};
use super::model::{Act, Reveals, Scope};
use crate::domain::{AttributeId, KindId, SubjectId};

/// What is left of a permitted act: by kind, the members to open; each necessary or not.
#[derive(Debug)]
pub struct Minimised<A: Act> {
    act: A,
    kept: A::Kept,
    grounds: Grounds,
    subject: SubjectId,
    wanted: Wanted,
}

/// Attributes by kind, and whether the purpose fails without them.
pub(super) type Wanted = BTreeMap<KindId, BTreeMap<AttributeId, bool>>;

/// Consumes the permit and keeps the least of it.
pub fn minimise<A: Reveals>(permit: Permit<A>) -> Minimised<A> {
    let (act, kept, grounds) = permit.into_parts();
    let scope = A::scope(&kept);
    let (subject, wanted) = (scope.subject, least(act.asked(), scope));
    Minimised { act, kept, grounds, subject, wanted }
}

fn least(asked: &BTreeSet<AttributeId>, scope: &Scope) -> Wanted {
    let mut wanted = Wanted::new();
    for id in asked.intersection(&scope.allowed) {
        wanted.entry(id.kind()).or_default().insert(id.clone(), scope.necessary.contains(id));
    }
    wanted
}

impl<A: Act> Minimised<A> {
    /// The act.
    pub const fn act(&self) -> &A {
        &self.act
    }

    /// What it rests on.
    pub const fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// The attributes left.
    pub fn attributes(&self) -> impl Iterator<Item = &AttributeId> {
        self.wanted.values().flat_map(BTreeMap::keys)
    }

    /// Its parts, for `open`.
    pub(super) fn into_parts(self) -> (A, A::Kept, Grounds, SubjectId, Wanted) {
        (self.act, self.kept, self.grounds, self.subject, self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 6] =
        ["adresse.ligne", "adresse.depuis", "identite.nom", "revenu.annuel", "revenu.annee", "emploi.titre"];

    fn some() -> impl Strategy<Value = BTreeSet<AttributeId>> {
        proptest::collection::btree_set(proptest::sample::select(NAMES.to_vec()), 0..=NAMES.len())
            .prop_map(|names| names.into_iter().map(|name| name.parse().unwrap()).collect())
    }

    fn scope(allowed: &BTreeSet<AttributeId>, necessary: &BTreeSet<AttributeId>) -> Scope {
        Scope { subject: SubjectId::new([0; 16]), allowed: allowed.clone(), necessary: necessary.clone() }
    }

    fn flat(wanted: &Wanted) -> BTreeSet<AttributeId> {
        wanted.values().flat_map(BTreeMap::keys).cloned().collect()
    }

    proptest! {
        #[test]
        fn what_is_left_is_the_common_part_by_kind(asked in some(), allowed in some(), necessary in some()) {
            let wanted = least(&asked, &scope(&allowed, &necessary));
            let left = flat(&wanted);
            prop_assert!(left.is_subset(&asked) && left.is_subset(&allowed));
            prop_assert_eq!(&left, &(&allowed & &asked));
            for (kind, members) in &wanted {
                prop_assert!(!members.is_empty());
                prop_assert!(members.iter().all(|(id, needed)| id.kind() == *kind && *needed == necessary.contains(id)));
            }
        }

        #[test]
        fn asking_again_for_what_is_left_leaves_the_same(asked in some(), allowed in some(), necessary in some()) {
            let scope = scope(&allowed, &necessary);
            let once = least(&asked, &scope);
            prop_assert_eq!(&least(&flat(&once), &scope), &once);
        }

        #[test]
        fn asking_for_more_never_takes_away(asked in some(), more in some(), allowed in some()) {
            let scope = scope(&allowed, &BTreeSet::new());
            prop_assert!(flat(&least(&asked, &scope)).is_subset(&flat(&least(&(&asked | &more), &scope))));
        }
    }
}
