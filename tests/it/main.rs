//! Tests that act as users do, over the wire, and tests of the house itself.
#![expect(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod architecture;
mod scenario;
