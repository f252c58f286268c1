//! Reading: single records and lists.

use super::{Request, Response};
use app::control::{self, Control};
use app::ports::Database;
use app::problem::{self, Problem};
use app::reads::{self, Page, dates};
use app::{payout, settle};
use domain::access::api_key::{ApiKey, Scope};
use domain::json;
use domain::values::ids::ProgramId;

/// Answers a GET of the control plane.
pub(super) async fn read<D: Database>(
    request: &Request,
    control: &Control<'_, D>,
    parts: &[&str],
) -> Result<Response, Problem> {
    let caller = control.caller;
    if let ["events", id] = parts {
        let event = reads::event(control.db, id, request.now).await?;
        control.allow(
            Scope::Read,
            event["program"].as_str().and_then(ProgramId::parse),
        )?;
        return Ok(Response::json(200, &event));
    }
    if let ["status"] = parts {
        let status = control.status().await?;
        return Ok(Response::json(200, &dates::of("status").write(status)));
    }
    let single = match parts {
        ["programs", _] => Some(control::programs::ONE),
        ["partners", _] => Some(control::partners::ONE),
        ["codes", _] => Some(control::codes::ONE),
        ["links", _] => Some(control::links::ONE),
        ["destinations", _] => Some(control::destinations::ONE),
        ["keys", _] => Some(control::keys::ONE),
        ["settlements", _] => Some(settle::ONE),
        ["payouts", _] => Some(payout::ONE),
        _ => None,
    };
    if let (Some(sql), [kind, id]) = (single, parts) {
        let record = control.one(sql, &json!({"id": id, "program": id})).await?;
        let owner = if *kind == "programs" {
            &record["id"]
        } else {
            &record["program"]
        };
        control.allow(Scope::Read, owner.as_str().and_then(ProgramId::parse))?;
        let mut record = dates::of(kind).write(record);
        if matches!(*kind, "settlements" | "payouts") {
            let mut page = page(request, caller)?;
            page.of = Some((*id).to_owned());
            record["lines"] = reads::list(control.db, &format!("{kind}/lines"), &page).await?;
        }
        return Ok(Response::json(200, &record));
    }
    let [name] = parts else {
        return Err((&problem::NOT_FOUND).into());
    };
    let page = page(request, caller)?;
    match *name {
        // Messages of all programs.
        "dead_letters" => control.allow(Scope::Admin, None)?,
        "keys" => control.allow(Scope::Admin, page.program)?,
        _ => control.allow(Scope::Read, page.program)?,
    }
    Ok(Response::json(
        200,
        &reads::list(control.db, name, &page).await?,
    ))
}

/// `program`, `limit`, `cursor` and filters of a list. A key of one program lists that program.
fn page(request: &Request, caller: ApiKey) -> Result<Page, Problem> {
    let mut page = Page {
        program: caller.program,
        now: request.now.0,
        ..Page::default()
    };
    let pairs = request.query.split('&');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
        match name {
            "program" => {
                let id = ProgramId::parse(value);
                let detail = "program must be the id of a program: pg_…";
                let wrong = || Problem::with_detail(&problem::BAD_REQUEST, detail);
                page.program = Some(id.ok_or_else(wrong)?);
            }
            "limit" => {
                let wrong =
                    || Problem::with_detail(&problem::BAD_REQUEST, "limit must be 1 to 100");
                page.limit = Some(value.parse().map_err(|_| wrong())?);
            }
            "cursor" => page.cursor = Some(value.to_owned()),
            "kind" => page.kind = Some(value.to_owned()),
            "status" => page.status = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(page)
}
