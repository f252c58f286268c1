//! The records of KV by their keys, and how they are read.

use super::{Availability, HostSnapshot, LinkSnapshot};
use crate::values::ids::LinkId;
use crate::values::record;
use crate::values::time::UnixMs;
use crate::visit::click_ids;
use crate::visit::token::Marks;
use serde_json::Value;

/// What the key of a host's snapshot begins with.
pub const HOST_PREFIX: &str = "host:";
/// What the key of a link's snapshot begins with.
pub const LINK_PREFIX: &str = "link:";

/// KV key of a host's snapshot.
pub fn host_key(host: &str) -> String {
    [HOST_PREFIX, host].concat()
}

/// KV key of a link's snapshot.
pub fn link_key(host: &str, slug: &str) -> String {
    [LINK_PREFIX, host, "/", slug].concat()
}

/// KV key of what pages may show of a link.
pub fn shown_key(link: LinkId) -> String {
    format!("show:{link}")
}

/// What pages may show of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The partner's name.
    pub partner: Option<String>,
    /// The link's offer: a JSON object.
    pub offer: Option<Value>,
}

impl Shown {
    /// Reads a record; `None` when it is none.
    pub fn from_json(text: &str) -> Option<Shown> {
        let record = record::parse(text)?;
        let record = record.as_object()?;
        Some(Shown {
            partner: record
                .get("partner")
                .and_then(Value::as_str)
                .map(str::to_owned),
            offer: record
                .get("offer")
                .filter(|offer| offer.is_object())
                .cloned(),
        })
    }
}

impl HostSnapshot {
    /// Reads a record; `None` when it is none.
    pub fn from_json(text: &str) -> Option<HostSnapshot> {
        HostSnapshot::stored(&record::parse(text)?)
    }

    /// The marks of a touch that is born on a path.
    pub fn marks(&self, path: &str) -> Marks {
        if self.is_checkout(path) {
            Marks::CHECKOUT
        } else {
            Marks::default()
        }
    }

    /// Does a path lie on the site's checkout? Encoded letters are letters to the site.
    fn is_checkout(&self, path: &str) -> bool {
        if path.contains('%') {
            return self.begins_checkout(&click_ids::decode(path));
        }
        self.begins_checkout(path)
    }

    fn begins_checkout(&self, path: &str) -> bool {
        self.checkout_paths.iter().any(|start| {
            let rest = path.strip_prefix(start.as_str());
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || start.ends_with('/')
            })
        })
    }
}

impl LinkSnapshot {
    /// Reads a record; `None` when it is none.
    pub fn from_json(text: &str) -> Option<LinkSnapshot> {
        LinkSnapshot::stored(&record::parse(text)?)
    }

    /// May somebody whom it brings earn its partner a commission now?
    pub fn earns(&self, now: UnixMs) -> bool {
        self.availability(now) == Availability::Open
    }
}
