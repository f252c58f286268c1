//! Settlements: entries whose hold has ended become payable.
//!
//! One settlement takes at most a thousand entries and is one batch that reads and one that writes;
//! more entries are more settlements. All that settles or pays of a program shares one guard, and
//! the commit also fails when a fold has decided about one of its entries meanwhile.

mod sql;

use super::control::{self, Control, Made};
use super::ledger::{self, load};
use super::ports::{self, Database, DatabaseError, Statement};
use super::problem::Problem;
use domain::access::api_key::Scope;
use domain::json;
use domain::ledger::exchange::Rate;
use domain::ledger::fold::{Booked, Position};
use domain::ledger::plan::Plan;
use domain::ledger::settlement::{self, Clicks, Due, Month, Round, Settlement};
use domain::values::ids::{self, PartnerId, ProgramId};
use domain::values::input::Fields;
use domain::values::limits;
use domain::values::money::Currency;
use domain::values::order;
use domain::values::record;
use domain::values::time::{DAY_MS, UnixMs};
use domain::visit::traffic::Class;
use serde_json::Value;

pub use sql::ONE;

/// Who settles what.
#[derive(Clone, Copy)]
struct Order<'a> {
    program: ProgramId,
    until: UnixMs,
    now: UnixMs,
    actor: &'a str,
    /// Settles once and for all, also when there is nothing: the end of a month.
    closing: bool,
}

/// What a round looks at.
#[derive(Default)]
struct Loaded {
    plans: Vec<Plan>,
    rates: Vec<Rate>,
    due: Vec<Due>,
    /// Place of the last one that is due or was clicked.
    seq: Value,
    clicks: Vec<Clicks>,
    settled: Vec<(Month, i64)>,
    booked: Vec<(Position, Booked)>,
    version: i64,
    /// Until when everything was settled before.
    last: Option<UnixMs>,
}

/// The guard of all that settles or pays of a program.
pub(super) fn guard(program: ProgramId) -> String {
    format!("{program}/settle")
}

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/settlements`: settles what may move by now, or by an earlier instant.
    pub async fn settle(&self, body: &Value) -> Result<Made, Problem> {
        let body = control::object(body)?;
        let program = control::program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        fields.only(&["program", "until"]);
        let until = fields.instant("until").unwrap_or(self.now);
        if until > self.now {
            fields.fault("until", "in_the_future", "must not be in the future");
        }
        let until = fields.finish(Some(until))?;
        let order = Order {
            program,
            until,
            now: self.now,
            actor: &self.caller.id.to_string(),
            closing: false,
        };
        let (settlements, left) = run(self.db, order).await?;
        let answer = json!({"program": program, "until": until, "settlements": settlements,
            "left": left});
        Ok(Made {
            status: 200,
            record: answer,
            publish: false,
            fold: false,
        })
    }
}

/// Settles the months that ended, each program once; one that fails holds up no other. Costs one
/// small query when there is nothing.
pub async fn monthly(db: &impl Database, now: UnixMs) -> Result<(), DatabaseError> {
    let until = now.month_start();
    let mut failed: Vec<ProgramId> = Vec::new();
    let mut last = Ok(());
    for _ in 0..limits::SETTLE_PROGRAMS {
        let next = Statement::new(
            sql::NEXT_PROGRAM,
            &json!({"until": until, "failed": failed, "turn": now.0 / 60_000}),
        );
        let rows = db.batch(vec![next]).await?;
        let found: Vec<ProgramId> = ports::decode(ports::rows_at(&rows, 0))?;
        let Some(program) = found.first() else {
            break;
        };
        let order = Order {
            program: *program,
            until,
            now,
            actor: "cron",
            closing: true,
        };
        if let Err(error) = run(db, order).await {
            failed.push(*program);
            last = Err(error);
        }
    }
    last
}

/// Settles in rounds; gives what was settled, and whether more is left for another call.
async fn run(db: &impl Database, order: Order<'_>) -> Result<(Vec<Value>, bool), DatabaseError> {
    let mut made = Vec::new();
    let mut stale = 0;
    let mut after = json!(0);
    // First what is due; then the clicks of months that ended.
    let mut from: Option<UnixMs> = None;
    for _ in 0..limits::SETTLE_ROUNDS {
        let loaded = load(db, order, &after, from).await?;
        if order.closing && loaded.last.is_some_and(|last| last >= order.until) {
            return Ok((made, false));
        }
        let full = loaded.due.len().max(loaded.clicks.len()) >= limits::SETTLE_ENTRIES;
        let clicks = clicks_from(&loaded, order.until).filter(|_| from.is_none());
        let left = full || clicks.is_some();
        match write(db, order, &loaded, left).await {
            Ok(record) => made.extend(record),
            // Something was settled, paid or decided meanwhile: look again.
            Err(DatabaseError::Stale) if stale < limits::SETTLE_TRIES => {
                stale += 1;
                continue;
            }
            Err(other) => return Err(other),
        }
        if !left {
            return Ok((made, false));
        }
        if full {
            after = loaded.seq;
        } else {
            from = clicks;
            after = json!("");
        }
    }
    Ok((made, true))
}

/// From which month on clicks are counted again; `None` where the program pays for none. Landings
/// and people's corrections of the two months before what was settled last still count.
fn clicks_from(loaded: &Loaded, until: UnixMs) -> Option<UnixMs> {
    let rules = || loaded.plans.iter().map(|plan| &plan.rules);
    let paid = |commissions: &domain::ledger::plan::Commissions| commissions.click.is_some();
    let pays = rules().any(|r| paid(&r.commissions) || r.partners.iter().any(|(_, own)| paid(own)));
    let hold = rules().map(|rules| i64::from(rules.hold_days)).max();
    let before = |at: UnixMs, months| {
        (0..months).fold(at.month_start(), |month, _| month.plus(-1).month_start())
    };
    let from = match loaded.last {
        Some(last) => before(last.plus(-hold.unwrap_or(0).saturating_mul(DAY_MS)), 3),
        None => before(until, 13),
    };
    pays.then_some(from)
}

/// Reads what is due after an entry; with `from` the clicks of the months since then instead.
async fn load(
    db: &impl Database,
    what: Order<'_>,
    after: &Value,
    from: Option<UnixMs>,
) -> Result<Loaded, DatabaseError> {
    let month = what.until.month_start();
    let paid = Class::ALL.into_iter().filter(|class| class.is_paid());
    let paid: Vec<&str> = paid.map(Class::name).collect();
    let param = json!({
        "program": what.program,
        "guard": guard(what.program),
        "after": after,
        "limit": limits::SETTLE_ENTRIES,
        "until": what.until,
        "from": from,
        "from_day": from.map(UnixMs::to_day),
        "until_month": month,
        "until_day": month.to_day(),
        "paid": paid,
    });
    let found = if from.is_some() {
        sql::CLICKED
    } else {
        sql::DUE
    };
    let statements = [found, sql::PROGRAM].map(|sql| Statement::new(sql, &param));
    let mut loaded = Loaded::default();
    for text in db.batch(statements.to_vec()).await?.iter().flatten() {
        let row = record::parse(text);
        let taken = row.and_then(|row| loaded.take(&row));
        taken.ok_or(DatabaseError::Unavailable)?;
    }
    order::sort_by(&mut loaded.booked, |a, b| a.0.cause.cmp(&b.0.cause));
    Ok(loaded)
}

impl Loaded {
    fn take(&mut self, row: &Value) -> Option<()> {
        let partner = || row["partner"].as_str().and_then(PartnerId::parse);
        let month = || row["month"].as_i64().map(UnixMs);
        let paid_in = || Currency::parse(row["paid_in"].as_str()?).ok();
        match row["of"].as_str()? {
            "due" => {
                self.seq = row["seq"].clone();
                self.due.push(Due {
                    entry: row["entry"].as_str()?.to_owned(),
                    revision: record::take(&row["revision"])?,
                    partner: partner()?,
                    paid_in: paid_in()?,
                    payout: row["payout"].as_i64()?,
                    month: month()?,
                });
            }
            "clicks" => {
                self.seq = row["seq"].clone();
                self.clicks.push(Clicks {
                    partner: partner()?,
                    month: month()?,
                    count: row["count"].as_i64()?,
                });
            }
            "month" => {
                let key = (partner()?, month()?, paid_in()?);
                self.settled.push((key, row["settled"].as_i64()?));
            }
            "booked" => self.booked.push(load::booked(row)?),
            "plan" => self.plans.push(Plan::of_record(row)?),
            "rate" => self.rates.push(load::rate(row)?),
            "state" => {
                self.version = row["version"].as_i64()?;
                self.last = row["last"].as_i64().map(UnixMs);
            }
            _ => return None,
        }
        Some(())
    }
}

/// Decides and commits one settlement; gives its record, or nothing where nothing is settled.
async fn write(
    db: &impl Database,
    order: Order<'_>,
    loaded: &Loaded,
    left: bool,
) -> Result<Option<Value>, DatabaseError> {
    let round = Round {
        program: order.program,
        plans: &loaded.plans,
        rates: &loaded.rates,
        clicks: &loaded.clicks,
        settled: &loaded.settled,
        booked: &loaded.booked,
        until: order.until,
        now: order.now,
    };
    // Sums beyond the range of money were refused when they were decided.
    let settled = settlement::settle(loaded.due.clone(), &round);
    let settled = settled.map_err(|_| DatabaseError::Unavailable)?;
    let nothing = settled.lines.is_empty() && settled.entries.is_empty();
    if nothing && (left || !order.closing) {
        return Ok(None);
    }
    let key = guard(order.program);
    let id = ids::derived("se_", &[&key, &loaded.version.to_string()]);
    let body = json!({"entries": settled.lines.len(), "left": i32::from(left),
        "sums": sums(&settled)});
    let lines = settled
        .lines
        .iter()
        .map(|line| json!({"entry": line.entry, "month": line.month, "revision": line.revision}));
    let entries = settled.entries.iter().map(ledger::entry_row);
    let param = json!({"id": id, "program": order.program, "until": order.until,
        "actor": order.actor, "body": body, "now": order.now,
        "lines": lines.collect::<Vec<_>>()});
    let booked = json!({"now": order.now, "entries": entries.collect::<Vec<_>>()});
    let mut all = ledger::guarded(&key, loaded.version);
    all.insert(1, Statement::new(sql::STILL_DECIDED, &param));
    all.push(Statement::new(ledger::ADD_ENTRIES, &booked));
    all.push(Statement::new(sql::ADD_SETTLEMENT, &param));
    all.push(Statement::new(sql::ADD_LINES, &param));
    db.batch(all).await?;
    let mut record = json!({"id": id});
    if let (Some(record), Value::Object(body)) = (record.as_object_mut(), body) {
        record.extend(body);
    }
    Ok(Some(record))
}

/// What each partner gets, by currency.
fn sums(settled: &Settlement) -> Vec<Value> {
    let mut sums: Vec<((PartnerId, Currency), i64)> = Vec::new();
    for line in &settled.lines {
        settlement::add(&mut sums, (line.partner, line.paid_in), line.payout);
    }
    let sums = sums.into_iter();
    sums.map(|((partner, currency), amount)| {
        json!({"partner": partner, "currency": currency, "amount": amount})
    })
    .collect()
}
