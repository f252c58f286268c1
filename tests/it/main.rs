//! Native integration tests: one binary, the production SQL on SQLite, every flow over the ports.
#![allow(unreachable_pub, dead_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod flow;
mod urltestdata;
