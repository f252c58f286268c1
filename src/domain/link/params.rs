//! What happens to the query that a visitor brings: which parameters travel to the target, under
//! which name, and which are taken as tags of the click.
//!
//! Click IDs of ad platforms are never altered, and neither renamed nor left out unless a policy
//! names them exactly. `sub1` to `sub10` and the program's own tags are the partner's notes for
//! himself: they are recorded and do not travel on.

use crate::domain::click_ids::ClickIdKind;
use crate::domain::destination::hashing::is_address;
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::target::Fate;
use crate::domain::target::query::{begins_with, decodes_to, name_of, text};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// The tags that every program takes.
pub const SUBS: [&str; 10] = [
    "sub1", "sub2", "sub3", "sub4", "sub5", "sub6", "sub7", "sub8", "sub9", "sub10",
];

/// Tags of a click, by name.
pub type Tags = BTreeMap<String, String>;

/// Which parameters travel when no other member of the policy names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pass {
    All,
    None,
    Only(Vec<String>),
}

impl Serialize for Pass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Pass::All => serializer.serialize_str("all"),
            Pass::None => serializer.serialize_str("none"),
            Pass::Only(names) => names.serialize(serializer),
        }
    }
}

/// A policy of a link or a program. A member that a link does not give is the program's. Names are
/// plain text (not percent-encoded), compared with their case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Policy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
    /// Names that stay behind; one that ends in `*` is the beginning of names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strip: Option<Vec<String>>,
    /// New names by old ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rename: Option<BTreeMap<String, String>>,
}

impl Policy {
    /// Reads the member `params`.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Policy> {
        let mut params = fields.object("params")?;
        let pass = match params.value("pass") {
            Some(Value::String(word)) if word == "all" => Some(Pass::All),
            Some(Value::String(word)) if word == "none" => Some(Pass::None),
            Some(Value::String(_)) => {
                params.fault(
                    "pass",
                    "not_a_choice",
                    "must be all, none, or a list of names",
                );
                None
            }
            _ => names(&mut params, "pass", limits::PARAM_NAMES).map(Pass::Only),
        };
        let strip = names(&mut params, "strip", limits::PARAM_NAMES);
        let rename = params.object("rename").and_then(|mut renames| {
            let all: Vec<_> = renames.members().take(limits::PARAM_NAMES + 1).collect();
            if all.len() > limits::PARAM_NAMES {
                renames.fault("", "too_many", "holds too many names");
            }
            let mut map = BTreeMap::new();
            for (old, new) in all {
                match new
                    .as_str()
                    .filter(|new| is_name(new) && is_plain(new) && is_name(old))
                {
                    Some(new) => drop(map.insert(old.to_owned(), new.to_owned())),
                    None => renames.fault(
                        old,
                        "name_invalid",
                        "a new name is made of A-Z a-z 0-9 - . _ ~",
                    ),
                }
            }
            params.absorb(renames.finish(Some(map)))
        });
        fields.absorb(params.finish(Some(Policy {
            pass,
            strip,
            rename,
        })))
    }
}

/// The policies of a link and its program, and the program's tags, on one redirect.
#[derive(Clone, Copy)]
pub(in crate::domain) struct Policies<'a> {
    /// Ours: one that comes in is an old one.
    pub token_param: &'a str,
    pub link: Option<&'a Policy>,
    pub host: Option<&'a Policy>,
    pub tags: &'a [String],
}

impl<'a> Policies<'a> {
    /// What becomes of a parameter that neither the target nor we ourselves have; by its raw name.
    pub(in crate::domain) fn fate(&self, name: &str) -> Fate<'a> {
        if let Some(dropped) = self.reserved(name) {
            return dropped;
        }
        if self.link.is_none() && self.host.is_none() {
            return Fate::Passed;
        }
        let (link, host) = (self.link, self.host);
        let strip = link
            .and_then(|p| p.strip.as_ref())
            .or(host.and_then(|p| p.strip.as_ref()));
        let strip = strip.map_or(&[][..], Vec::as_slice);
        if strip.iter().any(|known| decodes_to(name, known)) {
            return Fate::Dropped("stripped");
        }
        let rename = link
            .and_then(|p| p.rename.as_ref())
            .or(host.and_then(|p| p.rename.as_ref()));
        let mut renames = rename.into_iter().flatten();
        if let Some((_, new)) = renames.find(|(old, _)| decodes_to(name, old)) {
            return self.reserved(new).unwrap_or(Fate::Renamed(new));
        }
        let mut beginnings = strip.iter().filter_map(|known| known.strip_suffix('*'));
        let pass = link
            .and_then(|p| p.pass.as_ref())
            .or(host.and_then(|p| p.pass.as_ref()));
        let kept = match pass {
            None | Some(Pass::All) => true,
            Some(Pass::None) => false,
            Some(Pass::Only(names)) => names.iter().any(|known| decodes_to(name, known)),
        };
        let fate = if beginnings.any(|start| begins_with(name, start)) {
            Fate::Dropped("stripped")
        } else if !kept {
            Fate::Dropped("not_passed")
        } else {
            return Fate::Passed;
        };
        if ClickIdKind::from_param(name).is_some() {
            Fate::Passed
        } else {
            fate
        }
    }
}

impl Policies<'_> {
    /// Names that never travel, whatever a policy says or renames.
    fn reserved<'a>(&self, name: &str) -> Option<Fate<'a>> {
        if decodes_to(name, self.token_param) {
            Some(Fate::Dropped("replaced"))
        } else {
            tag(name, self.tags).map(|_| Fate::Dropped("taken"))
        }
    }
}

/// The tag that a raw name is.
fn tag<'a>(name: &str, tags: &'a [String]) -> Option<&'a str> {
    if matches!(name.as_bytes().first(), Some(b's' | b'%')) {
        let sub = SUBS.iter().find(|sub| decodes_to(name, sub));
        if let Some(sub) = sub {
            return Some(sub);
        }
    }
    let known = tags.iter().find(|known| decodes_to(name, known));
    known.map(String::as_str)
}

/// The tags of a raw query: decoded, cut at [`limits::TAG_CHARS`]. Of duplicates the last one with
/// a value counts. Left out: empty values, ones that are no text or hold control characters, and
/// mail addresses, which are nowhere stored in clear.
pub(in crate::domain) fn tags(query: &str, names: &[String]) -> Tags {
    let mut tags = Tags::new();
    for segment in query.split('&').filter(|segment| !segment.is_empty()) {
        let raw = name_of(segment);
        let Some(name) = tag(raw, names) else {
            continue;
        };
        let value = segment
            .get(raw.len()..)
            .and_then(|rest| rest.strip_prefix('='));
        let value = value.filter(|value| !value.is_empty()).and_then(text);
        let Some(value) = value.filter(|value| !value.chars().any(char::is_control)) else {
            continue;
        };
        let value: String = value.trim().chars().take(limits::TAG_CHARS).collect();
        let room = tags.len() < limits::TAGS || tags.contains_key(name);
        if room && !value.is_empty() && !is_address(&value) {
            tags.insert(name.to_owned(), value);
        }
    }
    tags
}

/// A list of names of parameters.
pub(super) fn names(fields: &mut Fields<'_>, name: &str, most: usize) -> Option<Vec<String>> {
    let texts = fields.texts(name, most)?;
    if !texts.iter().all(|text| is_name(text)) {
        fields.fault(name, "name_invalid", "holds what is no name of a parameter");
        return None;
    }
    Some(texts.into_iter().map(str::to_owned).collect())
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= limits::PARAM_CHARS
        && !text.chars().any(char::is_control)
}

/// A name that needs no encoding in a query.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests;
