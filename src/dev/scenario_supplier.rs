//! A supplier's scenario, played once over real HTTP: Revenu Québec attests once, the signing officer authorises four
//! public bodies, and each draws the attestation for its own call for tenders, as long as it is good for it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::browser::{Browser, Page};
use super::client::{Client, Token};
use super::scenario::{Step, expect, told};
use super::wire::{Answer, Wire};
use super::world::Founded;
use crate::app;
use crate::clock::{Clock as _, Day, SystemClock};
use crate::verify;

/// The names of the steps, in order.
pub(super) const STEPS: &[&str] = &[
    "supplier-attested-once",
    "supplier-authorises-each",
    "supplier-drawn-by-each",
    "supplier-issued-too-late-refused",
    "supplier-run-out-refused",
    "supplier-below-threshold-refused",
    "supplier-log-says-why",
];

const SOURCE: &str = "rq-attestations";
const PERSONA: &str = "sirop";
const ENTERPRISE: &str = "neq-1171234567";
const NEQ: &str = "1171234567";
const NUMBER: &str = "RQ-2026-88412";
const PURPOSE: &str = "admissibilite-appel-offres";
const ATTRIBUTES: [&str; 2] = ["attestation-fiscale.numero", "attestation-fiscale.delivree-le"];

/// Clients that draw, each with its body and its call for tenders.
const DRAWERS: [(&str, &str, &str); 4] = [
    ("cag-appels-offres", "cag", "CAG-2026-104"),
    ("ouvrages-appels-offres", "ministere-des-ouvrages", "MO-2026-31"),
    ("sante-appels-offres", "sante-du-fjord", "CSF-2026-12"),
    ("scolaire-appels-offres", "services-scolaires-du-fjord", "CSSF-2026-07"),
];

/// A body that was authorised.
struct Drawer {
    client: Client,
    body: &'static str,
    tender: &'static str,
    token: Token,
}

/// What the steps hand on.
struct Play<'a> {
    world: &'a Founded,
    wire: Wire,
    officer: Browser,
    issued: Day,
    drawers: Vec<Drawer>,
    proofs: Vec<String>,
}

/// Plays the scenario; tells each step as it is done, and ends with the first that does not hold.
pub(super) async fn play(world: &Founded, mut tell: impl FnMut(&Step)) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut play = Play::new(world);
    for name in STEPS.iter().copied() {
        let done = match &mut play {
            Ok(play) => play.step(name).await,
            Err(fault) => Err(fault.clone()),
        };
        let ok = done.is_ok();
        let step = Step { name, ok, detail: done.unwrap_or_else(|fault| fault) };
        tell(&step);
        steps.push(step);
        if !ok {
            break;
        }
    }
    steps
}

impl<'a> Play<'a> {
    fn new(world: &'a Founded) -> Result<Self, String> {
        let wire = world.wire()?;
        let officer = Browser::new(wire.clone(), &world.site);
        let issued = SystemClock.now().day().plus_days(-2);
        Ok(Self { world, wire, officer, issued, drawers: Vec::new(), proofs: Vec::new() })
    }

    async fn step(&mut self, name: &str) -> Result<String, String> {
        match name {
            "supplier-attested-once" => self.attested_once().await,
            "supplier-authorises-each" => self.authorises_each().await,
            "supplier-drawn-by-each" => self.drawn_by_each().await,
            "supplier-issued-too-late-refused" => {
                let closed_before = self.issued.plus_days(-1);
                self.refused("trop-tard", closed_before, 60_000, "no-authorisation").await
            }
            "supplier-run-out-refused" => {
                let closes_after = self.issued.month_end(3).plus_days(1);
                self.refused("echue", closes_after, 60_000, "no-authorisation").await
            }
            "supplier-below-threshold-refused" => {
                let soon = SystemClock.now().day().plus_days(7);
                self.refused("sous-le-seuil", soon, 24_999, "below-threshold").await
            }
            "supplier-log-says-why" => self.log_says_why().await,
            other => Err(format!("no step {other}")),
        }
    }

    async fn client(&self, id: &str) -> Result<Client, String> {
        let (key, back) = (self.world.key(id)?, self.world.redirect_uri(id));
        Client::discover(self.wire.clone(), &self.world.issuer, id, key, &back).await
    }

    /// The source attests; the retry of its request is the same attestation.
    async fn attested_once(&self) -> Result<String, String> {
        let source = self.client(SOURCE).await?;
        let token = source.admitted().await?.map_err(|answer| answer.text())?;
        let attestation = json!({
            "kind": "attestation-fiscale", "of": {"type": "neq", "value": NEQ}, "issued": self.issued,
            "reference": NUMBER, "values": {"numero": NUMBER, "delivree-le": self.issued},
        });
        let first = source.attest(&token, "attestation-1", &attestation).await?;
        let again = source.attest(&token, "attestation-1", &attestation).await?;
        let entry = |answer: &Answer| answer.json().get("entry").and_then(Value::as_u64);
        let valid_until = first.json().get("valid_until").and_then(Value::as_str).map(str::to_owned);
        expect(valid_until.as_ref(), &self.issued.month_end(3).to_string(), "valid_until")?;
        match entry(&first) {
            Some(index) if entry(&again) == Some(index) => {
                Ok(format!("issued {}, valid until {}; entry {index}", self.issued, self.issued.month_end(3)))
            }
            _ => Err(format!("{} then {}", first.text(), again.text())),
        }
    }

    /// One decision for each body: they are asked one after the other, and each stands alone.
    async fn authorises_each(&mut self) -> Result<String, String> {
        for (id, body, tender) in DRAWERS {
            let client = self.client(id).await?;
            let details = json!([{
                "type": format!("{}/types/data-release/v1", self.world.issuer), "purpose": PURPOSE,
                "datatypes": ATTRIBUTES, "recipient": body,
            }]);
            let pushed = client.push(&details, tender).await?.map_err(|answer| answer.text())?;
            let page = self.question(&pushed.url).await?;
            if !page.html.contains(NUMBER) {
                return Err(format!("the attestation is not on « {} »", page.heading()));
            }
            let back = self.officer.submit(&page, &[("choice", "yes")]).await?.back()?;
            let token = client.redeem(&pushed, back.get("code").ok_or("no code")?).await?;
            self.drawers.push(Drawer { client, body, tender, token });
        }
        Ok(format!("{PERSONA} authorised {} bodies, for {ENTERPRISE}", self.drawers.len()))
    }

    /// The question for the enterprise, once its signing officer is there.
    async fn question(&mut self, url: &str) -> Result<Page, String> {
        let arrival = self.officer.open(url).await?.page()?;
        let mut page = self.officer.submit(&arrival, &[("choice", "continue")]).await?.page()?;
        if page.url.starts_with(&self.world.persons) {
            page = self.officer.submit(&page, &[("persona", PERSONA)]).await?.page()?;
        }
        if page.url.ends_with("/pour-qui") {
            page = self.officer.submit(&page, &[("subject", ENTERPRISE)]).await?.page()?;
        }
        Ok(page)
    }

    /// Each body draws the same attestation for its own call for tenders, and checks what it got.
    async fn drawn_by_each(&mut self) -> Result<String, String> {
        let jwks = self.wire.get(&format!("{}/jwks", self.world.issuer)).await?.text();
        let closing = SystemClock.now().day().plus_days(7);
        for drawer in &self.drawers {
            let answer = drawer.draw("soumission-1", drawer.tender, closing, 60_000).await?;
            let body = answer.json();
            let member = |name: &str| body.get(name).and_then(Value::as_str).ok_or_else(|| answer.text());
            let (token, proof) = (member("data_token")?, member("proof")?);
            let claims = self.verified(token, proof, &jwks, drawer.body).map_err(|fault| fault.to_string())?;
            let text = |pointer: &str| claims.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            expect(text("/occasion/reference").as_ref(), drawer.tender, "occasion")?;
            expect(text("/releasing").as_ref(), "revenu-quebec", "releasing")?;
            expect(text("/values/attestation-fiscale.numero/value").as_ref(), NUMBER, "number")?;
            self.proofs.push(proof.to_owned());
        }
        let tenders: Vec<&str> = self.drawers.iter().map(|drawer| drawer.tender).collect();
        Ok(format!("for {}; each token and its proof hold", tenders.join(", ")))
    }

    fn verified(&self, token: &str, proof: &str, jwks: &str, audience: &str) -> Result<Value, verify::Fault> {
        let expected = verify::Expected { issuer: &self.world.issuer, audience, now: SystemClock.now().unix() };
        let token = verify::DataToken::verify(token, &verify::Jwks::parse(jwks)?, &expected)?;
        token.check_entry(&verify::EntryProof::verify(proof, &verify::Vkey::parse(self.world.vkey.trim())?)?)?;
        Ok(Value::Object(token.claims().clone()))
    }

    /// A draw that is refused: what the body is told.
    async fn refused(&self, key: &str, closing: Day, amount: u64, wanted: &str) -> Result<String, String> {
        let drawer = self.drawers.first().ok_or("nobody draws")?;
        let answer = drawer.draw(key, drawer.tender, closing, amount).await?;
        let said = told(&answer, 403, "/reasons/0/id")?;
        expect(Some(&said), wanted, "reason")?;
        Ok(format!("closing {closing}, {amount} $: {}", told(&answer, 403, "/reasons/0/fr")?))
    }

    /// The log holds, says which rule refused each draw, and names the enterprise in no act.
    async fn log_says_why(&self) -> Result<String, String> {
        let folder = self.world.folder.join("export-supplier");
        app::command(&self.world.config, app::Command::Export { folder: folder.clone(), open: None }).await?;
        let vkey = Some(self.world.vkey.trim().to_owned());
        let trust = verify::Trust { vkey, checkpoints: Vec::new(), proofs: self.proofs.clone() };
        let report = verify::audit(&folder, &trust).map_err(|fault| fault.to_string())?;
        if !report.ok {
            return Err(report.to_string());
        }
        let acts = std::fs::read_to_string(folder.join("acts.jsonl")).map_err(|fault| fault.to_string())?;
        if acts.contains(NEQ) {
            return Err("an act names the enterprise".to_owned());
        }
        let wanted = ["attestation-too-late", "attestation-run-out", "below-threshold"];
        let found: BTreeSet<&str> = wanted.into_iter().filter(|rule| acts.contains(rule)).collect();
        if found.len() < wanted.len() {
            return Err(format!("of the refusals, the log tells only {found:?}"));
        }
        Ok(format!("{}; the export holds, and no act names the enterprise", wanted.join(", ")))
    }
}

impl Drawer {
    async fn draw(&self, key: &str, tender: &str, closing: Day, amount: u64) -> Result<Answer, String> {
        let consent = self.token.details.pointer("/0/consent_id").cloned().ok_or("no consent_id")?;
        let ask = json!({
            "consent_id": consent, "purpose": PURPOSE, "attributes": ATTRIBUTES,
            "occasion": {"reference": tender, "at": closing.start().to_string(), "amount": amount},
        });
        self.client.release(&self.token, key, &ask).await
    }
}
