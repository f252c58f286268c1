//! What a program says about its site's own consent tool: which cookie holds the visitor's answer
//! and what its values mean, and whether the site follows IAB TCF. The settings come through the
//! API and go to the edge in the same JSON form:
//!
//! `{"cookie": {"name": "…", "full": ["…"], "session": ["…"]}, "tcf": true, "vendor": 755}`
//!
//! A pattern is compared with the whole percent-decoded value; `*` in it stands for any run of
//! characters. So `yes` is that value alone, and `*marketing:true*` fits Cookiebot's
//! `{stamp:…,statistics:true,marketing:true,…}`, `*C0002:1*C0004:1*` OneTrust's
//! `…groups=C0001:1,C0002:1,C0004:1…`. The patterns of `full` are tried before those of `session`;
//! a value that none fits is `code`.

use super::tcf::{self, Permission};
use super::{Consent, Evidence, Stated};
use crate::values::input::Fields;
use crate::values::limits;
use crate::visit::click_ids;
use crate::visit::cookies;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Patterns of one list.
const PATTERNS: usize = 8;
/// Characters of one pattern.
const PATTERN_CHARS: usize = 120;
/// Characters of a cookie's name.
const COOKIE_NAME_CHARS: usize = 64;

/// The consent settings of a program. The default one knows no signal of the site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SiteConsent {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookieRule>,
    /// Is the cookie `euconsent-v2` looked at?
    pub tcf: bool,
    /// Id in the Global Vendor List that must have consent too for more than `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<u16>,
}

/// What the values of the site's own consent cookie mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CookieRule {
    pub name: String,
    pub full: Vec<String>,
    pub session: Vec<String>,
}

impl SiteConsent {
    /// No signal of the site is looked at.
    pub const NONE: SiteConsent = SiteConsent {
        cookie: None,
        tcf: false,
        vendor: None,
    };

    pub fn is_none(&self) -> bool {
        *self == SiteConsent::NONE
    }

    /// Reads the member `consent` of a request body. `None` when it is absent or faulty; the
    /// faults are in `fields` then.
    pub fn read(fields: &mut Fields<'_>) -> Option<SiteConsent> {
        let mut members = fields.object("consent")?;
        let read = SiteConsent::members(&mut members);
        fields.absorb(members.finish(Some(read)))
    }

    fn members(fields: &mut Fields<'_>) -> SiteConsent {
        let cookie = fields.object("cookie").and_then(|mut members| {
            let rule = CookieRule::members(&mut members);
            fields.absorb(members.finish(rule))
        });
        let tcf = fields.boolean("tcf").unwrap_or(false);
        let vendor = fields.integer("vendor", 1, i64::from(u16::MAX));
        if vendor.is_some() && !tcf {
            fields.fault("vendor", "tcf_required", "a vendor needs tcf: true");
        }
        SiteConsent {
            cookie,
            tcf,
            vendor: vendor.and_then(|id| u16::try_from(id).ok()),
        }
    }

    /// The strictest of what the request's cookies say, and who says it; `None` when the program
    /// looks at none of them or none is there. A `Cookie` header that is too long to look at may
    /// hold a refusal, so it is one; and so is a TCF string that cannot be read.
    pub(super) fn signal(&self, header: &str) -> Option<Stated> {
        if self.cookie.is_none() && !self.tcf {
            return None;
        }
        let site = self.cookie.as_ref().and_then(|rule| {
            let state = strictest(header, &rule.name, &|value| rule.state(value))?;
            Some(Stated::of(state, Evidence::SiteCookie))
        });
        if !self.tcf {
            return site;
        }
        let permitted = |text: &str| {
            let permission = Permission::read(text, self.vendor);
            permission.map_or(Consent::Code, Permission::state)
        };
        let tcf = strictest(header, tcf::COOKIE, &permitted);
        let tcf = tcf.map(|state| Stated::of(state, Evidence::Tcf));
        match (site, tcf) {
            (Some(site), Some(tcf)) if tcf.state < site.state => Some(tcf),
            (site, tcf) => site.or(tcf),
        }
    }
}

/// The strictest state of the cookies of a name.
fn strictest(header: &str, name: &str, state: &dyn Fn(&str) -> Consent) -> Option<Consent> {
    if header.len() > limits::COOKIE_HEADER_BYTES {
        return Some(Consent::Code);
    }
    cookies::named(header, name).map(state).min()
}

/// Reads what [`Serialize`] wrote, by the rules of [`SiteConsent::read`].
impl<'de> Deserialize<'de> for SiteConsent {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<SiteConsent, D::Error> {
        let value = Value::deserialize(from)?;
        let wrong = || serde::de::Error::custom("not consent settings");
        let mut fields = Fields::new(value.as_object().ok_or_else(wrong)?, "");
        let read = SiteConsent::members(&mut fields);
        fields.finish(Some(read)).map_err(|_| wrong())
    }
}

impl CookieRule {
    fn members(fields: &mut Fields<'_>) -> Option<CookieRule> {
        let name = fields.required_text("name", COOKIE_NAME_CHARS);
        if name.is_some_and(|name| !name.bytes().all(is_token)) {
            fields.fault("name", "not_a_cookie_name", "must be the name of a cookie");
        }
        let full = patterns(fields, "full");
        let session = patterns(fields, "session");
        if full.is_empty() && session.is_empty() {
            fields.fault("full", "required", "name a value that is a consent");
        }
        Some(CookieRule {
            name: name?.to_owned(),
            full,
            session,
        })
    }

    /// What a raw value of the cookie means.
    fn state(&self, raw: &str) -> Consent {
        let decoded;
        let value = if raw.contains('%') {
            decoded = click_ids::decode(raw);
            &decoded
        } else {
            raw
        };
        let any = |list: &[String]| list.iter().any(|pattern| fits(pattern, value));
        if any(&self.full) {
            Consent::Full
        } else if any(&self.session) {
            Consent::Session
        } else {
            Consent::Code
        }
    }
}

/// A byte of a cookie's name: `token` of RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn patterns(fields: &mut Fields<'_>, name: &str) -> Vec<String> {
    let texts = fields.texts(name, PATTERNS).unwrap_or_default();
    let sound = |text: &&str| {
        let count = text.chars().count();
        // A pattern of stars alone would take every refusal for a consent.
        count <= PATTERN_CHARS && !text.trim_matches('*').is_empty() && is_printable(text)
    };
    if !texts.iter().all(sound) {
        let detail = "must hold values of 1 to 120 characters that are not * alone";
        fields.fault(name, "not_a_pattern", detail);
    }
    texts.into_iter().map(str::to_owned).collect()
}

fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Does the pattern fit the whole value? When bytes differ, the last star takes one more: what the
/// stars before it took need not be thought over again.
fn fits(pattern: &str, value: &str) -> bool {
    let (mut pattern, mut value) = (pattern.as_bytes(), value.as_bytes());
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, value) {
            ([b'*', behind @ ..], _) => {
                again = Some((behind, value));
                pattern = behind;
            }
            ([wanted, behind @ ..], [byte, rest @ ..]) if wanted == byte => {
                (pattern, value) = (behind, rest);
            }
            ([], []) => return true,
            _ => {
                let Some((behind, [_, rest @ ..])) = again else {
                    return false;
                };
                again = Some((behind, rest));
                (pattern, value) = (behind, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests;
