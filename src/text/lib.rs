//! Looking through text, writing it, and the bytes of what is sealed: the little that a redirect
//! does thousands of times.
//!
//! Marks are ASCII characters, so that text is never cut within a letter.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod codec;
pub mod words;
mod write;

pub use write::{append, base32, escape, hex, number};

/// A set of bytes.
pub struct Set([bool; 256]);

impl Set {
    /// The bytes from `first` to `last`, but not those of `without`.
    #[allow(
        clippy::indexing_slicing,
        reason = "a constant has nothing else, and is checked so"
    )]
    pub const fn of(first: u8, last: u8, without: &[u8]) -> Set {
        let mut held = [false; 256];
        let mut byte = first as usize;
        while byte <= last as usize {
            held[byte] = true;
            byte += 1;
        }
        let mut at = 0;
        while at < without.len() {
            held[without[at] as usize] = false;
            at += 1;
        }
        Set(held)
    }

    pub fn holds(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or_default()
    }

    /// How many bytes the set holds before the first that it does not. Looks at eight together:
    /// most of what comes is held.
    fn run(&self, bytes: &[u8]) -> usize {
        let (eights, _) = bytes.as_chunks::<8>();
        let all = |eight: &&[u8; 8]| eight.iter().fold(true, |all, byte| all & self.holds(*byte));
        let begin = eights.iter().take_while(all).count() * 8;
        let rest = bytes.get(begin..).unwrap_or_default();
        let more = rest.iter().position(|byte| !self.holds(*byte));
        begin + more.unwrap_or(rest.len())
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Where the first `mark` is. Looks at eight bytes at once: the lowest byte that equals the mark is
/// the lowest from which subtracting one borrows (Hacker's Delight, 6-1).
fn find(bytes: &[u8], mark: u8) -> Option<usize> {
    let marks = ONES * u64::from(mark);
    let (eights, rest) = bytes.as_chunks::<8>();
    for (count, eight) in eights.iter().enumerate() {
        let differing = u64::from_le_bytes(*eight) ^ marks;
        let equal = differing.wrapping_sub(ONES) & !differing & HIGHS;
        if equal != 0 {
            return Some(count * 8 + equal.trailing_zeros() as usize / 8);
        }
    }
    let place = rest.iter().position(|byte| *byte == mark)?;
    Some(eights.len() * 8 + place)
}

/// What stands before the first `mark`, and behind it.
pub fn cut(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = find(text.as_bytes(), mark)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The parts between marks, at least one.
pub fn parts(text: &str, mark: u8) -> Parts<'_> {
    let rest = Some(text);
    Parts { rest, mark }
}

/// See [`parts`].
#[derive(Clone)]
pub struct Parts<'a> {
    rest: Option<&'a str>,
    mark: u8,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        match cut(rest, self.mark) {
            Some((part, behind)) => {
                self.rest = Some(behind);
                Some(part)
            }
            None => self.rest.take(),
        }
    }
}

/// Puts the parts between marks into the places, in their order. Places that are left stay as they
/// are, parts beyond the last place are left out.
pub fn fill<'a>(text: &'a str, mark: u8, places: &mut [&'a str]) {
    let mut parts = parts(text, mark);
    for (place, part) in places.iter_mut().zip(&mut parts) {
        *place = part;
    }
}

/// Does the set hold all bytes of the text?
pub fn all_in(text: &str, set: &Set) -> bool {
    set.run(text.as_bytes()) == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_standard_library() {
        let long = "é".repeat(20) + "=" + &"x".repeat(30) + "==";
        let texts = [
            "",
            "=",
            "a",
            "a=b",
            "=a==b=",
            "12345678=",
            "1234567=9",
            "\u{ff}\u{bd}=",
            &long,
        ];
        for text in texts {
            let expected: Vec<_> = text.split('=').collect();
            assert_eq!(parts(text, b'=').collect::<Vec<_>>(), expected, "{text}");
            assert_eq!(cut(text, b'='), text.split_once('='), "{text}");
        }
    }

    #[test]
    fn every_place_of_a_mark_is_found_among_all_bytes() {
        for other in (0..=u8::MAX).filter(|other| *other != b'&') {
            for place in 0..20 {
                let mut bytes = [other; 24];
                assert_eq!(find(&bytes, b'&'), None);
                bytes[place] = b'&';
                bytes[place + 3] = b'&';
                assert_eq!(find(&bytes, b'&'), Some(place), "{other} {place}");
            }
        }
    }

    #[test]
    fn places_are_filled_as_far_as_there_are_parts() {
        let mut places = ["x"; 3];
        fill("a\n\nb\nc", b'\n', &mut places);
        assert_eq!(places, ["a", "", "b"]);
        fill("d", b'\n', &mut places);
        assert_eq!(places, ["d", "", "b"]);
    }

    #[test]
    fn a_set_holds_all_or_not() {
        let set = Set::of(b'a', b'c', b"b");
        assert!(all_in("", &set) && all_in("acca", &set) && all_in("acacacaccacca", &set));
        assert!(!all_in("acacacbccacca", &set) && !all_in("acacacaccaccb", &set));
        assert!(!all_in("aba", &set) && !all_in("aad", &set) && !all_in("é", &set));
        assert!(all_in("\0é\u{7f}", &Set::of(0, 255, b"a")));
    }
}
