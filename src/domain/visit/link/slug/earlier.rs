//! How slugs were folded before [`crate::values::folding`]: letter by letter, for the scripts whose
//! capitals arithmetic can tell. Links that were stored then are found in that form. It never
//! changes.

/// The slug as it was stored.
pub(super) fn fold(text: &str) -> String {
    text.chars().map(letter).collect()
}

/// The lower-case letter: Latin with its extensions (Vietnamese too), Greek, Cyrillic, Armenian,
/// full-width Latin. Other letters stay as they are.
fn letter(c: char) -> char {
    let code = u32::from(c);
    let lower = match code {
        0x41..=0x5a | 0xc0..=0xd6 | 0xd8..=0xde | 0x391..=0x3a1 | 0x3a3..=0x3ab => code + 32,
        0x410..=0x42f | 0xff21..=0xff3a => code + 32,
        0x400..=0x40f => code + 80,
        0x531..=0x556 => code + 48,
        0x386 => 0x3ac,
        0x388..=0x38a => code + 37,
        0x38c => 0x3cc,
        0x38e | 0x38f => code + 63,
        0x178 => 0xff,
        0x130 => 0x69,
        0x1e9e => 0xdf,
        0x1a0 | 0x1a2 | 0x1a4 | 0x1af => code + 1,
        0x4c0 => 0x4cf,
        0x139..=0x148 | 0x1cd..=0x1dc | 0x179..=0x17e | 0x4c1..=0x4ce => code + code % 2,
        0x100..=0x137
        | 0x14a..=0x177
        | 0x1de..=0x1ef
        | 0x1f8..=0x21f
        | 0x460..=0x481
        | 0x48a..=0x4bf => code | 1,
        0x4d0..=0x52f | 0x1e00..=0x1e95 | 0x1ea0..=0x1eff => code | 1,
        _ => code,
    };
    char::from_u32(lower).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::folding;

    #[test]
    fn it_is_as_it_always_was() {
        for (text, stored) in [
            ("ÄRZTE", "ärzte"),
            ("ΑΘΉΝΑ", "αθήνα"),
            ("МОСКВА-2", "москва-2"),
            ("Đà-NẴNG", "đà-nẵng"),
            ("STRAẞE", "straße"),
            ("İSTANBUL", "istanbul"),
            ("e\u{301}", "e\u{301}"),
            ("Ꮳ", "Ꮳ"),
        ] {
            assert_eq!(fold(text), stored);
        }
    }

    #[test]
    fn folding_what_was_stored_is_folding_what_was_written() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = c.to_string();
            assert_eq!(folding::fold(&fold(&text)), folding::fold(&text), "{c:?}");
        }
    }
}
