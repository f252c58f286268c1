//! Values and decisions. Pure, synchronous and total: no IO, no clock, no randomness, no platform
//! crate. `now` and entropy are arguments.
//!
//! Glossary, in the order in which a customer meets the words:
//! *link* leads from a partner to a *target*; a visit to it is a *click* with a *token*; a click
//! that may earn credit is a *touch*; touches are kept in the visitor's *journal*; a lead, sale or
//! refund is an *event*, stored as an immutable *fact*; the fold turns facts into *decisions*
//! (who earned what, and why) and *ledger entries*; a *destination* is told about them by a
//! *delivery*.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod access;
pub mod forward;
pub mod ledger;
pub mod values;
pub mod visit;
