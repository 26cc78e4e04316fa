//! Unefois: people give their information to the State once. Broker under CQLR c. A-2.1 ("the Act").
//!
//! A module may import only modules to its left; `tests/it/architecture.rs` reads the `use` lines and enforces it:
//!
//! `verify < clock < telemetry < domain < crypto < jose < store < ephemeral < outbound < identity < policy < ledger <
//! broker < i18n < pages < http < config < app < cli < dev < main`
//!
//! The straight line, when an agency asks: `http` parses, `identity` authenticates, `broker/release` loads the facts,
//! `policy` decides, minimises and opens, `ledger` commits and signs, `http` answers. Control goes down once and
//! returns once.

pub mod app;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
#[cfg(feature = "dev")]
pub mod dev;
pub mod domain;
pub mod ephemeral;
pub mod http;
pub mod i18n;
pub mod identity;
pub mod jose;
pub mod ledger;
pub mod outbound;
pub mod pages;
pub mod policy;
pub mod store;
pub mod telemetry;
pub mod verify;
