//! Which hosts a program may have, and who may give it one. Requests reach us on every host that is
//! routed here, so whoever holds a host decides where its links lead and what its cookies say.

use crate::app::ports::Suffixes;
use crate::domain::input::Fields;
use crate::domain::link::parse_host;

/// Hosts of one program.
const MOST: usize = 20;

/// Reads a host. That of the API belongs to no program.
pub(super) fn read(fields: &mut Fields<'_>, name: &str, admin: &str) -> Option<String> {
    let host = parse_host(fields.text(name, 253)?);
    match &host {
        None => fields.fault(name, "not_a_host", "must be a host name like shop.example"),
        Some(host) => check_admin(fields, name, host, admin),
    }
    host
}

/// Reads a list of hosts, each once.
pub(super) fn read_all(fields: &mut Fields<'_>, name: &str, admin: &str) -> Vec<String> {
    let texts = fields.texts(name, MOST).unwrap_or_default();
    let mut hosts = Vec::new();
    for text in texts {
        match parse_host(text) {
            Some(host) if hosts.contains(&host) => {}
            Some(host) => {
                check_admin(fields, name, &host, admin);
                hosts.push(host);
            }
            None => fields.fault(name, "not_a_host", "must hold host names like shop.example"),
        }
    }
    hosts
}

fn check_admin(fields: &mut Fields<'_>, name: &str, host: &str, admin: &str) {
    if host == admin {
        let detail = format!("{host} is the host of the API and belongs to no program");
        fields.fault(name, "admin_host", detail);
    }
}

/// A program's own key adds hosts on the registrable domains that the program has. Another domain
/// may be somebody else's: the deployment's operator gives it.
pub(super) fn check_new(
    fields: &mut Fields<'_>,
    hosts: &[String],
    known: &[String],
    suffixes: &dyn Suffixes,
) {
    let domains: Vec<_> = known
        .iter()
        .filter_map(|host| suffixes.registrable(host))
        .collect();
    for host in hosts.iter().filter(|host| !known.contains(host)) {
        let domain = suffixes.registrable(host);
        if !domain.is_some_and(|domain| domains.contains(&domain)) {
            let detail = format!(
                "{host} is not on a registrable domain of this program's hosts: only an admin key \
                 without a program may add it"
            );
            fields.fault("hosts", "other_domain", detail);
        }
    }
}
