//! Links and hosts through the API: what it accepts leads people on, and what it says is so.

use crate::support::shop::{BROWSER, START, Shop};
use crate::support::sqlite::Fault;
use serde_json::{Value, json};
use throughline::app::edge_plane::{self, Answer, Facts};
use throughline::app::isolate::Fetched;
use throughline::domain::redirect::Entropy;

/// A link of the first partner with these members beside the usual ones.
fn body(shop: &Shop, slug: &str, more: &Value) -> Value {
    let mut body = json!({"program": shop.program, "partner": shop.partners[0],
        "host": "shop.example", "slug": slug, "target": "https://shop.example/"});
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

fn make(shop: &Shop, slug: &str, more: &Value) -> Value {
    let link = shop.made("POST", "links", &body(shop, slug, more));
    shop.publish();
    link
}

/// A person's request of this address.
fn open(shop: &Shop, url: &str) -> Answer {
    let facts = Facts {
        method: "GET",
        url,
        user_agent: BROWSER,
        accept: "text/html",
        fetch_dest: "document",
        fetch_mode: "navigate",
        fetch_site: "cross-site",
        fetch_user: "?1",
        country: "US",
        ..Facts::default()
    };
    let (mut memory, now) = (shop.memory(), shop.now.get());
    let entropy = Entropy(shop.random());
    loop {
        let answer = edge_plane::answer(&facts, "", &memory, &shop.settings, now, &entropy);
        if let Some(answer) = answer {
            return answer;
        }
        for key in memory.take_wanted() {
            memory.learn(&key, &Fetched::Nothing, now);
        }
    }
}

fn change_program(shop: &Shop, changes: &Value) -> (u16, Value) {
    let answer = shop.control("PATCH", &format!("programs/{}", shop.program), changes);
    shop.publish();
    answer
}

fn faults(answer: &Value) -> Vec<&str> {
    let errors = answer["errors"].as_array().into_iter().flatten();
    errors.filter_map(|error| error["path"].as_str()).collect()
}

#[test]
fn a_split_that_divides_nobody_is_taken_and_the_link_goes_on() {
    let shop = Shop::open();
    for (place, split) in [
        json!({"holdout_bps": 0}),
        json!({"variants": []}),
        json!({"holdout_bps": 0, "baseline": "https://shop.example/b"}),
    ]
    .iter()
    .enumerate()
    {
        let slug = format!("split-{place}");
        let link = make(&shop, &slug, &json!({"split": split}));
        let answer = open(&shop, &format!("https://shop.example/go/{slug}"));
        assert_eq!(answer.status, 302, "{split}");
        let path = format!("links/{}", link["id"].as_str().unwrap());
        shop.made("PATCH", &path, &json!({"active": false}));
    }
}

#[test]
fn how_links_live_on_a_host_is_said_for_that_host() {
    let shop = Shop::open();
    for (name, value) in [
        ("mount", json!("/r/")),
        ("root", json!(true)),
        ("case_sensitive", json!(true)),
        ("links_host", json!("shop.example")),
    ] {
        let (status, answer) = change_program(&shop, &json!({name: value}));
        assert_eq!(status, 422, "{name}");
        assert_eq!(faults(&answer), [format!("/{name}")]);
    }
    let settings = json!({"shop.example": {"mount": "/r/", "case_sensitive": true}});
    let (status, answer) = change_program(&shop, &json!({"host_settings": settings}));
    assert_eq!(status, 200, "{answer}");
    let link = make(&shop, "Mixed", &json!({}));
    assert_eq!(link["path"], "/r/Mixed");
    assert_eq!(shop.list("links")[0]["path"], "/r/Mixed", "in lists too");
    assert_eq!(open(&shop, "https://shop.example/r/Mixed").status, 302);
    assert_eq!(open(&shop, "https://shop.example/r/mixed").status, 404);
}

#[test]
fn a_site_takes_partners_from_its_own_programs_hosts_only() {
    let shop = Shop::open();
    shop.made(
        "POST",
        "programs",
        &json!({"name": "Other", "hosts": ["other.example"]}),
    );
    let settings = json!({"shop.example": {"links_host": "other.example"}});
    let (status, answer) = change_program(&shop, &json!({"host_settings": settings}));
    assert_eq!(status, 422);
    assert_eq!(faults(&answer), ["/host_settings/shop.example/links_host"]);
}

#[test]
fn a_link_that_has_not_begun_or_has_ended_shows_no_address() {
    let shop = Shop::open();
    let secret = "https://shop.example/secret";
    let later = START.plus(1_000).to_rfc3339();
    let before = START.plus(-1_000).to_rfc3339();
    make(
        &shop,
        "soon",
        &json!({"target": secret, "starts_at": later}),
    );
    make(&shop, "over", &json!({"target": secret, "ends_at": before}));
    make(&shop, "open", &json!({"target": secret}));
    for (slug, status, shown) in [
        ("soon", 404, false),
        ("over", 410, false),
        ("open", 200, true),
    ] {
        let answer = open(&shop, &format!("https://shop.example/go/{slug}+"));
        assert_eq!(answer.status, status, "{slug}");
        assert_eq!(answer.body.contains(secret), shown, "{slug}");
        assert!(answer.visits.is_empty(), "nobody clicked");
    }
}

#[test]
fn a_dry_run_reads_an_address_as_the_edge_does() {
    let shop = Shop::open();
    let explain = |body: Value| shop.control("POST", "links/explain", &body);
    let navigation = json!({"user-agent": BROWSER, "accept": "text/html", "purpose": "prefetch",
        "sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "sec-fetch-site": "none"});
    let url = "https://shop.example/go/anna";
    let (_, ahead) = explain(json!({"url": url, "country": "us", "headers": navigation}));
    assert_eq!(ahead["because"]["class"], "prefetch");
    assert_eq!(
        ahead["because"]["consent"]["state"], "full",
        "countries in any case"
    );
    for spelled in [
        "https://SHOP.example/go/anna",
        "https://shop.example:443/go/x/../anna",
    ] {
        let (status, answer) = explain(json!({"url": spelled}));
        assert_eq!(status, 200, "{spelled} {answer}");
    }
    let (_, query) = explain(json!({"url": format!("{url}?a=\"b c\"")}));
    let location = query["location"].as_str().unwrap();
    assert!(location.contains("a=%22b%20c%22"), "{location}");
    let (_, shown) = explain(json!({"url": format!("{url}+")}));
    assert_eq!(
        (
            &shown["page"],
            &shown["location"],
            &shown["counts"],
            &shown["sets_cookie"]
        ),
        (
            &json!("address"),
            &Value::Null,
            &json!(false),
            &json!(false)
        )
    );
    let (status, answer) = explain(json!({"url": "nonsense"}));
    assert_eq!((status, faults(&answer)), (422, vec!["/url"]));
}

#[test]
fn a_database_that_is_away_is_not_a_mistake_of_the_caller() {
    let shop = Shop::open();
    for batch in 0..4 {
        shop.db.fail(batch, Fault::Lost);
        let (status, answer) = shop.control("POST", "links", &body(&shop, "new", &json!({})));
        shop.db.heal();
        assert!(
            matches!(status, 201 | 503 | 409),
            "{batch} {status} {answer}"
        );
    }
}

#[test]
fn a_link_can_be_paused_though_its_address_would_be_refused_today() {
    let shop = Shop::open();
    let link = make(
        &shop,
        "old",
        &json!({"target": "https://shop.example/?x=1"}),
    );
    assert_eq!(change_program(&shop, &json!({"token_param": "x"})).0, 200);
    let path = format!("links/{}", link["id"].as_str().unwrap());
    let paused = shop.made("PATCH", &path, &json!({"active": false}));
    assert_eq!(paused["active"], false);
    let (status, answer) = shop.control("PATCH", &path, &json!({"wildcard": true}));
    assert_eq!((status, faults(&answer)), (422, vec!["/target"]));
}

#[test]
fn a_host_named_twice_is_one_host() {
    let shop = Shop::open();
    let twice = json!({"hosts": ["shop.example", "b.example", "B.example"]});
    let (status, answer) = change_program(&shop, &twice);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["hosts"], json!(["shop.example", "b.example"]));
}

#[test]
fn a_host_with_links_keeps_its_settings_when_a_change_leaves_it_out() {
    let shop = Shop::open();
    let settings = json!({"shop.example": {"mount": "/r/"}});
    change_program(&shop, &json!({"host_settings": settings}));
    let (status, answer) = change_program(&shop, &json!({"hosts": ["new.example"]}));
    assert_eq!((status, faults(&answer)), (422, vec!["/hosts"]));
    assert_eq!(open(&shop, "https://shop.example/r/anna").status, 302);
    shop.made(
        "PATCH",
        &format!("programs/{}", shop.program),
        &json!({"hosts": ["shop.example", "new.example"]}),
    );
    let (status, _) = change_program(&shop, &json!({"hosts": ["shop.example"]}));
    assert_eq!(status, 200, "a host without links is free again");
    shop.made(
        "POST",
        "programs",
        &json!({"name": "Other", "hosts": ["new.example"]}),
    );
}

#[test]
fn a_host_that_a_link_leads_to_cannot_be_left_out() {
    let shop = Shop::open();
    let both = json!({"target_hosts": ["shop.example", "old.example"]});
    let one = json!({"target_hosts": ["shop.example"]});
    let old = "https://old.example/";
    for (slug, settings) in [
        ("a", json!({"target": old})),
        (
            "b",
            json!({"rules": [{"when": {"os": ["ios"]}, "target": "https://shop.example/",
            "app": {"ios": old}}]}),
        ),
        (
            "c",
            json!({"split": {"variants": [{"weight": 1, "target": old}]}}),
        ),
        ("d", json!({"expired_url": old})),
    ] {
        assert_eq!(change_program(&shop, &both).0, 200, "{slug}");
        let link = make(&shop, slug, &settings);
        let (status, answer) = change_program(&shop, &one);
        assert_eq!(
            (status, faults(&answer)),
            (422, vec!["/target_hosts"]),
            "{slug}"
        );
        let path = format!("links/{}", link["id"].as_str().unwrap());
        let elsewhere = json!({"target": "https://shop.example/?u=https://old.example/",
            "rules": null, "split": null, "expired_url": null});
        shop.made("PATCH", &path, &elsewhere);
        assert_eq!(change_program(&shop, &one).0, 200, "{slug}");
    }
}

#[test]
fn pages_learn_the_new_name_of_a_partner() {
    let shop = Shop::open();
    let path = format!("partners/{}", shop.partners[0]);
    shop.made("PATCH", &path, &json!({"name": "Annette"}));
    shop.publish();
    let records = shop.kv.records.borrow();
    let shown = records.iter().filter(|(key, _)| key.starts_with("show:"));
    assert_eq!(
        shown
            .filter(|(_, record)| record.contains("Annette"))
            .count(),
        1
    );
}

#[test]
fn a_preview_does_not_name_the_target_as_its_own_address() {
    // Facebook takes `og:url` for the page's address: what is shared would no longer be the link.
    let shop = Shop::open();
    make(
        &shop,
        "tea",
        &json!({"target": "https://shop.example/tea", "og": {"title": "Tea"}}),
    );
    let facts = Facts {
        method: "GET",
        url: "https://shop.example/go/tea",
        user_agent: "facebookexternalhit/1.1",
        country: "US",
        ..Facts::default()
    };
    let (memory, now) = (shop.memory(), shop.now.get());
    let entropy = Entropy(shop.random());
    let answer = edge_plane::answer(&facts, "", &memory, &shop.settings, now, &entropy).unwrap();
    assert!(answer.body.contains("og:title"));
    assert!(
        !answer.body.contains("https://shop.example/tea"),
        "{}",
        answer.body
    );
}

#[test]
fn a_stray_click_is_one_click_to_the_flood_count() {
    let shop = Shop::open();
    let before = START.plus(-1_000).to_rfc3339();
    make(&shop, "over", &json!({"ends_at": before}));
    let memory = shop.memory();
    let counted = (0..120).filter(|_| {
        let facts = Facts {
            method: "GET",
            url: "https://shop.example/go/over",
            user_agent: BROWSER,
            accept: "text/html",
            fetch_dest: "document",
            fetch_mode: "navigate",
            fetch_site: "none",
            fetch_user: "?1",
            ip: "203.0.113.7",
            ..Facts::default()
        };
        let (now, entropy) = (shop.now.get(), Entropy(shop.random()));
        let answer = edge_plane::answer(&facts, "", &memory, &shop.settings, now, &entropy);
        answer.unwrap().visits.len() == 1
    });
    assert_eq!(counted.count(), 120);
}

#[test]
fn a_changed_link_keeps_the_members_that_make_it_that_link() {
    let shop = Shop::open();
    let link = make(&shop, "kept", &json!({}));
    let path = format!("links/{}", link["id"].as_str().unwrap());
    for member in ["slug", "host", "partner", "program"] {
        let (status, answer) = shop.control("PATCH", &path, &json!({member: "other"}));
        assert_eq!(
            (status, faults(&answer)),
            (422, vec![format!("/{member}").as_str()])
        );
        let same = json!({member: link[member]});
        assert_eq!(shop.control("PATCH", &path, &same).0, 200, "{member}");
    }
}

#[test]
fn a_checkout_is_one_however_it_is_encoded() {
    let shop = Shop::open();
    make(&shop, "deep", &json!({"wildcard": true}));
    for path in ["checkout", "%63heckout", "%63%68eckout/now"] {
        let answer = open(&shop, &format!("https://shop.example/go/deep/{path}"));
        assert!(answer.visits[0].touch.checkout, "{path}");
    }
}
