//! An enterprise: it authorises through its signing officer, and nothing that it, a body or the log is told calls that a
//! consent.

use serde_json::{Value, json};
use unefois::dev::world::World;

use super::harness::{
    ADDRESSES, CHANGE_OF_ADDRESS, Handed, Log, OLD_TOWN, PORTAL, Person, address, client, push, reasons,
};

/// The enterprise, as the identity service knows it.
const ENTERPRISE: &str = "neq-1171234567";

#[tokio::test(flavor = "multi_thread")]
async fn an_enterprise_gives_an_authorisation_and_never_a_consent() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, ADDRESSES).await);
    let mut officer = Person::new(&world, "sirop");

    // The address, through the portal.
    let details = json!([{"type": format!("{}/types/portal-session/v1", world.issuer), "drafts": ["adresse"]}]);
    let pushed = push(&portal, &details).await;
    let whom = officer.arrive(&pushed.url).await;
    let page = officer.browser.submit(&whom, &[("subject", ENTERPRISE)]).await.unwrap().page().unwrap();
    let back = officer.agree(&page, &[]).await;
    let token = portal.redeem(&pushed, &back["code"]).await.unwrap();
    let page = officer.draft(&portal, &token, "adresse", &address(OLD_TOWN)).await;
    quiet(&page.html);
    assert_eq!(officer.agree(&page, &[]).await["result"], "done");

    // The question, the token, the page of decisions, the withdrawal.
    let pushed = push(&agency, &CHANGE_OF_ADDRESS.details(&world)).await;
    let page = officer.arrive(&pushed.url).await;
    quiet(&page.html);
    let back = officer.agree(&page, &[]).await;
    let token = agency.redeem(&pushed, &back["code"]).await.unwrap();
    let id = token.details.pointer("/0/consent_id").and_then(Value::as_str).unwrap().to_owned();
    let ask = json!({
        "consent_id": id, "purpose": CHANGE_OF_ADDRESS.purpose, "attributes": CHANGE_OF_ADDRESS.necessary,
    });
    let answer = agency.release(&token, "cle-1", &ask).await.unwrap();
    let handed = Handed::of("cle-1", &answer).unwrap_or_else(|| panic!("{}", answer.text()));
    let basis = &handed.claims()["basis"];
    assert_eq!((&basis["kind"], &basis["authorisation"]), (&json!("authorisation"), &json!(id)));
    quiet(&basis.to_string());
    let decisions = format!("{}/fr/decisions", world.issuer);
    for url in [decisions.clone(), format!("{decisions}/{id}")] {
        quiet(&officer.browser.open(&url).await.unwrap().page().unwrap().html);
    }
    // Its one use is taken.
    let spent = agency.release(&token, "cle-2", &ask).await.unwrap();
    assert_eq!((spent.status.as_u16(), reasons(&spent)), (403, vec!["no-authorisation".to_owned()]));
    // In the same words as one that never was.
    let mut unknown = ask.clone();
    unknown["consent_id"] = json!(format!("c_{}", "A".repeat(22)));
    let unknown = agency.release(&token, "cle-3", &unknown).await.unwrap();
    assert_eq!(spent.json()["reasons"], unknown.json()["reasons"]);
    officer.withdraw(&world, &id).await;

    let log = Log::export(&world).await;
    for entry in log.of(&["consent", "release", "withdrawal"]) {
        assert_eq!(entry.act["basis"], "authorisation", "{}", entry.event);
        quiet(&entry.act["citations"].to_string());
    }
    let spent = &log.of(&["refusal"])[0];
    assert_eq!(spent.act["rules"], json!(["authorisation-uses-taken"]));
    quiet(&spent.act["citations"].to_string());
    log.holds(&world, &[handed]);
    world.end().await;
}

/// Nothing here is said of the consent of persons, or as if to one. Of a page, what is read; not its addresses.
fn quiet(text: &str) {
    let read: String = text.split('<').filter_map(|part| part.rsplit('>').next()).collect();
    let read = read.replace(['\u{a0}', '\u{202f}'], " ").to_lowercase();
    let of_persons =
        ["consent", "53.1", "art. 59", "65.1", "art. 83", "votre dossier", "la personne concernée", "de votre part"];
    for told in of_persons {
        assert!(!read.contains(told), "« {told} » in {read}");
    }
}
