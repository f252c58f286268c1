//! Does a user agent belong to software, and to which kind?
//!
//! General rules come first, so that software nobody has listed is seen too: words that only
//! software uses, an address to read more at, and not being built like a browser's agent. A packed
//! list adds the names that these rules miss, and the kinds that words do not tell. One pass over
//! the text: a filter of three-byte beginnings turns away nearly every place at once.
//!
//! A person misread as software costs a partner's commission. So words stand on guard (CUBOT
//! phones, `okhttp` and `Google/google` inside an app's agent), a strange product name alone is no
//! sign, and no rule may hit an agent of `tests/golden/browser_agents.json`.

use super::{Class, crawlers};

/// What gave software away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A word or an address that only software puts into its agent.
    Word,
    /// A listed name.
    Name,
    /// Not built like a browser's agent. Apps may do that to their own browser, so a request that
    /// otherwise looks like a browser's is not condemned for it.
    Unfamiliar,
}

/// Software, and how it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Software {
    /// One of crawler, preview, scanner, AI agent, library.
    pub class: Class,
    pub sign: Sign,
}

/// Lower-case names of one kind of software, each followed by `|`.
pub type Names<'a> = (Class, &'a str);

/// The listed names, with the filter of their beginnings.
pub struct Table<'a> {
    beginnings: Beginnings,
    missed: &'a [Names<'a>],
    kinds: &'a [Names<'a>],
}

/// The table that the product uses.
pub static TABLE: Table<'static> = Table::new(&crawlers::MISSED, &crawlers::KINDS);

impl<'a> Table<'a> {
    /// `missed` are names without which software would pass for a browser; `kinds` only tell the
    /// kind of what is known to be software. The first kind that has a name wins.
    pub const fn new(missed: &'a [Names<'a>], kinds: &'a [Names<'a>]) -> Self {
        let mut beginnings = Beginnings::of(WORDS);
        let mut at = 0;
        while at < missed.len() {
            #[allow(clippy::indexing_slicing)] // Checked above; `get` on slices is not const.
            let names = missed[at].1;
            beginnings = beginnings.with(names);
            at += 1;
        }
        Self {
            beginnings,
            missed,
            kinds,
        }
    }

    /// Finds software; `None` for what a person's browser could have sent.
    pub fn find(&self, agent: &str) -> Option<Software> {
        let sign = self.sign(agent.as_bytes())?;
        let class = self.class(agent.as_bytes(), sign);
        Some(Software { class, sign })
    }

    fn sign(&self, agent: &[u8]) -> Option<Sign> {
        let mut last = 0;
        for (end, byte) in agent.iter().enumerate() {
            last = (last << 8 | u32::from(byte | 0x20)) & 0x00ff_ffff;
            if self.beginnings.may_hold(last)
                && let Some(sign) = self.sign_at(agent, end.saturating_sub(2))
            {
                return Some(sign);
            }
        }
        (!is_built_like_a_browsers(agent)).then_some(Sign::Unfamiliar)
    }

    fn sign_at(&self, agent: &[u8], at: usize) -> Option<Sign> {
        if split(WORDS).any(|word| starts(agent, at, word) && is_meant(word, agent, at)) {
            return Some(Sign::Word);
        }
        let named = |names: &Names<'_>| split(names.1).any(|name| starts(agent, at, name));
        (begins_a_word(agent, at) && self.missed.iter().any(named)).then_some(Sign::Name)
    }

    /// Runs for software only, so it may look at the whole list.
    fn class(&self, agent: &[u8], sign: Sign) -> Class {
        let starts_of_words = Starts::of(agent);
        let named = |names: &&Names<'_>| starts_of_words.any(agent, names.1);
        if let Some(names) = self.kinds.iter().chain(self.missed).find(named) {
            return names.0;
        }
        let told = |names: &&Names<'_>| split(names.1).any(|word| holds(agent, word));
        if let Some(names) = KIND_WORDS.iter().find(told) {
            return names.0;
        }
        if sign == Sign::Unfamiliar {
            Class::Library
        } else {
            Class::Crawler
        }
    }
}

/// What only software says of itself, anywhere in an agent. `is_meant` guards some.
const WORDS: &str = "bot|crawl|spider|slurp|://|www.|.com|mailto:|compatible|headless|fetcher|\
    monitor|checker|preview|validator|archiver|indexer|scraper|scraping|uptime|synthetic|-user/|\
    -google|phantomjs|selenium|webdriver|playwright|puppeteer|lighthouse|";

/// Words that tell the kind of software that its name does not tell, by weight.
const KIND_WORDS: [Names<'static>; 4] = [
    (Class::AiAgent, "-user/|gpt|claude|anthropic|openai|llm|"),
    (Class::Preview, "preview|unfurl|embed|"),
    (Class::Scanner, "scan|secur|vuln|"),
    (
        Class::Library,
        "monitor|uptime|status|ping|probe|synthetic|headless|phantomjs|selenium|webdriver|python|\
         playwright|puppeteer|lighthouse|httpclient|http-client|http_client|node-fetch|curl/|wget/|",
    ),
];

/// Is the word at this place the sign that it usually is?
fn is_meant(word: &str, agent: &[u8], at: usize) -> bool {
    let after = agent.get(at + word.len()).copied().unwrap_or_default();
    match word {
        // Not CUBOT's phones, nor a word that goes on, like "bottom".
        "bot" => {
            !starts(agent, at.wrapping_sub(2), "cu")
                && (!after.is_ascii_alphabetic() || starts(agent, at, "bots"))
        }
        // A site's name, not a part of an Android package.
        ".com" => !after.is_ascii_alphanumeric() && after != b'.',
        // Internet Explorer and Konqueror said so of themselves.
        "compatible" => !["; msie", ";msie", " msie", "; konqueror"]
            .iter()
            .any(|rest| starts(agent, at + word.len(), rest)),
        _ => true,
    }
}

/// Browsers say `Mozilla/5.0` and name their engine; very old ones and phones before the web's
/// present form have their own ways.
fn is_built_like_a_browsers(agent: &[u8]) -> bool {
    if starts(agent, 0, "mozilla/5.0 (") {
        // The platform is what differs most; the engine comes soon after it.
        return ["webkit", "gecko", "trident/", "khtml", "presto/", "msie "]
            .iter()
            .any(|engine| holds(agent, engine));
    }
    (starts(agent, 0, "mozilla/") && holds(agent, "msie "))
        || starts(agent, 0, "opera/")
        || starts(agent, 0, "ucweb/")
        || holds(agent, "profile/midp")
}

/// The names of a packed text, and the words of one.
fn split(packed: &str) -> impl Iterator<Item = &str> {
    packed.split_terminator('|')
}

/// Does `text` go on with `word` at this place? Letters of any case are equal.
fn starts(text: &[u8], at: usize, word: &str) -> bool {
    text.get(at..at.saturating_add(word.len()))
        .is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// Does `text` hold `word` anywhere? Letters of any case are equal; `word` is in lower case.
pub(super) fn holds(text: &[u8], word: &str) -> bool {
    let first = word.as_bytes().first().copied().unwrap_or_default();
    text.iter()
        .enumerate()
        .any(|(at, byte)| byte.to_ascii_lowercase() == first && starts(text, at, word))
}

fn begins_a_word(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    !before.is_some_and(u8::is_ascii_alphanumeric)
}

/// Where words begin in an agent. Names of software stand in the first few.
struct Starts {
    places: [u16; 48],
    used: usize,
}

impl Starts {
    fn of(agent: &[u8]) -> Self {
        let mut starts = Self {
            places: [0; 48],
            used: 0,
        };
        for (at, byte) in agent.iter().enumerate().take(1_024) {
            if byte.is_ascii_alphanumeric()
                && begins_a_word(agent, at)
                && let Some(place) = starts.places.get_mut(starts.used)
            {
                *place = at as u16;
                starts.used += 1;
            }
        }
        starts
    }

    fn any(&self, agent: &[u8], names: &str) -> bool {
        let places = self.places.get(..self.used).unwrap_or_default();
        split(names).any(|name| {
            let mut places = places.iter();
            places.any(|place| starts(agent, usize::from(*place), name))
        })
    }
}

/// A set of three-byte beginnings with few false members: 4,096 bits, made by the compiler.
struct Beginnings([u64; 64]);

impl Beginnings {
    const fn place(three: u32) -> usize {
        (three.wrapping_mul(0x9e37_79b1) >> 20) as usize
    }

    const fn of(packed: &str) -> Self {
        Beginnings([0; 64]).with(packed)
    }

    #[allow(clippy::indexing_slicing)] // Bounds are the loop's; a place is below 4,096.
    const fn with(mut self, packed: &str) -> Self {
        let bytes = packed.as_bytes();
        let mut at = 0;
        while at + 2 < bytes.len() {
            if at == 0 || bytes[at - 1] == b'|' {
                let three = ((bytes[at] | 0x20) as u32) << 16
                    | ((bytes[at + 1] | 0x20) as u32) << 8
                    | (bytes[at + 2] | 0x20) as u32;
                let place = Self::place(three);
                self.0[place / 64] |= 1 << (place % 64);
            }
            at += 1;
        }
        self
    }

    fn may_hold(&self, three: u32) -> bool {
        let place = Self::place(three);
        let word = self.0.get(place / 64).copied().unwrap_or_default();
        word >> (place % 64) & 1 == 1
    }
}
