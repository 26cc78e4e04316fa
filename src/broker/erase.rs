//! Erasure: destroying the keys of some classes of one subject's information makes it unusable in the same transaction.

use super::{Broker, Refusal, Setback, TRIES, moved};
use crate::domain::{KindId, SubjectId};
use crate::store::{Class, Hash, Precondition, Write};

impl Broker {
    /// Destroys the keys of these classes of the subject that an identity service knows as `sub`: all values when none
    /// is named; evidence only when it is. The index of the entry.
    pub async fn erase(&self, operator: &str, issuer: &str, sub: &str, classes: &[String]) -> Result<u64, Refusal> {
        let subject = self.store.identity(&self.blind.identity(issuer, sub))?.ok_or(Refusal::Unknown)?;
        for _ in 0..TRIES {
            match self.attempt_erase(operator, subject, classes).await {
                Ok(index) => return Ok(index),
                Err(Setback::Moved) => {}
                Err(Setback::Refused(refusal)) => return Err(refusal),
            }
        }
        Err(Refusal::NotNow("the subject keeps moving".to_owned()))
    }

    async fn attempt_erase(&self, operator: &str, subject: SubjectId, names: &[String]) -> Result<u64, Setback> {
        let version = self.store.subject_version(&subject).map_err(Refusal::from)?;
        let held = self.store.classes(&subject).map_err(Refusal::from)?;
        let is_chosen = |class: &Class| match class {
            Class::Values(_) if names.is_empty() => true,
            named => names.contains(&named.name()),
        };
        let chosen: Vec<Class> = held.into_iter().filter(is_chosen).collect();
        if chosen.is_empty() {
            return Err(Refusal::Unknown.into());
        }
        let named: Vec<String> = chosen.iter().map(Class::name).collect();
        let evidence = chosen.contains(&Class::Evidence);
        let mut writes = vec![Write::DestroyKeys(subject, chosen), Write::MoveSubject(subject)];
        if evidence {
            writes.push(Write::DropPseudonyms(subject));
        }
        let preconditions = vec![Precondition::Subject(subject, version)];
        let index = self.ledger.erasure(operator, &named, preconditions, writes).await.map_err(moved)?.index();
        if evidence {
            self.cut_links(subject, index).await?;
        }
        Ok(index)
    }

    /// Destroys the key of one kind's values of a subject because its days have run; `due` is the work that says so. Goes
    /// back to its facts where the subject moved.
    pub(super) async fn destroy_values(&self, subject: SubjectId, kind: KindId, due: Hash) -> Result<(), Setback> {
        let version = self.store.subject_version(&subject).map_err(Refusal::from)?;
        let class = Class::Values(kind);
        let preconditions = vec![Precondition::Subject(subject, version), Precondition::DueStands(due)];
        let named = [class.name()];
        let writes = vec![Write::DestroyKeys(subject, vec![class]), Write::MoveSubject(subject), Write::DoneDue(due)];
        self.ledger.destruction(&named, preconditions, writes).await.map_err(moved)?;
        Ok(())
    }

    /// What tied the log to the subject goes too, once the projection has passed the erasure.
    async fn cut_links(&self, subject: SubjectId, index: u64) -> Result<(), Setback> {
        let search = self.ledger.search(Some(index)).await;
        let indices = search.forget(&self.blind.subject(&subject)).map_err(Refusal::from)?;
        let cut = vec![Write::CutLinks(indices)];
        self.ledger.write(crate::ledger::Lane::Person, Vec::new(), cut).await.map_err(Refusal::from)?;
        Ok(())
    }
}
