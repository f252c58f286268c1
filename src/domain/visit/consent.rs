//! The consent ladder: what may be stored in the browser and what may leave for others.
//!
//! `full` stores a lasting cookie and lets identifiers travel; `session` stores a cookie that ends
//! with the browser session and lets nothing travel to ad platforms; `code` stores nothing, and
//! its token names a link and a day, not a person.

mod site;
pub mod tcf;
mod told;

pub use site::{CookieRule, SiteConsent};
pub use told::{Told, told};

use serde::{Deserialize, Serialize};

/// One rung of the ladder; the order is from the strictest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    Code,
    Session,
    Full,
}

impl Consent {
    pub fn number(self) -> u8 {
        match self {
            Consent::Code => 0,
            Consent::Session => 1,
            Consent::Full => 2,
        }
    }

    pub fn from_number(number: u8) -> Option<Consent> {
        [Consent::Code, Consent::Session, Consent::Full]
            .into_iter()
            .find(|c| c.number() == number)
    }

    /// Reads the word that [`Consent::name`] gives.
    pub fn parse(word: &str) -> Option<Consent> {
        [Consent::Code, Consent::Session, Consent::Full]
            .into_iter()
            .find(|c| c.name() == word)
    }

    pub fn name(self) -> &'static str {
        match self {
            Consent::Code => "code",
            Consent::Session => "session",
            Consent::Full => "full",
        }
    }

    /// May a cookie with a visitor's touches be set?
    pub fn allows_cookie(self) -> bool {
        self >= Consent::Session
    }

    /// May identifiers be sent to an ad platform?
    pub fn allows_forwarding(self) -> bool {
        self == Consent::Full
    }
}

/// Where a consent state comes from. The numbers are part of the sealed formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// No signal: the program's default for the country.
    #[default]
    Default,
    /// No signal, and a country where consent must be asked first, or none known.
    Country,
    /// `Sec-GPC: 1`.
    Gpc,
    /// The site called the snippet, or the visitor decided before.
    Decision,
    /// The site's own consent cookie.
    SiteCookie,
    /// An IAB TCF string.
    Tcf,
    /// Google consent mode.
    ConsentMode,
}

impl Evidence {
    /// 0 to 15: it shares a byte with the state.
    pub fn number(self) -> u8 {
        self as u8
    }

    pub fn from_number(number: u8) -> Option<Evidence> {
        use Evidence::{ConsentMode, Country, Decision, Default, Gpc, SiteCookie, Tcf};
        let all = [
            Default,
            Country,
            Gpc,
            Decision,
            SiteCookie,
            Tcf,
            ConsentMode,
        ];
        all.get(usize::from(number)).copied()
    }
}

impl Evidence {
    /// Does somebody say it now, with this request, and not by a default or an older decision?
    pub fn is_live(self) -> bool {
        use Evidence::{ConsentMode, Gpc, SiteCookie, Tcf};
        matches!(self, Gpc | SiteCookie | Tcf | ConsentMode)
    }
}

/// Where consent must be asked before storing: EEA, United Kingdom, Switzerland.
const ASK_FIRST: &str = "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT \
                         NL NO PL PT RO SE SI SK";

/// What is known of a visitor's permission, beside the program's settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// `Sec-GPC: 1`.
    pub gpc: bool,
    /// The `Cookie` header.
    pub cookies: &'a str,
    /// What the page, or the server that reports a conversion, says now.
    pub told: Option<Told>,
    /// What the visitor decided before: a refusal, or the state of the journal.
    pub decided: Option<Stated>,
    /// ISO 3166 alpha-2 as Cloudflare sends it (`XX` and `T1` mean unknown).
    pub country: &'a str,
}

/// A state and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stated {
    pub state: Consent,
    pub evidence: Evidence,
}

/// The state of a request, from the strongest signal down:
/// 1. `Sec-GPC: 1` is `code`, always;
/// 2. of what the site says now (its own consent cookie, the TCF cookie, what the page told) the
///    strictest, and of equal ones the first in this order;
/// 3. what the visitor decided before;
/// 4. with no signal, `code` where consent must be asked first and where the country is unknown,
///    elsewhere the program's default.
pub fn stated(given: &Given<'_>, site: &SiteConsent, default: Consent) -> Stated {
    if given.gpc {
        return Stated::of(Consent::Code, Evidence::Gpc);
    }
    let live = site.signal(given.cookies);
    let told = given.told.map(|told| Stated::of(told.state, told.evidence));
    match (live, told) {
        (Some(live), Some(told)) if told.state < live.state => return told,
        (Some(live), _) => return live,
        (None, Some(told)) => return told,
        (None, None) => {}
    }
    if let Some(decided) = given.decided {
        return decided;
    }
    let country = given.country;
    let known = country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && country != "XX";
    if !known || ASK_FIRST.split(' ').any(|each| each == country) {
        return Stated::of(Consent::Code, Evidence::Country);
    }
    Stated::of(default, Evidence::Default)
}

impl Stated {
    fn of(state: Consent, evidence: Evidence) -> Stated {
        Stated { state, evidence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: Consent) -> Option<Told> {
        let evidence = Evidence::ConsentMode;
        Some(Told { state, evidence })
    }

    fn decided(state: Consent) -> Option<Stated> {
        Some(Stated::of(state, Evidence::Decision))
    }

    fn pair(given: &Given<'_>, default: Consent) -> (Consent, Evidence) {
        let stated = stated(given, &SiteConsent::NONE, default);
        (stated.state, stated.evidence)
    }

    #[test]
    fn gpc_wins_over_everything() {
        let given = Given {
            gpc: true,
            told: told(Consent::Full),
            decided: decided(Consent::Full),
            country: "US",
            ..Given::default()
        };
        let stated = pair(&given, Consent::Full);
        assert_eq!(stated, (Consent::Code, Evidence::Gpc));
    }

    #[test]
    fn what_the_page_tells_now_wins_over_an_older_decision() {
        for (state, decided) in [
            (Consent::Full, Consent::Code),
            (Consent::Code, Consent::Full),
        ] {
            let given = Given {
                told: told(state),
                decided: super::tests::decided(decided),
                country: "DE",
                ..Given::default()
            };
            let stated = pair(&given, Consent::Session);
            assert_eq!(stated, (state, Evidence::ConsentMode));
        }
    }

    #[test]
    fn a_decision_wins_over_country_and_default() {
        for (decided, country, default) in [
            (Consent::Full, "DE", Consent::Code),
            (Consent::Code, "US", Consent::Full),
        ] {
            let given = Given {
                decided: super::tests::decided(decided),
                country,
                ..Given::default()
            };
            assert_eq!(pair(&given, default), (decided, Evidence::Decision));
        }
    }

    #[test]
    fn without_a_signal_the_country_decides() {
        let of = |country| Given {
            country,
            ..Given::default()
        };
        for country in ["DE", "GB", "CH", "NO", "", "XX", "T1", "us"] {
            let stated = pair(&of(country), Consent::Full);
            assert_eq!(stated, (Consent::Code, Evidence::Country), "{country}");
        }
        for default in [Consent::Full, Consent::Session, Consent::Code] {
            let stated = pair(&of("US"), default);
            assert_eq!(stated, (default, Evidence::Default));
        }
    }

    #[test]
    fn only_full_lets_identifiers_leave() {
        assert!(Consent::Full.allows_forwarding());
        assert!(!Consent::Session.allows_forwarding());
        assert!(Consent::Session.allows_cookie());
        assert!(!Consent::Code.allows_cookie());
    }
}
