//! What everything else is made of: ids, money, time, seals.

pub mod currencies;
pub mod folding;
pub mod ids;
pub mod input;
pub mod json;
pub mod limits;
pub mod money;
pub mod order;
pub mod pseudonym;
pub mod record;
pub mod seal;
pub mod surrogates;
pub mod time;
pub mod value;
