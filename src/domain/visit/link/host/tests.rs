use super::*;
use serde_json::json;

fn read(body: &Value) -> Result<HostSnapshot, Vec<(String, &'static str)>> {
    let hosts = ["shop.example".to_owned()];
    let targets = Targets::Check {
        hosts: &hosts,
        loopback: false,
        token_param: TOKEN_PARAM,
    };
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let read = HostSnapshot::read(ProgramId::from_number(1), &mut fields, &targets);
    fields.finish(read).map_err(|errors| {
        let faults = errors.into_iter();
        faults.map(|error| (error.path, error.code)).collect()
    })
}

fn everything() -> Value {
    json!({
        "default_consent": "full", "consent": {"tcf": true},
        "fallback_url": "https://shop.example/lost", "expired_url": "https://shop.example/over",
        "paused_url": "https://shop.example/soon", "suspended_url": "https://shop.example/",
        "cookie_domain": "shop.example", "registrable": "shop.example",
        "token_param": "click", "params": {"pass": "none"}, "tags": ["source"],
        "utm": {"source": "{partner}"}, "case_sensitive": true, "root": true, "mount": "/p/",
        "partner_params": ["via"], "links_host": "go.shop.example",
        "checkout_paths": ["/kasse"], "inject": true, "clean_url": true, "meta_cookies": true,
        "show_partner": true,
    })
}

#[test]
fn what_is_written_is_read_back_the_same() {
    for body in [everything(), json!({})] {
        let host = read(&body).unwrap();
        let written = host.to_value();
        assert_eq!(HostSnapshot::stored(&written), Some(host), "{written}");
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&written[name], value, "{name}");
        }
    }
    let plain = HostSnapshot::plain(ProgramId::from_number(1), Consent::Code);
    assert_eq!(read(&json!({})), Ok(plain));
}

#[test]
fn a_record_without_a_program_is_no_host() {
    assert_eq!(HostSnapshot::stored(&json!({})), None);
    assert_eq!(HostSnapshot::stored(&json!({"program": "pg_x"})), None);
    assert_eq!(HostSnapshot::stored(&Value::Null), None);
}

#[test]
fn the_token_travels_under_a_name_that_nobody_else_uses_or_removes() {
    for good in ["tl", "click", "a", "x_9", "abcdefghijklmnop"] {
        assert_eq!(
            read(&json!({"token_param": good})).unwrap().token_param,
            good
        );
    }
    for (bad, code) in [
        ("", "name_invalid"),
        ("Tl", "name_invalid"),
        ("9a", "name_invalid"),
        ("_tl", "name_invalid"),
        ("t-l", "name_invalid"),
        ("abcdefghijklmnopq", "name_invalid"),
        ("gclid", "name_taken"),
        ("sccid", "name_taken"),
        ("utm_x", "name_taken"),
        ("amc", "name_taken"),
        ("ref", "name_taken"),
        ("sub3", "name_taken"),
    ] {
        let faults = read(&json!({"token_param": bad})).unwrap_err();
        assert_eq!(faults, [("/token_param".to_owned(), code)], "{bad}");
    }
}

#[test]
fn every_fault_has_its_path_and_code() {
    for (body, path, code) in [
        (
            json!({"default_consent": "all"}),
            "/default_consent",
            "not_a_choice",
        ),
        (
            json!({"fallback_url": "https://evil.example/"}),
            "/fallback_url",
            "host_not_allowed",
        ),
        (
            json!({"paused_url": "/soon"}),
            "/paused_url",
            "not_absolute",
        ),
        (
            json!({"token_param": "click", "expired_url": "https://shop.example/?click=1"}),
            "/expired_url",
            "token_parameter",
        ),
        (json!({"links_host": "x"}), "/links_host", "not_a_host"),
        (json!({"tags": ["gclid"]}), "/tags", "name_taken"),
        (json!({"tags": ["tl"]}), "/tags", "name_taken"),
        (json!({"tags": vec!["a"; 13]}), "/tags", "too_many"),
        (
            json!({"partner_params": ["sub1"]}),
            "/partner_params",
            "name_taken",
        ),
        (
            json!({"checkout_paths": ["cart"]}),
            "/checkout_paths",
            "path_invalid",
        ),
        (
            json!({"checkout_paths": ["/a?b"]}),
            "/checkout_paths",
            "path_invalid",
        ),
        (json!({"root": "yes"}), "/root", "not_a_boolean"),
    ] {
        assert_eq!(
            read(&body).unwrap_err(),
            [(path.to_owned(), code)],
            "{body}"
        );
    }
}
