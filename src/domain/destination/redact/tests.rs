use super::*;
use base64_simd::STANDARD;
use proptest::prelude::*;

/// With what URLs, JSON and HTML escape, and a character of two UTF-16 units.
const SECRET: &str = "s/e\"c\\r'e<t&>+ é𝄞-Ω.key";

fn clean(text: &str) {
    let shown = redacted(text, &["", SECRET]);
    assert!(shown.contains(REDACTED), "{text} → {shown}");
    for part in ["cret", ".key", "%2Fe", "e%22c", "%2e"] {
        assert!(!shown.contains(part), "{text} → {shown}");
    }
}

fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let json = &json[1..json.len() - 1];
    let units: String = secret
        .encode_utf16()
        .map(|u| format!("\\u{u:04X}"))
        .collect();
    let entities: String = secret
        .chars()
        .map(|c| format!("&#x{:X};", u32::from(c)))
        .collect();
    let html = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let percent: String = secret.bytes().map(|b| format!("%{b:02x}")).collect();
    vec![
        secret.to_owned(),
        json.to_owned(),
        json.replace('/', "\\/"),
        json.replace('<', "\\u003c").replace('>', "\\u003E"),
        units,
        entities,
        html.replace('"', "&quot;").replace('\'', "&#039;"),
        html.replace('"', "&#34;").replace('\'', "&#x27;"),
        super::super::encoded(secret),
        percent,
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        hex::encode(secret),
        hex::encode_upper(secret),
    ]
}

#[test]
fn a_secret_is_found_in_every_usual_form() {
    for form in forms(SECRET) {
        clean(&form);
        clean(&format!("{{\"echo\":\"{form}\",\"more\":1}}"));
        let shown = redacted(&format!("a {form} b"), &[SECRET]);
        assert_eq!(shown, format!("a {REDACTED} b"), "{form}");
    }
}

#[test]
fn a_secret_is_found_inside_other_base64() {
    for before in ["", "a", "ab", "user:", "Basic x:"] {
        for after in ["", ":", "::", "rest"] {
            let whole = format!("{before}{SECRET}{after}");
            for text in [
                STANDARD.encode_to_string(&whole),
                URL_SAFE_NO_PAD.encode_to_string(&whole),
            ] {
                let shown = redacted(&text, &[SECRET]);
                assert!(shown.contains(REDACTED), "{whole}: {shown}");
                // What is left are the characters around it, and no bit of the secret.
                assert!(shown.len() <= REDACTED.len() + before.len() * 2 + after.len() * 2 + 6);
            }
        }
    }
}

#[test]
fn a_text_that_was_cut_shows_no_beginning_of_a_secret() {
    let cut = &SECRET[..12];
    assert_eq!(
        redacted(&format!("got {cut}"), &[SECRET]),
        format!("got {REDACTED}")
    );
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "",
        "{\"ok\":true}",
        "S/E",
        "&amp; %41 \\u0041 é",
        "ends with s/e",
    ] {
        assert_eq!(
            redacted(text, &[SECRET, "", "k"]),
            text.replace('k', REDACTED),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn no_form_of_any_secret_is_shown(secret in "\\PC{8,40}", before in "\\PC{0,5}") {
        for form in forms(&secret) {
            let shown = redacted(&format!("{before}{form}"), &[&secret]);
            let hidden = !shown.contains(&form) || REDACTED.contains(&form);
            prop_assert!(hidden, "{} in {}", form, shown);
        }
    }
}
