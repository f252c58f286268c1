//! The cryptography of the sealed formats: XChaCha20-Poly1305, HMAC-SHA256, HKDF-SHA256 and
//! base64url, each as one plain function. What is sealed, and under which key, is decided by
//! `domain::seal`.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod chacha;

use base64_simd::URL_SAFE_NO_PAD;
use chacha::Stream;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit, UniversalHash};
use sha2::Sha256;

/// Bytes of a key.
pub const KEY: usize = 32;
/// Bytes of a sealing nonce.
pub const NONCE: usize = 24;
/// Bytes by which a sealed message is longer than its plain text.
pub const TAG: usize = 16;

/// Encrypts what `message` holds from the byte `from` on where it stands, and appends the tag.
/// `aad` is authenticated with it.
pub fn seal(key: &[u8; KEY], nonce: [u8; NONCE], aad: &[u8], message: &mut Vec<u8>, from: usize) {
    let plain = message.get_mut(from..).unwrap_or_default();
    let (once, stream) = Stream::new(key, &nonce);
    stream.apply(plain);
    let tag = authenticator(once, aad, plain).finalize();
    message.extend_from_slice(&tag);
}

/// Decrypts a message with its tag where it stands; `None` when either is not what was sealed.
pub fn open<'a>(
    key: &[u8; KEY],
    nonce: [u8; NONCE],
    aad: &[u8],
    sealed: &'a mut [u8],
) -> Option<&'a [u8]> {
    let (message, tag) = sealed.split_last_chunk_mut::<TAG>()?;
    let (once, stream) = Stream::new(key, &nonce);
    // In constant time.
    authenticator(once, aad, message)
        .verify(&(*tag).into())
        .ok()?;
    stream.apply(message);
    Some(message)
}

/// Poly1305 over what RFC 8439, section 2.8, says: all that is authenticated, what was encrypted,
/// and how long they are. `once` is a key for this message alone.
fn authenticator(once: [u8; KEY], aad: &[u8], encrypted: &[u8]) -> Poly1305 {
    let mut mac = Poly1305::new(&once.into());
    mac.update_padded(aad);
    mac.update_padded(encrypted);
    let lengths = (encrypted.len() as u128) << 64 | aad.len() as u128;
    mac.update(&[lengths.to_le_bytes().into()]);
    mac
}

/// HMAC-SHA256 over the parts, each with its length in front so that borders cannot be moved.
pub fn mac(key: &[u8; KEY], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The key for a label, from a root secret (HKDF-SHA256, RFC 5869, without salt).
pub fn derive(secret: &[u8], label: &[u8]) -> Option<[u8; KEY]> {
    let mut key = [0; KEY];
    Hkdf::<Sha256>::new(None, secret)
        .expand(label, &mut key)
        .ok()?;
    Some(key)
}

/// Appends the bytes as base64url without padding (RFC 4648).
pub fn encode(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_append(bytes, out);
}

/// Reads base64url without padding; `None` for anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as THEIRS;
    use chacha20poly1305::XChaCha20Poly1305;
    use chacha20poly1305::aead::{Aead, Payload};

    /// draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn seals_as_the_draft_says() {
        let key: [u8; KEY] = std::array::from_fn(|at| 0x80 + at as u8);
        let nonce: [u8; NONCE] = std::array::from_fn(|at| 0x40 + at as u8);
        let aad = [
            0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
        ];
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
                      for the future, sunscreen would be it.";
        let mut message = plain.to_vec();
        seal(&key, nonce, &aad, &mut message, 0);
        assert_eq!(message[..4], [0xbd, 0x6d, 0x17, 0x9d]);
        let tag = [
            0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a,
            0xcf, 0x49,
        ];
        assert_eq!(message[plain.len()..], tag);
        assert_eq!(open(&key, nonce, &[], &mut message.clone()), None);
        assert_eq!(open(&key, nonce, &aad, &mut message).unwrap(), plain);
        assert_eq!(open(&key, nonce, &aad, &mut { tag }[..TAG - 1]), None);
    }

    /// Every length up to some blocks, held against the crate that others use.
    #[test]
    fn seals_as_others_do() {
        let mut key: [u8; KEY] = std::array::from_fn(|at| at as u8 * 7);
        let mut nonce: [u8; NONCE] = std::array::from_fn(|at| at as u8 * 11);
        let plain: Vec<u8> = (0..=1024_u32).map(|at| (at * 13 / 3) as u8).collect();
        for length in 0..=1024 {
            key[length % KEY] ^= length as u8;
            nonce[length % NONCE] ^= (length >> 2) as u8;
            let (plain, aad) = (&plain[..length], &plain[..length % 40]);
            let payload = Payload { msg: plain, aad };
            let theirs = XChaCha20Poly1305::new(&key.into())
                .encrypt(&nonce.into(), payload)
                .unwrap();
            let mut ours = b"before".to_vec();
            ours.extend_from_slice(plain);
            seal(&key, nonce, aad, &mut ours, 6);
            assert_eq!(ours.split_at(6), (&b"before"[..], &*theirs), "{length}");
            assert_eq!(open(&key, nonce, aad, &mut ours[6..]), Some(plain));
        }
    }

    /// RFC 5869, A.3: no salt and no label, first 32 bytes.
    #[test]
    fn derives_as_the_rfc_says() {
        let key = derive(&[0x0b; 22], b"").unwrap();
        assert_eq!(key[..4], [0x8d, 0xa4, 0xe7, 0x75]);
    }

    #[test]
    fn only_what_was_encoded_decodes() {
        let mut text = String::from("a");
        encode(&[0xff, 0xee, 0x3e], &mut text);
        assert_eq!(text, "a_-4-");
        assert_eq!(decode("_-4-").unwrap(), [0xff, 0xee, 0x3e]);
        for bad in ["_-4-=", "_-4\u{e9}", "+/4-", "_"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    /// Every length up to many registers, and texts cut and changed anywhere, held against another
    /// crate.
    #[test]
    fn encodes_and_decodes_as_others_do() {
        let bytes: Vec<u8> = (0..=400_u32).map(|at| (at * at / 7) as u8).collect();
        for length in 0..=400 {
            let bytes = &bytes[400 - length..];
            let mut text = String::new();
            encode(bytes, &mut text);
            assert_eq!(text, THEIRS.encode(bytes), "{length}");
            assert_eq!(decode(&text).unwrap(), bytes, "{length}");
            for at in (0..text.len()).rev().step_by(1 + length / 20) {
                for letter in ["", "A", "Q", "=", "`", "@", "/", "\u{7f}", "\u{e9}", "\0"] {
                    let changed = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
                    let theirs = THEIRS.decode(&changed).ok();
                    assert_eq!(decode(&changed), theirs, "{changed}");
                }
            }
        }
    }
}
