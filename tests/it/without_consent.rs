//! A release without consent, from the agency's request to the token: the person is told, and not asked.

use serde_json::{Value, json};
use unefois::app::{self, Command};
use unefois::clock::{Clock as _, SystemClock};
use unefois::dev::client::{Client, Token};
use unefois::dev::world::{Founded, World};
use unefois::verify;

use super::harness::{Handed, Log, PORTAL, Person, activate, client, push, reasons};

const MINISTRY: &str = "mess-aide";
const AGREEMENTS: &str = "catalogue/agreements.toml";

fn details(world: &Founded) -> Value {
    json!([{
        "type": format!("{}/types/data-release/v1", world.issuer), "purpose": "aide-sociale",
        "datatypes": ["revenu.annuel", "revenu.annee"], "recipient": "mess", "case_ref": "Dossier 7",
    }])
}

fn ask() -> Value {
    json!({"purpose": "aide-sociale", "attributes": ["revenu.annuel", "revenu.annee"]})
}

/// The person gives their income once.
async fn give_income(world: &Founded, person: &mut Person) {
    let portal = client(world, PORTAL).await;
    let token = person.open_portal(world, &portal).await;
    person.submit(&portal, &token, "revenu", &json!({"annuel": 18_450, "annee": 2025})).await;
}

/// The person reads what the ministry gets; the ministry's token.
async fn told(world: &Founded, person: &mut Person, ministry: &Client) -> Token {
    let pushed = push(ministry, &details(world)).await;
    let page = person.arrive(&pushed.url).await;
    let back = person.browser.submit(&page, &[("read", "yes")]).await.unwrap().back().unwrap();
    ministry.redeem(&pushed, &back["code"]).await.unwrap()
}

fn read(html: &str) -> String {
    html.split('<').filter_map(|part| part.rsplit('>').next()).collect::<String>().replace(['\u{a0}', '\u{202f}'], " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_asked_is_told_and_the_body_gets_what_the_agreement_says() {
    let world = World::make(false, None).await.unwrap();
    let ministry = client(&world, MINISTRY).await;
    let mut person = Person::new(&world, "noe");
    give_income(&world, &mut person).await;

    // One page, with the values, the agreement and its section; nothing to choose.
    let pushed = push(&ministry, &details(&world)).await;
    let page = person.arrive(&pushed.url).await;
    assert!(page.url.ends_with("/fr/avis"), "{}", page.url);
    let seen = read(&page.html);
    for shown in [
        "Sans votre consentement, en vertu de",
        "Entente sur la communication",
        "art. 68",
        "18 450 $",
        "2025",
        "Dossier 7",
    ] {
        assert!(seen.contains(shown), "{shown} is not in {seen}");
    }
    assert!(!page.html.contains("name=\"choice\"") && !page.html.contains("checkbox"));
    let back = person.browser.submit(&page, &[("read", "yes")]).await.unwrap().back().unwrap();
    let token = ministry.redeem(&pushed, &back["code"]).await.unwrap();
    assert_eq!(token.details[0]["purpose"], "aide-sociale");
    assert_eq!(token.details[0].get("consent_id"), None);
    // It is read once.
    let again = person.browser.submit(&page, &[("read", "yes")]).await.unwrap().page().unwrap();
    assert_eq!(again.status, 404);

    // The token rests on the agreement, and so does its proof, offline.
    let answer = ministry.release(&token, "cle-1", &ask()).await.unwrap();
    let handed = Handed::of("cle-1", &answer).unwrap_or_else(|| panic!("{}", answer.text()));
    let claims = verified(&world, &handed).await;
    assert_eq!(claims["basis"]["kind"], "agreement");
    assert_eq!(claims["basis"]["agreement"], "entente-revenu-mess");
    assert_eq!(claims["basis"]["citations"][0]["cite"], "A-2.1, art. 68");
    assert_eq!(claims["values"]["revenu.annuel"]["value"], 18_450);

    // Once a month; a retry is the same release.
    let second = ministry.release(&token, "cle-2", &ask()).await.unwrap();
    assert_eq!((second.status.as_u16(), reasons(&second)), (403, vec!["interval-taken".to_owned()]));
    let retry = Handed::of("cle-1", &ministry.release(&token, "cle-1", &ask()).await.unwrap()).unwrap();
    assert_eq!(retry.release, handed.release);

    // Under its own heading on the person's page, and nowhere else.
    let decisions = person.browser.open(&format!("{}/fr/decisions", world.issuer)).await.unwrap().page().unwrap();
    let (before, unasked) = decisions.html.split_once("id=\"unasked\"").unwrap();
    let (unasked, _) = unasked.split_once("id=\"records\"").unwrap();
    let unasked = read(unasked);
    for shown in ["Solidarité sociale", "Révision de l’aide sociale", "art. 68", "Revenu annuel"] {
        assert!(unasked.contains(shown), "{shown} is not in {unasked}");
    }
    assert!(!read(before).contains("Révision de l’aide sociale"), "it is no decision of the person's");

    let log = Log::export(&world).await;
    let told = log.one("informed");
    assert_eq!((&told.act["basis"], &told.act["instrument"]), (&json!("agreement"), &json!("entente-revenu-mess")));
    let words = told.person["text"]["fr"].as_str().unwrap();
    assert!(
        words.contains("Sans votre consentement") && !words.contains("18\u{a0}450"),
        "the words, and no value: {words}"
    );
    let row = &log.one("release").act["register"];
    for column in ["nature", "recipient", "purpose", "outside", "reason"] {
        assert!(!row[column].is_null(), "{column} is missing in {row}");
    }
    log.holds(&world, &[handed, retry]);
    world.end().await;
}

/// The claims of a token whose signature and proof hold, checked as the ministry would, without the broker.
async fn verified(world: &Founded, handed: &Handed) -> Value {
    let jwks = world.wire().unwrap().get(&format!("{}/jwks", world.issuer)).await.unwrap().text();
    let signed = verify::decrypt(&handed.token, &world.encryption_key("mess").unwrap()).unwrap();
    let expected = verify::Expected { issuer: &world.issuer, audience: "mess", now: SystemClock.now().unix() };
    let token = verify::DataToken::verify(&signed, &verify::Jwks::parse(&jwks).unwrap(), &expected).unwrap();
    let proof = verify::EntryProof::verify(&handed.proof, &verify::Vkey::parse(&world.vkey).unwrap()).unwrap();
    token.check_entry(&proof).unwrap();
    Value::Object(token.claims().clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_or_released_where_the_agreement_does_not_carry_it() {
    let world = World::make(false, None).await.unwrap();
    let ministry = client(&world, MINISTRY).await;
    let mut person = Person::new(&world, "noe");
    give_income(&world, &mut person).await;
    let held = told(&world, &mut person, &ministry).await;

    // Of an erased person nothing is left, whatever was granted.
    let mut gone = Person::new(&world, "alice");
    give_income(&world, &mut gone).await;
    let theirs = told(&world, &mut gone, &ministry).await;
    let erase = |classes: &[&str]| Command::Erase {
        operator: "essai".to_owned(),
        issuer: world.persons.clone(),
        sub: "alice".to_owned(),
        classes: classes.iter().map(|class| (*class).to_owned()).collect(),
    };
    app::command(&world.config, erase(&[])).await.unwrap();
    let nothing = ministry.release(&theirs, "cle-1", &ask()).await.unwrap();
    assert_eq!((nothing.status.as_u16(), reasons(&nothing)), (403, vec!["no-authorisation".to_owned()]));
    app::command(&world.config, erase(&["evidence"])).await.unwrap();
    let nobody = ministry.release(&theirs, "cle-2", &ask()).await.unwrap();
    assert_eq!((nobody.status.as_u16(), reasons(&nobody)), (403, vec!["grant-of-basis-ended".to_owned()]));

    // Another attribute, another recipient: refused before any person comes.
    let mut more = details(&world);
    more[0]["datatypes"] = json!(["revenu.annuel", "adresse.ligne"]);
    let mut other = details(&world);
    other[0]["recipient"] = json!("afe");
    for details in [more, other] {
        let refused = ministry.push(&details, "etat").await.unwrap().err().unwrap();
        assert_eq!(refused.json()["error"], "invalid_authorization_details");
    }

    // Received by the Commission too recently: refused at PAR with its reason, and so is the grant that stands.
    let today = SystemClock.now().day();
    let received = format!("received = \"{}\"", today.plus_days(-3));
    activate(&world, AGREEMENTS, "received = \"2026-02-20\"", &received).await;
    let refused = ministry.push(&details(&world), "etat").await.unwrap().err().unwrap();
    let said = refused.json()["error_description"].as_str().unwrap().to_owned();
    assert!(said.contains("A-2.1, art. 68"), "{said}");
    let refused = ministry.release(&held, "cle-3", &ask()).await.unwrap();
    assert_eq!((refused.status.as_u16(), reasons(&refused)), (403, vec!["agreement-too-early".to_owned()]));

    let log = Log::export(&world).await;
    let rules: Vec<_> = log.of(&["refusal"]).iter().map(|entry| entry.act["rules"].to_string()).collect();
    let expected = [
        r#"["nothing-on-file"]"#,
        r#"["grant-of-basis-ended"]"#,
        r#"["attribute-outside-agreement","attribute-outside-purpose"]"#,
        r#"["consent-not-the-basis","recipient-other-body"]"#,
        r#"["agreement-too-early"]"#,
        r#"["agreement-too-early"]"#,
    ];
    assert_eq!(rules, expected);
    world.end().await;
}
