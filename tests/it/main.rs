//! Native integration tests: one binary, the production SQL on SQLite, every flow over the ports.
#![allow(unreachable_pub, dead_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

mod arrivals;
mod attribution_models;
mod clicks;
mod codes;
mod consent_signals;
mod consents;
mod control;
mod deliveries;
mod destinations;
mod documents;
mod engine;
mod erasure;
mod explained;
mod faults;
mod fb_cookies;
mod flow;
mod golden;
mod kinds;
mod ledger_cases;
mod link_settings;
mod links;
mod migrations;
mod notices;
mod overtaken;
mod partners;
mod payouts;
mod platforms;
mod properties;
mod rates;
mod redirects;
mod regressions;
mod replay;
mod rulings;
mod settlement;
mod simulation;
mod strippers;
mod suffixes;
mod tidy;
mod traffic;
mod urltestdata;
mod volume;
mod what_if;
