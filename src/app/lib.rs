//! Use-cases: load, ask the domain, commit. Runs natively over small ports, so the production SQL
//! and every flow are tested without the platform.

mod click_days;
pub mod clicks;
pub mod control;
pub mod deliver;
pub mod earnings;
pub mod edge_plane;
pub mod inbox;
pub mod ingest;
pub mod isolate;
pub mod ledger;
pub mod payout;
pub mod ports;
pub mod problem;
pub mod publish;
pub mod reads;
pub mod refold;
mod sealed;
pub mod settings;
pub mod settle;
pub mod skipped;
pub mod status;
pub mod together;
pub mod track;
pub mod what_if;
