//! The name of the parameter that carries the click token in addresses.
//!
//! Under a name that link cleaners take away a token would not arrive. What AdGuard's and
//! ClearURLs' lists take away on every site stands in `stripped.json`, which
//! `tools/stripped-names.mjs` refreshes.

use super::params::SUBS;
use crate::values::input::Fields;
use crate::values::limits;
use crate::visit::click_ids::ClickIdKind;
use regex_lite::Regex;
use serde::Deserialize;

const STRIPPED: &str = include_str!("stripped.json");

/// Names and beginnings of others: of whole families that the lists name in part, and of shops'
/// networks that they name for single sites.
const OTHERS: [&str; 3] = ["dicbo", "tag", "ascsubtag"];
const BEGINNINGS: [&str; 7] = ["utm", "itm_", "hsa_", "mc_", "ir_", "ga_", "mkt_"];

#[derive(Deserialize)]
struct Stripped {
    names: Vec<String>,
    /// Of whole names.
    patterns: Vec<String>,
}

impl Stripped {
    fn read() -> Option<Stripped> {
        serde_json::from_str(STRIPPED).ok()
    }

    fn holds(&self, name: &str) -> bool {
        let pattern = format!("^(?:{})$", self.patterns.join("|"));
        let matches = Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(name));
        matches || self.names.iter().any(|known| known == name)
    }
}

/// Has the name another meaning, or do browsers and tools take it away?
fn is_taken(name: &str) -> bool {
    SUBS.contains(&name)
        || ClickIdKind::from_param(name).is_some()
        || OTHERS.contains(&name)
        || BEGINNINGS.iter().any(|start| name.starts_with(start))
        || Stripped::read().is_some_and(|stripped| stripped.holds(name))
}

/// Reads the name: `[a-z][a-z0-9_]{0,15}`. `known`: check it too, unless it is the one that the
/// program has. A record that was stored is read whatever has been taken since.
pub(super) fn read<'a>(fields: &mut Fields<'a>, known: Option<&str>) -> Option<&'a str> {
    let name = fields.text("token_param", limits::PARAM_CHARS)?;
    let byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts || name.len() > 16 || !name.bytes().all(byte) {
        fields.fault(
            "token_param",
            "name_invalid",
            "must be a-z, then a-z 0-9 _, up to 16",
        );
        return None;
    }
    if known.is_some_and(|known| known != name && is_taken(name)) {
        let detail = "is a name that others use or that browsers and tools remove";
        fields.fault("token_param", "name_taken", detail);
        return None;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::link::TOKEN_PARAM;

    #[test]
    fn what_the_lists_take_away_on_every_site_is_taken() {
        let stripped = Stripped::read().unwrap();
        assert!(stripped.names.len() > 200 && stripped.patterns.len() > 10);
        for pattern in &stripped.patterns {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
        for name in &stripped.names {
            assert!(is_taken(name), "{name}");
        }
        for name in [
            "a8",
            "maf",
            "awc",
            "elq",
            "spm",
            "mc",
            "xmc",
            "wt_zmc",
            "vn_a_b",
            "otm_",
            "ref_",
            "at_custom1",
            "cm_mmca",
            "fb_action_types",
            "ga_x",
            "cjevent",
            "ttclid",
            "mtm",
        ] {
            assert!(is_taken(name), "{name}");
        }
        for free in [
            TOKEN_PARAM,
            "click",
            "partner",
            "tl_token",
            "amc2",
            "wt",
            "vnx",
            "a9",
            "refx",
        ] {
            assert!(!is_taken(free), "{free}");
        }
    }

    #[test]
    fn a_name_that_a_program_has_stays_and_a_stored_one_is_read() {
        let body = serde_json::json!({"token_param": "a8"});
        let read = |known| {
            let mut fields = Fields::new(body.as_object().unwrap(), "");
            let read = read(&mut fields, known);
            fields.finish(read).is_ok()
        };
        assert!(read(None) && read(Some("a8")));
        assert!(!read(Some("tl")));
    }
}
