//! Takes secrets out of a text that others wrote, such as the answer of a server that repeats what
//! it was sent. Our own requests are made with stand-ins instead (`Request::shown`).
//!
//! Nobody can list every form that a secret may be repeated in. What is found here: as it is, with
//! any of its characters escaped as in URLs, JSON and HTML, in base64 of either alphabet wherever
//! it stands in the encoded text, and in hex of either case.

use base64_simd::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::request::REDACTED;

/// Shorter encoded forms would match text that is no secret.
const SHORTEST_FORM: usize = 6;
/// A text may be cut in the middle of a secret: so much of its beginning is enough at the end.
const SHORTEST_START: usize = 6;
/// Escapes of HTML that have a name.
const ENTITIES: [(&str, char); 5] = [
    ("&amp;", '&'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&quot;", '"'),
    ("&apos;", '\''),
];

/// A text without the secrets in it.
pub fn redacted(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let spelt: Vec<_> = secret
            .char_indices()
            .map(|(at, c)| (at, c, spellings(c)))
            .collect();
        text = without(&text, |rest| escaped(rest, &spelt));
        for form in base64_forms(secret) {
            text = form.taken_out_of(&text);
        }
        let form = hex::encode(secret);
        if form.len() >= SHORTEST_FORM {
            text = without(&text, |rest| {
                let start = rest.get(..form.len())?;
                start.eq_ignore_ascii_case(&form).then_some(form.len())
            });
        }
    }
    text
}

/// Replaces what `find` recognises at the beginning of a text, by its length, wherever it stands.
fn without(text: &str, find: impl Fn(&str) -> Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match find(rest).filter(|length| *length > 0) {
            Some(length) => {
                out.push_str(REDACTED);
                length
            }
            None => {
                out.push(first);
                first.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// The length of the secret at the beginning of a text, each character as it is or escaped. What
/// one character reads as an escape may be two plain ones to another, so every way is followed.
fn escaped(text: &str, secret: &[(usize, char, Vec<String>)]) -> Option<usize> {
    let mut ends = vec![0];
    for (matched, wanted, spellings) in secret {
        let cut = ends.contains(&text.len());
        if cut && *matched >= SHORTEST_START {
            return Some(text.len());
        }
        let mut next = Vec::new();
        for end in ends {
            let rest = text.get(end..).unwrap_or_default();
            let plain = rest.starts_with(*wanted).then(|| wanted.len_utf8());
            let escapes = spellings.iter().filter(|one| starts_with(rest, one));
            for length in plain.into_iter().chain(escapes.map(String::len)) {
                if !next.contains(&(end + length)) {
                    next.push(end + length);
                }
            }
        }
        if next.is_empty() {
            return None;
        }
        ends = next;
    }
    ends.into_iter().max()
}

/// Escapes are written in either case.
fn starts_with(text: &str, escape: &str) -> bool {
    let start = text.get(..escape.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(escape))
}

/// How URLs, JSON and HTML escape a character.
fn spellings(character: char) -> Vec<String> {
    let code = u32::from(character);
    let bytes = character.to_string().into_bytes();
    let units = character.encode_utf16(&mut [0; 2]).to_vec();
    let mut all = vec![
        bytes.iter().map(|byte| format!("%{byte:02x}")).collect(),
        units.iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        format!("&#{code};"),
        format!("&#0{code};"),
        format!("&#x{code:x};"),
    ];
    let named = ENTITIES.iter().filter(|(_, plain)| *plain == character);
    all.extend(named.map(|(name, _)| (*name).to_owned()));
    match character {
        '"' | '\\' | '/' | '\'' => all.push(format!("\\{character}")),
        '\n' => all.push("\\n".to_owned()),
        '\r' => all.push("\\r".to_owned()),
        '\t' => all.push("\\t".to_owned()),
        ' ' => all.push("+".to_owned()),
        _ => {}
    }
    all
}

/// What of a base64 text depends on the secret alone. The characters beside it may hold bits of the
/// secret's first and last byte.
struct Base64Form {
    core: String,
    shares_before: bool,
    shares_after: bool,
}

impl Base64Form {
    /// The text without it, with the characters that share bits with it, and without the padding.
    fn taken_out_of(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(&self.core) {
            out.push_str(before);
            if self.shares_before {
                out.pop();
            }
            out.push_str(REDACTED);
            let shared = usize::from(self.shares_after);
            let shared = after.chars().take(shared).map(char::len_utf8).sum();
            let after = after.get(shared..).unwrap_or_default();
            rest = after.trim_start_matches('=');
        }
        out.push_str(rest);
        out
    }
}

/// The forms for each place in a group of three bytes that the secret may begin at.
fn base64_forms(secret: &str) -> Vec<Base64Form> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        let bits = bytes.len() * 8;
        let (from, to) = ((before * 8).div_ceil(6), bits / 6);
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = alphabet.encode_to_string(&bytes);
            let core = text.get(from..to).unwrap_or_default();
            if core.len() >= SHORTEST_FORM {
                forms.push(Base64Form {
                    core: core.to_owned(),
                    shares_before: before > 0,
                    shares_after: !bits.is_multiple_of(6),
                });
            }
        }
    }
    forms
}

#[cfg(test)]
mod tests;
