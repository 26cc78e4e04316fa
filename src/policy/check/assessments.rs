//! Assessments: that each purpose has one, and its dates.

use super::Checker;

impl Checker<'_> {
    pub(super) fn assessments(&mut self) {
        for (id, purpose) in &self.catalogue.purposes {
            let path = ["purposes", id.as_str(), "assessment"];
            match &purpose.assessment {
                None if !self.catalogue.demo => {
                    self.wrong(&path, "its effect on privacy was not assessed (s. 63.5)", "assessment");
                }
                Some(it) if it.approved.is_some_and(|approved| approved < it.started) => {
                    let path = [path[0], path[1], path[2], "approved"];
                    self.wrong(&path, "it was approved before the project began", "");
                }
                _ => {}
            }
        }
    }
}
