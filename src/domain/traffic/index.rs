//! Finds words in a text in one pass: a table by the first three bytes of each word turns away
//! nearly every place at once, in about a nanosecond, and no text is copied or changed to lower
//! case.

/// Slots of the table; a power of two, several times the number of words.
const SLOTS: usize = 1_024;

/// Words to look for, in an order that the caller knows.
pub(super) struct Index<'a> {
    /// Numbers of words plus one at the hash of their beginning, or at the next free slot.
    slots: [u16; SLOTS],
    words: Vec<&'a str>,
}

impl<'a> Index<'a> {
    /// Takes lists of lower-case words of three bytes or more, each word followed by `|`. What is
    /// beyond half of the slots is left out, so that the table stays quick.
    pub(super) fn of(lists: impl Iterator<Item = &'a str>) -> Self {
        let mut index = Self {
            slots: [0; SLOTS],
            words: Vec::new(),
        };
        let words = lists.flat_map(|list| list.split_terminator('|'));
        for word in words.take(SLOTS / 2) {
            let begin = word.bytes().take(3).fold(0, roll);
            index.words.push(word);
            let number = index.words.len() as u16;
            let mut place = place(begin);
            while let Some(slot) = index.slots.get_mut(place) {
                if *slot == 0 {
                    *slot = number;
                    break;
                }
                place = (place + 1) % SLOTS;
            }
        }
        index
    }

    /// Shows each word that the text holds, letters of any case being equal: its number in the
    /// lists, itself, and where it begins. Stops when `found` says so.
    pub(super) fn each(&self, text: &[u8], mut found: impl FnMut(usize, &str, usize) -> bool) {
        let mut last = 0;
        for (end, byte) in text.iter().enumerate() {
            last = roll(last, *byte);
            let place = place(last);
            if self.slots.get(place).is_some_and(|slot| *slot != 0)
                && end >= 2
                && self.at(text, end - 2, place, &mut found)
            {
                return;
            }
        }
    }

    fn at(
        &self,
        text: &[u8],
        at: usize,
        mut place: usize,
        found: &mut impl FnMut(usize, &str, usize) -> bool,
    ) -> bool {
        while let Some(slot @ 1..) = self.slots.get(place).copied() {
            let number = usize::from(slot) - 1;
            if let Some(word) = self.words.get(number)
                && starts(text, at, word)
                && found(number, word, at)
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
pub(super) fn starts(text: &[u8], at: usize, word: &str) -> bool {
    text.get(at..at.saturating_add(word.len()))
        .is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// Does `text` hold `word` anywhere? Letters of any case are equal. For rare questions only.
pub(super) fn holds(text: &[u8], word: &str) -> bool {
    text.windows(word.len().max(1))
        .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// Does no letter or digit stand before this place?
pub(super) fn begins_a_word(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    !before.is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(index: &Index<'_>, text: &str) -> Vec<(usize, usize)> {
        let mut list = Vec::new();
        index.each(text.as_bytes(), |number, _, at| {
            list.push((number, at));
            false
        });
        list
    }

    #[test]
    fn every_word_is_found_at_every_place_in_any_case() {
        let index = Index::of(["abc|abcd|", "://|x-1|"].into_iter());
        assert_eq!(all(&index, "ABC aBcD"), [(0, 0), (0, 4), (1, 4)]);
        assert_eq!(all(&index, "://X-1"), [(2, 0), (3, 3)]);
        assert_eq!(all(&index, "ab"), []);
        assert_eq!(all(&index, "é🦀ab c"), []);
    }

    #[test]
    fn a_full_table_still_finds_what_it_took() {
        let words: Vec<String> = (0..600).map(|n| format!("w{n:03}|")).collect();
        let index = Index::of(words.iter().map(String::as_str));
        for n in 0..SLOTS / 2 {
            assert_eq!(all(&index, &format!("<W{n:03}>")), [(n, 1)]);
        }
        assert_eq!(all(&index, "w599"), [], "what is too much is left out");
    }
}
