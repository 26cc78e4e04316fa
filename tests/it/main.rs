//! Tests that act as users do, over the wire, and tests of the house itself.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics, in its helpers too"
)]

mod architecture;
mod attestations;
mod bad_input;
mod dated;
mod enterprise;
mod forging;
mod governance;
mod harness;
mod kill;
mod pages;
mod persons;
mod policy;
mod promises;
mod races;
mod redis;
mod reform;
mod rehearse;
mod scenario;
mod sessions;
mod start;
mod without_consent;
