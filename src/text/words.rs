//! Finds words in a text in one pass: a table by the first three bytes of each word turns away
//! nearly every place at once, in about a nanosecond, and no text is copied or changed to lower
//! case.

/// Slots of the table; a power of two, several times the number of words.
const SLOTS: usize = 1_024;

/// Words to look for; each has a number, by when it was added, and a tag.
pub struct Index<'a> {
    /// Numbers of words plus one at the hash of their beginning, or at the next free slot.
    slots: [u16; SLOTS],
    words: Vec<Word<'a>>,
}

/// A word to look for, its tag, and its beginning as [`roll`] makes it.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    tag: u8,
    begin: u32,
}

/// A word that a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    pub number: usize,
    pub word: &'a str,
    pub tag: u8,
    /// Where it begins.
    pub at: usize,
}

impl Default for Index<'_> {
    fn default() -> Self {
        Self {
            slots: [0; SLOTS],
            words: Vec::new(),
        }
    }
}

impl<'a> Index<'a> {
    /// Adds lower-case words of three bytes or more, each followed by `|`. What goes beyond half
    /// of the slots is left out, so that the table stays quick.
    pub fn add(&mut self, list: &'a str, tag: u8) {
        for word in list.split_terminator('|') {
            if self.words.len() >= SLOTS / 2 {
                return;
            }
            let begin = word.bytes().take(3).fold(0, roll);
            self.words.push(Word {
                text: word,
                tag,
                begin,
            });
            let number = self.words.len() as u16;
            let mut place = place(begin);
            while let Some(slot) = self.slots.get_mut(place) {
                if *slot == 0 {
                    *slot = number;
                    break;
                }
                place = (place + 1) % SLOTS;
            }
        }
    }

    /// Shows each word that the text holds, letters of any case being equal, until `found` says
    /// that it is enough.
    pub fn each(&self, text: &[u8], found: &mut dyn FnMut(Hit<'a>) -> bool) {
        let (begin, rest) = text.split_at(text.len().min(2));
        let mut last = begin.iter().copied().fold(0, roll);
        for (at, byte) in rest.iter().enumerate() {
            last = roll(last, *byte);
            let slot = self.slots.get(place(last));
            if slot.is_some_and(|slot| *slot != 0) && self.at(text, at, last, found) {
                return;
            }
        }
    }

    /// Kept out of the loop above, which runs for each byte and should hold little.
    #[inline(never)]
    fn at(
        &self,
        text: &[u8],
        at: usize,
        begin: u32,
        found: &mut dyn FnMut(Hit<'a>) -> bool,
    ) -> bool {
        let mut place = place(begin);
        while let Some(slot @ 1..) = self.slots.get(place).copied() {
            let number = usize::from(slot) - 1;
            // Other words lie in this slot far more often than this place begins one.
            if let Some(word) = self.words.get(number).filter(|word| word.begin == begin)
                && starts(text, at, word.text)
                && found(Hit {
                    number,
                    word: word.text,
                    tag: word.tag,
                    at,
                })
            {
                return true;
            }
            place = (place + 1) % SLOTS;
        }
        false
    }
}

/// The last three bytes, upper and lower case being one.
fn roll(last: u32, byte: u8) -> u32 {
    (last << 8 | u32::from(byte | 0x20)) & 0x00ff_ffff
}

fn place(three: u32) -> usize {
    (three.wrapping_mul(0x9e37_79b1) >> 22) as usize
}

/// Does `text` go on with `word` at this place? Letters of any case are equal.
pub fn starts(text: &[u8], at: usize, word: &str) -> bool {
    text.get(at..at.saturating_add(word.len()))
        .is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// Does `text` hold `word` anywhere? Letters of any case are equal. For rare questions only.
pub fn holds(text: &[u8], word: &str) -> bool {
    text.windows(word.len().max(1))
        .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// Does no letter or digit stand before this place?
pub fn begins_a_word(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    !before.is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tag and place of each word that is found.
    fn all(index: &Index<'_>, text: &str) -> Vec<(usize, u8, usize)> {
        let mut list = Vec::new();
        index.each(text.as_bytes(), &mut |hit| {
            list.push((hit.number, hit.tag, hit.at));
            false
        });
        list
    }

    #[test]
    fn every_word_is_found_at_every_place_in_any_case() {
        let mut index = Index::default();
        index.add("abc|abcd|", 1);
        index.add("://|x-1|", 2);
        let found = [(0, 1, 0), (0, 1, 4), (1, 1, 4)];
        assert_eq!(all(&index, "ABC aBcD"), found);
        assert_eq!(all(&index, "://X-1"), [(2, 2, 0), (3, 2, 3)]);
        assert_eq!(all(&index, "ab"), []);
        assert_eq!(all(&index, "é🦀ab c"), []);
    }

    #[test]
    fn a_full_table_still_finds_what_it_took() {
        let words: String = (0..600).map(|n| format!("w{n:03}|")).collect();
        let mut index = Index::default();
        index.add(&words, 0);
        for n in 0..SLOTS / 2 {
            assert_eq!(all(&index, &format!("<W{n:03}>")), [(n, 0, 1)]);
        }
        assert_eq!(all(&index, "w599"), [], "what is too much is left out");
    }
}
