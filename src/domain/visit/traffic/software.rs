//! Does a user agent belong to software, and to which kind?
//!
//! General rules come first, so that software nobody has listed is seen too: words that only
//! software uses, an address to read more at, and not being built like a browser's agent. A packed
//! list adds the names that these rules miss, and the kinds that words do not tell.
//!
//! Plug-ins add addresses to a browser's agent too. So an address alone is a weaker sign there,
//! unless it is written as software writes it (`+http`).
//!
//! A person misread as software costs a partner's commission. So words stand on guard (CUBOT
//! phones, `okhttp` and `Google/google` inside an app's agent), a strange product name alone is no
//! sign, and no rule may hit an agent of `tests/golden/browser_agents.json`.

use super::{Class, crawlers};
use std::sync::OnceLock;
use throughline_text::words::{Index, begins_a_word, holds, starts};

/// What gave software away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A word that only software puts into its agent, or an address where no browser's agent is.
    Word,
    /// A listed name.
    Name,
    /// An address in an agent that is built like a browser's: of software, or of a plug-in.
    Address,
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

/// The listed names and the general words, ready to be looked for.
pub struct Table<'a> {
    /// What gives software away, and engines of browsers; the tag says which.
    signs: Index<'a>,
    /// What tells the kind: the tag is the class, with [`ANYWHERE`]. Earlier outweighs later.
    kinds: Index<'a>,
}

/// Tags of signs.
const WORD: u8 = 0;
const NAME: u8 = 1;
const ENGINE: u8 = 2;
const ADDRESS: u8 = 3;
/// Mark of a word that need not stand at the beginning of one.
const ANYWHERE: u8 = 0x80;

/// The table that the product uses: made when the first agent comes, in some microseconds, so that
/// it takes no room in the program.
pub fn table() -> &'static Table<'static> {
    static TABLE: OnceLock<Table<'static>> = OnceLock::new();
    TABLE.get_or_init(|| Table::new(&crawlers::MISSED, &crawlers::KINDS))
}

impl<'a> Table<'a> {
    /// `missed` are names without which software would pass for a browser; `kinds` only tell the
    /// kind of what is known to be software. The first kind that has a name wins.
    pub fn new(missed: &[Names<'a>], kinds: &[Names<'a>]) -> Self {
        let mut table = Self {
            signs: Index::default(),
            kinds: Index::default(),
        };
        table.signs.add(WORDS, WORD);
        table.signs.add(ADDRESSES, ADDRESS);
        table.signs.add(ENGINES, ENGINE);
        for (class, names) in kinds {
            table.kinds.add(names, class.number());
        }
        for (class, names) in missed {
            table.signs.add(names, NAME);
            table.kinds.add(names, class.number());
        }
        for (class, words) in &KIND_WORDS {
            table.kinds.add(words, class.number() | ANYWHERE);
        }
        table
    }

    /// Finds software; `None` for what a person's browser could have sent.
    pub fn find(&self, agent: &str) -> Option<Software> {
        let agent = agent.as_bytes();
        let agent = agent.get(..LOOKED_AT).unwrap_or(agent);
        let sign = self.sign(agent)?;
        let kind = self.kind(agent);
        Some(match (sign, kind) {
            // A strange agent that holds a known name is not strange.
            (Sign::Unfamiliar, Some(class)) => Software {
                class,
                sign: Sign::Name,
            },
            (Sign::Unfamiliar, None) => Software {
                class: Class::Library,
                sign,
            },
            (_, kind) => Software {
                class: kind.unwrap_or(Class::Crawler),
                sign,
            },
        })
    }

    fn sign(&self, agent: &[u8]) -> Option<Sign> {
        let mut sign = None;
        let (mut engine, mut address) = (false, false);
        self.signs.each(agent, &mut |hit| {
            match hit.tag {
                WORD if is_meant(hit.word, agent, hit.at) => sign = Some(Sign::Word),
                NAME if begins_a_word(agent, hit.at) => sign = Some(Sign::Name),
                ADDRESS if is_meant(hit.word, agent, hit.at) => address = true,
                ENGINE => engine = true,
                _ => {}
            }
            sign.is_some()
        });
        sign.or_else(
            || match (address, is_built_like_a_browsers(agent, engine)) {
                (true, true) => Some(Sign::Address),
                (true, false) => Some(Sign::Word),
                (false, true) => None,
                (false, false) => Some(Sign::Unfamiliar),
            },
        )
    }

    fn kind(&self, agent: &[u8]) -> Option<Class> {
        let mut first = usize::MAX;
        let mut class = None;
        self.kinds.each(agent, &mut |hit| {
            let fits = hit.tag >= ANYWHERE || begins_a_word(agent, hit.at);
            if fits && hit.number < first {
                first = hit.number;
                class = Class::from_number(hit.tag & !ANYWHERE);
            }
            false
        });
        class
    }
}

/// Bytes of an agent that are looked at; browsers in apps stay below a thousand.
const LOOKED_AT: usize = 2_048;

/// What only software says of itself, anywhere in an agent. `is_meant` guards some.
const WORDS: &str = "bot|crawl|spider|slurp|+http|+www.|mailto:|compatible|headless|fetcher|\
    monitor|checker|linkcheck|preview|validator|archive|indexer|scraper|scraping|uptime|synthetic|\
    pagespeed|page speed|observatory|analyzer|classifier|inspector|transcoder|thumbnail|devtools|\
    -user/|-google|phantomjs|selenium|webdriver|playwright|puppeteer|lighthouse|";

/// What makes an address.
const ADDRESSES: &str = "://|www.|.com|";

/// Engines of browsers, as their agents name them.
const ENGINES: &str = "webkit|gecko|trident/|khtml|presto/|msie |";

/// Words that tell the kind of software that its name does not tell, by weight.
const KIND_WORDS: [Names<'static>; 4] = [
    (Class::AiAgent, "-user/|gpt|claude|anthropic|openai|llm|"),
    (Class::Preview, "preview|unfurl|embed|"),
    (Class::Scanner, "scan|secur|vuln|"),
    (
        Class::Library,
        "monitor|uptime|status|ping|probe|synthetic|headless|phantomjs|selenium|webdriver|python|\
         pagespeed|page speed|observatory|playwright|puppeteer|lighthouse|httpclient|http-client|http_client|node-fetch|\
         curl/|wget/|postman|insomnia|\
         okhttp/|axios/|requests/|go-http|java/|aiohttp|urllib|libwww|undici|",
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

/// Browsers say `Mozilla/5.0`, their platform and their engine; very old ones, and phones before
/// the web's present form, have their own ways.
fn is_built_like_a_browsers(agent: &[u8], engine: bool) -> bool {
    if starts(agent, 0, "mozilla/5.0 (") {
        return engine;
    }
    (starts(agent, 0, "mozilla/") && holds(agent, "msie "))
        || starts(agent, 0, "opera/")
        || starts(agent, 0, "ucweb/")
        || holds(agent, "profile/midp")
}
