//! Releases delivered again.

use serde_json::Map;

use super::*;
use crate::domain::{Ask, KindId, Origin, Pseudonym};
use crate::policy::tests::{afe, ask, consent, demo, facts, terms};
use crate::policy::{self, InForce, Opened, minimise};
use crate::store::{ConsentRow, GrantRow, GrantedOn, RecordRow};

/// Life of a data token, in seconds.
const LIFE: i64 = 86_400;

/// Holds an income of 2025.
struct Drawer;

impl policy::Vault for Drawer {
    fn values(&self, subject: &SubjectId, kind: &KindId) -> Result<Option<(RecordRow, Map<String, Value>)>, Fault> {
        let row = RecordRow {
            subject: *subject,
            kind: kind.clone(),
            version: 1,
            holder: "bqtu".parse().unwrap(),
            purpose: "aide-etudes".parse().unwrap(),
            origin: Origin::Subject,
            via: None,
            at: NOW,
            issued: None,
            valid_until: None,
            concerns: None,
            sealed: Vec::new(),
        };
        Ok(Some((row, object(json!({"annee": 2025})))))
    }
}

/// A consent in the record, and what rests on it.
struct Scene {
    world: World,
    ledger: Ledger,
    in_force: InForce,
    pseudonym: Pseudonym,
}

impl Scene {
    async fn set() -> Self {
        let world = World::new();
        let ledger = world.begun().await;
        let (consent, ask) = (consent(terms()), ask(&[]));
        let (_, key) = ledger.vault.key_or_new(&consent.subject, &Class::Evidence).unwrap();
        let put = vec![Write::PutSubject(consent.subject), key.unwrap()];
        ledger.write(Lane::Person, Vec::new(), put).await.unwrap();
        let row = ConsentRow {
            id: consent.id,
            subject: consent.subject,
            receiving: consent.terms.receiving.clone(),
            purpose: consent.terms.purpose.clone(),
            version: consent.version,
            max_uses: None,
            sealed: Vec::new(),
            entry: 0,
        };
        let (client, until) = (consent.terms.client.clone(), consent.terms.until);
        let grant = GrantRow { id: ask.grant, client, on: GrantedOn::Consent(consent.id), until, revoked: false };
        let given = of(Event::Consent, 2, json!({}), json!({}));
        enter(&ledger, given, vec![Write::PutConsent(row), Write::PutGrant(grant)]).await;
        let in_force = InForce::new(Arc::clone(demo().loaded()), [], ledger.head().unwrap().epoch);
        Self { world, ledger, in_force, pseudonym: Pseudonym::new([5; 16]) }
    }

    fn opened(&self) -> Opened<Ask> {
        let mut facts = facts(consent(terms()));
        (facts.subject_version, facts.epoch) = (1, self.in_force.epoch());
        let now = self.world.hand.now();
        let permit = self.in_force.decide(&afe(), ask(&["revenu.annee"]), &facts, now).unwrap();
        policy::open(minimise(permit), &Drawer).unwrap()
    }

    fn ties(&self) -> Ties {
        let evidence = self.ledger.vault.key(&consent(terms()).subject, &Class::Evidence).unwrap().unwrap();
        Ties { pseudonym: self.pseudonym, consent_entry: 5, evidence }
    }

    async fn release(&self) -> Result<DataToken, NotReleased> {
        let catalogue = self.in_force.catalogue();
        self.ledger.sign(self.ledger.release(self.opened(), catalogue, self.ties(), [1; 32]).await?)
    }

    async fn redeliver(&self, row: &EntryRow) -> Result<DataToken, NotReleased> {
        let catalogue = self.in_force.catalogue();
        self.ledger.sign(self.ledger.redeliver(self.opened(), catalogue, self.ties(), row).await?)
    }
}

#[tokio::test]
async fn a_token_that_has_expired_is_not_delivered_again_and_never_will_be() {
    let scene = Scene::set().await;
    let first = scene.release().await.unwrap();
    let row = scene.ledger.entry(scene.ledger.head().unwrap().size - 1).unwrap().unwrap();
    scene.world.hand.set(LIFE - 1);
    assert_eq!(scene.redeliver(&row).await.unwrap().release(), first.release());
    for late in [LIFE, 2 * LIFE] {
        scene.world.hand.set(late);
        let told = scene.redeliver(&row).await.unwrap_err();
        assert!(matches!(told, NotReleased::Changed(release) if release == *first.release()), "{told}");
    }
}
