//! Cloudflare Workers. One file per primitive; nothing here decides anything.
//!
//! The entry in `js/worker` calls [`hot`] first, synchronously; what the isolate's memory cannot
//! answer it hands to the asynchronous exports of [`hot`], [`fetch`], [`queue`] and [`cron`].

mod bindings;
mod clock;
mod cron;
mod d1;
mod fetch;
mod hot;
mod kv;
mod outbound;
mod phones;
mod queue;
mod runtime;
mod suffixes;
mod work;
