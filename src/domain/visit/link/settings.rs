//! What a link can do, as people set it and as the edge reads it.
//!
//! One reader for both: the API gives it a body and the program's hosts and gets every fault with
//! its path; the edge gives it the record that was stored. What is stored is what
//! [`LinkSettings::to_value`] writes, and the reader gives the same settings back.

use super::condition::instant;
use super::params::Policy;
use super::rule::Rule;
use super::split::Split;
use super::utm::Utm;
use crate::values::input::Fields;
use crate::values::limits;
use crate::values::time::UnixMs;
use crate::visit::target::{MAX_TARGET, Target, TargetError, picture};
use serde::Serialize;
use serde_json::Value;

/// How addresses are read.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// As a person or the API wrote them: checked, and serialised.
    Check {
        /// Hosts that targets may have: lower case, no port.
        hosts: &'a [String],
        /// A development setup.
        loopback: bool,
        /// The parameter that carries the click token, which no target may pin.
        token_param: &'a str,
    },
    /// As they were stored, after they had been checked.
    Stored,
}

impl Targets<'_> {
    /// Reads an address; absent is `None`.
    pub fn read(&self, fields: &mut Fields<'_>, name: &str) -> Option<Target> {
        let text = fields.text(name, MAX_TARGET)?;
        let Targets::Check {
            hosts,
            loopback,
            token_param,
        } = self
        else {
            return Some(Target::trusted(text.to_owned()));
        };
        let target = refused(fields, name, Target::parse(text, hosts, *loopback))?;
        if target.pins(token_param) {
            fields.fault(
                name,
                "token_parameter",
                "must not hold the token's parameter",
            );
            return None;
        }
        Some(target)
    }

    /// Like [`Targets::read`], but must be there.
    pub fn required(&self, fields: &mut Fields<'_>, name: &str) -> Option<Target> {
        if fields.value(name).is_none_or(|value| value == "") {
            fields.fault(name, "required", "is required");
            return None;
        }
        self.read(fields, name)
    }

    fn picture(&self, fields: &mut Fields<'_>, name: &str) -> Option<String> {
        let text = fields.text(name, MAX_TARGET)?;
        match self {
            Targets::Check { loopback, .. } => refused(fields, name, picture(text, *loopback)),
            Targets::Stored => Some(text.to_owned()),
        }
    }
}

fn refused<T>(fields: &mut Fields<'_>, name: &str, read: Result<T, TargetError>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            fields.fault(name, error.code(), error.to_string());
            None
        }
    }
}

/// The settings of a link; all but the target may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkSettings {
    pub target: Target,
    /// `/go/{slug}/any/path` leads to that path below the target.
    #[serde(skip_serializing_if = "is_false")]
    pub wildcard: bool,
    /// The first one that holds says where to go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub starts_at: Option<UnixMs>,
    /// The first instant at which it leads nowhere any more.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub ends_at: Option<UnixMs>,
    /// Valid clicks that it may have; the edge only knows whether they are used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub click_cap: Option<u32>,
    /// Where it leads when it has ended; before the program's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_url: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm: Option<Utm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub og: Option<Preview>,
    /// What the landing page is told: a JSON object for its own scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<Value>,
}

/// What a chat or a network shows of the link (Open Graph).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Serialised URL, on any host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

impl LinkSettings {
    /// A link that only leads to its target.
    pub fn plain(target: Target) -> LinkSettings {
        LinkSettings {
            target,
            wildcard: false,
            rules: Vec::new(),
            split: None,
            starts_at: None,
            ends_at: None,
            click_cap: None,
            expired_url: None,
            params: None,
            utm: None,
            og: None,
            offer: None,
        }
    }

    /// Reads the settings among the members of a body or a record; every fault stays in `fields`.
    pub fn read(fields: &mut Fields<'_>, targets: &Targets<'_>) -> Option<LinkSettings> {
        let target = targets.required(fields, "target");
        let starts_at = fields.instant("starts_at");
        let ends_at = fields.instant("ends_at");
        if starts_at
            .zip(ends_at)
            .is_some_and(|(start, end)| end <= start)
        {
            fields.fault("ends_at", "before_start", "must be later than starts_at");
        }
        let cap = fields.integer("click_cap", 1, i64::from(u32::MAX));
        let settings = LinkSettings {
            wildcard: fields.boolean("wildcard").unwrap_or_default(),
            rules: Rule::read_all(fields, targets),
            split: Split::read(fields, targets),
            starts_at,
            ends_at,
            click_cap: cap.and_then(|cap| u32::try_from(cap).ok()),
            expired_url: targets.read(fields, "expired_url"),
            params: Policy::read(fields),
            utm: Utm::read(fields),
            og: read_preview(fields, targets),
            offer: read_offer(fields),
            target: target?,
        };
        let checked = matches!(targets, Targets::Check { .. });
        if checked && settings.to_value().to_string().len() > limits::LINK_BYTES {
            fields.fault("", "too_large", "a link may have 8 kB of settings");
            return None;
        }
        Some(settings)
    }

    /// The settings as JSON: what is stored, published and shown.
    pub fn to_value(&self) -> Value {
        // Nothing here can fail to serialise: all keys are texts.
        crate::values::value::of(self)
    }
}

fn read_preview(fields: &mut Fields<'_>, targets: &Targets<'_>) -> Option<Preview> {
    let mut og = fields.object("og")?;
    let title = og.required_text("title", limits::NAME_CHARS);
    let description = og.text("description", limits::OG_CHARS).map(str::to_owned);
    let image = targets.picture(&mut og, "image");
    let preview = title.map(|title| Preview {
        title: title.to_owned(),
        description,
        image,
    });
    fields.absorb(og.finish(preview))
}

fn read_offer(fields: &mut Fields<'_>) -> Option<Value> {
    let offer = fields.value("offer")?;
    if !offer.is_object() {
        fields.fault("offer", "not_an_object", "must be an object");
        return None;
    }
    if offer.to_string().len() > limits::OFFER_BYTES {
        fields.fault("offer", "too_long", "must be at most 1,024 bytes of JSON");
        return None;
    }
    Some(offer.clone())
}

#[cfg(test)]
mod tests;
