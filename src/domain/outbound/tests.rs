use super::*;
use proptest::prelude::*;

fn public() -> OutboundRules {
    OutboundRules::new(false, "")
}

fn development() -> OutboundRules {
    OutboundRules::new(true, "")
}

#[test]
fn public_https_addresses_are_serialised_without_fragment() {
    for (raw, href) in [
        ("https://Hooks.Shop.example", "https://hooks.shop.example/"),
        ("https://shop.example:443/a?b#c", "https://shop.example/a?b"),
        (
            "https://shop.example:8443/ä",
            "https://shop.example:8443/%C3%A4",
        ),
        ("https://localhost.example/", "https://localhost.example/"),
        ("https://mylocal.example/", "https://mylocal.example/"),
    ] {
        assert_eq!(OutboundUrl::parse(raw, &public()).unwrap().as_str(), href);
        assert_eq!(
            OutboundUrl::parse(raw, &development()).unwrap().as_str(),
            href
        );
    }
}

#[test]
fn each_refusal_has_its_code() {
    let table = [
        ("http://shop.example/", "scheme"),
        ("ftp://shop.example/", "scheme"),
        ("shop.example", "not_absolute"),
        ("https:\\\\shop.example", "backslash"),
        ("https://shop.example/\n", "control_character"),
        ("https://user:secret@shop.example/", "credentials"),
        ("https://shöp.example/", "host_not_ascii"),
        ("https://shop.example./", "trailing_dot"),
        ("https://localhost./", "trailing_dot"),
        ("https://shop.example:80/", "port"),
        ("https://shop.example:8080/", "port"),
        ("https://localhost/", "host_not_public"),
        ("https://a.localhost/", "host_not_public"),
        ("https://printer.local/", "host_not_public"),
        ("https://metadata.google.internal/", "host_not_public"),
        ("https://router.home.arpa/", "host_not_public"),
        ("https://home.arpa/", "host_not_public"),
        ("https://intranet/", "host_not_public"),
    ];
    for (raw, code) in table {
        let error = OutboundUrl::parse(raw, &public()).unwrap_err();
        assert_eq!(error.code(), code, "{raw}");
        assert!(error.to_string().ends_with('.'));
    }
}

#[test]
fn names_that_lead_inside_are_refused_in_every_spelling() {
    for host in [
        "127.0.0.1.nip.io",
        "10-0-0-1.sslip.io",
        "app.169.254.169.254.xip.io",
        "sub.localtest.me",
        "lvh.me",
        "traefik.me",
        "hooks.default.svc",
        "hooks.default.svc.cluster.local",
        "redis.service.consul",
        "job.nomad",
        "wiki.corp",
        "mail.home",
        "nas.lan",
        "box.localdomain",
        "db.private",
        "fritz.box",
        "a.test",
        "1.0.0.10.in-addr.arpa",
        "WIKI.Corp",
    ] {
        for rules in [public(), development()] {
            let error = OutboundUrl::parse(&format!("https://{host}/"), &rules).unwrap_err();
            assert_eq!(error.code(), "host_not_public", "{host}");
        }
    }
    for host in [
        "nip.io.example",
        "mynip.io",
        "corp.example",
        "svc.example",
        "homes.example",
    ] {
        let url = format!("https://{host}/");
        assert_eq!(OutboundUrl::parse(&url, &public()).unwrap().as_str(), url);
    }
    let dotted = OutboundUrl::parse("https://wiki.corp./", &public()).unwrap_err();
    assert_eq!(dotted.code(), "trailing_dot");
}

#[test]
fn an_operator_allows_private_names_one_by_one() {
    let rules = OutboundRules::new(false, " Hooks.Corp, intranet,,10.0.0.1 ");
    for raw in [
        "https://hooks.corp/in",
        "https://HOOKS.corp/in",
        "https://intranet/",
    ] {
        assert!(OutboundUrl::parse(raw, &rules).is_ok(), "{raw}");
    }
    for (raw, code) in [
        ("https://a.hooks.corp/", "host_not_public"),
        ("https://corp/", "host_not_public"),
        ("https://wiki.corp/", "host_not_public"),
        ("https://10.0.0.1/", "ip_literal"),
        ("http://hooks.corp/", "scheme"),
        ("https://hooks.corp:22/", "port"),
        ("https://hooks.corp./", "trailing_dot"),
    ] {
        let error = OutboundUrl::parse(raw, &rules).unwrap_err();
        assert_eq!(error.code(), code, "{raw}");
    }
}

#[test]
fn no_ip_address_is_public_in_any_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "8.8.8.8",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a00:1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[64:ff9b::7f00:1]",
        "[2606:4700::1111]",
    ] {
        let error = OutboundUrl::parse(&format!("https://{host}/"), &public()).unwrap_err();
        assert_eq!(error.code(), "ip_literal", "{host}");
    }
}

#[test]
fn development_allows_this_machine_and_nothing_more() {
    for raw in [
        "http://127.0.0.1:9000/hook",
        "http://127.8.9.1/",
        "http://localhost:1/",
        "https://shop.localhost:8787/",
        "http://[::1]:9000/",
    ] {
        assert_eq!(
            OutboundUrl::parse(raw, &development()).unwrap().as_str(),
            raw
        );
    }
    assert_eq!(
        OutboundUrl::parse("http://0x7f.1", &development())
            .unwrap()
            .as_str(),
        "http://127.0.0.1/"
    );
    for (raw, code) in [
        ("http://shop.example/", "scheme"),
        ("http://10.0.0.1/", "scheme"),
        ("https://10.0.0.1/", "ip_literal"),
        ("https://[::ffff:127.0.0.1]/", "ip_literal"),
        ("https://printer.local/", "host_not_public"),
        ("https://shop.example:9000/", "port"),
        ("http://a@127.0.0.1/", "credentials"),
    ] {
        assert_eq!(
            OutboundUrl::parse(raw, &development()).unwrap_err().code(),
            code,
            "{raw}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_a_dotted_https_name(
        raw in "\\PC{0,30}|https?://[a-z.0-9x:@\\[\\]-]{0,24}(:[0-9]{1,5})?/\\PC{0,9}",
    ) {
        let Ok(accepted) = OutboundUrl::parse(&raw, &public()) else { return Ok(()) };
        let url = Url::parse(accepted.as_str()).unwrap();
        prop_assert_eq!(url.as_str(), accepted.as_str());
        prop_assert_eq!(url.scheme(), "https");
        prop_assert!(matches!(url.host(), Some(Host::Domain(name)) if name.contains('.')));
        prop_assert!(url.fragment().is_none());
    }
}
