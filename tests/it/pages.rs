//! Where a person's way ends, by their pages alone: back, refused for good reason, or done.

use std::collections::BTreeMap;

use serde_json::json;
use unefois::dev::browser::Page;
use unefois::dev::world::World;

use super::harness::{
    ADDRESSES, CHANGE_OF_ADDRESS, Handed, INCOME, OLD_TOWN, PORTAL, Person, RESIDENCE, STUDENT_AID, TOWN, address,
    client, log_size, push,
};

/// What a page says, from one of its ids to the next.
fn part<'a>(page: &'a Page, from: &str, to: &str) -> &'a str {
    let mark = |id: &str| format!("id=\"{id}\"");
    let (_, rest) = page.html.split_once(&mark(from)).unwrap();
    rest.split_once(&mark(to)).unwrap().0
}

fn abandoned(back: &BTreeMap<String, String>) -> bool {
    back["error"] == "access_denied" && back["state"] == "etat" && !back.contains_key("code")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_alone_goes_back_with_nothing_decided() {
    let world = World::make(false, None).await.unwrap();
    let agency = client(&world, ADDRESSES).await;
    let pushed = push(&agency, &CHANGE_OF_ADDRESS.details(&world)).await;
    let mut zoe = Person::new(&world, "zoe-13");
    let page = zoe.arrive(&pushed.url).await;
    assert_eq!(page.status, 403);
    assert!(page.html.contains("art.\u{a0}53.1"), "{}", page.html);
    let before = log_size(&world).await;
    let to = format!("{}/fr/demande", world.issuer);
    let back = zoe.browser.submit_to(&page, &to, &[("choice", "leave")]).await.unwrap().back().unwrap();
    assert!(abandoned(&back), "{:?}", back.keys());
    assert_eq!(log_size(&world).await, before, "nobody decided anything");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_child_may_not_answer_a_parent_signs_in_afresh_and_does() {
    let world = World::make(false, None).await.unwrap();
    let agency = client(&world, STUDENT_AID).await;
    let pushed = push(&agency, &INCOME.details(&world)).await;
    let mut zoe = Person::new(&world, "zoe-13");
    let page = zoe.arrive(&pushed.url).await;
    assert_eq!(page.status, 403);
    let to = format!("{}/fr/demande", world.issuer);
    let mut page = zoe.browser.submit_to(&page, &to, &[("choice", "continue")]).await.unwrap().page().unwrap();
    // The service knows the child in this browser, and would otherwise let the child confirm alone.
    assert!(page.url.starts_with(&world.persons) && page.url.contains("prompt=login"), "{}", page.url);
    assert!(page.html.contains("value=\"parent-13\"") && !page.html.contains("name=\"confirm\""), "{}", page.html);
    for field in ["persona", "confirm"] {
        page = zoe.browser.submit(&page, &[(field, "parent-13")]).await.unwrap().page().unwrap();
    }
    let page = zoe.browser.submit(&page, &[("subject", "enfant-13")]).await.unwrap().page().unwrap();
    assert_eq!(page.status, 200, "{}", page.heading());
    let before = log_size(&world).await;
    let back = zoe.browser.submit(&page, &[("choice", "no")]).await.unwrap().back().unwrap();
    assert!(abandoned(&back));
    assert_eq!(log_size(&world).await, before + 1, "the parent's refusal");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_child_began_a_parent_consents_to_in_the_same_browser() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, TOWN).await);
    let mut parent = Person::new(&world, "parent-13");
    let details = json!([{"type": format!("{}/types/portal-session/v1", world.issuer), "drafts": ["adresse"]}]);
    let pushed = push(&portal, &details).await;
    let whom = parent.arrive(&pushed.url).await;
    let page = parent.browser.submit(&whom, &[("subject", "enfant-13")]).await.unwrap().page().unwrap();
    let token = portal.redeem(&pushed, &parent.agree(&page, &[]).await["code"]).await.unwrap();
    parent.submit(&portal, &token, "adresse", &address(OLD_TOWN)).await;

    let pushed = push(&agency, &RESIDENCE.details(&world)).await;
    let mut zoe = Person::new(&world, "zoe-13");
    let page = zoe.arrive(&pushed.url).await;
    assert_eq!(page.status, 403);
    let to = format!("{}/fr/demande", world.issuer);
    let service = zoe.browser.submit_to(&page, &to, &[("choice", "continue")]).await.unwrap().page().unwrap();
    let whom = zoe.browser.submit(&service, &[("persona", "parent-13")]).await.unwrap().page().unwrap();
    let question = zoe.browser.submit(&whom, &[("subject", "enfant-13")]).await.unwrap().page().unwrap();
    assert_eq!(question.status, 200, "{}", question.heading());
    let back = zoe.agree(&question, &[]).await;
    agency.redeem(&pushed, &back["code"]).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_without_the_power_to_whatever_the_form_says() {
    let world = World::make(false, None).await.unwrap();
    let agency = client(&world, TOWN).await;
    let to = format!("{}/fr/pour-qui", world.issuer);
    let decisions = format!("{}/fr/decisions", world.issuer);
    let too_young = "Une autre personne doit répondre";
    // Alone at 13; a parent for a child now of age; an adult for somebody else's child.
    for (persona, subject, told) in [
        ("zoe-13", "", too_young),
        ("parent-18", "enfant-18", "Aucune représentation n’est reconnue"),
        ("alice", "enfant-13", "Aucune représentation n’est reconnue"),
    ] {
        let mut person = Person::new(&world, persona);
        let page = person.arrive(&push(&agency, &RESIDENCE.details(&world)).await.url).await;
        let page = person.browser.submit_to(&page, &to, &[("subject", subject)]).await.unwrap().page().unwrap();
        assert_eq!((page.status, page.heading().as_str()), (403, told), "{persona}");
        assert!(!page.html.contains("Olivier Lavoie"), "{persona}");
        let page = person.browser.open(&decisions).await.unwrap().page().unwrap();
        assert!(!page.html.contains("Olivier Lavoie"), "{persona}");
        assert_eq!(page.url == decisions, persona != "zoe-13", "{persona} acts for themselves, or for nobody");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_a_necessary_value_refuses_or_leaves_and_cannot_accept() {
    let world = World::make(false, None).await.unwrap();
    let agency = client(&world, STUDENT_AID).await;
    let mut person = Person::new(&world, "alice");
    let asked = async || push(&agency, &INCOME.details(&world)).await;
    let page = person.arrive(&asked().await.url).await;
    assert!(!page.html.contains("value=\"yes\"") && page.html.contains("Revenu annuel"), "{}", page.html);
    let before = log_size(&world).await;
    // A form that says yes all the same changes nothing.
    let fields = [("express", "revenu.annuel"), ("choice", "yes")];
    let page = person.browser.submit(&page, &fields).await.unwrap().page().unwrap();
    assert_eq!((page.status, log_size(&world).await), (422, before));
    let back = person.browser.submit(&page, &[("choice", "leave")]).await.unwrap().back().unwrap();
    assert!(abandoned(&back));
    assert_eq!(log_size(&world).await, before, "who leaves has not refused");

    let page = person.browser.open(&asked().await.url).await.unwrap().page().unwrap();
    let page = person.browser.submit(&page, &[("choice", "continue")]).await.unwrap().page().unwrap();
    let back = person.browser.submit(&page, &[("choice", "no")]).await.unwrap().back().unwrap();
    assert!(abandoned(&back));
    assert_eq!(log_size(&world).await, before + 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_without_a_use_left_is_not_shown_as_active() {
    let world = World::make(false, None).await.unwrap();
    let (portal, agency) = (client(&world, PORTAL).await, client(&world, ADDRESSES).await);
    let mut person = Person::new(&world, "alice");
    person.give_address(&world, &portal).await;
    let held = person.consent(&world, &agency, &CHANGE_OF_ADDRESS).await;
    let url = format!("{}/fr/decisions", world.issuer);
    let page = person.browser.open(&url).await.unwrap().page().unwrap();
    assert!(part(&page, "active", "ended").contains("Changement d’adresse"));

    let answer = agency.release(&held.token, "cle-1", &held.ask).await.unwrap();
    let cited: Vec<_> = Handed::of("cle-1", &answer).unwrap().claims()["basis"]["citations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["cite"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(cited, ["A-2.1, art. 53.1", "A-2.1, art. 59"]);
    let page = person.browser.open(&url).await.unwrap().page().unwrap();
    assert!(!part(&page, "active", "ended").contains("Changement d’adresse"));
    let ended = part(&page, "ended", "refused");
    assert!(ended.contains("Changement d’adresse") && ended.contains("La seule communication permise a eu lieu."));
    // In the order in which the purpose declares them.
    assert!(
        ended.contains("Nom, Numéro, rue et appartement, Municipalité (déclarée), Code postal, À cette"),
        "{ended}"
    );
    world.end().await;
}
