//! The consent ladder: what may be stored in the browser and what may leave for others.
//!
//! `full` stores a lasting cookie and lets identifiers travel; `session` stores a cookie that ends
//! with the browser session and lets nothing travel to ad platforms; `code` stores nothing, and
//! its token names a link and a day, not a person.

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

/// Where consent must be asked before storing: EEA, United Kingdom, Switzerland.
const ASK_FIRST: &str = "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT \
                         NL NO PL PT RO SE SI SK";

/// The state of a request, from the strongest signal down:
/// 1. `Sec-GPC: 1` is `code`, always;
/// 2. the decision that the visitor made before (sealed in the journal);
/// 3. with no signal, `code` where consent must be asked first and where the country is unknown,
///    elsewhere the program's default.
///
/// `country` is ISO 3166 alpha-2 as Cloudflare sends it (`XX` and `T1` mean unknown).
pub fn state(gpc: bool, decided: Option<Consent>, country: &str, default: Consent) -> Consent {
    if gpc {
        return Consent::Code;
    }
    if let Some(decided) = decided {
        return decided;
    }
    let known = country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && country != "XX";
    if !known || ASK_FIRST.split(' ').any(|each| each == country) {
        return Consent::Code;
    }
    default
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpc_wins_over_everything() {
        assert_eq!(
            state(true, Some(Consent::Full), "US", Consent::Full),
            Consent::Code
        );
    }

    #[test]
    fn a_decision_wins_over_country_and_default() {
        assert_eq!(
            state(false, Some(Consent::Full), "DE", Consent::Code),
            Consent::Full
        );
        assert_eq!(
            state(false, Some(Consent::Code), "US", Consent::Full),
            Consent::Code
        );
    }

    #[test]
    fn without_a_signal_the_country_decides() {
        for country in ["DE", "GB", "CH", "NO", "", "XX", "T1", "us"] {
            assert_eq!(
                state(false, None, country, Consent::Full),
                Consent::Code,
                "{country}"
            );
        }
        assert_eq!(state(false, None, "US", Consent::Full), Consent::Full);
        assert_eq!(state(false, None, "US", Consent::Session), Consent::Session);
    }

    #[test]
    fn only_full_lets_identifiers_leave() {
        assert!(Consent::Full.allows_forwarding());
        assert!(!Consent::Session.allows_forwarding());
        assert!(Consent::Session.allows_cookie());
        assert!(!Consent::Code.allows_cookie());
    }
}
