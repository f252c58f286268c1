//! What other systems are told.

pub mod destination;
pub mod outbound;
