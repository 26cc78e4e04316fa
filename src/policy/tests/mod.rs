//! From typed acts and facts to decisions, on the demo catalogue and on departures from it. Here: what the tests share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::decide::{Denial, InForce, Permit, canonical};
use super::minimise;
use super::model::{Act, View};
use super::{Bundle, demo_catalogue, product_rules};
use crate::clock::{Day, Moment};
use crate::crypto::Ed25519Key;
use crate::domain::{
    Ask, Assurance, Attestation, AttributeId, BodyId, Carried, Carry, CarryFacts, CheckAsk, ClientFacts, Consent,
    ConsentAsk, ConsentId, Custodian, Decision, DraftId, Facts, Filed, Giver, GrantId, Hop, Identified, Identifier,
    IdentifierType, KindId, Known, Language, Lapse, Mandate, MandateKind, MandateScope, ManifestAct, Notice, NoticeKey,
    NoticeText, Occasion, OfficerFacts, Operator, OwnView, PersonFacts, Query, Reading, ReadingPurpose, Rehearsing,
    Reliance, Relied, SessionAsk, Stage, StatusChange, StatusRecord, SubjectId, SubjectKind, SubjectStatus, Submission,
    Suspension, Terms,
};
use crate::identity::{AuthenticatedBody, AuthenticatedOfficer, AuthenticatedPerson};
use crate::jose::b64;
use crate::store::Precondition;

mod attest;
mod bases;
mod carry;
mod cases;
mod decisions;
mod diff;
mod loading;
mod mutants;
mod officers;
mod persons;
mod rehearse;
mod releases;
mod rows;

fn demo_files() -> BTreeMap<String, String> {
    product_rules().into_iter().chain(demo_catalogue()).collect()
}

pub(crate) fn now() -> Moment {
    "2026-11-21T17:00:00Z".parse().unwrap()
}

fn files_with(path: &str, from: &str, to: &str) -> BTreeMap<String, String> {
    let mut files = demo_files();
    let text = files.get_mut(path).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    *text = text.replacen(from, to, 1);
    files
}

fn in_force(files: BTreeMap<String, String>) -> InForce {
    let loaded = Bundle::from_files(files).load().unwrap_or_else(|findings| panic!("{findings:?}"));
    InForce::new(Arc::new(loaded), [], 7)
}

/// The demo bundle as if it were none: keys, return addresses and an identity service are made up.
fn real_files() -> BTreeMap<String, String> {
    let mut files = files_with("catalogue/bodies.toml", "demo = true", "demo = false");
    let clients = files.get_mut("catalogue/clients.toml").unwrap();
    *clients = clients.replace("[[delegations]]\n", "[[delegations]]\nissuer = \"https://identite.example\"\n");
    for role in ["role = { kind = \"AGENCY\"", "role = { kind = \"COLLECTOR\"", "role = { kind = \"SOURCE\""] {
        let own = || {
            let x = b64::encode(Ed25519Key::generate().unwrap().0.public());
            let key = format!("keys = [{{ kty = \"OKP\", crv = \"Ed25519\", x = \"{x}\" }}]");
            format!("{key}\nredirect_uris = [\"https://client.example/retour\"]\n{role}")
        };
        let mut parts = clients.split(role).map(str::to_owned).collect::<Vec<_>>().into_iter();
        let first = parts.next().unwrap();
        *clients = parts.fold(first, |text, part| text + &own() + &part);
    }
    for purpose in demo().catalogue().purposes.keys() {
        let defined = format!("[purposes.{purpose}]\n");
        let file = files.values_mut().find(|text| text.contains(&defined)).unwrap();
        let assessment = format!(
            "\n[purposes.{purpose}.assessment]\nreference = \"EFVP fictive\"\nstarted = \"2026-03-02\"\n\
            committee = \"2026-03-02\"\napproved = \"2026-08-30\"\n\
            scores = {{ sensitivity = 3, purpose = 2, quantity = 2, distribution = 1, medium = 1 }}\n"
        );
        file.push_str(&assessment);
    }
    files
}

pub(crate) fn demo() -> InForce {
    in_force(demo_files())
}

/// The demo bundle, with a key to encrypt to its `afe`.
fn encrypting() -> InForce {
    let key = r#"encryption_key = { kty = "EC", crv = "P-256", x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", use = "enc", alg = "ECDH-ES" }"#;
    in_force(files_with("catalogue/bodies.toml", "[bodies.afe]\n", &format!("[bodies.afe]\n{key}\n")))
}

pub(crate) fn attributes(names: &[&str]) -> BTreeSet<AttributeId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn kinds(names: &[&str]) -> BTreeSet<KindId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn custodian() -> Custodian {
    Custodian { body: "bqtu".parse().unwrap(), instrument: "mandat-bqtu".parse().unwrap() }
}

pub(crate) fn client(name: &str, body: &str) -> AuthenticatedBody {
    AuthenticatedBody::for_tests(name.parse().unwrap(), body.parse().unwrap())
}

pub(crate) fn afe() -> AuthenticatedBody {
    client("afe-demandes", "afe")
}

fn born(day: &str) -> Identified {
    Identified { kind: SubjectKind::Person, name: "Zoé L’Écuyer".to_owned(), born: Some(day.parse().unwrap()) }
}

fn adult() -> Identified {
    born("2004-03-09")
}

fn enterprise() -> Identified {
    Identified { kind: SubjectKind::Enterprise, name: "Sirops du Fleuve inc.".to_owned(), born: None }
}

fn representative(kind: MandateKind, until: Option<Moment>) -> Giver {
    let (evidence, verifier) = ("acte-1".to_owned(), "service".to_owned());
    let mandate = Mandate { kind, evidence, verifier, scope: MandateScope::whole(), from: None, until };
    Giver::Representative { representative: SubjectId::new([9; 16]), mandate }
}

pub(crate) fn terms() -> Terms {
    let digest = crate::jose::b64::encode(crate::crypto::sha256(&[words().fr.as_bytes()]));
    Terms {
        purpose: "aide-etudes".parse().unwrap(),
        purpose_version: 1,
        receiving: "afe".parse().unwrap(),
        client: "afe-demandes".parse().unwrap(),
        attributes: attributes(&["revenu.annuel", "revenu.annee"]),
        express: attributes(&["revenu.annuel"]),
        until: now().plus(90 * 86_400),
        max_uses: Some(3),
        case: None,
        sources: BTreeSet::from(["bqtu".parse().unwrap()]),
        assurance: Assurance { acr: None, at: now(), strong: true },
        act: ManifestAct { control: "yes".to_owned(), at: now().plus(-60) },
        notice: Notice {
            template: "consent".to_owned(),
            template_version: 1,
            language: Language::Fr,
            sha256_fr: digest.clone(),
            sha256: digest,
            records: [("revenu".parse().unwrap(), 3)].into(),
            keys: NoticeKey::ALL.iter().copied().collect(),
            attested: None,
            shown: now().plus(-60),
        },
        who: adult(),
        giver: Giver::Subject,
    }
}

fn words() -> NoticeText {
    NoticeText { fr: "Avis".to_owned(), en: None }
}

pub(crate) fn consent(terms: Terms) -> Consent {
    Consent::decided(ConsentId::new([1; 16]), SubjectId::new([2; 16]), terms, true, now().plus(-30))
}

pub(crate) fn facts(consent: Consent) -> Facts {
    Facts {
        on: Known::Consent(Box::new(consent)),
        on_file: Vec::new(),
        status: SubjectStatus::default(),
        grant_stands: true,
        subject_version: 4,
        epoch: 7,
        custodian: custodian(),
    }
}

pub(crate) fn ask(names: &[&str]) -> Ask {
    Ask {
        on: Relied::Consent(ConsentId::new([1; 16])),
        grant: GrantId::new([3; 16]),
        purpose: "aide-etudes".parse().unwrap(),
        attributes: attributes(names),
        recipient_key: "empreinte".to_owned(),
        idempotency_key: "une-fois".to_owned(),
        occasion: None,
    }
}

pub(crate) fn income() -> Ask {
    ask(&["revenu.annuel", "revenu.annee"])
}

fn client_facts() -> ClientFacts {
    ClientFacts { epoch: 7, custodian: custodian() }
}

fn person_facts(who: Identified, giver: Giver) -> PersonFacts {
    let subject = SubjectId::new([2; 16]);
    let status = SubjectStatus::default();
    PersonFacts {
        subject,
        who,
        giver,
        status,
        same_session: true,
        subject_version: 4,
        epoch: 7,
        custodian: custodian(),
    }
}

fn signed_in(facts: &PersonFacts, express: bool) -> AuthenticatedPerson {
    AuthenticatedPerson::for_tests(facts.subject, facts.who.clone(), facts.giver.clone(), now(), express)
}

fn ids<A: Act>(decided: &Result<Permit<A>, Denial>) -> Vec<&str> {
    match decided {
        Ok(_) => Vec::new(),
        Err(denial) => denial.reasons().iter().map(|reason| reason.id.as_str()).collect(),
    }
}

fn told(denial: &Denial) -> Vec<String> {
    denial.told_to_body().into_iter().map(|reason| reason.id).collect()
}

fn consent_ask(purpose: &str, names: &[&str], body: &str) -> ConsentAsk {
    ConsentAsk {
        purpose: purpose.parse().unwrap(),
        purpose_version: None,
        attributes: attributes(names),
        optional: BTreeSet::new(),
        recipient: body.parse().unwrap(),
        until: None,
        max_uses: None,
        case: None,
    }
}
