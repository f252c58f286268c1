//! Settings of the deployment, read once per isolate.

use crate::domain::pseudonym::{PseudonymError, Pseudonyms};
use crate::domain::seal::{Keyring, KeyringError};

/// Parsed settings; `wrangler.toml` explains each.
#[derive(Debug)]
pub struct Settings {
    pub keys: Keyring,
    pub pseudonyms: Pseudonyms,
    /// The host of the API and the dashboard, without port.
    pub admin_host: String,
    /// Development only: http and loopback addresses are allowed for targets and destinations.
    pub loopback: bool,
    /// A site stands behind the gateway.
    pub site: bool,
}

/// A setting that cannot be used, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    RootSecret(KeyringError),
    PseudonymSecret(PseudonymError),
}

impl Settings {
    /// Reads the text values of the deployment's variables.
    pub fn parse(
        root_secret: &str,
        pseudonym_secret: &str,
        admin_host: &str,
        loopback: &str,
        site_origin: &str,
    ) -> Result<Settings, SettingsError> {
        let keys = Keyring::parse(root_secret).map_err(SettingsError::RootSecret)?;
        let pseudonyms = Pseudonyms::parse(pseudonym_secret, &keys);
        let admin_host = admin_host
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        Ok(Settings {
            keys,
            pseudonyms: pseudonyms.map_err(SettingsError::PseudonymSecret)?,
            admin_host,
            loopback: loopback == "1",
            site: !site_origin.is_empty(),
        })
    }
}
