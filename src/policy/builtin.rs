//! What the program carries with it: the product's rules, and the fictional catalogue of the trial environment.

use std::collections::BTreeMap;

/// Embeds files by the path they have in a bundle.
macro_rules! embedded {
    ($under:literal: $($path:literal)*) => {
        [$(($path, include_str!(concat!("../../policies/", $under, $path)))),*]
    };
}

/// The product's schema and rules.
pub fn product_rules() -> BTreeMap<String, String> {
    let files = embedded!("": "schema.cedarschema");
    files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

/// The fictional catalogue, for `dev` alone. Clients have neither keys nor return addresses, bodies no encryption key,
/// and delegations no known issuer: `dev` makes those for each run.
pub fn demo_catalogue() -> BTreeMap<String, String> {
    let files: [(&str, &str); 0] = embedded!("demo/":);
    files.into_iter().map(|(path, text)| (format!("catalogue/{path}"), text.to_owned())).collect()
}
