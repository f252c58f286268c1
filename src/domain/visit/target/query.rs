//! Query segments as they travel: compared by decoded name, carried byte for byte, and counted
//! against the room that is left.

use std::iter;

use crate::visit::click_ids::{ClickIdKind, LEGAL_IN_QUERY, escaped};
use throughline_text::{all_in, cut};

/// The raw name of a segment: what stands before the first `=`.
pub(crate) fn name_of(segment: &str) -> &str {
    cut(segment, b'=').map_or(segment, |(name, _)| name)
}

/// Whether every byte can stand in a serialised query.
pub(super) fn legal(text: &str) -> bool {
    all_in(text, &LEGAL_IN_QUERY)
}

/// Whether two raw names are one name to a server: `utm_source` and `utm%5Fsource` are.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let plain = |name: &str| !name.bytes().any(|byte| byte == b'%' || byte == b'+');
    if plain(a) && plain(b) {
        a == b
    } else {
        decoded(a).eq(decoded(b))
    }
}

/// The bytes that a raw name or value stands for: `%XX` decoded, `+` as a space.
pub(crate) fn decoded(name: &str) -> impl Iterator<Item = u8> + '_ {
    let mut rest = name.as_bytes();
    iter::from_fn(move || {
        let (byte, tail) = match (escaped(rest), rest) {
            (Some(pair), _) => pair,
            (None, [b'+', tail @ ..]) => (b' ', tail),
            (None, [byte, tail @ ..]) => (*byte, tail),
            (None, []) => return None,
        };
        rest = tail;
        Some(byte)
    })
}

/// Whether a raw name is this plain text, once decoded.
pub(crate) fn decodes_to(raw: &str, plain: &str) -> bool {
    if raw.bytes().any(|byte| byte == b'%' || byte == b'+') {
        decoded(raw).eq(plain.bytes())
    } else {
        raw == plain
    }
}

/// Whether a raw name begins with this plain text, once decoded.
pub(crate) fn begins_with(raw: &str, plain: &str) -> bool {
    decoded(raw).take(plain.len()).eq(plain.bytes())
}

/// A raw value as the sender meant it: `%XX` decoded, `+` as a space. `None` when that is no text.
pub(crate) fn text(raw: &str) -> Option<String> {
    String::from_utf8(decoded(raw).collect()).ok()
}

/// The bytes left for incoming segments, with a part of them kept for click identifiers.
pub(super) struct Room {
    shared: usize,
    click_ids: Option<usize>,
}

impl Room {
    /// Room for `bytes`, first come, first served.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            shared: bytes,
            click_ids: None,
        }
    }

    /// Sets room aside for the click identifiers among the segments and their bytes, as far as
    /// they fit.
    pub(super) fn keep_for_click_ids<'a>(
        &mut self,
        segments: impl Iterator<Item = (&'a str, usize)>,
    ) {
        let mut kept = 0;
        for (_, bytes) in segments.filter(|(segment, _)| is_click_id(segment)) {
            if bytes <= self.shared {
                self.shared -= bytes;
                kept += bytes;
            }
        }
        self.click_ids = Some(kept);
    }

    /// Whether the segment's bytes still fit; if so, their room is taken.
    pub(super) fn takes(&mut self, segment: &str, bytes: usize) -> bool {
        let left = match &mut self.click_ids {
            Some(kept) if is_click_id(segment) => kept,
            _ => &mut self.shared,
        };
        let fits = bytes <= *left;
        if fits {
            *left -= bytes;
        }
        fits
    }
}

fn is_click_id(segment: &str) -> bool {
    ClickIdKind::from_param(name_of(segment)).is_some()
}
