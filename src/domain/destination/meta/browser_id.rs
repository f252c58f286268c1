//! The values of Meta's first-party cookies `_fbc` and `_fbp`:
//! `fb.<labels of the site − 1>.<creation, unix ms>.<payload>`, and since 2025 in Meta's own
//! libraries a fifth segment that says which library wrote it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::click_ids::MAX_VALUE;

/// Longest value, in bytes: a click id of the longest length that is captured, and the rest.
pub const MAX_BROWSER_ID: usize = MAX_VALUE + 64;

/// Marks of the language that an older library wrote as the fifth segment.
const LANGUAGES: [&str; 6] = ["AQ", "Ag", "Aw", "BA", "BQ", "Bg"];

/// Takes the value of a `_fbc` or `_fbp` cookie. Gives it back unchanged, or `None` if Meta's
/// builder would not take it: `fb`, two numbers, a payload, and if there is a fifth segment,
/// a known mark (two characters, or eight that hold six bytes of version 1).
pub fn browser_id(cookie: &str) -> Option<&str> {
    if cookie.len() > MAX_BROWSER_ID || !cookie.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut segments = cookie.split('.');
    let core = (
        segments.next()?,
        segments.next()?,
        segments.next()?,
        segments.next()?,
    );
    let mark = segments.next();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let ("fb", index, created, payload) = core else {
        return None;
    };
    let sound = number(index)
        && number(created)
        && !payload.is_empty()
        && mark.is_none_or(is_mark)
        && segments.next().is_none();
    sound.then_some(cookie)
}

/// The click id value for a click of ours. Takes when the click happened (unix ms; never the time
/// of the conversion), the decoded `fbclid`, and the site's registrable domain; gives
/// `fb.<labels − 1>.<ms>.<fbclid>`. `None` for an empty or overlong `fbclid`, for one with a dot
/// (it would not read back) or bytes outside printable ASCII, and for a time before 1970.
///
/// `1732230000000`, `IwAR1`, `example.co.uk` → `fb.2.1732230000000.IwAR1`. An IP address or an
/// unknown domain counts as 0. An existing `_fbc` is kept unless its payload differs.
pub fn fbc(click_ms: i64, fbclid: &str, site_domain: &str) -> Option<String> {
    let sound = !fbclid.is_empty()
        && fbclid.len() <= MAX_VALUE
        && fbclid
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'.');
    if !sound || click_ms < 0 {
        return None;
    }
    let is_ip = site_domain.starts_with('[') || site_domain.parse::<std::net::IpAddr>().is_ok();
    let index = if is_ip {
        0
    } else {
        site_domain.matches('.').count()
    };
    Some(format!("fb.{index}.{click_ms}.{fbclid}"))
}

fn is_mark(mark: &str) -> bool {
    match mark.len() {
        2 => LANGUAGES.contains(&mark),
        8 => match URL_SAFE_NO_PAD.decode(mark).as_deref() {
            Ok([1, language, ..]) => (1..=LANGUAGES.len()).contains(&usize::from(*language)),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_four_and_five_segments_are_taken_unchanged() {
        for cookie in [
            "fb.1.1732230000000.IwAR_x-Y",
            "fb.2.1732230000000.1098115397",
            "fb.0.1.x",
            "fb.1.1732230000000.IwAR.AQ",
            "fb.1.1732230000000.IwAR.Bg",
            "fb.1.1732230000000.IwAR.AQQCAQMC",
        ] {
            assert_eq!(browser_id(cookie), Some(cookie));
        }
    }

    #[test]
    fn other_cookies_are_refused() {
        let long = format!("fb.1.1.{}", "x".repeat(MAX_BROWSER_ID));
        for cookie in [
            "",
            "fb",
            "fb.1.2",
            "fb.1.2.",
            "fb.x.2.y",
            "fb.1..y",
            "fc.1.2.y",
            "FB.1.2.y",
            "fb.1.2.y.",
            "fb.1.2.y.XX",
            "fb.1.2.y.aq",
            "fb.1.2.y.AAQCAQMC",
            "fb.1.2.y.AQcCAQMC",
            "fb.1.2.y.AQ+CAQMC",
            "fb.1.2.y.AQ.AQ",
            "fb.1.2.y z",
            "fb.1.2.é",
            "fb.+1.2.y",
            "fb.1.2.y\r\nx",
            &long,
        ] {
            assert_eq!(browser_id(cookie), None, "{cookie}");
        }
    }

    #[test]
    fn a_click_gives_a_cookie_value_that_reads_back() {
        for (domain, index) in [
            ("example.com", 1),
            ("example.co.uk", 2),
            ("localhost", 0),
            ("127.0.0.1", 0),
            ("[::1]", 0),
            ("", 0),
        ] {
            let value = fbc(1_732_230_000_000, "IwAR_x-Y", domain).unwrap();
            assert_eq!(value, format!("fb.{index}.1732230000000.IwAR_x-Y"));
            assert_eq!(browser_id(&value), Some(value.as_str()));
        }
        let longest = "x".repeat(MAX_VALUE);
        let value = fbc(i64::MAX, &longest, "example.co.uk").unwrap();
        assert_eq!(browser_id(&value), Some(value.as_str()));
        for bad in ["", "a.b", "a b", "é", "a\n", &format!("{longest}x")] {
            assert_eq!(fbc(1, bad, "example.com"), None, "{bad:?}");
        }
        assert_eq!(fbc(-1, "x", "example.com"), None);
    }
}
