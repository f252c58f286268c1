//! Invariants 7 and 22: a key is what its row says, whoever can sign a text; the last one stays;
//! set-up opens again only for who can write to the database.

use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::shop::{Shop, variables};
use crate::support::sqlite::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use throughline::app::ingest::{self, Accepted, Intake};
use throughline::app::settings::{Settings, Variables};
use throughline::domain::api_key::{ApiKey, Scope};
use throughline::domain::ids::ApiKeyId;
use throughline::domain::seal::Keyring;

/// An entry of `ROOT_SECRET`; the shop's own is entry 1 of sevens.
pub fn entry(id: u8, byte: u8) -> String {
    format!("{id}:{}", URL_SAFE_NO_PAD.encode([byte; 32]))
}

pub fn settings(roots: &str, pseudonyms: &str) -> Settings {
    let texts = Variables {
        pseudonym_secret: pseudonyms,
        ..variables(roots)
    };
    Settings::parse(&texts).unwrap()
}

fn code(shop: &Shop, method: &str, path: &str, key: &str) -> String {
    let answer = shop.request(method, "admin.example", path, key, b"{}");
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    format!("{} {}", answer.status, body["code"].as_str().unwrap_or("-"))
}

fn report(shop: &Shop, key: &str, kind: &str, body: &Value) -> String {
    let path = format!("track/{kind}");
    let body = body.to_string();
    let answer = shop.request("POST", "shop.example", &path, key, body.as_bytes());
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    format!("{} {}", answer.status, body["code"].as_str().unwrap_or("-"))
}

fn lead() -> Value {
    json!({"customerExternalId": "u", "eventName": "l"})
}

/// A new key; gives what its text says, and the text.
fn made(shop: &Shop, scope: &str, program: Option<&str>) -> (ApiKey, String) {
    let key = shop.made(
        "POST",
        "keys",
        &json!({"name": "k", "scope": scope, "program": program}),
    );
    let text = key["key"].as_str().unwrap().to_owned();
    (ApiKey::open(&shop.settings.keys, &text).unwrap(), text)
}

fn id_of(shop: &Shop, text: &str) -> ApiKeyId {
    ApiKey::open(&shop.settings.keys, text).unwrap().id
}

/// A shop whose old entry of `ROOT_SECRET` has leaked while it is still listed.
struct Leaked {
    shop: Shop,
    old: Keyring,
    read: (ApiKey, String),
    track: (ApiKey, String),
    admin: (ApiKey, String),
}

fn leaked() -> Leaked {
    let mut shop = Shop::open();
    shop.settings = settings(&format!("{},{}", entry(2, 9), entry(1, 7)), "");
    let program = shop.program.clone();
    Leaked {
        old: Keyring::parse(&entry(1, 7)).unwrap(),
        read: made(&shop, "read", Some(&program)),
        track: made(&shop, "track", Some(&program)),
        admin: made(&shop, "admin", None),
        shop,
    }
}

#[test]
fn a_text_that_a_root_secret_signs_is_no_key_unless_it_was_handed_out() {
    let Leaked {
        shop,
        old,
        read,
        admin,
        ..
    } = leaked();
    assert_eq!(code(&shop, "GET", "events", &read.1), "200 -");
    assert_eq!(code(&shop, "GET", "keys", &admin.1), "200 -");
    let (read, admin) = (read.0, admin.0);
    let unknown = ApiKeyId::from_number(77);
    let more = [
        ApiKey {
            scope: Scope::Admin,
            program: None,
            ..read
        },
        ApiKey {
            scope: Scope::Admin,
            ..read
        },
        ApiKey {
            program: None,
            ..read
        },
        ApiKey {
            id: unknown,
            ..admin
        },
    ];
    // The newest entry signs what says more; the old one even what says the same.
    let new = more.map(|key| key.text(&shop.settings.keys));
    let same = [read, admin].map(|key| key.text(&old));
    let texts = more
        .map(|key| key.text(&old))
        .into_iter()
        .chain(new)
        .chain(same);
    for text in texts {
        for (method, path) in [("GET", "keys"), ("POST", "rotate"), ("GET", "events")] {
            assert_eq!(
                code(&shop, method, path, &text),
                "401 key_invalid",
                "{path}"
            );
        }
    }
}

#[test]
fn a_forged_key_reports_nothing() {
    let Leaked {
        shop,
        old,
        read,
        track,
        admin,
    } = leaked();
    let new = &shop.settings.keys;
    let program = track.0.program;
    for text in [
        ApiKey {
            scope: Scope::Track,
            ..read.0
        }
        .text(&old),
        ApiKey {
            scope: Scope::Track,
            ..read.0
        }
        .text(new),
        ApiKey { program, ..admin.0 }.text(new),
        track.0.text(&old),
    ] {
        assert_eq!(report(&shop, &text, "lead", &lead()), "401 key_invalid");
        let mut many = lead();
        many["type"] = json!("lead");
        let many = json!({"events": [many, many]});
        assert_eq!(report(&shop, &text, "batch", &many), "401 key_invalid");
    }
    for table in ["facts", "conflicts", "sealed_rows", "refused_facts"] {
        let rows = shop.db.number(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!(report(&shop, &track.1, "lead", &lead()), "200 -");
}

#[test]
fn a_key_from_before_there_were_digests_may_do_what_its_row_says() {
    let Leaked {
        shop,
        old,
        read,
        track,
        ..
    } = leaked();
    shop.db
        .execute("UPDATE api_keys SET digest = NULL, root = NULL");
    assert_eq!(code(&shop, "GET", "keys", &shop.admin), "200 -");
    assert_eq!(code(&shop, "GET", "events", &read.1), "200 -");
    assert_eq!(report(&shop, &track.1, "lead", &lead()), "200 -");
    for forged in [
        ApiKey {
            scope: Scope::Admin,
            program: None,
            ..read.0
        },
        ApiKey {
            scope: Scope::Admin,
            ..read.0
        },
        ApiKey {
            program: None,
            ..read.0
        },
    ] {
        let text = forged.text(&old);
        assert_eq!(code(&shop, "GET", "events", &text), "401 key_invalid");
    }
    let forged = ApiKey {
        scope: Scope::Track,
        ..read.0
    }
    .text(&old);
    assert_eq!(report(&shop, &forged, "lead", &lead()), "401 key_invalid");
}

#[test]
fn what_the_queue_took_with_a_wrong_key_is_kept_apart_and_earns_nothing() {
    let shop = Shop::open();
    let program = shop.program.clone();
    let (read, _) = made(&shop, "read", Some(&program));
    let forged = ApiKey {
        scope: Scope::Track,
        ..read
    }
    .text(&shop.settings.keys);
    let (spare, spare_text) = made(&shop, "track", Some(&program));
    let queued = |key: &str, customer: &str, order: &str| {
        let sale = json!({"customerExternalId": customer, "amount": 5_000, "currency": "usd",
            "invoiceId": order, "clickId": shop.click("anna").token});
        shop.db.fail(0, Fault::Lost);
        assert_eq!(
            report(&shop, key, "sale", &sale),
            "200 -",
            "the queue takes it"
        );
        let text = shop.queue.sent.borrow_mut().remove(0);
        Intake::read(&serde_json::from_str::<Value>(&text).unwrap()["intake"]).unwrap()
    };
    let (bad, good) = (queued(&forged, "c1", "o1"), queued(&shop.track, "c2", "o2"));
    let early = queued(&spare_text, "c3", "o3");
    shop.wait(1_000);
    shop.made("DELETE", &format!("keys/{}", spare.id), &json!({}));
    // KV has not heard of it yet.
    shop.kv
        .records
        .borrow_mut()
        .remove(&format!("revoked:{}", spare.id));
    let late = queued(&spare_text, "c4", "o4");
    for _ in 0..2 {
        let store = |intake| block_on(ingest::store(&shop.db, intake)).unwrap();
        assert_eq!(store(&bad), Accepted::KeyInvalid);
        assert_eq!(store(&late), Accepted::KeyRevoked);
        assert!(matches!(store(&good), Accepted::New));
        assert!(matches!(store(&early), Accepted::New));
    }
    shop.fold();
    assert_eq!(shop.balance(0), 1_000, "of the two that were accepted");
    let rows = shop.list("refused");
    let reasons: Vec<_> = rows
        .iter()
        .map(|row| row["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["key_revoked", "key_invalid"]);
    assert_eq!(rows[1]["key"], json!(read.id.to_string()));
    assert_eq!(rows[1]["amount"]["amount"], 5_000);
    let named = json!({"program": program, "customerExternalId": "c1"});
    let export = shop.made("POST", "customers/export", &named);
    assert_eq!(export["refused"][0]["reason"], "key_invalid", "{export}");
    let pseudonym = shop.settings.pseudonyms.customer(&program, "c1");
    shop.made("POST", "customers/erase", &named);
    let left = shop.db.column("SELECT body FROM refused_facts");
    assert_eq!(left.len(), 1);
    assert!(!left[0].contains(&pseudonym));
}

#[test]
fn the_last_key_that_can_make_others_stays() {
    let shop = Shop::open();
    let (first, program) = (shop.admin.clone(), shop.program.clone());
    let first_path = format!("keys/{}", id_of(&shop, &first));
    let (own, _) = made(&shop, "admin", Some(&program));
    let (reader, _) = made(&shop, "read", None);
    assert_eq!(code(&shop, "DELETE", &first_path, &first), "409 last_key");
    shop.publish();
    assert_eq!(
        code(&shop, "GET", "keys", &first),
        "200 -",
        "it still works"
    );
    let marked = |key: &str| {
        shop.kv
            .records
            .borrow()
            .contains_key(&format!("revoked:{key}"))
    };
    assert!(!marked(&first_path[5..]), "and KV does not say otherwise");
    let (second, second_text) = made(&shop, "admin", None);
    let second_path = format!("keys/{}", second.id);
    // One that nobody knows to be usable is no way back in.
    for unknown in ["root = NULL", "root = 9"] {
        let only = format!("UPDATE api_keys SET {unknown} WHERE id = '{}'", second.id);
        shop.db.execute(&only);
        assert_eq!(
            code(&shop, "DELETE", &first_path, &first),
            "409 last_key",
            "{unknown}"
        );
    }
    shop.db.execute("UPDATE api_keys SET root = 1");
    assert_eq!(code(&shop, "DELETE", &first_path, &second_text), "204 -");
    assert_eq!(
        code(&shop, "DELETE", &first_path, &second_text),
        "204 -",
        "again"
    );
    assert_eq!(code(&shop, "GET", "keys", &first), "403 key_revoked");
    assert_eq!(
        code(&shop, "DELETE", &second_path, &second_text),
        "409 last_key"
    );
    for id in [own.id, reader.id] {
        let path = format!("keys/{id}");
        assert_eq!(code(&shop, "DELETE", &path, &second_text), "204 -");
    }
}

#[test]
fn two_who_revoke_each_other_at_once_leave_one() {
    let shop = Shop::open();
    let (first, first_text) = (id_of(&shop, &shop.admin), shop.admin.clone());
    let (second, second_text) = made(&shop, "admin", None);
    let between = || {
        let path = format!("keys/{first}");
        assert_eq!(code(&shop, "DELETE", &path, &second_text), "204 -");
    };
    // Batch 0 admits the caller, 1 reads the key, 2 revokes it.
    let db = Interleaved::new(&shop.db).before(2, between);
    let path = format!("keys/{}", second.id);
    let address = ("admin.example", path.as_str());
    let answer = shop.request_over(&db, "DELETE", address, &first_text, b"");
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert_eq!(code(&shop, "GET", "keys", &second_text), "200 -");
}

#[test]
fn set_up_opens_again_once_and_only_for_who_can_write_to_the_database() {
    let shop = Shop::open();
    let proof = crate::support::shop::setup_proof();
    let now = shop.now.get().0;
    assert_eq!(code(&shop, "POST", "setup", &proof), "409 already_set_up");
    let open = |until: i64| {
        let sql = format!("INSERT INTO setup_openings (until) VALUES ({until})");
        shop.db.execute(&sql);
    };
    open(now);
    assert_eq!(
        code(&shop, "POST", "setup", &proof),
        "409 already_set_up",
        "it is over"
    );
    open(now + 1);
    open(now + 2);
    assert_eq!(code(&shop, "POST", "setup", &shop.admin), "401 key_invalid");
    let answer = shop.request("POST", "admin.example", "setup", &proof, b"");
    assert_eq!(answer.status, 201, "{}", answer.body);
    let record: Value = serde_json::from_str(&answer.body).unwrap();
    let key = record["key"].as_str().unwrap();
    assert_eq!(code(&shop, "GET", "keys", key), "200 -");
    assert_eq!(
        code(&shop, "GET", "keys", &shop.admin),
        "200 -",
        "nobody is locked out"
    );
    assert_eq!(
        code(&shop, "POST", "setup", &proof),
        "409 already_set_up",
        "once"
    );
}
