//! The edge plane's requests, answered from the isolate's memory alone: links, beacons, the
//! visitor's token, the cookie of a document.
//!
//! Synchronous, so that the whole of it is one call from the entry. Where the memory lacks
//! something it gives `None`; the entry then has it fetched and asks once more.

use super::isolate::{Known, Memory};
use super::problem::{self, Kind, Problem};
use super::settings::Settings;
use crate::domain::beacon::{self, Context, Message};
use crate::domain::click::Visit;
use crate::domain::limits;
use crate::domain::link::{self, HostSnapshot, Slug};
use crate::domain::redirect::{self, Entropy, Request};
use crate::domain::time::UnixMs;
use crate::domain::traffic::Signals;
use serde_json::json;

/// Where links live on a host.
const LINKS: &str = "/go/";
const BEACON: &str = "/tl/e";
const ME: &str = "/tl/me";

/// The facts of a request, one per line, in this order. Header values cannot hold line breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub cookies: &'a str,
    pub user_agent: &'a str,
    pub accept: &'a str,
    pub fetch_dest: &'a str,
    pub fetch_mode: &'a str,
    pub fetch_site: &'a str,
    pub fetch_user: &'a str,
    pub purpose: &'a str,
    pub gpc: &'a str,
    pub country: &'a str,
    /// ISO 3166-2 without the country, as `CA`.
    pub region: &'a str,
    pub asn: &'a str,
    pub organisation: &'a str,
    pub language: &'a str,
    pub referrer: &'a str,
    pub ip: &'a str,
}

impl<'a> Facts<'a> {
    /// Reads the lines; missing ones are empty.
    pub fn read(text: &'a str) -> Facts<'a> {
        let mut lines = text.split('\n');
        let mut next = || lines.next().unwrap_or_default();
        Facts {
            method: next(),
            url: next(),
            cookies: next(),
            user_agent: next(),
            accept: next(),
            fetch_dest: next(),
            fetch_mode: next(),
            fetch_site: next(),
            fetch_user: next(),
            purpose: next(),
            gpc: next(),
            country: next(),
            region: next(),
            asn: next(),
            organisation: next(),
            language: next(),
            referrer: next(),
            ip: next(),
        }
    }

    fn request(&self) -> Request<'a> {
        Request {
            signals: Signals {
                method: self.method,
                user_agent: self.user_agent,
                accept: self.accept,
                fetch_dest: self.fetch_dest,
                fetch_mode: self.fetch_mode,
                fetch_site: self.fetch_site,
                fetch_user: self.fetch_user,
                asn: self.asn,
                organisation: self.organisation,
                purpose: self.purpose,
            },
            query: Place::read(self.url).query,
            cookies: self.cookies,
            gpc: self.gpc == "1",
            country: self.country,
            region: self.region,
            language: self.language,
            referrer: self.referrer,
            ip: self.ip,
        }
    }
}

/// The parts of a request's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Lower case, without port: the platform's URL is serialised.
    pub host: &'a str,
    pub path: &'a str,
    pub query: &'a str,
}

impl<'a> Place<'a> {
    pub fn read(url: &'a str) -> Place<'a> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let rest = rest.split('#').next().unwrap_or_default();
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let slash = before.find('/').unwrap_or(before.len());
        let (authority, path) = before.split_at(slash);
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        Place { host, path, query }
    }

    /// The slug, if this is the address of a link.
    pub fn slug(&self) -> Option<Slug> {
        Slug::parse(self.path.strip_prefix(LINKS)?)
    }
}

/// An answer of the edge plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub visits: Vec<Visit>,
    /// The snapshots used are old and should be fetched again, after the response.
    pub refresh: bool,
}

impl Answer {
    /// One text: status, refresh, visits as JSON objects, body, then header names and values, with
    /// the unit separator between them, which none of them can hold.
    pub fn encode(&self) -> String {
        // Most answers hold one visit with some touches: little of this has to grow.
        let mut text = String::with_capacity(1024 + self.body.len());
        text.push_str(&self.status.to_string());
        text.push('\u{1f}');
        text.push_str(if self.refresh { "1" } else { "" });
        text.push('\u{1f}');
        for (place, visit) in self.visits.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            visit.write_json(&mut text);
        }
        text.push('\u{1f}');
        text.push_str(&self.body);
        for (name, value) in &self.headers {
            for part in ["\u{1f}", name, "\u{1f}", value] {
                text.push_str(part);
            }
        }
        text
    }

    fn problem(kind: &'static Kind) -> Answer {
        Answer::json(
            kind.status,
            "application/problem+json",
            Problem::from(kind).document(),
        )
    }

    fn json(status: u16, content_type: &str, body: serde_json::Value) -> Answer {
        Answer {
            status,
            headers: vec![
                ("content-type", content_type.to_owned()),
                ("cache-control", "private, no-store".to_owned()),
                ("x-content-type-options", "nosniff".to_owned()),
            ],
            body: body.to_string(),
            ..Answer::default()
        }
    }
}

/// Answers a request of the edge plane. `body` is that of a beacon.
pub fn answer(
    facts: &Facts<'_>,
    body: &str,
    memory: &Memory,
    settings: &Settings,
    now: UnixMs,
    entropy: &Entropy,
) -> Option<Answer> {
    let place = Place::read(facts.url);
    let hit = memory.hosts.get(place.host, now)?;
    let Known::Found(host) = hit.known else {
        return Some(nothing_here());
    };
    let request = facts.request();
    let context = Context {
        request: &request,
        host,
        keys: &settings.keys,
        now,
        entropy,
    };
    let mut answer = match place.path {
        BEACON | ME if !same_site(facts.fetch_site) => Answer::problem(&problem::CROSS_ORIGIN),
        BEACON if facts.method == "POST" => report(&context, body),
        ME if facts.method == "GET" => {
            Answer::json(200, "application/json", json!(beacon::me(&context)))
        }
        BEACON | ME => Answer::problem(&problem::METHOD_NOT_ALLOWED),
        _ => visit(&place, &context, memory)?,
    };
    answer.refresh |= hit.stale;
    Some(answer)
}

/// Pages of the same site, and clients that do not say.
fn same_site(fetch_site: &str) -> bool {
    matches!(fetch_site, "" | "same-origin" | "same-site")
}

fn report(context: &Context<'_>, body: &str) -> Answer {
    if body.len() > limits::BEACON_BODY_BYTES {
        return Answer::problem(&problem::BODY_TOO_LARGE);
    }
    let Ok(message) = serde_json::from_str::<Message>(body) else {
        return Answer::problem(&problem::BODY_NOT_JSON);
    };
    let Ok(answered) = beacon::answer(context, &message) else {
        return Answer::problem(&problem::VALIDATION);
    };
    let mut answer = Answer::json(200, "application/json", json!(answered.state));
    answer
        .headers
        .extend(answered.set_cookie.map(|cookie| ("set-cookie", cookie)));
    answer.visits = answered.visits;
    answer
}

fn visit(place: &Place<'_>, context: &Context<'_>, memory: &Memory) -> Option<Answer> {
    if !matches!(context.request.signals.method, "GET" | "HEAD") {
        return Some(Answer::problem(&problem::METHOD_NOT_ALLOWED));
    }
    let Some(slug) = place.slug() else {
        return Some(unknown(context.host));
    };
    let name = link::link_key(place.host, slug.as_str());
    let hit = memory.links.get(&name, context.now)?;
    let Known::Found(link) = hit.known else {
        return Some(Answer {
            refresh: hit.stale,
            ..unknown(context.host)
        });
    };
    let Context {
        request,
        host,
        keys,
        now,
        entropy,
    } = *context;
    let decided = redirect::redirect(request, host, link, keys, now, entropy);
    let mut answer = leading_to(&decided.location);
    answer
        .headers
        .extend(decided.set_cookie.map(|cookie| ("set-cookie", cookie)));
    answer.visits = decided.visit.into_iter().collect();
    answer.refresh = hit.stale;
    Some(answer)
}

/// A redirect that nobody keeps: not caches, not search engines.
fn leading_to(location: &str) -> Answer {
    Answer {
        status: 302,
        headers: vec![
            ("location", location.to_owned()),
            ("cache-control", "private, no-store".to_owned()),
            (
                "referrer-policy",
                "strict-origin-when-cross-origin".to_owned(),
            ),
            ("x-robots-tag", "noindex, nofollow".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ],
        ..Answer::default()
    }
}

/// An unknown slug leads to the program's fallback address, or to a page that says so.
fn unknown(host: &HostSnapshot) -> Answer {
    host.fallback
        .as_deref()
        .map_or_else(nothing_here, leading_to)
}

fn nothing_here() -> Answer {
    page(
        404,
        "This link leads nowhere",
        "It may be mistyped, or its owner has taken it down.",
    )
}

/// The answer when what is needed could not be fetched.
pub fn away() -> Answer {
    let mut answer = page(
        503,
        "Please try again",
        "This link cannot be looked up right now. Reload in a moment.",
    );
    answer.headers.push(("retry-after", "2".to_owned()));
    answer
}

fn page(status: u16, title: &str, text: &str) -> Answer {
    let style = "body{font:18px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:30em;\
                 padding:0 1em}";
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{style}</style><h1>{title}</h1><p>{text}</p></html>"
    );
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    Answer {
        status,
        headers: vec![
            ("content-type", "text/html; charset=utf-8".to_owned()),
            ("cache-control", "private, no-store".to_owned()),
            ("content-security-policy", policy.to_owned()),
            ("x-robots-tag", "noindex, nofollow".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ],
        body: html,
        ..Answer::default()
    }
}

/// The `Set-Cookie` of a document that passes the gateway, if it needs one. Looks at no link, and
/// without the host's snapshot does nothing: the document goes out as it is.
pub fn document(
    facts: &Facts<'_>,
    memory: &Memory,
    settings: &Settings,
    now: UnixMs,
    entropy: &Entropy,
) -> Option<String> {
    let place = Place::read(facts.url);
    let hit = memory.hosts.get(place.host, now)?;
    let Known::Found(host) = hit.known else {
        return None;
    };
    let request = facts.request();
    beacon::renewal(&Context {
        request: &request,
        host,
        keys: &settings.keys,
        now,
        entropy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_cut_into_host_path_and_query() {
        let place = Place::read("https://shop.example:8443/go/Anna?a=1&b=?");
        assert_eq!(
            (place.host, place.path, place.query),
            ("shop.example", "/go/Anna", "a=1&b=?")
        );
        assert_eq!(place.slug().unwrap().as_str(), "anna");
        assert_eq!(Place::read("http://a.example").path, "");
        assert_eq!(Place::read("http://a.example/go/a/b").slug(), None);
    }

    #[test]
    fn facts_are_lines_and_missing_ones_are_empty() {
        let facts = Facts::read("GET\nhttps://a.example/\nc=d");
        assert_eq!(
            (facts.method, facts.cookies, facts.country),
            ("GET", "c=d", "")
        );
    }

    #[test]
    fn an_encoded_answer_keeps_its_parts_apart() {
        let mut answer = leading_to("https://a.example/");
        answer.refresh = true;
        let text = answer.encode();
        let parts: Vec<_> = text.split('\u{1f}').collect();
        assert_eq!(
            parts[..6],
            ["302", "1", "", "", "location", "https://a.example/"]
        );
        assert_eq!(parts.len() % 2, 0);
    }
}
