//! What a page or a server tells of a visitor's permission: a word of the ladder, an IAB TCF
//! string, or the signals of Google consent mode, as its object or as the text `gcs`.
//!
//! Consent mode, from the strictest down (a member that is missing, or no `granted`, is a refusal):
//!
//! | `ad_storage` | `analytics_storage` | `ad_user_data` | `ad_personalization` | state |
//! |---|---|---|---|---|
//! | granted | granted | granted | not `denied` | `full` |
//! | one of the two granted || any | any | `session` |
//! | no | no | any | any | `code` |
//!
//! `gcs` (`G1`, then a digit each for the first two) says nothing of `ad_user_data`, so it is
//! never `full`.

use super::tcf::Permission;
use super::{Consent, Evidence};
use serde_json::Value;

/// A state that was told, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub state: Consent,
    pub evidence: Evidence,
}

/// Reads what was told, in any of the forms; `vendor` is the program's vendor, which a TCF string
/// must name too. `None` for anything else, a TCF string that cannot be read among it: the caller
/// knows whether to answer with an error or to go on as if nothing had been told.
pub fn told(value: &Value, vendor: Option<u16>) -> Option<Told> {
    let (state, evidence) = match value {
        Value::String(text) => text_told(text, vendor)?,
        Value::Object(_) => (mode(value)?, Evidence::ConsentMode),
        _ => return None,
    };
    Some(Told { state, evidence })
}

fn text_told(text: &str, vendor: Option<u16>) -> Option<(Consent, Evidence)> {
    if let Some(state) = Consent::parse(text) {
        return Some((state, Evidence::Decision));
    }
    if let Some(state) = gcs(text) {
        return Some((state, Evidence::ConsentMode));
    }
    let permission = Permission::read(text, vendor)?;
    Some((permission.state(), Evidence::Tcf))
}

/// `G1` and two of `0`, `1`; `G1--`, sent by pages without consent mode, is no signal.
fn gcs(text: &str) -> Option<Consent> {
    match text {
        "G100" => Some(Consent::Code),
        "G101" | "G110" | "G111" => Some(Consent::Session),
        _ => None,
    }
}

/// `None` when the object has no member of consent mode.
fn mode(value: &Value) -> Option<Consent> {
    let word = |name: &str| {
        value
            .get(name)
            .map(|word| word.as_str().unwrap_or_default())
    };
    let (ads, analytics) = (word("ad_storage"), word("analytics_storage"));
    let (data, personal) = (word("ad_user_data"), word("ad_personalization"));
    ads.or(analytics).or(data).or(personal)?;
    let granted = |word: Option<&str>| word == Some("granted");
    let state = match (granted(ads), granted(analytics)) {
        (false, false) => Consent::Code,
        (true, true) if granted(data) && personal != Some("denied") => Consent::Full,
        _ => Consent::Session,
    };
    Some(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state(value: Value) -> Option<(Consent, Evidence)> {
        told(&value, None).map(|told| (told.state, told.evidence))
    }

    #[test]
    fn words_and_gcs_have_their_rungs() {
        for (text, expected) in [
            ("full", Some((Consent::Full, Evidence::Decision))),
            ("session", Some((Consent::Session, Evidence::Decision))),
            ("code", Some((Consent::Code, Evidence::Decision))),
            ("G111", Some((Consent::Session, Evidence::ConsentMode))),
            ("G101", Some((Consent::Session, Evidence::ConsentMode))),
            ("G110", Some((Consent::Session, Evidence::ConsentMode))),
            ("G100", Some((Consent::Code, Evidence::ConsentMode))),
            ("G1--", None),
            ("G11", None),
            ("g111", None),
            ("FULL", None),
            ("", None),
            ("granted", None),
        ] {
            assert_eq!(state(json!(text)), expected, "{text}");
        }
    }

    #[test]
    fn every_consent_mode_object_has_its_rung() {
        let words = [None, Some("granted"), Some("denied"), Some("GRANTED")];
        let names = [
            "ad_storage",
            "analytics_storage",
            "ad_user_data",
            "ad_personalization",
        ];
        for number in 0..256 {
            let chosen = [0, 2, 4, 6].map(|shift| words[number >> shift & 3]);
            let mut object = json!({"functionality_storage": "granted"});
            for (name, word) in names.iter().zip(chosen) {
                if let Some(word) = word {
                    object[*name] = json!(word);
                }
            }
            let given = chosen.map(|word| word == Some("granted"));
            let expected = if !given[0] && !given[1] {
                Consent::Code
            } else if given[0] && given[1] && given[2] && chosen[3] != Some("denied") {
                Consent::Full
            } else {
                Consent::Session
            };
            let known = chosen.iter().any(Option::is_some);
            let expected = known.then_some((expected, Evidence::ConsentMode));
            assert_eq!(state(object.clone()), expected, "{object}");
        }
    }

    #[test]
    fn other_values_tell_nothing() {
        for value in [
            json!(null),
            json!(true),
            json!(2),
            json!(["full"]),
            json!({}),
            json!({"consent": "full"}),
        ] {
            assert_eq!(state(value.clone()), None, "{value}");
        }
        let wrong_type = json!({"ad_storage": true, "analytics_storage": 1});
        let code = Some((Consent::Code, Evidence::ConsentMode));
        assert_eq!(state(wrong_type), code);
    }
}
