//! Settings of the deployment, read once per isolate.

use crate::domain::outbound::OutboundRules;
use crate::domain::pseudonym::{PseudonymError, Pseudonyms};
use crate::domain::seal::{Keyring, KeyringError};

/// The deployment's variables as texts; `wrangler.toml` explains each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variables<'a> {
    pub root_secret: &'a str,
    pub pseudonym_secret: &'a str,
    pub admin_host: &'a str,
    pub loopback: &'a str,
    pub site_origin: &'a str,
    pub site_hosts: &'a str,
    pub outbound_allow: &'a str,
}

/// Parsed settings.
#[derive(Debug)]
pub struct Settings {
    pub keys: Keyring,
    pub pseudonyms: Pseudonyms,
    /// The host of the API and the dashboard, without port.
    pub admin_host: String,
    /// Development only: http and loopback addresses are allowed for targets and destinations.
    pub loopback: bool,
    /// Where requests may go.
    pub outbound: OutboundRules,
    /// Names of hosts that the site answers for, in lower case; `*.` stands for all below one.
    /// Empty without a site.
    site_hosts: Vec<String>,
}

/// A setting that cannot be used, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    RootSecret(KeyringError),
    PseudonymSecret(PseudonymError),
}

impl Settings {
    /// Reads the deployment's variables.
    pub fn parse(texts: &Variables<'_>) -> Result<Settings, SettingsError> {
        let keys = Keyring::parse(texts.root_secret).map_err(SettingsError::RootSecret)?;
        let pseudonyms = Pseudonyms::parse(texts.pseudonym_secret, &keys);
        let admin_host = texts.admin_host.split(':').next();
        let loopback = texts.loopback == "1";
        let hosts = texts
            .site_hosts
            .split(',')
            .map(|host| host.trim().to_ascii_lowercase());
        let site = !texts.site_origin.is_empty();
        Ok(Settings {
            keys,
            pseudonyms: pseudonyms.map_err(SettingsError::PseudonymSecret)?,
            admin_host: admin_host.unwrap_or_default().to_ascii_lowercase(),
            loopback,
            outbound: OutboundRules::new(loopback, texts.outbound_allow),
            site_hosts: hosts.filter(|host| site && !host.is_empty()).collect(),
        })
    }

    /// Does the site behind the gateway answer for this host? It is asked for no other: whoever
    /// sends a request under another name (such as the Worker's own at workers.dev) would reach it
    /// without the firewall in front of it. `js/worker/gateway.js` says the same without wasm.
    pub fn is_site(&self, host: &str) -> bool {
        self.site_hosts.iter().any(|known| {
            let below = known
                .strip_prefix('*')
                .and_then(|suffix| host.strip_suffix(suffix));
            known == host || below.is_some_and(|name| !name.is_empty())
        })
    }
}
