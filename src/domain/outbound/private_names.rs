//! Names that lead inside a network or to this machine, with the names below them. Data: each group
//! says where it is from.
//!
//! A list cannot hold every such name. It holds those that are reserved, those that common software
//! uses, and public services whose purpose is to resolve to any address that is asked for.

/// Each name, and every name below it.
pub(super) const PRIVATE_NAMES: &[&str] = &[
    // Special-use names of IANA: RFC 6761, RFC 6762 (`local`), RFC 7686 (`onion`), RFC 9476
    // (`alt`). `arpa` holds `home.arpa` (RFC 8375) and no web servers. `example` is left out: no
    // resolver answers it.
    "alt",
    "arpa",
    "invalid",
    "local",
    "localhost",
    "onion",
    "test",
    // Reserved by ICANN for private use (2024), and what ICANN holds back for name collisions
    // (2018).
    "internal",
    "corp",
    "home",
    "mail",
    // Names that private networks use though nobody reserved them: RFC 6762, appendix G, and what
    // routers give their network.
    "intranet",
    "lan",
    "localdomain",
    "private",
    "domain",
    "workgroup",
    "fritz.box",
    // Service discovery inside a cluster: Kubernetes (`name.namespace.svc`; `cluster.local` is
    // below `local`), Consul, Nomad, Mesos.
    "svc",
    "consul",
    "nomad",
    "mesos",
    // Public services that answer with the address in the name, whatever it is.
    "nip.io",
    "sslip.io",
    "xip.io",
    "traefik.me",
    "backname.io",
    "1u.ms",
    "rbndr.us",
    // Public names that resolve to this machine.
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "fuf.me",
    "ulh.us",
    "lacolhost.com",
    "local.gd",
    "localho.st",
    "smackaho.st",
    "42foo.com",
    "127-0-0-1.org.uk",
];
