//! Meta's first-party cookies `_fbc` (the click) and `_fbp` (the browser):
//! `fb.<labels of the registrable domain − 1>.<creation, unix ms>.<payload>`, and since 2025 in
//! Meta's own libraries a fifth segment that says which library wrote it. A shop whose pages run
//! no pixel, or whose visitor's browser caps what scripts store, gets them from us; where Meta has
//! set one it stays, with its creation time, until another click comes.

use super::click_ids::MAX_VALUE;
use super::time::UnixMs;
use super::{cookies, limits};
use base64_simd::URL_SAFE_NO_PAD;

/// The cookie of the click.
pub const FBC: &str = "_fbc";
/// The cookie of the browser.
pub const FBP: &str = "_fbp";
/// How long both live, in seconds: 90 days, as Meta's own.
pub const MAX_AGE_S: u32 = 7_776_000;

/// Longest value, in bytes: a click id of the longest length that is captured, and the rest.
pub const MAX_BROWSER_ID: usize = MAX_VALUE + 64;

/// Marks of the language that an older library wrote as the fifth segment.
const LANGUAGES: [&str; 6] = ["AQ", "Ag", "Aw", "BA", "BQ", "Bg"];

/// Takes the value of a `_fbc` or `_fbp` cookie. Gives it back unchanged, or `None` if Meta's
/// builder would not take it: `fb`, two numbers, a payload, and if there is a fifth segment,
/// a known mark (two characters, or eight that hold six bytes of version 1).
pub fn browser_id(cookie: &str) -> Option<&str> {
    payload(cookie).map(|_| cookie)
}

/// As [`browser_id`], for a `_fbp` that is to be told to Meta: its time has the digits of one, and
/// its payload is the random number that Meta documents. For any other the whole event would be
/// refused.
pub fn fbp(cookie: &str) -> Option<&str> {
    let digits = |text: &str, most| text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    let payload = payload(cookie)?;
    let mut numbers = cookie.split('.').skip(1);
    let (index, created) = (numbers.next()?, numbers.next()?);
    let sound = index.len() == 1 && created.len() >= 10 && digits(created, 13);
    (sound && digits(payload, 20)).then_some(cookie)
}

/// The fourth segment of a cookie that [`browser_id`] takes.
fn payload(cookie: &str) -> Option<&str> {
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
    sound.then_some(payload)
}

/// Which of the two cookies must be set now, with their values. Takes the `Cookie` header, the
/// decoded `fbclid` of the address if there is one, the registrable domain (empty when there is
/// none), the time, and a random number.
///
/// `_fbc` is set when the click is another one than the cookie's, `_fbp` when there is none; a
/// cookie that does not read counts as none. Of several cookies of one name each may be the one.
/// A header that is too long to look at sets nothing: the cookies may be in it.
pub fn cookies(
    header: &str,
    fbclid: Option<&str>,
    domain: &str,
    now: UnixMs,
    random: u32,
) -> Vec<(&'static str, String)> {
    let mut due = Vec::new();
    if header.len() > limits::COOKIE_HEADER_BYTES {
        return due;
    }
    let mut known = cookies::named(header, FBC).filter_map(payload);
    let click = fbclid.filter(|fbclid| !known.any(|payload| payload == *fbclid));
    if let Some(value) = click.and_then(|fbclid| fbc(now.0, fbclid, domain)) {
        due.push((FBC, value));
    }
    if cookies::named(header, FBP)
        .filter_map(payload)
        .next()
        .is_none()
    {
        // Meta's payloads are whole numbers below 2^31.
        let random = (random >> 1).to_string();
        due.push((FBP, value(now.0.max(0), &random, domain)));
    }
    due
}

/// The `Set-Cookie` value for a cookie of [`cookies`]. `domain` is the registrable domain. Scripts
/// may read it: the pixel looks for it.
pub fn set_cookie(name: &str, value: &str, domain: Option<&str>) -> String {
    let life = "; Max-Age=7776000; Path=/; Secure; SameSite=Lax";
    let mut cookie = [name, "=", value, life].concat();
    if let Some(domain) = domain {
        cookie.push_str("; Domain=");
        cookie.push_str(domain);
    }
    cookie
}

/// The click id value for a click of ours. Takes when the click happened (unix ms; never the time
/// of the conversion), the decoded `fbclid`, and the site's registrable domain; gives
/// `fb.<labels − 1>.<ms>.<fbclid>`. `None` for an empty or overlong `fbclid`, for one with anything
/// but base64url's letters (something on its way mangled it, and Meta would refuse the whole event
/// for it), and for a time before 1970.
///
/// `1732230000000`, `IwAR1`, `example.co.uk` → `fb.2.1732230000000.IwAR1`. An IP address or an
/// unknown domain counts as 0. An existing `_fbc` is kept unless its payload differs.
pub fn fbc(click_ms: i64, fbclid: &str, site_domain: &str) -> Option<String> {
    let sound = !fbclid.is_empty()
        && fbclid.len() <= MAX_VALUE
        && fbclid
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if !sound || click_ms < 0 {
        return None;
    }
    Some(value(click_ms, fbclid, site_domain))
}

fn value(created_ms: i64, payload: &str, site_domain: &str) -> String {
    let is_ip = site_domain.starts_with('[') || site_domain.parse::<std::net::IpAddr>().is_ok();
    let index = if is_ip {
        0
    } else {
        site_domain.matches('.').count()
    };
    format!("fb.{index}.{created_ms}.{payload}")
}

fn is_mark(mark: &str) -> bool {
    match mark.len() {
        2 => LANGUAGES.contains(&mark),
        8 => match URL_SAFE_NO_PAD.decode_to_vec(mark).as_deref() {
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
        let long = format!("{longest}x");
        for bad in [
            "", "a.b", "a b", "é", "a\n", "IwAR~1", "IwAR+1", "IwAR1=", "Iw%41", &long,
        ] {
            assert_eq!(fbc(1, bad, "example.com"), None, "{bad:?}");
        }
        assert_eq!(fbc(-1, "x", "example.com"), None);
    }

    #[test]
    fn of_the_browsers_cookies_meta_is_told_those_that_it_takes() {
        for (cookie, told) in [
            ("fb.1.1732230000000.1098115397", true),
            ("fb.1.1732230000000.1098115397.AQ", true),
            ("fb.1.1732230000000.1098115397.AQQCAQMC", true),
            ("fb.1.1732230000000.10981~15397", false),
            ("fb.1.1732230000000.IwAR", false),
            ("fb.1.17.1098115397", false),
            ("fb.12.1732230000000.1098115397", false),
            ("fb.1.1732230000000.1098115397.XX", false),
        ] {
            assert_eq!(fbp(cookie), Some(cookie).filter(|_| told), "{cookie}");
        }
    }

    const NOW: UnixMs = UnixMs(1_795_334_400_000);

    fn names(header: &str, fbclid: Option<&str>) -> Vec<&'static str> {
        let due = super::cookies(header, fbclid, "example.com", NOW, 7);
        due.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_cookie_is_set_when_there_is_none_that_reads() {
        let fbp = "_fbp=fb.1.1732230000000.1098115397";
        let marked = "_fbp=fb.1.1732230000000.1098115397.AQ";
        assert_eq!(names("", None), [FBP]);
        assert_eq!(names(fbp, None), [""; 0]);
        assert_eq!(names(marked, None), [""; 0]);
        assert_eq!(names("_fbp=fb.1.x.1", None), [FBP]);
        assert_eq!(names("_fbp=fb.1.x.1; a=b; _fbp=fb.1.2.3", None), [""; 0]);
        assert_eq!(names(fbp, Some("IwAR1")), [FBC]);
        assert_eq!(names("", Some("IwAR1")), [FBC, FBP]);
        assert_eq!(names("", Some("Iw.AR1")), [FBP], "it would not read back");
        let long = format!("a={}", "b".repeat(limits::COOKIE_HEADER_BYTES));
        assert_eq!(names(&long, Some("IwAR1")), [""; 0]);
    }

    #[test]
    fn a_known_click_keeps_its_cookie_and_another_one_replaces_it() {
        let rest = "; _fbp=fb.1.1.1";
        for (cookie, expected) in [
            ("_fbc=fb.1.1732230000000.IwAR1", None),
            ("_fbc=fb.1.1732230000000.IwAR1.AQ", None),
            ("_fbc=fb.1.1732230000000.IwAR1.AQQCAQMC", None),
            ("_fbc=fb.1.1.old; _fbc=fb.1.1.IwAR1", None),
            ("_fbc=fb.1.1732230000000.iwar1", Some(FBC)),
            ("_fbc=fb.1.1732230000000.IwAR2.AQ", Some(FBC)),
            ("_fbc=fb.1.1732230000000.IwAR1.XX", Some(FBC)),
        ] {
            let found = names(&format!("{cookie}{rest}"), Some("IwAR1"));
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{cookie}");
            assert_eq!(names(&format!("{cookie}{rest}"), None), [""; 0]);
        }
    }

    #[test]
    fn payloads_are_below_two_to_the_31_and_labels_are_counted() {
        let all = super::cookies("", Some("IwAR1"), "example.co.uk", NOW, u32::MAX);
        let expected = [
            (FBC, "fb.2.1795334400000.IwAR1".to_owned()),
            (FBP, "fb.2.1795334400000.2147483647".to_owned()),
        ];
        assert_eq!(all, expected);
        assert_eq!(
            super::cookies("", None, "", NOW, 0)[0].1,
            "fb.0.1795334400000.0"
        );
        let set = set_cookie(FBC, &all[0].1, Some("example.co.uk"));
        assert_eq!(
            set,
            "_fbc=fb.2.1795334400000.IwAR1; Max-Age=7776000; Path=/; Secure; SameSite=Lax; \
             Domain=example.co.uk"
        );
        assert!(!set_cookie(FBC, "x", None).contains("Domain"));
        assert!(set.contains(&MAX_AGE_S.to_string()));
    }
}
