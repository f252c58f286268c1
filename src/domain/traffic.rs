//! What kind of request a click is. Every one gets a class; only people count and get cookies.
//!
//! Browsers send `Sec-Fetch-*` by themselves and pages cannot forge them, so a link loaded as an
//! image or in a hidden frame gives itself away. Where they are absent (old browsers, plain http),
//! the user agent and `Accept` decide.

use serde::{Deserialize, Serialize};

/// The class of a request. The numbers are part of the sealed formats and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A person's navigation.
    Human,
    /// Loaded ahead by the browser; a click only when the page is really shown.
    Prefetch,
    /// `HEAD`: somebody looks where the link leads.
    Head,
    /// Loaded as a part of another page (image, frame, script, fetch): nobody clicked.
    Stuffed,
    /// A search engine's or archive's crawler that says so.
    Crawler,
    /// Looks like a person, but a security scanner could have sent it too: counts as valid once a
    /// beacon, a gateway request or a conversion confirms it.
    Provisional,
    /// Fetches a preview for a chat or a social network.
    Preview,
    /// A security or vulnerability scanner that says so.
    Scanner,
    /// An AI system that reads on behalf of a person or for training.
    AiAgent,
    /// A monitor, a command-line tool or an HTTP library.
    Library,
    /// The same visitor followed the same link again within an hour.
    Duplicate,
    /// More clicks on one partner from one network than people make.
    Flood,
}

impl Class {
    /// Every class, by number; the first number is 1.
    pub const ALL: [Class; 12] = [
        Class::Human,
        Class::Prefetch,
        Class::Head,
        Class::Stuffed,
        Class::Crawler,
        Class::Provisional,
        Class::Preview,
        Class::Scanner,
        Class::AiAgent,
        Class::Library,
        Class::Duplicate,
        Class::Flood,
    ];

    /// 1 to 15: it shares a byte with four marks.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    pub fn from_number(number: u8) -> Option<Class> {
        let place = usize::from(number).checked_sub(1)?;
        Class::ALL.get(place).copied()
    }

    pub fn name(self) -> &'static str {
        match self {
            Class::Human => "human",
            Class::Prefetch => "prefetch",
            Class::Head => "head",
            Class::Stuffed => "stuffed",
            Class::Crawler => "crawler",
            Class::Provisional => "provisional",
            Class::Preview => "preview",
            Class::Scanner => "scanner",
            Class::AiAgent => "ai_agent",
            Class::Library => "library",
            Class::Duplicate => "duplicate",
            Class::Flood => "flood",
        }
    }

    /// Could a person be there? Only then may the redirect carry a click token. A prefetched page
    /// reports itself when it is shown.
    pub fn carries_token(self) -> bool {
        matches!(
            self,
            Class::Human | Class::Provisional | Class::Prefetch | Class::Duplicate | Class::Flood
        )
    }

    /// May a visit of this class set or change a cookie?
    pub fn sets_cookie(self) -> bool {
        matches!(self, Class::Human | Class::Provisional | Class::Duplicate)
    }
}

/// The request headers that classification reads; absent ones are empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signals<'a> {
    pub method: &'a str,
    pub user_agent: &'a str,
    pub accept: &'a str,
    pub fetch_dest: &'a str,
    pub fetch_mode: &'a str,
    pub fetch_site: &'a str,
    /// `?1` when the browser saw a person's gesture.
    pub fetch_user: &'a str,
    /// `Sec-Purpose`, `Purpose`, `X-Purpose` or `X-Moz`.
    pub purpose: &'a str,
    /// Number of the network the request came from; empty when unknown.
    pub asn: &'a str,
    /// Name of the network's owner, as Cloudflare gives it.
    pub organisation: &'a str,
}

/// Why a request has its class; bits, so that several may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(pub u32);

/// A class with its reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub class: Class,
    pub reasons: Reasons,
}

/// Words in user agents of software that names itself. Lower case, matched anywhere.
const BOT_WORDS: [&str; 31] = [
    "crawler",
    "spider",
    "crawling",
    "facebookexternalhit",
    "facebot",
    "meta-externalagent",
    "slack-imgproxy",
    "whatsapp/",
    "skypeuripreview",
    "bingpreview",
    "iframely",
    "embedly",
    "cardyb",
    "mastodon/",
    "chatgpt-user",
    "claude-user",
    "perplexity-user",
    "pingdom",
    "uptime",
    "curl/",
    "wget/",
    "python-requests",
    "python-urllib",
    "aiohttp",
    "go-http-client",
    "java/",
    "libwww",
    "axios/",
    "node-fetch",
    "undici",
    "scrapy",
];

/// Gives the request its class.
pub fn classify(signals: &Signals<'_>) -> Sighting {
    Sighting {
        class: class(signals),
        reasons: Reasons::default(),
    }
}

fn class(signals: &Signals<'_>) -> Class {
    if signals.method == "HEAD" {
        return Class::Head;
    }
    if is_bot(signals.user_agent) {
        return Class::Crawler;
    }
    let purpose = signals.purpose;
    if purpose.contains("prefetch") || purpose.contains("prerender") || purpose.contains("preview")
    {
        return Class::Prefetch;
    }
    match (signals.fetch_dest, signals.fetch_mode) {
        ("document", "navigate" | "") => Class::Human,
        ("", "") if signals.accept.is_empty() || signals.accept.contains("text/html") => {
            Class::Human
        }
        ("", "") => Class::Crawler,
        _ => Class::Stuffed,
    }
}

fn is_bot(user_agent: &str) -> bool {
    if user_agent.len() < 8 {
        return true;
    }
    let lower = user_agent.to_ascii_lowercase();
    names_itself(lower.as_bytes()) || names_a_bot(&lower)
}

/// One pass over the text: at each place only the words that begin with its byte are compared.
/// Looking for each word by itself took twice the time of the whole classification.
fn names_itself(lower: &[u8]) -> bool {
    (0..lower.len()).any(|at| {
        let rest = lower.get(at..).unwrap_or_default();
        let first = rest.first().copied().unwrap_or_default();
        let begins = BEGINNINGS
            .get(usize::from(first))
            .is_some_and(|begins| *begins);
        begins
            && BOT_WORDS
                .iter()
                .any(|word| rest.starts_with(word.as_bytes()))
    })
}

/// The bytes that a bot word begins with. Evaluated by the compiler: it cannot panic at run time.
#[allow(clippy::indexing_slicing)]
static BEGINNINGS: [bool; 256] = {
    let mut begins = [false; 256];
    let mut at = 0;
    while at < BOT_WORDS.len() {
        begins[BOT_WORDS[at].as_bytes()[0] as usize] = true;
        at += 1;
    }
    begins
};

/// A word that ends in `bot`, unless it is a CUBOT phone.
fn names_a_bot(lower: &str) -> bool {
    lower.match_indices("bot").any(|(place, _)| {
        let before = lower.get(..place).unwrap_or_default();
        let after = lower.get(place + 3..).and_then(|rest| rest.chars().next());
        !before.ends_with("cu") && !after.is_some_and(|letter| letter.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/140.0.0.0 Safari/537.36";

    fn navigation() -> Signals<'static> {
        Signals {
            method: "GET",
            user_agent: CHROME,
            accept: "text/html",
            fetch_dest: "document",
            fetch_mode: "navigate",
            ..Signals::default()
        }
    }

    #[test]
    fn a_navigation_is_a_person() {
        assert_eq!(classify(&navigation()).class, Class::Human);
        let old = Signals {
            fetch_dest: "",
            fetch_mode: "",
            ..navigation()
        };
        assert_eq!(classify(&old).class, Class::Human);
    }

    #[test]
    fn what_is_loaded_as_a_part_of_a_page_is_embedded() {
        for dest in [
            "image", "iframe", "frame", "embed", "object", "script", "style", "empty",
        ] {
            let signals = Signals {
                fetch_dest: dest,
                fetch_mode: "no-cors",
                ..navigation()
            };
            assert_eq!(classify(&signals).class, Class::Stuffed, "{dest}");
        }
        let frame = Signals {
            fetch_dest: "iframe",
            ..navigation()
        };
        assert_eq!(
            classify(&frame).class,
            Class::Stuffed,
            "a frame navigates too"
        );
    }

    #[test]
    fn prefetch_preview_and_head_have_their_own_class() {
        for purpose in [
            "prefetch",
            "prefetch;prerender",
            "prefetch;anonymous-client-ip",
            "preview",
        ] {
            let signals = Signals {
                purpose,
                ..navigation()
            };
            assert_eq!(classify(&signals).class, Class::Prefetch, "{purpose}");
        }
        assert_eq!(
            classify(&Signals {
                method: "HEAD",
                ..navigation()
            })
            .class,
            Class::Head
        );
    }

    #[test]
    fn software_that_names_itself_is_a_bot_and_phones_are_not() {
        for bot in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Twitterbot/1.0",
            "Slackbot-LinkExpanding 1.0",
            "facebookexternalhit/1.1",
            "curl/8.5.0",
            "Mozilla/5.0 (compatible; GPTBot/1.0)",
            "",
        ] {
            assert_eq!(
                classify(&Signals {
                    user_agent: bot,
                    ..navigation()
                })
                .class,
                Class::Crawler,
                "{bot}"
            );
        }
        for person in [
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 Chrome/99.0 Mobile",
            "Mozilla/5.0 (iPhone) AppleWebKit/605 Instagram 300.0 (iPhone; Google/google; en_US)",
        ] {
            let signals = Signals {
                user_agent: person,
                ..navigation()
            };
            assert_eq!(classify(&signals).class, Class::Human, "{person}");
        }
    }
}
