//! Pseudonyms: the names under which customers and mail addresses are stored.
//!
//! They must stay the same for as long as there are facts, or a refund no longer finds its sale.
//! So they have a secret of their own, `PSEUDONYM_SECRET`, which is never rotated. It opens, signs
//! and verifies nothing: who learns it and has the database can only test a guess of a customer's
//! id.

use super::seal::Keyring;
use std::fmt;
use throughline_cipher as cipher;

/// Makes pseudonyms.
pub struct Pseudonyms {
    key: [u8; cipher::KEY],
    own: bool,
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms([redacted])")
    }
}

/// Why `PSEUDONYM_SECRET` cannot be used. Never holds any part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PseudonymError {
    /// It is not base64url of 32 bytes.
    NotASecret,
    /// It is not set, and the entry of `ROOT_SECRET` that stood in for it is gone.
    Missing,
}

impl Pseudonyms {
    /// Reads `PSEUDONYM_SECRET`. Deployments from before there was this setting go on with what
    /// they have: entry 1 of `ROOT_SECRET`, which `make deploy` made and which could never be taken
    /// out. Any other entry would silently give every customer a new name, so it is refused.
    pub fn parse(setting: &str, keys: &Keyring) -> Result<Pseudonyms, PseudonymError> {
        let setting = setting.trim();
        if setting.is_empty() {
            let key = *keys.first_pseudonym_key().ok_or(PseudonymError::Missing)?;
            return Ok(Pseudonyms { key, own: false });
        }
        let secret = cipher::decode(setting.trim_end_matches('='));
        let key = secret.and_then(|secret| secret.try_into().ok());
        Ok(Pseudonyms {
            key: key.ok_or(PseudonymError::NotASecret)?,
            own: true,
        })
    }

    /// Do they have their own secret? Otherwise entry 1 of `ROOT_SECRET` cannot be retired.
    pub fn own(&self) -> bool {
        self.own
    }

    /// The stable pseudonym of a customer: 128 bits of a MAC, as hex.
    pub fn customer(&self, program: &str, external_id: &str) -> String {
        self.of(&[program.as_bytes(), external_id.as_bytes()])
    }

    /// The stable pseudonym of a mail address, made from its SHA-256 in hex: a caller may know only
    /// that.
    pub fn mailbox(&self, program: &str, email_hash: &str) -> String {
        // No customer's pseudonym has three parts, so the two kinds never meet.
        self.of(&[program.as_bytes(), b"mailbox", email_hash.as_bytes()])
    }

    fn of(&self, parts: &[&[u8]]) -> String {
        let mac = cipher::mac(&self.key, parts);
        hex::encode(mac.get(..16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal::tests::entry;
    use super::*;

    fn keys(setting: &str) -> Keyring {
        Keyring::parse(setting).unwrap()
    }

    fn derived(byte: u8) -> String {
        let key = cipher::derive(&[byte; 32], b"throughline/v1/customer").unwrap();
        let mut text = String::new();
        cipher::encode(&key, &mut text);
        text
    }

    #[test]
    fn they_stay_the_same_through_a_rotation_and_the_end_of_the_old_root() {
        let old = Pseudonyms::parse("", &keys(&entry(1, 7))).unwrap();
        let both = keys(&format!("{},{}", entry(2, 9), entry(1, 7)));
        let rotated = Pseudonyms::parse("", &both).unwrap();
        let retired = Pseudonyms::parse(&derived(7), &keys(&entry(2, 9))).unwrap();
        for other in [&rotated, &retired] {
            assert_eq!(old.customer("p", "c"), other.customer("p", "c"));
            assert_eq!(old.mailbox("p", "h"), other.mailbox("p", "h"));
        }
        assert_eq!((rotated.own(), retired.own()), (false, true));
        // As they were before there was a secret of their own.
        assert_eq!(old.customer("p", "c"), "30fd11e24a4f0100bb6b663d084c397f");
    }

    #[test]
    fn no_other_root_stands_in_for_the_first_one() {
        let alone = Pseudonyms::parse("", &keys(&entry(2, 9)));
        assert_eq!(alone.unwrap_err(), PseudonymError::Missing);
        for bad in ["AAAA", "not base64url!", &"A".repeat(44)] {
            let read = Pseudonyms::parse(bad, &keys(&entry(1, 7)));
            assert_eq!(read.unwrap_err(), PseudonymError::NotASecret, "{bad}");
        }
    }

    #[test]
    fn kinds_and_programs_do_not_meet_and_nothing_is_printed() {
        let names = Pseudonyms::parse(&derived(7), &keys(&entry(2, 9))).unwrap();
        assert_ne!(names.customer("p", "x"), names.mailbox("p", "x"));
        assert_ne!(names.customer("p", "x"), names.customer("q", "x"));
        assert_eq!(format!("{names:?}"), "Pseudonyms([redacted])");
    }
}
