//! Ports for tests: SQLite with the real migrations, a map for KV, lists for queue and transport.

pub mod arrivals;
pub mod books;
pub mod compare;
pub mod histories;
pub mod interleave;
pub mod memory;
pub mod merchant;
pub mod oracle;
pub mod phones;
pub mod picks;
pub mod ready;
pub mod shop;
pub mod sqlite;
pub mod story;
pub mod suffixes;

pub use ready::block_on;
