//! Substitutions: bodies and functions exist, days follow each other, a function leaves a body once. What is left without
//! a successor is a note: the rules suspend what rests on it.
//!
//! No cycle is looked for: a successor exists on the day on which its predecessor is gone, so that days rise with each
//! hop, and a body that is gone does not come back.

use std::collections::BTreeSet;

use super::Checker;
use crate::domain::{BodyId, FunctionId};

impl Checker<'_> {
    pub(super) fn substitutions(&mut self) {
        let catalogue = self.catalogue;
        let mut left = BTreeSet::new();
        for (number, edge) in catalogue.substitutions.iter().enumerate() {
            let number = number.to_string();
            let path = ["substitutions", number.as_str()];
            self.known_body(&[path[0], path[1], "predecessor"], &edge.predecessor);
            self.known_function(&[path[0], path[1], "function"], &edge.function);
            let predecessor = catalogue.bodies.get(&edge.predecessor);
            if predecessor.is_some_and(|body| body.until.is_none_or(|end| edge.from < end)) {
                let fix = "`from` is the predecessor's `until`, or later";
                self.wrong(&[path[0], path[1], "from"], "it begins before its predecessor ends", fix);
            }
            if let Some(successor) = &edge.successor {
                self.known_body(&[path[0], path[1], "successor"], successor);
                if catalogue.bodies.contains_key(successor) && !catalogue.exists(successor, edge.from) {
                    let at = [path[0], path[1], "successor"];
                    self.wrong(&at, format!("`{successor}` does not exist on that day"), "its `from` and `until`");
                }
            }
            if !left.insert((&edge.predecessor, &edge.function)) {
                let message = format!("`{}` leaves `{}` twice", edge.function, edge.predecessor);
                self.wrong(&path, message, "one substitution for each body and function");
            }
        }
    }

    /// What is said to have no successor has none; what has none, and is not said to, is noted.
    pub(super) fn unmapped(&mut self) {
        let catalogue = self.catalogue;
        for (number, one) in catalogue.unmapped.iter().enumerate() {
            let number = number.to_string();
            let path = ["unmapped", number.as_str()];
            self.known_body(&[path[0], path[1], "body"], &one.body);
            self.known_function(&[path[0], path[1], "function"], &one.function);
            if self.leads_on(&one.body, &one.function) {
                self.wrong(
                    &path,
                    format!("a substitution gives `{}` to another body", one.function),
                    "drop one of them",
                );
            }
        }
        for (id, purpose) in &catalogue.purposes {
            if let Some(function) = &purpose.function {
                self.known_function(&["purposes", id.as_str(), "function"], function);
            }
            for body in &purpose.recipients {
                self.noted(&["purposes", id.as_str()], body, purpose.function.iter());
            }
        }
        for (id, agreement) in &catalogue.agreements {
            for function in &agreement.functions {
                self.known_function(&["agreements", id.as_str(), "functions", function.as_str()], function);
            }
            self.noted(&["agreements", id.as_str()], &agreement.receiving, agreement.functions.iter());
        }
    }

    /// Notes what rests on a body that ends and can follow it nowhere.
    fn noted<'f>(&mut self, path: &[&str], body: &BodyId, functions: impl Iterator<Item = &'f FunctionId>) {
        if self.catalogue.bodies.get(body).is_none_or(|found| found.until.is_none()) {
            return;
        }
        let mut functions = functions.peekable();
        if functions.peek().is_none() {
            self.note(path, format!("`{body}` ends, and no function is named: nothing of this follows it"));
        }
        for function in functions {
            let said = self.catalogue.unmapped.iter().any(|one| one.body == *body && one.function == *function);
            if !said && !self.leads_on(body, function) {
                self.note(path, format!("`{body}` ends, and nothing says who takes its `{function}`: consents wait"));
            }
        }
    }

    fn leads_on(&self, body: &BodyId, function: &FunctionId) -> bool {
        self.catalogue.substitutions.iter().any(|edge| edge.predecessor == *body && edge.function == *function)
    }

    fn known_function(&mut self, path: &[&str], function: &FunctionId) {
        self.known(path, "function", function, self.catalogue.functions.keys());
    }
}
