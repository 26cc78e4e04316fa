//! Tests that act as users do, over the wire, and tests of the house itself.

mod architecture;
mod scenario;
