//! The journal: the visitor's touches and click IDs, sealed in one first-party cookie.
//!
//! It is the memory of the edge: no database is asked who brought a visitor. It keeps up to 8
//! touches and 6 click IDs in at most 2,000 encoded bytes. When it is full the middle touches go
//! first, then the oldest click IDs; the first and the last touch stay.
//! Plain bytes: `consent(1) flags(1) issued(6) visitor(8) n(1) touch(41)* n(1) click id*`, a click
//! id being `kind(1) at(6) length(2) value`.

use super::click_ids::{self, ClickIdKind};
use super::consent::{Consent, Evidence, Stated};
use super::ids::LinkId;
use super::seal::{Keyring, NONCE, Purpose};
use super::time::UnixMs;
use super::token::{Marks, Touch};
use super::{cookies, limits};
use throughline_cipher as cipher;
use throughline_text as text;
use throughline_text::codec::{Reader, Writer};

const CONTEXT: &str = "journal";
/// Room for most lines of `Set-Cookie`.
const LINE_BYTES: usize = 512;
/// Set when a script's request set the cookie: Safari caps such cookies at 7 days, so the next
/// document sets it again.
const FLAG_RENEW: u8 = 1;

/// A click ID of an ad platform as it stood in the URL (raw, never altered).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickId {
    pub kind: ClickIdKind,
    pub at: UnixMs,
    pub value: String,
}

/// What the cookie holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The visitor's own decision or the state under which the journal began.
    pub consent: Consent,
    pub issued_at: UnixMs,
    pub renew: bool,
    /// Random; keeps a visitor on one variant.
    pub visitor: u64,
    pub touches: Vec<Touch>,
    pub click_ids: Vec<ClickId>,
}

impl Journal {
    pub fn new(consent: Consent, visitor: u64, now: UnixMs) -> Journal {
        Journal {
            consent,
            issued_at: now,
            renew: false,
            visitor,
            touches: Vec::new(),
            click_ids: Vec::new(),
        }
    }

    /// Adds a touch in its place by time: an old address that is opened again is not the newest
    /// click. One that is known already (by its nonce) is not added again.
    pub fn add_touch(&mut self, touch: Touch) {
        if touch.nonce.is_some() && self.touches.iter().any(|known| known.nonce == touch.nonce) {
            return;
        }
        let before = self.touches.iter().rposition(|known| known.at <= touch.at);
        self.touches
            .insert(before.map_or(0, |place| place + 1), touch);
        while self.touches.len() > limits::JOURNAL_TOUCHES {
            self.touches.remove(1);
        }
    }

    /// The newest touch, if a click on `link` repeats it: same link, within an hour. A click that
    /// brings another click ID in its `query` was paid for again and is a click of its own.
    pub fn repeated(&self, link: LinkId, query: &str, now: UnixMs) -> Option<Touch> {
        let last = self.touches.last()?;
        let age = now.since(last.at);
        if last.link != link || !(0..limits::DUPLICATE_MS).contains(&age) {
            return None;
        }
        let knows = |(kind, value): &(ClickIdKind, &str)| {
            let mut all = self.click_ids.iter();
            all.any(|known| known.kind == *kind && text::same(&known.value, value))
        };
        let ids = click_ids::capture(query);
        ids.iter().all(knows).then(|| last.clone())
    }

    /// Lets what is stated now hold for what was remembered before it, too.
    pub fn follow(&mut self, stated: Stated) {
        self.consent = stated.state;
        for touch in &mut self.touches {
            touch.consent = stated.state;
            touch.evidence = stated.evidence;
        }
    }

    /// Does the journal say that this click was confirmed before?
    pub fn confirms(&self, touch: &Touch) -> bool {
        let same = |known: &&Touch| touch.nonce.is_some() && known.nonce == touch.nonce;
        let known = self.touches.iter().find(same);
        known.is_some_and(|known| known.marks.has(Marks::CONFIRMED))
    }

    /// Keeps the newest value of each click ID parameter, and the newest six of them.
    pub fn add_click_ids(&mut self, found: impl IntoIterator<Item = ClickId>) {
        for id in found {
            if let Some(known) = self
                .click_ids
                .iter()
                .position(|known| known.kind == id.kind)
            {
                // The same value again keeps its first time: `fbc` is formed from it.
                if self
                    .click_ids
                    .get(known)
                    .is_some_and(|known| text::same(&known.value, &id.value))
                {
                    continue;
                }
                self.click_ids.remove(known);
            }
            self.click_ids.push(id);
        }
        while self.click_ids.len() > limits::JOURNAL_CLICK_IDS {
            self.click_ids.remove(0);
        }
    }

    fn write(&self, out: &mut Writer) {
        out.u8(self.consent.number());
        out.u8(if self.renew { FLAG_RENEW } else { 0 });
        out.u48(self.issued_at.0.max(0).unsigned_abs());
        out.u64(self.visitor);
        // Both counts are bounded by the limits, far below 255.
        out.u8(u8::try_from(self.touches.len()).unwrap_or(u8::MAX));
        self.touches.iter().for_each(|touch| touch.write(out));
        out.u8(u8::try_from(self.click_ids.len()).unwrap_or(u8::MAX));
        for id in &self.click_ids {
            out.u8(id.kind.code());
            out.u48(id.at.0.max(0).unsigned_abs());
            out.text(&id.value);
        }
    }

    /// Seals the journal into a cookie value of at most [`limits::COOKIE_BYTES`].
    pub fn seal(&self, keys: &Keyring, entropy: [u8; NONCE]) -> String {
        let mut value = String::new();
        self.seal_into(keys, entropy, &mut value);
        value
    }

    fn seal_into(&self, keys: &Keyring, entropy: [u8; NONCE], out: &mut String) {
        let sealed = keys.seal_written(Purpose::Journal, CONTEXT, entropy, &|out| self.write(out));
        if (sealed.len() * 4).div_ceil(3) > limits::COOKIE_BYTES {
            let mut shorter = self.clone();
            if shorter.touches.len() > 2 {
                shorter.touches.remove(1);
                return shorter.seal_into(keys, entropy, out);
            } else if !shorter.click_ids.is_empty() {
                shorter.click_ids.remove(0);
                return shorter.seal_into(keys, entropy, out);
            }
        }
        cipher::encode(&sealed, out);
    }

    /// The `Set-Cookie` value that holds the journal.
    pub fn cookie(&self, keys: &Keyring, entropy: [u8; NONCE], domain: Option<&str>) -> String {
        let mut line = String::with_capacity(LINE_BYTES);
        text::append(&[name(domain), "="], &mut line);
        self.seal_into(keys, entropy, &mut line);
        attributes(life(self.consent), domain, &mut line);
        line
    }

    /// Opens a cookie value; `None` when it is forged, cut, foreign, oversized or too old.
    pub fn open(keys: &Keyring, value: &str, now: UnixMs) -> Option<Journal> {
        if value.len() > limits::COOKIE_BYTES {
            return None;
        }
        let mut sealed = cipher::decode(value)?;
        let plain = keys.unseal(Purpose::Journal, CONTEXT, &mut sealed)?;
        let journal = Journal::read(plain)?;
        let age = now.since(journal.issued_at);
        (-limits::EVENT_FUTURE_MS..=limits::TOUCH_AGE_MS)
            .contains(&age)
            .then_some(journal)
    }

    fn read(plain: &[u8]) -> Option<Journal> {
        let mut from = Reader::new(plain);
        let consent = Consent::from_number(from.u8()?)?;
        let renew = from.u8()? & FLAG_RENEW != 0;
        let issued_at = UnixMs(i64::try_from(from.u48()?).ok()?);
        let visitor = from.u64()?;
        let mut touches = Vec::new();
        for _ in 0..from.u8()? {
            touches.push(Touch::read(&mut from)?);
        }
        let mut click_ids = Vec::new();
        for _ in 0..from.u8()? {
            click_ids.push(ClickId {
                kind: ClickIdKind::from_code(from.u8()?)?,
                at: UnixMs(i64::try_from(from.u48()?).ok()?),
                value: from.text()?.to_owned(),
            });
        }
        from.end()?;
        Some(Journal {
            consent,
            issued_at,
            renew,
            visitor,
            touches,
            click_ids,
        })
    }

    /// Finds the journal among the cookies of a request. The name may occur more than once (a
    /// host-only and a domain cookie): the newest one whose seal opens is taken.
    pub fn from_cookies(keys: &Keyring, header: &str, now: UnixMs) -> Option<Journal> {
        remembered(keys, header, now).0
    }
}

/// The journal of a request's cookies, as [`Journal::from_cookies`] gives it, and what the visitor
/// [`decided`] before.
pub fn remembered(keys: &Keyring, header: &str, now: UnixMs) -> (Option<Journal>, Option<Stated>) {
    let mut known: Option<Journal> = None;
    let mut refused = false;
    for value in ours(header) {
        refused |= value == REFUSED;
        let open = header.len() <= limits::COOKIE_HEADER_BYTES;
        let journal = open.then(|| Journal::open(keys, value, now)).flatten();
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
    let decided = stated(refused, known.as_ref());
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
pub fn decided(header: &str, known: Option<&Journal>) -> Option<Stated> {
    stated(ours(header).any(|value| value == REFUSED), known)
}

fn stated(refused: bool, known: Option<&Journal>) -> Option<Stated> {
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

/// The values of a request's cookies under either of our names.
fn ours(header: &str) -> impl Iterator<Item = &str> {
    text::parts(header, b';').filter_map(|pair| {
        let (name, value) = text::cut(pair.trim_ascii(), b'=')?;
        (name == HOST_COOKIE || name == DOMAIN_COOKIE).then_some(value)
    })
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

#[cfg(test)]
mod tests {
    use super::super::seal::tests::keyring;
    use super::super::token::tests::{NOW, touch};
    use super::*;
    use std::num::NonZeroU64;

    fn touch_number(n: u64) -> Touch {
        Touch {
            nonce: NonZeroU64::new(n),
            at: NOW.plus(n as i64),
            ..touch()
        }
    }

    fn click_id(kind: u8, value: String) -> ClickId {
        ClickId {
            kind: ClickIdKind::from_code(kind).unwrap(),
            at: NOW,
            value,
        }
    }

    fn full() -> Journal {
        let mut journal = Journal::new(Consent::Full, 42, NOW);
        (1..=20).for_each(|n| journal.add_touch(touch_number(n)));
        journal.add_click_ids((1..=8).map(|kind| click_id(kind, "x".repeat(512))));
        journal
    }

    #[test]
    fn seals_and_opens_to_the_same() {
        let mut journal = Journal::new(Consent::Session, 42, NOW);
        journal.add_touch(touch_number(1));
        journal.add_click_ids([click_id(1, "AbC+%2B=".into())]);
        let value = journal.clone().seal(&keyring(), [1; NONCE]);
        assert_eq!(Journal::open(&keyring(), &value, NOW), Some(journal));
    }

    #[test]
    fn the_first_and_last_touch_survive_and_the_cookie_keeps_its_bound() {
        let journal = full();
        assert_eq!(journal.touches.len(), limits::JOURNAL_TOUCHES);
        assert_eq!(journal.click_ids.len(), limits::JOURNAL_CLICK_IDS);
        let value = journal.seal(&keyring(), [1; NONCE]);
        assert!(value.len() <= limits::COOKIE_BYTES);
        let opened = Journal::open(&keyring(), &value, NOW).unwrap();
        assert_eq!(opened.touches.first(), Some(&touch_number(1)));
        assert_eq!(opened.touches.last(), Some(&touch_number(20)));
        assert!(!opened.click_ids.is_empty(), "click IDs go last");
        assert_eq!(
            opened.click_ids.last().unwrap().kind.code(),
            8,
            "and the oldest first"
        );
    }

    #[test]
    fn a_repeated_touch_or_click_id_changes_nothing() {
        let mut journal = Journal::new(Consent::Full, 1, NOW);
        journal.add_touch(touch_number(1));
        journal.add_touch(touch_number(1));
        journal.add_click_ids([click_id(1, "a".into())]);
        let later = ClickId {
            at: NOW.plus(5),
            ..click_id(1, "a".into())
        };
        journal.add_click_ids([later]);
        assert_eq!((journal.touches.len(), journal.click_ids[0].at), (1, NOW));
        journal.add_click_ids([click_id(1, "b".into())]);
        assert_eq!(journal.click_ids[0].value, "b");
    }

    #[test]
    fn the_newest_valid_cookie_of_several_is_taken() {
        let keys = keyring();
        let old = Journal::new(Consent::Full, 1, NOW).seal(&keys, [1; NONCE]);
        let new = Journal::new(Consent::Full, 2, NOW.plus(9)).seal(&keys, [2; NONCE]);
        let header = format!("a=b; __Host-tl=forged; __Secure-tl={new}; __Host-tl={old}");
        assert_eq!(
            Journal::from_cookies(&keys, &header, NOW).unwrap().visitor,
            2
        );
        assert_eq!(Journal::from_cookies(&keys, "a=b; __Host-tl=", NOW), None);
    }

    #[test]
    fn oversized_cut_and_expired_cookies_are_as_if_absent() {
        let keys = keyring();
        let value = full().seal(&keys, [1; NONCE]);
        assert_eq!(
            Journal::open(&keys, &format!("{value}{}", "A".repeat(2_000)), NOW),
            None
        );
        assert_eq!(Journal::open(&keys, &value[..value.len() - 4], NOW), None);
        assert_eq!(
            Journal::open(&keys, &value, NOW.plus(limits::TOUCH_AGE_MS + 1)),
            None
        );
        let huge = format!(
            "__Host-tl={value}; pad={}",
            "p".repeat(limits::COOKIE_HEADER_BYTES)
        );
        assert_eq!(Journal::from_cookies(&keys, &huge, NOW), None);
    }

    #[test]
    fn a_session_cookie_names_no_end_and_a_domain_cookie_names_its_domain() {
        assert!(!set_cookie("v", Consent::Session, None).contains("Max-Age"));
        let cookie = set_cookie("v", Consent::Full, Some("shop.example"));
        assert!(cookie.starts_with("__Secure-tl=v; Max-Age=34560000; Path=/; Secure; HttpOnly"));
        assert!(cookie.ends_with("Domain=shop.example"));
        let erased = erase_cookies("a=b; __Host-tl=v; __Secure-tl=refused", None);
        assert_eq!(erased.len(), 1, "a refusal stays");
        assert!(erased[0].starts_with("__Host-tl=; Max-Age=0"));
    }
}
