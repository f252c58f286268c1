use super::*;
use proptest::prelude::*;

fn hosts() -> Vec<String> {
    [
        "shop.example",
        "shop.localhost",
        "127.0.0.1",
        "[::1]",
        "xn--bcher-kva.example",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn target(raw: &str) -> Target {
    Target::parse(raw, &hosts(), false).unwrap()
}

#[test]
fn a_target_is_stored_serialised_and_read_back() {
    for (raw, href) in [
        ("https://SHOP.example", "https://shop.example/"),
        (
            "HTTPS://shop.example:443/a b?x=é#ü",
            "https://shop.example/a%20b?x=%C3%A9#%C3%BC",
        ),
        (
            "https://shop.example/../%0d%0a?q='",
            "https://shop.example/%0d%0a?q=%27",
        ),
        (
            "https://xn--bcher-kva.example/",
            "https://xn--bcher-kva.example/",
        ),
        (
            "https://shop.example/?u=https://evil.example/@x",
            "https://shop.example/?u=https://evil.example/@x",
        ),
        // A backslash after the path is data.
        (
            r"https://shop.example/?path=C:\tea#a\b",
            r"https://shop.example/?path=C:\tea#a\b",
        ),
        (
            r"https://shop.example?\@evil.example/",
            r"https://shop.example/?\@evil.example/",
        ),
    ] {
        let parsed = target(raw);
        assert_eq!(parsed.as_str(), href);
        assert_eq!(Target::trusted(href.to_owned()), parsed);
    }
}

#[test]
fn each_refusal_has_its_code() {
    let long = format!("https://shop.example/{}", "a".repeat(MAX_TARGET));
    let grows = format!("https://shop.example/{}", "é".repeat(MAX_TARGET / 4));
    let many = format!("https://shop.example/?{}", "a&".repeat(MAX_PINNED + 1));
    let table = [
        (long.as_str(), "too_long"),
        (&grows, "too_long"),
        (&many, "too_many_parameters"),
        ("java\nscript:alert(1)", "control_character"),
        (
            "https://shop.example/\r\nSet-Cookie: a=b",
            "control_character",
        ),
        ("https://shop.example/\u{85}", "control_character"),
        (" https://shop.example/", "surrounding_space"),
        ("https://shop.example/ ", "surrounding_space"),
        ("https:\\\\shop.example", "backslash"),
        ("https://evil.example\\@shop.example", "backslash"),
        ("https://shop.example/a\\b?c", "backslash"),
        ("", "not_absolute"),
        ("shop.example", "not_absolute"),
        ("//evil.example", "not_absolute"),
        ("/a:b", "not_absolute"),
        ("https:shop.example", "not_absolute"),
        ("https:/shop.example", "not_absolute"),
        ("https:///shop.example", "not_absolute"),
        ("javascript:alert(1)", "scheme"),
        ("data:text/html,x", "scheme"),
        ("intent://shop.example", "scheme"),
        ("http://shop.example/", "scheme"),
        ("https://shop.example@evil.example/", "credentials"),
        ("https://@shop.example/", "credentials"),
        ("https://shöp.example/", "host_not_ascii"),
        ("https://shop%2eexample/", "host_not_ascii"),
        ("https://", "invalid_url"),
        ("https://shop .example/", "invalid_url"),
        ("https://shop.example:99999/", "invalid_url"),
        ("https://shop.example:8443/", "port"),
        ("https://127.0.0.1/", "ip_literal"),
        ("https://0x7f.1/", "ip_literal"),
        ("https://2130706433/", "ip_literal"),
        ("https://017700000001/", "ip_literal"),
        ("https://[::1]/", "ip_literal"),
        ("https://shop.example./", "trailing_dot"),
        ("https://evil.example/", "host_not_allowed"),
        ("https://shop.example.evil.example/", "host_not_allowed"),
        ("https://a.shop.example/", "host_not_allowed"),
    ];
    for (raw, code) in table {
        let error = Target::parse(raw, &hosts(), false).unwrap_err();
        assert_eq!(error.code(), code, "{raw:?}");
        assert!(error.to_string().ends_with('.'));
    }
}

#[test]
fn development_allows_http_and_loopback_ports_and_nothing_more() {
    for raw in [
        "http://shop.localhost:8787/",
        "http://127.0.0.1:9000/x",
        "http://[::1]:9000/",
        "http://shop.example/",
    ] {
        assert_eq!(Target::parse(raw, &hosts(), true).unwrap().as_str(), raw);
    }
    for (raw, code) in [
        ("http://shop.example:8080/", "port"),
        ("http://10.0.0.1/", "ip_literal"),
        ("http://localhost:1/", "host_not_allowed"),
        ("ftp://shop.localhost/", "scheme"),
    ] {
        assert_eq!(
            Target::parse(raw, &hosts(), true).unwrap_err().code(),
            code,
            "{raw}"
        );
    }
}

#[test]
fn a_location_carries_the_incoming_segments_byte_for_byte() {
    let own = [("tl", "tlc_x-Y_9")];
    let table = [
        (
            "https://shop.example/",
            "",
            "https://shop.example/?tl=tlc_x-Y_9",
        ),
        (
            "https://shop.example/?",
            "a=1",
            "https://shop.example/?a=1&tl=tlc_x-Y_9",
        ),
        (
            "https://shop.example/?p=1&",
            "a",
            "https://shop.example/?p=1&a&tl=tlc_x-Y_9",
        ),
        (
            "https://shop.example/p?x=1#f?g",
            "?x=2&y=a+b%20c&y=&y=%2f&&=v&z",
            "https://shop.example/p?x=1&y=a+b%20c&y=&y=%2f&=v&z&tl=tlc_x-Y_9#f?g",
        ),
        (
            "https://shop.example/#f",
            "tl=old&t%6c=old&TL=1",
            "https://shop.example/?TL=1&tl=tlc_x-Y_9#f",
        ),
        (
            "https://shop.example/?utm_source=me",
            "utm%5fsource=you&UTM_source=z",
            "https://shop.example/?utm_source=me&UTM_source=z&tl=tlc_x-Y_9",
        ),
        (
            "https://shop.example/?a+b=1",
            "a%20b=2&a%2bb=3",
            "https://shop.example/?a+b=1&a%2bb=3&tl=tlc_x-Y_9",
        ),
        (
            "https://shop.example/",
            "a=\"&b='&c=<&d=#&e=é&f=\r\nx&g= &h=%0d%0a",
            "https://shop.example/?h=%0d%0a&tl=tlc_x-Y_9",
        ),
    ];
    for (raw, incoming, expected) in table {
        assert_eq!(target(raw).location(incoming, &own), expected);
    }
    assert_eq!(
        target("https://shop.example/?a#f").location("", &[]),
        "https://shop.example/?a#f"
    );
    let odd = [("bad\r\nname", "v"), ("v", "b ad")];
    assert_eq!(
        target("https://shop.example/").location("", &odd),
        "https://shop.example/"
    );
}

#[test]
fn a_target_knows_its_own_parameters() {
    let pinned = target("https://shop.example/?a=1&t%6C=2#tm=3");
    assert!(pinned.pins("a") && pinned.pins("tl"));
    assert!(!pinned.pins("tm") && !pinned.pins("A"));
}

#[test]
fn a_long_location_drops_other_segments_before_click_ids() {
    let filler = format!("utm_x={}", "x".repeat(5000));
    let gclid = format!("gclid={}", "g".repeat(5000));
    let link = target("https://shop.example/?p=1#frag");
    let own = [("tl", "token")];
    let location = link.location(&format!("{filler}&a=1&{gclid}&fbclid=f"), &own);
    assert_eq!(
        location,
        format!("https://shop.example/?p=1&a=1&{gclid}&fbclid=f&tl=token#frag")
    );
    let endless = link.location(&format!("{gclid}&{gclid}&fbclid=f"), &own);
    assert_eq!(
        endless,
        format!("https://shop.example/?p=1&{gclid}&fbclid=f&tl=token#frag")
    );
    let room = MAX_LOCATION - link.as_str().len() - "&tl=token".len() - "&a=".len();
    let exact = link.location(&format!("a={}", "x".repeat(room)), &own);
    assert_eq!(exact.len(), MAX_LOCATION);
    let over = link.location(&format!("a={}", "x".repeat(room + 1)), &own);
    assert_eq!(over, "https://shop.example/?p=1&tl=token#frag");
}

#[test]
fn only_so_many_segments_travel() {
    let incoming = vec!["a"; MAX_SEGMENTS + 10].join("&");
    let location = target("https://shop.example/").location(&incoming, &[]);
    assert_eq!(
        location.matches('a').count(),
        MAX_SEGMENTS + "shop.example".matches('a').count()
    );
}

fn raw_target() -> impl Strategy<Value = String> {
    let query = prop_oneof![Just(String::new()), "\\?[ -~é&=]{0,30}"];
    let fragment = prop_oneof![Just(String::new()), "#[ -~é]{0,10}!"];
    ("[ -~é]{0,20}", query, fragment).prop_map(|(path, query, fragment)| {
        format!(
            "https://shop.example/{}{query}{fragment}",
            path.replace(['\\', '?', '#'], "")
        )
    })
}

proptest! {
    #[test]
    fn every_location_is_a_serialised_url_on_the_host_of_the_target(
        raw in raw_target(), incoming in "\\PC{0,60}|([a-c%+]{0,4}=?[ -~\r\n]{0,9}&){0,9}",
        long in 0usize..3, value in "\\PC{0,10}",
    ) {
        let Ok(link) = Target::parse(&raw, &hosts(), false) else { return Ok(()) };
        let filler = "gclid=v&utm_x=yyyyyyyyyyyyyyyyyyyyyyy&".repeat(long * 90);
        let incoming = format!("{incoming}&{filler}");
        let location = link.location(&incoming, &[("tl", "tlc_A-_"), ("v", &value)]);
        prop_assert!(location.len() <= MAX_LOCATION);
        let parsed = Url::parse(&location).unwrap();
        prop_assert_eq!(parsed.as_str(), location.as_str());
        prop_assert_eq!(parsed.host_str(), Some("shop.example"));
        prop_assert!(location.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
        prop_assert!(location.contains("tl=tlc_A-_"));
        let before = Url::parse(link.as_str()).unwrap();
        prop_assert_eq!(parsed.path(), before.path());
        prop_assert_eq!(parsed.fragment(), before.fragment());
        prop_assert!(parsed.query().unwrap().starts_with(before.query().unwrap_or("")));
    }

    #[test]
    fn punycode_hosts_never_panic(label in "xn--[a-z0-9-]{0,12}(\\.xn--[a-z0-9-]{0,12})?") {
        let raw = format!("https://{label}/");
        if let Ok(link) = Target::parse(&raw, std::slice::from_ref(&label), false) {
            prop_assert_eq!(link.as_str(), raw);
        }
    }

    #[test]
    fn no_input_is_parsed_into_anything_but_an_allowed_https_host(
        raw in "\\PC{0,40}|https?:[/\\\\]{0,3}[a-z.@%:é\\[\\]0-9]{0,30}",
    ) {
        if let Ok(link) = Target::parse(&raw, &hosts(), false) {
            prop_assert!(link.as_str().starts_with("https://"));
        }
    }
}

#[test]
fn a_policy_leaves_out_and_renames_but_never_overrides() {
    let link = target("https://shop.example/?p=1#f");
    let policy = |name: &str| match name {
        "drop" => Fate::Dropped("stripped"),
        "old" => Fate::Renamed("new"),
        "sly" => Fate::Renamed("p"),
        "thief" => Fate::Renamed("tl"),
        _ => Fate::Passed,
    };
    let mut seen = Vec::new();
    let location = link.location_by(
        "a=+%20&old=x%2B=&drop=1&old&p=2&sly=3&thief=4&tl=5&bad=é&&old=",
        &[("tl", "t")],
        Some(&policy),
        Some(&mut seen),
    );
    assert_eq!(
        location,
        "https://shop.example/?p=1&a=+%20&new=x%2B=&new&new=&tl=t#f"
    );
    let seen: Vec<_> = seen
        .iter()
        .map(|seen| (seen.name.as_str(), seen.fate))
        .collect();
    let expected = [
        ("a", "passed"),
        ("old", "renamed"),
        ("drop", "stripped"),
        ("old", "renamed"),
        ("p", "pinned"),
        ("sly", "pinned"),
        ("thief", "replaced"),
        ("tl", "replaced"),
        ("bad", "unsafe"),
        ("old", "renamed"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn renamed_parameters_keep_the_bound_too() {
    let long = "n".repeat(crate::domain::limits::PARAM_CHARS);
    let policy = |name: &str| match name {
        "a" => Fate::Renamed(&long),
        _ => Fate::Passed,
    };
    let incoming = "a=1&".repeat(200) + "gclid=g&a=2";
    let link = target("https://shop.example/");
    let mut seen = Vec::new();
    let location = link.location_by(&incoming, &[("tl", "t")], Some(&policy), Some(&mut seen));
    assert!(location.len() <= MAX_LOCATION && location.len() > MAX_LOCATION - 80);
    assert!(
        location.ends_with("&gclid=g&tl=t"),
        "click IDs keep their place"
    );
    assert_eq!(
        seen.iter().filter(|seen| seen.fate == "too_long").count(),
        80
    );
    let many = "b&".repeat(MAX_SEGMENTS + 3);
    let mut seen = Vec::new();
    link.location_by(&many, &[], None, Some(&mut seen));
    assert_eq!(
        seen.iter().filter(|seen| seen.fate == "too_many").count(),
        3
    );
}
