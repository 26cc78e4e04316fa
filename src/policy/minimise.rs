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
