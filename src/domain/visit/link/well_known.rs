//! Association files: they tell phones which apps open a host's links.
//!
//! Apple and Google ask for them at fixed addresses and follow no redirect there. A host's setting
//! holds each file as its platform documents it.

use crate::values::input::Fields;
use crate::values::limits;
use crate::values::record;
use serde_json::{Value, json};

/// What the key of a host's association files begins with.
pub const WELL_KNOWN_PREFIX: &str = "well-known:";

/// KV key of a host's association files.
pub fn well_known_key(host: &str) -> String {
    [WELL_KNOWN_PREFIX, host].concat()
}

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssociationFile {
    Apple,
    Android,
}

impl AssociationFile {
    pub const ALL: [AssociationFile; 2] = [AssociationFile::Apple, AssociationFile::Android];

    pub fn name(self) -> &'static str {
        match self {
            AssociationFile::Apple => "apple-app-site-association",
            AssociationFile::Android => "assetlinks.json",
        }
    }

    /// The file that lies at a path.
    pub fn at(path: &str) -> Option<AssociationFile> {
        let name = path.strip_prefix("/.well-known/")?;
        AssociationFile::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Is it what the platform reads at all? What else it holds is the platform's to judge.
    fn fits(self, value: &Value) -> bool {
        match self {
            AssociationFile::Apple => value.is_object(),
            AssociationFile::Android => value.as_array().is_some_and(|all| {
                all.iter()
                    .all(|one| one["relation"].is_array() && one["target"].is_object())
            }),
        }
    }

    fn shape(self) -> &'static str {
        match self {
            AssociationFile::Apple => "must be a JSON object",
            AssociationFile::Android => {
                "must be a list of statements, each with a list relation and an object target"
            }
        }
    }
}

/// The association files of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WellKnown {
    apple: Option<String>,
    android: Option<String>,
}

impl WellKnown {
    /// Reads the setting `well_known`, files by their names; every fault stays in `fields`.
    pub fn read(fields: &mut Fields<'_>) -> Option<WellKnown> {
        let mut given = fields.object("well_known")?;
        given.only(&AssociationFile::ALL.map(AssociationFile::name));
        let mut files = WellKnown::default();
        for file in AssociationFile::ALL {
            let Some(value) = given.value(file.name()) else {
                continue;
            };
            let text = value.to_string();
            if !file.fits(value) {
                given.fault(file.name(), "association_invalid", file.shape());
            } else if text.len() > limits::ASSOCIATION_BYTES {
                let most = limits::ASSOCIATION_BYTES;
                let detail = format!("must be at most {most} bytes as JSON without spaces");
                given.fault(file.name(), "too_long", detail);
            }
            *files.slot(file) = Some(text);
        }
        fields.absorb(given.finish(Some(files)))
    }

    /// Reads a record; `None` when it is none.
    pub fn from_json(text: &str) -> Option<WellKnown> {
        let record = json!({"well_known": record::parse(text)?});
        let mut fields = Fields::new(record.as_object()?, "");
        let read = WellKnown::read(&mut fields);
        fields.finish(read).ok()
    }

    pub fn file(&self, file: AssociationFile) -> Option<&str> {
        match file {
            AssociationFile::Apple => self.apple.as_deref(),
            AssociationFile::Android => self.android.as_deref(),
        }
    }

    fn slot(&mut self, file: AssociationFile) -> &mut Option<String> {
        match file {
            AssociationFile::Apple => &mut self.apple,
            AssociationFile::Android => &mut self.android,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &Value) -> Result<WellKnown, Vec<(String, &'static str)>> {
        let body = json!({"well_known": value});
        let mut fields = Fields::new(body.as_object().unwrap(), "");
        let read = WellKnown::read(&mut fields);
        let faults = |faults: Vec<crate::values::input::FieldError>| {
            faults.into_iter().map(|f| (f.path, f.code)).collect()
        };
        fields.finish(read).map_err(faults)
    }

    #[test]
    fn files_are_read_back_as_they_were_given() {
        let apple = json!({"applinks": {"details": [{"appIDs": ["A.b"], "n": null, "x": 1.50}]}});
        let android = json!([{"relation": ["delegate_permission/common.handle_all_urls"],
            "target": {"namespace": "android_app", "package_name": "a.b"}}]);
        let both = json!({"apple-app-site-association": apple, "assetlinks.json": android});
        let files = read(&both).unwrap();
        assert_eq!(WellKnown::from_json(&both.to_string()).unwrap(), files);
        let text = |file| files.file(file).unwrap().to_owned();
        assert_eq!(text(AssociationFile::Apple), apple.to_string());
        assert_eq!(text(AssociationFile::Android), android.to_string());
        let one = read(&json!({"assetlinks.json": []})).unwrap();
        assert_eq!(one.file(AssociationFile::Apple), None);
        assert_eq!(one.file(AssociationFile::Android), Some("[]"));
    }

    #[test]
    fn what_no_platform_reads_is_refused() {
        let long = "x".repeat(limits::ASSOCIATION_BYTES);
        for (value, path, code) in [
            (json!([]), "/well_known", "not_an_object"),
            (
                json!({"apple-app-site-association": "{}"}),
                "/apple-app-site-association",
                "association_invalid",
            ),
            (
                json!({"apple-app-site-association": []}),
                "/apple-app-site-association",
                "association_invalid",
            ),
            (
                json!({"apple-app-site-association": {"a": long}}),
                "/apple-app-site-association",
                "too_long",
            ),
            (
                json!({"assetlinks.json": {}}),
                "/assetlinks.json",
                "association_invalid",
            ),
            (
                json!({"assetlinks.json": [{"relation": "x", "target": {}}]}),
                "/assetlinks.json",
                "association_invalid",
            ),
            (
                json!({"security.txt": "x"}),
                "/security.txt",
                "unknown_member",
            ),
        ] {
            let faults = read(&value).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].0.ends_with(path), "{faults:?}");
            assert_eq!(faults[0].1, code);
        }
    }

    #[test]
    fn only_the_exact_address_is_a_file() {
        let at = AssociationFile::at;
        assert_eq!(
            at("/.well-known/assetlinks.json"),
            Some(AssociationFile::Android)
        );
        assert_eq!(
            at("/.well-known/apple-app-site-association"),
            Some(AssociationFile::Apple)
        );
        for other in [
            "/assetlinks.json",
            "/.well-known/",
            "/.well-known/assetlinks.json/",
            "/x/.well-known/assetlinks.json",
            "/.well-known/acme-challenge/x",
        ] {
            assert_eq!(at(other), None, "{other}");
        }
    }
}
