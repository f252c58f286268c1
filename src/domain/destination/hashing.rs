//! Personal details as platforms want them: normalised, then SHA-256 in lower-case hex. They do
//! not agree, so there is a function for each way, and no hash is shared between destinations.
//!
//! [`email`], [`phone`] and [`external_id`] are Meta's way. They conform to Meta's own parameter
//! builder where Meta's libraries agree with each other; what one of them refuses is refused. The
//! text is never kept. Source: npm capi-param-builder-nodejs, compared in
//! `tests/golden/meta_hashing.json`. [`google_email`] and [`e164`] are Google's, the latter
//! TikTok's too; sources: "Format user data" of Google's Data Manager API, TikTok's Events API 2.0.
//!
//! Unlike that builder, only 64 hex digits count as hashed already. It also passes 32 (an MD5) on
//! as they are, but an external id often is a bare UUID, and that would leave unhashed.

use sha2::{Digest as _, Sha256};

/// Longest phone number in digits (ITU-T E.164).
const MAX_PHONE_DIGITS: usize = 15;

/// The hash of an e-mail address: trimmed and in lower case; dots and `+` stay. `None` for what
/// is not an address (`name@host.tld` in ASCII). 64 hex digits pass as the hash that they are.
pub fn email(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| Some(sha256_hex(&address(raw)?)))
}

/// As [`email`], but at `gmail.com` and `googlemail.com` without dots before the `@` and without
/// what a `+` begins there.
pub fn google_email(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| {
        let address = address(raw)?;
        let (local, host) = address.rsplit_once('@')?;
        if !GMAIL.contains(&host) {
            return Some(sha256_hex(&address));
        }
        Some(sha256_hex(&format!("{}@{host}", gmail_name(local)?)))
    })
}

/// The hash of the mailbox that an address leads to: its host in ASCII (IDNA), and at Gmail, which
/// says that it ignores them, without dots and without what a `+` begins. Where that changes
/// nothing, the same as [`email`].
pub fn mailbox(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| Some(sha256_hex(&mailbox_of(raw)?)))
}

fn mailbox_of(raw: &str) -> Option<String> {
    let lower = raw.to_lowercase();
    let (local, host) = lower.trim_matches(is_space).rsplit_once('@')?;
    let host = if host.is_ascii() {
        host.to_owned()
    } else {
        idna::domain_to_ascii(host).ok()?
    };
    if !is_email(&format!("{local}@{host}")) {
        return None;
    }
    if !GMAIL.contains(&host.as_str()) {
        return Some(format!("{local}@{host}"));
    }
    Some(format!("{}@gmail.com", gmail_name(local)?))
}

/// Is the text an address, its host in any script?
pub(in crate::domain) fn is_address(text: &str) -> bool {
    mailbox_of(text).is_some()
}

/// Two names of one host.
const GMAIL: [&str; 2] = ["gmail.com", "googlemail.com"];

/// The local part without what Gmail ignores.
fn gmail_name(local: &str) -> Option<String> {
    let name = local.split('+').next()?.replace('.', "");
    (!name.is_empty()).then_some(name)
}

/// A usable address, trimmed and in lower case.
fn address(raw: &str) -> Option<String> {
    let lower = raw.to_lowercase();
    let address = lower.trim_matches(is_space);
    is_email(address).then(|| address.to_owned())
}

/// The hash of a phone number with its country code: digits only, without leading zeros (so
/// `+1 (650) 555-1212` and `001 650…` are one number). `None` without digits, with more than 15,
/// or with letters (an extension is not a number to match). 64 hex digits pass as a hash.
pub fn phone(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| Some(sha256_hex(&number(raw)?)))
}

/// As [`phone`], but with the plus of E.164 before the digits.
pub fn e164(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| Some(sha256_hex(&format!("+{}", number(raw)?))))
}

/// The digits of a usable number, country code first.
fn number(raw: &str) -> Option<String> {
    if raw.chars().any(char::is_alphabetic) {
        return None;
    }
    let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
    let number = digits.trim_start_matches('0');
    (!number.is_empty() && number.len() <= MAX_PHONE_DIGITS).then(|| number.to_owned())
}

/// The hash of the shop's own id of a customer: without any white space, in lower case. `None`
/// if nothing is left. 64 hex digits pass as a hash.
pub fn external_id(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| {
        let bare: String = raw.chars().filter(|c| !is_space(*c)).collect();
        (!bare.is_empty()).then(|| sha256_hex(&bare.to_lowercase()))
    })
}

fn already_hashed(raw: &str) -> Option<String> {
    let bare = raw.trim_matches(is_space);
    let hashed = bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    hashed.then(|| bare.to_ascii_lowercase())
}

fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// White space as ECMAScript's `\s` has it.
fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

/// A local part of dot-separated atoms (RFC 5322) and a host of at least two labels.
fn is_email(address: &str) -> bool {
    let atom = |c: char| c.is_ascii_alphanumeric() || "_!#$%&'*+/=?^`{|}~-".contains(c);
    let Some((local, host)) = address.rsplit_once('@') else {
        return false;
    };
    local
        .split('.')
        .all(|part| !part.is_empty() && part.chars().all(atom))
        && host.contains('.')
        && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn hashes_equal_those_of_metas_builder() {
        let text = include_str!("../../../tests/golden/meta_hashing.json");
        let golden: Value = serde_json::from_str(text).unwrap();
        for (kind, hash) in [
            ("email", email as fn(&str) -> _),
            ("phone", phone),
            ("external_id", external_id),
        ] {
            let cases = golden[kind].as_array().unwrap();
            assert!(cases.len() >= 8, "{kind}");
            for case in cases {
                let expected = case["sha256"].as_str().map(str::to_owned);
                assert_eq!(
                    hash(case["input"].as_str().unwrap()),
                    expected,
                    "{kind}: {case}"
                );
            }
        }
    }

    #[test]
    fn platforms_differ_where_they_say_so() {
        let hash = |text: &str| Some(sha256_hex(text));
        assert_eq!(google_email(" A.B.c+X@GMail.com "), hash("abc@gmail.com"));
        assert_eq!(
            google_email("a.b@googlemail.com"),
            hash("ab@googlemail.com")
        );
        assert_eq!(
            google_email("a.b@gmail.com.evil.de"),
            hash("a.b@gmail.com.evil.de")
        );
        assert_eq!(google_email("a.b@shop.example"), email("a.b@shop.example"));
        assert_eq!(email("a.b@gmail.com"), hash("a.b@gmail.com"));
        assert_eq!(google_email("jo hn@gmail.com"), None);
        assert_eq!(google_email("+x@gmail.com"), None);
        // The two examples of Google's page.
        for (raw, normal) in [
            (
                "cloudy.sanfrancisco+shopping@gmail.com",
                "cloudysanfrancisco@gmail.com",
            ),
            ("user.name+NYC@Example.com", "user.name+nyc@example.com"),
        ] {
            assert_eq!(google_email(raw), hash(normal));
        }
        assert_eq!(e164("0044 20 7946 0958"), hash("+442079460958"));
        assert_eq!(e164("+1 (650) 555-1212"), hash("+16505551212"));
        assert_eq!(e164("1-650-555-1212 x5"), None);
        let known = "ABCDEF0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789";
        for function in [google_email, e164] {
            assert_eq!(function(known), Some(known.to_ascii_lowercase()));
        }
    }

    #[test]
    fn aliases_of_one_mailbox_have_one_hash_and_other_hosts_keep_theirs() {
        let hash = |text: &str| Some(sha256_hex(text));
        for alias in [
            "ada.l@gmail.com",
            " AdaL+x@Googlemail.com",
            "a.d.a.l@gmail.com",
        ] {
            assert_eq!(mailbox(alias), hash("adal@gmail.com"), "{alias}");
        }
        for alias in [
            "ada@b\u{fc}cher.example",
            "Ada@B\u{dc}CHER.example",
            "ada@bu\u{308}cher.example",
            "ada@xn--bcher-kva.example",
        ] {
            assert_eq!(mailbox(alias), hash("ada@xn--bcher-kva.example"), "{alias}");
        }
        for (one, other) in [
            ("ada.l@mail.example", "adal@mail.example"),
            ("ada+x@mail.example", "ada@mail.example"),
            ("ada.l@gmail.com.example", "adal@gmail.com.example"),
            ("ada@b\u{fc}cher.example", "ada@bucher.example"),
            ("ada@gmail.com", "adb@gmail.com"),
        ] {
            assert_ne!(mailbox(one), mailbox(other), "{one}");
        }
        // What was stored of plain addresses stays theirs.
        for plain in [
            "ada.l+x@mail.example",
            "ada@xn--bcher-kva.example",
            "ada@gmail.com",
        ] {
            assert_eq!(mailbox(plain), email(plain), "{plain}");
        }
        for none in [
            "+x@gmail.com",
            "a@\u{fc}",
            "a b@\u{fc}.example",
            "a@\u{fc}..example",
            "@\u{fc}.de",
            "a@b_\u{fc}.de",
        ] {
            assert_eq!(mailbox(none), None, "{none}");
        }
        let known = "ABCDEF0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789";
        assert_eq!(mailbox(known), Some(known.to_ascii_lowercase()));
        assert!(is_address("a@\u{fc}.de") && !is_address(known) && !is_address("a@b"));
    }

    #[test]
    fn what_looks_hashed_passes_only_as_a_whole() {
        let hash = "ABCDEF0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789";
        for function in [email, phone, external_id] {
            assert_eq!(
                function(&format!(" {hash} ")),
                Some(hash.to_ascii_lowercase())
            );
        }
        assert_eq!(email(&format!("{hash}0")), None);
        assert_eq!(external_id(&format!("x{hash}")).unwrap().len(), 64);
        assert_ne!(external_id(&format!("x{hash}")).unwrap()[..8], hash[..8]);
    }

    #[test]
    fn outside_of_the_agreement_we_are_the_stricter() {
        let md5 = "0123456789abcdef0123456789abcdef";
        assert_ne!(external_id(md5), Some(md5.to_owned()));
        for raw in [
            "1-650-555-1212 x5",
            "1234567890123456",
            "",
            "000",
            "+",
            "東京",
        ] {
            assert_eq!(phone(raw), None, "{raw}");
        }
        for raw in [
            "a@b",
            "@b.c",
            "a@",
            "a..b@c.de",
            "a@-b.de",
            "a@b.de.",
            "a b@c.de",
            "ä@b.de",
        ] {
            assert_eq!(email(raw), None, "{raw}");
        }
    }
}
