//! The rotation of the root secret, between the new entry in front and the end of an old one: what
//! is stored and sealed moves to the newest entry, and the answer says what still needs an old one.

use super::Control;
use crate::app::ports::{self, Database, Statement};
use crate::app::problem::Problem;
use crate::domain::api_key::Scope;
use crate::domain::limits;
use crate::domain::seal::{FIRST_ENTRY, NONCE, Purpose};
use crate::json;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

macro_rules! older {
    ($sealed:literal) => {
        concat!(
            "substr(",
            $sealed,
            ", 1, 3) IN (SELECT value FROM json_each(?1, '$.beginnings'))"
        )
    };
}
macro_rules! older_part {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM json_each(sealed_rows.body) p WHERE ",
            older!("p.value"),
            ")"
        )
    };
}

/// Replaced secrets that still sign along are not sealed anew: their day ends by itself.
macro_rules! older_previous {
    () => {
        concat!(
            "EXISTS (SELECT 1 FROM json_each(previous_secrets) p WHERE ",
            older!("p.value ->> 'secret'"),
            ")"
        )
    };
}

const DESTINATIONS: &str = concat!(
    "SELECT json_object('id', id, 'sealed', json_object('secret', secret))
     FROM destinations WHERE ",
    older!("secret"),
    " ORDER BY seq LIMIT ?1 ->> 'limit'"
);
const SEALED_ROWS: &str = concat!(
    "SELECT json_object('id', event, 'sealed', json(body)) FROM sealed_rows WHERE ",
    older_part!(),
    " ORDER BY event LIMIT ?1 ->> 'limit'"
);
/// Who changed the secret meanwhile sealed the new one with the newest entry.
const RESEAL_DESTINATIONS: &str = "UPDATE destinations SET secret = d.value ->> '$.new.secret'
    FROM json_each(?1, '$.destinations') d
    WHERE destinations.id = d.value ->> 'id' AND secret = d.value ->> '$.sealed.secret'";
const RESEAL_ROWS: &str = "UPDATE sealed_rows SET body = d.value -> 'new'
    FROM json_each(?1, '$.sealed_rows') d
    WHERE event = d.value ->> 'id' AND json(body) = json(d.value -> 'sealed')";
const LEFT: &str = concat!(
    "SELECT json_object(
      'keys', (SELECT count(*) FROM api_keys
        WHERE revoked_at IS NULL AND root IS NOT ?1 ->> 'root'),
      'destinations', (SELECT count(*) FROM destinations WHERE ",
    older!("secret"),
    " OR ",
    older_previous!(),
    "), 'sealed_rows', (SELECT count(*) FROM sealed_rows WHERE ",
    older_part!(),
    "))"
);

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/rotate`: one bounded step; called again until nothing is `left`.
    pub async fn rotate(&self) -> Result<Value, Problem> {
        self.allow(Scope::Admin, None)?;
        let keys = &self.settings.keys;
        let mut param = json!({"root": keys.current(), "beginnings": keys.older_beginnings(),
            "limit": limits::RESEALED_ROWS});
        let look = Statement::all(&[DESTINATIONS, SEALED_ROWS], &param);
        let found = self.db.batch(look).await?;
        let mut resealed = Map::new();
        let mut unreadable = 0;
        let mut number = 0;
        for (place, name) in ["destinations", "sealed_rows"].into_iter().enumerate() {
            let mut moved = Vec::new();
            for mut row in ports::values(ports::rows_at(&found, place))? {
                match self.resealed(&row, &mut number) {
                    Some(new) => {
                        row["new"] = new;
                        moved.push(row);
                    }
                    None => unreadable += 1,
                }
            }
            resealed.insert(name.to_owned(), json!(moved.len()));
            param[name] = Value::Array(moved);
        }
        let write = Statement::all(&[RESEAL_DESTINATIONS, RESEAL_ROWS, LEFT], &param);
        let rows = self.db.batch(write).await?;
        let left = ports::values(ports::rows_at(&rows, 2))?;
        let left = left.into_iter().next().unwrap_or_default();
        let waits = ["keys", "destinations", "sealed_rows"];
        let done = waits.into_iter().all(|name| left[name] == 0);
        let own = self.settings.pseudonyms.own();
        let retirable = keys
            .older()
            .filter(|id| done && (own || *id != FIRST_ENTRY));
        Ok(json!({
            "root": keys.current(),
            "older": keys.older().collect::<Vec<u8>>(),
            "pseudonym_secret": own,
            "resealed": resealed,
            "unreadable": unreadable,
            "left": left,
            "retirable": retirable.collect::<Vec<u8>>(),
        }))
    }

    /// The sealed members of a row under the newest entry; `None` if one of them does not open.
    /// What is not under an older one is sealed anew with the others.
    fn resealed(&self, row: &Value, number: &mut u64) -> Option<Value> {
        let keys = &self.settings.keys;
        let id = row["id"].as_str()?;
        let mut new = Map::new();
        for (name, sealed) in row["sealed"].as_object()? {
            // As `control::destinations` and `app::ingest` seal them.
            let context = match name.as_str() {
                "secret" => id.to_owned(),
                kind => format!("{id}/{kind}"),
            };
            let bytes = URL_SAFE_NO_PAD.decode_to_vec(sealed.as_str()?).ok()?;
            let plain = keys.open(Purpose::AtRest, &context, &bytes)?;
            *number += 1;
            let sealed = keys.seal(Purpose::AtRest, &context, &plain, self.nonce(*number));
            new.insert(
                name.clone(),
                json!(URL_SAFE_NO_PAD.encode_to_string(sealed)),
            );
        }
        Some(new.into())
    }

    /// A sealing nonce of this request's random bytes for each number.
    fn nonce(&self, number: u64) -> [u8; NONCE] {
        let own = [&self.entropy, number.to_be_bytes().as_slice()].concat();
        let [nonce @ .., _, _, _, _, _, _, _, _] = <[u8; 32]>::from(Sha256::digest(own));
        nonce
    }
}
