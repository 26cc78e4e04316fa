//! A source attests once; each body that the enterprise authorises draws it for its calls for tenders. Over the wire, to
//! the log's own order.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use unefois::clock::{Clock as _, Day, SystemClock};
use unefois::dev::browser::Page;
use unefois::dev::client::{Client, Pushed, Token};
use unefois::dev::wire::Answer;
use unefois::dev::world::World;

use super::harness::{Consented, Handed, Load, Log, PORTAL, Person, RESIDENCE, TOWN, client, log_size, push, reasons};

const SOURCE: &str = "rq-attestations";
const DRAWER: &str = "cag-appels-offres";
const KIND: &str = "attestation-fiscale";
const PURPOSE: &str = "admissibilite-appel-offres";
const ENTERPRISE: &str = "neq-1171234567";
const NEQ: &str = "1171234567";

/// A world in which a source has a token.
struct Scene {
    world: World,
    source: Arc<Client>,
    token: Token,
    drawer: Arc<Client>,
}

fn today() -> Day {
    SystemClock.now().day()
}

/// What the source says of an enterprise.
fn attestation(neq: &str, number: &str, issued: Day) -> Value {
    json!({
        "kind": KIND, "of": {"type": "neq", "value": neq}, "issued": issued, "reference": number,
        "values": {"numero": number, "delivree-le": issued},
    })
}

/// A call for tenders that closes so many days from now.
fn tender(days: i32, amount: u64) -> Value {
    json!({"reference": "AO-2026-17", "at": today().plus_days(days).start().to_string(), "amount": amount})
}

/// What a body holds once it was authorised.
fn held(token: Token) -> Consented {
    let consent = token.details.pointer("/0/consent_id").and_then(Value::as_str).unwrap().to_owned();
    let ask = json!({
        "consent_id": consent, "purpose": PURPOSE,
        "attributes": [format!("{KIND}.numero"), format!("{KIND}.delivree-le")],
    });
    Consented { token, consent, ask }
}

impl Scene {
    async fn set() -> Self {
        let world = World::make(false, None).await.unwrap();
        let source = Arc::new(client(&world, SOURCE).await);
        let token = source.admitted().await.unwrap().unwrap_or_else(|answer| panic!("{}", answer.text()));
        let drawer = Arc::new(client(&world, DRAWER).await);
        Self { world, source, token, drawer }
    }

    async fn attest(&self, key: &str, body: &Value) -> Answer {
        self.source.attest(&self.token, key, body).await.unwrap()
    }

    async fn attested(&self, key: &str, body: &Value) -> Value {
        let answer = self.attest(key, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    fn details(&self, recipient: &str) -> Value {
        json!([{
            "type": format!("{}/types/data-release/v1", self.world.issuer), "purpose": PURPOSE,
            "datatypes": [format!("{KIND}.numero"), format!("{KIND}.delivree-le")], "recipient": recipient,
        }])
    }

    /// The signing officer before the drawer's question.
    async fn asked(&self) -> (Person, Page, Pushed) {
        let pushed = push(&self.drawer, &self.details("cag")).await;
        let mut officer = Person::new(&self.world, "sirop");
        let whom = officer.arrive(&pushed.url).await;
        let page = officer.browser.submit(&whom, &[("subject", ENTERPRISE)]).await.unwrap().page().unwrap();
        (officer, page, pushed)
    }

    /// The signing officer authorises the drawer; what it then holds.
    async fn authorised(&self) -> Consented {
        let (mut officer, page, pushed) = self.asked().await;
        let back = officer.agree(&page, &[]).await;
        held(self.drawer.redeem(&pushed, &back["code"]).await.unwrap())
    }

    async fn draw(&self, held: &Consented, key: &str, occasion: &Value) -> Answer {
        let mut ask = held.ask.clone();
        if !occasion.is_null() {
            ask["occasion"] = occasion.clone();
        }
        self.drawer.release(&held.token, key, &ask).await.unwrap()
    }

    async fn drawn(&self, held: &Consented, key: &str, occasion: &Value) -> Handed {
        let answer = self.draw(held, key, occasion).await;
        Handed::of(key, &answer).unwrap_or_else(|| panic!("{}", answer.text()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_is_given_once_and_drawn_by_whom_the_enterprise_authorises() {
    let scene = Scene::set().await;
    let issued = today().plus_days(-3);
    // Before the enterprise was ever here.
    let told = scene.attested("cle-1", &attestation(NEQ, "RQ-1001", issued)).await;
    let last = issued.month_end(3);
    assert_eq!(told["valid_until"], json!(last));
    let held = scene.authorised().await;
    let first = scene.drawn(&held, "cle-1", &tender(2, 25_000)).await;
    let claims = first.claims();
    let value = &claims["values"][format!("{KIND}.numero")];
    assert_eq!(value["value"], "RQ-1001");
    assert_eq!(
        (&value["origin"], &value["holder"], &value["via"]),
        (&json!("attested"), &json!("revenu-quebec"), &Value::Null)
    );
    assert_eq!((&value["issued"], &value["valid_until"]), (&json!(issued), &json!(last)));
    assert_eq!((&claims["releasing"], &claims["aud"]), (&json!("revenu-quebec"), &json!("cag")));
    assert_eq!(
        (&claims["basis"]["kind"], &claims["occasion"]["reference"]),
        (&json!("authorisation"), &json!("AO-2026-17"))
    );

    // A newer one, of an enterprise that is known: the same subject, and the retry of the earlier draw holds no more.
    scene.attested("cle-2", &attestation(NEQ, "RQ-1002", today().plus_days(-1))).await;
    assert_eq!(scene.draw(&held, "cle-1", &tender(2, 25_000)).await.status, 409);
    let second = scene.drawn(&held, "cle-2", &tender(2, 25_000)).await;
    assert_eq!(second.value(&format!("{KIND}.numero")), "RQ-1002");

    let log = Log::export(&scene.world).await;
    let [one, other] = log.of(&["attestation"])[..] else { panic!("two attestations") };
    assert_eq!((&one.act["releasing"], &one.act["outcome"]), (&json!("revenu-quebec"), &json!("attested")));
    assert_eq!(
        (one.person["subject"].clone(), &one.person["of"]["value"]),
        (other.person["subject"].clone(), &json!(NEQ))
    );
    assert_eq!(log.deliveries()[0].act["occasion"], "AO-2026-17");
    assert!(log.entries.iter().all(|entry| !entry.act.to_string().contains(NEQ)), "an act names the enterprise");
    assert!(log.deliveries().iter().all(|entry| entry.act.get("register").is_none()));
    log.holds(&scene.world, &[first, second]);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draw_is_refused_for_each_reason_and_the_log_says_which() {
    let scene = Scene::set().await;
    let soon = tender(10, 40_000);
    // The enterprise was here first, and had nothing to authorise: the source's NEQ finds it.
    let (mut officer, page, _) = scene.asked().await;
    assert_eq!(officer.browser.submit(&page, &[("choice", "yes")]).await.unwrap().page().unwrap().status, 422);
    scene.attested("cle-1", &attestation(NEQ, "RQ-1001", today())).await;
    let held = scene.authorised().await;
    scene.drawn(&held, "cle-1", &soon).await;
    let mut rules = Vec::new();
    for (key, occasion, told, rule) in [
        ("cle-2", tender(-1, 40_000), "no-authorisation", "attestation-too-late"),
        ("cle-3", tender(150, 40_000), "no-authorisation", "attestation-run-out"),
        ("cle-4", tender(10, 24_999), "below-threshold", "below-threshold"),
        ("cle-5", Value::Null, "occasion-missing", "occasion-missing"),
    ] {
        let answer = scene.draw(&held, key, &occasion).await;
        assert_eq!((answer.status.as_u16(), reasons(&answer)), (403, vec![told.to_owned()]), "{rule}");
        rules.push(rule);
    }
    // One given after the closing does not take the place of the one that counted then.
    let older = today().plus_days(-40);
    let answer = scene.draw(&held, "cle-6", &tender(-20, 40_000)).await;
    assert_eq!(answer.status, 403);
    rules.push("attestation-too-late");
    scene.attested("cle-2", &attestation(NEQ, "RQ-0999", older)).await;
    scene.attested("cle-3", &attestation(NEQ, "RQ-1003", today())).await;
    let number = format!("{KIND}.numero");
    assert_eq!(scene.drawn(&held, "cle-7", &tender(-20, 40_000)).await.value(&number), "RQ-0999");
    assert_eq!(scene.drawn(&held, "cle-8", &soon).await.value(&number), "RQ-1003");
    // A key that was used for one call is not good for another.
    assert_eq!(scene.draw(&held, "cle-1", &tender(11, 40_000)).await.status, 422);
    let log = Log::export(&scene.world).await;
    let said: Vec<_> =
        log.of(&["refusal"]).iter().map(|entry| entry.act["rules"][0].as_str().unwrap().to_owned()).collect();
    assert_eq!(said, rules);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sole_proprietor_is_a_person_who_consents() {
    let scene = Scene::set().await;
    let neq = "2271234568";
    scene.attested("cle-1", &attestation(neq, "RQ-2001", today())).await;
    let mut proprietor = Person::new(&scene.world, "boulangere");
    let token = proprietor.grant(&scene.drawer, &scene.details("cag"), &[]).await;
    let held = held(token);
    let drawn = scene.drawn(&held, "cle-1", &tender(5, 30_000)).await;
    assert_eq!(drawn.claims()["basis"]["kind"], "consent");
    assert_eq!(drawn.value(&format!("{KIND}.numero")), "RQ-2001");
    // Once signed in, she stays who she is, and her NEQ leads to her.
    scene.attested("cle-2", &attestation(neq, "RQ-2002", today())).await;
    assert_eq!(scene.drawn(&held, "cle-2", &tender(5, 30_000)).await.value(&format!("{KIND}.numero")), "RQ-2002");
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_source_is_admitted_and_only_to_its_own_resource() {
    let scene = Scene::set().await;
    let town = client(&scene.world, TOWN).await;
    let Err(refused) = town.admitted().await.unwrap() else { panic!("an agency is no source") };
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (400, &json!("invalid_target")));
    let Err(refused) = client(&scene.world, PORTAL).await.admitted().await.unwrap() else { panic!("nor is a portal") };
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (400, &json!("unauthorized_client")));
    let mut person = Person::new(&scene.world, "alice");
    let portal = client(&scene.world, PORTAL).await;
    person.give_address(&scene.world, &portal).await;
    let held = person.consent(&scene.world, &town, &RESIDENCE).await;
    let body = attestation(NEQ, "RQ-1001", today());
    // Another's token, a token of another resource, and the source's own where it does not belong.
    let before = log_size(&scene.world).await;
    assert_eq!(town.attest(&held.token, "cle-1", &body).await.unwrap().status, 401);
    assert_eq!(town.attest(&scene.token, "cle-1", &body).await.unwrap().status, 401);
    assert_eq!(scene.source.release(&scene.token, "cle-1", &held.ask).await.unwrap().status, 401);
    assert_eq!(log_size(&scene.world).await, before);
    // A kind that it is not registered for, and one that nobody has: in the same words, as an entry each.
    for (key, kind) in [("cle-2", "revenu"), ("cle-3", "inconnu")] {
        let mut other = body.clone();
        other["kind"] = json!(kind);
        let answer = scene.attest(key, &other).await;
        assert_eq!(
            (answer.status.as_u16(), reasons(&answer)),
            (403, vec!["source-not-holder".to_owned(), "source-not-registered".to_owned()])
        );
    }
    let log = Log::export(&scene.world).await;
    assert!(log.of(&["refusal"]).iter().all(|entry| entry.act["asked"] == "attest" && entry.person == json!({})));
    // What a body attests, no person gives.
    let details = json!([{"type": format!("{}/types/portal-session/v1", scene.world.issuer), "drafts": [KIND]}]);
    let Err(refused) = portal.push(&details, "etat").await.unwrap() else {
        panic!("an attested kind was to be drafted")
    };
    assert_eq!(reasons(&refused), ["kind-not-registered"]);
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_an_attestation_leaves_nothing() {
    let scene = Scene::set().await;
    let good = attestation(NEQ, "RQ-1001", today());
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let before = log_size(&scene.world).await;
    for (what, body, status) in [
        ("an unknown member", with("note", json!("x")), 400),
        ("no object", json!([good.clone()]), 400),
        ("an unknown type of number", changed("/of/type", json!("nas")), 400),
        ("a number too short", changed("/of/value", json!("117123456")), 400),
        ("a number that is none", changed("/of/value", json!(1_171_234_567)), 400),
        ("more in the number", changed("/of", json!({"type": "neq", "value": NEQ, "name": "Sirop"})), 400),
        ("no day", changed("/issued", json!("hier")), 400),
        ("a long reference", changed("/reference", json!("R".repeat(65))), 400),
        ("a reference with markup", changed("/reference", json!("<b>")), 400),
        ("no kind", changed("/kind", json!("Attestation")), 400),
        ("another day among the values", changed("/issued", json!(today().plus_days(-1))), 422),
        ("a value of another form", changed("/values/numero", json!(7)), 422),
        (
            "a value too many",
            changed("/values", json!({"numero": "RQ-1001", "delivree-le": today(), "etat": "x"})),
            422,
        ),
        ("a value too few", changed("/values", json!({"delivree-le": today()})), 422),
        ("a day to come", attestation(NEQ, "RQ-1001", today().plus_days(1)), 422),
    ] {
        let answer = scene.attest("cle-1", &body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(!answer.text().contains("117"), "{what}: the number is told");
    }
    assert_eq!(scene.attest("", &good).await.status, 400);
    assert_eq!(scene.attest(&"k".repeat(65), &good).await.status, 400);
    assert_eq!(log_size(&scene.world).await, before);
    scene.attested("cle-1", &good).await;
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_repeated_is_one_attestation() {
    let scene = Scene::set().await;
    let good = attestation(NEQ, "RQ-1001", today());
    // The enterprise is unknown to all of them at once.
    let asks = (0..32).map(|_| {
        let (source, token, good) = (Arc::clone(&scene.source), scene.token.clone(), good.clone());
        tokio::spawn(async move { source.attest(&token, "cle-1", &good).await.unwrap() })
    });
    let mut entries = BTreeSet::new();
    for ask in asks.collect::<Vec<_>>() {
        let answer = ask.await.unwrap();
        // Too much may move at once for one of them: it is told to try again, with the same key.
        if answer.status != 503 {
            assert_eq!(answer.status, 201, "{}", answer.text());
            entries.insert(answer.json()["entry"].as_u64().unwrap());
        }
    }
    assert_eq!(entries.len(), 1);
    let before = log_size(&scene.world).await;
    assert_eq!(scene.attested("cle-1", &good).await["entry"].as_u64(), entries.first().copied());
    let other = scene.attest("cle-1", &attestation(NEQ, "RQ-1002", today())).await;
    assert_eq!(other.status, 422);
    assert!(other.json()["type"].as_str().unwrap().ends_with("/problems/idempotency-key-reused"));
    assert_eq!(log_size(&scene.world).await, before);
    Log::export(&scene.world).await.one("attestation");
    scene.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draw_under_way_holds_the_newest_attestation_at_its_place_in_the_log() {
    const ATTESTATIONS: usize = 12;
    let scene = Scene::set().await;
    scene.attested("cle-0", &attestation(NEQ, "RQ-1000", today())).await;
    let mut held = scene.authorised().await;
    held.ask["occasion"] = tender(10, 40_000);
    let load = Load::start(&scene.drawer, &held, 12, 400);
    for number in 1..=ATTESTATIONS {
        load.until(number * 20).await;
        scene.attested(&format!("cle-{number}"), &attestation(NEQ, &format!("RQ-{}", 1000 + number), today())).await;
    }
    let answers = load.stop_after(40).await;
    let log = Log::export(&scene.world).await;
    let mut newest = Value::Null;
    for entry in log.of(&["attestation", "release", "redelivery"]) {
        if entry.event == "attestation" {
            newest = entry.person["records"].clone();
        } else {
            assert_eq!(entry.person["records"], newest, "entry {} holds another attestation", entry.index);
        }
    }
    let numbers: BTreeSet<String> =
        answers.handed.iter().map(|handed| handed.value(&format!("{KIND}.numero")).to_string()).collect();
    assert!(numbers.len() > 2, "the race was not one: {numbers:?}");
    log.holds(&scene.world, &answers.handed);
    scene.world.end().await;
}
