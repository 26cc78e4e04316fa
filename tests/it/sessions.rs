//! A browser that two persons share: what one began there, the other does not end.

use serde_json::json;
use unefois::dev::browser::Page;
use unefois::dev::client::Client;
use unefois::dev::world::{Founded, World};

use super::harness::{CHANGE_OF_ADDRESS, Log, PORTAL, Person, RESIDENCE, TOWN, address, client, push};

/// Another signs in, in the same browser.
async fn comes_in(person: &mut Person, world: &Founded, persona: &str) -> Page {
    let url = format!("{}/fr/connexion", world.issuer);
    let page = person.browser.open(&url).await.unwrap().page().unwrap();
    sign_in(person, world, page, persona).await
}

async fn sign_in(person: &mut Person, world: &Founded, page: Page, persona: &str) -> Page {
    let mut page = page;
    for field in ["persona", "confirm"] {
        if page.url.starts_with(&world.persons) {
            page = person.browser.submit(&page, &[(field, persona)]).await.unwrap().page().unwrap();
        }
    }
    page
}

/// What the log holds of refusals, by rule.
async fn refused(world: &Founded) -> Vec<serde_json::Value> {
    let log = Log::export(world).await;
    assert!(log.of(&["consent", "consent-refused"]).is_empty(), "somebody consented");
    log.of(&["refusal"]).iter().map(|entry| entry.act["rules"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_begun_by_one_is_not_given_by_another() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let pushed = push(&agency, &RESIDENCE.details(&world)).await;
    let question = person.arrive(&pushed.url).await;

    let told = comes_in(&mut person, &world, "noe").await;
    assert_eq!((told.status, told.heading().as_str()), (403, "La personne n’est plus la même"));
    for choice in ["no", "yes"] {
        let told = person.browser.submit(&question, &[("choice", choice)]).await.unwrap().page().unwrap();
        assert_eq!(told.status, 403, "{choice}: {}", told.heading());
        // Whom the rules refuse is told why, on what section, and what mends it (P4).
        for said in ["L’acte n’est pas celui", "RLRQ, c.\u{a0}C-1.1, art.\u{a0}38", "Reprenez l’acte"] {
            assert_eq!(told.html.contains(said), choice == "yes", "{choice}: {said}");
        }
    }
    assert_eq!(refused(&world).await, [json!(["not-own-act"])]);
    // Who began it comes back, and may.
    let question = comes_in(&mut person, &world, "alice").await;
    assert!(person.agree(&question, &[]).await.contains_key("code"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_begun_by_one_is_not_confirmed_by_another_who_may_act_for_the_same_person() {
    let world = World::make(false, None).await.unwrap();
    let portal = client(&world, PORTAL).await;
    let mut parent = Person::new(&world, "parent-14");
    let details = json!([{"type": format!("{}/types/portal-session/v1", world.issuer), "drafts": ["adresse"]}]);
    let pushed = push(&portal, &details).await;
    let whom = parent.arrive(&pushed.url).await;
    let page = parent.browser.submit(&whom, &[("subject", "enfant-14")]).await.unwrap().page().unwrap();
    let token = portal.redeem(&pushed, &parent.agree(&page, &[]).await["code"]).await.unwrap();
    let draft = parent.draft(&portal, &token, "adresse", &address("Val-Cendre")).await;

    let whom = comes_in(&mut parent, &world, "tutrice-14").await;
    let told = parent.browser.submit(&whom, &[("subject", "enfant-14")]).await.unwrap().page().unwrap();
    assert_eq!((told.status, told.heading().as_str()), (403, "La personne n’est plus la même"));
    for choice in ["no", "yes"] {
        let told = parent.browser.submit(&draft, &[("choice", choice)]).await.unwrap().page().unwrap();
        assert_eq!(told.status, 403, "{choice}: {}", told.heading());
    }
    assert_eq!(refused(&world).await, [json!(["not-own-act"])]);
    // Who began it comes back, and may.
    let whom = comes_in(&mut parent, &world, "parent-14").await;
    let draft = parent.browser.submit(&whom, &[("subject", "enfant-14")]).await.unwrap().page().unwrap();
    assert_eq!(parent.agree(&draft, &[]).await["result"], "done");
    world.end().await;
}

/// At the identity service, sent there from a client's request.
async fn on_the_way(person: &mut Person, client: &Client, details: &serde_json::Value) -> Page {
    let pushed = push(client, details).await;
    let arrival = person.browser.open(&pushed.url).await.unwrap().page().unwrap();
    person.browser.submit(&arrival, &[("choice", "continue")]).await.unwrap().page().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_belongs_to_the_request_that_it_was_begun_for() {
    let world = World::make(false, None).await.unwrap();
    let agency = client(&world, TOWN).await;
    let mut person = Person::new(&world, "alice");
    let service = on_the_way(&mut person, &agency, &RESIDENCE.details(&world)).await;
    let other = client(&world, super::harness::ADDRESSES).await;
    let pushed = push(&other, &CHANGE_OF_ADDRESS.details(&world)).await;
    person.browser.open(&pushed.url).await.unwrap().page().unwrap();

    let told = sign_in(&mut person, &world, service, "alice").await;
    assert_eq!((told.status, told.heading().as_str()), (400, "La session a pris fin"));
    let page = person.browser.open(&format!("{}/fr/consentement", world.issuer)).await.unwrap().page().unwrap();
    assert_eq!(page.status, 403, "nobody is signed in: « {} »", page.heading());
    world.end().await;
}
