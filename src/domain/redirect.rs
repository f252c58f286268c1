//! One visit to a partner link: where it leads, what the browser may keep, what is counted.
//!
//! A pure function of the request, the two snapshots, the keys, the time and some entropy. It asks
//! nobody, so a known link redirects whatever else is down, and its token earns the commission
//! even when the click itself is never stored.

use super::click::{Visit, VisitKind};
use super::click_ids;
use super::consent::{self, Consent, Evidence};
use super::journal::{self, ClickId, Journal};
use super::link::{HostSnapshot, LinkSnapshot};
use super::seal::{Keyring, NONCE};
use super::target::Target;
use super::time::UnixMs;
use super::token::{self, Marks, Touch};
use super::traffic::{self, Class, Signals};
use std::num::NonZeroU64;

/// The query parameter that carries the click token to the landing page.
pub const TOKEN_PARAM: &str = "tl";

/// What a decision needs of the request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    pub signals: Signals<'a>,
    /// Raw query without `?`, as it came.
    pub query: &'a str,
    pub cookies: &'a str,
    /// `Sec-GPC: 1`.
    pub gpc: bool,
    /// ISO 3166 alpha-2, or empty when unknown.
    pub country: &'a str,
    /// ISO 3166-2 without the country (`CA`), or empty.
    pub region: &'a str,
    /// `Accept-Language`.
    pub language: &'a str,
    /// `Referer`.
    pub referrer: &'a str,
    /// The visitor's address: only its network is looked at, and nothing of it is kept.
    pub ip: &'a str,
}

/// 64 fresh random bytes of one request, cut into its uses.
#[derive(Clone, Copy, Debug)]
pub struct Entropy(pub [u8; 64]);

impl Entropy {
    fn part<const N: usize>(&self, from: usize) -> [u8; N] {
        let bytes = self
            .0
            .get(from..from + N)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.unwrap_or([0; N])
    }

    /// Sealing nonce of the token.
    pub fn token(&self) -> [u8; NONCE] {
        self.part(0)
    }

    /// Sealing nonce of the journal.
    pub fn journal(&self) -> [u8; NONCE] {
        self.part(24)
    }

    /// Names the click. Never zero.
    pub fn click(&self) -> NonZeroU64 {
        NonZeroU64::new(u64::from_be_bytes(self.part(48))).unwrap_or(NonZeroU64::MIN)
    }

    /// Names a new visitor, and an anonymous fact.
    pub fn visitor(&self) -> u64 {
        u64::from_be_bytes(self.part(56))
    }
}

/// The answer to a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// A serialised http(s) URL on an allowed host.
    pub location: String,
    pub set_cookie: Option<String>,
    /// The fact to queue after the response; none when nobody clicked.
    pub visit: Option<Visit>,
    pub class: Class,
}

/// Decides a visit to `link`.
pub fn redirect(
    request: &Request<'_>,
    host: &HostSnapshot,
    link: &LinkSnapshot,
    keys: &Keyring,
    now: UnixMs,
    entropy: &Entropy,
) -> Redirect {
    let class = traffic::classify(&request.signals).class;
    let target = Target::trusted(link.target.clone());
    if !link.active || !class.carries_token() {
        let visit = uncounted(link, class, now, entropy);
        let location = target.location(request.query, &[]);
        return Redirect {
            location,
            set_cookie: None,
            visit,
            class,
        };
    }
    let known = Journal::from_cookies(keys, request.cookies, now);
    let decided = journal::decided(request.cookies, known.as_ref());
    let state = consent::state(request.gpc, decided, request.country, host.default_consent);
    let touch = new_touch(link, class, state, now, entropy);
    let token = token::mint(keys, &touch, entropy.token());
    let location = target.location(request.query, &[(TOKEN_PARAM, &token)]);
    if class == Class::Prefetch {
        return Redirect {
            location,
            set_cookie: None,
            visit: None,
            class,
        };
    }
    let mut set_cookie = None;
    let mut memory = None;
    if state.allows_cookie() {
        let mut journal = known.unwrap_or_else(|| Journal::new(state, entropy.visitor(), now));
        journal.issued_at = now;
        journal.renew = false;
        journal.add_touch(touch.clone());
        journal.add_click_ids(captured(request.query, now));
        let value = journal.seal(keys, entropy.journal());
        set_cookie = Some(journal::set_cookie(
            &value,
            state,
            host.cookie_domain.as_deref(),
        ));
        memory = Some(journal);
    } else if request.gpc && known.is_some() {
        set_cookie = Some(journal::erase_cookie(host.cookie_domain.as_deref()));
    }
    let key = touch.nonce.map_or(entropy.visitor(), NonZeroU64::get);
    let visit = Some(Visit::new(VisitKind::Click, key, &touch, memory.as_ref()));
    Redirect {
        location,
        set_cookie,
        visit,
        class,
    }
}

/// The click IDs of a query, as a journal keeps them.
pub fn captured(query: &str, now: UnixMs) -> impl Iterator<Item = ClickId> {
    let found = click_ids::capture(query).into_iter();
    found.map(move |(kind, value)| ClickId {
        kind,
        at: now,
        value: value.to_owned(),
    })
}

fn new_touch(
    link: &LinkSnapshot,
    class: Class,
    state: Consent,
    now: UnixMs,
    entropy: &Entropy,
) -> Touch {
    let touch = Touch {
        at: now,
        program: link.program,
        link: link.id,
        partner: link.partner,
        variant: 0,
        class,
        marks: Marks::default(),
        consent: state,
        evidence: Evidence::Default,
        nonce: Some(entropy.click()),
    };
    if state.allows_cookie() {
        touch
    } else {
        touch.anonymous()
    }
}

/// Bots and embedded loads are kept under their class and earn nothing; `HEAD` leaves no trace.
fn uncounted(link: &LinkSnapshot, class: Class, now: UnixMs, entropy: &Entropy) -> Option<Visit> {
    if class == Class::Head || class == Class::Prefetch {
        return None;
    }
    let touch = Touch {
        nonce: None,
        ..new_touch(link, class, Consent::Code, now, entropy)
    };
    Some(Visit::new(
        VisitKind::Click,
        entropy.visitor(),
        &touch,
        None,
    ))
}
