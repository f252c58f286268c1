//! What an isolate holds: its settings and its memory. An isolate runs one thread.

use super::bindings::{self, Env};
use crate::app::isolate::Memory;
use crate::app::settings::{Settings, Variables};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
    static MEMORY: RefCell<Memory> = RefCell::new(Memory::default());
}

/// The settings, if they were read before.
pub(super) fn known_settings() -> Option<Rc<Settings>> {
    SETTINGS.with_borrow(Clone::clone)
}

/// The settings, read from the environment the first time. `None` when they cannot be used; the
/// log says which one.
pub(super) fn settings(env: &Env) -> Option<Rc<Settings>> {
    if let Some(known) = known_settings() {
        return Some(known);
    }
    let text = |name| env.get(name).as_string().unwrap_or_default();
    let read = Settings::parse(&Variables {
        root_secret: &text("ROOT_SECRET"),
        pseudonym_secret: &text("PSEUDONYM_SECRET"),
        admin_host: &text("ADMIN_HOST"),
        loopback: &text("LOOPBACK"),
        site_origin: &text("SITE_ORIGIN"),
        site_hosts: &text("SITE_HOSTS"),
        outbound_allow: &text("OUTBOUND_ALLOW"),
    });
    match read {
        Ok(settings) => {
            if !settings.pseudonyms.own() {
                bindings::log("PSEUDONYM_SECRET is not set: entry 1 of ROOT_SECRET must stay");
            }
            let settings = Rc::new(settings);
            SETTINGS.set(Some(Rc::clone(&settings)));
            Some(settings)
        }
        Err(error) => {
            bindings::log(&format!("setting cannot be used: {error:?}"));
            None
        }
    }
}

/// Lets the log say why a call crashed.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        bindings::log(&format!("Rust panic: {panic}"))
    }));
}

/// Reads or changes the isolate's memory. Must not be held over an await.
pub(super) fn memory<T>(work: impl FnOnce(&mut Memory) -> T) -> T {
    MEMORY.with_borrow_mut(work)
}
