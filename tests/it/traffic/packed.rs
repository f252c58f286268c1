//! The packed table of software names: which names the rules need, and whether
//! `src/domain/visit/traffic/crawlers.rs` still is what the pinned list makes.
//!
//! It is made here, because only the rules themselves know which names they miss:
//! `UPDATE_GOLDEN=1 cargo test --test it traffic` writes it again; `tools/crawlers.mjs` calls it.

use domain::visit::traffic::Class;
use domain::visit::traffic::software::{Sign, Table};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const PACKED: &str = "src/domain/visit/traffic/crawlers.rs";
/// Bytes that the packed table may take.
const BUDGET: usize = 6_144;
/// Beginnings of names are enough to know them: as short as none of another kind has them.
const SHORTEST: usize = 6;
const LONGEST: usize = 16;
/// Kinds of software in the order in which the table names them: the first that fits wins.
pub const KINDS: [Class; 5] = [
    Class::AiAgent,
    Class::Preview,
    Class::Scanner,
    Class::Library,
    Class::Crawler,
];

#[derive(Clone)]
pub struct Pattern {
    pub text: String,
    pub name: String,
    pub class: Class,
    pub agents: Vec<String>,
}

pub fn patterns() -> Vec<Pattern> {
    let golden = json("tests/golden/crawler_agents.json");
    let rows = golden["patterns"].as_array().unwrap().iter();
    rows.map(|row| Pattern {
        text: row["pattern"].as_str().unwrap().to_owned(),
        name: row["name"].as_str().unwrap().to_owned(),
        class: serde_json::from_value(row["class"].clone()).unwrap(),
        agents: strings(&row["agents"]),
    })
    .collect()
}

pub fn json(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(crate::support::root(path)).unwrap()).unwrap()
}

pub fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The names of a packed table: those that the rules miss, and those whose kind they miss.
#[derive(Default)]
pub struct Names {
    missed: [String; 5],
    kinds: [String; 5],
}

impl Names {
    /// Adds what each pattern needs so that its agents are found and have their kind.
    pub fn of(patterns: &[Pattern]) -> Names {
        let mut names = Names::default();
        let beginnings = beginnings(patterns);
        for pattern in patterns {
            let missed = names.with(|table| {
                let mut agents = pattern.agents.iter();
                agents.any(|agent| !is_certain(table, agent))
            });
            if missed {
                add(&mut names.missed, pattern, LONGEST);
            }
        }
        for pattern in patterns {
            let other_kind = names.with(|table| {
                let mut agents = pattern.agents.iter();
                agents.any(|agent| {
                    let found = table.find(agent);
                    found.is_some_and(|found| !is_alike(found.class, pattern.class))
                })
            });
            if other_kind {
                let length = (SHORTEST..LONGEST).find(|length| {
                    let begin = pattern.name.get(..*length).unwrap_or(&pattern.name);
                    let kinds = beginnings.get(begin);
                    kinds.is_none_or(|kinds| kinds.iter().all(|kind| *kind == pattern.class))
                });
                let length = length.unwrap_or(LONGEST);
                add(&mut names.kinds, pattern, length);
            }
        }
        names.sort();
        names
    }

    /// Order within a kind means nothing, and sorted text packs better.
    fn sort(&mut self) {
        for list in self.missed.iter_mut().chain(&mut self.kinds) {
            let mut words: Vec<&str> = list.split_terminator('|').collect();
            words.sort_unstable();
            *list = words.iter().map(|word| format!("{word}|")).collect();
        }
    }

    pub fn with<T>(&self, look: impl FnOnce(&Table<'_>) -> T) -> T {
        let missed: [_; 5] = std::array::from_fn(|at| (KINDS[at], self.missed[at].as_str()));
        let kinds: [_; 5] = std::array::from_fn(|at| (KINDS[at], self.kinds[at].as_str()));
        look(&Table::new(&missed, &kinds))
    }

    fn bytes(&self) -> usize {
        self.missed.iter().chain(&self.kinds).map(String::len).sum()
    }
}

/// The kinds of the listed agents by how their words begin.
fn beginnings(patterns: &[Pattern]) -> BTreeMap<String, BTreeSet<Class>> {
    let mut found: BTreeMap<String, BTreeSet<Class>> = BTreeMap::new();
    for pattern in patterns {
        for agent in &pattern.agents {
            let agent = agent.to_ascii_lowercase();
            let starts = agent.char_indices().filter(|(at, letter)| {
                let before = agent.get(..*at).unwrap().chars().next_back();
                letter.is_ascii_alphanumeric()
                    && !before.is_some_and(|before| before.is_ascii_alphanumeric())
            });
            for (at, _) in starts {
                for begin in (SHORTEST..LONGEST).filter_map(|length| agent.get(at..at + length)) {
                    found
                        .entry(begin.to_owned())
                        .or_default()
                        .insert(pattern.class);
                }
            }
        }
    }
    found
}

/// Is the agent software's, whatever else the request says? An address alone is not enough.
pub fn is_certain(table: &Table<'_>, agent: &str) -> bool {
    table
        .find(agent)
        .is_some_and(|found| found.sign != Sign::Address)
}

/// Crawlers and libraries differ in no decision, so no name is spent on telling them apart.
pub fn is_alike(found: Class, listed: Class) -> bool {
    let both = [found, listed];
    found == listed
        || both
            .iter()
            .all(|class| [Class::Crawler, Class::Library].contains(class))
}

fn add(names: &mut [String; 5], pattern: &Pattern, chars: usize) {
    let at = KINDS
        .iter()
        .position(|class| *class == pattern.class)
        .unwrap();
    let name: String = pattern.name.chars().take(chars).collect();
    if name.len() >= 3
        && !names[at]
            .split('|')
            .any(|known| name.starts_with(known) && !known.is_empty())
    {
        names[at].push_str(name.trim_end());
        names[at].push('|');
    }
}

/// The source of the packed table.
fn packed(names: &Names) -> String {
    let mut out = String::from(
        "//! Names of software that the general rules miss, packed from npm crawler-user-agents \
         (MIT) and\n//! `tools/golden/crawlers_added.txt`. Made by `tests/it/traffic.rs` from\n//! \
         `tests/golden/crawler_agents.json`; not edited by hand.\n\nuse super::Class;\nuse \
         super::software::Names;\n\n",
    );
    let lists = [
        (
            "MISSED",
            "Without these, software would pass for a browser.",
            &names.missed,
        ),
        (
            "KINDS",
            "These tell the kind of what is known to be software.",
            &names.kinds,
        ),
    ];
    for (title, story, lists) in lists {
        writeln!(out, "/// {story}\n#[rustfmt::skip]").unwrap();
        writeln!(out, "pub(super) const {title}: [Names<'static>; 5] = [").unwrap();
        for (class, list) in KINDS.iter().zip(lists) {
            write!(out, "    (Class::{class:?}, \"").unwrap();
            let mut column = 99;
            for name in list.split_terminator('|') {
                if column + name.len() > 94 {
                    out.push_str("\\\n        ");
                    column = 8;
                }
                write!(out, "{name}|").unwrap();
                column += name.len() + 1;
            }
            out.push_str("\"),\n");
        }
        out.push_str("];\n\n");
    }
    out.trim_end().to_owned() + "\n"
}

#[test]
fn the_packed_table_is_made_from_the_pinned_list() {
    let golden = json("tests/golden/crawler_agents.json");
    let version = json("package.json")["devDependencies"]["crawler-user-agents"].clone();
    let source = golden["source"].as_str().unwrap();
    let version = format!(" {},", version.as_str().unwrap());
    assert!(
        source.contains(&version),
        "run tools/golden/crawlers.mjs again"
    );
    let date = golden["published"].as_str().unwrap();
    let readme = std::fs::read_to_string(crate::support::root("README.md")).unwrap();
    assert!(readme.contains(&format!("crawler-user-agents of {date} ")));
    let list = "node_modules/crawler-user-agents/crawler-user-agents.json";
    if let Ok(text) = std::fs::read_to_string(crate::support::root(list)) {
        let listed: Value = serde_json::from_str(&text).unwrap();
        let left_out = golden["people"].as_object().unwrap();
        let listed = listed.as_array().unwrap().iter();
        let listed: Vec<_> = listed
            .map(|entry| entry["pattern"].as_str().unwrap().to_owned())
            .filter(|pattern| !left_out.contains_key(pattern))
            .collect();
        let added = strings(&golden["added"]);
        let ours = patterns().into_iter().map(|pattern| pattern.text);
        let ours: Vec<_> = ours.filter(|text| !added.contains(text)).collect();
        assert_eq!(ours, listed, "run tools/golden/crawlers.mjs again");
    }
    let names = Names::of(&patterns());
    println!("packed table: {} bytes", names.bytes());
    assert!(names.bytes() <= BUDGET, "{} bytes", names.bytes());
    let made = packed(&names);
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(crate::support::root(PACKED), &made).unwrap();
    }
    let stored = std::fs::read_to_string(crate::support::root(PACKED)).unwrap();
    assert!(
        stored == made,
        "{PACKED} is stale: see the head of this file"
    );
}
