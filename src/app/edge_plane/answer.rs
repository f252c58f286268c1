//! An answer of the edge plane, and the one text as which it crosses to the entry.

use super::super::problem::{Kind, Problem};
use domain::visit::click::Visit;
use domain::visit::document::Additions;
use throughline_text::{Draft, append};

/// Status of an answer that the site behind the gateway gives; ours are additions to it.
pub const PASS: u16 = 0;

/// Bytes of clicks that make a message to the queue, which is billed by 64 KB.
const MESSAGE: usize = 64_000;

/// A kind of answers that have headers in common. The entry asks for those once and keeps a
/// response with them: copying that costs less than making one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Nothing in common.
    #[default]
    Plain,
    Redirect,
    /// A redirect with a page for clients that do not follow it.
    RedirectPage,
    Page,
    Json,
    Problem,
    /// JSON that anybody may have.
    File,
}

/// Nobody keeps an answer of ours: not caches, not those who guess at content.
const PRIVATE: (&str, &str) = ("cache-control", "private, no-store");
const NO_SNIFF: (&str, &str) = ("x-content-type-options", "nosniff");
const UNLISTED: (&str, &str) = ("x-robots-tag", "noindex, nofollow");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
const REFERRER: (&str, &str) = ("referrer-policy", "strict-origin-when-cross-origin");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

impl Form {
    pub const ALL: [Form; 7] = [
        Form::Plain,
        Form::Redirect,
        Form::RedirectPage,
        Form::Page,
        Form::Json,
        Form::Problem,
        Form::File,
    ];

    /// What all answers of this form have.
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Form::Plain => &[],
            Form::Redirect => &[PRIVATE, REFERRER, UNLISTED],
            Form::RedirectPage => &[HTML, PRIVATE, REFERRER, UNLISTED, NO_SNIFF],
            Form::Page => &[
                HTML,
                PRIVATE,
                ("content-security-policy", POLICY),
                UNLISTED,
                NO_SNIFF,
            ],
            Form::Json => &[("content-type", "application/json"), PRIVATE, NO_SNIFF],
            Form::Problem => &[
                ("content-type", "application/problem+json"),
                PRIVATE,
                NO_SNIFF,
            ],
            Form::File => &[
                ("content-type", "application/json"),
                ("cache-control", "public, max-age=300"),
                NO_SNIFF,
            ],
        }
    }

    /// The headers of the form with this number as one text, as [`Answer::encode_apart`] writes
    /// them.
    pub fn encoded_headers(number: usize) -> String {
        let form = Form::ALL.get(number).copied().unwrap_or_default();
        let mut text = String::new();
        for (name, value) in form.headers() {
            header(name, value, &mut text);
        }
        text
    }
}

fn header(name: &str, value: &str, text: &mut String) {
    append(&["\u{1f}", name, "\u{1f}", value], text);
}

/// An answer of the edge plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, or [`PASS`].
    pub status: u16,
    pub form: Form,
    /// Beside those of the form.
    pub headers: Vec<(&'static str, String)>,
    /// The body; under [`PASS`] the attributes of the script to inject, if any.
    pub body: String,
    pub visits: Vec<Visit>,
    /// Something should be fetched after the response.
    pub refresh: bool,
}

impl Answer {
    /// One text: three digits of the status, one each for the form, for "refresh" and for the
    /// clicks (0: none is new, 1: they wait, 2: send them now), the body, then header names and
    /// values, with the unit separator before each, which none of them can hold. Empty when the
    /// site answers and nothing is added.
    ///
    /// The visits stay here, with `clicks`, as JSON objects with commas between them: many are
    /// handed over together, and the entry reads less.
    pub fn encode_apart(&self, clicks: &mut Draft) -> String {
        let nothing = self.headers.is_empty() && self.body.is_empty() && self.visits.is_empty();
        if self.status == PASS && nothing && !self.refresh {
            return String::new();
        }
        let headers: usize = self.headers.iter().map(|(_, value)| value.len() + 32).sum();
        let room = 64 + headers + self.body.len();
        let mut text = String::with_capacity(room);
        for visit in &self.visits {
            if !clicks.is_empty() {
                clicks.text(",");
            }
            visit.write_json(clicks);
        }
        let waiting = match self.visits.len() {
            0 => 0,
            _ => 1 + u8::from(clicks.len() >= MESSAGE),
        };
        let status = [self.status / 100, self.status / 10 % 10, self.status % 10];
        let flags = [self.form as u8, u8::from(self.refresh), waiting];
        for digit in status.into_iter().chain(flags.map(u16::from)) {
            text.push(char::from_digit(digit.into(), 10).unwrap_or('0'));
        }
        text.push_str(&self.body);
        for (name, value) in &self.headers {
            header(name, value, &mut text);
        }
        text
    }

    /// The text of an answer whose visits, if it has any, nobody waits for.
    pub fn encode(&self) -> String {
        self.encode_apart(&mut Draft::default())
    }

    pub(super) fn problem(kind: &'static Kind) -> Answer {
        Answer {
            status: kind.status,
            form: Form::Problem,
            body: Problem::from(kind).document().to_string(),
            ..Answer::default()
        }
    }

    pub(super) fn json(body: &serde_json::Value) -> Answer {
        Answer {
            status: 200,
            form: Form::Json,
            body: body.to_string(),
            ..Answer::default()
        }
    }

    /// A JSON file that anybody may have, and keep for five minutes.
    pub(super) fn file(json: &str) -> Answer {
        Answer {
            status: 200,
            form: Form::File,
            body: json.to_owned(),
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
            let (name, value) = PRIVATE;
            answer.headers.push((name, value.to_owned()));
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::values::ids::{LinkId, PartnerId, ProgramId};
    use domain::values::time::UnixMs;
    use domain::visit::click::VisitKind;
    use domain::visit::consent::{Consent, Evidence};
    use domain::visit::token::{Marks, Touch};
    use domain::visit::traffic::Class;
    use std::num::NonZeroU64;

    fn touch() -> Touch {
        Touch {
            at: UnixMs(1_795_334_400_000),
            program: ProgramId::from_number(1),
            link: LinkId::from_number(2),
            partner: PartnerId::from_number(3),
            variant: 0,
            class: Class::Human,
            marks: Marks::default(),
            consent: Consent::Full,
            evidence: Evidence::Default,
            nonce: NonZeroU64::new(4),
        }
    }

    #[test]
    fn an_encoded_answer_keeps_its_parts_apart() {
        let answer = Answer {
            status: 302,
            form: Form::Redirect,
            headers: vec![("location", "https://a.example/".to_owned())],
            body: "Moved".to_owned(),
            refresh: true,
            ..Answer::default()
        };
        let text = answer.encode();
        let parts: Vec<_> = text.split('\u{1f}').collect();
        assert_eq!(parts, ["302110Moved", "location", "https://a.example/"]);
    }

    #[test]
    fn visits_wait_apart_and_the_entry_hears_when_they_make_a_message() {
        let visit = Visit::new(VisitKind::Click, 7, &touch(), None);
        let answer = Answer {
            status: 302,
            visits: vec![visit.clone(), visit.clone()],
            ..Answer::default()
        };
        let mut clicks = Draft::default();
        answer.encode_apart(&mut clicks);
        let told = answer.encode_apart(&mut clicks);
        let waiting: Vec<Visit> = serde_json::from_str(&format!("[{}]", clicks.as_str())).unwrap();
        assert_eq!(waiting, vec![visit; 4]);
        assert_eq!(told, "302001");
        while clicks.len() < MESSAGE {
            let told = answer.encode_apart(&mut clicks);
            assert_eq!(told.ends_with('2'), clicks.len() >= MESSAGE, "{told}");
        }
        assert_eq!(Answer::default().encode_apart(&mut clicks), "");
    }

    #[test]
    fn every_form_has_its_place_and_headers_that_can_be_taken_apart() {
        for (number, form) in Form::ALL.iter().enumerate() {
            assert_eq!(*form as usize, number);
            let text = Form::encoded_headers(number);
            let parts: Vec<_> = text.split('\u{1f}').skip(1).collect();
            let headers: Vec<_> = parts
                .chunks_exact(2)
                .map(|each| (each[0], each[1]))
                .collect();
            assert_eq!(headers, form.headers());
        }
        assert_eq!(Form::encoded_headers(9), "");
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
            text.starts_with("000000\u{1f}")
                && text.contains("server-timing\u{1f}tl;desc=\"tlc_x\"")
        );
        assert!(
            text.contains("private, no-store"),
            "a token is one visitor's"
        );
    }
}
