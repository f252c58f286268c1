//! Values and decisions. Pure, synchronous and total: no IO, no clock, no randomness, no platform
//! crate. `now` and entropy are arguments.
//!
//! Glossary, in the order in which a customer meets the words:
//! *link* leads from a partner to a *target*; a visit to it is a *click* with a *token*; a click
//! that may earn credit is a *touch*; touches are kept in the visitor's *journal*; a lead, sale or
//! refund is an *event*, stored as an immutable *fact*; the fold turns facts into *decisions*
//! (who earned what, and why) and *ledger entries*; a *destination* is told about them by a
//! *delivery*.

pub mod ids;
pub mod limits;
pub mod money;
pub mod currencies;
pub mod time;

pub mod codec;
pub mod seal;
pub mod consent;
pub mod token;
pub mod journal;

pub mod click_ids;
pub mod target;
pub mod link;
pub mod traffic;
pub mod click;
pub mod redirect;
pub mod beacon;

pub mod api_key;
pub mod input;
pub mod event;
pub mod plan;
pub mod attribution;
pub mod decision;
pub mod fold;

//DEST pub mod destination;
//DEST pub mod outbound;
