//! Personal details as platforms want them: normalised, then SHA-256 in lower-case hex. They do
//! not agree, so there is a function for each way, and no hash is shared between destinations.
//!
//! [`meta_email`] and [`external_id`] are Meta's way. They conform to Meta's own parameter builder
//! where Meta's libraries agree with each other; what one of them refuses is refused. The text is
//! never kept. Source: npm capi-param-builder-nodejs, compared in
//! `tests/golden/meta_hashing.json`. [`google_email`] and [`e164`] are Google's, the latter
//! TikTok's too, as is [`email`]; sources: "Format user data" of Google's Data Manager API,
//! TikTok's Events API 2.0.
//!
//! Unlike that builder, only 64 hex digits count as hashed already. It also passes 32 (an MD5) on
//! as they are, but an external id often is a bare UUID, and that would leave unhashed.

use super::phone::Phone;
use sha2::{Digest as _, Sha256};

/// The hash of a mail address in lower case, as TikTok and most others have it: dots and `+` stay.
/// `None` for what has no one `@` between two parts, or white space inside. 64 hex digits pass as
/// the hash that they are.
pub fn email(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| {
        let address = lower(raw);
        parts(&address)?;
        Some(sha256_hex(&address))
    })
}

/// As [`email`], but only of what Meta takes for an address: `name@host.tld` in ASCII.
pub fn meta_email(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| {
        let address = lower(raw);
        is_email(&address).then(|| sha256_hex(&address))
    })
}

/// As [`email`], but without white space anywhere, and at `gmail.com` and `googlemail.com` without
/// dots before the `@` and without what a `+` begins there.
pub fn google_email(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| {
        let mut address = lower(raw);
        address.retain(|c| !is_space(c));
        let (local, host) = parts(&address)?;
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
    let address = lower(raw);
    let (local, host) = parts(&address)?;
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

/// In lower case, without white space around it.
fn lower(raw: &str) -> String {
    raw.trim_matches(is_space).to_lowercase()
}

/// What stands before and after the `@` of an address.
fn parts(address: &str) -> Option<(&str, &str)> {
    let (local, host) = address.split_once('@')?;
    let sound = !local.is_empty() && !host.is_empty() && !host.contains('@');
    (sound && !address.contains(is_space)).then_some((local, host))
}

/// The hash of a phone number as Meta has it: the digits of E.164 without the plus.
pub fn phone(phone: &Phone) -> String {
    match phone {
        Phone::Number(number) => sha256_hex(number.trim_start_matches('+')),
        Phone::Hashed(hash) => hash.clone(),
    }
}

/// The hash of a phone number in E.164, with the plus.
pub fn e164(phone: &Phone) -> String {
    match phone {
        Phone::Number(number) => sha256_hex(number),
        Phone::Hashed(hash) => hash.clone(),
    }
}

/// The hash of the shop's own id of a customer: without any white space, in lower case. `None`
/// if nothing is left. 64 hex digits pass as a hash.
pub fn external_id(raw: &str) -> Option<String> {
    already_hashed(raw).or_else(|| {
        let bare: String = raw.chars().filter(|c| !is_space(*c)).collect();
        (!bare.is_empty()).then(|| sha256_hex(&bare.to_lowercase()))
    })
}

/// The hash that a text is: 64 hex digits.
pub(super) fn already_hashed(raw: &str) -> Option<String> {
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

    fn number(text: &'static str) -> Phone {
        Phone::Number(text.into())
    }

    fn hash(text: &str) -> Option<String> {
        Some(sha256_hex(text))
    }

    #[test]
    fn hashes_equal_those_of_metas_builder() {
        let text = include_str!("../../../tests/golden/meta_hashing.json");
        let golden: Value = serde_json::from_str(text).unwrap();
        for (kind, hash) in [
            ("email", meta_email as fn(&str) -> _),
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
    fn meta_wants_no_plus_and_the_others_do() {
        let known = number("+16505551212");
        assert_eq!(Some(phone(&known)), hash("16505551212"));
        assert_eq!(Some(e164(&known)), hash("+16505551212"));
        let hashed = Phone::Hashed("0f".repeat(32));
        assert_eq!(
            [phone(&hashed), e164(&hashed)],
            ["0f".repeat(32), "0f".repeat(32)]
        );
    }

    /// Sources: Google's page "Format user data"; the first two are its examples.
    #[test]
    fn mail_is_what_google_makes_of_it() {
        for (raw, normal) in [
            (
                "cloudy.sanfrancisco+shopping@gmail.com",
                "cloudysanfrancisco@gmail.com",
            ),
            ("user.name+NYC@Example.com", "user.name+nyc@example.com"),
            (" A.B.c+X@GMail.com ", "abc@gmail.com"),
            ("a.b@googlemail.com", "ab@googlemail.com"),
            ("..a..b.@gmail.com", "ab@gmail.com"),
            ("jo hn@gmail.com", "john@gmail.com"),
            ("a.b@gmail.com.evil.de", "a.b@gmail.com.evil.de"),
            ("a..b@shop.example", "a..b@shop.example"),
            (
                "J\u{d6}RG@B\u{dc}CHER.example\n",
                "j\u{f6}rg@b\u{fc}cher.example",
            ),
        ] {
            assert_eq!(google_email(raw), hash(normal), "{raw}");
        }
        for raw in [
            "+x@gmail.com",
            "...@gmail.com",
            "@gmail.com",
            "a@",
            "a",
            "a@b@c.de",
            "",
        ] {
            assert_eq!(google_email(raw), None, "{raw}");
        }
    }

    #[test]
    fn what_meta_refuses_others_take_in_lower_case() {
        for (raw, normal) in [
            ("\u{4e}\u{c4}@b.de", "n\u{e4}@b.de"),
            ("A..B@c.de", "a..b@c.de"),
            (".a@gmail.com", ".a@gmail.com"),
            ("ada@ex\u{e4}mple.com", "ada@ex\u{e4}mple.com"),
            ("a@b", "a@b"),
        ] {
            assert_eq!(email(raw), hash(normal), "{raw}");
            assert_eq!(meta_email(raw), None, "{raw}");
        }
        for raw in [
            " Ada@Example.com\n",
            "a.b+c@gmail.com",
            "\u{feff}a@example.com",
        ] {
            assert_eq!(email(raw), meta_email(raw), "{raw}");
            assert!(email(raw).is_some(), "{raw}");
        }
        for raw in ["a b@c.de", "a@b@c.de", "@b.c", "a@", "ada", ""] {
            assert_eq!(email(raw), None, "{raw}");
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
        for function in [email, meta_email, google_email, external_id] {
            assert_eq!(
                function(&format!(" {hash}\n")),
                Some(hash.to_ascii_lowercase())
            );
        }
        assert_eq!(email(&format!("{hash}0")), None);
        assert_eq!(external_id(&format!("x{hash}")).unwrap().len(), 64);
        assert_ne!(external_id(&format!("x{hash}")).unwrap()[..8], hash[..8]);
        let md5 = "0123456789abcdef0123456789abcdef";
        assert_ne!(external_id(md5), Some(md5.to_owned()));
    }
}
