//! A reform, played over real HTTP: before it, on its day, after it, and where there is no successor.
//!
//! The reform is fictional and of today: a bundle that an administrator signs ends the centre and puts the agency in its
//! place for one of its two functions. The clock is the machine's: what law and rules see of the day is what they would
//! see in life. The reform of 2020 stands in the demo's catalogue beside it, as history.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::browser::Browser;
use super::client::{Client, Token};
use super::scenario::{Step, told};
use super::wire::Wire;
use super::world::Founded;
use crate::app;
use crate::clock::{Clock as _, Day, SystemClock};
use crate::verify;

/// The names of the steps, in order.
pub(super) const STEPS: &[&str] = &[
    "before-the-reform",
    "the-day-of-the-reform",
    "nothing-moves-by-itself",
    "consents-carried-or-suspended",
    "after-the-reform",
    "no-successor",
    "old-token-still-verifies",
    "withdrawn-from-the-successor",
    "reform-verified",
];

const PORTAL: &str = "portail-fleuve";
const GONE: &str = "centre-nord";
const SUCCESSOR: &str = "agence-nord";
const PERSONA: &str = "alice";

/// What the fictional Act says, and what it does not.
const SUBSTITUTION: &str = r#"
[[substitutions]]
predecessor = "centre-du-nord"
successor = "agence-du-nord"
function = "services-aux-residents"
from = "{day}"
instrument = { cite = "Loi fictive sur le Nord, art. 1" }
nature = "substitution"

[[unmapped]]
body = "centre-du-nord"
function = "paie"
reason = { fr = "La loi fictive n’en dit rien.", en = "The fictional Act does not say." }
"#;

/// A consent that the centre holds.
#[derive(Clone, Default)]
struct Held {
    token: Option<Token>,
    id: String,
    ask: Value,
}

/// What the steps hand on.
struct Play<'a> {
    world: &'a Founded,
    wire: Wire,
    person: Browser,
    centre: Client,
    agency: Client,
    shuttle: Held,
    pay: Held,
    before: Value,
    carried: Option<Token>,
}

/// Plays the reform; tells each step as it is done.
pub(super) async fn play(world: &Founded, mut told: impl FnMut(&Step)) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut play = Play::new(world).await;
    for name in STEPS.iter().copied() {
        let done = match &mut play {
            Ok(play) => play.step(name).await,
            Err(fault) => Err(fault.clone()),
        };
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

/// A bundle's files in which the centre is gone since `day`, and the agency has its services to residents.
pub fn reformed(files: &BTreeMap<String, String>, day: Day) -> BTreeMap<String, String> {
    const FILE: &str = "catalogue/reform.toml";
    let mut files = files.clone();
    if let Some(text) = files.get_mut(FILE) {
        let since = "from = \"2018-04-01\"\n";
        *text = text.replacen(since, &format!("{since}until = \"{day}\"\n"), 1);
        text.push_str(&SUBSTITUTION.replace("{day}", &day.to_string()));
    }
    files
}

impl<'a> Play<'a> {
    async fn new(world: &'a Founded) -> Result<Self, String> {
        let wire = world.wire()?;
        Ok(Self {
            world,
            person: Browser::new(wire.clone(), &world.site),
            centre: client(world, GONE).await?,
            agency: client(world, SUCCESSOR).await?,
            wire,
            shuttle: Held::default(),
            pay: Held::default(),
            before: Value::Null,
            carried: None,
        })
    }

    async fn step(&mut self, name: &str) -> Result<String, String> {
        match name {
            "before-the-reform" => self.before().await,
            "the-day-of-the-reform" => self.day().await,
            "nothing-moves-by-itself" => self.nothing_moves().await,
            "consents-carried-or-suspended" => self.apply().await,
            "after-the-reform" => self.after().await,
            "no-successor" => self.no_successor().await,
            "old-token-still-verifies" => self.old_token().await,
            "withdrawn-from-the-successor" => self.withdrawn().await,
            "reform-verified" => self.verified().await,
            other => Err(format!("no step {other}")),
        }
    }

    /// A person gives their address and two consents to the centre, which uses one.
    async fn before(&mut self) -> Result<String, String> {
        self.give_address().await?;
        self.shuttle = self.consent("navette-du-nord", "adresse.municipalite").await?;
        self.pay = self.consent("paie-du-nord", "adresse.code-postal").await?;
        let token = self.shuttle.token.as_ref().ok_or("no token")?;
        let answer = self.centre.release(token, "reforme-1", &self.shuttle.ask).await?;
        if answer.status != 200 {
            return Err(answer.text());
        }
        self.before = answer.json();
        Ok("centre-du-nord: a consent for its shuttle and one for its payroll; a token released".to_owned())
    }

    async fn give_address(&mut self) -> Result<(), String> {
        let portal = client(self.world, PORTAL).await?;
        let details = json!([{
            "type": format!("{}/types/portal-session/v1", self.world.issuer), "checks": ["adresse"], "drafts": ["adresse"],
        }]);
        let token = granted(&mut self.person, self.world, &portal, &details).await?;
        let adresse = json!({"ligne": "7, rang du Nord", "municipalite": "Val-Cendre", "code-postal": "G1A 1A1",
            "depuis": "2021-07-01"});
        let answer = portal.draft(&token, "adresse", &adresse, "etat").await?;
        let uri = answer.json().get("confirm_uri").and_then(Value::as_str).map(str::to_owned);
        let page = self.person.open(&uri.ok_or_else(|| answer.text())?).await?.page()?;
        self.person.submit(&page, &[("choice", "yes")]).await?.back().map(drop)
    }

    async fn consent(&mut self, purpose: &str, attribute: &str) -> Result<Held, String> {
        let details = json!([{
            "type": format!("{}/types/data-release/v1", self.world.issuer), "purpose": purpose,
            "datatypes": [attribute], "recipient": "centre-du-nord",
        }]);
        let token = granted(&mut self.person, self.world, &self.centre, &details).await?;
        let id = token.details.pointer("/0/consent_id").and_then(Value::as_str).ok_or("no consent_id")?.to_owned();
        let ask = json!({"consent_id": id, "purpose": purpose, "attributes": [attribute]});
        Ok(Held { token: Some(token), id, ask })
    }

    /// The bundle of the day comes into force: from then on the centre gets nothing, and no job is needed for that.
    async fn day(&mut self) -> Result<String, String> {
        let today = SystemClock.now().day();
        self.world.activate(reformed(&self.world.files, today)).await?;
        let token = self.shuttle.token.as_ref().ok_or("no token")?;
        let refused = self.centre.release(token, "reforme-2", &self.shuttle.ask).await?;
        let reason = told(&refused, 403, "/reasons/0/id")?;
        if reason == "body-gone" { Ok(format!("centre-du-nord ended {today} at 00:00: {reason}")) } else { Err(reason) }
    }

    /// The agency has nothing yet of what the centre held.
    async fn nothing_moves(&self) -> Result<String, String> {
        match self.agency.hold(&self.shuttle.id).await? {
            Err(refused) => told(&refused, 400, "/error").map(|error| format!("agence-du-nord: {error}")),
            Ok(_) => Err("a consent moved by itself".to_owned()),
        }
    }

    /// The operator applies the reform; twice, which changes nothing more.
    async fn apply(&self) -> Result<String, String> {
        let apply = async || {
            let (operator, from) = ("essai".to_owned(), "centre-du-nord".parse().map_err(|_| "no body name")?);
            app::command(&self.world.config, app::Command::Reform { operator, from, after: None }).await
        };
        let (first, again) = (apply().await?, apply().await?);
        let counts = |done: &Value| ["carried", "suspended", "left"].map(|it| done.get(it).and_then(Value::as_u64));
        if counts(&first) == [Some(1), Some(1), Some(0)] && counts(&again) == [Some(0), Some(0), Some(1)] {
            Ok(format!("{first}; again: {again}"))
        } else {
            Err(format!("{first}; again: {again}"))
        }
    }

    /// The agency asks with its own key, under the consent given to the centre.
    async fn after(&mut self) -> Result<String, String> {
        let token = self.agency.hold(&self.shuttle.id).await?.map_err(|answer| answer.text())?;
        let answer = self.agency.release(&token, "reforme-3", &self.shuttle.ask).await?;
        if answer.status != 200 {
            return Err(answer.text());
        }
        let proof = answer.json().get("proof").and_then(Value::as_str).unwrap_or_default().to_owned();
        let act = self.act_of(&proof).await?;
        self.carried = Some(token);
        let hop = |member: &str| act.pointer(&format!("/hops/0/{member}")).and_then(Value::as_str).unwrap_or_default();
        let (from, to, instrument) = (hop("from"), hop("to"), hop("instrument"));
        if to == "agence-du-nord" { Ok(format!("{from} → {to}, « {instrument} »")) } else { Err(act.to_string()) }
    }

    /// The act that a proof opens.
    async fn act_of(&self, proof: &str) -> Result<Value, String> {
        let vkey = self.wire.get(&format!("{}/log/vkey", self.world.issuer)).await?.text();
        let vkey = verify::Vkey::parse(vkey.trim()).map_err(|fault| fault.to_string())?;
        let proof = verify::EntryProof::verify(proof, &vkey).map_err(|fault| fault.to_string())?;
        proof.act().cloned().ok_or_else(|| "the proof opens no act".to_owned())
    }

    /// The payroll consent waits: nobody gets anything under it.
    async fn no_successor(&self) -> Result<String, String> {
        let token = self.pay.token.as_ref().ok_or("no token")?;
        let gone = told(&self.centre.release(token, "reforme-4", &self.pay.ask).await?, 403, "/reasons/0/id")?;
        match self.agency.hold(&self.pay.id).await? {
            Err(refused) => {
                told(&refused, 400, "/error").map(|error| format!("paie: suspended; centre: {gone}; agency: {error}"))
            }
            Ok(_) => Err("the agency holds a consent that no instrument gives it".to_owned()),
        }
    }

    /// What the centre got before verifies, for audit.
    async fn old_token(&self) -> Result<String, String> {
        let jwks = self.wire.get(&format!("{}/jwks", self.world.issuer)).await?.text();
        let vkey = self.wire.get(&format!("{}/log/vkey", self.world.issuer)).await?.text();
        let member = |name: &str| self.before.get(name).and_then(Value::as_str).unwrap_or_default();
        let check = || {
            let now = SystemClock.now().unix();
            let expected = verify::Expected { issuer: &self.world.issuer, audience: "centre-du-nord", now };
            let token = verify::DataToken::verify(member("data_token"), &verify::Jwks::parse(&jwks)?, &expected)?;
            let proof = verify::EntryProof::verify(member("proof"), &verify::Vkey::parse(vkey.trim())?)?;
            token.check_entry(&proof)?;
            Ok::<_, verify::Fault>(proof.index())
        };
        check().map(|index| format!("to centre-du-nord, entry {index}")).map_err(|fault| fault.to_string())
    }

    /// The person takes the consent back, which stops the agency.
    async fn withdrawn(&mut self) -> Result<String, String> {
        let page =
            self.person.open(&format!("{}/fr/decisions/{}", self.world.issuer, self.shuttle.id)).await?.page()?;
        let done = self.person.submit(&page, &[("choice", "withdraw")]).await?.page()?;
        if done.status != 200 {
            return Err(done.heading());
        }
        let token = self.carried.as_ref().ok_or("no token")?;
        let reason = told(&self.agency.release(token, "reforme-5", &self.shuttle.ask).await?, 403, "/reasons/0/id")?;
        let again = self.agency.hold(&self.shuttle.id).await?;
        if again.is_err() {
            Ok(format!("agence-du-nord: {reason}"))
        } else {
            Err("the agency still holds it".to_owned())
        }
    }

    /// The log holds offline, person parts opened: each consent carried as the acts say.
    async fn verified(&self) -> Result<String, String> {
        let folder = self.world.folder.join("export-reform");
        let command = app::Command::Export { folder: folder.clone(), open: Some(("dev".into(), "essai".into())) };
        app::command(&self.world.config, command).await?;
        let trust = verify::Trust { vkey: Some(self.world.vkey.clone()), ..verify::Trust::default() };
        let report = verify::audit(&folder, &trust).map_err(|fault| fault.to_string())?;
        if report.ok { Ok(report.to_string().replace('\n', "; ")) } else { Err(report.to_string()) }
    }
}

async fn client(world: &Founded, id: &str) -> Result<Client, String> {
    Client::discover(world.wire()?, &world.issuer, id, world.key(id)?, &world.redirect_uri(id)).await
}

/// The person signs in where asked, and says yes to what a client asks.
async fn granted(person: &mut Browser, world: &Founded, client: &Client, details: &Value) -> Result<Token, String> {
    let pushed = client.push(details, "etat").await?.map_err(|answer| answer.text())?;
    let arrival = person.open(&pushed.url).await?.page()?;
    let mut page = person.submit(&arrival, &[("choice", "continue")]).await?.page()?;
    if page.url.starts_with(&world.persons) {
        page = person.submit(&page, &[("persona", PERSONA)]).await?.page()?;
    }
    let back = person.submit(&page, &[("choice", "yes")]).await?.back()?;
    client.redeem(&pushed, back.get("code").ok_or("no code")?).await
}
