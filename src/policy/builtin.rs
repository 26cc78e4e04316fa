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
    let files = embedded!("":
        "rules/asking-body.cedar"
        "rules/attribute-not-required.cedar"
        "rules/attribute-outside-purpose.cedar"
        "rules/authorisation-asked-otherwise.cedar"
        "rules/authorisation-longer.cedar"
        "rules/authorisation-of-enterprise.cedar"
        "rules/authorisation-other-purpose.cedar"
        "rules/authorisation-spent.cedar"
        "rules/authorisation-terms.cedar"
        "rules/authorisation-void.cedar"
        "rules/body-gone.cedar"
        "rules/check-not-agreed.cedar"
        "rules/client-stopped.cedar"
        "rules/collector-agreement.cedar"
        "rules/collector-by-agreement.cedar"
        "rules/collector-by-contract.cedar"
        "rules/collector-contract.cedar"
        "rules/consent-as-basis.cedar"
        "rules/consent-expired.cedar"
        "rules/consent-for-one-purpose.cedar"
        "rules/consent-of-person.cedar"
        "rules/consent-refused.cedar"
        "rules/consent-withdrawn.cedar"
        "rules/custodian-agreement.cedar"
        "rules/custodian-contract.cedar"
        "rules/custodian-order.cedar"
        "rules/delegation-ended.cedar"
        "rules/entries-of-another-body.cedar"
        "rules/file-of-enterprise.cedar"
        "rules/grant-ended.cedar"
        "rules/kind-not-registered.cedar"
        "rules/longer-than-needed.cedar"
        "rules/mandate-of-enterprise.cedar"
        "rules/mandate-to-act.cedar"
        "rules/mandate-to-authorise.cedar"
        "rules/mandate-to-consent.cedar"
        "rules/minor-collection.cedar"
        "rules/minor-under-14.cedar"
        "rules/no-consent.cedar"
        "rules/not-informed.cedar"
        "rules/not-own-act.cedar"
        "rules/nothing-left.cedar"
        "rules/one-purpose.cedar"
        "rules/own-submission.cedar"
        "rules/own-view.cedar"
        "rules/purpose-of-another-body.cedar"
        "rules/purpose-of-another-client.cedar"
        "rules/purpose-version.cedar"
        "rules/reading-by-officer.cedar"
        "rules/reading-without-reason.cedar"
        "rules/recipient-other-body.cedar"
        "rules/regime-excluded.cedar"
        "rules/regime-tax.cedar"
        "rules/release-with-consent.cedar"
        "rules/sensitive-not-express.cedar"
        "rules/sensitive-step-up.cedar"
        "rules/sensitive-unencrypted.cedar"
        "schema.cedarschema"
    );
    files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

/// The fictional catalogue, for `dev` alone. Clients have neither keys nor return addresses, bodies no encryption key,
/// and delegations no known issuer: `dev` makes those for each run.
pub fn demo_catalogue() -> BTreeMap<String, String> {
    let files = embedded!("demo/": "bodies.toml" "clients.toml" "instruments.toml" "kinds.toml" "purposes.toml");
    files.into_iter().map(|(path, text)| (format!("catalogue/{path}"), text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn names(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(folder);
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_embedded_is_what_the_folders_hold() {
        let rules: BTreeSet<String> = names("rules").into_iter().map(|name| format!("rules/{name}")).collect();
        let schema = BTreeSet::from(["schema.cedarschema".to_owned()]);
        assert_eq!(product_rules().into_keys().collect::<BTreeSet<_>>(), &rules | &schema);
        let demo: BTreeSet<String> = names("demo").into_iter().map(|name| format!("catalogue/{name}")).collect();
        assert_eq!(demo_catalogue().into_keys().collect::<BTreeSet<_>>(), demo);
    }
}
