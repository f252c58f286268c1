//! The facts of a request, as the entry tells them, and the parts of its URL.

use crate::domain::redirect::Request;
use crate::domain::traffic::Signals;
use throughline_text as text;

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
    /// `Origin`, of a request that is no `GET`.
    pub origin: &'a str,
}

impl<'a> Facts<'a> {
    /// Reads the lines; missing ones are empty.
    pub fn read(text: &'a str) -> Facts<'a> {
        let mut lines = [""; 19];
        text::fill(text, b'\n', &mut lines);
        let [method, url, cookies, user_agent, accept, rest @ ..] = lines;
        let [fetch_dest, fetch_mode, fetch_site, fetch_user, rest @ ..] = rest;
        let [purpose, gpc, country, region, asn, organisation, rest @ ..] = rest;
        let [language, referrer, ip, origin] = rest;
        Facts {
            method,
            url,
            cookies,
            user_agent,
            accept,
            fetch_dest,
            fetch_mode,
            fetch_site,
            fetch_user,
            purpose,
            gpc,
            country,
            region,
            asn,
            organisation,
            language,
            referrer,
            ip,
            origin,
        }
    }

    /// The request at a place that was read from its URL.
    pub(in crate::app) fn request(&self, place: &Place<'a>) -> Request<'a> {
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
            query: place.query,
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
        let behind = text::cut(url, b':').and_then(|(_, rest)| rest.strip_prefix("//"));
        let rest = behind.unwrap_or(url);
        let (rest, _) = text::cut(rest, b'#').unwrap_or((rest, ""));
        let (before, query) = text::cut(rest, b'?').unwrap_or((rest, ""));
        let authority = text::cut(before, b'/').map_or(before, |(authority, _)| authority);
        let path = before.get(authority.len()..).unwrap_or_default();
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        Place { host, path, query }
    }
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
        assert_eq!(Place::read("http://a.example").path, "");
    }

    #[test]
    fn facts_are_lines_and_missing_ones_are_empty() {
        let facts = Facts::read("GET\nhttps://a.example/\nc=d");
        assert_eq!(
            (facts.method, facts.cookies, facts.country),
            ("GET", "c=d", "")
        );
    }
}
