//! A program's cookie in the domains that it had before: a withdrawal erases it there too, and
//! nowhere else.

use crate::support::shop::Shop;
use app::edge_plane::Answer;
use serde_json::{Value, json};

/// Changes the shop's program and gives what it says then.
fn change(shop: &Shop, body: &Value) -> Value {
    let made = shop.made("PATCH", &format!("programs/{}", shop.program), body);
    shop.publish();
    made
}

/// `name domain` of each cookie that an answer erases, and `name domain value` of others.
fn cookies(answer: &Answer) -> Vec<String> {
    let set = answer
        .headers
        .iter()
        .filter(|(name, _)| *name == "set-cookie");
    let short = |(_, line): &(&str, String)| {
        let (name, rest) = line.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap();
        assert_eq!(value.is_empty(), line.contains("; Max-Age=0;"), "{line}");
        let domain = line.split("; Domain=").nth(1).unwrap_or("-");
        let value = if value.is_empty() {
            String::new()
        } else {
            format!(" {value}")
        };
        format!("{name} {domain}{value}")
    };
    set.map(short).collect()
}

/// The journal's cookie that the shop sets right now, as the browser sends it.
fn pair(shop: &Shop) -> String {
    let clicked = shop.document("/go/anna", "", |_| {});
    let set = clicked
        .headers
        .iter()
        .find(|(name, _)| *name == "set-cookie");
    set.unwrap().1.split(';').next().unwrap().to_owned()
}

/// The three ways in which a visitor withdraws: on a page, at a link, by the page's script.
fn withdrawals(shop: &Shop, cookie: &str) -> Vec<Vec<String>> {
    let gpc = |path| shop.document(path, cookie, |facts| facts.gpc = "1");
    vec![
        cookies(&gpc("/")),
        cookies(&gpc("/go/anna")),
        cookies(&shop.beacon(&json!({"n": "consent", "s": "code", "q": ""}), cookie, "1")),
    ]
}

#[test]
fn a_withdrawal_erases_the_cookie_in_the_domains_of_before_too() {
    let shop = Shop::open();
    let hosts = json!(["shop.example", "go.shop.example"]);
    let made = change(&shop, &json!({"hosts": hosts}));
    assert_eq!(made["cookie_domain"], "shop.example");
    assert_eq!(made["earlier_cookie_domains"], json!([]));
    let old = pair(&shop);
    assert!(old.starts_with("__Secure-tl="));
    for erased in withdrawals(&shop, &old) {
        assert_eq!(erased, ["__Secure-tl shop.example"]);
    }
    // The second host is taken away: the cookie belongs to the one host again.
    let made = change(&shop, &json!({"hosts": ["shop.example"]}));
    assert_eq!(made["cookie_domain"], json!(null));
    assert_eq!(made["earlier_cookie_domains"], json!(["shop.example"]));
    let both = format!("{old}; __Host-tl=x");
    for erased in withdrawals(&shop, &old) {
        assert_eq!(erased, ["__Secure-tl -", "__Secure-tl shop.example"]);
    }
    for erased in withdrawals(&shop, &both) {
        assert!(erased.contains(&"__Host-tl -".to_owned()), "{erased:?}");
        assert!(
            erased.contains(&"__Secure-tl shop.example".to_owned()),
            "{erased:?}"
        );
    }
    // Who sent nothing of ours gets nothing, and who agrees keeps all.
    for cookie in ["", "a=1", "__Secure-tl=refused", "__Secure-tlx=1"] {
        for erased in withdrawals(&shop, cookie) {
            assert_eq!(erased, [""; 0], "{cookie}");
        }
    }
    let agreed = cookies(&shop.document("/go/anna", &old, |_| {}));
    assert!(
        agreed.len() == 1 && agreed[0].starts_with("__Host-tl - "),
        "{agreed:?}"
    );
    // Another host comes: the domain is back, and no earlier one any more.
    let made = change(&shop, &json!({"hosts": hosts}));
    assert_eq!(made["earlier_cookie_domains"], json!([]));
}

#[test]
fn a_host_that_is_added_leaves_no_cookie_of_the_one_host_behind() {
    let shop = Shop::open();
    let old = pair(&shop);
    assert!(old.starts_with("__Host-tl="));
    let hosts = json!(["shop.example", "go.shop.example"]);
    change(&shop, &json!({"hosts": hosts}));
    for erased in withdrawals(&shop, &old) {
        assert_eq!(erased, ["__Host-tl -"]);
    }
}

#[test]
fn only_domains_that_the_host_lies_in_are_named() {
    let shop = Shop::open();
    change(
        &shop,
        &json!({"hosts": ["shop.example", "go.shop.example"]}),
    );
    let old = pair(&shop);
    let hosts = json!({"hosts": ["shop.example", "a.other.example"]});
    change(&shop, &hosts);
    let hosts = json!({"hosts": ["shop.example", "a.other.example"],
        "earlier_cookie_domains": ["other.example", "op.example"]});
    let made = change(&shop, &hosts);
    let expected = json!(["shop.example", "other.example", "op.example"]);
    assert_eq!(made["earlier_cookie_domains"], expected);
    for erased in withdrawals(&shop, &old) {
        assert_eq!(erased, ["__Secure-tl -", "__Secure-tl shop.example"]);
    }
}

#[test]
fn a_refusal_is_remembered_while_earlier_cookies_go() {
    let shop = Shop::open();
    change(
        &shop,
        &json!({"hosts": ["shop.example", "go.shop.example"]}),
    );
    let old = pair(&shop);
    change(&shop, &json!({"hosts": ["shop.example"]}));
    let no = json!({"n": "consent", "s": "code", "q": ""});
    let told = cookies(&shop.beacon(&no, &old, ""));
    let wanted = [
        "__Secure-tl -",
        "__Secure-tl shop.example",
        "__Host-tl - refused",
    ];
    assert_eq!(told, wanted);
    change(
        &shop,
        &json!({"hosts": ["shop.example"], "cookie_domain": "shop.example",
        "earlier_cookie_domains": ["go.shop.example"]}),
    );
    let two = format!("{old}; __Secure-tl=refused");
    // The browser does not say which of the two stands where: the refusal is set once more.
    for kept in withdrawals(&shop, &two) {
        assert_eq!(kept, ["__Secure-tl shop.example refused"]);
    }
    assert_eq!(
        cookies(&shop.beacon(&no, &two, "")),
        ["__Secure-tl shop.example refused"]
    );
}

#[test]
fn earlier_domains_are_kept_whatever_is_changed_later_and_have_a_bound() {
    let shop = Shop::open();
    let deep = "a.b.c.d.e.f.g.h.i.j.brand.example";
    let made = shop.made(
        "POST",
        "programs",
        &json!({"name": "Deep", "hosts": [deep]}),
    );
    let path = format!("programs/{}", made["id"].as_str().unwrap());
    let mut domain = deep;
    let mut all = Vec::new();
    for round in 0..11 {
        let body = json!({"cookie_domain": domain, "name": format!("Round {round}")});
        shop.made("PATCH", &path, &body);
        shop.made("PATCH", &path, &json!({"name": "Nothing of the domain"}));
        all.insert(0, domain.to_owned());
        domain = domain.split_once('.').unwrap().1;
    }
    let made = shop.made("PATCH", &path, &json!({"cookie_domain": null}));
    assert_eq!(made["earlier_cookie_domains"], json!(all[..8]));
    for (given, code) in [
        (json!(["co.uk"]), "public_suffix"),
        (json!(["a b"]), "not_a_host"),
        (json!("shop.example"), "not_a_list"),
        (json!([1]), "not_a_string"),
        (json!(vec!["shop.example"; 9]), "too_many"),
    ] {
        let body = json!({"earlier_cookie_domains": given});
        let (status, answer) = shop.control("PATCH", &path, &body);
        assert_eq!(
            (status, answer["errors"][0]["code"].as_str()),
            (422, Some(code)),
            "{answer}"
        );
    }
}
