//! The journal's cookie: its names, what is read of a request and what is set. A refusal may stand
//! in its place.

use super::Journal;
use crate::domain::consent::{Consent, Evidence, Stated};
use crate::domain::ids::ProgramId;
use crate::domain::seal::{Keyring, NONCE};
use crate::domain::time::UnixMs;
use crate::domain::{cookies, limits};
use throughline_text as text;

/// Room for most lines of `Set-Cookie`.
const LINE_BYTES: usize = 512;

/// Whose journals are read and set: those of one program, under the one name that its settings give
/// the cookie. Another name may have been planted by a neighbour in the domain.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub program: ProgramId,
    /// The domain whose hosts share the cookie.
    pub domain: Option<&'a str>,
}

impl Journal {
    /// The `Set-Cookie` value that holds the journal.
    pub fn cookie(&self, keys: &Keyring, entropy: [u8; NONCE], scope: Scope<'_>) -> String {
        let mut line = String::with_capacity(LINE_BYTES);
        text::append(&[name(scope.domain), "="], &mut line);
        self.seal_into(keys, scope.program, entropy, &mut line);
        attributes(life(self.consent), scope.domain, &mut line);
        line
    }

    /// Finds the journal among the cookies of a request. The name may occur more than once (of a
    /// domain and one below it): the newest one whose seal opens is taken.
    pub fn from_cookies(
        keys: &Keyring,
        scope: Scope<'_>,
        header: &str,
        now: UnixMs,
    ) -> Option<Journal> {
        remembered(keys, scope, header, now).0
    }
}

/// The journal of a request's cookies, as [`Journal::from_cookies`] gives it, and what the visitor
/// [`decided`] before.
pub fn remembered(
    keys: &Keyring,
    scope: Scope<'_>,
    header: &str,
    now: UnixMs,
) -> (Option<Journal>, Option<Stated>) {
    let mut known: Option<Journal> = None;
    for value in cookies::named(header, name(scope.domain)) {
        let open = header.len() <= limits::COOKIE_HEADER_BYTES;
        let journal = open
            .then(|| Journal::open(keys, scope.program, value, now))
            .flatten();
        if let Some(journal) = journal {
            // Of equally new ones the last.
            if known
                .as_ref()
                .is_none_or(|known| known.issued_at <= journal.issued_at)
            {
                known = Some(journal);
            }
        }
    }
    let decided = decided(scope, header, known.as_ref());
    (known, decided)
}

/// The cookie's name when it belongs to one host.
pub const HOST_COOKIE: &str = "__Host-tl";
/// The cookie's name when sub-domains share it.
pub const DOMAIN_COOKIE: &str = "__Secure-tl";

/// The `Set-Cookie` value for a journal. `domain` is the registrable domain when link hosts are
/// sub-domains of it. A `full` cookie asks for 400 days, which browsers grant at most; a `session`
/// one names no end.
pub fn set_cookie(value: &str, consent: Consent, domain: Option<&str>) -> String {
    cookie(name(domain), value, life(consent), domain)
}

fn life(consent: Consent) -> &'static str {
    match consent {
        Consent::Full => "; Max-Age=34560000",
        Consent::Session | Consent::Code => "",
    }
}

/// The `Set-Cookie` values that erase the journal, under each name that the browser sent it: a
/// program may have changed its `domain`. A remembered refusal is no journal, and stays.
pub fn erase_cookies(header: &str, domain: Option<&str>) -> Vec<String> {
    let mut erased = Vec::new();
    for (name, domain) in [(HOST_COOKIE, None), (DOMAIN_COOKIE, domain)] {
        if cookies::named(header, name).any(|value| value != REFUSED) {
            erased.push(cookie(name, "", "; Max-Age=0", domain));
        }
    }
    erased
}

/// The value that remembers a refusal: the same for everybody, so it names nobody.
const REFUSED: &str = "refused";
/// Stands in a dry run where a sealed journal would be. It opens to nothing.
pub const DRY_RUN: &str = "dry_run";

/// The `Set-Cookie` values that remember for 180 days, in the journal's place, that the visitor
/// refused. Needed only where visitors are remembered unless they say no.
pub fn refusal_cookies(header: &str, domain: Option<&str>) -> Vec<String> {
    let mut lines = erase_cookies(header, domain);
    lines.retain(|line| !line.starts_with(name(domain)));
    lines.push(cookie(name(domain), REFUSED, "; Max-Age=15552000", domain));
    lines
}

/// What the visitor decided before: a refusal, or the state of the journal. Where that began by
/// the program's default, nobody has decided.
pub fn decided(scope: Scope<'_>, header: &str, known: Option<&Journal>) -> Option<Stated> {
    // A refusal outlives a new setting of the domain; under the host's name nobody else can set it.
    let names = [name(scope.domain), HOST_COOKIE];
    let refused = names
        .into_iter()
        .any(|name| cookies::named(header, name).any(|value| value == REFUSED));
    let mut stated = Stated {
        state: Consent::Code,
        evidence: Evidence::Decision,
    };
    if !refused {
        let journal = known?;
        stated.state = journal.consent;
        let last = journal.touches.last();
        if last.is_some_and(|touch| touch.evidence == Evidence::Default) {
            stated.evidence = Evidence::Default;
        }
    }
    Some(stated)
}

/// The name under which a cookie is set.
fn name(domain: Option<&str>) -> &'static str {
    domain.map_or(HOST_COOKIE, |_| DOMAIN_COOKIE)
}

fn cookie(name: &str, value: &str, life: &str, domain: Option<&str>) -> String {
    let mut line = [name, "=", value].concat();
    attributes(life, domain, &mut line);
    line
}

fn attributes(life: &str, domain: Option<&str>, line: &mut String) {
    let rest = "; Path=/; Secure; HttpOnly; SameSite=Lax";
    text::append(&[life, rest], line);
    if let Some(domain) = domain {
        text::append(&["; Domain=", domain], line);
    }
}
