//! What every engine does, proved on each of them: the same tests, once per engine, through the front where the front
//! has a say. What only one engine can suffer is in its own file.
//!
//! Redis is a real server, started by each test on a loopback port of its own. Where `redis-server` is not installed
//! those tests say so and pass, unless `UNEFOIS_REQUIRE_SERVERS=1`.

mod faults;
mod server;
mod stand;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::sleep};

use self::stand::{InMemory, InRedis, Stand};
use super::{Ephemeral, Lost, Space};

const EPOCH: u64 = 7;
const CANARY: &str = "Marguerite Bourgeoys, NAS 046 454 286";
const KEY: [u8; 32] = [1; 32];

/// Longer than any test, and than a lifetime of one second.
const LONG: u32 = 600;
const JUST_OVER_A_SECOND: Duration = Duration::from_millis(1_200);

macro_rules! contract {
    ($stand:ident: $($test:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let Some(mut stand) = $stand::up() else { return };
            stand.front().set_stamp(EPOCH).await.unwrap();
            super::$test(&mut stand).await;
        }
    )*};
}

macro_rules! on_both_engines {
    ($($test:ident)*) => {
        mod in_memory {
            use super::*;
            contract! { InMemory: $($test)* }
        }
        mod in_redis {
            use super::*;
            contract! { InRedis: $($test)* }
        }
    };
}

on_both_engines! {
    a_mark_is_set_once_while_it_lives
    of_100_parallel_marks_one_is_first
    a_value_is_kept_replaced_taken_and_removed
    a_value_dies_with_its_lifetime
    of_100_parallel_takers_one_has_the_value
    another_epoch_is_stale_for_every_operation
    the_stamp_only_rises
    a_value_of_another_epoch_is_no_value
    an_altered_or_moved_value_is_no_value
    spaces_do_not_share_names
    nothing_enters_in_clear
    an_emptied_engine_is_stale_until_stamped
}

async fn a_mark_is_set_once_while_it_lives(stand: &mut impl Stand) {
    let front = stand.front();
    let once = async |name: &[u8], ttl| front.once(EPOCH, Space::DpopProof, name, ttl).await;
    assert_eq!(once(b"short", 1).await, Ok(true));
    assert_eq!(once(b"short", 1).await, Ok(false));
    assert_eq!(once(b"long", LONG).await, Ok(true));
    assert_eq!(once(b"zero", 0).await, Ok(true));
    assert_eq!(once(b"zero", 0).await, Ok(false), "a lifetime of zero would let the replay in");
    sleep(JUST_OVER_A_SECOND).await;
    assert_eq!(once(b"short", 1).await, Ok(true));
    assert_eq!(once(b"long", 1).await, Ok(false), "asking again with a shorter lifetime shortens nothing");
    sleep(JUST_OVER_A_SECOND).await;
    assert_eq!(once(b"long", 1).await, Ok(false));
}

async fn of_100_parallel_marks_one_is_first(stand: &mut impl Stand) {
    let mark =
        |front: Arc<Ephemeral>| async move { front.once(EPOCH, Space::ClientAssertion, b"jti", LONG).await.unwrap() };
    assert_eq!(winners_of_100(stand.front(), mark).await, 1);
}

async fn a_value_is_kept_replaced_taken_and_removed(stand: &mut impl Stand) {
    let front = stand.front();
    let get = async || front.get::<String>(EPOCH, Space::Session, "s").await;
    let take = async || front.take::<String>(EPOCH, Space::Session, "s").await;
    assert_eq!(get().await, Ok(None));
    front.put(EPOCH, Space::Session, "s", &"one", LONG).await.unwrap();
    assert_eq!(get().await, Ok(Some("one".to_owned())));
    front.put(EPOCH, Space::Session, "s", &"two", LONG).await.unwrap();
    assert_eq!(take().await, Ok(Some("two".to_owned())));
    assert_eq!(take().await, Ok(None));
    front.put(EPOCH, Space::Session, "s", &"three", LONG).await.unwrap();
    front.remove(EPOCH, Space::Session, "s").await.unwrap();
    front.remove(EPOCH, Space::Session, "s").await.unwrap();
    assert_eq!(get().await, Ok(None));
}

async fn a_value_dies_with_its_lifetime(stand: &mut impl Stand) {
    let front = stand.front();
    front.put(EPOCH, Space::Code, "read", &1, 1).await.unwrap();
    front.put(EPOCH, Space::Code, "taken", &1, 1).await.unwrap();
    front.put(EPOCH, Space::Code, "renewed", &1, 1).await.unwrap();
    front.put(EPOCH, Space::Code, "renewed", &2, LONG).await.unwrap();
    sleep(JUST_OVER_A_SECOND).await;
    assert_eq!(front.get::<u8>(EPOCH, Space::Code, "read").await, Ok(None));
    assert_eq!(front.take::<u8>(EPOCH, Space::Code, "taken").await, Ok(None));
    assert_eq!(front.get::<u8>(EPOCH, Space::Code, "renewed").await, Ok(Some(2)));
}

async fn of_100_parallel_takers_one_has_the_value(stand: &mut impl Stand) {
    stand.front().put(EPOCH, Space::Code, "code", &1, LONG).await.unwrap();
    let take =
        |front: Arc<Ephemeral>| async move { front.take::<u8>(EPOCH, Space::Code, "code").await.unwrap().is_some() };
    assert_eq!(winners_of_100(stand.front(), take).await, 1);
}

async fn another_epoch_is_stale_for_every_operation(stand: &mut impl Stand) {
    let front = stand.front();
    front.engine.put(EPOCH, &KEY, vec![1], LONG).await.unwrap();
    for epoch in [EPOCH - 1, EPOCH + 1, 0, u64::MAX] {
        assert_stale(front, epoch).await;
    }
    assert_eq!(front.engine.get(EPOCH, &KEY).await, Ok(Some(vec![1])), "a refused operation touches nothing");
    assert_eq!(front.engine.once(EPOCH, &KEY, LONG).await, Ok(true), "marks and values do not meet");
}

async fn the_stamp_only_rises(stand: &mut impl Stand) {
    let front = stand.front();
    for (stamped, then) in [(EPOCH - 1, EPOCH), (EPOCH, EPOCH), (10, 10), (9, 10), (u64::MAX, u64::MAX), (1, u64::MAX)]
    {
        front.set_stamp(stamped).await.unwrap();
        assert_eq!(front.stamp().await, Ok(Some(then)));
    }
    assert_eq!(front.once(u64::MAX, Space::Login, b"n", LONG).await, Ok(true));
}

async fn a_value_of_another_epoch_is_no_value(stand: &mut impl Stand) {
    let front = stand.front();
    front.put(EPOCH, Space::Session, "s", &1, LONG).await.unwrap();
    front.set_stamp(EPOCH + 1).await.unwrap();
    assert_eq!(front.get::<u8>(EPOCH, Space::Session, "s").await, Err(Lost::Stale));
    assert_eq!(front.get::<u8>(EPOCH + 1, Space::Session, "s").await, Ok(None));
    assert_eq!(front.take::<u8>(EPOCH + 1, Space::Session, "s").await, Ok(None));
}

async fn an_altered_or_moved_value_is_no_value(stand: &mut impl Stand) {
    let front = stand.front();
    let (own, other) = (front.key(Space::Session, b"own"), front.key(Space::Session, b"other"));
    front.put(EPOCH, Space::Session, "own", &1, LONG).await.unwrap();
    let mut sealed = front.engine.get(EPOCH, &own).await.unwrap().unwrap();
    front.engine.put(EPOCH, &other, sealed.clone(), LONG).await.unwrap();
    assert_eq!(front.get::<u8>(EPOCH, Space::Session, "other").await, Ok(None));
    sealed[0] ^= 1;
    front.engine.put(EPOCH, &own, sealed, LONG).await.unwrap();
    assert_eq!(front.get::<u8>(EPOCH, Space::Session, "own").await, Ok(None));
}

async fn spaces_do_not_share_names(stand: &mut impl Stand) {
    let front = stand.front();
    assert_eq!(front.once(EPOCH, Space::DpopProof, b"n", LONG).await, Ok(true));
    assert_eq!(front.once(EPOCH, Space::ClientAssertion, b"n", LONG).await, Ok(true));
    front.put(EPOCH, Space::Login, "n", &1, LONG).await.unwrap();
    assert_eq!(front.get::<u8>(EPOCH, Space::ConfirmUri, "n").await, Ok(None));
    assert_eq!(front.get::<u8>(EPOCH, Space::PushedRequest, "n").await, Ok(None));
    assert_eq!(front.get::<u8>(EPOCH, Space::Login, "n").await, Ok(Some(1)));
}

async fn nothing_enters_in_clear(stand: &mut impl Stand) {
    let front = Arc::clone(stand.front());
    front.put(EPOCH, Space::Session, CANARY, &CANARY, LONG).await.unwrap();
    front.once(EPOCH, Space::DpopProof, CANARY.as_bytes(), LONG).await.unwrap();
    assert!(!holds_canary(&stand.contents()));
    front.engine.put(EPOCH, &KEY, CANARY.into(), LONG).await.unwrap();
    assert!(holds_canary(&stand.contents()), "the search finds what is in clear");
}

async fn an_emptied_engine_is_stale_until_stamped(stand: &mut impl Stand) {
    stand.front().once(EPOCH, Space::DpopProof, b"jti", LONG).await.unwrap();
    stand.empty();
    let front = stand.front();
    assert_eq!(front.stamp().await, Ok(None));
    assert_stale(front, EPOCH).await;
    front.set_stamp(EPOCH + 1).await.unwrap();
    assert_eq!(front.once(EPOCH, Space::DpopProof, b"jti", LONG).await, Err(Lost::Stale));
    assert_eq!(front.once(EPOCH + 1, Space::DpopProof, b"jti", LONG).await, Ok(true));
}

/// Every operation that carries an epoch.
async fn assert_stale(front: &Ephemeral, epoch: u64) {
    let engine = &front.engine;
    assert_eq!(engine.once(epoch, &KEY, LONG).await, Err(Lost::Stale));
    assert_eq!(engine.put(epoch, &KEY, vec![2], LONG).await, Err(Lost::Stale));
    assert_eq!(engine.get(epoch, &KEY).await, Err(Lost::Stale));
    assert_eq!(engine.take(epoch, &KEY).await, Err(Lost::Stale));
    assert_eq!(engine.remove(epoch, &KEY).await, Err(Lost::Stale));
}

async fn winners_of_100<F>(front: &Arc<Ephemeral>, attempt: fn(Arc<Ephemeral>) -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let attempts: JoinSet<bool> = (0..100).map(|_| attempt(Arc::clone(front))).collect();
    attempts.join_all().await.into_iter().filter(|won| *won).count()
}

fn holds_canary(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
}
