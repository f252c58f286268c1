use super::super::{Given, Told, stated};
use super::*;
use crate::values::input::FieldError;
use serde_json::json;

fn read(body: &Value) -> Result<Option<SiteConsent>, Vec<FieldError>> {
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let read = SiteConsent::read(&mut fields);
    fields.finish(Some(read))
}

fn site(consent: Value) -> SiteConsent {
    read(&json!({ "consent": consent })).unwrap().unwrap()
}

fn rule(full: &[&str], session: &[&str]) -> SiteConsent {
    site(json!({"cookie": {"name": "cc", "full": full, "session": session}}))
}

fn signal(site: &SiteConsent, header: &str) -> Option<(Consent, Evidence)> {
    let signal = site.signal(header);
    signal.map(|stated| (stated.state, stated.evidence))
}

#[test]
fn faults_are_named_and_bounds_hold() {
    let nine: Vec<String> = (0..9).map(|n| n.to_string()).collect();
    let long = "x".repeat(121);
    for (consent, path, code) in [
        (json!("full"), "/consent", "not_an_object"),
        (json!({"tcf": "yes"}), "/consent/tcf", "not_a_boolean"),
        (json!({"vendor": 7}), "/consent/vendor", "tcf_required"),
        (
            json!({"tcf": true, "vendor": 0}),
            "/consent/vendor",
            "out_of_range",
        ),
        (
            json!({"tcf": true, "vendor": 65_536}),
            "/consent/vendor",
            "out_of_range",
        ),
        (json!({"cookie": []}), "/consent/cookie", "not_an_object"),
        (
            json!({"cookie": {"full": ["1"]}}),
            "/consent/cookie/name",
            "required",
        ),
        (
            json!({"cookie": {"name": "a b", "full": ["1"]}}),
            "/consent/cookie/name",
            "not_a_cookie_name",
        ),
        (
            json!({"cookie": {"name": "cc"}}),
            "/consent/cookie/full",
            "required",
        ),
        (
            json!({"cookie": {"name": "cc", "full": nine}}),
            "/consent/cookie/full",
            "too_many",
        ),
        (
            json!({"cookie": {"name": "cc", "full": ["1"], "session": [long]}}),
            "/consent/cookie/session",
            "not_a_pattern",
        ),
        (
            json!({"cookie": {"name": "cc", "full": ["*"]}}),
            "/consent/cookie/full",
            "not_a_pattern",
        ),
        (
            json!({"cookie": {"name": "cc", "full": [""]}}),
            "/consent/cookie/full",
            "not_a_pattern",
        ),
    ] {
        let faults = read(&json!({ "consent": consent })).unwrap_err();
        assert_eq!((faults[0].path.as_str(), faults[0].code), (path, code));
    }
    assert_eq!(read(&json!({})), Ok(None));
    assert_eq!(read(&json!({"consent": null})), Ok(None));
    assert_eq!(site(json!({})), SiteConsent::NONE);
}

#[test]
fn what_is_written_reads_back() {
    for consent in [
        json!({}),
        json!({"tcf": true, "vendor": 755}),
        json!({"cookie": {"name": "cc", "full": ["*a*", "b"], "session": ["c"]}, "tcf": true}),
    ] {
        let site = site(consent);
        let text = serde_json::to_string(&site).unwrap();
        assert_eq!(serde_json::from_str::<SiteConsent>(&text).unwrap(), site);
    }
    for broken in ["[]", "1", r#"{"tcf": 1}"#, r#"{"cookie": {"name": "cc"}}"#] {
        assert!(serde_json::from_str::<SiteConsent>(broken).is_err());
    }
}

#[test]
fn values_mean_what_the_patterns_say() {
    let cookiebot = rule(
        &["*statistics:true*marketing:true*"],
        &["*statistics:true*"],
    );
    let onetrust = rule(&["*C0002:1*C0004:1*"], &["*C0002:1*"]);
    let plain = rule(&["yes", "all*"], &["*some"]);
    let of = |sets: &str| format!("cc=%7Bstamp:%27x%27%2Cnecessary:true%2C{sets}%7D");
    let full = Some((Consent::Full, Evidence::SiteCookie));
    let session = Some((Consent::Session, Evidence::SiteCookie));
    let code = Some((Consent::Code, Evidence::SiteCookie));
    for (site, header, expected) in [
        (&cookiebot, of("statistics:true%2Cmarketing:true"), full),
        (&cookiebot, of("statistics:true%2Cmarketing:false"), session),
        (&cookiebot, of("statistics:false%2Cmarketing:true"), code),
        (
            &onetrust,
            "a=b; cc=v=1&groups=C0001%3A1%2CC0002%3A1%2CC0004%3A1".into(),
            full,
        ),
        (
            &onetrust,
            "cc=v=1&groups=C0001%3A1%2CC0002%3A1%2CC0004%3A0; a".into(),
            session,
        ),
        (&plain, "cc=yes".into(), full),
        (&plain, "cc=all-of-it".into(), full),
        (&plain, "cc=only-some".into(), session),
        (&plain, "cc=yes!".into(), code),
        (&plain, "cc=".into(), code),
        (&plain, "cc=%79es".into(), full),
        (&plain, "cc=some-all".into(), code),
        (&plain, "CC=yes; xcc=yes; c=yes".into(), None),
        (&plain, String::new(), None),
        // A host-only cookie beside one of the domain: the stricter wins.
        (&plain, "cc=yes; cc=no".into(), code),
        (&plain, "cc=yes; cc=some".into(), session),
    ] {
        assert_eq!(signal(site, &header), expected, "{header}");
    }
}

#[test]
fn pieces_of_a_pattern_do_not_overlap() {
    for (pattern, value, expected) in [
        ("ab*ba", "aba", false),
        ("ab*ba", "abba", true),
        ("*a*a*", "a", false),
        ("*a*a*", "xaya", true),
        ("a**b", "ab", true),
        ("a*", "a", true),
        ("*é", "é", true),
    ] {
        assert_eq!(fits(pattern, value), expected, "{pattern} {value}");
    }
}

/// Purposes 1, 2, 3, 4 and 7; one of tests/golden/tcf.json.
const ALL: &str = "CQuFeUAQuFeUAE7AfWENG3EEAPIAAF-gAIqIAAAAAAAA.YAAAAAAAAAAA";

#[test]
fn an_unreadable_tcf_string_or_header_is_a_refusal() {
    let site = site(json!({"tcf": true}));
    let code = Some((Consent::Code, Evidence::Tcf));
    for text in ["", "x", "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "CA", "C%41"] {
        assert_eq!(signal(&site, &format!("euconsent-v2={text}")), code);
    }
    let long = format!("a={}", "b".repeat(limits::COOKIE_HEADER_BYTES));
    assert_eq!(signal(&site, &long), code);
    assert_eq!(signal(&rule(&["1"], &[]), &long).unwrap().0, Consent::Code);
    assert_eq!(signal(&SiteConsent::NONE, &long), None);
    assert_eq!(signal(&site, "euconsent=x"), None);
}

#[test]
fn of_live_signals_the_stricter_wins_and_of_equals_the_first() {
    let all = ALL;
    let both = json!({"cookie": {"name": "cc", "full": ["1"], "session": ["2"]}, "tcf": true});
    let site = site(both);
    let mode = |state| {
        let evidence = Evidence::ConsentMode;
        Some(Told { state, evidence })
    };
    use Consent::{Code, Full, Session};
    use Evidence::{ConsentMode, Decision, SiteCookie, Tcf};
    for (header, told, expected) in [
        (
            format!("cc=1; euconsent-v2={all}"),
            None,
            (Full, SiteCookie),
        ),
        (
            format!("euconsent-v2={all}; cc=2"),
            None,
            (Session, SiteCookie),
        ),
        ("cc=1; euconsent-v2=x".into(), None, (Code, Tcf)),
        (format!("euconsent-v2={all}"), None, (Full, Tcf)),
        (format!("euconsent-v2={all}"), mode(Full), (Full, Tcf)),
        ("cc=2".into(), mode(Full), (Session, SiteCookie)),
        ("cc=2".into(), mode(Code), (Code, ConsentMode)),
        ("x=y".into(), mode(Full), (Full, ConsentMode)),
        ("x=y".into(), None, (Session, Decision)),
    ] {
        let given = Given {
            cookies: &header,
            told,
            decided: Some(Stated::of(Session, Evidence::Decision)),
            country: "US",
            gpc: false,
        };
        let found = stated(&given, &site, Full);
        assert_eq!((found.state, found.evidence), expected, "{header}");
        let gpc = stated(&Given { gpc: true, ..given }, &site, Full);
        assert_eq!((gpc.state, gpc.evidence), (Code, Evidence::Gpc));
    }
}
