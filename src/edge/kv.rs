//! KV: the snapshots of hosts and links.

use super::clock;
use crate::app::ports::{Snapshots, Unavailable};
use worker::{Env, KvStore};

/// A read that takes longer counts as failed: the visitor waits for it.
const READ_MS: u64 = 2_000;
const WRITE_MS: u64 = 10_000;

pub(super) struct Kv(KvStore);

impl Kv {
    pub(super) fn of(env: &Env) -> worker::Result<Kv> {
        env.kv("SNAPSHOTS").map(Kv)
    }
}

impl Snapshots for Kv {
    async fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        let read = clock::within(READ_MS, self.0.get(key).text()).await;
        read.ok_or(Unavailable)?.map_err(|_| Unavailable)
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Unavailable> {
        let put = self.0.put(key, value).map_err(|_| Unavailable)?;
        let done = clock::within(WRITE_MS, put.execute()).await;
        done.ok_or(Unavailable)?.map_err(|_| Unavailable)
    }

    async fn delete(&self, key: &str) -> Result<(), Unavailable> {
        let done = clock::within(WRITE_MS, self.0.delete(key)).await;
        done.ok_or(Unavailable)?.map_err(|_| Unavailable)
    }
}
