//! Delegations: body, dates, issuer.

use super::Checker;

impl Checker<'_> {
    pub(super) fn delegations(&mut self) {
        for (index, delegation) in self.catalogue.delegations.iter().enumerate() {
            let index = index.to_string();
            let path = ["delegations", index.as_str()];
            self.known_body(&[path[0], path[1], "body"], &delegation.body);
            self.dates(&path, delegation.from, delegation.until);
            if delegation.issuer.is_empty() && !self.catalogue.demo {
                self.wrong(&[path[0], path[1], "issuer"], "no identity service knows this officer", "issuer");
            }
        }
    }
}
