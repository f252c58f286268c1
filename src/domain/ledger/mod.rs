//! Events, plans, who earned what and why, and what is booked and paid.

pub mod attribution;
pub mod attribution_model;
pub mod code;
pub mod decision;
pub mod event;
pub mod exchange;
pub mod fold;
pub mod plan;
pub mod settlement;
