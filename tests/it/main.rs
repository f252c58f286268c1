//! Native integration tests: one binary, the production SQL on SQLite, every flow over the ports.
#![allow(unreachable_pub, dead_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod clicks;
mod consents;
mod control;
mod deliveries;
mod faults;
mod flow;
mod golden;
mod links;
mod overtaken;
mod properties;
mod redirects;
mod regressions;
mod simulation;
mod tidy;
mod urltestdata;
