//! The law as a program: may this be done, on what ground, and with how little.
//!
//! One bundle of rules and catalogue is loaded whole or not at all ([`Bundle`], [`Loaded`]); with the clients that were
//! stopped it is [`InForce`], which decides. What comes of a decision is a value: a [`Permit`] owns the act and what it
//! was decided on, [`minimise`] consumes it, [`open`] consumes that.
//!
//! Not here: who is asking (`identity`), what is known (`store`, by way of `broker`), what is recorded (`ledger`).
//!
//! INVARIANTS
//! - [`Permit`], [`Denial`], [`Minimised`] and [`Opened`] are minted here and nowhere else, each from the one before.
//! - Whatever cannot be evaluated is refused: no rule is skipped, no default allows.
//! - What the rules see singles out nobody, so that it can be remembered, hashed and kept.

mod builtin;
mod bundle;
mod cases;
mod catalogue;
mod check;
mod decide;
mod keys;
mod minimise;
mod model;
mod of_attest;
mod of_bases;
mod of_bodies;
mod of_officers;
mod of_persons;
mod of_releases;
mod open;
mod reasons;
mod remember;
mod rows;
mod rule;
mod rules;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

pub use builtin::{demo_catalogue, product_cases, product_rules};
pub use bundle::{Bundle, Finding, Loaded};
pub use cases::{Case, Coverage, Ruling, WrittenFact, WrittenFacts};
pub use decide::{Denial, Grounds, InForce, Permit, Reason};
pub use keys::keys_moved;
pub use minimise::{Minimised, minimise};
pub use model::{Act, Reveals, Scope};
pub use of_officers::{NoChange, digest_of, read_change, unapproved};
pub use of_releases::{Granted, RestsOn};
pub use open::{OpenFault, Opened, Value, Values, Vault, open};
pub use rows::{Line, Place, Priority, ROWS, Row, table};
pub use rule::{About, Citation, Rule};
pub use rules::{Action, Rules};
