//! Rules of a link: tried in order, the first one whose condition holds says where to go.

use super::condition::{Condition, Sight};
use super::settings::Targets;
use crate::values::input::Fields;
use crate::values::limits;
use crate::visit::device::{self, Os};
use crate::visit::target::Target;
use serde::Serialize;

/// A condition and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub when: Condition,
    pub target: Target,
    /// Where phones and tablets go instead: an app store or a universal link, on a host that the
    /// program lists like any other. Custom schemes are refused: a browser without the app shows
    /// an error for them, and they escape the check of hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<Apps>,
}

/// Addresses of an app, by system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Apps {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ios: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub android: Option<Target>,
}

impl Rule {
    /// Where the rule leads this visitor, and whether that is an app's address.
    pub fn leads(&self, user_agent: &str) -> (&Target, bool) {
        let app = self
            .app
            .as_ref()
            .and_then(|apps| match device::os(user_agent) {
                Os::Ios => apps.ios.as_ref(),
                Os::Android => apps.android.as_ref(),
                _ => None,
            });
        (app.unwrap_or(&self.target), app.is_some())
    }

    /// Reads the list `rules`.
    pub(super) fn read_all(fields: &mut Fields<'_>, targets: &Targets<'_>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for mut entry in fields.objects("rules", limits::RULES).unwrap_or_default() {
            let rule = read(&mut entry, targets);
            rules.extend(fields.absorb(entry.finish(rule)));
        }
        rules
    }
}

/// How one rule fared, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Its place in the list, from 0.
    pub rule: usize,
    /// The part of the condition that said no; absent when the rule matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<&'static str>,
}

/// The first rule that holds. `tried` takes down how each one fared up to it.
pub fn first<'a>(
    rules: &'a [Rule],
    sight: &Sight<'_>,
    mut tried: Option<&mut Vec<Tried>>,
) -> Option<&'a Rule> {
    for (place, rule) in rules.iter().enumerate() {
        let held = rule.when.holds(sight);
        if let Some(tried) = tried.as_deref_mut() {
            tried.push(Tried {
                rule: place,
                failed: held.err(),
            });
        }
        if held.is_ok() {
            return Some(rule);
        }
    }
    None
}

fn read(fields: &mut Fields<'_>, targets: &Targets<'_>) -> Option<Rule> {
    let when = match fields.object("when") {
        Some(mut when) => {
            let condition = Condition::read(&mut when);
            fields.absorb(when.finish(condition))
        }
        None => {
            if fields.value("when").is_none() {
                fields.fault("when", "required", "is required");
            }
            None
        }
    };
    let target = targets.required(fields, "target");
    let app = fields.object("app").and_then(|mut app| {
        let ios = targets.read(&mut app, "ios");
        let android = targets.read(&mut app, "android");
        let some = (ios.is_some() || android.is_some()).then_some(Apps { ios, android });
        fields.absorb(app.finish(Some(some))).flatten()
    });
    let (when, target) = when.zip(target)?;
    Some(Rule { when, target, app })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::time::UnixMs;
    use crate::visit::traffic::Class;
    use serde_json::json;

    fn rules() -> Vec<Rule> {
        let body = json!({"rules": [
            {"when": {"country": ["DE"]}, "target": "https://shop.example/de"},
            {"when": {"any": [{"country": ["FR"]}, {"os": ["ios"]}]},
             "target": "https://shop.example/app",
             "app": {"ios": "https://apps.apple.com/app/id1"}},
            {"when": {"country": ["US"]}, "target": "https://shop.example/us"},
        ]});
        let hosts = ["shop.example", "apps.apple.com"].map(str::to_owned);
        let targets = Targets::Check {
            hosts: &hosts,
            loopback: false,
            token_param: "tl",
        };
        let mut fields = Fields::new(body.as_object().unwrap(), "");
        let rules = Rule::read_all(&mut fields, &targets);
        fields.finish(Some(rules)).unwrap()
    }

    fn sight(country: &'static str, user_agent: &'static str) -> Sight<'static> {
        Sight {
            country,
            region: "",
            user_agent,
            language: "",
            query: "",
            referrer: "",
            class: Class::Human,
            now: UnixMs(0),
        }
    }

    #[test]
    fn the_first_rule_that_holds_wins_and_those_before_say_why_not() {
        let rules = rules();
        let mut tried = Vec::new();
        let found = first(&rules, &sight("US", ""), Some(&mut tried)).unwrap();
        assert_eq!(found.target.as_str(), "https://shop.example/us");
        let failed: Vec<_> = tried.iter().map(|tried| tried.failed).collect();
        assert_eq!(failed, [Some("country"), Some("any"), None]);
        assert_eq!(first(&rules, &sight("JP", ""), None), None);
    }

    #[test]
    fn phones_are_led_to_the_app_and_others_are_not() {
        let rules = rules();
        let (target, app) = rules[1].leads("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile");
        assert_eq!(
            (target.as_str(), app),
            ("https://apps.apple.com/app/id1", true)
        );
        for agent in [
            "Mozilla/5.0 (Linux; Android 15) Mobile",
            "Mozilla/5.0 (X11; Linux)",
        ] {
            let (target, app) = rules[1].leads(agent);
            assert_eq!((target.as_str(), app), ("https://shop.example/app", false));
        }
    }
}
