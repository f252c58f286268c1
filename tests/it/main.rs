//! Native integration tests: one binary, the production SQL on SQLite, every flow over the ports.
#![allow(unreachable_pub, dead_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod arrivals;
mod attribution_models;
mod clicks;
mod consent_signals;
mod consents;
mod control;
mod deliveries;
mod documents;
mod explained;
mod faults;
mod fb_cookies;
mod flow;
mod golden;
mod link_settings;
mod links;
mod overtaken;
mod payouts;
mod properties;
mod redirects;
mod regressions;
mod settlement;
mod simulation;
mod strippers;
mod suffixes;
mod tidy;
mod traffic;
mod urltestdata;
mod what_if;
