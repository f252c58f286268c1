use super::*;
use serde_json::json;

fn hosts() -> Vec<String> {
    ["shop.example", "apps.apple.com", "play.google.com"]
        .map(str::to_owned)
        .to_vec()
}

fn read(body: &Value) -> Result<LinkSettings, Vec<(String, &'static str)>> {
    let hosts = hosts();
    let targets = Targets::Check {
        hosts: &hosts,
        loopback: false,
        token_param: "tl",
    };
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let read = LinkSettings::read(&mut fields, &targets);
    fields.finish(read).map_err(|errors| {
        let faults = errors.into_iter();
        faults.map(|error| (error.path, error.code)).collect()
    })
}

fn stored(record: &Value) -> Option<LinkSettings> {
    let mut fields = Fields::new(record.as_object()?, "");
    let read = LinkSettings::read(&mut fields, &Targets::Stored);
    fields.finish(read).ok()
}

fn everything() -> Value {
    json!({
        "target": "https://SHOP.example/ä?x=1",
        "wildcard": true,
        "rules": [
            {"when": {"all": [{"country": ["de"]}, {"not": {"os": ["ios", "android"]}}]},
             "target": "https://shop.example/de"},
            {"when": {"any": [{"device": ["tablet"]}, {"query": {"name": "a", "value": ""}},
                {"query": {"name": "b"}}, {"time": {"from": 1_795_334_400}},
                {"language": ["de-at"]}, {"referrer": ["News.Example"]}, {"class": ["preview"]},
                {"region": ["US-CA"]}]},
             "target": "https://shop.example/",
             "app": {"ios": "https://apps.apple.com/app/id1",
                     "android": "https://play.google.com/store/apps/details?id=x"}},
        ],
        "split": {"variants": [{"weight": 1, "target": "https://shop.example/a"},
                               {"id": 9, "weight": 3, "target": "https://shop.example/b"}],
                  "holdout_bps": 250, "baseline": "https://shop.example/base"},
        "starts_at": "2026-11-22T08:00:00.120Z", "ends_at": "2027-01-01T01:00:00+01:00",
        "click_cap": 1000,
        "expired_url": "https://shop.example/over",
        "params": {"pass": ["a", "b"], "strip": ["c*"], "rename": {"via": "partner"}},
        "utm": {"source": "{partner}", "term": ""},
        "og": {"title": "Tea", "description": "Hot", "image": "https://cdn.example/t.png"},
        "offer": {"code": "TEA10", "percent": 10},
    })
}

#[test]
fn what_is_written_is_read_back_the_same_by_both_readers() {
    for body in [everything(), json!({"target": "https://shop.example/"})] {
        let settings = read(&body).unwrap();
        let written = settings.to_value();
        assert_eq!(stored(&written).as_ref(), Some(&settings), "{written}");
        assert_eq!(read(&written).as_ref(), Ok(&settings));
        assert_eq!(read(&written).unwrap().to_value(), written);
    }
    let plain = json!({"target": "https://shop.example/"});
    assert_eq!(
        read(&plain).unwrap().to_value(),
        plain,
        "what is absent stays absent"
    );
    let target = Target::trusted("https://shop.example/".to_owned());
    assert_eq!(read(&plain), Ok(LinkSettings::plain(target)));
}

#[test]
fn every_member_survives() {
    let written = read(&everything()).unwrap().to_value();
    for name in everything().as_object().unwrap().keys() {
        assert!(written.get(name).is_some(), "{name}");
        let mut without = everything();
        without.as_object_mut().unwrap().remove(name);
        if name != "target" {
            assert_ne!(read(&without).unwrap().to_value(), written, "{name}");
        }
    }
    assert_eq!(written["target"], "https://shop.example/%C3%A4?x=1");
    assert_eq!(written["ends_at"], "2027-01-01T00:00:00Z");
    assert_eq!(written["split"]["variants"][0]["id"], 1);
}

/// The faults of a link with these members beside its target.
fn faults(change: &Value) -> Vec<(String, &'static str)> {
    let mut body = json!({"target": "https://shop.example/"});
    let members = change.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    read(&body).unwrap_err()
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn every_fault_has_its_path_and_code() {
    let rule = json!({"when": {"os": ["ios"]}, "target": "https://shop.example/"});
    for (change, path, code) in [
        (json!({"target": null}), "/target", "required"),
        (
            json!({"target": "https://evil.example/"}),
            "/target",
            "host_not_allowed",
        ),
        (
            json!({"target": "https://shop.example/?t%6c=1"}),
            "/target",
            "token_parameter",
        ),
        (json!({"wildcard": 1}), "/wildcard", "not_a_boolean"),
        (json!({"rules": {}}), "/rules", "not_a_list"),
        (
            json!({"rules": vec![rule.clone(); 21]}),
            "/rules",
            "too_many",
        ),
        (
            json!({"rules": [rule, {"target": "https://shop.example/"}]}),
            "/rules/1/when",
            "required",
        ),
        (
            json!({"rules": [{"when": {"os": ["ios"]}}]}),
            "/rules/0/target",
            "required",
        ),
        (
            json!({"rules": [{"when": {"os": ["ios"]}, "target": "shop:open",
            }]}),
            "/rules/0/target",
            "scheme",
        ),
        (
            json!({"rules": [{"when": {"os": ["ios"]}, "target": "https://shop.example/",
            "app": {"ios": "shop://open"}}]}),
            "/rules/0/app/ios",
            "scheme",
        ),
        (
            json!({"rules": [{"when": {"all": [{"mood": []}]}, "target":
            "https://shop.example/"}]}),
            "/rules/0/when/all/0/mood",
            "condition_unknown",
        ),
    ] {
        assert_eq!(faults(&change), [(path.to_owned(), code)], "{change}");
    }
}

#[test]
fn faults_of_the_simpler_members_have_theirs_too() {
    let big = json!({"x": "y".repeat(1_020)});
    for (change, path, code) in [
        (json!({"starts_at": "soon"}), "/starts_at", "not_a_time"),
        (
            json!({"starts_at": 2, "ends_at": 2}),
            "/ends_at",
            "before_start",
        ),
        (json!({"click_cap": 0}), "/click_cap", "out_of_range"),
        (
            json!({"expired_url": "https://evil.example/"}),
            "/expired_url",
            "host_not_allowed",
        ),
        (json!({"og": {}}), "/og/title", "required"),
        (
            json!({"og": {"title": "x", "image": "javascript:x"}}),
            "/og/image",
            "scheme",
        ),
        (
            json!({"og": {"title": "x", "image": "https://10.0.0.1/"}}),
            "/og/image",
            "ip_literal",
        ),
        (json!({"offer": [1]}), "/offer", "not_an_object"),
        (json!({"offer": big}), "/offer", "too_long"),
    ] {
        assert_eq!(faults(&change), [(path.to_owned(), code)], "{change}");
    }
}

#[test]
fn a_link_has_a_bound_as_a_whole() {
    let far = format!("https://shop.example/{}", "x".repeat(1_900));
    let rule = json!({"when": {"os": ["ios"]}, "target": far});
    let body = json!({"target": far, "rules": vec![rule; 4]});
    assert_eq!(read(&body).unwrap_err(), [(String::new(), "too_large")]);
}
