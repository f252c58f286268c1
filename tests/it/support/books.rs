//! What the books of a shop say, and short ways to fill them.

use super::shop::Shop;
use serde_json::{Value, json};

impl Shop {
    /// A sale of 20.00 USD to a customer; what `more` holds is added or replaced.
    pub fn sell(&self, customer: &str, invoice: &str, more: &Value) -> Value {
        let mut body = json!({"customerExternalId": customer, "invoiceId": invoice,
            "amount": 2_000, "currency": "usd"});
        let members = body.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        self.tracked("sale", &body)
    }

    /// A conversion that must be accepted.
    pub fn tracked(&self, kind: &str, body: &Value) -> Value {
        let (status, answer) = self.track(kind, body);
        assert_eq!(status, 200, "{kind} {body}: {answer}");
        answer
    }

    /// The newest decision about the event of that natural key.
    pub fn decision(&self, key: &str) -> Value {
        let sql = format!(
            "SELECT body FROM decisions WHERE body ->> 'key' = '{key}'
             ORDER BY revision DESC LIMIT 1"
        );
        let found = self.db.column(&sql);
        let body = found
            .first()
            .unwrap_or_else(|| panic!("{key} is not decided"));
        serde_json::from_str(body).unwrap()
    }

    /// Code of a refused call, with its faulty fields: `409 already_exists`,
    /// `422 validation_failed /code code_invalid`. A refused call wakes no event.
    pub fn refused(&self, method: &str, path: &str, body: &Value) -> String {
        let pending = || {
            self.db
                .column("SELECT id FROM facts WHERE state = 'pending'")
        };
        let before = pending();
        let (status, answer) = self.control(method, path, body);
        assert!(status >= 400, "{method} {path} {body}: {answer}");
        assert_eq!(before, pending(), "{method} {path} {body}");
        said(status, &answer)
    }

    /// What keeps the money from moving, for everything that was folded once more: the state of
    /// facts, decisions and entries.
    pub fn books(&self) -> Vec<String> {
        let queries = [
            "SELECT 'fact ' || id || state FROM facts ORDER BY id",
            "SELECT 'decision ' || event || revision || body FROM decisions ORDER BY 1",
            "SELECT 'entry ' || id || amount || currency FROM entries ORDER BY 1",
        ];
        queries.iter().flat_map(|sql| self.db.column(sql)).collect()
    }

    /// Folds everything once more; nothing may change by it.
    pub fn fold_again(&self) {
        self.fold();
        let before = self.books();
        self.db
            .execute("UPDATE facts SET state = 'pending' WHERE state = 'folded'");
        self.fold();
        assert_eq!(before, self.books(), "folding again changes nothing");
    }

    /// The whole database and KV as one text.
    pub fn dump(&self) -> String {
        let tables = self
            .db
            .column("SELECT name FROM sqlite_schema WHERE type = 'table'");
        let mut all = String::new();
        for table in tables {
            let columns = format!(
                "SELECT group_concat('quote(' || name || ')', '||')
                 FROM pragma_table_info('{table}')"
            );
            let columns = self.db.column(&columns).remove(0);
            let rows = format!("SELECT {columns} FROM {table}");
            all += &self.db.column(&rows).join("\n");
        }
        all + &format!("{:?}", self.kv.records.borrow())
    }
}

/// Status, code and faulty fields of an answer.
pub fn said(status: u16, answer: &Value) -> String {
    let mut text = format!("{status} {}", answer["code"].as_str().unwrap_or_default());
    for error in answer["errors"].as_array().into_iter().flatten() {
        let (path, code) = (&error["path"], &error["code"]);
        text += &format!(" {} {}", path.as_str().unwrap(), code.as_str().unwrap());
    }
    text
}
