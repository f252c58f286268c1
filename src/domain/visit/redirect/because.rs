//! Why a request goes where it goes, for people: codes, in the order in which things were decided.

use crate::visit::consent::{Consent, Evidence};
use crate::visit::link::{Availability, Tried};
use crate::visit::target::Seen;
use crate::visit::traffic::Reasons;
use serde::Serialize;

/// What was decided, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Because {
    pub class: &'static str,
    #[serde(skip)]
    pub reasons: Reasons,
    pub availability: Availability,
    /// State and evidence; absent where nobody is there to consent.
    pub consent: Option<(Consent, Evidence)>,
    /// The rules that were tried; the last one matched unless it says what failed.
    pub rules: Vec<Tried>,
    /// The address is an app's.
    pub app: bool,
    /// Which variant, when the link has any: 0 is the link's own target.
    pub variant: u8,
    /// The visitor belongs to the holdout.
    pub holdout: bool,
    /// What the variant and the holdout were chosen by: `visitor`, `token` or `request`; absent
    /// when the link is not split or nobody is there.
    pub chosen_by: Option<&'static str>,
    /// The path after the slug cannot be led to.
    pub path_refused: bool,
    /// What became of each parameter of the query.
    pub params: Vec<Seen>,
}

impl Default for Because {
    fn default() -> Self {
        Because {
            class: "",
            reasons: Reasons::default(),
            availability: Availability::Open,
            consent: None,
            rules: Vec::new(),
            app: false,
            variant: 0,
            holdout: false,
            chosen_by: None,
            path_refused: false,
            params: Vec::new(),
        }
    }
}
