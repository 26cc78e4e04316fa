//! The main job, played once over real HTTP: each step says what held, or what did not.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use super::browser::{Browser, Page};
use super::client::{Client, Pushed, Token};
use super::wire::{Answer, Wire};
use super::world::Founded;
use crate::app;
use crate::clock::{Clock as _, SystemClock};
use crate::verify;

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// Whether it held.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
}

/// The names of the steps, in order.
pub(super) const STEPS: &[&str] = &[
    "portal-handoff",
    "login",
    "submit-once",
    "consent-asked",
    "preview",
    "consent-given",
    "token",
    "release",
    "verify-token",
    "already-on-file",
    "overreach-refused",
    "officer-search",
    "withdraw",
    "release-after-withdrawal-refused",
    "export-verified",
    "tamper-detected",
];

const PORTAL: &str = "portail-fleuve";
const AGENCY: &str = "afe-demandes";
const OTHER: &str = "saaq-adresses";
const PERSONA: &str = "noe";
const OFFICER: &str = "odile-brossard";

/// What the steps hand on.
struct Play<'a> {
    world: &'a Founded,
    wire: Wire,
    person: Browser,
    portal: Client,
    agency: Client,
    other: Client,
    page: Option<Page>,
    pushed: Option<Pushed>,
    portal_token: Option<Token>,
    token: Option<Token>,
    released: Value,
    claims: Value,
    code: String,
    export: PathBuf,
}

/// Plays the main job; tells each step as it is done.
pub(super) async fn play(world: &Founded, mut told: impl FnMut(&Step)) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut play = match Play::new(world).await {
        Ok(play) => play,
        Err(detail) => {
            steps.push(Step { name: "portal-handoff", ok: false, detail });
            return steps;
        }
    };
    for name in STEPS.iter().copied() {
        let done = play.step(name).await;
        let ok = done.is_ok();
        let step = Step { name, ok, detail: done.unwrap_or_else(|fault| fault) };
        told(&step);
        steps.push(step);
        if !ok {
            break;
        }
    }
    steps
}

impl<'a> Play<'a> {
    async fn new(world: &'a Founded) -> Result<Self, String> {
        let wire = world.wire()?;
        let client = async |id: &str| {
            Client::discover(wire.clone(), &world.issuer, id, world.key(id)?, &world.redirect_uri(id)).await
        };
        Ok(Self {
            world,
            person: Browser::new(wire.clone(), &world.site),
            portal: client(PORTAL).await?,
            agency: client(AGENCY).await?,
            other: client(OTHER).await?,
            wire,
            page: None,
            pushed: None,
            portal_token: None,
            token: None,
            released: Value::Null,
            claims: Value::Null,
            code: String::new(),
            export: world.folder.join("export"),
        })
    }

    async fn step(&mut self, name: &str) -> Result<String, String> {
        match name {
            "portal-handoff" => self.portal_handoff().await,
            "login" => self.login().await,
            "submit-once" => self.submit_once().await,
            "consent-asked" => self.consent_asked().await,
            "preview" => self.preview(),
            "consent-given" => self.consent_given().await,
            "token" => self.redeem().await,
            "release" => self.release().await,
            "verify-token" => self.verify_token().await,
            "already-on-file" => self.already_on_file().await,
            "overreach-refused" => self.overreach_refused().await,
            "officer-search" => self.officer_search().await,
            "withdraw" => self.withdraw().await,
            "release-after-withdrawal-refused" => self.refused_after_withdrawal().await,
            "export-verified" => self.export_verified().await,
            "tamper-detected" => self.tamper_detected(),
            other => Err(format!("no step {other}")),
        }
    }

    /// The portal pushes what it wants to do and hands the person over.
    async fn portal_handoff(&mut self) -> Result<String, String> {
        let details = json!([{
            "type": format!("{}/types/portal-session/v1", self.world.issuer),
            "checks": ["adresse", "revenu"], "drafts": ["adresse", "revenu"],
        }]);
        let pushed = self.portal.push(&details, "etat-1").await?.map_err(|answer| answer.text())?;
        let page = self.person.open(&pushed.url).await?.page()?;
        let seen = format!("« {} »", page.heading());
        (self.page, self.pushed) = (Some(page), Some(pushed));
        Ok(seen)
    }

    /// The person signs in at the identity service and agrees to what the portal may do.
    async fn login(&mut self) -> Result<String, String> {
        let arrival = self.page.take().ok_or("no page")?;
        let personas = self.person.submit(&arrival, &[("choice", "continue")]).await?.page()?;
        let session = self.person.submit(&personas, &[("persona", PERSONA)]).await?.page()?;
        let heading = session.heading();
        let back = self.person.submit(&session, &[("choice", "yes")]).await?.back()?;
        expect(back.get("iss"), &self.world.issuer, "iss")?;
        let pushed = self.pushed.take().ok_or("nothing pushed")?;
        let code = back.get("code").ok_or("no code")?;
        self.portal_token = Some(self.portal.redeem(&pushed, code).await?);
        Ok(format!("{PERSONA} signed in at {}; « {heading} »", self.world.persons))
    }

    /// The portal's drafts are seen and confirmed on our pages.
    async fn submit_once(&mut self) -> Result<String, String> {
        let token = self.portal_token.clone().ok_or("no portal token")?;
        let adresse = json!({"ligne": "12, rue de l’Île-aux-Coudres", "municipalite": "Val-Cendre",
            "code-postal": "G1A 1A1", "depuis": "2024-07-01"});
        let revenu = json!({"annuel": 18_450, "annee": 2025});
        for (kind, values) in [("adresse", adresse), ("revenu", revenu)] {
            let answer = self.portal.draft(&token, kind, &values, "etat-2").await?;
            let uri = answer.json().get("confirm_uri").and_then(Value::as_str).map(str::to_owned);
            let page = self.person.open(&uri.ok_or_else(|| answer.text())?).await?.page()?;
            if !page.html.contains("Val-Cendre") && kind == "adresse" {
                return Err(format!("the draft's values are not on the page « {} »", page.heading()));
            }
            let back = self.person.submit(&page, &[("choice", "yes")]).await?.back()?;
            expect(back.get("result"), "done", "result")?;
        }
        Ok("address and own income confirmed on our page and sealed".to_owned())
    }

    /// From the agency's own page: a pushed request with rich authorization details.
    async fn consent_asked(&mut self) -> Result<String, String> {
        let pushed = self.agency.push(&self.asked(), "etat-3").await?.map_err(|answer| answer.text())?;
        let arrival = self.person.open(&pushed.url).await?.page()?;
        let page = self.person.submit(&arrival, &[("choice", "continue")]).await?.page()?;
        let page = self.confirm_identity(page).await?;
        let seen = format!("« {} »", page.heading());
        (self.page, self.pushed) = (Some(page), Some(pushed));
        Ok(seen)
    }

    /// A sensitive attribute takes a stronger sign-in: the identity service asks again.
    async fn confirm_identity(&mut self, mut page: Page) -> Result<Page, String> {
        for field in ["persona", "confirm"] {
            if page.url.starts_with(&self.world.persons) {
                page = self.person.submit(&page, &[(field, PERSONA)]).await?.page()?;
            }
        }
        Ok(page)
    }

    fn asked(&self) -> Value {
        json!([{
            "type": format!("{}/types/data-release/v1", self.world.issuer),
            "purpose": "aide-etudes", "datatypes": ["revenu.annuel", "revenu.annee"], "recipient": "afe",
            "case_ref": "AFE-2026-000123",
        }])
    }

    /// The exact values are on the page.
    fn preview(&mut self) -> Result<String, String> {
        let page = self.page.as_ref().ok_or("no page")?;
        let plain: String =
            page.html.chars().filter(|c| !c.is_whitespace() && *c != '\u{a0}' && *c != '\u{202f}').collect();
        let plain = plain.replace("&nbsp;", "");
        for value in ["18450", "2025", "AFE-2026-000123"] {
            if !plain.contains(value) {
                return Err(format!("{value} is not on « {} »", page.heading()));
            }
        }
        Ok("18 450 and 2025 are on the page before anything is decided".to_owned())
    }

    /// The person agrees, with an act of its own for each sensitive attribute.
    async fn consent_given(&mut self) -> Result<String, String> {
        let page = self.page.take().ok_or("no page")?;
        let without = self.person.submit(&page, &[("choice", "yes")]).await?.page()?;
        if without.status != 422 {
            return Err(format!("a yes without express consent was answered {}", without.status));
        }
        let express = [("express", "revenu.annuel"), ("choice", "yes")];
        let back = self.person.submit(&page, &express).await?.back()?;
        expect(back.get("state"), "etat-3", "state")?;
        expect(back.get("iss"), &self.world.issuer, "iss")?;
        self.code = back.get("code").cloned().ok_or("no code")?;
        Ok("refused without the express tick, given with it".to_owned())
    }

    /// The code for a token: private_key_jwt, PKCE, DPoP with a nonce.
    async fn redeem(&mut self) -> Result<String, String> {
        let resource = format!("{}/.well-known/oauth-protected-resource/v1", self.world.issuer);
        let resource = self.wire.get(&resource).await?.json();
        let server = resource.pointer("/authorization_servers/0").and_then(Value::as_str).map(str::to_owned);
        expect(server.as_ref(), &self.world.issuer, "authorization server")?;
        let pushed = self.pushed.take().ok_or("nothing pushed")?;
        let token = self.agency.redeem(&pushed, &self.code).await?;
        if self.agency.redeem(&pushed, &self.code).await.is_ok() {
            return Err("the code was redeemed twice".to_owned());
        }
        let consent = token.details.pointer("/0/consent_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.token = Some(token);
        Ok(format!("DPoP-bound, for consent {consent}"))
    }

    fn ask(&self, purpose: &str, attributes: &[&str]) -> Result<Value, String> {
        let token = self.token.as_ref().ok_or("no token")?;
        let consent = token.details.pointer("/0/consent_id").cloned().ok_or("no consent_id")?;
        Ok(json!({"consent_id": consent, "purpose": purpose, "attributes": attributes}))
    }

    /// One data token, with its proof.
    async fn release(&mut self) -> Result<String, String> {
        let ask = self.ask("aide-etudes", &["revenu.annuel", "revenu.annee"])?;
        let token = self.token.as_ref().ok_or("no token")?;
        let answer = self.agency.release(token, "cle-1", &ask).await?;
        if answer.status != 200 {
            return Err(answer.text());
        }
        self.released = answer.json();
        Ok(format!(
            "{} with its entry proof",
            self.released.get("release_id").and_then(Value::as_str).unwrap_or_default()
        ))
    }

    /// With code that shares nothing with the signer: decrypted, verified, proved.
    async fn verify_token(&mut self) -> Result<String, String> {
        let jwks = self.wire.get(&format!("{}/jwks", self.world.issuer)).await?.text();
        let vkey = self.wire.get(&format!("{}/log/vkey", self.world.issuer)).await?.text();
        let member = |name: &str| self.released.get(name).and_then(Value::as_str).unwrap_or_default();
        let check = || {
            let signed = verify::decrypt(member("data_token"), &self.world.encryption_key("afe").unwrap_or_default())?;
            let expected =
                verify::Expected { issuer: &self.world.issuer, audience: "afe", now: SystemClock.now().unix() };
            let token = verify::DataToken::verify(&signed, &verify::Jwks::parse(&jwks)?, &expected)?;
            let proof = verify::EntryProof::verify(member("proof"), &verify::Vkey::parse(vkey.trim())?)?;
            token.check_entry(&proof)?;
            Ok::<_, verify::Fault>((Value::Object(token.claims().clone()), proof.index()))
        };
        let (claims, index) = check().map_err(|fault| fault.to_string())?;
        self.claims = claims;
        let values = self.claims.get("values").and_then(Value::as_object).map(serde_json::Map::len);
        let income = self.claims.pointer("/values/revenu.annuel/value").and_then(Value::as_i64);
        if values != Some(2) || income != Some(18_450) {
            return Err("the token holds something else than what was consented to".to_owned());
        }
        let (redelivered, index) = (self.redelivered().await?, index);
        Ok(format!("JWE opened, JWS and proof hold; entry {index}; {redelivered}"))
    }

    /// A retry gets the same claims and takes no use.
    async fn redelivered(&self) -> Result<String, String> {
        let ask = self.ask("aide-etudes", &["revenu.annuel", "revenu.annee"])?;
        let token = self.token.as_ref().ok_or("no token")?;
        let answer = self.agency.release(token, "cle-1", &ask).await?;
        let again = answer.json().get("release_id").cloned();
        if again.is_some() && again == self.released.get("release_id").cloned() {
            Ok("a retry redelivers it".to_owned())
        } else {
            Err(format!("a retry was answered {}", answer.text()))
        }
    }

    /// The portal asks again and need not.
    async fn already_on_file(&mut self) -> Result<String, String> {
        let token = self.portal_token.as_ref().ok_or("no portal token")?;
        let answer = self.portal.check(token).await?;
        let records = answer.json().get("records").and_then(Value::as_array).cloned().unwrap_or_default();
        let on_file = |record: &Value| record.get("on_file").and_then(Value::as_bool) == Some(true);
        if records.len() == 2 && records.iter().all(on_file) && !answer.text().contains("Val-Cendre") {
            Ok(answer.text())
        } else {
            Err(answer.text())
        }
    }

    /// A second agency asks beyond its purpose: refused at PAR, and at the releases with the first one's consent.
    async fn overreach_refused(&mut self) -> Result<String, String> {
        let beyond = json!([{
            "type": format!("{}/types/data-release/v1", self.world.issuer),
            "purpose": "changement-adresse", "datatypes": ["adresse.ligne", "revenu.annuel"], "recipient": "saaq",
        }]);
        let Err(refused) = self.other.push(&beyond, "etat-4").await? else {
            return Err("PAR accepted an attribute outside the purpose".to_owned());
        };
        let at_par = told(&refused, 400, "/reasons/0/citations/0/cite")?;
        expect(
            refused.json().get("error").and_then(Value::as_str).map(str::to_owned).as_ref(),
            "invalid_authorization_details",
            "error",
        )?;
        let token = self.address_token().await?;
        let consent = token.details.pointer("/0/consent_id").cloned().ok_or("no consent_id")?;
        let ask = json!({"consent_id": consent, "purpose": "changement-adresse", "attributes": ["adresse.ligne", "revenu.annuel"]});
        let answer = self.other.release(&token, "cle-2", &ask).await?;
        let at_release = told(&answer, 403, "/reasons/0/citations/0/cite")?;
        let mend = answer.json().pointer("/reasons/0/mend_fr").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(format!("PAR: {at_par}; releases: {at_release}; « {mend} »"))
    }

    /// The second agency's own consent, for the address.
    async fn address_token(&mut self) -> Result<Token, String> {
        let details = json!([{
            "type": format!("{}/types/data-release/v1", self.world.issuer), "purpose": "changement-adresse",
            "datatypes": ["identite.nom", "adresse.ligne", "adresse.municipalite", "adresse.code-postal", "adresse.depuis"],
            "recipient": "saaq",
        }]);
        let pushed = self.other.push(&details, "etat-5").await?.map_err(|answer| answer.text())?;
        let arrival = self.person.open(&pushed.url).await?.page()?;
        let page = self.person.submit(&arrival, &[("choice", "continue")]).await?.page()?;
        let back = self.person.submit(&page, &[("choice", "yes")]).await?.back()?;
        self.other.redeem(&pushed, back.get("code").ok_or("no code")?).await
    }

    /// The officer finds the release, with a reason, and opens its entry and proof.
    async fn officer_search(&mut self) -> Result<String, String> {
        let mut officer = Browser::new(self.wire.clone(), &self.world.site);
        let personas = officer.open(&format!("{}/fr/registre", self.world.issuer)).await?.page()?;
        let search = officer.submit(&personas, &[("persona", OFFICER)]).await?.page()?;
        let without = officer.submit(&search, &[("event", "release")]).await?.page()?;
        if without.status != 422 {
            return Err("a search without a reason was answered".to_owned());
        }
        let fields = [("reason", "Vérification trimestrielle"), ("event", "release"), ("body", "afe")];
        let found = officer.submit(&search, &fields).await?.page()?;
        let proof = self.released.get("proof").and_then(Value::as_str).unwrap_or_default();
        let index = proof.lines().find_map(|line| line.strip_prefix("index ")).unwrap_or_default().to_owned();
        if !found.html.contains(&format!("value=\"{index}\"")) {
            return Err(format!("entry {index} is not among what was found: « {} » {}", found.heading(), found.status));
        }
        let fields = [("reason", "Vérification trimestrielle"), ("entry", index.as_str())];
        let entry = officer.submit_to(&found, "/fr/registre/entree", &fields).await?.page()?;
        if entry.status != 200 || !entry.html.contains("c2sp.org/tlog-proof@v1") {
            return Err(format!("the entry's proof is not on « {} »", entry.heading()));
        }
        Ok(format!("entry {index} found and opened, « {} »", entry.heading()))
    }

    /// Two steps from the person's page.
    async fn withdraw(&mut self) -> Result<String, String> {
        let consent = self.claims.pointer("/basis/consent").and_then(Value::as_str).ok_or("no consent")?.to_owned();
        let decisions = self.person.open(&format!("{}/fr/decisions", self.world.issuer)).await?.page()?;
        if !decisions.html.contains(&consent) {
            return Err(format!("the consent is not on « {} »", decisions.heading()));
        }
        let page = self.person.open(&format!("{}/fr/decisions/{consent}", self.world.issuer)).await?.page()?;
        let done = self.person.submit(&page, &[("choice", "withdraw")]).await?.page()?;
        if done.status == 200 { Ok(format!("« {} »", done.heading())) } else { Err(done.heading()) }
    }

    /// Neither a new release nor the retry of the old one.
    async fn refused_after_withdrawal(&mut self) -> Result<String, String> {
        let ask = self.ask("aide-etudes", &["revenu.annuel", "revenu.annee"])?;
        let token = self.token.as_ref().ok_or("no token")?;
        let fresh = told(&self.agency.release(token, "cle-3", &ask).await?, 403, "/reasons/0/id")?;
        let retried = told(&self.agency.release(token, "cle-1", &ask).await?, 403, "/reasons/0/id")?;
        Ok(format!("a new key: {fresh}; the old key: {retried}"))
    }

    /// The export holds offline, against the verifier key and the proof that the agency got.
    async fn export_verified(&mut self) -> Result<String, String> {
        let command = app::Command::Export { folder: self.export.clone(), open: Some(("dev".into(), "essai".into())) };
        app::command(&self.world.config, command).await?;
        let report = verify::audit(&self.export, &self.trust().await?).map_err(|fault| fault.to_string())?;
        if report.ok { Ok(report.to_string().replace('\n', "; ")) } else { Err(report.to_string()) }
    }

    async fn trust(&self) -> Result<verify::Trust, String> {
        let vkey = self.wire.get(&format!("{}/log/vkey", self.world.issuer)).await?.text();
        let proof = self.released.get("proof").and_then(Value::as_str).unwrap_or_default().to_owned();
        let checkpoint = self.wire.get(&format!("{}/log/checkpoint", self.world.issuer)).await?.text();
        Ok(verify::Trust { vkey: Some(vkey.trim().to_owned()), checkpoints: vec![checkpoint], proofs: vec![proof] })
    }

    /// One flipped bit, and the entry is named.
    fn tamper_detected(&mut self) -> Result<String, String> {
        const LEAF: usize = 128;
        const ENTRY: usize = 5;
        let path = self.export.join("leaves");
        let mut leaves = std::fs::read(&path).map_err(|fault| fault.to_string())?;
        let byte = leaves.get_mut(ENTRY * LEAF + 20).ok_or("the log is too short")?;
        *byte ^= 1;
        std::fs::write(&path, leaves).map_err(|fault| fault.to_string())?;
        let report = verify::audit(&self.export, &verify::Trust::default()).map_err(|fault| fault.to_string())?;
        let named = serde_json::to_value(&report).map_err(|fault| fault.to_string())?;
        let departs = named.get("departs").map(Value::to_string).unwrap_or_default();
        if !report.ok && departs.contains(&ENTRY.to_string()) { Ok(departs) } else { Err(report.to_string()) }
    }
}

/// A refusal as expected: its status, and what stands at `pointer`.
pub(super) fn told(answer: &Answer, status: u16, pointer: &str) -> Result<String, String> {
    let found = answer.json().pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    match found {
        Some(found) if answer.status == status => Ok(found),
        _ => Err(format!("answered {}: {}", answer.status, answer.text())),
    }
}

pub(super) fn expect(found: Option<&String>, wanted: &str, what: &str) -> Result<(), String> {
    if found.map(String::as_str) == Some(wanted) { Ok(()) } else { Err(format!("{what} is {found:?}, not {wanted}")) }
}
