//! Links and hosts as the edge knows them: the compact snapshots that KV holds.
//!
//! A snapshot is a projection of D1 and can be rebuilt from it at any time. A host belongs to one
//! program; a slug is unique on its host.

mod condition;
mod host;
pub(in crate::domain) mod params;
mod record;
mod rule;
mod schedule;
mod settings;
mod slug;
mod split;
pub(in crate::domain) mod utm;
mod wildcard;

use super::ids::{LinkId, PartnerId, ProgramId};
use super::input::Fields;
use super::limits;
use serde_json::Value;

pub use condition::{Condition, Sight, referrer_host};
pub use host::{HostSnapshot, MOUNT, TOKEN_PARAM};
pub use params::{Pass, Policy, SUBS, Tags};
pub use record::{HOST_PREFIX, LINK_PREFIX, Shown, host_key, link_key, shown_key};
pub use rule::{Apps, Rule, Tried, first};
pub use schedule::{Availability, Standing};
pub use settings::{LinkSettings, Preview, Targets};
pub use slug::{Address, Slug, Tidied};
pub use split::{Split, Variant};
pub use utm::Utm;
pub use wildcard::below;

/// What the edge must know of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSnapshot {
    pub id: LinkId,
    pub program: ProgramId,
    pub partner: PartnerId,
    pub slug: String,
    pub standing: Standing,
    /// The click cap is used up.
    pub capped: bool,
    pub settings: LinkSettings,
}

impl LinkSnapshot {
    /// Reads a stored record: one object of `id`, `program`, `partner`, `slug`, `standing`,
    /// `capped` and the members that [`LinkSettings::to_value`] writes. `None` when it
    /// is no link.
    pub fn stored(record: &Value) -> Option<LinkSnapshot> {
        let mut fields = Fields::new(record.as_object()?, "");
        let settings = LinkSettings::read(&mut fields, &Targets::Stored);
        let snapshot = LinkSnapshot {
            id: fields.text("id", 20).and_then(LinkId::parse)?,
            program: fields.text("program", 20).and_then(ProgramId::parse)?,
            partner: fields.text("partner", 20).and_then(PartnerId::parse)?,
            slug: fields
                .text("slug", limits::SLUG_CHARS)
                .unwrap_or_default()
                .to_owned(),
            standing: fields
                .choice("standing", &Standing::WORDS)
                .unwrap_or_default(),
            capped: fields.boolean("capped").unwrap_or_default(),
            settings: settings?,
        };
        fields.finish(Some(snapshot)).ok()
    }
}

/// Reads a host name from a `Host` header or a request body: lower case, without a port. `None`
/// when it is not a DNS name of at least two labels.
pub fn parse_host(text: &str) -> Option<String> {
    let host = text
        .split(':')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let valid = host.len() <= 253 && host.contains('.') && host.split('.').all(label);
    let numeric = host
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    (valid && !numeric).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_without_ports() {
        assert_eq!(
            parse_host("Shop.Example:8787").as_deref(),
            Some("shop.example")
        );
        for bad in [
            "",
            "localhost",
            "a..b",
            "-a.b",
            "1.2.3.4",
            "ä.example",
            "a_b.example",
        ] {
            assert_eq!(parse_host(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_record_is_a_link_or_nothing() {
        let record = serde_json::json!({
            "id": "ln_000000000002", "program": "pg_000000000001", "partner": "pn_000000000003",
            "slug": "anna", "standing": "paused", "target": "https://shop.example/",
        });
        let link = LinkSnapshot::stored(&record).unwrap();
        assert_eq!((link.standing, link.capped), (Standing::Paused, false));
        assert_eq!(link.settings.target.as_str(), "https://shop.example/");
        for (name, bad) in [
            ("id", "x"),
            ("partner", ""),
            ("standing", "odd"),
            ("rules", "x"),
        ] {
            let mut record = record.clone();
            record[name] = bad.into();
            assert_eq!(LinkSnapshot::stored(&record), None, "{name}");
        }
        assert_eq!(LinkSnapshot::stored(&Value::Null), None);
    }
}
