//! What the log keeps of decisions.

use super::*;
use crate::policy::Kept;

#[tokio::test]
async fn decisions_come_with_their_facts_and_whom_they_concern_and_the_rest_does_not() {
    let world = World::new();
    let ledger = world.begun().await;
    story(&ledger).await;
    let size = ledger.head().unwrap().size;
    let all: Vec<Kept> = ledger.decisions(0, 64).unwrap();
    // Two persons: a consent, two releases and a withdrawal each; what begins the log and its keys have no facts.
    assert_eq!(all.len(), 8);
    assert!(all.iter().all(|kept| kept.permitted && kept.facts == r#"{"age":30}"#));
    let of = |who| all.iter().filter(|kept| kept.subject == Some(subject(who))).count();
    assert_eq!((of(1), of(2)), (4, 4));
    assert_eq!(all[0].purpose.as_deref(), Some("aide"));
    assert_eq!(ledger.decisions(0, 6).unwrap().len(), 1);
    assert!(ledger.decisions(size, 6).unwrap().is_empty());

    let refused = json!({"receiving": "agence", "purpose": "aide", "rules": ["no-consent"]});
    enter(&ledger, of_nobody(Event::Refusal, refused), vec![]).await;
    let last = ledger.decisions(size, 6).unwrap().remove(0);
    assert_eq!((last.permitted, last.rules, last.subject), (false, vec!["no-consent".to_owned()], None));
}

fn of_nobody(event: Event, act: Value) -> Statement {
    Statement { facts: Some(r#"{"age":30}"#.to_owned()), ..Statement::act(event, act) }
}

#[tokio::test]
async fn the_log_is_cut_at_a_moment() {
    let world = World::new();
    let ledger = world.begun().await;
    let size = ledger.head().unwrap().size;
    for ahead in [10, 10, 20] {
        world.hand.set(ahead);
        enter(&ledger, note(0), vec![]).await;
    }
    let since = |ahead| ledger.since(NOW.plus(ahead)).unwrap() - size;
    assert_eq!(ledger.since(NOW).unwrap(), 0);
    assert_eq!((since(1), since(10), since(11), since(20), since(21)), (0, 0, 2, 2, 3));
}
