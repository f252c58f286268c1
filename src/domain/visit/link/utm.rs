//! UTM parameters that a link or its program adds, from templates with placeholders.

use super::LinkSnapshot;
use super::params::{SUBS, Tags};
use super::wildcard::push_encoded;
use crate::values::input::Fields;
use crate::values::limits;
use crate::visit::target::Target;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Members of a template, in the order in which they are added.
const MEMBERS: [(&str, &str); 6] = [
    ("source", "utm_source"),
    ("medium", "utm_medium"),
    ("campaign", "utm_campaign"),
    ("term", "utm_term"),
    ("content", "utm_content"),
    ("id", "utm_id"),
];

const PLACEHOLDERS: [&str; 6] = ["partner", "link", "slug", "program", "variant", "country"];

/// A template: one text per member, with `{partner}`, `{link}`, `{slug}`, `{program}`,
/// `{variant}`, `{country}` and `{sub1}` to `{sub10}`. An empty text of a link takes back what its
/// program says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utm([Option<String>; 6]);

impl Serialize for Utm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for ((member, _), text) in MEMBERS.iter().zip(&self.0) {
            if let Some(text) = text {
                map.serialize_entry(member, text)?;
            }
        }
        map.end()
    }
}

impl Utm {
    /// Reads the member `utm`.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Utm> {
        let mut utm = fields.object("utm")?;
        let mut read = Utm::default();
        for ((member, _), slot) in MEMBERS.iter().zip(&mut read.0) {
            let Some(text) = utm.text(member, limits::UTM_CHARS) else {
                continue;
            };
            if !pieces(text).all(|piece| !matches!(piece, Piece::Unknown)) {
                utm.fault(
                    member,
                    "placeholder_unknown",
                    "holds a { } that is no placeholder",
                );
            }
            *slot = Some(text.to_owned());
        }
        fields.absorb(utm.finish(Some(read)))
    }
}

/// What placeholders stand for.
pub(crate) struct Filling<'a> {
    pub link: &'a LinkSnapshot,
    pub variant: u8,
    pub country: &'a str,
    pub tags: &'a Tags,
}

/// The UTM parameters to add: name and encoded value. A member of the link comes before the
/// program's; nothing that the target pins; nothing empty.
pub(crate) fn filled(
    link: Option<&Utm>,
    program: Option<&Utm>,
    target: &Target,
    filling: &Filling<'_>,
) -> Vec<(&'static str, String)> {
    let mut own = Vec::new();
    for (place, (_, name)) in MEMBERS.iter().enumerate() {
        let of = |utm: Option<&'_ Utm>| utm.and_then(|utm| utm.0.get(place)?.clone());
        let text = of(link).or_else(|| of(program)).unwrap_or_default();
        if text.is_empty() || target.pins(name) {
            continue;
        }
        let value = filling.fill(&text);
        if !value.is_empty() {
            own.push((*name, value));
        }
    }
    own
}

impl Filling<'_> {
    fn fill(&self, template: &str) -> String {
        let mut out = String::new();
        for piece in pieces(template) {
            match piece {
                Piece::Text(text) => encode(text, &mut out),
                Piece::Name("partner") => encode(&self.link.partner.to_string(), &mut out),
                Piece::Name("link") => encode(&self.link.id.to_string(), &mut out),
                Piece::Name("slug") => encode(&self.link.slug, &mut out),
                Piece::Name("program") => encode(&self.link.program.to_string(), &mut out),
                Piece::Name("variant") => encode(&self.variant.to_string(), &mut out),
                Piece::Name("country") => encode(self.country, &mut out),
                Piece::Name(name) => {
                    encode(self.tags.get(name).map_or("", String::as_str), &mut out);
                }
                Piece::Unknown => {}
            }
        }
        out
    }
}

/// Appends text percent-encoded, whole characters only, up to [`limits::UTM_BYTES`].
fn encode(text: &str, out: &mut String) {
    for c in text.chars() {
        if out.len() + 3 * c.len_utf8() > limits::UTM_BYTES {
            return;
        }
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~') {
            out.push(c);
            continue;
        }
        let mut bytes = [0; 4];
        for byte in c.encode_utf8(&mut bytes).bytes() {
            push_encoded(out, byte);
        }
    }
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
    /// Braces around anything else, or one brace alone.
    Unknown,
}

fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let brace = rest.find(['{', '}']).unwrap_or(rest.len());
        let (text, after) = rest.split_at_checked(brace)?;
        if !text.is_empty() {
            rest = after;
            return Some(Piece::Text(text));
        }
        let first = after.chars().next()?;
        let inside = after
            .strip_prefix('{')
            .and_then(|inside| inside.split_once('}'));
        match inside {
            Some((name, tail)) if PLACEHOLDERS.contains(&name) || SUBS.contains(&name) => {
                rest = tail;
                Some(Piece::Name(name))
            }
            _ => {
                rest = after.get(first.len_utf8()..).unwrap_or_default();
                Some(Piece::Unknown)
            }
        }
    })
}

#[cfg(test)]
mod tests;
