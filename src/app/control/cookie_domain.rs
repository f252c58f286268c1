//! The domain of a program's cookie. Links on `go.shop.example` and a site on `www.shop.example`
//! remember a visitor together only when the cookie belongs to their registrable domain. A browser
//! refuses a cookie for a public suffix, and one that it took would be read by strangers.

use crate::app::ports::Suffixes;
use crate::domain::input::Fields;
use serde_json::{Map, Value};

/// The registrable domain of each host that has one, as it is stored with the program.
pub(super) fn registrable(suffixes: &dyn Suffixes, hosts: &[String]) -> Map<String, Value> {
    let known = hosts.iter().filter_map(|host| {
        let domain = suffixes.registrable(host)?;
        Some((host.clone(), Value::String(domain)))
    });
    known.collect()
}

/// The cookie domain: the `given` one if it can be one, else the registrable domain that several
/// hosts share, else none. With `loopback` a name below `localhost` is taken as given.
pub(super) fn choose(
    fields: &mut Fields<'_>,
    given: Option<String>,
    hosts: &[String],
    registrable: &Map<String, Value>,
    (suffixes, loopback): (&dyn Suffixes, bool),
) -> Option<String> {
    let Some(cookie) = given else {
        return shared(hosts.len(), registrable).map(str::to_owned);
    };
    let below = |host: &String| {
        let rest = host.strip_suffix(cookie.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let local = loopback && cookie.ends_with(".localhost");
    if !hosts.iter().all(below) {
        fields.fault("cookie_domain", "not_shared", "must be shared by all hosts");
    } else if !local && suffixes.registrable(&cookie).is_none() {
        let detail = "must be a domain that can be registered, or one below it";
        fields.fault("cookie_domain", "public_suffix", detail);
    }
    Some(cookie)
}

/// Takes the cookie domain out of a stored program when it followed from the hosts, so that it
/// follows from the new ones again.
pub(super) fn forget_derived(program: &mut Map<String, Value>) {
    let hosts = program.get("hosts").and_then(Value::as_array);
    let hosts = hosts.map_or(0, Vec::len);
    let known = program.get("registrable").and_then(Value::as_object);
    let derived = known.and_then(|known| shared(hosts, known));
    if program.get("cookie_domain").and_then(Value::as_str) == derived {
        program.remove("cookie_domain");
    }
}

/// The one registrable domain of all of several hosts.
fn shared(hosts: usize, registrable: &Map<String, Value>) -> Option<&str> {
    let mut domains = registrable.values().map(Value::as_str);
    let first = domains.next()??;
    let all = hosts > 1 && registrable.len() == hosts;
    (all && domains.all(|domain| domain == Some(first))).then_some(first)
}
