//! The sealed form of a journal. Its version byte is 2, and the program is authenticated with it;
//! the first version named no program.
//!
//! Plain bytes: `consent(1) flags(1) issued(6) visitor(8) n(1) touch(41)* n(1) click id*`, a click
//! id being `kind(1) at(6) length(2) value`.

use super::{ClickId, Journal};
use crate::domain::click_ids::ClickIdKind;
use crate::domain::consent::Consent;
use crate::domain::ids::ProgramId;
use crate::domain::limits;
use crate::domain::seal::{Context, Keyring, NONCE, Purpose};
use crate::domain::time::UnixMs;
use crate::domain::token::Touch;
use throughline_cipher as cipher;
use throughline_text::codec::{Reader, Writer};

const CONTEXT: &[u8; 7] = b"journal";
/// Set when a script's request set the cookie: Safari caps such cookies at 7 days, so the next
/// document sets it again.
const FLAG_RENEW: u8 = 1;

/// What the seal of a program's journals is bound to.
fn owner(program: ProgramId) -> [u8; 15] {
    let mut bytes = [0; 15];
    let (name, number) = bytes.split_at_mut(CONTEXT.len());
    name.copy_from_slice(CONTEXT);
    number.copy_from_slice(&program.number().to_be_bytes());
    bytes
}

impl Journal {
    pub(super) fn write(&self, out: &mut Writer) {
        out.u8(self.consent.number());
        out.u8(if self.renew { FLAG_RENEW } else { 0 });
        out.u48(self.issued_at.0.max(0).unsigned_abs());
        out.u64(self.visitor);
        // Both counts are bounded by the limits, far below 255.
        out.u8(u8::try_from(self.touches.len()).unwrap_or(u8::MAX));
        self.touches.iter().for_each(|touch| touch.write(out));
        out.u8(u8::try_from(self.click_ids.len()).unwrap_or(u8::MAX));
        for id in &self.click_ids {
            out.u8(id.kind.code());
            out.u48(id.at.0.max(0).unsigned_abs());
            out.text(&id.value);
        }
    }

    /// Seals the journal into a program's cookie value of at most [`limits::COOKIE_BYTES`].
    pub fn seal(&self, keys: &Keyring, program: ProgramId, entropy: [u8; NONCE]) -> String {
        let mut value = String::new();
        self.seal_into(keys, program, entropy, &mut value);
        value
    }

    pub(super) fn seal_into(
        &self,
        keys: &Keyring,
        program: ProgramId,
        entropy: [u8; NONCE],
        out: &mut String,
    ) {
        let owner = owner(program);
        let context = Context::owned(&owner);
        let sealed = keys.seal_written(Purpose::Journal, context, entropy, &|out| self.write(out));
        if (sealed.len() * 4).div_ceil(3) > limits::COOKIE_BYTES {
            let mut shorter = self.clone();
            if shorter.touches.len() > 2 {
                shorter.touches.remove(1);
                return shorter.seal_into(keys, program, entropy, out);
            } else if !shorter.click_ids.is_empty() {
                shorter.click_ids.remove(0);
                return shorter.seal_into(keys, program, entropy, out);
            }
        }
        cipher::encode(&sealed, out);
    }

    /// Opens a program's cookie value; `None` when it is forged, cut, another program's, oversized
    /// or too old.
    pub fn open(keys: &Keyring, program: ProgramId, value: &str, now: UnixMs) -> Option<Journal> {
        if value.len() > limits::COOKIE_BYTES {
            return None;
        }
        let mut sealed = cipher::decode(value)?;
        let owner = owner(program);
        let journal = if Context::owned(&owner).is_of(&sealed) {
            Journal::read(keys.unseal(Purpose::Journal, Context::owned(&owner), &mut sealed)?)?
        } else {
            // The first version names no program: its touches do.
            let context = Context::text("journal");
            let journal = Journal::read(keys.unseal(Purpose::Journal, context, &mut sealed)?)?;
            let own = |touch: &Touch| touch.program == program;
            if journal.touches.is_empty() || !journal.touches.iter().all(own) {
                return None;
            }
            journal
        };
        let age = now.since(journal.issued_at);
        (-limits::EVENT_FUTURE_MS..=limits::TOUCH_AGE_MS)
            .contains(&age)
            .then_some(journal)
    }

    fn read(plain: &[u8]) -> Option<Journal> {
        let mut from = Reader::new(plain);
        let consent = Consent::from_number(from.u8()?)?;
        let renew = from.u8()? & FLAG_RENEW != 0;
        let issued_at = UnixMs(i64::try_from(from.u48()?).ok()?);
        let visitor = from.u64()?;
        let mut touches = Vec::new();
        for _ in 0..from.u8()? {
            touches.push(Touch::read(&mut from)?);
        }
        let mut click_ids = Vec::new();
        for _ in 0..from.u8()? {
            click_ids.push(ClickId {
                kind: ClickIdKind::from_code(from.u8()?)?,
                at: UnixMs(i64::try_from(from.u48()?).ok()?),
                value: from.text()?.to_owned(),
            });
        }
        from.end()?;
        Some(Journal {
            consent,
            issued_at,
            renew,
            visitor,
            touches,
            click_ids,
        })
    }
}
