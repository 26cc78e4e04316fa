//! What the program carries with it: the product's schema, rules and cases, and the fictional catalogue of the trial
//! environment. `build.rs` lists them from their folders.

use std::collections::BTreeMap;

use super::{bundle, cases};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

fn under(folder: &str, files: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    files.iter().map(move |(name, text)| (format!("{folder}{name}"), (*text).to_owned()))
}

/// The product's schema and rules.
pub fn product_rules() -> BTreeMap<String, String> {
    under(bundle::SCHEMA, SCHEMA).chain(under(bundle::RULES, RULES)).collect()
}

/// The cases that say what the product's rules decide.
pub fn product_cases() -> BTreeMap<String, String> {
    under(cases::CASES, CASES).collect()
}

/// The fictional catalogue, for `dev` alone. Clients have neither keys nor return addresses, bodies no encryption key,
/// and delegations no known issuer: `dev` makes those for each run.
pub fn demo_catalogue() -> BTreeMap<String, String> {
    under(bundle::CATALOGUE, DEMO).collect()
}
