//! What webhooks are told of the ledger itself: commissions as they are booked, held and released,
//! and violations as they are opened. Told inside the transaction that makes it true.

use super::load::Loaded;
use domain::forward::destination::notice::{self, Commission, Step, Violation};
use domain::ledger::decision::{Decision, Flag, Status};
use domain::ledger::fold::Entry;
use domain::values::ids::{self, ProgramId};
use domain::values::time::UnixMs;
use serde_json::Value;

/// Does anybody hear of a program's ledger?
pub(super) fn are_heard(loaded: &Loaded, program: ProgramId) -> bool {
    let mut own = loaded.destinations.iter();
    own.any(|each| each.program == program && each.value.kind == "webhook")
}

/// What webhooks are told of an entry.
pub(crate) fn of_entry(step: Step, entry: &Entry) -> Value {
    let told = Commission {
        entry: &entry.id,
        program: &entry.program.to_string(),
        partner: &entry.partner.to_string(),
        event: &entry.cause,
        money: entry.money,
        reason: &entry.reason,
        at: entry.booked_at,
    };
    notice::commission(step, &told)
}

/// What webhooks are told of one event.
#[derive(Default)]
pub(super) struct Notices(pub(super) Vec<Value>);

impl Notices {
    /// Tells of an entry of the fold.
    pub(super) fn tell_entry(&mut self, entry: &Entry) {
        let step = match (entry.kind, entry.reason.as_str()) {
            ("commission", _) => Step::Earned,
            ("reversal", _) => Step::Reversed,
            (_, "rejected") => Step::Rejected,
            _ => Step::Adjusted,
        };
        self.0.push(of_entry(step, entry));
    }

    /// Tells of what a new revision of a decision changes: whether its money may move, and what
    /// rules were found to be broken. `before`: the revision before, if there was one.
    pub(super) fn tell_decision(
        &mut self,
        decision: &Decision,
        before: Option<&Value>,
        revision: u32,
        now: UnixMs,
    ) {
        let was = before.and_then(|body| body["status"].as_str());
        let step = match decision.status {
            status if was == Some(status.name()) => None,
            Status::Review | Status::Held => Some(Step::Held),
            // The entry that takes the commission back tells of it.
            Status::Rejected => None,
            Status::Clear => was.map(|_| Step::Approved),
        };
        // What is reversed moves with its purchase, which is told of.
        if let Some(step) = step.filter(|_| !decision.kind.is_reversal()) {
            for credit in &decision.credits {
                for money in &credit.commission {
                    let partner = credit.partner.to_string();
                    let number = revision.to_string();
                    let code = money.currency().code();
                    let told = Commission {
                        // A status has no entry: its id is that of what is said.
                        entry: &ids::derived("st_", &[&decision.event, &partner, code, &number]),
                        program: &decision.program.to_string(),
                        partner: &partner,
                        event: &decision.event,
                        money: *money,
                        reason: decision.status.name(),
                        at: now,
                    };
                    self.0.push(notice::commission(step, &told));
                }
            }
        }
        self.tell_violations(decision, before, now);
    }

    fn tell_violations(&mut self, decision: &Decision, before: Option<&Value>, now: UnixMs) {
        let known = before.and_then(|body| body["violations"].as_array());
        for found in &decision.violations {
            let same = |other: &Value| {
                other["nonce"].as_str() == found.nonce.as_deref()
                    && other["rule"].as_str() == Some(code(found.rule))
            };
            if !known.is_some_and(|known| known.iter().any(same)) {
                let rule = code(found.rule);
                let nonce = found.nonce.as_deref().unwrap_or_default();
                let told = Violation {
                    id: &ids::derived("vi_", &[&decision.event, rule, nonce]),
                    program: &decision.program.to_string(),
                    partner: &found.partner.to_string(),
                    event: &decision.event,
                    rule,
                    detail: &format!("{}: {}", found.rule.words(), found.evidence),
                    at: now,
                };
                self.0.push(notice::violation(&told));
            }
        }
    }
}

fn code(rule: Flag) -> &'static str {
    match rule {
        Flag::PaidSearch => "paid_search",
        _ => "prohibited_referrer",
    }
}
