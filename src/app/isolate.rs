//! What one isolate remembers between requests: snapshots of hosts and links, and recent traffic.
//!
//! Bounded, and unknown names are remembered too, so that guessing slugs does not reach KV. An old
//! entry is still used while it is fetched again: with KV down a known link goes on redirecting.
//! A request that looks for something that is missing or old leaves its KV key in `wanted`; its own
//! `prepare` fetches that and hands it to [`Memory::learn`]. What other requests wait for is theirs
//! to fetch: it costs no request more reads than its own keys.

use crate::domain::flood::Flood;
use crate::domain::ids::LinkId;
use crate::domain::limits;
use crate::domain::link::{self, HostSnapshot, LinkSnapshot, Shown};
use crate::domain::time::UnixMs;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use throughline_text::Draft;

/// Entries of one kind: about 4 MB of the isolate's 128 when every link is large.
pub const CAPACITY: usize = 10_000;
/// A snapshot is fresh for this long.
pub const FRESH_MS: i64 = 60_000;
/// An unknown name is asked for again after this long (KV itself remembers a miss for a minute).
pub const UNKNOWN_MS: i64 = 30_000;
/// After a failure of KV a name that nothing is known of is asked for again after this long.
pub const FAILED_MS: i64 = 1_000;
/// How long an old entry counts as fresh while it is fetched again, and after that failed.
const KEEP_MS: i64 = 5_000;

/// What is remembered of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    Found(T),
    /// KV has no such record.
    Absent,
    /// KV did not say.
    Failed,
}

impl<T> Known<T> {
    fn failed(&self) -> bool {
        matches!(self, Known::Failed)
    }

    fn fresh_ms(&self) -> i64 {
        match self {
            Known::Found(_) => FRESH_MS,
            Known::Absent => UNKNOWN_MS,
            Known::Failed => FAILED_MS,
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
    entries: HashMap<String, (Known<T>, Cell<UnixMs>)>,
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

    /// Looks a name up. A stale hit is still usable; a failure that is over is no hit.
    pub fn get(&self, name: &str, now: UnixMs) -> Option<Hit<'_, T>> {
        let (known, at) = self.entries.get(name)?;
        let stale = now.since(at.get()) >= known.fresh_ms();
        let over = stale && matches!(known, Known::Failed);
        (!over).then_some(Hit { known, stale })
    }

    pub fn put(&mut self, name: &str, known: Known<T>, now: UnixMs) {
        let entry = (known, Cell::new(now));
        if self.entries.insert(name.to_owned(), entry).is_none() {
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
    pub fn keep(&self, name: &str, now: UnixMs) {
        if let Some((known, at)) = self.entries.get(name) {
            at.set(now.plus(KEEP_MS - known.fresh_ms()));
        }
    }

    fn learn(&mut self, name: &str, fetched: &Fetched, read: fn(&str) -> Option<T>, now: UnixMs) {
        let known = match fetched {
            Fetched::Record(text) => read(text).map(Known::Found),
            Fetched::Nothing => Some(Known::Absent),
            Fetched::Failed => None,
        };
        match known {
            Some(known) => self.put(name, known, now),
            None if matches!(self.get(name, now), Some(hit) if !hit.known.failed()) => {
                self.keep(name, now);
            }
            None => self.put(name, Known::Failed, now),
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// What KV said to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    Record(String),
    Nothing,
    /// It failed, or did not answer in time.
    Failed,
}

/// The isolate's memory.
pub struct Memory {
    pub hosts: Cache<HostSnapshot>,
    /// By KV key.
    pub links: Cache<LinkSnapshot>,
    /// By KV key.
    pub shown: Cache<Shown>,
    pub flood: RefCell<Flood>,
    /// Clicks that wait for their message to the queue: JSON objects with commas between them. The
    /// entry takes them after a second, or when they make a message.
    pub clicks: Draft,
    /// What the request that is being answered looked for in vain.
    wanted: RefCell<Vec<String>>,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            hosts: Cache::new(CAPACITY),
            links: Cache::new(CAPACITY),
            shown: Cache::new(CAPACITY),
            flood: RefCell::new(Flood::default()),
            clicks: Draft::default(),
            wanted: RefCell::new(Vec::new()),
        }
    }
}

impl Memory {
    /// Forgets what KV said. Clicks that wait, and the counts of networks, are not KV's.
    pub fn forget(&mut self) {
        *self = Memory {
            flood: std::mem::take(&mut self.flood),
            clicks: std::mem::take(&mut self.clicks),
            ..Memory::default()
        };
    }

    /// What is known of a host; `None` when it has to be fetched first.
    pub fn host(&self, host: &str, now: UnixMs) -> Option<&Known<HostSnapshot>> {
        self.look(&self.hosts, host, now, || link::host_key(host))
    }

    /// What is known of a link; `None` when it has to be fetched first.
    pub fn link(&self, host: &str, slug: &str, now: UnixMs) -> Option<&Known<LinkSnapshot>> {
        let key = link::link_key(host, slug);
        self.look(&self.links, &key, now, || key.clone())
    }

    /// What pages may show of a link; `None` when it has to be fetched first.
    pub fn shown(&self, link: LinkId, now: UnixMs) -> Option<&Known<Shown>> {
        let key = link::shown_key(link);
        self.look(&self.shown, &key, now, || key.clone())
    }

    fn look<'a, T>(
        &self,
        cache: &'a Cache<T>,
        name: &str,
        now: UnixMs,
        key: impl FnOnce() -> String,
    ) -> Option<&'a Known<T>> {
        let hit = cache.get(name, now);
        if hit.as_ref().is_none_or(|hit| hit.stale) {
            cache.keep(name, now);
            self.want(key());
        }
        hit.map(|hit| hit.known)
    }

    fn want(&self, key: String) {
        let mut wanted = self.wanted.borrow_mut();
        if wanted.len() < limits::WANTED_KEYS && !wanted.contains(&key) {
            wanted.push(key);
        }
    }

    /// Another request is answered from here on.
    pub fn begin(&self) {
        self.wanted.borrow_mut().clear();
    }

    /// Did this request look for something that is missing or old?
    pub fn wants(&self) -> bool {
        !self.wanted.borrow().is_empty()
    }

    /// Hands over the KV keys that this request needs fetched.
    pub fn take_wanted(&self) -> Vec<String> {
        self.wanted.take()
    }

    /// Takes what KV said to a key.
    pub fn learn(&mut self, key: &str, fetched: &Fetched, now: UnixMs) {
        if let Some(host) = key.strip_prefix(link::HOST_PREFIX) {
            self.hosts
                .learn(host, fetched, HostSnapshot::from_json, now);
        } else if key.starts_with(link::LINK_PREFIX) {
            self.links.learn(key, fetched, LinkSnapshot::from_json, now);
        } else {
            self.shown.learn(key, fetched, Shown::from_json, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = r#"{"program":"pg_000000000001","default_consent":"full"}"#;

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

    #[test]
    fn what_a_request_misses_it_wants_and_nothing_else() {
        let mut memory = Memory::default();
        assert!(memory.host("b.example", UnixMs(0)).is_none());
        memory.begin();
        assert!(
            !memory.wants(),
            "what another request waits for is not its own"
        );
        assert!(memory.host("a.example", UnixMs(0)).is_none());
        assert!(memory.host("a.example", UnixMs(0)).is_none());
        assert!(memory.link("a.example", "x", UnixMs(0)).is_none());
        assert!(memory.wants());
        assert_eq!(memory.take_wanted(), ["host:a.example", "link:a.example/x"]);
        assert!(!memory.wants());
        memory.learn("host:a.example", &Fetched::Record(HOST.into()), UnixMs(0));
        memory.learn("link:a.example/x", &Fetched::Nothing, UnixMs(0));
        assert!(matches!(
            memory.host("a.example", UnixMs(1)),
            Some(Known::Found(_))
        ));
        assert_eq!(
            memory.link("a.example", "x", UnixMs(1)),
            Some(&Known::Absent)
        );
        for n in 0..300 {
            memory.host(&n.to_string(), UnixMs(1));
        }
        assert_eq!(memory.take_wanted().len(), limits::WANTED_KEYS);
    }

    #[test]
    fn what_kv_said_is_forgotten_and_clicks_that_wait_are_not() {
        let mut memory = Memory::default();
        memory.learn("host:a.example", &Fetched::Record(HOST.into()), UnixMs(0));
        memory.clicks.text("{}");
        memory.forget();
        assert!(memory.host("a.example", UnixMs(1)).is_none());
        assert_eq!(memory.clicks.as_str(), "{}");
    }

    #[test]
    fn an_old_answer_is_used_and_wanted_once_while_it_is_fetched() {
        let mut memory = Memory::default();
        memory.learn("host:a.example", &Fetched::Record(HOST.into()), UnixMs(0));
        let old = UnixMs(FRESH_MS);
        assert!(memory.host("a.example", old).is_some() && memory.wants());
        memory.begin();
        assert!(memory.host("a.example", old).is_some() && !memory.wants());
        memory.learn("host:a.example", &Fetched::Failed, old);
        assert!(matches!(
            memory.host("a.example", old),
            Some(Known::Found(_))
        ));
        assert!(
            !memory.wants(),
            "a store that is down is not asked by everybody"
        );
        memory.host("a.example", old.plus(KEEP_MS));
        assert!(memory.wants());
    }

    #[test]
    fn a_failure_is_known_for_a_second() {
        let mut memory = Memory::default();
        memory.learn("host:a.example", &Fetched::Failed, UnixMs(0));
        assert_eq!(
            memory.host("a.example", UnixMs(FAILED_MS - 1)),
            Some(&Known::Failed)
        );
        assert_eq!(memory.host("a.example", UnixMs(FAILED_MS)), None);
        memory.learn(
            "host:a.example",
            &Fetched::Record("odd".into()),
            UnixMs(FAILED_MS),
        );
        assert_eq!(
            memory.host("a.example", UnixMs(FAILED_MS)),
            Some(&Known::Failed)
        );
    }
}
