//! A visit as JSON, written straight into a text: every redirect writes one, and serde's way
//! through its traits took three times as long. The form is that of [`Visit`]'s `Serialize`.

use super::{ClickIdRecord, TouchRecord, Visit, VisitKind};
use crate::domain::consent::Evidence;
use throughline_text::{Draft, Set, all_in};

impl Visit {
    /// Appends the visit as a JSON object.
    pub fn write_json(&self, out: &mut Draft) {
        let kind = match self.kind {
            VisitKind::Click => "click",
            VisitKind::Landing => "landing",
            VisitKind::Orphan => "orphan",
            VisitKind::Grant => "grant",
            VisitKind::Unverified => "unverified",
        };
        out.texts(&["{\"kind\":\"", kind, "\",\"key\":"]);
        text(&self.key, out);
        out.text(",\"at\":");
        out.number(self.at.0);
        out.text(",\"touch\":");
        touch(&self.touch, out);
        list(",\"earlier\":[", &self.earlier, touch, out);
        list(",\"click_ids\":[", &self.click_ids, click_id, out);
        if let Some(referrer) = &self.referrer {
            out.text(",\"referrer\":");
            text(referrer, out);
        }
        let mut before = ",\"tags\":{";
        for (name, value) in &self.tags {
            out.text(before);
            text(name, out);
            out.text(":");
            text(value, out);
            before = ",";
        }
        out.text(if self.tags.is_empty() { "}" } else { "}}" });
    }
}

fn list<T>(head: &str, items: &[T], write: fn(&T, &mut Draft), out: &mut Draft) {
    let mut before = head;
    for item in items {
        out.text(before);
        write(item, out);
        before = ",";
    }
    if !items.is_empty() {
        out.text("]");
    }
}

fn touch(touch: &TouchRecord, out: &mut Draft) {
    out.text("{\"at\":");
    out.number(touch.at.0);
    out.text(",\"program\":\"");
    touch.program.write(out);
    out.text("\",\"link\":\"");
    touch.link.write(out);
    out.text("\",\"partner\":\"");
    touch.partner.write(out);
    out.text("\",\"variant\":");
    out.number(i64::from(touch.variant));
    let evidence = match touch.evidence {
        Evidence::Default => "default",
        Evidence::Country => "country",
        Evidence::Gpc => "gpc",
        Evidence::Decision => "decision",
        Evidence::SiteCookie => "site_cookie",
        Evidence::Tcf => "tcf",
        Evidence::ConsentMode => "consent_mode",
    };
    let checkout = if touch.checkout {
        ",\"checkout\":true"
    } else {
        ""
    };
    let holdout = if touch.holdout {
        ",\"holdout\":true"
    } else {
        ""
    };
    let (class, consent) = (touch.class.name(), touch.consent.name());
    let class = [",\"class\":\"", class, "\"", checkout, holdout];
    out.texts(&class);
    let permission = [
        ",\"consent\":\"",
        consent,
        "\",\"evidence\":\"",
        evidence,
        "\"",
    ];
    out.texts(&permission);
    if let Some(nonce) = &touch.nonce {
        out.text(",\"nonce\":");
        text(nonce, out);
    }
    out.text("}");
}

fn click_id(id: &ClickIdRecord, out: &mut Draft) {
    out.texts(&["{\"kind\":\"", id.kind.param(), "\",\"at\":"]);
    out.number(id.at.0);
    out.text(",\"value\":");
    text(&id.value, out);
    out.text("}");
}

/// The bytes that stand for themselves in a JSON text.
const PLAIN: Set = Set::of(b' ', 255, b"\"\\");

/// A text in quotes. What needs an escape is rare; serde writes it then.
fn text(value: &str, out: &mut Draft) {
    if all_in(value, &PLAIN) {
        out.texts(&["\"", value, "\""]);
    } else {
        out.text(&serde_json::to_string(value).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::click_ids::ClickIdKind;
    use super::super::super::consent::Consent;
    use super::super::super::journal::{ClickId, Journal};
    use super::super::super::time::UnixMs;
    use super::super::super::token::tests::{NOW, touch as any_touch};
    use super::super::super::token::{Marks, Touch};
    use super::super::super::traffic::Class;
    use super::*;
    use std::num::NonZeroU64;

    fn same(visit: &Visit) {
        let mut written = Draft::default();
        visit.write_json(&mut written);
        assert_eq!(written.as_str(), serde_json::to_string(visit).unwrap());
    }

    #[test]
    fn every_class_evidence_kind_and_mark_is_written_as_serde_does() {
        for class in Class::ALL {
            for evidence in (0..=15).filter_map(Evidence::from_number) {
                let touch = Touch {
                    class,
                    evidence,
                    marks: Marks::CHECKOUT,
                    ..any_touch()
                };
                same(&Visit::new(VisitKind::Landing, 0, &touch, None));
            }
        }
        let touch = Touch {
            marks: Marks::HOLDOUT,
            variant: 255,
            ..any_touch()
        };
        use VisitKind::{Click, Grant, Landing, Orphan, Unverified};
        for kind in [Click, Landing, Grant, Orphan, Unverified] {
            same(&Visit::new(kind, u64::MAX, &touch, None));
            same(&Visit::new(kind, 1, &touch.anonymous(), None));
        }
    }

    #[test]
    fn the_whole_memory_is_written_as_serde_does() {
        let mut journal = Journal::new(Consent::Session, 1, NOW);
        for n in 1..=9 {
            journal.add_touch(Touch {
                nonce: NonZeroU64::new(n),
                ..any_touch()
            });
        }
        let values = ["plain", "a\\b\"c\u{1}", "ü%2B+", ""];
        for (kind, value) in ClickIdKind::ALL.iter().zip(values) {
            journal.add_click_ids([ClickId {
                kind: *kind,
                at: NOW,
                value: value.to_owned(),
            }]);
        }
        let mut visit = Visit::new(VisitKind::Click, 9, &any_touch(), Some(&journal));
        same(&visit);
        visit = visit.came_from("https://User@News.Example:8080/a?b#c");
        assert_eq!(visit.referrer.as_deref(), Some("news.example"));
        same(&visit);
        for (name, value) in [("sub1", "a\"b"), ("sub2", "")] {
            visit.tags.insert(name.into(), value.into());
            same(&visit);
        }
    }

    #[test]
    fn numbers_of_any_size_are_written() {
        for value in [0, 9, 10, -1, 1_795_334_400_000, i64::MAX, i64::MIN] {
            let visit = Visit {
                at: UnixMs(value),
                ..Visit::new(VisitKind::Click, 1, &any_touch(), None)
            };
            same(&visit);
        }
    }
}
