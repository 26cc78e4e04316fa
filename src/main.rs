//! The `unefois` program: see `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    unefois::cli::run()
}
