//! Codes and slugs are one however people type them, and what was stored before is found as before.

use crate::support::block_on;
use crate::support::shop::Shop;
use app::refold::refold;
use serde_json::{Value, json};

fn code(shop: &Shop, place: usize, code: &str) -> Value {
    json!({"program": shop.program, "partner": shop.partners[place], "code": code})
}

fn link(shop: &Shop, place: usize, slug: &str) -> Value {
    json!({"program": shop.program, "partner": shop.partners[place], "host": "shop.example",
        "slug": slug, "target": format!("https://shop.example/{place}")})
}

fn buy(shop: &Shop, invoice: &str, code: &str) {
    shop.sell(invoice, invoice, &json!({"code": code}));
    shop.fold();
}

/// Makes codes and links what an earlier version had stored.
fn as_before(shop: &Shop) {
    shop.db.execute(
        "UPDATE codes SET written = NULL, key = NULL;
         UPDATE links SET folded = NULL;",
    );
}

fn code_of_before(shop: &Shop, id: &str, code: &str, place: usize) {
    let (program, partner) = (&shop.program, &shop.partners[place]);
    shop.db.execute(&format!(
        "INSERT INTO codes (id, program, code, partner, from_at, created_at)
         VALUES ('{id}', '{program}', '{code}', '{partner}', 0, 0)"
    ));
}

/// Makes a link, as an earlier version had stored and published it.
fn link_of_before(shop: &Shop, slug: &str, place: usize) {
    let made = shop.made("POST", "links", &link(shop, place, "tmp"));
    let id = made["id"].as_str().unwrap();
    shop.db.execute(&format!(
        "UPDATE links SET slug = '{slug}', folded = NULL WHERE id = '{id}';
         INSERT INTO publications (key, version) VALUES ('link:shop.example/{slug}', 1);"
    ));
    shop.publish();
}

/// Which partner's page an address leads to; `None`: to no link.
fn led(shop: &Shop, slug: &str) -> Option<usize> {
    let asked = json!({"url": format!("https://shop.example/go/{slug}"), "country": "US"});
    let (status, told) = shop.control("POST", "links/explain", &asked);
    let answer = shop.visit(slug, "", "", |_| {});
    let Some((_, location)) = answer.headers.iter().find(|(name, _)| *name == "location") else {
        assert_eq!(status, 404, "the dry run says the same: {told}");
        return None;
    };
    assert_eq!(status, 200, "the dry run says the same: {told}");
    let page = |location: &str| location[21..22].parse().ok();
    assert_eq!(page(told["location"].as_str().unwrap()), page(location));
    page(location)
}

#[test]
fn codes_are_what_shops_have_and_are_shown_as_they_were_written() {
    let shop = Shop::open();
    for (place, text, typed, same) in [
        (0, "10%OFF", "10%off", "10％Off"),
        (1, "Buy 1+1", "buy 1+1", "BUY  1+1"),
        (0, "İSTANBUL", "istanbul", "ISTANBUL"),
        (1, "straße", "STRASSE", "STRAẞE"),
        (0, "GRÖSSE10", "größe10", "Gro\u{308}ße10"),
        (1, "❤️", "❤", "❤\u{fe0e}"),
    ] {
        let made = shop.made("POST", "codes", &code(&shop, place, text));
        assert_eq!(made["code"], text);
        shop.wait(1_000);
        for typed in [text, typed, same] {
            buy(&shop, &format!("{text} {typed}"), typed);
            let decision = shop.decision(&format!("{text} {typed}"));
            let credit = &decision["credits"][0];
            assert_eq!(credit["partner"], shop.partners[place].as_str(), "{typed}");
            assert_eq!(credit["code"], text, "shown as its owner wrote it");
            let refused = shop.refused("POST", "codes", &code(&shop, 1 - place, typed));
            assert_eq!(refused, "409 already_exists", "{typed}");
        }
    }
    buy(&shop, "other", "Straẞenbahn 1%");
    assert_eq!(shop.decision("other")["code_unknown"], "Straẞenbahn 1%");
}

#[test]
fn codes_and_events_of_before_are_found_as_before_and_by_their_folded_form_too() {
    let shop = Shop::open();
    code_of_before(&shop, "cd_1", "STRAßE", 0);
    code_of_before(&shop, "cd_2", "SAVE10", 1);
    buy(&shop, "early", "strasse");
    assert_eq!(shop.decision("early")["code_unknown"], "strasse");
    block_on(refold(&shop.db)).unwrap();
    shop.fold();
    let credited = |key: &str| shop.decision(key)["credits"][0]["partner"].clone();
    assert_eq!(credited("early"), shop.partners[0].as_str());
    block_on(refold(&shop.db)).unwrap();
    assert_eq!(
        shop.db
            .number("SELECT count(*) FROM codes WHERE key IS NULL"),
        0
    );
    buy(&shop, "later", "Save10");
    assert_eq!(credited("later"), shop.partners[1].as_str());
}

#[test]
fn two_codes_of_before_that_are_one_now_stay_two_and_a_third_is_refused() {
    let shop = Shop::open();
    code_of_before(&shop, "cd_1", "STRASSE", 0);
    code_of_before(&shop, "cd_2", "STRAßE", 1);
    let third = code(&shop, 0, "Straße");
    assert_eq!(shop.refused("POST", "codes", &third), "409 already_exists");
    for (typed, place) in [("strasse", Some(0)), ("Straße", Some(1)), ("ſtraſſe", None)] {
        buy(&shop, typed, typed);
        let decision = shop.decision(typed);
        let partner = decision["credits"][0]["partner"].as_str();
        assert_eq!(partner, place.map(|place| shop.partners[place].as_str()));
    }
    shop.fold_again();
}

#[test]
fn a_slug_is_found_however_it_is_typed() {
    let shop = Shop::open();
    for (slug, shown, others) in [
        (
            "Straße",
            "strasse",
            &["stra%C3%9Fe", "STRASSE", "STRAẞE"][..],
        ),
        (
            "İstanbul",
            "istanbul",
            &["ISTANBUL", "ıstanbul", "%C4%B0STANBUL"],
        ),
        ("I❤️Tea", "i❤tea", &["i❤TEA", "I%E2%9D%A4%EF%B8%8Ftea"]),
        ("🎉", "🎉", &["%F0%9F%8E%89"]),
    ] {
        let made = shop.made("POST", "links", &link(&shop, 1, slug));
        assert_eq!(made["slug"], shown);
        shop.publish();
        for typed in others.iter().chain(&[slug, shown]) {
            assert_eq!(led(&shop, typed), Some(1), "{typed}");
            if !typed.contains('%') {
                let refused = shop.refused("POST", "links", &link(&shop, 0, typed));
                assert_eq!(refused, "409 already_exists", "{typed}");
            }
        }
    }
    assert_eq!(led(&shop, "strase"), None);
}

#[test]
fn links_of_before_are_found_as_before_and_by_their_folded_form_too() {
    let shop = Shop::open();
    link_of_before(&shop, "straße", 0);
    for typed in ["straße", "STRAßE", "stra%C3%9Fe"] {
        assert_eq!(led(&shop, typed), Some(0), "{typed}");
    }
    assert_eq!(led(&shop, "strasse"), None);
    let new = link(&shop, 1, "strasse");
    assert_eq!(shop.refused("POST", "links", &new), "409 already_exists");
    shop.publish();
    for typed in ["straße", "STRASSE", "strasse", "STRAẞE"] {
        assert_eq!(led(&shop, typed), Some(0), "{typed}");
    }
    let partner = format!("partners/{}", shop.partners[0]);
    shop.made("PATCH", &partner, &json!({"status": "suspended"}));
    shop.publish();
    for typed in ["straße", "strasse"] {
        let standing = &shop.kv.records.borrow()[&format!("link:shop.example/{typed}")];
        assert!(standing.contains("suspended"), "{standing}");
    }
}

#[test]
fn two_links_of_before_that_are_one_now_stay_two() {
    let shop = Shop::open();
    link_of_before(&shop, "straße", 0);
    link_of_before(&shop, "strasse", 1);
    block_on(refold(&shop.db)).unwrap();
    shop.publish();
    for (typed, place) in [("Straße", 0), ("STRASSE", 1), ("ſtraſſe", 1)] {
        assert_eq!(led(&shop, typed), Some(place), "{typed}");
    }
}

#[test]
fn where_case_is_told_apart_nothing_is_folded() {
    let shop = Shop::open();
    let own = json!({"host_settings": {"shop.example": {"case_sensitive": true}}});
    shop.made("PATCH", &format!("programs/{}", shop.program), &own);
    for (place, slug) in [(0, "Straße"), (1, "strasse"), (0, "STRASSE")] {
        let made = shop.made("POST", "links", &link(&shop, place, slug));
        assert_eq!(made["slug"], slug);
    }
    as_before(&shop);
    block_on(refold(&shop.db)).unwrap();
    shop.publish();
    for (slug, place) in [("Straße", 0), ("strasse", 1), ("STRASSE", 0)] {
        assert_eq!(led(&shop, slug), Some(place), "{slug}");
    }
    assert_eq!(led(&shop, "straße"), None);
}
