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

pub mod currencies;
pub mod ids;
pub mod limits;
pub mod money;
pub mod order;
pub mod time;

pub mod consent;
pub mod journal;
pub mod pseudonym;
pub mod seal;
pub mod token;

pub mod beacon;
pub mod click;
pub mod click_ids;
pub mod cookies;
pub mod device;
pub mod document;
pub mod fb_cookies;
pub mod flood;
pub mod language;
pub mod link;
pub mod redirect;
pub mod target;
pub mod traffic;
pub mod visitor;

pub mod api_key;
pub mod attribution;
pub mod attribution_model;
pub mod decision;
pub mod event;
pub mod exchange;
pub mod fold;
pub mod input;
pub mod json;
pub mod plan;
pub mod record;
pub mod settlement;
pub mod value;

pub mod destination;
pub mod outbound;
