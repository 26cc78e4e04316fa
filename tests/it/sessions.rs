//! A browser that two persons share: what one began there, the other does not end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use unefois::app;
use unefois::dev::browser::Page;
use unefois::dev::client::Client;
use unefois::dev::world::{Founded, Setting, World};
use unefois::store::Sqlite;

use super::harness::{
    CHANGE_OF_ADDRESS, INCOME, Later, Log, PORTAL, Person, RESIDENCE, STUDENT_AID, TOWN, address, client, push,
};

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
    let arrival = format!("{}/fr/demande", world.issuer);
    for (to, field) in [
        (&question.url, ("choice", "no")),
        (&question.url, ("choice", "yes")),
        (&question.url, ("choice", "leave")),
        (&question.url, ("again", "1")),
        (&arrival, ("choice", "leave")),
    ] {
        let told = person.browser.submit_to(&question, to, &[field]).await.unwrap().page().unwrap();
        assert_eq!(told.status, 403, "{field:?} at {to}: {}", told.heading());
        // Whom the rules refuse is told why, on what section, and what mends it (P4).
        for said in ["L’acte n’est pas celui", "RLRQ, c.\u{a0}C-1.1, art.\u{a0}38", "Reprenez l’acte"] {
            assert_eq!(told.html.contains(said), field.1 == "yes", "{field:?}: {said}");
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

#[tokio::test(flavor = "multi_thread")]
async fn what_one_attested_opens_no_english_to_another() {
    let world = World::make(false, None).await.unwrap();
    let mut person = Person::new(&world, "alice");
    comes_in(&mut person, &world, "alice").await;
    let gate = person.browser.open(&format!("{}/en/decisions", world.issuer)).await.unwrap().page().unwrap();
    assert!(gate.url.ends_with("/fr/english"), "{}", gate.url);
    // A form is no way around it.
    let to = format!("{}/en/pour-qui", world.issuer);
    let page = person.browser.submit_to(&gate, &to, &[("choice", "x")]).await.unwrap().page().unwrap();
    assert!(page.url.ends_with("/fr/english"), "{}", page.url);
    let fields = [("choice", "attest"), ("next", "")];
    let home = person.browser.submit(&gate, &fields).await.unwrap().page().unwrap();
    assert!(home.url.ends_with("/en") && home.status == 200, "{}", home.url);

    // What leads to French from there leads somewhere.
    let (_, rest) = home.html.split_once("<a class=\"language\" href=\"").unwrap();
    let (french, _) = rest.split_once('"').unwrap();
    let french = person.browser.open(&format!("{}{french}", world.issuer)).await.unwrap().page().unwrap();
    assert_eq!(french.status, 200, "{}", french.url);
    let home = person.browser.open(&format!("{}/en", world.issuer)).await.unwrap().page().unwrap();
    assert!(home.url.ends_with("/en"), "{}", home.url);

    let page = comes_in(&mut person, &world, "noe").await;
    assert!(page.url.contains("/fr/"), "{}", page.url);
    let page = person.browser.open(&format!("{}/en", world.issuer)).await.unwrap().page().unwrap();
    assert!(page.url.ends_with("/fr/english"), "{}", page.url);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_takes_both_cookies_back_and_browsers_stay_on_tls() {
    let world = World::make(true, None).await.unwrap();
    let mut person = Person::new(&world, "alice");
    let page = comes_in(&mut person, &world, "alice").await;
    assert_eq!(page.status, 200, "{}", page.heading());
    let names = ["__Host-unefois", "__Host-unefois-standby"];
    let kept = |person: &Person| names.map(|name| person.browser.cookie(name).is_some());
    assert_eq!(kept(&person), [true, true]);
    person.browser.submit_to(&page, "/fr/quitter", &[]).await.unwrap().page().unwrap();
    assert_eq!(kept(&person), [false, false]);
    let answer = world.wire().unwrap().get(&format!("{}/fr", world.issuer)).await.unwrap();
    assert!(answer.header("strict-transport-security").is_some_and(|value| value.starts_with("max-age=")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_tell_who_signed_out_ends_no_session() {
    let world = World::make(false, None).await.unwrap();
    let mut person = Person::new(&world, "alice");
    comes_in(&mut person, &world, "alice").await;
    let names = ["unefois", "unefois-standby"];
    let kept = |person: &Person| names.map(|name| person.browser.cookie(name).unwrap().to_owned());
    let decisions = format!("{}/fr/decisions", world.issuer);
    let page = person.browser.open(&decisions).await.unwrap().page().unwrap();
    assert_eq!((page.status, page.url.as_str()), (200, decisions.as_str()));
    let before = kept(&person);

    let store = rusqlite::Connection::open(world.config.data.join("ledger.sqlite")).unwrap();
    store.execute_batch("ALTER TABLE sign_outs RENAME TO out_of_reach").unwrap();
    let page = person.browser.open(&decisions).await.unwrap().page().unwrap();
    assert_eq!((page.status, kept(&person)), (503, before), "{}", page.heading());
    store.execute_batch("ALTER TABLE out_of_reach RENAME TO sign_outs").unwrap();
    let page = person.browser.open(&decisions).await.unwrap().page().unwrap();
    assert_eq!((page.status, page.url.as_str()), (200, decisions.as_str()), "{}", page.heading());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_grows_old_and_its_session_ends_however_often_it_is_read() {
    let world = Founded::found(Setting::default()).await.unwrap();
    let clock = Arc::new(Later::default());
    let store = Arc::new(Sqlite::open(&world.config.data).unwrap());
    let running = app::serve_on(&world.config, store, Arc::<Later>::clone(&clock), true).await.unwrap();
    let agency = client(&world, STUDENT_AID).await;
    let pushed = push(&agency, &INCOME.details(&world)).await;
    let mut person = Person::new(&world, "alice");
    let question = person.arrive(&pushed.url).await;
    let again =
        async |person: &mut Person| person.browser.submit(&question, &[("again", "1")]).await.unwrap().page().unwrap();
    assert_eq!(again(&mut person).await.url, question.url, "as strongly signed in as it takes");
    clock.0.store(1_000, Ordering::SeqCst);
    let page = again(&mut person).await;
    assert!(page.url.starts_with(&world.persons), "a strong sign-in never ages: {}", page.url);

    let decisions = format!("{}/fr/decisions", world.issuer);
    for (later, open) in [(1_800, true), (3_500, true), (3_700, false)] {
        clock.0.store(later, Ordering::SeqCst);
        let page = person.browser.open(&decisions).await.unwrap().page().unwrap();
        assert_eq!(page.url == decisions, open, "after {later} seconds: {}", page.url);
    }
    running.stop().await;
    world.end();
}
