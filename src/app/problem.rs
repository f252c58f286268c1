//! Errors for people and programs: RFC 9457 problem documents with a stable code.
//!
//! One table from code to status and title. What goes wrong on our side has one fixed sentence and
//! no detail, so that nothing internal leaks.

use crate::domain::input::FieldError;
use crate::json;
use serde_json::Value;

/// The row of one error.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub status: u16,
    pub code: &'static str,
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident $status:literal $code:literal $title:literal;)*) => {
        $(pub const $name: Kind = Kind { status: $status, code: $code, title: $title };)*
        /// Every error that an answer may carry.
        pub const ALL: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    BODY_NOT_JSON 400 "body_not_json" "The body is not a JSON object.";
    BAD_REQUEST 400 "bad_request" "The request cannot be understood.";
    CURSOR_INVALID 400 "cursor_invalid" "The cursor is not one that a list gave.";
    KEY_MISSING 401 "key_missing" "Send an API key: Authorization: Bearer tlk_…";
    KEY_INVALID 401 "key_invalid" "The API key is not valid here.";
    KEY_REVOKED 403 "key_revoked" "The API key was revoked.";
    SCOPE_TOO_NARROW 403 "scope_too_narrow" "The API key may not do this.";
    PROGRAM_REQUIRED 403 "program_required" "Use a key that belongs to one program.";
    CROSS_ORIGIN 403 "cross_origin" "Only pages of this site may call this.";
    NOT_FOUND 404 "not_found" "There is nothing here.";
    METHOD_NOT_ALLOWED 405 "method_not_allowed" "This address does not take that method.";
    CONFLICT 409 "conflict" "This id was used before with other content; both are kept.";
    ALREADY_EXISTS 409 "already_exists" "Something with this name exists already.";
    ALREADY_SET_UP 409 "already_set_up" "The first key was made before.";
    LAST_KEY 409 "last_key" "Make another admin key for all programs first: this is the last.";
    STATE_UNFIT 409 "state_unfit" "This cannot be done in its present state.";
    BODY_TOO_LARGE 413 "body_too_large" "The body is larger than this address takes.";
    CONTENT_TYPE 415 "content_type_unsupported" "Send Content-Type: application/json.";
    VALIDATION 422 "validation_failed" "Some fields are not right.";
    INTERNAL 500 "internal_error" "Something went wrong on our side.";
    UNAVAILABLE 503 "unavailable" "The service cannot store this now; try again.";
}

/// An error on its way to the caller.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: &'static Kind,
    pub detail: Option<String>,
    pub errors: Vec<FieldError>,
}

impl From<&'static Kind> for Problem {
    fn from(kind: &'static Kind) -> Self {
        Problem {
            kind,
            detail: None,
            errors: Vec::new(),
        }
    }
}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Problem {
            kind: &VALIDATION,
            detail: None,
            errors,
        }
    }
}

impl From<super::ports::DatabaseError> for Problem {
    fn from(_: super::ports::DatabaseError) -> Self {
        (&UNAVAILABLE).into()
    }
}

impl From<super::ports::Unavailable> for Problem {
    fn from(_: super::ports::Unavailable) -> Self {
        (&UNAVAILABLE).into()
    }
}

impl Problem {
    pub fn with_detail(kind: &'static Kind, detail: impl Into<String>) -> Problem {
        Problem {
            kind,
            detail: Some(detail.into()),
            errors: Vec::new(),
        }
    }

    /// One faulty field.
    pub fn field(path: &str, code: &'static str, detail: impl Into<String>) -> Problem {
        vec![FieldError {
            path: path.into(),
            code,
            detail: detail.into(),
        }]
        .into()
    }

    /// Of what was looked for and is not there: a fault of the field that names it.
    pub fn or_unknown(self, path: &str, detail: &str) -> Problem {
        if self.kind == &NOT_FOUND {
            return Problem::field(path, "unknown", detail);
        }
        self
    }

    fn sentence(&self) -> String {
        let faults = self
            .errors
            .iter()
            .map(|e| format!("{}: {}", e.path, e.detail.trim_end_matches('.')));
        let faults = faults.collect::<Vec<_>>().join("; ");
        match (&self.detail, faults.is_empty()) {
            (Some(detail), _) => detail.clone(),
            (None, false) => format!("{} {faults}.", self.kind.title),
            (None, true) => self.kind.title.to_owned(),
        }
    }

    /// The problem document.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "type": format!("urn:throughline:error:{}", self.kind.code),
            "title": self.kind.title,
            "status": self.kind.status,
            "code": self.kind.code,
            "detail": self.sentence(),
        });
        if !self.errors.is_empty() {
            document["errors"] = json!(self.errors);
        }
        document
    }

    /// The document with the member `error` that Dub's client reads.
    pub fn for_dub(&self) -> Value {
        let code = match self.kind.status {
            400 => "bad_request",
            401 => "unauthorized",
            403 => "forbidden",
            404 => "not_found",
            409 => "conflict",
            422 => "unprocessable_entity",
            429 => "rate_limit_exceeded",
            500 => "internal_server_error",
            _ => self.kind.code,
        };
        let mut document = self.document();
        document["error"] = json!({"code": code, "message": self.sentence()});
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable_words_and_unique() {
        let mut codes: Vec<_> = ALL.iter().map(|kind| kind.code).collect();
        assert!(
            codes
                .iter()
                .all(|c| c.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn our_own_faults_say_one_fixed_sentence() {
        for kind in ALL.iter().filter(|kind| kind.status >= 500) {
            let problem = Problem::from(*kind);
            assert_eq!(problem.document()["detail"], kind.title);
            assert!(problem.errors.is_empty());
        }
    }

    #[test]
    fn a_faulty_field_is_named() {
        let document = Problem::field("/amount", "negative", "must not be negative").for_dub();
        assert_eq!(document["status"], 422);
        assert_eq!(document["errors"][0]["path"], "/amount");
        assert_eq!(document["error"]["code"], "unprocessable_entity");
    }
}
