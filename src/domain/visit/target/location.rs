//! The `Location` of a redirect: the target with the incoming query and our own parameters.
//!
//! Incoming segments keep order, duplicates and bytes (`+`, `%20`); a policy of the caller may
//! leave them out or give them another name. What the target pins and what we add ourselves is
//! never overridden.

use super::query::{Room, legal, name_of, same_name};
use super::{MAX_LOCATION, MAX_SEGMENTS, Target};
use throughline_text::{append, parts};

/// What becomes of an incoming segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'a> {
    Passed,
    /// It travels under another name, its value untouched.
    Renamed(&'a str),
    /// It stays behind; the stable code says why.
    Dropped(&'static str),
}

/// What became of an incoming segment, for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// Raw, as it came.
    pub name: String,
    /// `passed`, `renamed`, or why it was left out: `unsafe` (bytes that no serialised URL
    /// holds), `replaced` (we add one of this name), `pinned` (the target has it), `too_many`,
    /// `too_long`, or what the policy said.
    pub fate: &'static str,
}

/// The longest name that a policy gives, and the `=` that may be new.
const RENAMED: usize = crate::values::limits::PARAM_CHARS + 1;

impl Target {
    /// The target with the raw incoming query (with or without `?`) and raw names and values of
    /// our own, which come last, before the fragment.
    ///
    /// Left out are empty segments, ones whose (decoded) name the target or our own parameters
    /// have, ones with bytes that no serialised query holds, and those after [`MAX_SEGMENTS`].
    /// If the whole would be longer than [`MAX_LOCATION`], click identifiers keep their place
    /// before other segments. The result is a serialised URL and equals what a browser would
    /// send.
    ///
    /// `https://a.example/?x=1#f` with `x=2&y=3` and `[("tl", "t")]` →
    /// `https://a.example/?x=1&y=3&tl=t#f`.
    pub fn location(&self, incoming: &str, own: &[(&str, &str)]) -> String {
        self.location_by(incoming, own, None, None)
    }

    /// Like [`Target::location`], with a policy that decides by the raw name, and a list that
    /// takes down what became of each segment.
    pub fn location_by<'a>(
        &self,
        incoming: &str,
        own: &[(&str, &str)],
        policy: Option<&dyn Fn(&str) -> Fate<'a>>,
        mut seen: Option<&mut Vec<Seen>>,
    ) -> String {
        let incoming = incoming.strip_prefix('?').unwrap_or(incoming);
        let own_length: usize = own
            .iter()
            .map(|(name, value)| name.len().saturating_add(value.len()) + 2)
            .sum();
        let base = self.href.len().saturating_add(own_length);
        let most = base.saturating_add(incoming.len()).saturating_add(1);
        let mut out = String::with_capacity(most.min(MAX_LOCATION));
        out.push_str(self.href.get(..self.fragment_at).unwrap_or(&self.href));
        let mut room = Room::new(MAX_LOCATION.saturating_sub(base));
        let segments = parts(incoming, b'&').take(MAX_SEGMENTS);
        let grown = policy.map_or(0, |_| segments.clone().count() * RENAMED);
        if most.saturating_add(grown) > MAX_LOCATION {
            room.keep_for_click_ids(
                segments.filter_map(|s| Some((s, travels(s, self.fate(s, own, policy))?))),
            );
        }
        let mut joint = self.first_joint();
        for (place, segment) in parts(incoming, b'&').enumerate() {
            if segment.is_empty() {
                continue;
            }
            let mut fate = Fate::Dropped("too_many");
            if place < MAX_SEGMENTS {
                fate = self.fate(segment, own, policy);
            } else if seen.is_none() {
                break;
            }
            if travels(segment, fate).is_some_and(|bytes| !room.takes(segment, bytes)) {
                fate = Fate::Dropped("too_long");
            }
            if add(&mut out, joint, segment, fate) {
                joint = "&";
            }
            if let Some(seen) = seen.as_deref_mut() {
                seen.push(Seen::of(segment, fate));
            }
        }
        for (name, value) in own {
            if legal(name) && legal(value) {
                append(&[joint, name, "=", value], &mut out);
                joint = "&";
            }
        }
        out.push_str(self.href.get(self.fragment_at..).unwrap_or_default());
        out
    }

    /// What stands between the target and the first added segment.
    fn first_joint(&self) -> &'static str {
        match self.query() {
            None => "?",
            Some(query) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        }
    }

    fn fate<'a>(
        &self,
        segment: &str,
        own: &[(&str, &str)],
        policy: Option<&dyn Fn(&str) -> Fate<'a>>,
    ) -> Fate<'a> {
        if !legal(segment) {
            return Fate::Dropped("unsafe");
        }
        let taken = |name: &str| {
            if own.iter().any(|(own_name, _)| same_name(own_name, name)) {
                Some(Fate::Dropped("replaced"))
            } else if self.pins(name) {
                Some(Fate::Dropped("pinned"))
            } else {
                None
            }
        };
        let name = name_of(segment);
        if let Some(dropped) = taken(name) {
            return dropped;
        }
        match policy.map_or(Fate::Passed, |policy| policy(name)) {
            Fate::Renamed(new) => taken(new).unwrap_or(Fate::Renamed(new)),
            fate => fate,
        }
    }
}

impl Seen {
    fn of(segment: &str, fate: Fate<'_>) -> Seen {
        let fate = match fate {
            Fate::Passed => "passed",
            Fate::Renamed(_) => "renamed",
            Fate::Dropped(code) => code,
        };
        let name = name_of(segment).to_owned();
        Seen { name, fate }
    }
}

/// The bytes that a segment takes when it travels, with the `?` or `&` before it.
fn travels(segment: &str, fate: Fate<'_>) -> Option<usize> {
    let bytes = segment.len().saturating_add(1);
    match fate {
        _ if segment.is_empty() => None,
        Fate::Passed => Some(bytes),
        Fate::Renamed(new) => Some((bytes - name_of(segment).len()).saturating_add(new.len())),
        Fate::Dropped(_) => None,
    }
}

fn add(out: &mut String, joint: &str, segment: &str, fate: Fate<'_>) -> bool {
    let (name, rest) = match fate {
        Fate::Passed => (segment, ""),
        Fate::Renamed(new) => (new, segment.get(name_of(segment).len()..).unwrap_or("")),
        Fate::Dropped(_) => return false,
    };
    append(&[joint, name, rest], out);
    true
}
