//! Logs: one JSON line per event, on standard error. No personal information: fields are routes, outcomes, request ids,
//! indices; never values, names, identifiers of persons, tokens or addresses with queries.

use tracing_subscriber::EnvFilter;

/// Variable that chooses what is logged, in the syntax of `tracing`.
pub const VARIABLE: &str = "UNEFOIS_LOG";

/// Starts logging, at `default` unless the environment says otherwise. A second call changes nothing.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let logs =
        tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(std::io::stderr);
    // Tests start several servers in one process: the first one's logging stays.
    let _ = logs.try_init();
}
