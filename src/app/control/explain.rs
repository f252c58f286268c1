//! The dry run: where a request would lead, and why. It decides with the same functions as the
//! edge, on the records as the tables say them now, counts nothing and sets nothing.

use super::{Control, object};
use crate::app::edge_plane::{self, Facts, Place};
use crate::app::ports::Database;
use crate::app::problem::{self, Problem};
use crate::app::publish;
use crate::domain::api_key::Scope;
use crate::domain::input::Fields;
use crate::domain::link::{Address, HostSnapshot, LinkSnapshot, Tidied, host_key, link_key};
use crate::domain::redirect::{
    self, Arrival, Because, Entropy, Outcome, PageKind, Redirect, Request,
};
use crate::domain::target::{TargetError, visited};
use crate::domain::time::UnixMs;
use crate::domain::traffic;
use crate::json;
use serde_json::{Map, Value};

/// Request headers that a decision looks at, by the name that a body gives them.
const HEADERS: usize = 16;

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/links/explain`: `url`, and optionally `method`, `headers`, `country`,
    /// `region`, `asn`, `organisation` and `at`.
    pub async fn explain(&self, body: &Value) -> Result<Value, Problem> {
        let body = object(body)?;
        let mut fields = Fields::new(body, "");
        let url = fields.required_text("url", 8_192);
        let url = url.and_then(|url| asked(&mut fields, url));
        let method = fields.text("method", 10).unwrap_or("GET");
        let country = fields.text("country", 2).unwrap_or_default();
        let country = country.to_ascii_uppercase();
        let region = fields.text("region", 3).unwrap_or_default();
        let region = region.to_ascii_uppercase();
        let asn = fields.text("asn", 12).unwrap_or_default();
        let organisation = fields.text("organisation", 190).unwrap_or_default();
        let now = fields.instant("at").unwrap_or(self.now);
        let headers = headers(&mut fields);
        let url = fields.finish(url)?;
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let facts = Facts {
            method,
            url: &url,
            cookies: header("cookie"),
            user_agent: header("user-agent"),
            accept: header("accept"),
            fetch_dest: header("sec-fetch-dest"),
            fetch_mode: header("sec-fetch-mode"),
            fetch_site: header("sec-fetch-site"),
            fetch_user: header("sec-fetch-user"),
            purpose: purpose(&header),
            gpc: header("sec-gpc"),
            country: &country,
            region: &region,
            asn,
            organisation,
            language: header("accept-language"),
            referrer: header("referer"),
            ip: "",
            origin: "",
        };
        self.decided(&facts, now).await
    }

    /// Where the request leads that has these facts, and why.
    async fn decided(&self, facts: &Facts<'_>, now: UnixMs) -> Result<Value, Problem> {
        let place = Place::read(facts.url);
        let host = self.record(&host_key(place.host)).await?;
        let host =
            HostSnapshot::stored(&host).ok_or_else(|| nowhere("no program has this host"))?;
        self.allow(Scope::Read, Some(host.program))?;
        let path = edge_plane::below_mount(place.path, &host)
            .ok_or_else(|| nowhere("the address lies below no mount of links"))?;
        let (link, address, query) = self.link(&place, path, &host).await?;
        let request = Request {
            query: &query,
            ..facts.request(&place)
        };
        let (decided, because) = redirect::explain(&Arrival {
            request: &request,
            rest: address.rest,
            flooded: false,
            sighting: traffic::classify(&request.signals),
            host: &host,
            link: &link,
            keys: &self.settings.keys,
            now,
            entropy: &Entropy(self.entropy),
        });
        let mut report = report(&link, &decided, &because);
        if address.inspect {
            shown(&mut report);
        }
        Ok(report)
    }

    /// The link that an address names, by the whole of it, else without what copying added; and
    /// the raw query that it is asked with.
    async fn link<'a>(
        &self,
        place: &Place<'_>,
        path: &'a str,
        host: &HostSnapshot,
    ) -> Result<(LinkSnapshot, Address<'a>, String), Problem> {
        let whole = Address::read(path, host.case_sensitive);
        let tidied = Tidied::read(path, host.case_sensitive);
        if whole.is_none() && tidied.is_none() {
            return Err(nowhere("the address holds no slug"));
        }
        let whole = whole.map(|address| (address, place.query.to_owned()));
        let tidied = tidied.map(|tidied| {
            let query = tidied.query(place.query);
            (tidied.address, query)
        });
        for (address, query) in whole.into_iter().chain(tidied) {
            let key = link_key(place.host, address.slug.as_str());
            if let Some(link) = LinkSnapshot::stored(&self.record(&key).await?) {
                return Ok((link, address, query));
            }
        }
        Err(nowhere("no link has this slug"))
    }

    async fn record(&self, key: &str) -> Result<Value, Problem> {
        self.one(publish::ONE, &json!({"key": key})).await
    }
}

/// Our page with the address: nobody is led anywhere.
fn shown(report: &mut Value) {
    report["page"] = json!("address");
    report["location"] = Value::Null;
    report["sets_cookie"] = json!(false);
    report["counts"] = json!(false);
}

/// As js/worker/facts.js does.
fn purpose<'a>(header: &impl Fn(&str) -> &'a str) -> &'a str {
    let given = header("sec-purpose");
    if !given.is_empty() || !header("sec-fetch-user").is_empty() {
        return given;
    }
    let old = ["purpose", "x-purpose", "x-moz"].map(header);
    old.into_iter()
        .find(|old| !old.is_empty())
        .unwrap_or_default()
}

/// The address as the edge is asked for it.
fn asked(fields: &mut Fields<'_>, url: &str) -> Option<String> {
    let read = visited(url);
    let fault = |error: TargetError| fields.fault("url", error.code(), error.to_string());
    read.map_err(fault).ok()
}

fn nowhere(detail: &str) -> Problem {
    Problem {
        detail: Some(detail.to_owned()),
        ..Problem::from(&problem::NOT_FOUND)
    }
}

/// The given headers by lower-case name; their values are texts.
fn headers(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut headers = Map::new();
    let Some(given) = fields.value("headers") else {
        return headers;
    };
    let members = given.as_object().filter(|given| given.len() <= HEADERS);
    let texts = members.filter(|members| members.values().all(Value::is_string));
    let Some(members) = texts else {
        let detail = "must be an object of at most 16 texts";
        fields.fault("headers", "not_an_object", detail);
        return headers;
    };
    for (name, value) in members {
        headers.insert(name.to_ascii_lowercase(), value.clone());
    }
    headers
}

fn report(link: &LinkSnapshot, decided: &Redirect, because: &Because) -> Value {
    let page = match &decided.outcome {
        Outcome::To(_) => None,
        Outcome::Page(PageKind::Ended) => Some("ended"),
        Outcome::Page(PageKind::Preview) => Some("preview"),
        Outcome::Unknown => Some("unknown"),
    };
    let mut why = json!(because);
    why["reasons"] = json!(because.reasons.codes().collect::<Vec<_>>());
    why["consent"] = match because.consent {
        Some((state, evidence)) => json!({"state": state, "evidence": evidence}),
        None => Value::Null,
    };
    let sentences: Vec<&str> = because.reasons.sentences().collect();
    json!({
        "location": decided.location(),
        "page": page,
        "link": link.id,
        "partner": link.partner,
        "sets_cookie": !decided.set_cookies.is_empty(),
        "counts": decided.visit.is_some(),
        "because": why,
        "sentences": sentences,
    })
}
