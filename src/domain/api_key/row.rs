//! The row of a key: the last word on what it may do, wherever the database can be asked.
//!
//! `app::ingest` says the same in SQL, because there the check and the write are one transaction.

use super::{ApiKey, Presented, Scope};
use crate::domain::ids::ProgramId;
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// What is stored of a key.
#[derive(Debug, Deserialize)]
pub struct KeyRow {
    pub scope: Scope,
    pub program: Option<ProgramId>,
    /// [`super::digest`] of the text. Rows from before there were digests have none: they admit any
    /// signed text that says the same as the row, until the key is replaced.
    pub digest: Option<String>,
    pub revoked: bool,
}

/// Why a key opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The text is not the one that was handed out.
    Invalid,
    Revoked,
}

impl KeyRow {
    /// The key with what its row allows.
    pub fn admit(&self, presented: &Presented) -> Result<ApiKey, Refused> {
        let says = presented.says;
        let agrees = says.scope == self.scope && says.program == self.program;
        let same = |stored: &String| {
            let ours = presented.digest.as_bytes();
            bool::from(stored.as_bytes().ct_eq(ours))
        };
        if !agrees || !self.digest.as_ref().is_none_or(same) {
            return Err(Refused::Invalid);
        }
        if self.revoked {
            return Err(Refused::Revoked);
        }
        Ok(ApiKey {
            id: says.id,
            program: self.program,
            scope: self.scope,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest;
    use super::*;
    use crate::domain::ids::ApiKeyId;
    use crate::domain::seal::tests::keyring;

    fn read_key() -> ApiKey {
        ApiKey {
            id: ApiKeyId::from_number(1),
            program: Some(ProgramId::from_number(2)),
            scope: Scope::Read,
        }
    }

    fn presented(key: ApiKey) -> Presented {
        Presented::open(&keyring(), &key.text(&keyring())).unwrap()
    }

    fn row(digest: Option<String>) -> KeyRow {
        KeyRow {
            scope: Scope::Read,
            program: read_key().program,
            digest,
            revoked: false,
        }
    }

    #[test]
    fn only_the_text_that_was_handed_out_is_the_key() {
        let text = read_key().text(&keyring());
        for stored in [Some(digest(&text)), None] {
            let admitted = row(stored).admit(&presented(read_key()));
            assert_eq!(admitted, Ok(read_key()));
        }
        let other = row(Some(digest(&format!("{text}A"))));
        let admitted = other.admit(&presented(read_key()));
        assert_eq!(admitted, Err(Refused::Invalid));
    }

    #[test]
    fn a_signed_text_that_says_more_than_the_row_is_refused() {
        let admin = ApiKey {
            scope: Scope::Admin,
            ..read_key()
        };
        let everywhere = ApiKey {
            program: None,
            ..read_key()
        };
        for forged in [admin, everywhere] {
            // Even where the row has no digest, or has somehow got this one.
            for stored in [None, Some(presented(forged).digest)] {
                let admitted = row(stored).admit(&presented(forged));
                assert_eq!(admitted, Err(Refused::Invalid));
            }
        }
    }

    #[test]
    fn what_was_revoked_is_said_to_be_only_to_who_has_the_key() {
        let revoked = KeyRow {
            revoked: true,
            ..row(Some(digest(&read_key().text(&keyring()))))
        };
        let admitted = revoked.admit(&presented(read_key()));
        assert_eq!(admitted, Err(Refused::Revoked));
        let foreign = KeyRow {
            digest: Some(String::new()),
            ..revoked
        };
        let admitted = foreign.admit(&presented(read_key()));
        assert_eq!(admitted, Err(Refused::Invalid));
    }
}
