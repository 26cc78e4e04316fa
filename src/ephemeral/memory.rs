//! The embedded engine: what may vanish, in this process's memory.
//!
//! It is not shared by replicas and keeps nothing across a restart: a new `Memory` carries no stamp, so that the first
//! operation is [`Lost::Stale`] and the caller raises the epoch.
//!
//! Invariants: a key is judged and written under one lock, with the stamp beside it; an entry lives exactly as long as
//! it was given; each table keeps to its bytes and refuses what does not fit, because forgetting a live mark would let
//! a replay in. Marks and values have a table each, so that a flood of logins cannot close the replay guard.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::{Key, Lost};

/// Expired entries are dropped from a shard, by whoever writes to it, this long after the last time.
const SWEEP: Duration = Duration::from_secs(10);

/// A full shard is swept sooner, yet not for each refusal.
const SWEEP_WHEN_FULL: Duration = Duration::from_secs(1);

const SHARDS: usize = 64;

/// The embedded engine.
pub struct Memory {
    marks: Table<[u8; 0]>,
    values: Table<Box<[u8]>>,
}

impl Memory {
    /// What each of the two tables may hold unless the configuration says otherwise: some 700 000 marks.
    pub const BYTES: usize = 64 << 20;

    /// An empty engine, not yet stamped, whose two tables hold at most `bytes` each.
    pub fn new(bytes: usize) -> Self {
        Self { marks: Table::new(bytes), values: Table::new(bytes) }
    }

    pub(super) fn once(&self, epoch: u64, key: &Key, ttl_seconds: u32) -> Result<bool, Lost> {
        let now = Instant::now();
        let mut shard = self.marks.enter(epoch, key)?;
        if shard.live(key, now).is_some() {
            return Ok(false);
        }
        shard.write(key, [], now, ttl_seconds)?;
        Ok(true)
    }

    pub(super) fn put(&self, epoch: u64, key: &Key, value: Vec<u8>, ttl_seconds: u32) -> Result<(), Lost> {
        let mut shard = self.values.enter(epoch, key)?;
        shard.write(key, value.into_boxed_slice(), Instant::now(), ttl_seconds)
    }

    pub(super) fn get(&self, epoch: u64, key: &Key) -> Result<Option<Vec<u8>>, Lost> {
        let shard = self.values.enter(epoch, key)?;
        Ok(shard.live(key, Instant::now()).map(|value| value.to_vec()))
    }

    pub(super) fn take(&self, epoch: u64, key: &Key) -> Result<Option<Vec<u8>>, Lost> {
        let mut shard = self.values.enter(epoch, key)?;
        let entry = shard.remove(key);
        Ok(entry.filter(|entry| entry.dies > Instant::now()).map(|entry| entry.value.into_vec()))
    }

    pub(super) fn remove(&self, epoch: u64, key: &Key) -> Result<(), Lost> {
        self.values.enter(epoch, key)?.remove(key);
        Ok(())
    }

    pub(super) fn stamp(&self) -> Result<Option<u64>, Lost> {
        self.values.stamp()
    }

    pub(super) fn set_stamp(&self, epoch: u64) -> Result<(), Lost> {
        self.marks.set_stamp(epoch)?;
        self.values.set_stamp(epoch)
    }
}

/// Entries spread over shards by the first byte of their key, which is a keyed digest and thus spreads by itself.
struct Table<V> {
    shards: Box<[Mutex<Shard<V>>]>,
}

impl<V: AsRef<[u8]>> Table<V> {
    fn new(bytes: usize) -> Self {
        let swept = Instant::now();
        let shard = |_| Mutex::new(Shard { stamp: None, entries: HashMap::new(), room: bytes / SHARDS, swept });
        Self { shards: (0..SHARDS).map(shard).collect() }
    }

    /// The key's shard, locked, if it is stamped with the caller's epoch.
    fn enter(&self, epoch: u64, key: &Key) -> Result<MutexGuard<'_, Shard<V>>, Lost> {
        let [first, ..] = *key;
        let shard = self.shards.get(usize::from(first) % SHARDS).ok_or(Lost::Unavailable)?;
        let shard = lock(shard)?;
        if shard.stamp == Some(epoch) { Ok(shard) } else { Err(Lost::Stale) }
    }

    /// The last shard is stamped last: its stamp is every shard's.
    fn stamp(&self) -> Result<Option<u64>, Lost> {
        self.shards.last().map_or(Ok(None), |shard| Ok(lock(shard)?.stamp))
    }

    fn set_stamp(&self, epoch: u64) -> Result<(), Lost> {
        for shard in &self.shards {
            let mut shard = lock(shard)?;
            shard.stamp = shard.stamp.max(Some(epoch));
        }
        Ok(())
    }
}

/// A thread that panicked inside a shard leaves it in doubt; in doubt, the engine does not answer.
fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Lost> {
    mutex.lock().map_err(|_| Lost::Unavailable)
}

struct Shard<V> {
    stamp: Option<u64>,
    entries: HashMap<Key, Entry<V>>,
    room: usize,
    swept: Instant,
}

struct Entry<V> {
    dies: Instant,
    value: V,
}

impl<V: AsRef<[u8]>> Shard<V> {
    fn live(&self, key: &Key, now: Instant) -> Option<&V> {
        self.entries.get(key).filter(|entry| entry.dies > now).map(|entry| &entry.value)
    }

    fn write(&mut self, key: &Key, value: V, now: Instant, ttl_seconds: u32) -> Result<(), Lost> {
        let needs = weight(&value);
        let due = if self.room < needs { SWEEP_WHEN_FULL } else { SWEEP };
        if now.duration_since(self.swept) >= due {
            self.sweep(now);
        }
        let freed = self.entries.get(key).map_or(0, |entry| weight(&entry.value));
        self.room = (self.room + freed).checked_sub(needs).ok_or(Lost::Unavailable)?;
        self.entries.insert(*key, Entry { dies: now + Duration::from_secs(ttl_seconds.into()), value });
        Ok(())
    }

    fn remove(&mut self, key: &Key) -> Option<Entry<V>> {
        let entry = self.entries.remove(key)?;
        self.room += weight(&entry.value);
        Some(entry)
    }

    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        self.entries.retain(|_, entry| {
            let live = entry.dies > now;
            if !live {
                self.room += weight(&entry.value);
            }
            live
        });
    }
}

/// What an entry costs: its value, and its place twice, because a hash table may be half empty.
fn weight<V: AsRef<[u8]>>(value: &V) -> usize {
    2 * size_of::<(Key, Entry<V>)>() + value.as_ref().len()
}

#[cfg(test)]
impl Memory {
    /// All keys and values, as they lie in the engine.
    pub(super) fn contents(&self) -> Vec<u8> {
        fn all<V: AsRef<[u8]>>(table: &Table<V>) -> Vec<u8> {
            let shards = table.shards.iter().map(|shard| shard.lock().unwrap());
            shards
                .flat_map(|s| s.entries.iter().flat_map(|(k, e)| [k, e.value.as_ref()].concat()).collect::<Vec<u8>>())
                .collect()
        }
        [all(&self.marks), all(&self.values)].concat()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;

    const LONG: u32 = 600;

    fn key(n: u32) -> Key {
        crate::crypto::sha256(&[&n.to_be_bytes()])
    }

    fn stamped(bytes: usize) -> Memory {
        let memory = Memory::new(bytes);
        memory.set_stamp(1).unwrap();
        memory
    }

    #[test]
    fn begins_without_a_stamp() {
        let memory = Memory::new(Memory::BYTES);
        assert_eq!(memory.stamp(), Ok(None));
        assert_eq!(memory.once(0, &key(0), LONG), Err(Lost::Stale));
    }

    /// Tasks on one runtime seldom meet within the few nanoseconds that matter; two threads that start each round
    /// together do.
    #[test]
    fn of_two_threads_that_meet_one_wins() {
        const ROUNDS: u32 = 5_000;
        let memory = stamped(Memory::BYTES);
        let winners = |attempt: &(dyn Fn(u32) -> bool + Sync)| {
            let arrived = AtomicU32::new(0);
            let run = || {
                let round = |n: &u32| {
                    arrived.fetch_add(1, SeqCst);
                    while arrived.load(SeqCst) < 2 * (n + 1) {
                        std::hint::spin_loop();
                    }
                    attempt(*n)
                };
                (0..ROUNDS).filter(round).count()
            };
            std::thread::scope(|scope| [scope.spawn(run), scope.spawn(run)].map(|t| t.join().unwrap()))
        };
        let [one, other] = winners(&|n| memory.once(1, &key(n), LONG).unwrap());
        assert_eq!(one + other, ROUNDS as usize);
        (0..ROUNDS).for_each(|n| memory.put(1, &key(n), vec![1], LONG).unwrap());
        let [one, other] = winners(&|n| memory.take(1, &key(n)).unwrap().is_some());
        assert_eq!(one + other, ROUNDS as usize);
    }

    #[test]
    fn a_full_guard_refuses_and_forgets_no_live_mark() {
        let memory = stamped(64 * 1024);
        let marked: Vec<u32> = (0..2_000).filter(|n| memory.once(1, &key(*n), LONG) == Ok(true)).collect();
        assert!((200..2_000).contains(&marked.len()), "{} marks", marked.len());
        assert!(marked.iter().all(|n| memory.once(1, &key(*n), LONG) == Ok(false)));
        let next = (2_000..4_000).find(|n| memory.once(1, &key(*n), LONG).is_err()).unwrap();
        assert_eq!(memory.once(1, &key(next), LONG), Err(Lost::Unavailable));
    }

    #[test]
    fn marks_leave_room_for_values() {
        let memory = stamped(64 * 1024);
        assert!((0..2_000).any(|n| memory.once(1, &key(n), LONG).is_err()));
        assert_eq!(memory.put(1, &key(0), vec![0; 100], LONG), Ok(()));
    }

    #[test]
    fn room_comes_back_from_what_was_taken_removed_replaced_or_has_died() {
        let memory = stamped(64 * 1024);
        let large = || vec![0; 600];
        let full = |key| assert_eq!(memory.put(1, key, large(), LONG), Err(Lost::Unavailable));
        let [one, other] = [[9; 32], [9 + 64; 32]];
        for _ in 0..3 {
            memory.put(1, &one, large(), LONG).unwrap();
            full(&other);
            assert!(memory.take(1, &one).unwrap().is_some());
            memory.put(1, &other, large(), LONG).unwrap();
            memory.put(1, &other, large(), LONG).unwrap();
            full(&one);
            memory.remove(1, &other).unwrap();
        }
        memory.put(1, &one, large(), 1).unwrap();
        full(&other);
        std::thread::sleep(Duration::from_millis(1_100));
        memory.put(1, &other, large(), LONG).unwrap();
    }

    #[test]
    fn a_shard_left_in_doubt_does_not_answer() {
        let memory = stamped(Memory::BYTES);
        std::thread::scope(|scope| {
            let broken = scope.spawn(|| {
                let _shard = memory.marks.enter(1, &[3; 32]).unwrap();
                panic!("inside the shard");
            });
            assert!(broken.join().is_err());
        });
        assert_eq!(memory.once(1, &[3; 32], LONG), Err(Lost::Unavailable));
        assert_eq!(memory.once(1, &[4; 32], LONG), Ok(true));
        assert_eq!(memory.set_stamp(2), Err(Lost::Unavailable));
    }
}
