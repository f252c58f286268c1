//! Dated settings: plans as the merchant wrote them, standings, codes, exchange rates.

use super::{DAY, World};
use serde_json::Value;

/// A plan version.
#[derive(Clone, Debug)]
pub struct Plan {
    pub from: i64,
    pub rules: Value,
}

/// A dated standing of a partner, or of the program.
#[derive(Clone, Debug)]
pub struct Status {
    pub at: i64,
    /// `None`: the program.
    pub partner: Option<String>,
    pub active: bool,
    pub kind: Option<String>,
}

/// A partner's code, from an instant until another.
#[derive(Clone, Debug)]
pub struct Code {
    pub code: String,
    pub partner: String,
    pub from: i64,
    pub until: Option<i64>,
}

/// What one unit of a currency is worth in another, from an instant on.
#[derive(Clone, Debug)]
pub struct Rate {
    pub from: String,
    pub to: String,
    pub at: i64,
    pub text: String,
}

/// What one kind of event earns one partner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pay {
    pub bps: i64,
    pub flat: Option<(i64, String)>,
    pub returning: Option<(i64, Option<(i64, String)>)>,
    pub months: Option<i64>,
    /// Kept as they were written: name and basis points.
    pub by_sku: Vec<(String, i64)>,
    pub by_category: Vec<(String, i64)>,
}

impl Plan {
    pub fn number(&self, name: &str, standard: i64) -> i64 {
        self.rules[name].as_i64().unwrap_or(standard)
    }

    pub fn word(&self, name: &str, standard: &'static str) -> String {
        self.rules[name].as_str().unwrap_or(standard).to_owned()
    }

    /// A switch or number of a nested object.
    pub fn flag(&self, of: &str, name: &str, standard: bool) -> bool {
        self.rules[of][name].as_bool().unwrap_or(standard)
    }

    pub fn nested(&self, of: &str, name: &str) -> Option<i64> {
        self.rules[of][name].as_i64()
    }

    /// Of the partner's kind, else of the event's kind, else of all.
    pub fn window(&self, kind: &str, partner_kind: &str) -> i64 {
        let own = self.rules["partner_kinds"][partner_kind]["window_days"].as_i64();
        let days = own.or_else(|| self.nested("windows", kind));
        days.unwrap_or_else(|| self.number("window_days", 0)) * DAY
    }

    pub fn may_displace(&self, partner_kind: &str) -> bool {
        let own = &self.rules["partner_kinds"][partner_kind]["may_displace"];
        own.as_bool().unwrap_or(true)
    }

    /// What a partner earns: their own terms, else everybody's; a deal without terms is a sale.
    pub fn pay(&self, partner: &str, kind: &str, name: &str) -> Option<Pay> {
        let own = |terms: &Value| match kind {
            "milestone" => Pay::read(&terms["milestones"][name]),
            "deal" => Pay::read(&terms["deal"]).or_else(|| Pay::read(&terms["sale"])),
            _ => Pay::read(&terms[kind]),
        };
        own(&self.rules["partners"][partner]).or_else(|| own(&self.rules))
    }
}

pub fn money(json: &Value) -> Option<(i64, String)> {
    let currency = json["currency"].as_str()?.to_uppercase();
    Some((json["amount"].as_i64()?, currency))
}

impl Pay {
    fn read(json: &Value) -> Option<Pay> {
        let terms = json.as_object()?;
        let bps = |json: &Value| json["rate_bps"].as_i64().unwrap_or(0);
        let table = |name: &str| {
            let rates = json[name].as_object().into_iter().flatten();
            let rates = rates.map(|(name, rate)| (name.clone(), rate.as_i64().unwrap()));
            rates.collect::<Vec<_>>()
        };
        let returning = terms.get("returning");
        Some(Pay {
            bps: bps(json),
            flat: money(&json["flat"]),
            returning: returning.map(|r| (bps(r), money(&r["flat"]))),
            months: json["months"].as_i64(),
            by_sku: table("by_sku"),
            by_category: table("by_category"),
        })
    }

    /// Rate and flat sum for a new or a returning customer.
    pub fn rates(&self, new: bool) -> (i64, Option<(i64, String)>) {
        match &self.returning {
            Some(returning) if !new => returning.clone(),
            _ => (self.bps, self.flat.clone()),
        }
    }

    /// Basis points of a line: by its SKU, else by its category, else the rate.
    pub fn line(&self, rate: i64, sku: Option<&str>, category: Option<&str>) -> i64 {
        let by = |table: &[(String, i64)], name: Option<&str>| {
            let found = table.iter().find(|(own, _)| Some(own.as_str()) == name);
            found.map(|(_, bps)| *bps)
        };
        by(&self.by_sku, sku)
            .or_else(|| by(&self.by_category, category))
            .unwrap_or(rate)
    }
}

impl World {
    /// The newest plan that had begun; before the first one, the first one.
    pub fn plan(&self, at: i64) -> Option<&Plan> {
        let mut best: Option<&Plan> = None;
        for plan in self.plans.iter().filter(|plan| plan.from <= at) {
            if best.is_none_or(|best| plan.from >= best.from) {
                best = Some(plan);
            }
        }
        let mut first: Option<&Plan> = None;
        for plan in &self.plans {
            if first.is_none_or(|first| plan.from < first.from) {
                first = Some(plan);
            }
        }
        best.or(first)
    }

    fn status(&self, partner: Option<&str>, at: i64) -> Option<&Status> {
        let mut best: Option<&Status> = None;
        for status in &self.statuses {
            let own = status.partner.as_deref() == partner && status.at <= at;
            if own && best.is_none_or(|best| status.at >= best.at) {
                best = Some(status);
            }
        }
        best
    }

    pub fn active(&self, partner: &str, at: i64) -> bool {
        self.status(Some(partner), at).is_none_or(|s| s.active)
    }

    pub fn program_active(&self, at: i64) -> bool {
        self.status(None, at).is_none_or(|s| s.active)
    }

    /// The partner's kind; it was from the start what was said first.
    pub fn kind(&self, partner: &str, at: i64) -> String {
        let own = self.statuses.iter();
        let own = own.filter(|s| s.partner.as_deref() == Some(partner));
        let first = own.min_by_key(|status| status.at);
        let status = self.status(Some(partner), at).or(first);
        let kind = status.and_then(|status| status.kind.clone());
        kind.unwrap_or_else(|| "affiliate".to_owned())
    }

    /// Whose code it was.
    pub fn owner(&self, code: &str, at: i64) -> Option<&str> {
        let own = self.codes.iter().find(|own| {
            own.code == code && own.from <= at && own.until.is_none_or(|until| at < until)
        });
        own.map(|own| own.partner.as_str())
    }
}
