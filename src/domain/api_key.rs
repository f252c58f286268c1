//! API keys. A key says by itself who it is and what it may do, so that a conversion can be
//! accepted while the database is away. Where the database answers, the key's row decides
//! ([`KeyRow`]): who has a root secret can sign any text, but cannot write a row.
//!
//! Text: `tlk_` and base64url of `key id(1) id(8) program(8) scope(1) MAC(16)`.

mod row;

use super::ids::{ApiKeyId, ProgramId};
use super::seal::{Keyring, Purpose};
use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use throughline_text::codec::{Reader, Writer};

pub use row::{KeyRow, Refused};

const PREFIX: &str = "tlk_";
const MAC_BYTES: usize = 16;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    Admin,
    /// Send conversions of its program.
    Track,
    /// Read its program.
    Read,
}

impl Scope {
    fn number(self) -> u8 {
        match self {
            Scope::Admin => 1,
            Scope::Track => 2,
            Scope::Read => 3,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Scope::Admin => "admin",
            Scope::Track => "track",
            Scope::Read => "read",
        }
    }

    /// Does this scope include `other`?
    pub fn includes(self, other: Scope) -> bool {
        self == Scope::Admin || self == other
    }
}

/// A key whose MAC was checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    /// `None`: all programs.
    pub program: Option<ProgramId>,
    pub scope: Scope,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

impl ApiKey {
    fn body(self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u64(self.id.number());
        // Program number 0 stands for all; a real one is 60 random bits.
        out.u64(self.program.map_or(0, ProgramId::number));
        out.u8(self.scope.number());
        out.finish()
    }

    /// The secret text of the key: shown once, never stored.
    pub fn text(self, keys: &Keyring) -> String {
        let body = self.body();
        let (key_id, mac) = keys.mac(Purpose::ApiKey, &[&body]);
        let mac = mac.get(..MAC_BYTES).unwrap_or_default();
        format!(
            "{PREFIX}{}",
            URL_SAFE_NO_PAD.encode_to_string([&[key_id], body.as_slice(), mac].concat())
        )
    }

    /// Reads a key and checks its MAC in constant time. `None` for any wrong key.
    pub fn open(keys: &Keyring, text: &str) -> Option<ApiKey> {
        if text.len() > 80 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD
            .decode_to_vec(text.strip_prefix(PREFIX)?)
            .ok()?;
        let (signed, mac) = bytes.split_at_checked(18)?;
        let (key_id, body) = signed.split_first()?;
        if mac.len() != MAC_BYTES || !keys.verify(Purpose::ApiKey, *key_id, &[body], mac) {
            return None;
        }
        let mut from = Reader::new(body);
        let id = ApiKeyId::from_number(from.u64()?);
        let program = Some(from.u64()?)
            .filter(|n| *n != 0)
            .map(ProgramId::from_number);
        let number = from.u8()?;
        let scope = [Scope::Admin, Scope::Track, Scope::Read];
        let scope = scope.into_iter().find(|scope| scope.number() == number)?;
        from.end()?;
        Some(ApiKey { id, program, scope })
    }
}

/// What the database keeps of a key's text: its SHA-256 in hex. Of 128 bits that only a root secret
/// can make nothing can be guessed from it.
pub fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// A key as a caller presented it: what its text says, and the digest of that text.
#[derive(Clone, Debug)]
pub struct Presented {
    pub says: ApiKey,
    pub digest: String,
}

impl Presented {
    /// Reads a key and checks its MAC. `None` for any wrong key.
    pub fn open(keys: &Keyring, text: &str) -> Option<Presented> {
        Some(Presented {
            says: ApiKey::open(keys, text)?,
            digest: digest(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal::tests::{entry, keyring};
    use super::*;

    fn key() -> ApiKey {
        let program = Some(ProgramId::from_number(2));
        ApiKey {
            id: ApiKeyId::from_number(1),
            program,
            scope: Scope::Track,
        }
    }

    #[test]
    fn opens_its_own_text() {
        let text = key().text(&keyring());
        assert_eq!(ApiKey::open(&keyring(), &text), Some(key()));
        let all = ApiKey {
            program: None,
            scope: Scope::Admin,
            ..key()
        };
        assert_eq!(ApiKey::open(&keyring(), &all.text(&keyring())), Some(all));
    }

    #[test]
    fn wrong_old_and_foreign_keys_are_refused() {
        let text = key().text(&keyring());
        let foreign = Keyring::parse(&entry(1, 9)).unwrap();
        assert_eq!(ApiKey::open(&foreign, &text), None);
        for place in 4..text.len() {
            let mut bad = text.clone().into_bytes();
            bad[place] = if bad[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                ApiKey::open(&keyring(), std::str::from_utf8(&bad).unwrap()),
                None
            );
        }
        for bad in [
            "",
            "tlk_",
            "tlk_AAAA",
            &text[..text.len() - 1],
            &format!("{text}A"),
        ] {
            assert_eq!(ApiKey::open(&keyring(), bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_prints_without_its_secret() {
        assert_eq!(format!("{:?}", key()), "ApiKey(ak_000000000001)");
    }
}
