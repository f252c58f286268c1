//! Association files: what a host's setting says is served as it is, on that host alone.

use crate::support::shop::Shop;
use app::edge_plane::{self, Answer, Facts};
use app::isolate::{Fetched, Memory};
use app::settings::{Settings, Variables};
use domain::visit::redirect::Entropy;
use serde_json::{Value, json};

const APPLE: &str = "/.well-known/apple-app-site-association";
const ANDROID: &str = "/.well-known/assetlinks.json";

/// A shop with a host of links alone at its root, which has a fallback, and its setting.
fn shop(well_known: &Value) -> Shop {
    let mut shop = Shop::open();
    shop.settings = links_only();
    let own = json!({"go.example": {"root": true, "well_known": well_known}});
    set(&shop, &own);
    shop
}

/// No site stands behind the hosts.
fn links_only() -> Settings {
    let secret = format!("1:{}", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    let variables = Variables {
        root_secret: &secret,
        admin_host: "admin.example",
        site_origin: "https://site.example",
        site_hosts: "shop.example",
        ..Variables::default()
    };
    Settings::parse(&variables).unwrap()
}

fn set(shop: &Shop, host_settings: &Value) {
    let body = json!({"hosts": ["shop.example", "go.example"], "host_settings": host_settings,
        "fallback_url": "https://shop.example/lost"});
    shop.made("PATCH", &format!("programs/{}", shop.program), &body);
    shop.publish();
}

fn ask(shop: &Shop, memory: &mut Memory, method: &str, host: &str, path: &str) -> Answer {
    let url = format!("https://{host}{path}");
    let facts = Facts {
        method,
        url: &url,
        user_agent: "swcd (unknown version) CFNetwork/1.0",
        ..Facts::default()
    };
    let now = shop.now.get();
    loop {
        let entropy = Entropy([7; 64]);
        let asked = edge_plane::answer(&facts, "", memory, &shop.settings, now, &entropy);
        if let Some(answer) = asked {
            return answer;
        }
        for key in memory.take_wanted() {
            let record = shop.kv.records.borrow().get(&key).cloned();
            let fetched = record.map_or(Fetched::Nothing, Fetched::Record);
            memory.learn(&key, &fetched, now);
        }
    }
}

fn get(shop: &Shop, host: &str, path: &str) -> Answer {
    ask(shop, &mut Memory::default(), "GET", host, path)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn a_hosts_association_files_are_served_as_json_without_a_redirect() {
    let apple = json!({"applinks": {"details": [{"appIDs": ["ABCDE.example.shop"],
        "components": [{"/": "/*", "exclude": null}]}]}});
    let android = json!([{"relation": ["delegate_permission/common.handle_all_urls"],
        "target": {"namespace": "android_app", "package_name": "example.shop",
            "sha256_cert_fingerprints": ["14:6D"]}}]);
    let files = json!({"apple-app-site-association": apple, "assetlinks.json": android});
    let shop = shop(&files);
    for (path, file) in [(APPLE, &apple), (ANDROID, &android)] {
        for query in ["", "?x=1"] {
            let answer = get(&shop, "go.example", &format!("{path}{query}"));
            assert_eq!(answer.status, 200);
            assert_eq!(answer.form, edge_plane::Form::File);
            assert_eq!(header(&answer, "location"), None);
            assert_eq!(header(&answer, "set-cookie"), None);
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(&body, file);
            assert!(answer.visits.is_empty(), "nobody clicked");
        }
        let head = ask(&shop, &mut Memory::default(), "HEAD", "go.example", path);
        assert_eq!(head.status, 200);
        let post = ask(&shop, &mut Memory::default(), "POST", "go.example", path);
        assert_ne!(post.status, 200);
    }
    let program = shop.made("GET", &format!("programs/{}", shop.program), &json!({}));
    assert_eq!(program["host_settings"]["go.example"]["well_known"], files);
    let records = shop.kv.records.borrow();
    assert!(
        !records["host:go.example"].contains("ABCDE"),
        "of their own"
    );
}

#[test]
fn where_there_is_no_file_nothing_is_redirected_and_the_site_serves_its_own() {
    let shop = shop(&json!({"assetlinks.json": []}));
    assert_eq!(get(&shop, "go.example", ANDROID).body, "[]");
    let missing = get(&shop, "go.example", APPLE);
    assert_eq!((missing.status, header(&missing, "location")), (404, None));
    for path in [APPLE, ANDROID] {
        let site = get(&shop, "shop.example", path);
        assert_eq!((site.status, site.body.as_str()), (edge_plane::PASS, ""));
        assert_eq!(get(&shop, "admin.example", path).status, 404);
        assert_eq!(get(&shop, "other.example", path).status, 404);
    }
    set(&shop, &json!({"go.example": {"root": true}}));
    assert_eq!(get(&shop, "go.example", ANDROID).status, 404);
    set(
        &shop,
        &json!({"shop.example": {"well_known": {"assetlinks.json": []}}}),
    );
    assert_eq!(get(&shop, "shop.example", ANDROID).body, "[]");
    assert_eq!(get(&shop, "shop.example", APPLE).status, edge_plane::PASS);
}

#[test]
fn files_are_remembered_and_while_kv_is_away_the_site_answers_or_it_is_asked_again() {
    let shop = shop(&json!({"assetlinks.json": []}));
    let mut memory = Memory::default();
    ask(&shop, &mut memory, "GET", "go.example", ANDROID);
    shop.wait(3_600_000);
    let now = shop.now.get();
    memory.learn("well-known:go.example", &Fetched::Failed, now);
    assert_eq!(
        ask(&shop, &mut memory, "GET", "go.example", ANDROID).body,
        "[]"
    );
    let mut memory = Memory::default();
    for host in ["go.example", "shop.example"] {
        let record = shop.kv.records.borrow()[&format!("host:{host}")].clone();
        memory.learn(&format!("host:{host}"), &Fetched::Record(record), now);
        memory.learn(&format!("well-known:{host}"), &Fetched::Failed, now);
    }
    assert_eq!(
        ask(&shop, &mut memory, "GET", "go.example", ANDROID).status,
        503
    );
    let site = ask(&shop, &mut memory, "GET", "shop.example", ANDROID);
    assert_eq!(site.status, edge_plane::PASS);
}

#[test]
fn a_part_of_a_page_at_such_an_address_is_not_left_to_the_site_unasked() {
    let shop = shop(&json!({}));
    let mut memory = Memory::default();
    get(&shop, "shop.example", "/");
    ask(&shop, &mut memory, "GET", "shop.example", "/");
    let passes = |path: &str| {
        let url = format!("https://shop.example{path}");
        edge_plane::passes(&url, &memory, &shop.settings, shop.now.get())
    };
    assert!(passes("/image.png") && passes("/.well-known/other"));
    assert!(!passes(APPLE) && !passes(ANDROID));
}

#[test]
fn settings_that_no_platform_reads_are_refused() {
    let shop = Shop::open();
    let path = format!("programs/{}", shop.program);
    for (setting, said) in [
        (
            json!({"apple-app-site-association": "{}"}),
            "apple-app-site-association association_invalid",
        ),
        (
            json!({"assetlinks.json": [1]}),
            "assetlinks.json association_invalid",
        ),
        (
            json!({"assetlinks.json": [{"relation": [], "target": {}, "x": "x".repeat(16_384)}]}),
            "assetlinks.json too_long",
        ),
        (json!({"robots.txt": "x"}), "robots.txt unknown_member"),
    ] {
        let body = json!({"host_settings": {"shop.example": {"well_known": setting}}});
        let refused = shop.refused("PATCH", &path, &body);
        let at = format!("/host_settings/shop.example/well_known/{said}");
        assert_eq!(refused, format!("422 validation_failed {at}"));
    }
    let refused = shop.refused("PATCH", &path, &json!({"well_known": {}}));
    assert_eq!(refused, "422 validation_failed /well_known of_a_host");
}
