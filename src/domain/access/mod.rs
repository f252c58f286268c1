//! Who may call.

pub mod api_key;
