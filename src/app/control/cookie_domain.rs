//! The domain of a program's cookie. Links on `go.shop.example` and a site on `www.shop.example`
//! remember a visitor together only when the cookie belongs to their registrable domain. A browser
//! refuses a cookie for a public suffix, and one that it took would be read by strangers.

use crate::ports::Suffixes;
use domain::values::input::Fields;
use domain::visit::link::is_within;
use serde_json::{Map, Value};

/// The registrable domain of each host that has one, as it is stored with the program.
pub(super) fn registrable(suffixes: &dyn Suffixes, hosts: &[String]) -> Map<String, Value> {
    // Not `collect`, which would bring a sort of its own along.
    let mut known = Map::new();
    for host in hosts {
        if let Some(domain) = suffixes.registrable(host) {
            known.insert(host.clone(), Value::String(domain));
        }
    }
    known
}

/// The one registrable domain of all of several hosts.
pub(super) fn shared(hosts: &[String], registrable: &Map<String, Value>) -> Option<String> {
    let of = |host: &String| registrable.get(host)?.as_str();
    let first = of(hosts.first()?)?;
    let all = hosts.len() > 1 && hosts.iter().all(|host| of(host) == Some(first));
    all.then(|| first.to_owned())
}

/// Names what is wrong with a cookie domain that was given. With `loopback` a name below
/// `localhost` may be one, though no list knows it.
pub(super) fn check(
    fields: &mut Fields<'_>,
    cookie: &str,
    hosts: &[String],
    suffixes: &dyn Suffixes,
    loopback: bool,
) {
    if !hosts.iter().all(|host| is_within(host, cookie)) {
        fields.fault("cookie_domain", "not_shared", "must be shared by all hosts");
    } else {
        check_suffix(fields, "cookie_domain", cookie, suffixes, loopback);
    }
}

/// Names an earlier cookie domain that can never have been one.
pub(super) fn check_earlier(
    fields: &mut Fields<'_>,
    earlier: &[String],
    suffixes: &dyn Suffixes,
    loopback: bool,
) {
    for domain in earlier {
        check_suffix(fields, "earlier_cookie_domains", domain, suffixes, loopback);
    }
}

fn check_suffix(
    fields: &mut Fields<'_>,
    name: &str,
    domain: &str,
    suffixes: &dyn Suffixes,
    loopback: bool,
) {
    let local = loopback && domain.ends_with(".localhost");
    if !local && suffixes.registrable(domain).is_none() {
        let detail = "must be a domain that can be registered, or one below it";
        fields.fault(name, "public_suffix", detail);
    }
}

/// Takes the cookie domain out of a stored program when it followed from the hosts, so that it
/// follows from the new ones again.
pub(super) fn forget_shared(program: &mut Map<String, Value>) {
    let text = |name| program.get(name).and_then(Value::as_str);
    if text("cookie_domain") == text("shared_domain") {
        program.remove("cookie_domain");
    }
}
