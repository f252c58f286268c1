//! What the repository promises about itself: layers, sizes, names in the documents, migrations
//! that never change once released.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Longest file, in lines; every file above needs its name and a reason here.
const LINES: usize = 500;
const LONG: &[(&str, &str)] = &[];

fn files(folder: &str, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(crate::support::root(&folder)).unwrap() {
            let path = entry.unwrap().path();
            let path = path
                .strip_prefix(crate::support::root(""))
                .unwrap_or(&path)
                .to_owned();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if crate::support::root(&path).is_dir() {
                folders.push(path);
            } else if ending.is_some_and(|ending| endings.contains(&ending)) {
                let text = fs::read_to_string(crate::support::root(&path)).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

/// Lines of code, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn refuse(folder: &str, words: &[&str]) {
    for (path, text) in files(folder, &["rs"]) {
        for (number, line) in code(&text) {
            for word in words {
                assert!(
                    !line.contains(word),
                    "{}:{number} names {word}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_domain_knows_no_clock_no_io_and_no_futures() {
    let words = [
        "std::time::",
        "std::fs",
        "std::net::Tcp",
        "std::env",
        "async fn",
        "rusqlite",
    ];
    refuse("src/domain", &words);
}

/// Which crates a crate may use is in its manifest: what is not there does not compile.
#[test]
fn the_crates_are_the_layers() {
    const LAYERS: [(&str, &[&str]); 5] = [
        ("domain", &[]),
        ("app", &["domain"]),
        ("api", &["app", "domain"]),
        ("edge", &["api", "app", "domain"]),
        ("backend", &["api", "app", "domain"]),
    ];
    const PLATFORM: [&str; 5] = ["worker", "wasm-bindgen", "js-sys", "web-sys", "getrandom"];
    for (name, below) in LAYERS {
        let manifest = format!("src/{name}/Cargo.toml");
        let Ok(text) = fs::read_to_string(crate::support::root(&manifest)) else {
            continue;
        };
        let used = |name: &str| text.contains(&format!("\n{name}.workspace"));
        for (other, _) in LAYERS.into_iter().filter(|(other, _)| used(other)) {
            let is_below = other == name || below.contains(&other);
            assert!(is_below, "{manifest} names {other}");
        }
        let pure = ["domain", "app", "api"].contains(&name);
        let platform = PLATFORM.into_iter().find(|word| used(word));
        assert!(!pure || platform.is_none(), "{manifest} names {platform:?}");
    }
}

#[test]
fn files_and_lines_are_short_and_nothing_is_left_to_fix() {
    let folders: [(&str, &[&str]); 5] = [
        ("src", &["rs"]),
        ("js", &["js", "ts", "mjs"]),
        ("tests/it", &["rs"]),
        ("tools", &["mjs"]),
        ("migrations", &["sql"]),
    ];
    let marks = [["FIX", "ME"].concat(), ["TO", "DO:"].concat()];
    for (folder, endings) in folders {
        for (path, text) in files(folder, endings) {
            let name = path.display().to_string();
            let count = text.lines().count();
            let known = LONG.iter().any(|(long, _)| *long == name);
            assert!(count <= LINES || known, "{name} has {count} lines");
            for (number, line) in text.lines().enumerate() {
                let width = line.chars().count();
                let place = number + 1;
                assert!(
                    width <= 100 || unbreakable(line),
                    "{name}:{place} has {width} columns"
                );
                for mark in &marks {
                    assert!(!line.contains(mark.as_str()), "{name}:{place} holds {mark}");
                }
            }
        }
    }
}

/// A single word (a URL, a golden text) that cannot be broken.
fn unbreakable(line: &str) -> bool {
    line.split_whitespace().any(|word| word.len() > 80)
}

fn document(name: &str) -> String {
    fs::read_to_string(crate::support::root(name)).unwrap_or_else(|_| panic!("{name} is missing"))
}

#[test]
fn commands_and_paths_in_the_documents_exist() {
    let makefile = document("Makefile");
    for name in ["README.md", "ARCHITECTURE.md"] {
        let text = document(name);
        let targets: BTreeSet<&str> = text
            .split("make ")
            .skip(1)
            .map(|rest| {
                rest.split(|c: char| !c.is_ascii_lowercase() && c != '-')
                    .next()
                    .unwrap()
            })
            .filter(|word| text.contains(&format!("`make {word}")) || *word == "demo")
            .collect();
        for target in targets {
            let rule = format!("\n{target}:");
            assert!(
                target.is_empty() || makefile.contains(&rule),
                "{name}: make {target}"
            );
        }
        for path in quoted(&text).filter(|word| is_path(word)) {
            assert!(crate::support::root(path).exists(), "{name} names {path}");
        }
    }
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Paths of this repository, without patterns.
fn is_path(word: &str) -> bool {
    let roots = [
        "src/",
        "js/",
        "tests/",
        "tools/",
        "examples/",
        "benches/",
        "migrations",
    ];
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    roots.iter().any(|root| word.starts_with(root)) && word.chars().all(plain)
}

/// An invariant names its tests as `file: test` pairs, as `tests/…` paths, or as a test's name.
#[test]
fn every_invariant_names_tests_that_exist() {
    let text = document("ARCHITECTURE.md");
    let section = text
        .split("## Invariants")
        .nth(1)
        .expect("a section Invariants");
    let section = section.split("\n## ").next().unwrap();
    let tests = all_tests();
    let mut counted = 0;
    for row in section.split("\n").filter(|line| numbered(line)) {
        counted += 1;
        let named: Vec<&str> = quoted(row).collect();
        let tested = named
            .iter()
            .filter(|name| is_path(name) || name.contains('_'));
        assert!(tested.count() > 0, "no test is named in: {row}");
        for name in named.iter().filter(|name| looks_like_a_test(name)) {
            let last = name.rsplit("::").next().unwrap();
            let known = tests.contains(last);
            assert!(
                known,
                "ARCHITECTURE.md names the test {name}, which is not there"
            );
        }
    }
    assert!(counted == 0 || counted >= 10, "{counted} invariants");
}

/// `1. …` or a table row `| 1 | …`.
fn numbered(line: &str) -> bool {
    let line = line.trim_start_matches(['|', ' ']);
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && line[digits..].starts_with(['.', ' ', '|'])
}

fn looks_like_a_test(name: &str) -> bool {
    let last = name.rsplit("::").next().unwrap();
    let word = last
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    word && last.matches('_').count() >= 2
}

/// Names of all native tests.
fn all_tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests/it"] {
        for (_, text) in files(folder, &["rs"]) {
            let found = text
                .split("fn ")
                .skip(1)
                .map(|rest| rest.split('(').next().unwrap());
            names.extend(found.map(str::to_owned));
        }
    }
    names
}

/// A released migration is never edited: its hash stands in `tests/golden/migrations.json`.
/// Until the first release, `UPDATE_GOLDEN=1` writes the list again.
#[test]
fn released_migrations_are_unchanged() {
    let hash = |text: &str| hex::encode(Sha256::digest(text.as_bytes()));
    let all: serde_json::Map<String, Value> = files("migrations", &["sql"])
        .iter()
        .map(|(path, text)| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, json!(hash(text)))
        })
        .collect();
    let path = "tests/golden/migrations.json";
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        fs::write(
            crate::support::root(path),
            serde_json::to_string_pretty(&all).unwrap() + "\n",
        )
        .unwrap();
    }
    let stored: Value = serde_json::from_str(&document(path)).unwrap();
    assert_eq!(
        stored,
        json!(all),
        "a migration changed or is not listed in {path}"
    );
}

/// Each destination has its row in the README's table.
#[test]
fn every_destination_has_a_row_in_the_readme() {
    let text = document("README.md");
    for kind in domain::forward::destination::ALL {
        let row = format!("\n| `{}` |", kind.kind());
        assert!(text.contains(&row), "no row for {}", kind.kind());
    }
}
