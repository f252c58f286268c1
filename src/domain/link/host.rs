//! What the edge must know of a host: its program's settings and how links live on it.

use super::params::{Policy, SUBS, names};
use super::parse_host;
use super::settings::{Targets, is_false};
use super::utm::Utm;
use crate::domain::click_ids::ClickIdKind;
use crate::domain::consent::{Consent, SiteConsent};
use crate::domain::ids::ProgramId;
use crate::domain::input::Fields;
use crate::domain::journal::Scope;
use crate::domain::limits;
use serde::Serialize;
use serde_json::Value;

/// The parameter that carries the click token where the program names no other.
pub const TOKEN_PARAM: &str = "tl";

/// Where links live on a host whose settings do not say.
pub const MOUNT: &str = "/go/";

/// Parameters that name a partner, as partner programs of the field write them.
const PARTNER_PARAMS: [&str; 12] = [
    "via", "ref", "aff", "affid", "aff_id", "a_aid", "fpr", "fp_ref", "refcode", "sca_ref", "rfsn",
    "tap_s",
];

const CHECKOUT_PATHS: [&str; 4] = ["/cart", "/checkout", "/checkouts", "/basket"];

/// Names and beginnings of names that link cleaners take away (AdGuard's general list, ClearURLs'
/// global and referral rules): a token under such a name would not arrive.
const CLEANED: &str = "cuid dicbo external_click_id gci ref ref_ referrer s_cid spm tag ascsubtag \
                       unicorn_click_id";
const CLEANED_BEGINNINGS: [&str; 7] = ["utm", "itm_", "hsa_", "mc_", "ir_", "ga_", "mkt_"];

/// What the edge must know of a host. Members with these names stand in the program's body too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostSnapshot {
    pub program: ProgramId,
    /// The state of a visitor without any signal, where the law does not ask first.
    pub default_consent: Consent,
    /// How the site's own consent signals are read.
    #[serde(skip_serializing_if = "SiteConsent::is_none")]
    pub consent: SiteConsent,
    /// Where unknown slugs lead; a serialised URL on an allowed host, like the next three.
    #[serde(rename = "fallback_url", skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_url: Option<String>,
    /// The registrable domain for the cookie when links live on a sub-domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_domain: Option<String>,
    /// The host's registrable domain; computed when the host is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registrable: Option<String>,
    /// Parameter of the click token.
    pub token_param: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Policy>,
    /// Names of parameters that are taken as tags, beside `sub1` to `sub10`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utm: Option<Utm>,
    /// Upper and lower case are different slugs.
    #[serde(skip_serializing_if = "is_false")]
    pub case_sensitive: bool,
    /// Links also at `/{slug}`.
    #[serde(skip_serializing_if = "is_false")]
    pub root: bool,
    /// Where links live: a path that begins and ends with `/`.
    pub mount: String,
    /// Parameters that name a partner on the site's pages; the first match wins.
    pub partner_params: Vec<String>,
    /// The host whose slugs those are; absent: this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links_host: Option<String>,
    /// Touches born on these paths and below are marked.
    pub checkout_paths: Vec<String>,
    /// The gateway puts the snippet into pages.
    #[serde(skip_serializing_if = "is_false")]
    pub inject: bool,
    /// The snippet takes the token out of the address bar.
    #[serde(skip_serializing_if = "is_false")]
    pub clean_url: bool,
    /// Form Meta's `_fbc` and `_fbp`.
    #[serde(skip_serializing_if = "is_false")]
    pub meta_cookies: bool,
    /// Pages may know the partner's name.
    #[serde(skip_serializing_if = "is_false")]
    pub show_partner: bool,
}

impl HostSnapshot {
    /// Whose journals count here.
    pub fn journals(&self) -> Scope<'_> {
        Scope {
            program: self.program,
            domain: self.cookie_domain.as_deref(),
        }
    }

    /// A host with nothing but defaults.
    pub fn plain(program: ProgramId, default_consent: Consent) -> HostSnapshot {
        HostSnapshot {
            program,
            default_consent,
            consent: SiteConsent::NONE,
            fallback: None,
            expired_url: None,
            paused_url: None,
            suspended_url: None,
            cookie_domain: None,
            registrable: None,
            token_param: TOKEN_PARAM.to_owned(),
            params: None,
            tags: Vec::new(),
            utm: None,
            case_sensitive: false,
            root: false,
            mount: MOUNT.to_owned(),
            partner_params: PARTNER_PARAMS.map(str::to_owned).to_vec(),
            links_host: None,
            checkout_paths: CHECKOUT_PATHS.map(str::to_owned).to_vec(),
            inject: false,
            clean_url: false,
            meta_cookies: false,
            show_partner: false,
        }
    }

    /// Reads the settings among the members of a program's body or of a record; every fault stays
    /// in `fields`. The token's parameter of `targets` is not looked at: the body says it.
    pub fn read(
        program: ProgramId,
        fields: &mut Fields<'_>,
        targets: &Targets<'_>,
    ) -> Option<HostSnapshot> {
        let consents = [
            ("full", Consent::Full),
            ("session", Consent::Session),
            ("code", Consent::Code),
        ];
        let consent = fields.choice("default_consent", &consents);
        let mut host = HostSnapshot::plain(program, consent.unwrap_or(Consent::Code));
        host.consent = SiteConsent::read(fields).unwrap_or_default();
        if let Some(name) = token_param(fields) {
            name.clone_into(&mut host.token_param);
        }
        let targets = match *targets {
            Targets::Check {
                hosts, loopback, ..
            } => Targets::Check {
                hosts,
                loopback,
                token_param: &host.token_param,
            },
            Targets::Stored => Targets::Stored,
        };
        for (name, slot) in [
            ("fallback_url", &mut host.fallback),
            ("expired_url", &mut host.expired_url),
            ("paused_url", &mut host.paused_url),
            ("suspended_url", &mut host.suspended_url),
        ] {
            *slot = targets
                .read(fields, name)
                .map(|target| target.as_str().to_owned());
        }
        for (name, slot) in [
            ("cookie_domain", &mut host.cookie_domain),
            ("registrable", &mut host.registrable),
            ("links_host", &mut host.links_host),
        ] {
            *slot = read_host(fields, name);
        }
        for (name, slot) in [
            ("case_sensitive", &mut host.case_sensitive),
            ("root", &mut host.root),
            ("inject", &mut host.inject),
            ("clean_url", &mut host.clean_url),
            ("meta_cookies", &mut host.meta_cookies),
            ("show_partner", &mut host.show_partner),
        ] {
            *slot = fields.boolean(name).unwrap_or_default();
        }
        if let Some(mount) = mount(fields) {
            mount.clone_into(&mut host.mount);
        }
        host.params = Policy::read(fields);
        host.utm = Utm::read(fields);
        host.tags = names(fields, "tags", limits::TAGS).unwrap_or_default();
        if let Some(given) = names(fields, "partner_params", limits::PARTNER_PARAMS) {
            host.partner_params = given;
        }
        if let Some(given) = paths(fields, "checkout_paths") {
            host.checkout_paths = given;
        }
        host.check_names(fields);
        Some(host)
    }

    /// Reads a stored record; `None` when it is none.
    pub fn stored(record: &Value) -> Option<HostSnapshot> {
        let mut fields = Fields::new(record.as_object()?, "");
        let program = fields.text("program", 20).and_then(ProgramId::parse)?;
        let read = HostSnapshot::read(program, &mut fields, &Targets::Stored);
        fields.finish(read).ok()
    }

    /// The snapshot as JSON: what is stored, published and shown.
    pub fn to_value(&self) -> Value {
        // Nothing here can fail to serialise: all keys are texts.
        crate::domain::value::of(self)
    }

    /// One name has one meaning.
    fn check_names(&self, fields: &mut Fields<'_>) {
        let token = &self.token_param;
        let taken = |name: &String| {
            ClickIdKind::from_param(name).is_some()
                || SUBS.contains(&name.as_str())
                || name == token
        };
        for (name, list) in [
            ("tags", &self.tags),
            ("partner_params", &self.partner_params),
        ] {
            if list.iter().any(taken) {
                fields.fault(name, "name_taken", "holds a name that has another meaning");
            }
        }
    }
}

/// The token's parameter: `[a-z][a-z0-9_]{0,15}`, no name that has a meaning or is taken away.
fn token_param<'a>(fields: &mut Fields<'a>) -> Option<&'a str> {
    let name = fields.text("token_param", limits::PARAM_CHARS)?;
    let byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !starts || name.len() > 16 || !name.bytes().all(byte) {
        fields.fault(
            "token_param",
            "name_invalid",
            "must be a-z, then a-z 0-9 _, up to 16",
        );
        return None;
    }
    let known = SUBS.contains(&name) || ClickIdKind::from_param(name).is_some();
    let marketing = name.len() <= 3 && name.ends_with("mc");
    let cleaned = CLEANED.split(' ').any(|each| each == name)
        || CLEANED_BEGINNINGS
            .iter()
            .any(|start| name.starts_with(start));
    if known || marketing || cleaned {
        let detail = "is a name that others use or that browsers and tools remove";
        fields.fault("token_param", "name_taken", detail);
        return None;
    }
    Some(name)
}

/// Below an address of ours a link could hide it.
fn mount<'a>(fields: &mut Fields<'a>) -> Option<&'a str> {
    let path = fields.text("mount", limits::PARAM_CHARS)?;
    let byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let inside = path
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    let fits = inside.is_some_and(|inside| {
        inside.bytes().all(byte)
            && inside
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".."))
    });
    let ours = path.starts_with("/tl/") || path.starts_with("/api/");
    if !fits || ours {
        let detail = "must be a path like /go/, and none of ours";
        fields.fault("mount", "path_invalid", detail);
        return None;
    }
    Some(path)
}

fn read_host(fields: &mut Fields<'_>, name: &str) -> Option<String> {
    let host = parse_host(fields.text(name, 253)?);
    if host.is_none() {
        fields.fault(name, "not_a_host", "must be a host name like shop.example");
    }
    host
}

fn paths(fields: &mut Fields<'_>, name: &str) -> Option<Vec<String>> {
    let texts = fields.texts(name, limits::CHECKOUT_PATHS)?;
    let fits = |path: &&str| {
        path.len() <= limits::UTM_CHARS
            && path.starts_with('/')
            && path
                .bytes()
                .all(|byte| matches!(byte, 0x21..=0x7e) && !b"?#".contains(&byte))
    };
    if !texts.iter().all(fits) {
        fields.fault(name, "path_invalid", "must hold paths like /checkout");
        return None;
    }
    Some(texts.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
