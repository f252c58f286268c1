//! When a rule of a link holds: a small tree of `all`, `any` and `not` over what is known of the
//! request. It asks nothing that the request does not say by itself, and remembers nothing.

use crate::values::input::Fields;
use crate::values::limits;
use crate::values::time::UnixMs;
use crate::visit::device::{self, Device, Os};
use crate::visit::language;
use crate::visit::target::query::{decodes_to, name_of};
use crate::visit::traffic::Class;
use serde::{Serialize, Serializer};

use super::parse_host;

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// ISO 3166 alpha-2, or empty.
    pub country: &'a str,
    /// ISO 3166-2 without the country, or empty.
    pub region: &'a str,
    pub user_agent: &'a str,
    /// `Accept-Language`.
    pub language: &'a str,
    /// Raw query without `?`.
    pub query: &'a str,
    /// `Referer`.
    pub referrer: &'a str,
    pub class: Class,
    pub now: UnixMs,
}

/// A condition. Every list holds when one of its values does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Country(Vec<String>),
    /// ISO 3166-2, as `US-CA`.
    Region(Vec<String>),
    #[serde(serialize_with = "devices")]
    Device(Vec<Device>),
    #[serde(serialize_with = "systems")]
    Os(Vec<Os>),
    /// Ranges (RFC 4647): `de` is `de-AT` too.
    Language(Vec<String>),
    Query {
        name: String,
        /// Absent: the parameter is there; empty: it is there without a value.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<String>,
    },
    /// Hosts; their sub-domains too.
    Referrer(Vec<String>),
    /// From its first instant up to, not including, its last.
    Time {
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
        from: Option<UnixMs>,
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
        until: Option<UnixMs>,
    },
    Class(Vec<Class>),
}

impl Condition {
    /// Whether the condition holds; if not, the code of the part that says no (`country`, `any`,
    /// …).
    pub fn holds(&self, sight: &Sight<'_>) -> Result<(), &'static str> {
        let (holds, code) = match self {
            Condition::All(parts) => return parts.iter().try_for_each(|part| part.holds(sight)),
            Condition::Any(parts) => (parts.iter().any(|part| part.holds(sight).is_ok()), "any"),
            Condition::Not(part) => (part.holds(sight).is_err(), "not"),
            Condition::Country(list) => (list.iter().any(|c| c == sight.country), "country"),
            Condition::Region(list) => (list.iter().any(|r| in_region(r, sight)), "region"),
            Condition::Device(list) => (list.contains(&device::device(sight.user_agent)), "device"),
            Condition::Os(list) => (list.contains(&device::os(sight.user_agent)), "os"),
            Condition::Language(list) => {
                let speaks = |range: &String| language::prefers(sight.language, range);
                (list.iter().any(speaks), "language")
            }
            Condition::Query { name, value } => {
                (has_parameter(sight.query, name, value.as_deref()), "query")
            }
            Condition::Referrer(list) => {
                let host = referrer_host(sight.referrer);
                (list.iter().any(|known| is_below(host, known)), "referrer")
            }
            Condition::Time { from, until } => {
                let begun = from.is_none_or(|from| sight.now >= from);
                (begun && until.is_none_or(|until| sight.now < until), "time")
            }
            Condition::Class(list) => (list.contains(&sight.class), "class"),
        };
        if holds { Ok(()) } else { Err(code) }
    }

    /// Reads a condition: an object of exactly one member.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Condition> {
        let mut leaves = limits::CONDITION_LEAVES;
        read(fields, limits::CONDITION_DEPTH, &mut leaves)
    }
}

fn read(fields: &mut Fields<'_>, depth: usize, leaves: &mut usize) -> Option<Condition> {
    let mut members = fields.members();
    let name = match (members.next(), members.next()) {
        (Some((name, _)), None) => name,
        _ => {
            fields.fault("", "one_member", "must hold exactly one condition");
            return None;
        }
    };
    if matches!(name, "all" | "any" | "not") {
        return read_parts(fields, name, depth, leaves);
    }
    let Some(left) = leaves.checked_sub(1) else {
        fields.fault("", "too_many", "the condition has too many parts");
        return None;
    };
    *leaves = left;
    match name {
        "query" => read_query(fields),
        "time" => read_time(fields),
        _ => read_list(fields, name),
    }
}

fn read_parts(
    fields: &mut Fields<'_>,
    name: &str,
    depth: usize,
    leaves: &mut usize,
) -> Option<Condition> {
    let Some(depth) = depth.checked_sub(1) else {
        fields.fault(name, "too_deep", "conditions may lie four levels deep");
        return None;
    };
    let nested = if name == "not" {
        vec![fields.object(name)?]
    } else {
        fields.objects(name, limits::CONDITION_LEAVES)?
    };
    let mut parts = Vec::with_capacity(nested.len());
    for mut part in nested {
        let condition = read(&mut part, depth, leaves);
        parts.push(fields.absorb(part.finish(condition)));
    }
    let parts: Vec<Condition> = parts.into_iter().collect::<Option<_>>()?;
    match name {
        "not" => parts
            .into_iter()
            .next()
            .map(|part| Condition::Not(Box::new(part))),
        _ if parts.is_empty() => {
            fields.fault(name, "required", "must hold at least one condition");
            None
        }
        "all" => Some(Condition::All(parts)),
        _ => Some(Condition::Any(parts)),
    }
}

fn read_query(fields: &mut Fields<'_>) -> Option<Condition> {
    let mut query = fields.object("query")?;
    let name = query.required_text("name", limits::PARAM_CHARS);
    let value = query.text("value", limits::UTM_CHARS).map(str::to_owned);
    let name = fields.absorb(query.finish(name))?.to_owned();
    Some(Condition::Query { name, value })
}

fn read_time(fields: &mut Fields<'_>) -> Option<Condition> {
    let mut time = fields.object("time")?;
    let (from, until) = (time.instant("from"), time.instant("until"));
    if time.value("from").is_none() && time.value("until").is_none() {
        time.fault("from", "required", "give from, until, or both");
    }
    fields.absorb(time.finish(Some(Condition::Time { from, until })))
}

fn read_list(fields: &mut Fields<'_>, name: &str) -> Option<Condition> {
    let known = [
        "country", "region", "device", "os", "language", "referrer", "class",
    ];
    if !known.contains(&name) {
        fields.fault(name, "condition_unknown", "is not a condition");
        return None;
    }
    let texts = fields.texts(name, limits::CONDITION_VALUES)?;
    let words = texts.iter().copied();
    let read = match name {
        "country" => words
            .map(country)
            .collect::<Option<_>>()
            .map(Condition::Country),
        "region" => words
            .map(region)
            .collect::<Option<_>>()
            .map(Condition::Region),
        "language" => words
            .map(range)
            .collect::<Option<_>>()
            .map(Condition::Language),
        "referrer" => words
            .map(parse_host)
            .collect::<Option<_>>()
            .map(Condition::Referrer),
        "device" => words
            .map(Device::parse)
            .collect::<Option<_>>()
            .map(Condition::Device),
        "os" => words
            .map(Os::parse)
            .collect::<Option<_>>()
            .map(Condition::Os),
        _ => words
            .map(class)
            .collect::<Option<_>>()
            .map(Condition::Class),
    };
    if read.is_none() || texts.is_empty() {
        fields.fault(
            name,
            "value_invalid",
            "holds a value that is not possible here, or none",
        );
        return None;
    }
    read
}

fn country(text: &str) -> Option<String> {
    let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| text.to_ascii_uppercase())
}

fn region(text: &str) -> Option<String> {
    let (land, part) = text.split_once('-')?;
    let fits = (1..=3).contains(&part.len());
    (fits && land.len() == 2 && alphanumeric(land) && alphanumeric(part))
        .then(|| text.to_ascii_uppercase())
}

fn range(text: &str) -> Option<String> {
    let part = |part: &str| (1..=8).contains(&part.len()) && alphanumeric(part);
    (text.len() <= 35 && text.split('-').all(part)).then(|| text.to_ascii_lowercase())
}

fn class(word: &str) -> Option<Class> {
    Class::ALL.into_iter().find(|class| class.name() == word)
}

fn alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn in_region(region: &str, sight: &Sight<'_>) -> bool {
    region.split_once('-') == Some((sight.country, sight.region))
}

fn has_parameter(query: &str, name: &str, value: Option<&str>) -> bool {
    let mut segments = query.split('&').filter(|segment| !segment.is_empty());
    segments.any(|segment| {
        let raw = name_of(segment);
        let has = segment.get(raw.len()..).unwrap_or_default();
        let has = has.strip_prefix('=').unwrap_or_default();
        decodes_to(raw, name) && value.is_none_or(|value| decodes_to(has, value))
    })
}

/// The host of a `Referer`, which browsers send serialised; anything else has none.
pub fn referrer_host(referrer: &str) -> &str {
    let rest = referrer.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default()
}

fn is_below(host: &str, known: &str) -> bool {
    let Some(before) = host.len().checked_sub(known.len()) else {
        return false;
    };
    let same = host
        .get(before..)
        .is_some_and(|end| end.eq_ignore_ascii_case(known));
    same && (before == 0 || host.as_bytes().get(before - 1) == Some(&b'.'))
}

fn devices<S: Serializer>(list: &[Device], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|device| device.name()))
}

fn systems<S: Serializer>(list: &[Os], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(|os| os.name()))
}

/// RFC 3339 text, as the reader takes it.
pub(super) fn instant<S: Serializer>(at: &Option<UnixMs>, s: S) -> Result<S::Ok, S::Error> {
    at.map(UnixMs::to_rfc3339).serialize(s)
}

#[cfg(test)]
mod tests;
