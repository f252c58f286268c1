//! Where partners and the program stood at an instant: active or not, and of which kind. Changes
//! are dated and never rewritten; the newest one not after an instant holds at it.

use crate::values::ids::PartnerId;
use crate::values::time::UnixMs;
use serde::{Deserialize, Serialize};

/// The kind of partners that nobody gave one.
pub const AFFILIATE: &str = "affiliate";

/// A partner, or the program, changed its standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// `None`: the program.
    pub partner: Option<PartnerId>,
    pub at: UnixMs,
    pub active: bool,
    /// `None`: an affiliate.
    #[serde(default)]
    pub kind: Option<String>,
}

/// Dated changes, in the order in which they were made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing<'a>(pub &'a [StatusChange]);

impl<'a> Standing<'a> {
    fn at(&self, partner: Option<PartnerId>, at: UnixMs) -> Option<&'a StatusChange> {
        let own = self.0.iter().filter(|change| change.partner == partner);
        own.filter(|change| change.at <= at)
            .max_by_key(|change| change.at)
    }

    pub fn active(&self, partner: PartnerId, at: UnixMs) -> bool {
        self.at(Some(partner), at)
            .is_none_or(|change| change.active)
    }

    pub fn program_active(&self, at: UnixMs) -> bool {
        self.at(None, at).is_none_or(|change| change.active)
    }

    /// The partner's kind. Before its first change the first one holds: it was that from the start.
    pub fn kind(&self, partner: PartnerId, at: UnixMs) -> &'a str {
        let first = || {
            let own = self.0.iter().filter(|c| c.partner == Some(partner));
            own.min_by_key(|change| change.at)
        };
        let change = self.at(Some(partner), at).or_else(first);
        change
            .and_then(|change| change.kind.as_deref())
            .unwrap_or(AFFILIATE)
    }
}
