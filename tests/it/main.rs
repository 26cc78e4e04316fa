//! Tests that act as users do, over the wire, and tests of the house itself.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics, in its helpers too"
)]

mod architecture;
mod bad_input;
mod enterprise;
mod forging;
mod harness;
mod kill;
mod pages;
mod promises;
mod races;
mod redis;
mod scenario;
mod sessions;
mod start;
mod without_consent;
