//! What browsers and extensions take out of addresses (`tests/golden/strippers.json`) takes no
//! partner away: the link's path names it, and on the landing page our token, which no list knows.

use crate::support::shop::Shop;
use domain::visit::click_ids::ClickIdKind;
use domain::visit::link::TOKEN_PARAM;
use domain::visit::token;
use regex_lite::{Regex, RegexBuilder};
use serde_json::{Value, json};

/// One list as its product applies it: whole names, split at `&` and `=`, nothing decoded.
struct Stripper {
    name: String,
    names: Vec<String>,
    patterns: Vec<Regex>,
    /// A name, and the other one that must be there for it to go.
    only_with: Vec<(String, String)>,
    examples: Vec<String>,
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

impl Stripper {
    fn read(list: &Value) -> Stripper {
        let ignores_case = list["ignores_case"] == true;
        let compile = |pattern: &String| {
            let mut whole = RegexBuilder::new(&format!("^(?:{pattern})$"));
            whole.case_insensitive(ignores_case).build().unwrap()
        };
        let pairs = list["only_with"].as_object().into_iter().flatten();
        let pair =
            |(name, other): (&String, &Value)| (name.clone(), other.as_str().unwrap().to_owned());
        Stripper {
            name: list["name"].as_str().unwrap().to_owned(),
            names: texts(&list["names"]),
            patterns: texts(&list["patterns"]).iter().map(compile).collect(),
            only_with: pairs.map(pair).collect(),
            examples: texts(&list["examples"]),
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
            || self.patterns.iter().any(|pattern| pattern.is_match(name))
    }

    /// The query (without `?`) that is left.
    fn strip(&self, query: &str) -> String {
        let name_of = |segment: &str| segment.split('=').next().unwrap_or_default().to_owned();
        let there: Vec<String> = query.split('&').map(name_of).collect();
        let goes = |segment: &&str| {
            let name = name_of(segment);
            let paired =
                |(first, other): &(String, String)| *first == name && there.contains(other);
            !self.knows(&name) && !self.only_with.iter().any(paired)
        };
        query.split('&').filter(goes).collect::<Vec<_>>().join("&")
    }

    fn all_names(&self) -> impl Iterator<Item = &String> {
        let pairs = self.only_with.iter().map(|(name, _)| name);
        self.names.iter().chain(&self.examples).chain(pairs)
    }
}

/// The lists of the products, and one that knows all click identifiers that we know.
fn strippers() -> Vec<Stripper> {
    let text =
        std::fs::read_to_string(crate::support::root("tests/golden/strippers.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let lists = golden["lists"].as_array().unwrap();
    let catalogue: Vec<_> = ClickIdKind::ALL.iter().map(|kind| kind.param()).collect();
    let ours = json!({"name": "catalogue", "names": catalogue, "patterns": [], "examples": []});
    lists.iter().chain([&ours]).map(Stripper::read).collect()
}

/// `x=1`, every name that any list knows, and a token.
fn query_with_everything(strippers: &[Stripper]) -> String {
    let mut query = "x=1".to_owned();
    for name in strippers.iter().flat_map(Stripper::all_names) {
        if !query.contains(&format!("&{name}=")) {
            query.push_str(&format!("&{name}=v"));
        }
    }
    query
}

fn partner_of(shop: &Shop, token: &str) -> String {
    let touch = token::open(&shop.settings.keys, token, shop.now.get()).unwrap();
    json!(touch.partner).as_str().unwrap().to_owned()
}

#[test]
fn no_list_knows_the_names_of_our_token() {
    for stripper in strippers() {
        for name in [TOKEN_PARAM, "tl_token", "TL", "%3Ftl", "%3Ftl_token"] {
            assert!(!stripper.knows(name), "{} knows {name}", stripper.name);
        }
        for name in stripper.names.iter().chain(&stripper.examples) {
            assert!(stripper.knows(name), "{} must know {name}", stripper.name);
        }
    }
}

#[test]
fn with_every_known_name_stripped_the_partner_is_still_found() {
    let shop = Shop::open();
    let strippers = strippers();
    let everything = query_with_everything(&strippers);
    let other = shop.click("northstar").token;
    let sent = format!("{everything}&{TOKEN_PARAM}={other}");
    let mut all = sent.clone();
    for stripper in &strippers {
        let left = stripper.strip(&sent);
        assert!(left.len() < sent.len(), "{} strips nothing", stripper.name);
        all = stripper.strip(&all);
        assert!(left.starts_with("x=1&"), "{left}");
        assert!(left.ends_with(&other), "the token of an address survives");
        let click = shop.follow("anna", &format!("?{left}"), "", "", "US");
        assert_eq!(
            partner_of(&shop, &click.token),
            shop.partners[0],
            "{}",
            stripper.name
        );
        let (page, query) = click.location.split_once('?').unwrap();
        assert_eq!(page, "https://shop.example/");
        let landed = stripper.strip(query);
        let token = format!("{TOKEN_PARAM}={}", click.token);
        assert!(
            landed.split('&').any(|segment| segment == token),
            "{landed}"
        );
    }
    assert_eq!(
        all,
        format!("x=1&{TOKEN_PARAM}={other}"),
        "nothing else is left"
    );
}

#[test]
fn a_sale_after_all_stripping_is_credited() {
    let shop = Shop::open();
    let strippers = strippers();
    let strip = |query: &str| {
        let once = |query: String, stripper: &Stripper| stripper.strip(&query);
        strippers.iter().fold(query.to_owned(), once)
    };
    let before = strip(&query_with_everything(&strippers));
    assert_eq!(before, "x=1");
    let click = shop.follow("anna", &format!("?{before}"), "", "", "US");
    let landed = strip(click.location.split_once('?').unwrap().1);
    let token = landed.strip_prefix(&format!("x=1&{TOKEN_PARAM}=")).unwrap();
    let sale = json!({"customerExternalId": "c1", "clickId": token, "amount": 1000,
        "currency": "usd", "invoiceId": "i1"});
    assert_eq!(shop.track("sale", &sale).0, 200);
    shop.fold();
    assert_eq!((shop.balance(0), shop.balance(1)), (100, 0));
}

/// The lists whole, as `tools/stripped-names.mjs` made them.
fn refreshed() -> Value {
    let text = std::fs::read_to_string(crate::support::root("src/domain/visit/link/stripped.json"))
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn no_program_chooses_a_name_that_the_lists_strip_on_every_site() {
    let shop = Shop::open();
    let path = format!("programs/{}", shop.program);
    let names = texts(&refreshed()["names"]);
    let of_patterns = ["xmc", "wt_zmc", "vn_a", "otm_x", "cm_mmca1", "at_customer"];
    for name in names.iter().map(String::as_str).chain(of_patterns) {
        let refused = shop.refused("PATCH", &path, &json!({"token_param": name}));
        assert_eq!(
            refused, "422 validation_failed /token_param name_taken",
            "{name}"
        );
    }
    for free in ["click", "partner", "tl_token"] {
        let made = shop.made("PATCH", &path, &json!({"token_param": free}));
        assert_eq!(made["token_param"], free);
    }
}

#[test]
fn a_name_that_a_program_had_before_it_was_listed_goes_on() {
    let shop = Shop::open();
    shop.db
        .execute("UPDATE programs SET body = json_set(body, '$.token_param', 'a8')");
    let path = format!("programs/{}", shop.program);
    let renamed = shop.made("PATCH", &path, &json!({"name": "Tea"}));
    assert_eq!(renamed["token_param"], "a8");
    shop.made(
        "PATCH",
        &path,
        &json!({"token_param": "a8", "tags": ["season"]}),
    );
    shop.publish();
    let click = shop.click("anna");
    assert!(click.location.contains("?a8=tlc_"), "{}", click.location);
    shop.made("PATCH", &path, &json!({"token_param": "tl"}));
    let back = shop.refused("PATCH", &path, &json!({"token_param": "a8"}));
    assert_eq!(back, "422 validation_failed /token_param name_taken");
}
