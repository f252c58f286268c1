//! One visit to a partner link: where it leads, what the browser may keep, what is counted.
//!
//! A pure function of the request, the two snapshots, the keys, the time and some entropy. It asks
//! nobody, so a known link redirects whatever else is down, and its token earns the commission
//! even when the click itself is never stored.

mod because;
mod choice;
mod visitor;

use super::click::{Visit, VisitKind};
use super::click_ids;
use super::consent::{Consent, Evidence, Given, Stated};
use super::journal::{self, ClickId, Journal};
use super::link::params::{Policies, tags};
use super::link::utm::{Filling, filled};
use super::link::{Availability, HostSnapshot, LinkSnapshot, Tags};
use super::seal::{Keyring, NONCE};
use super::time::UnixMs;
use super::token::{self, Marks, Touch};
use super::traffic::{Class, Sighting, Signals};
use std::num::NonZeroU64;

pub use because::Because;
use visitor::Visitor;

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

impl<'a> Request<'a> {
    /// What the request says of the visitor's permission, beside what was `decided` before.
    pub fn given(&self, decided: Option<Stated>) -> Given<'a> {
        Given {
            gpc: self.gpc,
            cookies: self.cookies,
            told: None,
            decided,
            country: self.country,
        }
    }
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

    /// Meta's name for a new browser. Its bytes name the visitor too, through other uses.
    pub fn meta(&self) -> u32 {
        u32::from_be_bytes(self.part(56))
    }

    /// Names a new visitor, and an anonymous fact.
    pub fn visitor(&self) -> u64 {
        u64::from_be_bytes(self.part(56))
    }
}

/// All that a decision looks at.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    pub request: &'a Request<'a>,
    /// Raw path after the slug and its `/`; empty when there is none.
    pub rest: &'a str,
    /// Of the request's signals.
    pub sighting: Sighting,
    /// This network has sent more clicks on this partner than people make.
    pub flooded: bool,
    pub host: &'a HostSnapshot,
    pub link: &'a LinkSnapshot,
    pub keys: &'a Keyring,
    pub now: UnixMs,
    pub entropy: &'a Entropy,
}

/// Where a visit leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A serialised http(s) URL on an allowed host.
    To(String),
    Page(PageKind),
    /// As if there were no such link.
    Unknown,
}

/// A page of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// The link has ended, and nobody said where to go then.
    Ended,
    /// What chats and networks show of the link: its `og` settings.
    Preview,
}

/// The answer to a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub outcome: Outcome,
    /// Anything but `Open` earns nothing and leaves no visit: the caller counts it as an orphan.
    pub availability: Availability,
    pub class: Class,
    /// Under which state the visit was; `code` where nothing could be kept anyway.
    pub consent: Consent,
    pub set_cookies: Vec<String>,
    /// The fact to queue after the response; none when nobody clicked.
    pub visit: Option<Visit>,
}

impl Redirect {
    /// The address that it leads to.
    pub fn location(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::To(location) => Some(location),
            _ => None,
        }
    }

    fn bare(outcome: Outcome, class: Class, availability: Availability) -> Redirect {
        Redirect {
            outcome,
            availability,
            class,
            consent: Consent::Code,
            set_cookies: Vec::new(),
            visit: None,
        }
    }
}

/// Decides a visit to a link.
pub fn redirect(arrival: &Arrival<'_>) -> Redirect {
    decide(arrival, None)
}

/// Decides a visit in the same way, and says why. Nothing that it gives can be used: neither token
/// nor cookie opens, so that who may ask for reasons cannot earn by asking.
pub fn explain(arrival: &Arrival<'_>) -> (Redirect, Because) {
    let mut because = Because::default();
    let redirect = decide(arrival, Some(&mut because));
    because.class = redirect.class.name();
    because.availability = redirect.availability;
    (redirect, because)
}

fn decide(arrival: &Arrival<'_>, mut because: Option<&mut Because>) -> Redirect {
    let Arrival {
        host,
        link,
        sighting,
        ..
    } = *arrival;
    if let Some(because) = because.as_deref_mut() {
        because.reasons = sighting.reasons;
    }
    let availability = link.availability(arrival.now);
    if let Some(outcome) = elsewhere(availability, host, link) {
        return Redirect::bare(outcome, sighting.class, availability);
    }
    let open = availability == Availability::Open;
    let visitor = (open && sighting.class.carries_token())
        .then(|| Visitor::of(arrival, sighting.class, because.as_deref_mut()));
    let class = visitor
        .as_ref()
        .map_or(sighting.class, |visitor| visitor.class);
    let Some(choice) = choice::choose(arrival, visitor.as_ref(), class, because.as_deref_mut())
    else {
        return Redirect::bare(Outcome::Unknown, class, availability);
    };
    let Some(visitor) = visitor else {
        let outcome = if open && class == Class::Preview && link.settings.og.is_some() {
            Outcome::Page(PageKind::Preview)
        } else {
            Outcome::To(location(arrival, &choice, None, &Tags::new(), because))
        };
        let mut redirect = Redirect::bare(outcome, class, availability);
        redirect.visit = uncounted(arrival, class).filter(|_| open);
        return redirect;
    };
    counted(arrival, visitor, &choice, because)
}

/// Where a link leads that does not lead to its target now.
fn elsewhere(
    availability: Availability,
    host: &HostSnapshot,
    link: &LinkSnapshot,
) -> Option<Outcome> {
    let to = |address: &Option<String>| address.clone().map(Outcome::To);
    match availability {
        Availability::Open => None,
        Availability::Scheduled => Some(Outcome::Unknown),
        Availability::Paused => to(&host.paused_url),
        Availability::Suspended => to(&host.suspended_url),
        Availability::Expired | Availability::Capped => {
            let own = link.settings.expired_url.as_ref();
            let own = own.map(|target| Outcome::To(target.as_str().to_owned()));
            own.or_else(|| to(&host.expired_url))
                .or(Some(Outcome::Page(PageKind::Ended)))
        }
    }
}

/// A visit that may earn credit: its token, its cookie, its fact.
fn counted(
    arrival: &Arrival<'_>,
    visitor: Visitor,
    choice: &choice::Choice<'_>,
    because: Option<&mut Because>,
) -> Redirect {
    let Arrival {
        request,
        host,
        link,
        keys,
        now,
        entropy,
        ..
    } = *arrival;
    let Visitor {
        class,
        state,
        evidence,
        ..
    } = visitor;
    let touch = new_touch(arrival, class, &visitor, choice);
    let earned = visitor.repeated.as_ref().unwrap_or(&touch);
    let dry_run = because.is_some();
    let token = if dry_run {
        token::DRY_RUN.to_owned()
    } else {
        token::issue(keys, earned, entropy.token())
    };
    let remembers = state.allows_cookie();
    let wanted = remembers || link.settings.utm.is_some() || host.utm.is_some();
    let mut noted = Tags::new();
    if wanted && !request.query.is_empty() {
        noted = tags(request.query, &host.tags);
    }
    let to = location(arrival, choice, Some(&token), &noted, because);
    let mut redirect = Redirect::bare(Outcome::To(to), class, Availability::Open);
    redirect.consent = state;
    if class == Class::Prefetch {
        redirect.visit = Some(Visit::ahead(entropy.visitor(), &touch));
        return redirect;
    }
    let repeated = visitor.repeated.is_some();
    let mut memory = None;
    if remembers && class.sets_cookie() {
        let mut journal = visitor
            .known
            .unwrap_or_else(|| Journal::new(state, choice.nonce, now));
        journal.issued_at = now;
        journal.renew = false;
        if journal.consent != state {
            journal.follow(Stated { state, evidence });
        }
        if !repeated {
            journal.add_touch(touch.clone());
        }
        journal.add_click_ids(captured(request.query, now));
        redirect.set_cookies.push(if dry_run {
            journal::set_cookie(journal::DRY_RUN, state, host.cookie_domain.as_deref())
        } else {
            journal.cookie(keys, entropy.journal(), host.journals())
        });
        memory = Some(journal);
    } else if visitor.known.is_some() && !remembers && evidence.is_live() {
        redirect.set_cookies =
            journal::erase_cookies(request.cookies, host.cookie_domain.as_deref());
    }
    let key = touch.nonce.map_or(entropy.visitor(), NonZeroU64::get);
    let visit = Visit::new(VisitKind::Click, key, &touch, memory.as_ref());
    let mut visit = visit.came_from(request.referrer);
    if remembers {
        visit.tags = noted;
    }
    redirect.visit = Some(visit);
    redirect
}

/// The chosen target with what travels and what we add.
fn location(
    arrival: &Arrival<'_>,
    choice: &choice::Choice<'_>,
    token: Option<&str>,
    noted: &Tags,
    because: Option<&mut Because>,
) -> String {
    let Arrival {
        request,
        host,
        link,
        ..
    } = *arrival;
    let settings = &link.settings;
    let target = choice.target();
    let policies = Policies {
        token_param: &host.token_param,
        link: settings.params.as_ref(),
        host: host.params.as_ref(),
        tags: &host.tags,
    };
    let policy = |name: &str| policies.fate(name);
    let seen = because.map(|because| &mut because.params);
    let ours = token.map(|token| (host.token_param.as_str(), token));
    if settings.utm.is_none() && host.utm.is_none() {
        let own = ours.as_slice();
        return target.location_by(request.query, own, Some(&policy), seen);
    }
    let filling = Filling {
        link,
        variant: choice.variant,
        country: request.country,
        tags: noted,
    };
    let utm = filled(settings.utm.as_ref(), host.utm.as_ref(), target, &filling);
    let own = utm.iter().map(|(name, value)| (*name, value.as_str()));
    let own: Vec<_> = own.chain(ours).collect();
    target.location_by(request.query, &own, Some(&policy), seen)
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
    arrival: &Arrival<'_>,
    class: Class,
    visitor: &Visitor,
    choice: &choice::Choice<'_>,
) -> Touch {
    let touch = Touch {
        variant: choice.variant,
        marks: choice.marks(arrival.host),
        evidence: visitor.evidence,
        // A repetition is no click of its own: its fact has no name.
        nonce: Some(arrival.entropy.click()).filter(|_| visitor.repeated.is_none()),
        ..plain_touch(arrival, class, visitor.state)
    };
    if visitor.state.allows_cookie() {
        touch
    } else {
        touch.anonymous()
    }
}

fn plain_touch(arrival: &Arrival<'_>, class: Class, consent: Consent) -> Touch {
    Touch {
        at: arrival.now,
        program: arrival.link.program,
        link: arrival.link.id,
        partner: arrival.link.partner,
        variant: 0,
        class,
        marks: Marks::default(),
        consent,
        evidence: Evidence::Default,
        nonce: None,
    }
}

/// Bots and embedded loads are kept under their class and earn nothing; `HEAD` leaves no trace.
fn uncounted(arrival: &Arrival<'_>, class: Class) -> Option<Visit> {
    if class == Class::Head {
        return None;
    }
    let touch = plain_touch(arrival, class, Consent::Code).anonymous();
    let key = arrival.entropy.visitor();
    Some(Visit::new(VisitKind::Click, key, &touch, None))
}
