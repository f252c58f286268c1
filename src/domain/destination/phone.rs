//! Phone numbers: from the text that a merchant sends to the number that platforms match.
//!
//! What is a number, and of which country, is for Google's libphonenumber to say (see
//! `Phones` in `src/app/ports.rs`). Here is what it leaves to its callers.

use super::hashing;
use std::borrow::Cow;

/// A phone number for platforms to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phone {
    /// In E.164: a plus, the country code and the rest, digits only.
    Number(Cow<'static, str>),
    /// Hashed by the merchant already: 64 hex digits in lower case.
    Hashed(String),
}

impl Phone {
    /// Reads a text. `e164` gives the E.164 form of a text that is a number, or `None`. A text
    /// that begins with `00` and is no number as it stands is read with the plus that it stands
    /// for in most countries.
    pub fn read(raw: &str, e164: impl Fn(&str) -> Option<String>) -> Option<Phone> {
        if let Some(hash) = hashing::already_hashed(raw) {
            return Some(Phone::Hashed(hash));
        }
        let text = plain(raw);
        let abroad = || e164(&format!("+{}", text.strip_prefix("00")?));
        let number = e164(&text).or_else(abroad)?;
        Some(Phone::Number(number.into()))
    }

    /// Could the text be a national number, which says something only with its country?
    pub fn may_be_national(raw: &str) -> bool {
        hashing::already_hashed(raw).is_none() && !plain(raw).contains('+')
    }
}

/// The text with every kind of white space as a space, full-width characters as the ASCII ones
/// that they stand for, and without characters that are not seen (marks of direction, soft
/// hyphens): numbers are copied from everywhere.
fn plain(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => {}
            '\u{2060}'..='\u{206f}' | '\u{feff}' => {}
            '\u{ff01}'..='\u{ff5e}' => text.extend(char::from_u32(u32::from(c) - 0xfee0)),
            c if c.is_whitespace() => text.push(' '),
            c => text.push(c),
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_width_and_unseen_marks_do_not_matter() {
        for (raw, text) in [
            ("+1\u{a0}650\u{2009}555\u{202f}1212\n", "+1 650 555 1212"),
            ("\u{ff0b}\u{ff14}\u{ff19}\u{3000}\u{ff11}", "+49 1"),
            ("\u{200e}+49\u{ad}151\u{feff}", "+49151"),
            ("\u{202d}0151\u{202c}", "0151"),
            ("\u{0660}\u{0661}", "\u{0660}\u{0661}"),
        ] {
            assert_eq!(plain(raw), text, "{raw:?}");
        }
    }

    #[test]
    fn two_zeros_stand_for_a_plus_where_they_are_nothing_else() {
        let asked = std::cell::RefCell::new(Vec::new());
        let ask = |text: &str| {
            asked.borrow_mut().push(text.to_owned());
            (text == "+44 20").then(|| "+4420".to_owned())
        };
        let read = Phone::read("0044 20", ask);
        assert_eq!(read, Some(Phone::Number("+4420".into())));
        assert_eq!(Phone::read("044 20", ask), None);
        assert_eq!(asked.into_inner(), ["0044 20", "+44 20", "044 20"]);
        // What is a number as it stands is not read anew.
        let as_it_stands = Phone::read("0044 20", |_| Some("+39004420".into()));
        assert_eq!(as_it_stands, Some(Phone::Number("+39004420".into())));
    }

    #[test]
    fn a_hash_is_no_number_and_needs_no_country() {
        let hash = "ABCDEF0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789";
        let read = Phone::read(&format!(" {hash}\n"), |_| None);
        assert_eq!(read, Some(Phone::Hashed(hash.to_ascii_lowercase())));
        assert!(!Phone::may_be_national(hash));
        assert!(!Phone::may_be_national("tel:+49-151"));
        assert!(!Phone::may_be_national("\u{ff0b}49"));
        assert!(Phone::may_be_national("0151 234") && Phone::may_be_national("0049 151"));
    }
}
