//! Facts about visits, as they travel through the queue and lie packed in D1.
//!
//! A click fact carries what a later conversion needs when only its token comes back: the earlier
//! touches of the visitor's journal and the click IDs. Under `code` it carries neither, and its
//! key is random, so it cannot be joined to a person or a token.

mod json;

use super::click_ids::ClickIdKind;
use super::consent::{Consent, Evidence};
use super::ids::{LinkId, PartnerId, ProgramId};
use super::journal::{ClickId, Journal};
use super::limits::CLICK_BUCKET_MS;
use super::link::{Tags, referrer_host};
use super::time::UnixMs;
use super::token::{Marks, Touch};
use super::traffic::Class;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;
use throughline_text as text;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitKind {
    /// The link was followed: counts under its class.
    Click,
    /// The landing page reported the click's token: counts as confirmed, once per token.
    Landing,
    /// Somebody followed an address without a link, or a link that earns nothing now.
    Orphan,
    /// The visitor allowed storing after landing; the click itself was counted before.
    Grant,
    /// A landing or a grant that no person reported, or one of a flood of them: confirms nothing.
    Unverified,
}

/// A touch in JSON: ids as text, the nonce as 16 hex digits (it does not fit a JSON number).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchRecord {
    pub at: UnixMs,
    pub program: ProgramId,
    pub link: LinkId,
    pub partner: PartnerId,
    pub variant: u8,
    pub class: Class,
    /// Born on a checkout path.
    #[serde(default, skip_serializing_if = "is_false")]
    pub checkout: bool,
    /// Shown the baseline page.
    #[serde(default, skip_serializing_if = "is_false")]
    pub holdout: bool,
    pub consent: Consent,
    #[serde(default)]
    pub evidence: Evidence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl From<&Touch> for TouchRecord {
    fn from(touch: &Touch) -> Self {
        TouchRecord {
            at: touch.at,
            program: touch.program,
            link: touch.link,
            partner: touch.partner,
            variant: touch.variant,
            class: touch.class,
            checkout: touch.marks.has(Marks::CHECKOUT),
            holdout: touch.marks.has(Marks::HOLDOUT),
            consent: touch.consent,
            evidence: touch.evidence,
            nonce: touch.nonce.map(nonce_text),
        }
    }
}

/// A click ID in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClickIdRecord {
    /// The parameter's name, as `fbclid`.
    #[serde(with = "kind_name")]
    pub kind: ClickIdKind,
    pub at: UnixMs,
    pub value: String,
}

mod kind_name {
    use super::ClickIdKind;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(kind: &ClickIdKind, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(kind.param())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<ClickIdKind, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        ClickIdKind::from_param(&name).ok_or_else(|| D::Error::custom("not a click id"))
    }
}

impl From<&ClickId> for ClickIdRecord {
    fn from(id: &ClickId) -> Self {
        ClickIdRecord {
            kind: id.kind,
            at: id.at,
            value: id.value.clone(),
        }
    }
}

/// One visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    pub kind: VisitKind,
    /// Random and unique to this fact; for a landing, the nonce of the click where it has one.
    pub key: String,
    /// The instant of the click that this visit is about: it gives the bucket to look in.
    pub at: UnixMs,
    pub touch: TouchRecord,
    /// The earlier touches of the journal, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<TouchRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub click_ids: Vec<ClickIdRecord>,
    /// The host that the visitor came from; not kept where nothing may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// What the partner noted in the address (`sub1`, …); not kept where nothing may be.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl Visit {
    /// A visit that earns nothing. `owner` is the link and its partner, or zeros.
    pub fn orphan(
        key: u64,
        program: ProgramId,
        owner: (LinkId, PartnerId),
        class: Class,
        now: UnixMs,
    ) -> Visit {
        let touch = Touch {
            at: now,
            program,
            link: owner.0,
            partner: owner.1,
            variant: 0,
            class,
            marks: Marks::default(),
            consent: Consent::Code,
            evidence: Evidence::Default,
            nonce: None,
        };
        Visit::new(VisitKind::Orphan, key, &touch.anonymous(), None)
    }

    /// A page was loaded ahead: how many are shown is known only from landings, and never more are
    /// than this counts.
    pub fn ahead(key: u64, touch: &Touch) -> Visit {
        Visit::new(VisitKind::Click, key, &touch.anonymous(), None)
    }

    /// A visit with the journal's memory, or without it when nothing may be kept.
    pub fn new(kind: VisitKind, key: u64, touch: &Touch, journal: Option<&Journal>) -> Visit {
        let journal = journal.filter(|_| touch.nonce.is_some());
        let earlier = journal.into_iter().flat_map(|journal| &journal.touches);
        let ids = journal.into_iter().flat_map(|journal| &journal.click_ids);
        Visit {
            kind,
            key: text::hex(key),
            at: touch.at,
            touch: touch.into(),
            earlier: earlier
                .filter(|t| t.nonce != touch.nonce)
                .map(Into::into)
                .collect(),
            click_ids: ids.map(Into::into).collect(),
            referrer: None,
            tags: Tags::new(),
        }
    }

    /// The visit with the host of its `Referer`, where it may be joined to a person at all.
    pub fn came_from(mut self, referrer: &str) -> Visit {
        if referrer.is_empty() || self.touch.nonce.is_none() {
            return self;
        }
        let host = referrer_host(referrer);
        if !host.is_empty() && host.len() <= HOST_BYTES && host.bytes().all(is_host_byte) {
            self.referrer = Some(host.to_ascii_lowercase());
        }
        self
    }
}

/// The longest name of a host (RFC 1035).
const HOST_BYTES: usize = 253;

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

impl Visit {
    /// Does this fact hold all that is known of its click? A landing does only when the click was
    /// prefetched and happened with it.
    pub fn is_click(&self) -> bool {
        self.kind != VisitKind::Landing || self.touch.class == Class::Prefetch
    }
}

/// A click's nonce as text.
pub fn nonce_text(nonce: NonZeroU64) -> String {
    text::hex(nonce.get())
}

/// The minute in which a click lies: packed rows are found by it.
pub fn bucket(at: UnixMs) -> i64 {
    at.0.div_euclid(CLICK_BUCKET_MS)
}

#[cfg(test)]
mod tests {
    use super::super::token::tests::{NOW, touch};
    use super::*;

    #[test]
    fn an_anonymous_visit_carries_no_memory() {
        let mut journal = Journal::new(Consent::Full, 1, NOW);
        journal.add_touch(touch());
        let visit = Visit::new(VisitKind::Click, 7, &touch().anonymous(), Some(&journal));
        assert!(visit.earlier.is_empty() && visit.click_ids.is_empty());
        assert_eq!(visit.touch.nonce, None);
        let json = serde_json::to_string(&visit).unwrap();
        assert!(!json.contains("earlier") && !json.contains("click_ids"));
    }

    #[test]
    fn a_visit_does_not_list_its_own_touch_as_earlier() {
        let mut journal = Journal::new(Consent::Full, 1, NOW);
        let first = Touch {
            nonce: NonZeroU64::new(9),
            ..touch()
        };
        journal.add_touch(first);
        journal.add_touch(touch());
        let visit = Visit::new(VisitKind::Click, 7, &touch(), Some(&journal));
        assert_eq!(visit.earlier.len(), 1);
        assert_eq!(visit.earlier[0].nonce.as_deref(), Some("0000000000000009"));
    }
}
