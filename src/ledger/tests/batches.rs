//! The queue: who goes first, what is undone with what, how it ends.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;

/// Enters in a task of its own, and waits until it is queued or refused.
async fn queued(
    ledger: &Arc<Ledger>,
    lane: Lane,
    number: u64,
    preconditions: Vec<Precondition>,
    writes: Vec<Write>,
) -> JoinHandle<Result<u64, NotEntered>> {
    let ledger = Arc::clone(ledger);
    let task = tokio::spawn(async move { Ok(ledger.enter(lane, note(number), preconditions, writes).await?.index()) });
    // The task is on this thread: once it yields, it has queued its proposal.
    tokio::task::yield_now().await;
    task
}

/// A ledger whose sequencer is held up with one proposal in hand, so that what is queued next makes the next batches.
async fn held_up(world: &World) -> (Arc<Ledger>, JoinHandle<Result<u64, NotEntered>>) {
    let ledger = Arc::new(world.begun().await);
    world.hand.shut(true);
    let first = queued(&ledger, Lane::Client, 0, vec![], vec![]).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    (ledger, first)
}

#[tokio::test]
async fn persons_go_first() {
    let world = World::new();
    let (ledger, _first) = held_up(&world).await;
    let mut clients = Vec::new();
    for number in 0..300 {
        clients.push(queued(&ledger, Lane::Client, number, vec![], vec![]).await);
    }
    let persons = [
        queued(&ledger, Lane::Person, 900, vec![], vec![]).await,
        queued(&ledger, Lane::Person, 901, vec![], vec![]).await,
    ];
    world.hand.shut(false);
    for (person, index) in persons.into_iter().zip(6..) {
        assert_eq!(person.await.unwrap().unwrap(), index);
    }
    for (client, index) in clients.into_iter().zip(8..) {
        assert_eq!(client.await.unwrap().unwrap(), index, "in the order in which they came");
    }
}

#[tokio::test]
async fn what_breaks_a_constraint_takes_no_other_with_it() {
    let world = World::new();
    let (ledger, first) = held_up(&world).await;
    let identity = || vec![Write::PutIdentity([1; 32], subject(1))];
    let tasks = [
        queued(&ledger, Lane::Client, 1, vec![], identity()).await,
        queued(&ledger, Lane::Client, 2, vec![], identity()).await,
        queued(&ledger, Lane::Client, 3, vec![Precondition::Epoch(77)], vec![]).await,
        queued(&ledger, Lane::Client, 4, vec![], vec![]).await,
    ];
    world.hand.shut(false);
    assert_eq!(first.await.unwrap().unwrap(), 5);
    let [one, twice, moved, last] = tasks;
    assert_eq!(one.await.unwrap().unwrap(), 6);
    assert!(matches!(twice.await.unwrap(), Err(NotEntered::Commit(NotCommitted::Fault(Fault::Undone(_))))));
    let moved = moved.await.unwrap();
    assert!(matches!(moved, Err(NotEntered::Commit(NotCommitted::Moved(Precondition::Epoch(77))))));
    assert_eq!(last.await.unwrap().unwrap(), 7);
    assert!(ledger.health().is_ok());
}

#[tokio::test]
async fn on_a_doubtful_clock_what_rests_on_no_time_goes_on() {
    let world = World::new();
    let (ledger, first) = held_up(&world).await;
    world.hand.set(-60);
    let release = queued(&ledger, Lane::Client, 1, vec![Precondition::Before(NOW.plus(60))], vec![]).await;
    let withdrawal = queued(&ledger, Lane::Person, 2, vec![], vec![]).await;
    world.hand.shut(false);
    assert_eq!(first.await.unwrap().unwrap(), 5);
    assert_eq!(withdrawal.await.unwrap().unwrap(), 6);
    let release = release.await.unwrap();
    assert!(matches!(release, Err(NotEntered::Commit(NotCommitted::Fault(Fault::ClockInDoubt(60))))));
    world.hand.set(0);
    assert_eq!(enter(&ledger, note(3), vec![]).await.index(), 7);
}

#[tokio::test]
async fn closing_commits_what_waits_and_takes_nothing_new() {
    let world = World::new();
    let (ledger, first) = held_up(&world).await;
    let mut waiting = Vec::new();
    for number in 0..600 {
        waiting.push(queued(&ledger, Lane::Client, number, vec![], vec![]).await);
    }
    let closing = Arc::clone(&ledger);
    let closed = tokio::task::spawn_blocking(move || closing.close());
    while !matches!(ledger.write(Lane::Person, vec![], vec![]).now_or_never(), Some(Err(_))) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.hand.shut(false);
    closed.await.unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 5);
    for (task, index) in waiting.into_iter().zip(6..) {
        assert_eq!(task.await.unwrap().unwrap(), index);
    }
    let late = ledger.enter(Lane::Person, note(9), vec![], vec![]).await;
    assert!(matches!(late, Err(NotEntered::Commit(NotCommitted::Busy))));
    drop(ledger);
    assert_eq!(world.open().unwrap().head().unwrap().size, 606);
}

#[tokio::test]
async fn what_cannot_be_noted_beside_the_key_is_not_acknowledged_and_ends_the_log() {
    let world = World::new();
    drop(world.begun().await);
    let parts = world.parts(Sqlite::open(world.data.path()).unwrap());
    let (_, seen) = HeadFile::open(world.keys.path()).unwrap();
    let ledger = Arc::new(Ledger::start(parts, HeadFile::unwritable(world.keys.path()), seen).unwrap());
    world.hand.shut(true);
    let mut tasks = vec![queued(&ledger, Lane::Client, 0, vec![], vec![]).await];
    tokio::time::sleep(Duration::from_millis(50)).await;
    for number in 1..300 {
        tasks.push(queued(&ledger, Lane::Client, number, vec![], vec![]).await);
    }
    world.hand.shut(false);
    for task in tasks {
        let refused = task.await.unwrap();
        assert!(matches!(refused, Err(NotEntered::Commit(NotCommitted::Fault(Fault::Broken(_))))));
    }
    assert!(ledger.health().is_err());
    let late = ledger.write(Lane::Person, vec![], vec![]).await;
    assert!(matches!(late, Err(NotEntered::Commit(NotCommitted::Fault(Fault::Broken(_))))));
    drop(ledger);
    assert_eq!(world.open().unwrap().head().unwrap().size, 6, "the first batch is durable; no other was committed");
}

#[tokio::test]
async fn what_the_disk_gives_back_otherwise_is_never_signed() {
    let world = World::new();
    let ledger = world.begun().await;
    let lie = "DROP TRIGGER entries_stay; CREATE TRIGGER lie AFTER INSERT ON entries
               BEGIN UPDATE entries SET leaf = zeroblob(128) WHERE idx = NEW.idx; END";
    crate::store::behind(&world.data, lie).unwrap();
    let fault = ledger.enter(Lane::Client, note(1), vec![], vec![]).await.map(|_| ()).unwrap_err();
    assert!(matches!(fault, NotEntered::Commit(NotCommitted::Fault(Fault::Broken(_)))), "{fault}");
    assert!(ledger.health().is_err());
    assert_eq!((ledger.head().unwrap().size, ledger.entry(5).unwrap()), (5, None));
    let next = ledger.enter(Lane::Person, note(2), vec![], vec![]).await.map(|_| ()).unwrap_err();
    assert!(matches!(next, NotEntered::Commit(NotCommitted::Fault(Fault::Broken(_)))), "it takes no more writes");
}

/// Polls a future once.
trait NowOrNever: Future + Sized {
    fn now_or_never(self) -> Option<Self::Output> {
        let mut this = std::pin::pin!(self);
        match this.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}

impl<F: Future> NowOrNever for F {}
