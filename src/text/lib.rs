//! Looking through text, writing it, and the bytes of what is sealed: the little that a redirect
//! does thousands of times.
//!
//! Marks are ASCII characters, so that text is never cut within a letter.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod codec;
mod draft;
pub mod words;
mod write;

pub use draft::Draft;
pub use write::{append, escape, hex};

/// Most bytes that a set leaves out.
const LEFT_OUT: usize = 5;

/// A set of bytes.
pub struct Set {
    first: u8,
    last: u8,
    /// Those of fewer follow one another again and again.
    without: [u8; LEFT_OUT],
}

impl Set {
    /// The bytes from `first` to `last`, but not those of `without`, which are one to five.
    #[allow(
        clippy::indexing_slicing,
        reason = "a constant has nothing else, and is checked so"
    )]
    pub const fn of(first: u8, last: u8, without: &[u8]) -> Set {
        assert!(without.len() <= LEFT_OUT, "more than a set leaves out");
        let mut all = [0; LEFT_OUT];
        let mut at = 0;
        while at < LEFT_OUT {
            all[at] = without[at % without.len()];
            at += 1;
        }
        Set {
            first,
            last,
            without: all,
        }
    }

    fn holds_all(&self, bytes: &[u8]) -> bool {
        let (blocks, rest) = bytes.as_chunks::<16>();
        let end = match bytes.last_chunk::<16>() {
            // With some of what stands before the rest.
            Some(last) if !rest.is_empty() => last,
            _ => rest,
        };
        self.holds_each(end) && self.holds_each(blocks.as_flattened())
    }

    /// The compiler looks at sixteen at once, in a loop that has no early end, if it does not see
    /// how long that is.
    #[inline(never)]
    fn holds_each(&self, bytes: &[u8]) -> bool {
        let [a, b, c, d, e] = self.without;
        let strange = |byte: u8| {
            let left_out = (byte == a) | (byte == b) | (byte == c) | (byte == d) | (byte == e);
            (byte < self.first) | (byte > self.last) | left_out
        };
        !bytes.iter().fold(false, |any, byte| any | strange(*byte))
    }
}

/// What stands before the first `mark`, and behind it.
pub fn cut(text: &str, mark: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(mark, text.as_bytes())?;
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

/// The text that these bytes are, if they are one.
pub fn utf8(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Are the texts the same? For long ones, which `==` compares byte by byte.
pub fn same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    one.len() == other.len() && pairs.fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

/// Does the set hold all bytes of the text?
pub fn all_in(text: &str, set: &Set) -> bool {
    set.holds_all(text.as_bytes())
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
    fn places_are_filled_as_far_as_there_are_parts() {
        let mut places = ["x"; 3];
        fill("a\n\nb\nc", b'\n', &mut places);
        assert_eq!(places, ["a", "", "b"]);
        fill("d", b'\n', &mut places);
        assert_eq!(places, ["d", "", "b"]);
    }

    #[test]
    fn a_set_holds_all_or_not() {
        let set = Set::of(b'a', b'y', b"bdf");
        assert!(all_in("", &set) && all_in("é", &Set::of(0, 255, b"a")));
        for byte in 0..=u8::MAX {
            let held = byte.is_ascii_lowercase() && !b"bdfz".contains(&byte);
            for length in 1..40 {
                for place in 0..length {
                    let mut bytes = vec![b'a'; length];
                    bytes[place] = byte;
                    assert_eq!(set.holds_all(&bytes), held, "{byte} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn the_same_texts_are_the_same() {
        let long = "0123456789".repeat(5);
        assert!(same("", "") && same(&long, &long.clone()));
        assert!(!same(&long, &long[1..]) && !same("a", "") && !same("b", "c"));
        for place in 0..long.len() {
            let mut other = long.clone();
            other.replace_range(place..=place, "x");
            assert!(!same(&long, &other), "{place}");
        }
    }
}
