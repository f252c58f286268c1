//! What one isolate remembers between requests: snapshots of hosts and links.
//!
//! Bounded, and unknown names are remembered too, so that guessing slugs does not reach KV. An old
//! entry is still used while it is fetched again: with KV down a known link goes on redirecting.

use crate::domain::link::{HostSnapshot, LinkSnapshot};
use crate::domain::time::UnixMs;
use std::collections::{HashMap, VecDeque};

/// Entries of one kind: about 4 MB of the isolate's 128 when every link is large.
pub const CAPACITY: usize = 10_000;
/// A snapshot is fresh for this long.
pub const FRESH_MS: i64 = 60_000;
/// An unknown name is asked for again after this long (KV itself remembers a miss for a minute).
pub const UNKNOWN_MS: i64 = 30_000;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    Found(T),
    /// KV has no such record.
    Absent,
}

impl<T> Known<T> {
    fn fresh_ms(&self) -> i64 {
        match self {
            Known::Found(_) => FRESH_MS,
            Known::Absent => UNKNOWN_MS,
        }
    }
}

/// A remembered answer and whether it should be fetched again.
#[derive(Debug, PartialEq, Eq)]
pub struct Hit<'a, T> {
    pub known: &'a Known<T>,
    pub stale: bool,
}

/// A bounded map that forgets the oldest insertion first.
pub struct Cache<T> {
    entries: HashMap<String, (Known<T>, UnixMs)>,
    order: VecDeque<String>,
    capacity: usize,
}

impl<T> Cache<T> {
    pub fn new(capacity: usize) -> Self {
        Cache {
            entries: HashMap::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    /// Looks a name up. A stale hit is still usable.
    pub fn get(&self, name: &str, now: UnixMs) -> Option<Hit<'_, T>> {
        let (known, at) = self.entries.get(name)?;
        Some(Hit {
            known,
            stale: now.since(*at) >= known.fresh_ms(),
        })
    }

    pub fn put(&mut self, name: &str, known: Known<T>, now: UnixMs) {
        if self.entries.insert(name.to_owned(), (known, now)).is_none() {
            self.order.push_back(name.to_owned());
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
    }

    /// Lets what is remembered of a name count as fresh for five seconds more: while it is being
    /// fetched, and after a fetch that failed, so that not every request asks a store that is down.
    pub fn keep(&mut self, name: &str, now: UnixMs) {
        if let Some((known, at)) = self.entries.get_mut(name) {
            *at = now.plus(5_000 - known.fresh_ms());
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The isolate's memory.
pub struct Memory {
    pub hosts: Cache<HostSnapshot>,
    pub links: Cache<LinkSnapshot>,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            hosts: Cache::new(CAPACITY),
            links: Cache::new(CAPACITY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_its_capacity() {
        let mut cache = Cache::new(3);
        for n in 0..10 {
            cache.put(&n.to_string(), Known::Found(n), UnixMs(0));
            cache.put(&n.to_string(), Known::Found(n), UnixMs(0));
        }
        assert_eq!(cache.len(), 3);
        assert!(cache.get("6", UnixMs(0)).is_none());
        assert_eq!(cache.get("9", UnixMs(0)).unwrap().known, &Known::Found(9));
    }

    #[test]
    fn answers_grow_stale_and_stay_usable() {
        let mut cache = Cache::new(3);
        cache.put("a", Known::Found(1), UnixMs(0));
        cache.put("b", Known::Absent, UnixMs(0));
        assert!(!cache.get("a", UnixMs(FRESH_MS - 1)).unwrap().stale);
        assert!(cache.get("a", UnixMs(FRESH_MS)).unwrap().stale);
        assert!(cache.get("b", UnixMs(UNKNOWN_MS)).unwrap().stale);
        cache.keep("a", UnixMs(FRESH_MS));
        assert!(!cache.get("a", UnixMs(FRESH_MS + 4_999)).unwrap().stale);
        assert!(cache.get("a", UnixMs(FRESH_MS + 5_000)).unwrap().stale);
    }
}
