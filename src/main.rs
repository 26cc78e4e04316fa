//! The `unefois` program: see `cli`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A release makes and drops some hundreds of small texts: a fifth of its time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    unefois::cli::run()
}
