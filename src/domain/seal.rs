//! Sealing: keys from one root secret, and authenticated encryption for all that leaves our hands.
//!
//! The setting `ROOT_SECRET` lists `<id>:<base64url>` entries, newest first. The first one seals
//! and signs, all of them open and verify. A rotation puts a new entry in front; once nothing that
//! is stored needs an old one (`app::control::rotation`), it is taken out and opens nothing more.
//! Every purpose has its own key, derived by HKDF-SHA256 (RFC 5869) with a label; a value sealed
//! for one purpose never opens for another. A sealed value is
//! `version(1) | key id(1) | nonce(24) | XChaCha20-Poly1305 ciphertext and tag`, and its header and
//! context are authenticated with it.

use std::borrow::Cow;
use std::fmt;
use subtle::ConstantTimeEq;
use throughline_cipher as cipher;
use throughline_text::codec::Writer;

const HEADER: usize = 2;
/// The entry that `make deploy` makes.
pub const FIRST_ENTRY: u8 = 1;
/// Bytes of the sealing nonce; callers bring that much entropy.
pub const NONCE: usize = cipher::NONCE;

/// What a key is for, in the order of [`PURPOSES`]. The label is part of the format: it is never
/// changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Token,
    AnonymousNonce,
    Journal,
    ApiKey,
    AtRest,
    Customer,
    Setup,
}

const PURPOSES: [(Purpose, &[u8]); 7] = [
    (Purpose::Token, b"throughline/v1/token"),
    (Purpose::AnonymousNonce, b"throughline/v1/anonymous-nonce"),
    (Purpose::Journal, b"throughline/v1/journal"),
    (Purpose::ApiKey, b"throughline/v1/api-key"),
    (Purpose::AtRest, b"throughline/v1/at-rest"),
    (Purpose::Customer, b"throughline/v1/customer"),
    (Purpose::Setup, b"throughline/v1/setup"),
];

/// What is authenticated with a sealed value and must be given again to open it, and the version of
/// the form that says so. A form that is authenticated with something else gets a new version.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    version: u8,
    bytes: &'a [u8],
}

impl<'a> Context<'a> {
    /// A text alone: the first version.
    pub fn text(text: &'a str) -> Context<'a> {
        Context {
            version: 1,
            bytes: text.as_bytes(),
        }
    }

    /// The second version: bytes that also say whose the value is.
    pub fn owned(bytes: &'a [u8]) -> Context<'a> {
        Context { version: 2, bytes }
    }

    /// Could a sealed value be of this version?
    pub fn is_of(self, sealed: &[u8]) -> bool {
        sealed.first() == Some(&self.version)
    }
}

struct RootKey {
    id: u8,
    derived: [[u8; 32]; PURPOSES.len()],
}

impl RootKey {
    fn key(&self, purpose: Purpose) -> &[u8; 32] {
        let [first, ..] = &self.derived;
        self.derived.get(purpose as usize).unwrap_or(first)
    }
}

/// All keys of the deployment. Never empty.
pub struct Keyring {
    current: RootKey,
    older: Vec<RootKey>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring([redacted])")
    }
}

/// Why `ROOT_SECRET` cannot be used. Never holds any part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyringError {
    Empty,
    /// An entry is not `<id 1..255>:<base64url of at least 32 bytes>`.
    Entry,
    DuplicateId,
}

impl Keyring {
    /// Reads `ROOT_SECRET`.
    pub fn parse(setting: &str) -> Result<Keyring, KeyringError> {
        let mut keys: Vec<RootKey> = Vec::new();
        for entry in setting
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let key = read_entry(entry).ok_or(KeyringError::Entry)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeyringError::DuplicateId);
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(KeyringError::Empty);
        }
        let current = keys.remove(0);
        Ok(Keyring {
            current,
            older: keys,
        })
    }

    fn by_id(&self, id: u8) -> Option<&RootKey> {
        std::iter::once(&self.current)
            .chain(&self.older)
            .find(|key| key.id == id)
    }

    /// Seals `plain` under the current key. `context` must be given again to open it.
    pub fn seal(
        &self,
        purpose: Purpose,
        context: &str,
        plain: &[u8],
        nonce: [u8; NONCE],
    ) -> Vec<u8> {
        let context = Context::text(context);
        self.seal_written(purpose, context, nonce, &|out| out.bytes(plain))
    }

    /// Like [`Keyring::seal`], of what `write` writes: it is sealed where it stands.
    pub fn seal_written(
        &self,
        purpose: Purpose,
        context: Context<'_>,
        nonce: [u8; NONCE],
        write: &dyn Fn(&mut Writer),
    ) -> Vec<u8> {
        let header = [context.version, self.current.id];
        let mut out = Writer::default();
        out.bytes(&header);
        out.bytes(&nonce);
        write(&mut out);
        let mut out = out.finish();
        let key = self.current.key(purpose);
        let aad = &mut [0; AAD];
        let aad = authenticated(header, context.bytes, aad);
        cipher::seal(key, nonce, &aad, &mut out, HEADER + NONCE);
        out
    }

    /// Opens a sealed value; `None` when anything about it is wrong, without saying what.
    pub fn open(&self, purpose: Purpose, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = sealed.to_vec();
        self.unseal(purpose, Context::text(context), &mut sealed)
            .map(<[u8]>::to_vec)
    }

    /// Like [`Keyring::open`], where the sealed value stands.
    pub fn unseal<'a>(
        &self,
        purpose: Purpose,
        context: Context<'_>,
        sealed: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let (header, rest) = sealed.split_first_chunk_mut::<HEADER>()?;
        let (nonce, ciphertext) = rest.split_first_chunk_mut::<NONCE>()?;
        let [version, id] = *header;
        if version != context.version {
            return None;
        }
        let key = self.by_id(id)?.key(purpose);
        let aad = &mut [0; AAD];
        let aad = authenticated(*header, context.bytes, aad);
        cipher::open(key, *nonce, &aad, ciphertext)
    }

    /// Seals with a nonce derived from the content: equal contents give equal values (used for
    /// tokens that must identify nobody; the derivation is keyed, so it cannot be guessed).
    pub fn seal_equal(&self, purpose: Purpose, context: &str, plain: &[u8]) -> Vec<u8> {
        let mac = cipher::mac(
            self.current.key(Purpose::AnonymousNonce),
            &[context.as_bytes(), plain],
        );
        let mut nonce = [0; NONCE];
        nonce.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        self.seal(purpose, context, plain, nonce)
    }

    /// MAC of `parts` under the current key, with that key's id.
    pub fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> (u8, [u8; 32]) {
        (
            self.current.id,
            cipher::mac(self.current.key(purpose), parts),
        )
    }

    /// Checks a MAC, or its first bytes, in constant time. At least 16 bytes must be given.
    pub fn verify(&self, purpose: Purpose, key_id: u8, parts: &[&[u8]], tag: &[u8]) -> bool {
        let Some(key) = self.by_id(key_id) else {
            return false;
        };
        let full = cipher::mac(key.key(purpose), parts);
        let expected = full.get(..tag.len()).unwrap_or_default();
        tag.len() >= 16 && bool::from(expected.ct_eq(tag))
    }

    /// The key of customer pseudonyms that entry 1 gives: what deployments use that have no
    /// `PSEUDONYM_SECRET` (`domain::pseudonym`).
    pub fn first_pseudonym_key(&self) -> Option<&[u8; 32]> {
        self.by_id(FIRST_ENTRY)
            .map(|root| root.key(Purpose::Customer))
    }

    /// The entry that seals and signs.
    pub fn current(&self) -> u8 {
        self.current.id
    }

    /// The entries that still open and verify beside it.
    pub fn older(&self) -> impl Iterator<Item = u8> {
        self.older.iter().map(|root| root.id)
    }

    /// All of them.
    pub fn ids(&self) -> impl Iterator<Item = u8> {
        std::iter::once(self.current.id).chain(self.older())
    }

    /// How the base64url text of what an older entry sealed at rest begins: version and id are 16
    /// bits, so the third of six bits has two of the nonce.
    pub fn older_beginnings(&self) -> Vec<String> {
        let mut beginnings = Vec::new();
        for id in self.older() {
            for nonce in [0x00, 0x40, 0x80, 0xc0] {
                let mut text = String::new();
                cipher::encode(&[Context::text("").version, id, nonce], &mut text);
                text.truncate(3);
                beginnings.push(text);
            }
        }
        beginnings
    }

    /// The proof that set-up asks for: `tls_` and the current key's set-up value.
    pub fn is_setup_proof(&self, text: &str) -> bool {
        let Some(encoded) = text.strip_prefix("tls_") else {
            return false;
        };
        let Some(bytes) = cipher::decode(encoded) else {
            return false;
        };
        bool::from(self.current.key(Purpose::Setup).as_slice().ct_eq(&bytes))
    }
}

/// Room for what is authenticated with tokens and journals.
const AAD: usize = 24;

/// What is authenticated with a message: its header and its context. In `room`, if it fits.
fn authenticated<'a>(
    header: [u8; HEADER],
    context: &[u8],
    room: &'a mut [u8; AAD],
) -> Cow<'a, [u8]> {
    let (begin, end) = room.split_at_mut(HEADER);
    begin.copy_from_slice(&header);
    let Some(end) = end.get_mut(..context.len()) else {
        return [&header, context].concat().into();
    };
    end.copy_from_slice(context);
    room.get(..HEADER + context.len())
        .unwrap_or_default()
        .into()
}

fn read_entry(entry: &str) -> Option<RootKey> {
    let (id, secret) = entry.split_once(':')?;
    let id = id.parse::<u8>().ok().filter(|id| *id > 0)?;
    let secret = cipher::decode(secret.trim_end_matches('='))?;
    if secret.len() < 32 {
        return None;
    }
    let mut derived = [[0; 32]; PURPOSES.len()];
    for (key, (_, label)) in derived.iter_mut().zip(PURPOSES) {
        *key = cipher::derive(&secret, label)?;
    }
    Some(RootKey { id, derived })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A keyring for tests: key 1, made of 32 bytes of `7`.
    pub fn keyring() -> Keyring {
        Keyring::parse(&entry(1, 7)).unwrap()
    }

    pub fn entry(id: u8, byte: u8) -> String {
        let mut entry = format!("{id}:");
        cipher::encode(&[byte; 32], &mut entry);
        entry
    }

    #[test]
    fn opens_only_what_it_sealed_for_the_same_purpose_and_context() {
        let keys = keyring();
        let sealed = keys.seal(Purpose::Token, "a", b"hello", [1; NONCE]);
        assert_eq!(
            keys.open(Purpose::Token, "a", &sealed).as_deref(),
            Some(&b"hello"[..])
        );
        assert_eq!(keys.open(Purpose::Token, "b", &sealed), None);
        assert_eq!(keys.open(Purpose::Journal, "a", &sealed), None);
        let foreign = Keyring::parse(&entry(1, 8)).unwrap();
        assert_eq!(foreign.open(Purpose::Token, "a", &sealed), None);
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_refused() {
        let keys = keyring();
        let sealed = keys.seal(Purpose::Journal, "", b"hello", [1; NONCE]);
        for place in 0..sealed.len() * 8 {
            let mut bad = sealed.clone();
            bad[place / 8] ^= 1 << (place % 8);
            assert_eq!(keys.open(Purpose::Journal, "", &bad), None, "bit {place}");
        }
        for cut in 0..sealed.len() {
            assert_eq!(
                keys.open(Purpose::Journal, "", &sealed[..cut]),
                None,
                "cut {cut}"
            );
        }
    }

    #[test]
    fn an_old_key_opens_after_rotation_and_nothing_once_it_is_retired() {
        let old = Keyring::parse(&entry(1, 7)).unwrap();
        let rotated = Keyring::parse(&format!("{},{}", entry(2, 9), entry(1, 7))).unwrap();
        let sealed = old.seal(Purpose::Token, "", b"x", [1; NONCE]);
        assert!(rotated.open(Purpose::Token, "", &sealed).is_some());
        let retired = Keyring::parse(&entry(2, 9)).unwrap();
        assert_eq!(retired.open(Purpose::Token, "", &sealed), None);
    }

    #[test]
    fn what_an_older_entry_sealed_is_known_by_its_beginning() {
        let all = [1, 2, 64, 255];
        let text = all.map(|id| entry(id, id)).join(",");
        let keys = Keyring::parse(&text).unwrap();
        assert_eq!((keys.current(), keys.older().count()), (1, 3));
        for id in all {
            let alone = Keyring::parse(&entry(id, id)).unwrap();
            for byte in 0..=255 {
                let sealed = alone.seal(Purpose::AtRest, "", b"x", [byte; NONCE]);
                let mut text = String::new();
                cipher::encode(&sealed, &mut text);
                let found = keys.older_beginnings().contains(&text[..3].to_owned());
                assert_eq!(found, id != 1, "{id} {byte}");
            }
        }
    }

    #[test]
    fn a_bad_setting_is_refused_and_never_printed() {
        assert_eq!(Keyring::parse("").unwrap_err(), KeyringError::Empty);
        assert_eq!(
            Keyring::parse("1:c2hvcnQ").unwrap_err(),
            KeyringError::Entry
        );
        assert_eq!(
            Keyring::parse(&entry(0, 1)).unwrap_err(),
            KeyringError::Entry
        );
        let twice = format!("{},{}", entry(1, 1), entry(1, 2));
        assert_eq!(
            Keyring::parse(&twice).unwrap_err(),
            KeyringError::DuplicateId
        );
        assert_eq!(format!("{:?}", keyring()), "Keyring([redacted])");
    }

    #[test]
    fn macs_are_checked_whole_and_never_by_a_short_prefix() {
        let keys = keyring();
        let (id, tag) = keys.mac(Purpose::ApiKey, &[b"a", b"bc"]);
        assert!(keys.verify(Purpose::ApiKey, id, &[b"a", b"bc"], &tag[..16]));
        assert!(!keys.verify(Purpose::ApiKey, id, &[b"ab", b"c"], &tag[..16]));
        assert!(!keys.verify(Purpose::ApiKey, id, &[b"a", b"bc"], &tag[..8]));
        assert!(!keys.verify(Purpose::ApiKey, id, &[b"a", b"bc"], &[]));
        assert!(!keys.verify(Purpose::ApiKey, 9, &[b"a", b"bc"], &tag));
    }
}
