//! Under which pseudonyms a partner may appear as a customer: to see that a partner buys from
//! itself. Of mail address and customer ids only keyed pseudonyms are kept, so they can be counted
//! and taken away, but not shown.

use super::BUMP_PROGRAM;
use crate::domain::destination::hashing;
use crate::domain::ids::ProgramId;
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::pseudonym::Pseudonyms;

const FORGET: &str = "DELETE FROM partner_identities WHERE partner = ?1 ->> 'id'";
const ADD: &str = "INSERT INTO partner_identities (program, pseudonym, partner)
    SELECT p.program, i.value, p.id FROM partners p, json_each(?1, '$.identities') i
    WHERE p.id = ?1 ->> 'id' ON CONFLICT DO NOTHING";
/// Customers whom the partner may be are decided again, earlier events too. The `+` takes the
/// column's affinity away: the index on an expression has none.
const WAKE: &str = "UPDATE facts SET state = 'pending' WHERE state = 'folded' AND seq IN (
      SELECT f.seq FROM partner_identities x
      CROSS JOIN facts f ON f.program = x.program AND f.customer = x.pseudonym
      WHERE x.partner = ?1 ->> 'id'
      UNION ALL
      SELECT f.seq FROM partner_identities x
      CROSS JOIN facts f ON f.program = x.program AND f.body ->> '$.mailbox' = +x.pseudonym
      WHERE x.partner = ?1 ->> 'id')";

/// What a body says of a partner's identities.
pub(super) struct Identities {
    pub(super) added: Vec<String>,
    /// All that were known before are forgotten.
    forget: bool,
}

impl Identities {
    /// Adds what has to be written; gives whether anything has.
    pub(super) fn push_sql(&self, sql: &mut Vec<&'static str>) -> bool {
        if self.forget {
            sql.extend([WAKE, FORGET]);
        }
        if !self.added.is_empty() {
            sql.extend([ADD, WAKE]);
        }
        let any = self.forget || !self.added.is_empty();
        if any {
            sql.push(BUMP_PROGRAM);
        }
        any
    }
}

/// Reads `email` and `customers`, which add, and `identities: null`, which takes all away.
pub(super) fn read(
    fields: &mut Fields<'_>,
    pseudonyms: &Pseudonyms,
    program: ProgramId,
) -> Identities {
    let program = program.to_string();
    let mut added = Vec::new();
    if let Some(email) = fields.text("email", 320) {
        // As written too: so it is known where a caller sent the hash of an alias, and in events
        // from before there was one form for a mailbox.
        let forms = [hashing::mailbox(email), hashing::email(email)];
        let hashes = forms.into_iter().flatten();
        added.extend(hashes.map(|hash| pseudonyms.mailbox(&program, &hash)));
        added.dedup();
        if added.is_empty() {
            fields.fault("email", "not_an_email", "must be a mail address");
        }
    }
    let customers = fields.texts("customers", limits::PARTNER_CUSTOMERS);
    for (place, customer) in customers.unwrap_or_default().into_iter().enumerate() {
        let id = customer.trim();
        let fits = id.chars().count() <= limits::EXTERNAL_ID_CHARS;
        if id.is_empty() || !fits || id.chars().any(char::is_control) {
            let detail = "must be your id of a customer";
            fields.fault(&format!("customers/{place}"), "not_an_id", detail);
        }
        added.push(pseudonyms.customer(&program, id));
    }
    if fields.value("identities").is_some() {
        fields.fault("identities", "only_null", "null forgets them all");
    }
    Identities {
        added,
        forget: fields.has("identities"),
    }
}
