//! What kind of request a click is. Every one gets a class; only people count and get cookies.
//!
//! Software that names itself is believed. Browsers send `Sec-Fetch-*` by themselves and pages
//! cannot forge them, so a link loaded as an image or in a hidden frame gives itself away. A page
//! that a person opens is *human*; where a security scanner could have sent the same request it is
//! *provisional*: it gets token and cookie, and counts as valid once something confirms it. So the
//! provisional class is wide, and the ones that lose a click are narrow.

mod crawlers;
mod network;
mod reasons;
pub mod software;

pub use reasons::Reasons;

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

    /// Is a confirmed click of this class paid for? A repeat within the hour and what came in a
    /// flood are not, even if a person was there: the same visitor would be paid for again.
    pub fn is_paid(self) -> bool {
        matches!(self, Class::Human | Class::Provisional | Class::Prefetch)
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

impl Signals<'_> {
    /// Does the client go where a redirect sends it? Who says that it navigates is a browser, and
    /// a browser shows nothing of a redirect (Fetch standard, "HTTP-redirect fetch").
    pub fn follows(&self) -> bool {
        self.fetch_mode == "navigate"
    }
}

/// A class with its reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub class: Class,
    pub reasons: Reasons,
}

/// What `Sec-Fetch-Dest` says a page is loaded as when it is no page (Fetch standard, "destination
/// type"). Others are unknown, and MDN says to ignore those.
const PARTS: [&str; 23] = [
    "audio",
    "audioworklet",
    "embed",
    "empty",
    "fencedframe",
    "font",
    "frame",
    "iframe",
    "image",
    "json",
    "manifest",
    "object",
    "paintworklet",
    "report",
    "script",
    "serviceworker",
    "sharedworker",
    "style",
    "text",
    "track",
    "video",
    "worker",
    "xslt",
];

/// Modes of `Sec-Fetch-Mode` in which no page is opened.
const PART_MODES: [&str; 4] = ["no-cors", "cors", "same-origin", "websocket"];

/// Gives the request its class, with at least one reason. Never `Duplicate` or `Flood`: those
/// need a memory.
pub fn classify(signals: &Signals<'_>) -> Sighting {
    if signals.method == "HEAD" {
        return seen(Class::Head, Reasons::HEAD_REQUEST);
    }
    let navigates = signals.fetch_mode == "navigate" && signals.fetch_dest == "document";
    let mut doubt = Reasons::default();
    if let Some((class, reason)) = agent(signals.user_agent) {
        let weak = reason.has(Reasons::UNFAMILIAR_AGENT.and(Reasons::NO_AGENT));
        // Apps name their own browser as they like; it still sends what browsers send.
        if !(weak && navigates && !signals.fetch_site.is_empty()) {
            return seen(class, reason);
        }
        doubt = reason;
    }
    let ahead = ["prefetch", "prerender", "preview"];
    if ahead.iter().any(|word| signals.purpose.contains(word)) {
        return seen(Class::Prefetch, Reasons::LOADED_AHEAD);
    }
    let part = || PARTS.contains(&signals.fetch_dest) || PART_MODES.contains(&signals.fetch_mode);
    if !navigates && part() {
        return seen(Class::Stuffed, Reasons::EMBEDDED);
    }
    if let Some(other) = accepts_no_page(signals, navigates) {
        return other;
    }
    if network::is_cloud(signals.asn, signals.organisation) {
        doubt = doubt.and(Reasons::CLOUD_NETWORK);
    }
    if signals.fetch_dest == "document" || signals.fetch_mode == "navigate" {
        opened(signals, doubt)
    } else {
        seen(Class::Provisional, doubt.and(Reasons::NO_FETCH_METADATA))
    }
}

/// The class of the page whose script sends this request. The request itself is no navigation, so
/// the page's is put in its place: a person's browser has opened it, unless the agent says
/// otherwise or the request is none that a script makes.
pub fn classify_report(signals: &Signals<'_>) -> Class {
    let navigates = signals.fetch_mode == "navigate";
    if navigates || !matches!(signals.fetch_dest, "" | "empty") {
        return Class::Stuffed;
    }
    let page = Signals {
        method: "GET",
        accept: "text/html",
        fetch_dest: "document",
        fetch_mode: "navigate",
        ..*signals
    };
    match classify(&page).class {
        Class::Human | Class::Provisional => Class::Human,
        other => other,
    }
}

fn seen(class: Class, reasons: Reasons) -> Sighting {
    Sighting { class, reasons }
}

/// What the user agent gives away; `None` for what a person's browser could have sent.
fn agent(user_agent: &str) -> Option<(Class, Reasons)> {
    if user_agent.is_empty() {
        return Some((Class::Library, Reasons::NO_AGENT));
    }
    let found = software::table().find(user_agent)?;
    let reason = match found.sign {
        software::Sign::Word => Reasons::SOFTWARE_WORD,
        software::Sign::Name => Reasons::KNOWN_SOFTWARE,
        software::Sign::Unfamiliar => Reasons::UNFAMILIAR_AGENT,
    };
    Some((found.class, reason))
}

/// Browsers ask for pages with `text/html` first. Tools ask for anything, and Safari before 16.4,
/// which sends no `Sec-Fetch-*`, for images where it loads one. No `Accept` at all says nothing.
fn accepts_no_page(signals: &Signals<'_>, navigates: bool) -> Option<Sighting> {
    let accept = signals.accept.trim();
    if accept == "*/*" {
        return Some(seen(Class::Library, Reasons::ACCEPTS_ANYTHING));
    }
    if navigates || accept.is_empty() || accept.contains("text/html") {
        return None;
    }
    if accept.starts_with("image/") {
        return Some(seen(Class::Stuffed, Reasons::WANTS_AN_IMAGE));
    }
    Some(seen(Class::Library, Reasons::ACCEPTS_ANYTHING))
}

/// A navigation. Did a person's gesture begin it? WebKit never tells (MDN, `Sec-Fetch-User`: not
/// in Safari), so there its absence means nothing.
fn opened(signals: &Signals<'_>, doubt: Reasons) -> Sighting {
    let gesture = if signals.fetch_user == "?1" {
        Reasons::GESTURE
    } else if is_webkit(signals.user_agent) {
        Reasons::GESTURE_UNTOLD
    } else {
        Reasons::NO_GESTURE
    };
    let reasons = doubt.and(gesture).and(Reasons::NAVIGATION);
    let certain = doubt == Reasons::default() && gesture != Reasons::NO_GESTURE;
    let class = if certain {
        Class::Human
    } else {
        Class::Provisional
    };
    seen(class, reasons)
}

/// Safari, and every browser on iOS, which must use its engine. Chromium says `AppleWebKit` too.
fn is_webkit(user_agent: &str) -> bool {
    user_agent.contains("AppleWebKit/")
        && !user_agent.contains("Chrome/")
        && !user_agent.contains("Chromium/")
}

#[cfg(test)]
mod tests;
