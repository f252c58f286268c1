use super::*;
use serde_json::json;

fn policy(params: &Value) -> Policy {
    read(params).unwrap()
}

fn read(params: &Value) -> Result<Policy, Vec<(String, &'static str)>> {
    let body = json!({ "params": params });
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let read = Policy::read(&mut fields);
    fields.finish(read).map_err(|errors| {
        let faults = errors.into_iter();
        faults.map(|error| (error.path, error.code)).collect()
    })
}

fn fate<'a>(link: Option<&'a Policy>, host: Option<&'a Policy>, name: &str) -> Fate<'a> {
    let policies = Policies {
        token_param: "tl",
        link,
        host,
        tags: &[],
    };
    policies.fate(name)
}

#[test]
fn the_most_exact_word_of_a_policy_decides() {
    let link = policy(
        &json!({"pass": ["a", "b c"], "strip": ["s", "utm_*", "fb*", "msclkid"],
        "rename": {"via": "partner", "gclid": "g", "s": "never", "p": "tl",
            "q": "sub2"}}),
    );
    let (passed, stripped) = (Fate::Passed, Fate::Dropped("stripped"));
    for (name, expected) in [
        ("a", passed),
        ("A", Fate::Dropped("not_passed")),
        ("%61", passed),
        ("b+c", passed),
        ("b%20c", passed),
        ("z", Fate::Dropped("not_passed")),
        ("s", stripped),
        ("%73", stripped),
        ("utm_source", stripped),
        ("utm%5Fsource", stripped),
        ("utm", Fate::Dropped("not_passed")),
        ("via", Fate::Renamed("partner")),
        ("tl", Fate::Dropped("replaced")),
        ("t%6c", Fate::Dropped("replaced")),
        ("p", Fate::Dropped("replaced")),
        ("q", Fate::Dropped("taken")),
        ("sub1", Fate::Dropped("taken")),
        // Click IDs only by their exact name.
        ("fbclid", passed),
        ("ttclid", passed),
        ("msclkid", stripped),
        ("gclid", Fate::Renamed("g")),
    ] {
        assert_eq!(fate(Some(&link), None, name), expected, "{name}");
    }
}

#[test]
fn a_member_that_the_link_does_not_give_is_the_programs() {
    let host = policy(&json!({"pass": "none", "strip": ["a"]}));
    let open = policy(&json!({"pass": "all"}));
    assert_eq!(fate(None, Some(&host), "x"), Fate::Dropped("not_passed"));
    assert_eq!(fate(None, Some(&host), "gclid"), Fate::Passed);
    assert_eq!(fate(Some(&open), Some(&host), "x"), Fate::Passed);
    assert_eq!(
        fate(Some(&open), Some(&host), "a"),
        Fate::Dropped("stripped")
    );
    let nothing = policy(&json!({"strip": []}));
    assert_eq!(
        fate(Some(&nothing), Some(&host), "a"),
        Fate::Dropped("not_passed")
    );
    assert_eq!(fate(None, None, "a"), Fate::Passed);
}

#[test]
fn tags_are_noted_decoded_and_bounded() {
    let names = ["source".to_owned(), "qr code".to_owned()];
    let long = "é".repeat(150);
    let query = format!(
        "sub1=a+b%20c&x=1&sub1=&%73ub2=%F0%9F%98%80&sub11=no&sub3&sub4=%ff&sub5=a%0ab&source=mail\
         &source=news&qr+code=7&sub6=anna%40shop.example&sub7={long}&sub8=+%20&Sub9=no&sub10=%2B"
    );
    let noted = tags(&query, &names);
    let found: Vec<_> = noted
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let cut = "é".repeat(100);
    let expected = [
        ("qr code", "7"),
        ("source", "news"),
        ("sub1", "a b c"),
        ("sub10", "+"),
        ("sub2", "😀"),
        ("sub7", cut.as_str()),
    ];
    assert_eq!(found, expected);
    let many: Vec<String> = (0..20).map(|n| format!("t{n}")).collect();
    let query: Vec<String> = many.iter().map(|name| format!("{name}=1")).collect();
    let query = query.join("&") + "&t0=2&t19=2";
    let noted = tags(&query, &many);
    assert_eq!((noted.len(), noted["t0"].as_str()), (limits::TAGS, "2"));
}

#[test]
fn every_fault_has_its_path_and_code() {
    let many: Vec<String> = (0..51).map(|n| format!("p{n}")).collect();
    let names: serde_json::Map<_, _> = many.iter().map(|n| (n.clone(), json!("x"))).collect();
    for (params, path, code) in [
        (json!([]), "/params", "not_an_object"),
        (json!({"pass": "some"}), "/params/pass", "not_a_choice"),
        (json!({"pass": 1}), "/params/pass", "not_a_list"),
        (json!({"pass": [""]}), "/params/pass", "name_invalid"),
        (json!({"pass": many}), "/params/pass", "too_many"),
        (json!({"strip": ["a\nb"]}), "/params/strip", "name_invalid"),
        (
            json!({"strip": ["x".repeat(65)]}),
            "/params/strip",
            "name_invalid",
        ),
        (json!({"rename": []}), "/params/rename", "not_an_object"),
        (
            json!({"rename": {"a": "b c"}}),
            "/params/rename/a",
            "name_invalid",
        ),
        (
            json!({"rename": {"a": "b&c"}}),
            "/params/rename/a",
            "name_invalid",
        ),
        (
            json!({"rename": {"a": 1}}),
            "/params/rename/a",
            "name_invalid",
        ),
        (json!({"rename": names}), "/params/rename", "too_many"),
    ] {
        assert_eq!(
            read(&params).unwrap_err()[0],
            (path.to_owned(), code),
            "{params}"
        );
    }
}
