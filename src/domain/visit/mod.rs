//! A visitor: links, consent, what a click is, and what the site's pages get.

pub mod beacon;
pub mod click;
pub mod click_ids;
pub mod consent;
pub mod cookies;
pub mod device;
pub mod document;
pub mod fb_cookies;
pub mod flood;
pub mod journal;
pub mod language;
pub mod link;
pub mod redirect;
pub mod target;
pub mod token;
pub mod traffic;
pub mod visitor;
