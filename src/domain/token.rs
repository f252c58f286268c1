//! The click token `tlc_…`: all that is needed to credit the partner, sealed, in ≤ 120 characters.
//!
//! Under `full` and `session` it names one click (its nonce). Under `code` it identifies nobody:
//! the time is the day's, there is no nonce, and it is sealed so that every such token of a link
//! and day is the same text.
//! Plain bytes: `at(6) program(8) link(8) partner(8) variant(1) class and marks(1)
//! consent and evidence(1) nonce(8)`; of both shared bytes the first-named has the low four bits.

use super::consent::{Consent, Evidence};
use super::ids::{LinkId, PartnerId, ProgramId};
use super::limits;
use super::seal::{Context, Keyring, NONCE, Purpose};
use super::time::UnixMs;
use super::traffic::Class;
use std::num::NonZeroU64;
use throughline_cipher as cipher;
use throughline_text::codec::{Reader, Writer};

/// What every click token starts with.
pub const PREFIX: &str = "tlc_";

/// Stands in a dry run where a token would be. It opens to nothing.
pub const DRY_RUN: &str = "tlc_dry_run";

/// Four bits of a touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// Born on a checkout path: may have to stand down.
    pub const CHECKOUT: Marks = Marks(1);
    /// The visitor belongs to the share that is shown the baseline page.
    pub const HOLDOUT: Marks = Marks(2);
    /// A beacon or a document of the site has confirmed the click.
    pub const CONFIRMED: Marks = Marks(4);

    pub fn has(self, mark: Marks) -> bool {
        self.0 & mark.0 != 0
    }

    #[must_use]
    pub fn with(self, mark: Marks) -> Marks {
        Marks(self.0 | mark.0)
    }
}

/// A click that may earn credit: who led where, when, under which permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The instant of the click; the start of its UTC day when the click is anonymous.
    pub at: UnixMs,
    pub program: ProgramId,
    pub link: LinkId,
    pub partner: PartnerId,
    /// Which variant of the link was shown; 0 is the link itself.
    pub variant: u8,
    pub class: Class,
    pub marks: Marks,
    pub consent: Consent,
    /// Where the consent state comes from.
    pub evidence: Evidence,
    /// Names the one click; absent under `code`.
    pub nonce: Option<NonZeroU64>,
}

impl Touch {
    /// The same touch, made to identify nobody.
    pub fn anonymous(&self) -> Touch {
        Touch {
            at: self.at.day_start(),
            consent: Consent::Code,
            nonce: None,
            ..self.clone()
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.u48(self.at.0.max(0).unsigned_abs());
        out.u64(self.program.number());
        out.u64(self.link.number());
        out.u64(self.partner.number());
        out.u8(self.variant);
        out.u8(self.class.number() | self.marks.0 << 4);
        out.u8(self.consent.number() | self.evidence.number() << 4);
        out.u64(self.nonce.map_or(0, NonZeroU64::get));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Touch> {
        let at = UnixMs(i64::try_from(from.u48()?).ok()?);
        let program = ProgramId::from_number(from.u64()?);
        let link = LinkId::from_number(from.u64()?);
        let partner = PartnerId::from_number(from.u64()?);
        let variant = from.u8()?;
        let (class, permission) = (from.u8()?, from.u8()?);
        Some(Touch {
            at,
            program,
            link,
            partner,
            variant,
            class: Class::from_number(class & 15)?,
            marks: Marks(class >> 4),
            consent: Consent::from_number(permission & 15)?,
            evidence: Evidence::from_number(permission >> 4)?,
            nonce: NonZeroU64::new(from.u64()?),
        })
    }
}

/// Seals a touch into a token. `entropy` is the sealing nonce; it is not used when the touch is
/// anonymous.
pub fn mint(keys: &Keyring, touch: &Touch, entropy: [u8; NONCE]) -> String {
    let sealed = if touch.nonce.is_some() {
        let context = Context::text(PREFIX);
        keys.seal_written(Purpose::Token, context, entropy, &|out| touch.write(out))
    } else {
        let mut out = Writer::default();
        touch.write(&mut out);
        keys.seal_equal(Purpose::Token, PREFIX, &out.finish())
    };
    let mut token = String::with_capacity(limits::TOKEN_CHARS);
    token.push_str(PREFIX);
    cipher::encode(&sealed, &mut token);
    token
}

/// The token of a touch as visitors get it. An anonymous one keeps to itself where the consent
/// state comes from: it would tell visitors with `Sec-GPC` from others.
pub fn issue(keys: &Keyring, touch: &Touch, entropy: [u8; NONCE]) -> String {
    if touch.nonce.is_some() {
        return mint(keys, touch, entropy);
    }
    let nameless = Touch {
        evidence: Evidence::Default,
        ..touch.clone()
    };
    mint(keys, &nameless, entropy)
}

/// Opens a token. `None` when it is forged, cut, foreign, from the future or too old: the caller
/// treats all of these as no token.
pub fn open(keys: &Keyring, token: &str, now: UnixMs) -> Option<Touch> {
    let encoded = token.strip_prefix(PREFIX)?;
    if token.len() > limits::TOKEN_CHARS {
        return None;
    }
    let mut sealed = cipher::decode(encoded)?;
    let plain = keys.unseal(Purpose::Token, Context::text(PREFIX), &mut sealed)?;
    let mut reader = Reader::new(plain);
    let touch = Touch::read(&mut reader)?;
    reader.end()?;
    let age = now.since(touch.at);
    (-limits::EVENT_FUTURE_MS..=limits::TOUCH_AGE_MS)
        .contains(&age)
        .then_some(touch)
}

#[cfg(test)]
pub mod tests {
    use super::super::seal::tests::keyring;
    use super::*;

    pub const NOW: UnixMs = UnixMs(1_795_334_400_000);

    pub fn touch() -> Touch {
        Touch {
            at: NOW,
            program: ProgramId::from_number(1),
            link: LinkId::from_number(2),
            partner: PartnerId::from_number(3),
            variant: 0,
            class: Class::Human,
            marks: Marks::default(),
            consent: Consent::Full,
            evidence: Evidence::Default,
            nonce: NonZeroU64::new(4),
        }
    }

    #[test]
    fn opens_to_the_same_touch_and_fits_its_bound() {
        let keys = keyring();
        let token = mint(&keys, &touch(), [9; NONCE]);
        assert!(token.len() <= limits::TOKEN_CHARS, "{}", token.len());
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_eq!(open(&keys, &token, NOW), Some(touch()));
    }

    #[test]
    fn anonymous_tokens_of_a_link_and_day_are_equal() {
        let keys = keyring();
        let later = Touch {
            at: NOW.plus(3_600_000),
            nonce: NonZeroU64::new(99),
            ..touch()
        };
        let token = mint(&keys, &touch().anonymous(), [1; NONCE]);
        assert_eq!(token, mint(&keys, &later.anonymous(), [2; NONCE]));
        let opened = open(&keys, &token, NOW).unwrap();
        assert_eq!((opened.nonce, opened.at), (None, NOW.day_start()));
        let other = Touch {
            link: LinkId::from_number(5),
            ..touch()
        };
        assert_ne!(token, mint(&keys, &other.anonymous(), [1; NONCE]));
    }

    #[test]
    fn what_is_forged_cut_old_or_early_is_no_token() {
        let keys = keyring();
        let token = mint(&keys, &touch(), [9; NONCE]);
        assert_eq!(open(&keys, &token[..token.len() - 1], NOW), None);
        assert_eq!(open(&keys, &format!("{token}AAAAAAAA"), NOW), None);
        assert_eq!(open(&keys, "tlc_", NOW), None);
        assert_eq!(open(&keys, "", NOW), None);
        assert_eq!(
            open(&keys, &token, NOW.plus(limits::TOUCH_AGE_MS + 1)),
            None
        );
        assert_eq!(
            open(&keys, &token, NOW.plus(-limits::EVENT_FUTURE_MS - 1)),
            None
        );
    }
}
