//! The `unefois` program.

fn main() {}
