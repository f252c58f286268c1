//! Why a request has its class: stable codes for programs, a sentence each for people.

/// Why a request has its class; bits, so that several may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(pub u32);

/// Code and sentence of each reason; the place in the list is the number of the bit.
const ALL: [(&str, &str); 18] = [
    ("navigation", "A browser opened it as a page."),
    ("gesture", "The browser saw a person's gesture."),
    (
        "gesture_untold",
        "This browser does not tell whether there was a gesture.",
    ),
    (
        "no_gesture",
        "No gesture was seen: a script or a redirect may have opened it.",
    ),
    (
        "no_fetch_metadata",
        "Sec-Fetch headers are absent or unknown: an old browser, plain http, or software.",
    ),
    (
        "cloud_network",
        "The network belongs to a cloud or a company that scans mail.",
    ),
    (
        "unfamiliar_agent",
        "The user agent is not built like a browser's.",
    ),
    ("no_agent", "There is no user agent."),
    (
        "software_word",
        "The user agent holds a word or an address that only software has.",
    ),
    ("known_software", "The user agent names known software."),
    (
        "accepts_anything",
        "It asks for a page but accepts anything, as tools do.",
    ),
    (
        "loaded_ahead",
        "The browser says that it loads the page ahead.",
    ),
    (
        "embedded",
        "It is loaded as a part of another page, where nobody clicks.",
    ),
    (
        "wants_an_image",
        "It accepts images and no page: it is loaded as a part of another page.",
    ),
    ("head_request", "It asks for the headers only."),
    (
        "repeated",
        "The same visitor followed the same link within an hour.",
    ),
    (
        "flooding",
        "One network sends more clicks on this partner than people make.",
    ),
    (
        "agent_address",
        "A browser's user agent holds an address: of software, or of a plug-in.",
    ),
];

impl Reasons {
    pub const NAVIGATION: Reasons = Reasons(1);
    pub const GESTURE: Reasons = Reasons(1 << 1);
    pub const GESTURE_UNTOLD: Reasons = Reasons(1 << 2);
    pub const NO_GESTURE: Reasons = Reasons(1 << 3);
    pub const NO_FETCH_METADATA: Reasons = Reasons(1 << 4);
    pub const CLOUD_NETWORK: Reasons = Reasons(1 << 5);
    pub const UNFAMILIAR_AGENT: Reasons = Reasons(1 << 6);
    pub const NO_AGENT: Reasons = Reasons(1 << 7);
    pub const SOFTWARE_WORD: Reasons = Reasons(1 << 8);
    pub const KNOWN_SOFTWARE: Reasons = Reasons(1 << 9);
    pub const ACCEPTS_ANYTHING: Reasons = Reasons(1 << 10);
    pub const LOADED_AHEAD: Reasons = Reasons(1 << 11);
    pub const EMBEDDED: Reasons = Reasons(1 << 12);
    pub const WANTS_AN_IMAGE: Reasons = Reasons(1 << 13);
    pub const HEAD_REQUEST: Reasons = Reasons(1 << 14);
    /// For whoever knows the visitor's last click; `classify` never gives it.
    pub const REPEATED: Reasons = Reasons(1 << 15);
    /// For whoever counts networks; `classify` never gives it.
    pub const FLOODING: Reasons = Reasons(1 << 16);
    pub const AGENT_ADDRESS: Reasons = Reasons(1 << 17);

    /// Both reasons.
    pub const fn and(self, other: Reasons) -> Reasons {
        Reasons(self.0 | other.0)
    }

    /// Does at least one of these reasons hold?
    pub const fn has(self, other: Reasons) -> bool {
        self.0 & other.0 != 0
    }

    /// A stable code for each reason; they may be stored and compared.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        self.held().map(|(code, _)| *code)
    }

    /// A sentence for each reason, in the order of `codes`.
    pub fn sentences(self) -> impl Iterator<Item = &'static str> {
        self.held().map(|(_, sentence)| *sentence)
    }

    fn held(self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let bits = ALL.iter().enumerate();
        bits.filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, reason)| reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_and_sentences_go_together_and_codes_are_stable() {
        let both = Reasons::NAVIGATION.and(Reasons::CLOUD_NETWORK);
        assert_eq!(
            both.codes().collect::<Vec<_>>(),
            ["navigation", "cloud_network"]
        );
        assert_eq!(both.sentences().count(), 2);
        for (reason, code) in [
            (Reasons::NO_AGENT, "no_agent"),
            (Reasons::LOADED_AHEAD, "loaded_ahead"),
            (Reasons::HEAD_REQUEST, "head_request"),
            (Reasons::FLOODING, "flooding"),
        ] {
            assert_eq!(reason.codes().collect::<Vec<_>>(), [code]);
        }
        let codes: BTreeSet<_> = Reasons(u32::MAX).codes().collect();
        assert_eq!(codes.len(), ALL.len(), "no code twice");
    }

    #[test]
    fn codes_are_snake_case_and_sentences_are_sentences() {
        for (code, sentence) in ALL {
            assert!(
                code.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            );
            assert!(sentence.ends_with('.') && sentence.len() < 90, "{sentence}");
        }
    }
}
