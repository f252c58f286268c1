use super::*;
use serde_json::{Value, json};

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

fn sight() -> Sight<'static> {
    Sight {
        country: "US",
        region: "CA",
        user_agent: IPHONE,
        language: "de-AT,en;q=0.5",
        query: "x=1&y=&z&a%20b=c+d&x=2",
        referrer: "https://www.News.example/story?a=https://other.example/",
        class: Class::Human,
        now: UnixMs(1_795_334_400_000),
    }
}

fn read(condition: &Value) -> Result<Condition, Vec<(String, &'static str)>> {
    let body = json!({ "when": condition });
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let mut when = fields.object("when").unwrap();
    let read = Condition::read(&mut when);
    let read = fields.absorb(when.finish(read));
    fields.finish(read).map_err(|errors| {
        let faults = errors.into_iter();
        faults.map(|error| (error.path, error.code)).collect()
    })
}

#[test]
fn every_leaf_looks_at_its_own_part_of_the_request() {
    let day = "2026-11-22T08:00:00Z";
    for (condition, holds) in [
        (json!({"country": ["de", "us"]}), true),
        (json!({"country": ["DE"]}), false),
        (json!({"region": ["us-ca"]}), true),
        (json!({"region": ["US-NY", "DE-CA"]}), false),
        (json!({"device": ["phone"]}), true),
        (json!({"device": ["desktop", "tablet"]}), false),
        (json!({"os": ["ios"]}), true),
        (json!({"os": ["android"]}), false),
        (json!({"language": ["DE"]}), true),
        (json!({"language": ["de-at"]}), true),
        (json!({"language": ["en", "d"]}), false),
        (json!({"query": {"name": "x"}}), true),
        (json!({"query": {"name": "x", "value": "2"}}), true),
        (json!({"query": {"name": "X"}}), false),
        (json!({"query": {"name": "x", "value": "3"}}), false),
        (json!({"query": {"name": "y", "value": ""}}), true),
        (json!({"query": {"name": "z", "value": ""}}), true),
        (json!({"query": {"name": "x", "value": ""}}), false),
        (json!({"query": {"name": "a b", "value": "c d"}}), true),
        (json!({"query": {"name": "a b", "value": "c+d"}}), false),
        (json!({"referrer": ["news.example"]}), true),
        (json!({"referrer": ["www.news.example"]}), true),
        (json!({"referrer": ["s.example", "other.example"]}), false),
        (json!({"referrer": ["a.www.news.example"]}), false),
        (json!({"time": {"from": day}}), true),
        (json!({"time": {"until": day}}), false),
        (
            json!({"time": {"from": day, "until": "2026-11-22T08:00:01Z"}}),
            true,
        ),
        (json!({"class": ["crawler", "human"]}), true),
        (json!({"class": ["provisional"]}), false),
        (json!({"not": {"country": ["US"]}}), false),
        (json!({"not": {"not": {"country": ["US"]}}}), true),
        (json!({"all": [{"country": ["US"]}, {"os": ["ios"]}]}), true),
        (
            json!({"all": [{"country": ["US"]}, {"os": ["linux"]}]}),
            false,
        ),
        (json!({"any": [{"country": ["DE"]}, {"os": ["ios"]}]}), true),
        (
            json!({"any": [{"country": ["DE"]}, {"os": ["linux"]}]}),
            false,
        ),
    ] {
        let read = read(&condition).unwrap();
        assert_eq!(read.holds(&sight()).is_ok(), holds, "{condition}");
    }
}

#[test]
fn what_does_not_hold_names_the_part_that_says_no() {
    for (condition, part) in [
        (
            json!({"all": [{"country": ["US"]}, {"os": ["linux"]}, {"class": ["head"]}]}),
            "os",
        ),
        (json!({"any": [{"os": ["linux"]}]}), "any"),
        (json!({"not": {"os": ["ios"]}}), "not"),
        (json!({"referrer": ["x.example"]}), "referrer"),
    ] {
        assert_eq!(read(&condition).unwrap().holds(&sight()), Err(part));
    }
}

#[test]
fn nothing_is_known_of_an_empty_request() {
    let blank = Sight {
        country: "",
        region: "",
        user_agent: "",
        language: "",
        query: "",
        referrer: "",
        class: Class::Crawler,
        now: UnixMs(0),
    };
    for condition in [
        json!({"country": ["US"]}),
        json!({"region": ["US-CA"]}),
        json!({"language": ["de"]}),
        json!({"query": {"name": "x"}}),
        json!({"referrer": ["news.example"]}),
    ] {
        let read = read(&condition).unwrap();
        assert!(read.holds(&blank).is_err(), "{condition}");
    }
}

#[test]
fn hosts_of_referrers_are_those_that_a_browser_would_see() {
    for (referrer, host) in [
        ("https://a.example:8443/x", "a.example"),
        ("https://a.example?x", "a.example"),
        ("https://b.example@a.example/", "a.example"),
        (
            "android-app://com.google.android.gm/",
            "com.google.android.gm",
        ),
        ("a.example", ""),
        ("", ""),
    ] {
        assert_eq!(referrer_host(referrer), host, "{referrer}");
    }
}

#[test]
fn every_fault_has_its_path_and_code() {
    let deep = json!({"not": {"not": {"not": {"not": {"not": {"os": ["ios"]}}}}}});
    let wide = json!({"all": vec![json!({"os": ["ios"]}); 41]});
    let leaves = json!({"any": [{"all": vec![json!({"os": ["ios"]}); 30]},
                                {"all": vec![json!({"os": ["ios"]}); 11]}]});
    for (condition, path, code) in [
        (json!({}), "/when", "one_member"),
        (
            json!({"os": ["ios"], "device": ["phone"]}),
            "/when",
            "one_member",
        ),
        (
            json!({"planet": ["mars"]}),
            "/when/planet",
            "condition_unknown",
        ),
        (json!({"os": ["beos"]}), "/when/os", "value_invalid"),
        (json!({"os": []}), "/when/os", "value_invalid"),
        (json!({"os": "ios"}), "/when/os", "not_a_list"),
        (
            json!({"country": ["Germany"]}),
            "/when/country",
            "value_invalid",
        ),
        (json!({"region": ["CA"]}), "/when/region", "value_invalid"),
        (
            json!({"language": ["de_AT"]}),
            "/when/language",
            "value_invalid",
        ),
        (
            json!({"referrer": ["https://a.example/"]}),
            "/when/referrer",
            "value_invalid",
        ),
        (json!({"class": ["bot"]}), "/when/class", "value_invalid"),
        (
            json!({"query": {"value": "1"}}),
            "/when/query/name",
            "required",
        ),
        (json!({"time": {}}), "/when/time/from", "required"),
        (
            json!({"time": {"from": "noon"}}),
            "/when/time/from",
            "not_a_time",
        ),
        (json!({"all": []}), "/when/all", "required"),
        (json!({"all": [1]}), "/when/all/0", "not_an_object"),
        (
            json!({"all": [{"os": ["ios"]}, {"not": {"os": [1]}}]}),
            "/when/all/1/not/os",
            "not_a_string",
        ),
        (deep, "/when/not/not/not/not/not", "too_deep"),
        (wide, "/when/all", "too_many"),
        (leaves, "/when/any/1/all/10", "too_many"),
    ] {
        let faults = read(&condition).unwrap_err();
        assert_eq!(faults, [(path.to_owned(), code)], "{condition}");
    }
}
