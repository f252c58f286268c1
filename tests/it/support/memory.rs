//! KV, queue and transport in memory.

use app::ports::{Reply, Snapshots, Transport, Unavailable, WorkQueue};
use domain::forward::destination::{Answer, Request};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Kv {
    pub records: RefCell<BTreeMap<String, String>>,
    pub down: Cell<bool>,
    /// A key that it never takes.
    pub refused: RefCell<String>,
}

impl Snapshots for Kv {
    async fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        if self.down.get() {
            return Err(Unavailable);
        }
        Ok(self.records.borrow().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Unavailable> {
        if self.down.get() || *self.refused.borrow() == key {
            return Err(Unavailable);
        }
        self.records.borrow_mut().insert(key.into(), value.into());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), Unavailable> {
        if self.down.get() {
            return Err(Unavailable);
        }
        self.records.borrow_mut().remove(key);
        Ok(())
    }
}

#[derive(Default)]
pub struct Queue {
    pub sent: RefCell<Vec<String>>,
    pub down: Cell<bool>,
}

impl WorkQueue for Queue {
    async fn send(&self, message: String) -> Result<(), Unavailable> {
        if self.down.get() {
            return Err(Unavailable);
        }
        self.sent.borrow_mut().push(message);
        Ok(())
    }
}

/// Answers every request with the next of `replies`, or with 200 and what Meta says of one event.
#[derive(Default)]
pub struct Receiver {
    pub got: RefCell<Vec<Request>>,
    pub replies: RefCell<Vec<Reply>>,
}

impl Transport for Receiver {
    async fn send(&self, request: &Request) -> Reply {
        self.got.borrow_mut().push(request.clone());
        let mut replies = self.replies.borrow_mut();
        if replies.is_empty() {
            return answer(200, r#"{"events_received":1}"#);
        }
        replies.remove(0)
    }

    async fn sign(&self, key: &str, text: &str) -> Option<String> {
        key.contains("PRIVATE KEY")
            .then(|| format!("signed-{}", text.len()))
    }
}

pub fn answer(status: u16, body: &str) -> Reply {
    Reply::Answered(Answer {
        status,
        body: body.into(),
        wait_ms: 0,
    })
}
