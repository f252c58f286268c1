//! Replay and what-if: a range of events decided again, under the plans in force or under another
//! one, beside what is booked. Writes nothing.
//!
//! A call looks at some customers and gives a cursor to the next; sums are of what it looked at.

use super::control::{self, Control};
use super::ledger::load;
use super::ledger::shadow::{self, Instead, Shadow, Shadows, Unfit};
use super::ports::{self, Database, Statement};
use super::problem::{self, Problem};
use super::reads;
use domain::access::api_key::Scope;
use domain::json;
use domain::ledger::exchange::Rate;
use domain::ledger::fold::{self, Booked, Position};
use domain::ledger::plan::Rules;
use domain::values::ids::{PartnerId, ProgramId};
use domain::values::input::Fields;
use domain::values::limits;
use domain::values::money::Currency;
use domain::values::record;
use domain::values::time::UnixMs;
use serde_json::Value;

/// Customers with an event in the range: their own, a reversal of a purchase of theirs, or one by
/// which only their subscription is named; with the number of all their events.
const CUSTOMERS: &str = "SELECT json_array(c.customer, (SELECT count(*) FROM facts n
      WHERE n.program = ?1 ->> 'program' AND n.customer = c.customer))
    FROM (SELECT DISTINCT f.customer FROM facts f INDEXED BY facts_by_customer
      WHERE f.program = ?1 ->> 'program' AND f.customer > ?1 ->> 'cursor'
        AND (f.occurred_at >= ?1 ->> 'from' AND f.occurred_at < ?1 ->> 'until'
          OR f.kind IN ('sale', 'deal', 'renewal') AND EXISTS (
            SELECT 1 FROM facts r WHERE r.program = f.program AND r.sale_key = f.key
              AND r.occurred_at >= ?1 ->> 'from' AND r.occurred_at < ?1 ->> 'until')
          OR f.subscription IS NOT NULL AND EXISTS (
            SELECT 1 FROM facts n LEFT JOIN facts r
              ON r.program = n.program AND r.sale_key = n.key AND n.kind = 'renewal'
            WHERE n.program = f.program AND n.subscription = f.subscription
              AND n.customer IS NULL
              AND (n.occurred_at >= ?1 ->> 'from' AND n.occurred_at < ?1 ->> 'until'
                OR r.occurred_at >= ?1 ->> 'from' AND r.occurred_at < ?1 ->> 'until')))
      ORDER BY f.customer LIMIT ?1 ->> 'limit') c";
const RATES: &str = "SELECT json_object('from', from_currency, 'to', to_currency, 'at', at,
      'rate', rate) FROM rates r
    WHERE to_currency = ?1 ->> 'to' AND at <= ?1 ->> 'until'
      AND at >= coalesce((SELECT max(n.at) FROM rates n
        WHERE n.to_currency = r.to_currency AND n.from_currency = r.from_currency
          AND n.at <= ?1 ->> 'from'), 0)";

/// A question, as it was read.
struct Question {
    program: ProgramId,
    from: UnixMs,
    until: UnixMs,
    rules: Option<Rules>,
    cursor: String,
}

/// What a partner has and would have, in what they are paid in.
type Sum = ((PartnerId, Currency), (i64, i64));

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/what-if`: `program`, `from`, `until`; `plan`: the rules to try, without them
    /// it is a replay; `cursor`.
    pub async fn what_if(&self, body: &Value) -> Result<Value, Problem> {
        let question = self.read_question(body)?;
        let param = json!({"program": question.program, "from": question.from,
            "until": question.until, "cursor": question.cursor,
            "limit": limits::WHAT_IF_CUSTOMERS + 1,
            "to": question.rules.as_ref().and_then(|rules| rules.payout_currency)});
        let statements = [CUSTOMERS, RATES].map(|sql| Statement::new(sql, &param));
        let rows = self.db.batch(statements.to_vec()).await?;
        let found: Vec<(String, usize)> = ports::decode(ports::rows_at(&rows, 0))?;
        let rates = ports::rows_at(&rows, 1).iter();
        let rates = rates.map(|row| load::rate(&record::parse(row)?));
        let rates: Option<Vec<Rate>> = rates.collect();
        let rates = rates.ok_or(&problem::UNAVAILABLE)?;
        let chosen = chosen(&found);
        let next = found.get(chosen..).unwrap_or_default().first();
        let customers: Vec<load::Customer> = found
            .iter()
            .take(chosen)
            .map(|(customer, _)| (question.program, customer.clone()))
            .collect();
        let instead = question.rules.as_ref().map(|rules| Instead {
            from: question.from,
            until: question.until,
            rules,
            rates,
        });
        let shadows = shadow::shadows(self.db, question.program, &customers, instead).await?;
        let mut answer = self.compare(&question, &shadows).await?;
        answer["customers"] = json!(customers.len());
        answer["skipped"] = json!(shadows.skipped);
        let last = customers.last().filter(|_| next.is_some());
        answer["next_cursor"] = json!(last.map(|(_, customer)| customer));
        Ok(answer)
    }

    fn read_question(&self, body: &Value) -> Result<Question, Problem> {
        let body = control::object(body)?;
        let program = control::program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        fields.only(&["program", "from", "until", "plan", "cursor"]);
        let instants = ["from", "until"].map(|name| {
            if fields.value(name).is_none() {
                fields.fault(name, "required", "is required");
            }
            fields.instant(name)
        });
        if let [Some(from), Some(until)] = instants
            && from >= until
        {
            fields.fault("until", "before_from", "must be after from");
        }
        let rules = fields.object("plan").map(Rules::read);
        let rules = rules.and_then(|rules| fields.absorb(rules));
        let cursor = fields.text("cursor", limits::EXTERNAL_ID_CHARS);
        let cursor = cursor.unwrap_or_default().to_owned();
        let [from, until] = instants;
        let (from, until) = fields.finish(from.zip(until))?;
        Ok(Question {
            program,
            from,
            until,
            rules,
            cursor,
        })
    }

    async fn compare(&self, asked: &Question, shadows: &Shadows) -> Result<Value, Problem> {
        let mut sums: Vec<Sum> = Vec::new();
        let (mut events, mut pending) = (0, 0);
        let mut changed = Vec::new();
        for shadow in &shadows.decided {
            let at = shadow.decided.occurred_at;
            let inside = at >= asked.from && at < asked.until;
            let wanted = fold::wanted(&shadow.decided);
            let differs = differs(shadow, &wanted, asked.rules.is_none());
            if differs {
                changed.push(shadow);
            }
            events += usize::from(inside);
            pending += usize::from(inside && shadow.pending);
            // Beside the range stands what depends on it: renewals, refunds, bindings.
            if inside || differs {
                for (position, booked) in &shadow.booked {
                    add(&mut sums, position, (amount(position, booked), 0));
                }
                for (position, wanted) in &wanted {
                    add(&mut sums, position, (0, amount(position, wanted)));
                }
            }
        }
        // What cannot be decided would be booked nowhere.
        let unfit = shadows.unfit.iter().filter(|unfit| {
            let at = unfit.occurred_at;
            at >= asked.from && at < asked.until || !unfit.booked.is_empty()
        });
        let unfit: Vec<&Unfit> = unfit.collect();
        for (position, booked) in unfit.iter().flat_map(|unfit| &unfit.booked) {
            add(&mut sums, position, (amount(position, booked), 0));
        }
        let unfit: Vec<&String> = unfit.iter().map(|unfit| &unfit.event).collect();
        let count = changed.len();
        changed.truncate(limits::WHAT_IF_EXAMPLES);
        let mut told: Vec<Value> = Vec::new();
        for shadow in &changed {
            told.push(shadow.stored.clone().unwrap_or_default());
            told.push(json!(shadow.decided));
        }
        reads::explain(self.db, &mut told).await?;
        let examples = changed.iter().zip(told.chunks_exact(2));
        let examples = examples.filter_map(|(shadow, told)| {
            let [now, then] = told else { return None };
            Some(
                json!({"event": shadow.decided.event, "kind": shadow.decided.kind,
                "now": now["sentence"], "then": then["sentence"]}),
            )
        });
        let partners = sums.iter().map(|((partner, currency), (now, then))| {
            json!({"partner": partner, "currency": currency, "now": now, "then": then,
                "difference": then.saturating_sub(*now)})
        });
        Ok(
            json!({"program": asked.program, "from": asked.from, "until": asked.until,
            "events": events, "changed": count, "pending": pending, "undecided": unfit,
            "partners": partners.collect::<Vec<_>>(),
            "examples": examples.collect::<Vec<_>>()}),
        )
    }
}

/// How many of the customers fit into one call: at least one, however many events that one has.
fn chosen(found: &[(String, usize)]) -> usize {
    let mut facts = 0;
    let fits = found.iter().take(limits::WHAT_IF_CUSTOMERS);
    let fits = fits.take_while(|(_, count)| {
        let first = facts == 0;
        facts += count;
        first || facts <= limits::WHAT_IF_FACTS
    });
    fits.count()
}

/// Does an event get other money, or another standing? A replay asks for more: the very decision.
fn differs(shadow: &Shadow, wanted: &[(Position, Booked)], replay: bool) -> bool {
    let body = json!(shadow.decided);
    let same = match &shadow.stored {
        Some(stored) if replay => *stored == body,
        Some(stored) => stored["status"] == body["status"],
        None => false,
    };
    let covered = |all: &[(Position, Booked)], by: &[(Position, Booked)]| {
        all.iter().all(|(position, sum)| {
            let other = by.iter().find(|(other, _)| other == position);
            let other = other.map_or(Booked::default(), |(_, other)| *other);
            (sum.amount, sum.payout) == (other.amount, other.payout)
        })
    };
    !(same && covered(&shadow.booked, wanted) && covered(wanted, &shadow.booked))
}

/// In what the partner is paid in; without an exchange rate as it is.
fn amount(position: &Position, sum: &Booked) -> i64 {
    match position.paid_in {
        Some(_) => sum.payout,
        None => sum.amount,
    }
}

fn add(sums: &mut Vec<Sum>, position: &Position, more: (i64, i64)) {
    let currency = position.paid_in.unwrap_or(position.currency);
    let key = (position.partner, currency);
    let place = sums.iter().position(|(other, _)| *other == key);
    match place.and_then(|place| sums.get_mut(place)) {
        Some((_, (now, then))) => {
            *now = now.saturating_add(more.0);
            *then = then.saturating_add(more.1);
        }
        None => sums.push((key, more)),
    }
}
