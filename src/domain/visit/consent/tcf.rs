//! IAB TCF strings: what a visitor allowed in a consent tool that follows the Transparency and
//! Consent Framework 2.x, as its cookie `euconsent-v2` and its script give it.
//!
//! Only the core segment is read, up to its end: a string that was cut says nothing. Legitimate
//! interest is not looked at; what we do needs consent. The layout is that of the IAB's "Consent
//! string and vendor list formats v2"; `@iabtcf/core` made the golden strings.

use super::Consent;

/// The cookie in which consent tools keep the string.
pub const COOKIE: &str = "euconsent-v2";
/// Longest string that is looked at, in bytes: what browsers allow a cookie.
pub const MAX_CHARS: usize = 4_096;

/// Versions of TCF 1 are `1`; all of 2.x are `2`.
const VERSION: u64 = 2;
/// Store and read on the device.
const STORAGE: u8 = 1;
/// Choose ads, make a profile for them, use it, and measure them: what a platform that hears of a
/// conversion does with it.
const FORWARDING: [u8; 4] = [2, 3, 4, 7];
/// Created, last updated, consent tool and its version, screen, language, vendor list, policy.
const BEFORE_FLAGS: usize = 36 + 36 + 12 + 12 + 6 + 12 + 12 + 6;
/// Service specific, non-standard texts, special features.
const FLAGS: usize = 1 + 1 + 12;
/// Legitimate interest by purpose, purpose one treatment, country of the publisher.
const AFTER_PURPOSES: usize = 24 + 1 + 12;

/// What a string allows, of what we look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Purpose 1 is the highest of 24 bits, as in the string.
    purposes: u32,
    /// Whether the vendor that was asked for has consent; true when none was asked for.
    vendor: bool,
}

impl Permission {
    /// Reads a string; `vendor` is an id of the Global Vendor List. With one, a publisher's
    /// restriction that takes a purpose from that vendor, or its consent as the basis, takes the
    /// purpose away. `None` for anything but a whole core segment of version 2.
    pub fn read(text: &str, vendor: Option<u16>) -> Option<Permission> {
        if text.len() > MAX_CHARS {
            return None;
        }
        let core = text.split('.').next().unwrap_or_default();
        let mut bits = Bits::new(core)?;
        if bits.take(6)? != VERSION {
            return None;
        }
        bits.skip(BEFORE_FLAGS + FLAGS);
        let mut purposes = u32::try_from(bits.take(24)?).ok()?;
        bits.skip(AFTER_PURPOSES);
        // A vendor is asked for by its id, and ids begin at 1: 0 is never listed.
        let asked = vendor.unwrap_or(0);
        let consents = bits.vendors(asked)?;
        bits.vendors(0)?;
        for _ in 0..bits.take(12)? {
            let purpose = bits.take(6)?;
            let kind = bits.take(2)?;
            if bits.ranges(asked)? && kind != RESTRICTED_TO_CONSENT {
                purposes &= !bit(purpose);
            }
        }
        Some(Permission {
            purposes,
            vendor: vendor.is_none() || consents,
        })
    }

    /// Has the visitor consented to a purpose (1 to 24)?
    pub fn allows(self, purpose: u8) -> bool {
        self.purposes & bit(u64::from(purpose)) != 0
    }

    /// Has the vendor that was asked for consent? True when none was asked for.
    pub fn vendor(self) -> bool {
        self.vendor
    }

    /// The rung of the ladder: without consent to storing (purpose 1), or for the vendor, `code`;
    /// with 2, 3, 4 and 7 too `full`; otherwise `session`. A string of a country where purpose 1
    /// is not asked for (purpose one treatment) has no consent to it and is `code`.
    pub fn state(self) -> Consent {
        if !self.vendor || !self.allows(STORAGE) {
            Consent::Code
        } else if FORWARDING.into_iter().all(|purpose| self.allows(purpose)) {
            Consent::Full
        } else {
            Consent::Session
        }
    }
}

/// A restriction that only asks for consent as the basis; 0 forbids the purpose, 2 asks for
/// legitimate interest, 3 is reserved.
const RESTRICTED_TO_CONSENT: u64 = 1;

fn bit(purpose: u64) -> u32 {
    match purpose {
        1..=24 => 1 << (24 - purpose),
        _ => 0,
    }
}

/// The bits of base64url text, six a character, read without decoding it first.
struct Bits<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// `None` when there is a character that is not of the alphabet.
    fn new(text: &'a str) -> Option<Bits<'a>> {
        let text = text.as_bytes();
        let fits = text.iter().all(|byte| sextet(*byte).is_some());
        fits.then_some(Bits { text, at: 0 })
    }

    /// Goes on without a look at the end: whatever is skipped, something is read behind it.
    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    /// The next bits (at most 24), the first one highest.
    fn take(&mut self, count: usize) -> Option<u64> {
        let from = self.at;
        self.skip(count);
        let mut value = 0;
        for at in from..self.at {
            let six = sextet(*self.text.get(at / 6)?)?;
            value = value << 1 | u64::from(six >> (5 - at % 6) & 1);
        }
        Some(value)
    }

    /// Reads a section of vendors, a bit each or as ranges; is `vendor` in it?
    fn vendors(&mut self, vendor: u16) -> Option<bool> {
        let max = usize::try_from(self.take(16)?).ok()?;
        if self.take(1)? == 1 {
            return self.ranges(vendor);
        }
        let from = self.at;
        self.skip(max);
        let place = usize::from(vendor);
        if place == 0 || place > max {
            return Some(false);
        }
        let mut one = Bits {
            text: self.text,
            at: from + place - 1,
        };
        Some(one.take(1)? == 1)
    }

    /// Reads a list of single ids and ranges; is `vendor` in it?
    fn ranges(&mut self, vendor: u16) -> Option<bool> {
        let vendor = u64::from(vendor);
        let mut found = false;
        for _ in 0..self.take(12)? {
            let is_range = self.take(1)? == 1;
            let first = self.take(16)?;
            let last = if is_range { self.take(16)? } else { first };
            found |= vendor != 0 && (first..=last).contains(&vendor);
        }
        Some(found)
    }
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}
