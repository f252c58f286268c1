//! Throughline: partner attribution that runs at the CDN edge.
//!
//! Three layers, and imports point one way, `edge → app → domain`:
//! `domain` decides (pure values, no IO, no clock, no randomness), `app` loads, asks the domain and
//! commits over small ports, `edge` translates between Cloudflare's types and `app` and exists on
//! wasm only. So a plain `cargo test` compiles no platform crate.

pub mod app;
pub mod domain;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod edge;
