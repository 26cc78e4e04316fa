//! Where a function leads on a day: from a body, hop by hop, to the one that exercises it.
//!
//! Not here: what follows the function there; that is decided case by case (`policy`, `broker/substitution`).
//!
//! INVARIANTS
//! - Fails closed: a path exists only where every hop is one substitution by its instrument, in force that day.
//! - Nothing leads on from a body that still exists.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{BodyId, Catalogue, FunctionId, Nature, Substitution};
use crate::clock::Day;

/// The hops from a body to the one that exercises its function; none where it is the body itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Path<'a> {
    /// Each substitution on the way, the oldest first.
    pub hops: Vec<&'a Substitution>,
}

/// Why a function leads to no body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NoPath<'a> {
    /// The body is gone, or unknown, and no instrument gives its function to another.
    Unmapped(&'a BodyId),
    /// An instrument ends the function.
    Ended(&'a Substitution),
    /// Several instruments give it to several bodies.
    Ambiguous(&'a BodyId),
    /// It leads back to a body that it came from.
    Cycle(&'a BodyId),
    /// Information assets passed, and nothing else.
    AssetsOnly(&'a Substitution),
}

impl NoPath<'_> {
    /// What there is in place of a path, as the rules name it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unmapped(_) => "unmapped",
            Self::Ended(_) => "ended",
            Self::Ambiguous(_) => "ambiguous",
            Self::Cycle(_) => "cycle",
            Self::AssetsOnly(_) => "assets-only",
        }
    }
}

/// One hop as acts and consents keep it, whatever the catalogue becomes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hop {
    /// The body whose place is taken.
    pub from: BodyId,
    /// The body that takes it.
    pub to: BodyId,
    /// The function that went over.
    pub function: FunctionId,
    /// Since which day.
    pub since: Day,
    /// The provision that says so, as it is cited.
    pub instrument: String,
}

impl Path<'_> {
    /// The body at its end; none of a path that leads nowhere.
    pub fn end(&self) -> Option<&BodyId> {
        self.hops.last().and_then(|hop| hop.successor.as_ref())
    }

    /// Its hops, to be kept.
    pub fn kept(&self) -> Vec<Hop> {
        let kept = self.hops.iter().filter_map(|hop| {
            Some(Hop {
                from: hop.predecessor.clone(),
                to: hop.successor.clone()?,
                function: hop.function.clone(),
                since: hop.from,
                instrument: hop.instrument.cite.clone(),
            })
        });
        kept.collect()
    }
}

impl Catalogue {
    /// Which body exercises on `day` the function that `of` had: an empty path where `of` still exists.
    pub fn successor<'a>(&'a self, of: &'a BodyId, function: &FunctionId, day: Day) -> Result<Path<'a>, NoPath<'a>> {
        let mut path = Path::default();
        let mut seen = BTreeSet::from([of]);
        let mut at = of;
        while !self.exists(at, day) {
            let leads =
                |edge: &&Substitution| edge.predecessor == *at && edge.function == *function && edge.from <= day;
            let mut edges = self.substitutions.iter().filter(leads);
            let edge = edges.next().ok_or(NoPath::Unmapped(at))?;
            if edges.next().is_some() {
                return Err(NoPath::Ambiguous(at));
            }
            if edge.nature == Nature::AssetTransfer {
                return Err(NoPath::AssetsOnly(edge));
            }
            at = edge.successor.as_ref().ok_or(NoPath::Ended(edge))?;
            if !seen.insert(at) {
                return Err(NoPath::Cycle(at));
            }
            path.hops.push(edge);
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::clock::Moment;

    const EPOCH: &str = "2020-09-01";

    fn day(after: i32) -> Day {
        EPOCH.parse::<Day>().unwrap().plus_days(after)
    }

    fn name(number: usize) -> BodyId {
        format!("b{number}").parse().unwrap()
    }

    fn function() -> FunctionId {
        "infrastructure".parse().unwrap()
    }

    fn edge(from: usize, to: Option<usize>, since: i32) -> Substitution {
        serde_json::from_value(json!({
            "predecessor": name(from), "successor": to.map(name), "function": "infrastructure", "from": day(since),
            "instrument": {"cite": "2020, c. 2"}, "nature": "substitution",
        }))
        .unwrap()
    }

    /// Bodies by their last day, and these substitutions.
    fn catalogue(ends: &[Option<i32>], substitutions: Vec<Substitution>) -> Catalogue {
        let text = json!({"fr": "x", "en": "x"});
        let bodies: serde_json::Map<String, serde_json::Value> = ends
            .iter()
            .enumerate()
            .map(|(number, end)| {
                let body = json!({
                    "name": text, "public_under": ["A-2.1, art. 4"], "from": "2005-01-01", "until": end.map(day),
                    "contact": {"title": text, "email": "x@y.example", "phone": "418 555-0100"},
                });
                (name(number).to_string(), body)
            })
            .collect();
        let mut catalogue: Catalogue = serde_json::from_value(json!({"bodies": bodies})).unwrap();
        catalogue.substitutions = substitutions;
        catalogue
    }

    /// The chain b0, b1, …, each gone a day after the one before it, to the last, which stays.
    fn chain(length: usize) -> Catalogue {
        let until = |number: usize| (number < length).then(|| i32::try_from(number).unwrap());
        let edges = (0..length).map(|it| edge(it, Some(it + 1), i32::try_from(it).unwrap()));
        catalogue(&(0..=length).map(until).collect::<Vec<_>>(), edges.collect())
    }

    #[test]
    fn a_body_that_exists_leads_nowhere_else_and_the_hour_is_midnight_in_toronto() {
        let law = chain(1);
        let midnight: Moment = "2020-09-01T00:00:00-04:00".parse().unwrap();
        assert_eq!(law.successor(&name(0), &function(), midnight.plus(-1).day()), Ok(Path::default()));
        let start = name(0);
        let path = law.successor(&start, &function(), midnight.day()).unwrap();
        assert_eq!(path.end(), Some(&name(1)));
        assert_eq!(path.kept()[0].instrument, "2020, c. 2");
    }

    #[test]
    fn nothing_leads_on_without_an_instrument_that_says_so() {
        let ends = [Some(0), None, None];
        let of = |edges| {
            let law = catalogue(&ends, edges);
            law.successor(&name(0), &function(), day(1)).map(|path| path.hops.len()).map_err(|none| none.as_str())
        };
        assert_eq!(of(vec![edge(0, Some(1), 0)]), Ok(1));
        assert_eq!(of(Vec::new()), Err("unmapped"));
        assert_eq!(of(vec![edge(0, Some(1), 2)]), Err("unmapped"), "its day has not come");
        assert_eq!(
            of(vec![Substitution { function: "paie".parse().unwrap(), ..edge(0, Some(1), 0) }]),
            Err("unmapped")
        );
        assert_eq!(of(vec![edge(0, Some(1), 0), edge(0, Some(2), 0)]), Err("ambiguous"));
        assert_eq!(of(vec![edge(0, None, 0)]), Err("ended"));
        let assets = Substitution { nature: Nature::AssetTransfer, ..edge(0, Some(1), 0) };
        assert_eq!(of(vec![assets]), Err("assets-only"));
        let law = catalogue(&[Some(0), Some(0)], vec![edge(0, Some(1), 0), edge(1, Some(0), 0)]);
        assert_eq!(law.successor(&name(0), &function(), day(1)).unwrap_err().as_str(), "cycle");
        let unknown = name(9);
        assert_eq!(law.successor(&unknown, &function(), day(1)), Err(NoPath::Unmapped(&unknown)));
    }

    proptest! {
        #[test]
        fn a_chain_is_followed_as_far_as_the_day_has_come(length in 0_usize..8, on in -2_i32..10, of in 0_usize..8) {
            let (law, of) = (chain(length), of.min(length));
            let start = name(of);
            let path = law.successor(&start, &function(), day(on)).unwrap();
            let reached = usize::try_from(on + 1).unwrap_or(0).clamp(of, length);
            prop_assert_eq!(path.hops.len(), reached - of);
            prop_assert_eq!(path.end().unwrap_or(&start), &name(reached));
            prop_assert!(path.hops.windows(2).all(|pair| pair[0].successor.as_ref() == Some(&pair[1].predecessor)));
        }

        #[test]
        fn whatever_the_substitutions_a_path_ends_at_a_body_that_exists_and_any_doubt_is_none(
            ends in prop::collection::vec(prop::option::of(-2_i32..3), 5),
            edges in prop::collection::vec((0_usize..5, prop::option::of(0_usize..5), -2_i32..3), 0..8),
            on in -2_i32..4,
        ) {
            let edges: Vec<_> = edges.into_iter().map(|(from, to, since)| edge(from, to, since)).collect();
            let law = catalogue(&ends, edges);
            let start = name(0);
            let Ok(path) = law.successor(&start, &function(), day(on)) else { return Ok(()) };
            prop_assert!(law.exists(path.end().unwrap_or(&start), day(on)));
            for (number, hop) in path.hops.iter().copied().enumerate() {
                prop_assert!(hop.from <= day(on) && !law.exists(&hop.predecessor, day(on)));
                let mut without = law.clone();
                without.substitutions.retain(|edge| edge != hop);
                let none = without.successor(&start, &function(), day(on));
                prop_assert_eq!(none, Err(NoPath::Unmapped(&hop.predecessor)), "without hop {}", number);
                let mut twice = law.clone();
                twice.substitutions.push(hop.clone());
                prop_assert_eq!(twice.successor(&start, &function(), day(on)).unwrap_err().as_str(), "ambiguous");
            }
        }
    }
}
