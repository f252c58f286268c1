//! An answer of the edge plane, and the one text as which it crosses to the entry.

use super::super::problem::{Kind, Problem};
use crate::domain::click::Visit;
use crate::domain::document::Additions;

/// Status of an answer that the site behind the gateway gives; ours are additions to it.
pub const PASS: u16 = 0;

/// An answer of the edge plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, or [`PASS`].
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// The body; under [`PASS`] the attributes of the script to inject, if any.
    pub body: String,
    pub visits: Vec<Visit>,
    /// Something should be fetched after the response.
    pub refresh: bool,
}

impl Answer {
    /// One text: status, refresh, visits as JSON objects, body, then header names and values, with
    /// the unit separator between them, which none of them can hold. Empty when the site answers
    /// and nothing is added.
    pub fn encode(&self) -> String {
        let nothing = self.headers.is_empty() && self.body.is_empty() && self.visits.is_empty();
        if self.status == PASS && nothing && !self.refresh {
            return String::new();
        }
        let headers: usize = self.headers.iter().map(|(_, value)| value.len() + 32).sum();
        let room = 64 + headers + self.body.len() + self.visits.len() * 1_024;
        let mut text = String::with_capacity(room);
        text.push_str(&self.status.to_string());
        text.push_str(if self.refresh {
            "\u{1f}1\u{1f}"
        } else {
            "\u{1f}\u{1f}"
        });
        for (place, visit) in self.visits.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            visit.write_json(&mut text);
        }
        for part in ["\u{1f}", &self.body] {
            text.push_str(part);
        }
        for (name, value) in &self.headers {
            for part in ["\u{1f}", name, "\u{1f}", value] {
                text.push_str(part);
            }
        }
        text
    }

    pub(super) fn problem(kind: &'static Kind) -> Answer {
        let document = Problem::from(kind).document();
        Answer::json(kind.status, "application/problem+json", &document)
    }

    pub(super) fn json(status: u16, content_type: &str, body: &serde_json::Value) -> Answer {
        Answer {
            status,
            headers: vec![
                ("content-type", content_type.to_owned()),
                ("cache-control", "private, no-store".to_owned()),
                ("x-content-type-options", "nosniff".to_owned()),
            ],
            body: body.to_string(),
            ..Answer::default()
        }
    }

    pub(super) fn with_cookies(mut self, cookies: Vec<String>) -> Answer {
        let named = cookies.into_iter().map(|cookie| ("set-cookie", cookie));
        self.headers.extend(named);
        self
    }

    /// The site's answer with additions. `script`: the attributes of the tag to inject.
    pub(super) fn pass(additions: Additions, script: String) -> Answer {
        let mut answer = Answer {
            visits: additions.visits,
            body: script,
            ..Answer::default()
        };
        let personal = !additions.set_cookies.is_empty() || additions.token.is_some();
        answer = answer.with_cookies(additions.set_cookies);
        if let Some(token) = additions.token {
            answer
                .headers
                .push(("server-timing", format!("tl;desc=\"{token}\"")));
        }
        if personal {
            answer
                .headers
                .push(("cache-control", "private, no-store".to_owned()));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_answer_keeps_its_parts_apart() {
        let answer = Answer {
            status: 302,
            headers: vec![("location", "https://a.example/".to_owned())],
            refresh: true,
            ..Answer::default()
        };
        let text = answer.encode();
        let parts: Vec<_> = text.split('\u{1f}').collect();
        assert_eq!(
            parts,
            ["302", "1", "", "", "location", "https://a.example/"]
        );
    }

    #[test]
    fn a_site_that_answers_alone_is_no_text_at_all() {
        assert_eq!(
            Answer::pass(Additions::default(), String::new()).encode(),
            ""
        );
        let token = Additions {
            token: Some("tlc_x".into()),
            ..Additions::default()
        };
        let text = Answer::pass(token, String::new()).encode();
        assert!(
            text.starts_with("0\u{1f}") && text.contains("server-timing\u{1f}tl;desc=\"tlc_x\"")
        );
        assert!(
            text.contains("private, no-store"),
            "a token is one visitor's"
        );
    }
}
