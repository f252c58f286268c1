//! Identifiers: a prefix that tells the kind, then 12 characters of Crockford base 32.
//!
//! The number inside has 60 random bits. It is not sequential, so nobody can count our partners,
//! and it fits eight bytes of a click token. Event ids are the exception: they are derived from
//! the event's natural key, so that a repeated event has the same id wherever it is computed.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use throughline_text::Draft;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARS: usize = 12;
const MASK: u64 = (1 << 60) - 1;

fn read_number(text: &str) -> Option<u64> {
    if text.len() != CHARS {
        return None;
    }
    text.bytes().try_fold(0u64, |number, byte| {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)? as u64;
        Some(number << 5 | digit)
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// Takes the low 60 bits of eight random bytes.
            pub fn from_entropy(bytes: [u8; 8]) -> Self {
                Self(u64::from_be_bytes(bytes) & MASK)
            }

            /// The number inside, for sealed formats.
            pub fn number(self) -> u64 {
                self.0
            }

            /// The id of a number from a sealed format; higher bits are cut off.
            pub const fn from_number(number: u64) -> Self {
                Self(number & MASK)
            }

            /// Appends the text form.
            pub fn write(self, out: &mut Draft) {
                out.text($prefix);
                out.base32(self.0, ALPHABET);
            }

            /// Reads the text form; `None` when prefix, length or alphabet differ.
            pub fn parse(text: &str) -> Option<Self> {
                read_number(text.strip_prefix($prefix)?).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = Draft::with_room($prefix.len() + CHARS);
                self.write(&mut text);
                f.write_str(text.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom(concat!("not an id ", $prefix)))
            }
        }
    };
}

id!(/// A partner program.
    ProgramId, "pg_");
id!(/// A partner of a program.
    PartnerId, "pn_");
id!(/// A partner's link.
    LinkId, "ln_");
id!(/// A place that events are forwarded to.
    DestinationId, "ds_");
id!(/// An API key (its public part).
    ApiKeyId, "ak_");

/// The id of an event, derived from what makes it unique: program, kind and natural key.
///
/// 120 bits of SHA-256, so a repeat anywhere computes the same id and no two events share one.
pub fn event_id(program: ProgramId, kind: &str, key: &str) -> String {
    derived("ev_", &[&program.to_string(), kind, key])
}

/// An id derived from parts: `prefix` and 24 hex-like characters of base 32.
pub fn derived(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    id_of(prefix, &hash.finalize())
}

/// A fingerprint of bytes, in the same form.
pub fn fingerprint(bytes: &[u8]) -> String {
    id_of("", &Sha256::digest(bytes))
}

fn id_of(prefix: &str, digest: &[u8]) -> String {
    let mut id = Draft::with_room(prefix.len() + 2 * CHARS);
    id.text(prefix);
    for half in [digest.get(0..8), digest.get(8..16)] {
        let bytes = half
            .and_then(|bytes| <[u8; 8]>::try_from(bytes).ok())
            .unwrap_or_default();
        id.base32(u64::from_be_bytes(bytes), ALPHABET);
    }
    id.as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let id = PartnerId::from_entropy([0xff, 1, 2, 3, 4, 5, 6, 7]);
        let text = id.to_string();
        assert_eq!(text.len(), 15);
        assert_eq!(PartnerId::parse(&text), Some(id));
        assert_eq!(
            LinkId::parse(&text),
            None,
            "another kind's prefix is refused"
        );
    }

    #[test]
    fn look_alikes_and_wrong_lengths_are_refused() {
        for bad in [
            "pn_",
            "pn_00000000000",
            "pn_0000000000000",
            "pn_00000000000I",
            "PN_000000000000",
        ] {
            assert_eq!(PartnerId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn event_ids_depend_on_every_part_and_on_their_borders() {
        let program = ProgramId::from_number(1);
        let id = event_id(program, "sale", "ord_1");
        assert_eq!(id, event_id(program, "sale", "ord_1"));
        assert_eq!(id.len(), 27);
        for other in [
            event_id(program, "sale", "ord_2"),
            event_id(program, "lead", "ord_1"),
            event_id(program, "saleord", "_1"),
            event_id(ProgramId::from_number(2), "sale", "ord_1"),
        ] {
            assert_ne!(id, other);
        }
    }
}
