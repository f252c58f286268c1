//! What may leave about a visitor.

use crate::visit::consent::{Consent, Evidence};

/// What may leave about a visitor, by the consent ladder and the destination's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Permission {
    /// Nothing.
    #[default]
    None,
    /// Identifiers, marked with what the platform has for people who opted out (Meta's LDU,
    /// TikTok's `limited_data_use`, Google's consent DENIED). Only where the destination's
    /// `limited_data` is on, and only for an opt-out (`Sec-GPC`) or a program's default, never
    /// where consent must be asked first or was refused.
    Limited,
    /// Everything that the destination keeps and takes.
    Full,
}

/// What may leave, by the ladder. Takes the strictest state that is known, what the click's state
/// came from, and what the merchant's server said. Full consent alone lets everything go. An
/// opt-out (`Sec-GPC`) or a program's default lets identifiers go as limited data where the
/// destination is set to that; a refusal does not, nor does silence.
pub fn permission(
    consent: Option<Consent>,
    evidence: Option<Evidence>,
    said: Option<Consent>,
    limited_data: bool,
) -> Permission {
    let opted_out = matches!(evidence, Some(Evidence::Gpc | Evidence::Default));
    let refused = said.is_some_and(|said| !said.allows_forwarding());
    match consent {
        Some(consent) if consent.allows_forwarding() => Permission::Full,
        Some(_) if limited_data && opted_out && !refused => Permission::Limited,
        _ => Permission::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_consent_or_an_opt_out_lets_anything_go() {
        use Consent::{Code, Full, Session};
        use Evidence::{Country, Decision, Default, Gpc, Tcf};
        let table = [
            // Full consent, whatever it came from.
            (Some(Full), None, None, false, Permission::Full),
            (
                Some(Full),
                Some(Default),
                Some(Full),
                true,
                Permission::Full,
            ),
            // An opt-out or a default.
            (Some(Code), Some(Gpc), None, false, Permission::None),
            (Some(Code), Some(Gpc), None, true, Permission::Limited),
            (Some(Code), Some(Gpc), Some(Full), true, Permission::Limited),
            (
                Some(Session),
                Some(Default),
                None,
                true,
                Permission::Limited,
            ),
            // A refusal, or nobody asked yet.
            (Some(Code), Some(Gpc), Some(Session), true, Permission::None),
            (Some(Session), Some(Decision), None, true, Permission::None),
            (Some(Code), Some(Country), None, true, Permission::None),
            (Some(Code), Some(Tcf), None, true, Permission::None),
            (Some(Session), None, Some(Session), true, Permission::None),
            (None, None, None, true, Permission::None),
        ];
        for case in table {
            let (consent, evidence, said, limited, expected) = case;
            assert_eq!(
                permission(consent, evidence, said, limited),
                expected,
                "{case:?}"
            );
        }
    }
}
