//! What stood in a database before a migration is there after it.

use rusqlite::Connection;

fn migration(name: &str) -> String {
    std::fs::read_to_string(format!("migrations/{name}")).unwrap()
}

#[test]
fn the_outbox_survives_0003() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    db.execute_batch(&migration("0001_init.sql")).unwrap();
    db.execute_batch(
        "INSERT INTO programs (id, name, body, created_at) VALUES ('pg_1', 'Shop', '{}', 1);
         INSERT INTO destinations (id, program, kind, config, secret, created_at)
           VALUES ('ds_1', 'pg_1', 'webhook', '{}', 'x', 1);
         INSERT INTO deliveries (id, program, destination, event, type, revision, state, attempts,
             next_at, last_status, last_error, created_at)
           VALUES ('dl_1', 'pg_1', 'ds_1', 'ev_1', 'sale.created', 1, 'pending', 3, 9, 500,
             'http 500', 2),
           ('dl_2', 'pg_1', 'ds_1', 'ev_2', 'sale.created', 1, 'set_aside', 9, 9, NULL, NULL, 2);
         INSERT INTO sealed_rows (event, body, expires_at) VALUES ('ev_1', 'old', 9);",
    )
    .unwrap();
    db.execute_batch(&migration("0003_forwarding.sql")).unwrap();
    let text = |sql: &str| -> String { db.query_row(sql, [], |row| row.get(0)).unwrap() };
    let row = "SELECT json_array(seq, id, destination, event, type, revision, subject, notice,
        state, attempts, next_at, part, ticket, last_status, last_error, created_at)
        FROM deliveries WHERE id = 'dl_1'";
    let expected = r#"[1,"dl_1","ds_1","ev_1","sale.created",1,"",null,"pending",3,9,null,null,"#;
    assert_eq!(text(row), format!(r#"{expected}500,"http 500",2]"#));
    let counts = "SELECT json_array((SELECT count(*) FROM deliveries),
        (SELECT count(*) FROM sealed_rows), (SELECT failures + paused_until FROM destinations))";
    assert_eq!(text(counts), "[2,0,0]");
    let expired = "UPDATE deliveries SET state = 'expired' WHERE id = 'dl_2'";
    assert_eq!(db.execute(expired, []).unwrap(), 1);
}

#[test]
fn what_was_kept_without_permission_goes_with_0012() {
    let db = Connection::open_in_memory().unwrap();
    let mut names: Vec<String> = std::fs::read_dir("migrations")
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .collect();
    names.sort();
    let (before, after) = names.split_at(names.iter().position(|n| &n[..4] == "0012").unwrap());
    for name in before {
        db.execute_batch(&migration(name)).unwrap();
    }
    let full = r#"{"token": {"opened": {"at": 1, "consent": "full", "evidence": "decision"}}}"#;
    let silent = r#"{"token": "absent"}"#;
    for (id, customer, body) in [
        ("token", "c1", full),
        ("later", "c1", silent),
        ("silent", "c2", silent),
        ("said", "c2", r#"{"token": "absent", "consent": "full"}"#),
        (
            "refused",
            "c1",
            r#"{"token": "absent", "consent": "session"}"#,
        ),
    ] {
        let fact = "INSERT INTO facts (id, program, kind, key, customer, awaits_click, occurred_at,
            received_at, content, body, state)
            VALUES (?1, 'pg_1', 'sale', ?1, ?2, 0, 5, 5, '', ?3, 'folded')";
        db.execute(fact, [id, customer, body]).unwrap();
        let row = "INSERT INTO sealed_rows (event, body, expires_at) VALUES (?1, 'x', 9)";
        db.execute(row, [id]).unwrap();
    }
    db.execute_batch(&migration(&after[0])).unwrap();
    let text = |sql: &str| -> String { db.query_row(sql, [], |row| row.get(0)).unwrap() };
    let left = "SELECT json_group_array(event ORDER BY event) FROM sealed_rows";
    assert_eq!(text(left), r#"["later","said","token"]"#);
    let voices = "SELECT json_group_object(id, voice || ' ' || voiced_at ORDER BY seq) FROM facts
        WHERE voice IS NOT NULL";
    let expected = r#"{"token":"full 1","said":"full 5","refused":"refused 5"}"#;
    assert_eq!(text(voices), expected);
}
