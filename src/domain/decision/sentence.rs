//! A decision as one plain sentence that a partner understands.

use super::super::attribution::{Considered, Verdict};
use super::super::event::EventKind;
use super::super::ids::{LinkId, PartnerId};
use super::super::money::Money;
use super::{Decision, Flag, Reason, Rule, Status};

/// Names for the sentence.
pub trait Names {
    fn partner(&self, id: PartnerId) -> String;
    fn link(&self, id: LinkId) -> String;
}

impl Decision {
    /// One plain sentence for people.
    pub fn sentence(&self, names: &dyn Names) -> String {
        let what = self.what();
        let said = match self.reason {
            Reason::Credited
            | Reason::PlanPaysNothing
            | Reason::BelowMinimum
            | Reason::RenewalsEnded
            | Reason::MonthsEnded
            | Reason::CapReached
            | Reason::Rejected => self.credited(names),
            Reason::NoTouch if self.token_unreadable => {
                "nobody is credited, because its click token could not be read".to_owned()
            }
            Reason::NoTouch => "nobody is credited, because no partner's touch is known".to_owned(),
            Reason::NoEligibleTouch => format!("nobody is credited; {}", self.refusals(names)),
            Reason::StartUncredited => {
                "nobody is credited, because nobody was for its subscription's start".to_owned()
            }
            Reason::PartnerSuspended => {
                "nobody is credited, because the partner is not active".to_owned()
            }
            Reason::ProgramPaused => "nobody is credited, because the program is paused".to_owned(),
            Reason::NoPlan => "nobody is paid, because the program has no plan".to_owned(),
            Reason::Recorded => "recorded; it moves no money".to_owned(),
            _ => self.reversed(names),
        };
        format!("{what}: {said}{}.", self.waiting())
    }

    fn what(&self) -> String {
        let amount = self.amount.map(text).unwrap_or_default();
        let title = self.kind.title();
        match self.kind {
            EventKind::Lead | EventKind::Milestone => format!("{title} {}", self.name),
            EventKind::Reactivation | EventKind::Cancellation => title.to_owned(),
            _ if amount.is_empty() => format!("{title} {}", self.key),
            _ => format!("{title} {} of {amount}", self.key),
        }
    }

    /// Who earns what, and by which rule.
    fn credited(&self, names: &dyn Names) -> String {
        let each = self.credits.iter().map(|credit| {
            let partner = names.partner(credit.partner);
            let earned = sums(&credit.commission);
            let share = match credit.share_bps {
                10_000 => String::new(),
                bps => format!(" for {} %", percent(bps)),
            };
            match (earned.is_empty(), self.reason) {
                (false, _) => format!("{partner} earns {earned}{share}"),
                (true, Reason::Rejected) => {
                    format!("credited to {partner}{share}, and rejected by a person")
                }
                (true, Reason::BelowMinimum) => {
                    format!("credited to {partner}{share}; the order is below the plan's minimum")
                }
                (true, Reason::RenewalsEnded) => {
                    format!("credited to {partner}{share}; the months that earn are over")
                }
                (true, Reason::MonthsEnded) => format!(
                    "credited to {partner}{share}; the months that earn, counted from the first \
                     purchase credited to the partner, are over"
                ),
                (true, Reason::CapReached) => {
                    format!("credited to {partner}{share}; the customer's cap is reached")
                }
                (true, _) if self.rule == Rule::House => format!("credited to {partner}"),
                (true, _) => format!("credited to {partner}{share}; the plan pays nothing for it"),
            }
        });
        let who = each.collect::<Vec<_>>().join(", ");
        let capped = if self.capped && self.reason == Reason::Credited {
            ", cut by the customer's cap"
        } else {
            ""
        };
        format!("{who}{capped}, because {}", self.because(names))
    }

    fn because(&self, names: &dyn Names) -> String {
        let Some(plan) = &self.plan else {
            return "the program says so".to_owned();
        };
        let version = format!("plan version {}", plan.version);
        let rule = match self.rule {
            Rule::Touches => return self.by_touches(names, plan.window_days, &version),
            Rule::Code => {
                let code = self.credits.first().and_then(|c| c.code.as_deref());
                format!("the code {} came with it", code.unwrap_or_default())
            }
            Rule::Binding => "the customer is bound to who brought them".to_owned(),
            Rule::Subscription => {
                "renewals are credited like the start of their subscription".to_owned()
            }
            Rule::Deal => "the deal names its partner".to_owned(),
            Rule::House if self.touches.is_empty() => "no partner's touch is known".to_owned(),
            Rule::House => format!("no touch may take the credit: {}", self.refusals(names)),
            Rule::Nobody | Rule::Purchase => "the plan says so".to_owned(),
        };
        let seen = touches(self.touches.len());
        format!("{rule} ({version}; {seen} considered)")
    }

    fn by_touches(&self, names: &dyn Names, window: u16, version: &str) -> String {
        let won = || self.touches.iter().filter(|t| t.verdict == Verdict::Won);
        let seen = touches(self.touches.len());
        let model = self.model.replace('_', " ");
        let one = match (won().next(), won().nth(1)) {
            (Some(touch), None) => place(touch, names),
            _ => {
                return format!(
                    "the credit is shared among {} inside the window of {window} days ({model} \
                     touch model, {version}; {seen} considered)",
                    touches(won().count()),
                );
            }
        };
        let which = match self.model.as_str() {
            "last" => "the last touch before it was",
            "first" => "the first touch was",
            _ => "the only eligible touch was",
        };
        format!(
            "{which} {one}, inside the window of {window} days ({model} touch, {version}; {seen} \
             considered)"
        )
    }

    fn refusals(&self, names: &dyn Names) -> String {
        let each = self.touches.iter().map(|touch| {
            format!(
                "the touch of {} {}",
                names.partner(touch.partner),
                why(touch.verdict)
            )
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// What a reversal does.
    fn reversed(&self, names: &dyn Names) -> String {
        let each = self.credits.iter().filter(|c| !c.commission.is_empty());
        let each = each.map(|credit| {
            let amount = sums(&credit.commission);
            match self.reason {
                Reason::Restored => {
                    format!(
                        "{amount} is given back to {}",
                        names.partner(credit.partner)
                    )
                }
                _ => format!(
                    "{amount} is taken back from {}",
                    names.partner(credit.partner)
                ),
            }
        });
        let moved = each.collect::<Vec<_>>().join(", ");
        let nothing = moved.is_empty();
        match self.reason {
            Reason::Refunded if nothing => {
                "its part of the commission is less than a unit; nothing is taken back".to_owned()
            }
            Reason::OutsideBase => {
                "nothing is taken back, because the plan pays no commission on what was given back"
                    .to_owned()
            }
            Reason::NothingToTakeBack => {
                "nothing is taken back, because its purchase had earned nothing".to_owned()
            }
            Reason::RefundAboveSale => format!(
                "more than the purchase's amount was taken back; {}",
                if nothing {
                    "no more commission is"
                } else {
                    &moved
                }
            ),
            Reason::RefundCurrencyDiffers => {
                "nothing is taken back, because its purchase is in another currency".to_owned()
            }
            Reason::NothingToRestore => {
                "nothing is given back, because no chargeback of it had taken anything".to_owned()
            }
            Reason::Restored if nothing => "nothing had been taken back".to_owned(),
            _ => moved,
        }
    }

    /// What it waits for.
    fn waiting(&self) -> String {
        match self.status {
            Status::Review => {
                let flags: Vec<&str> = self.review.iter().map(|flag| flag.words()).collect();
                format!("; a person has to look at it: {}", flags.join(", "))
            }
            Status::Held => "; it is held by a person".to_owned(),
            Status::Clear | Status::Rejected => String::new(),
        }
    }
}

impl Flag {
    /// The flag as people read it, to stand in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Flag::TooFast => "it came within seconds of the click",
            Flag::Duplicate => "the same amount came a little earlier",
            Flag::SelfReferral => "the partner is the customer",
            Flag::TokenShared => "the click brought very many customers",
            Flag::PaidSearch => "the click came from paid search",
            Flag::ProhibitedReferrer => "the click came from a place that the program forbids",
            Flag::RateMissing => "no exchange rate is known for its day",
        }
    }
}

/// A touch as people name it.
fn place(touch: &Considered, names: &dyn Names) -> String {
    let when = match touch.nonce {
        None if touch.code.is_none() => touch.at.to_day(),
        _ => touch.at.to_rfc3339(),
    };
    match (touch.link, &touch.code) {
        (Some(link), _) => format!("a click on {} on {when}", names.link(link)),
        (None, Some(code)) => format!("the code {code} on {when}"),
        (None, None) => format!("on {when}"),
    }
}

fn why(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AfterEvent => "came after the event",
        Verdict::BroughtLater => "became known with a later event, and of it only the day is known",
        Verdict::OutsideWindow => "is older than the window",
        Verdict::PartnerSuspended => "is of a suspended partner",
        Verdict::ProgramPaused => "fell into a pause of the program",
        Verdict::ClassEarnsNothing => "was no person's click",
        Verdict::ConsentTooNarrow => "came with less consent than the plan asks for",
        Verdict::StoodDown => "came too late to have brought the customer",
        Verdict::MayNotDisplace => "is of a partner who may not take credit from others",
        Verdict::CodeFirst => "is behind the code",
        Verdict::LinkFirst => "is behind a link",
        Verdict::Won | Verdict::NoShare | Verdict::Outranked => "is eligible",
    }
}

fn touches(count: usize) -> String {
    if count == 1 {
        "1 touch".into()
    } else {
        format!("{count} touches")
    }
}

fn percent(bps: u32) -> String {
    match bps % 100 {
        0 => format!("{}", bps / 100),
        rest => format!("{}.{rest:02}", bps / 100),
    }
}

fn sums(amounts: &[Money]) -> String {
    let all: Vec<String> = amounts.iter().map(|money| text(abs(*money))).collect();
    all.join(" and ")
}

fn abs(money: Money) -> Money {
    if money.amount_minor() < 0 {
        money.negated()
    } else {
        money
    }
}

fn text(money: Money) -> String {
    format!("{} {}", money.to_decimal_string(), money.currency().code())
}
