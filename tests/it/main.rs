//! Tests that act as users do, over the wire, and tests of the house itself.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails says so by stopping; helpers outside of test functions are tests too"
)]

mod architecture;
mod harness;
mod races;
mod scenario;
