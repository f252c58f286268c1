use super::*;
use serde_json::{Value, json};

fn read(utm: &Value) -> Result<Utm, Vec<(String, &'static str)>> {
    let body = json!({ "utm": utm });
    let mut fields = Fields::new(body.as_object().unwrap(), "");
    let read = Utm::read(&mut fields);
    fields.finish(read).map_err(|errors| {
        let faults = errors.into_iter();
        faults.map(|error| (error.path, error.code)).collect()
    })
}

fn link() -> LinkSnapshot {
    let record = json!({
        "id": "ln_000000000002", "program": "pg_000000000001", "partner": "pn_000000000003",
        "slug": "ännä", "target": "https://shop.example/",
    });
    LinkSnapshot::stored(&record).unwrap()
}

fn fill(link_utm: &Value, program: &Value, target: &str) -> String {
    let (link, tags) = (link(), Tags::from([("sub1".into(), "a b&c".into())]));
    let filling = Filling {
        link: &link,
        variant: 2,
        country: "DE",
        tags: &tags,
    };
    let target = Target::trusted(target.to_owned());
    let (own, program) = (read(link_utm).unwrap(), read(program).unwrap());
    let all = filled(Some(&own), Some(&program), &target, &filling);
    let all: Vec<_> = all
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    all.join("&")
}

#[test]
fn placeholders_are_filled_and_encoded() {
    let template = json!({"source": "tl-{partner}", "medium": "{link}/{program}",
        "campaign": "{slug} ü", "term": "{country}{variant}", "content": "{sub1}", "id": "{sub2}"});
    assert_eq!(
        fill(&template, &json!({}), "https://shop.example/"),
        "utm_source=tl-pn_000000000003&utm_medium=ln_000000000002%2Fpg_000000000001\
         &utm_campaign=%C3%A4nn%C3%A4%20%C3%BC&utm_term=DE2&utm_content=a%20b%26c"
    );
}

#[test]
fn a_link_comes_before_its_program_and_the_target_before_both() {
    let program = json!({"source": "p", "medium": "p", "campaign": "p"});
    let own = json!({"source": "l", "campaign": ""});
    let target = "https://shop.example/";
    assert_eq!(fill(&own, &program, target), "utm_source=l&utm_medium=p");
    let pinned = "https://shop.example/?utm%5Fsource=t";
    assert_eq!(fill(&own, &program, pinned), "utm_medium=p");
}

#[test]
fn filled_lines_have_a_bound_and_keep_whole_characters() {
    let link = link();
    let tags = Tags::from([("sub1".into(), "東".repeat(100))]);
    let filling = Filling {
        link: &link,
        variant: 0,
        country: "",
        tags: &tags,
    };
    let value = filling.fill("{sub1}{sub1}");
    assert!(value.len() <= limits::UTM_BYTES && value.len() > limits::UTM_BYTES - 12);
    assert_eq!(value.len() % "%E6%9D%B1".len(), 0);
}

#[test]
fn braces_are_placeholders_or_faults() {
    for bad in [
        "{",
        "}",
        "{x}",
        "{partner",
        "{{partner}}",
        "{Partner}",
        "{sub11}",
        "{}",
    ] {
        let faults = read(&json!({"term": bad})).unwrap_err();
        assert_eq!(
            faults,
            [("/utm/term".to_owned(), "placeholder_unknown")],
            "{bad}"
        );
    }
    let long = "x".repeat(201);
    assert_eq!(read(&json!({"id": long})).unwrap_err()[0].1, "too_long");
    assert_eq!(read(&json!([])).unwrap_err()[0].1, "not_an_object");
}
