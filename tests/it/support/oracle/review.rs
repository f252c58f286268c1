//! What a person looks at first, and whether the money may move.

use super::touches::Seen;
use super::whose::Share;
use super::{Case, Fact, Plan, Visit};

const PAID_SEARCH: [&str; 5] = ["gclid", "gbraid", "wbraid", "msclkid", "yclid"];

impl Case<'_> {
    pub fn flags(
        &self,
        fact: &Fact,
        plan: &Plan,
        rule: &str,
        shares: &[Share],
        seen: &[Seen],
    ) -> Vec<&'static str> {
        if rule == "house" || shares.is_empty() {
            return Vec::new();
        }
        let won: Vec<&Seen> = seen.iter().filter(|seen| seen.verdict == "won").collect();
        let checks = [
            ("too_fast", self.too_fast(fact, plan, &won)),
            ("duplicate", self.repeated(fact, plan)),
            ("self_referral", self.to_itself(plan, shares)),
            ("token_shared", self.shared(plan, &won)),
            ("paid_search", self.bought(plan, &won)),
            ("prohibited_referrer", self.sent_from(plan, &won)),
        ];
        let raised = checks.into_iter().filter(|(_, raised)| *raised);
        raised.map(|(flag, _)| flag).collect()
    }

    /// The newest that a person said holds, else a flag does.
    pub fn status(&self, fact: &Fact, flags: &[&str]) -> &'static str {
        let own = self
            .world
            .rulings
            .iter()
            .filter(|ruling| ruling.0 == fact.event);
        let newest = own.max_by_key(|ruling| ruling.2);
        match newest.map(|ruling| ruling.1.as_str()) {
            Some("hold") => "held",
            Some("reject") => "rejected",
            Some("approve") => "clear",
            _ if flags.is_empty() => "clear",
            _ => "review",
        }
    }

    fn too_fast(&self, fact: &Fact, plan: &Plan, won: &[&Seen]) -> bool {
        let least = plan.nested("review", "min_seconds").unwrap_or(3) * 1_000;
        let mut clicks = won.iter().filter(|seen| seen.touch.nonce.is_some());
        clicks.any(|seen| fact.at - seen.touch.at < least)
    }

    /// The same amount of another purchase within some minutes.
    fn repeated(&self, fact: &Fact, plan: &Plan) -> bool {
        let within = plan.nested("review", "duplicate_minutes").unwrap_or(10) * 60_000;
        let paid = fact.money.as_ref().is_some_and(|money| money.0 != 0);
        let mut others = self.done.iter().filter(|done| done.fact.is_purchase());
        fact.is_purchase()
            && paid
            && others.any(|done| {
                done.fact.money == fact.money && (fact.at - done.fact.at).abs() < within
            })
    }

    fn to_itself(&self, plan: &Plan, shares: &[Share]) -> bool {
        let names = |fact: &&Fact| [fact.customer.clone(), fact.mailbox.clone()];
        let names: Vec<String> = self.facts.iter().flat_map(names).flatten().collect();
        let mut selves = self.world.selves.iter();
        plan.flag("review", "self_referral", true)
            && selves.any(|(partner, name)| {
                names.contains(name) && shares.iter().any(|share| share.partner == *partner)
            })
    }

    /// A token that came with more customers than one household has.
    fn shared(&self, plan: &Plan, won: &[&Seen]) -> bool {
        let most = plan.nested("review", "token_customers").unwrap_or(5);
        let tokens = won.iter().filter(|seen| !seen.touch.remembered);
        let mut nonces = tokens.filter_map(|seen| seen.touch.nonce.as_deref());
        nonces.any(|nonce| {
            let customers = self.came.get(nonce).map_or(0, |customers| customers.len());
            customers > 1 && customers as i64 > most
        })
    }

    /// The stored clicks of the tokens that won.
    fn clicks<'b>(&'b self, won: &'b [&Seen]) -> impl Iterator<Item = &'b Visit> {
        let tokens = won.iter().filter(|seen| !seen.touch.remembered);
        let nonces = tokens.filter_map(|seen| seen.touch.nonce.as_ref());
        let visits = nonces.filter_map(|nonce| self.world.visits.get(nonce));
        visits.flatten().filter(|visit| visit.whole)
    }

    fn bought(&self, plan: &Plan, won: &[&Seen]) -> bool {
        let with = |visit: &Visit| {
            let mut ids = visit.click_ids.iter();
            ids.any(|(kind, at)| *at == visit.touch.at && PAID_SEARCH.contains(&kind.as_str()))
        };
        plan.flag("review", "paid_search", true) && self.clicks(won).any(with)
    }

    fn sent_from(&self, plan: &Plan, won: &[&Seen]) -> bool {
        let hosts = plan.rules["review"]["referrers"].as_array();
        let hosts: Vec<&str> = hosts
            .into_iter()
            .flatten()
            .filter_map(|h| h.as_str())
            .collect();
        let forbidden = |from: &String| {
            let below = |host: &&str| from == host || from.ends_with(&format!(".{host}"));
            hosts.iter().any(below)
        };
        let mut from = self.clicks(won).filter_map(|visit| visit.referrer.as_ref());
        from.any(forbidden)
    }
}
