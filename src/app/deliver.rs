//! The outbox: claim what is due, send it, write down what came of it.
//!
//! A claim is a lease, so that two deliverers never send the same thing at once; a deliverer that
//! dies leaves a lease that runs out, and the delivery is sent again under the same id, by which
//! receivers know it. What fails comes back later on the schedule, and in the end is set aside
//! with its reason, visible, until a person sends it again.

use super::ports::{
    self, ANSWER_MS, Database, DatabaseError, Outbound, Reply, Statement, Transport,
};
use super::settings::Settings;
use super::track::ForDestinations;
use crate::domain::click_ids::{self, ClickIdKind};
use crate::domain::decision::{Decision, Names};
use crate::domain::destination::meta::{self, EventName, MetaEvent};
use crate::domain::destination::webhook::{self, WebhookSecret};
use crate::domain::destination::{self, Outcome};
use crate::domain::event::{EventKind, Fact};
use crate::domain::ids::{LinkId, PartnerId};
use crate::domain::limits;
use crate::domain::record;
use crate::domain::seal::{Keyring, Purpose};
use crate::domain::time::UnixMs;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

/// A lease is longer than every send of a batch together can take.
const LEASE_MS: i64 = 5 * 60_000;
/// Sends at once: a Worker has six connections.
const AT_ONCE: usize = 6;

const CLAIM: &str = "UPDATE deliveries SET lease = ?1 ->> 'lease',
      leased_until = ?1 ->> 'until', attempts = attempts + 1
    WHERE id IN (SELECT id FROM deliveries WHERE state = 'pending' AND next_at <= ?1 ->> 'now'
      AND leased_until <= ?1 ->> 'now' ORDER BY next_at LIMIT ?1 ->> 'limit')";
const CLAIMED: &str = "SELECT json_object('id', d.id, 'type', d.type, 'attempts', d.attempts,
      'event', d.event, 'destination', s.id, 'enabled', s.enabled, 'kind', s.kind,
      'config', json(s.config),
      'secret', s.secret, 'fact', json(f.body), 'decision', json(c.body),
      'decided_at', c.decided_at, 'sealed', r.body, 'domain', g.body ->> 'domain',
      'partner_name', p.name, 'link', l.host || '/go/' || l.slug)
    FROM deliveries d
    JOIN destinations s ON s.id = d.destination
    JOIN facts f ON f.id = d.event
    JOIN decisions c ON c.event = d.event AND c.revision = iif(s.kind = 'webhook', d.revision,
      (SELECT max(n.revision) FROM decisions n WHERE n.event = d.event))
    JOIN programs g ON g.id = d.program
    LEFT JOIN sealed_rows r ON r.event = d.event
    LEFT JOIN partners p ON p.id = c.body ->> '$.credits[0].partner'
    LEFT JOIN links l ON l.id = c.body ->> '$.credits[0].link'
    WHERE d.lease = ?1 ->> 'lease' ORDER BY d.seq";
const SETTLE: &str = "UPDATE deliveries SET state = r.value ->> 'state',
      next_at = r.value ->> 'next_at', last_status = r.value ->> 'status',
      last_error = r.value ->> 'error', lease = NULL, leased_until = 0,
      done_at = iif(r.value ->> 'state' = 'pending', NULL, ?1 ->> 'now')
    FROM json_each(?1, '$.results') r
    WHERE deliveries.id = r.value ->> 'id' AND deliveries.lease = ?1 ->> 'lease'";
const DROP_SEALED: &str = "DELETE FROM sealed_rows
    WHERE event IN (SELECT value ->> 'event' FROM json_each(?1, '$.results'))
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = sealed_rows.event
                      AND d.state IN ('pending', 'set_aside'))";
/// What nobody fetched in time.
pub const EXPIRE_SEALED: &str = "DELETE FROM sealed_rows WHERE expires_at <= ?1 ->> 'now'";

#[derive(Deserialize)]
struct Claimed {
    id: String,
    #[serde(rename = "type")]
    kind_of_message: String,
    attempts: u32,
    event: String,
    destination: String,
    enabled: u8,
    kind: String,
    config: Value,
    secret: String,
    fact: Fact,
    decision: Decision,
    decided_at: UnixMs,
    sealed: Option<String>,
    domain: Option<String>,
    partner_name: Option<String>,
    link: Option<String>,
}

impl Names for Claimed {
    fn partner(&self, id: PartnerId) -> String {
        let credit = self.decision.main_credit();
        let winner = credit.is_some_and(|credit| credit.partner == id);
        self.partner_name
            .clone()
            .filter(|_| winner)
            .unwrap_or_else(|| id.to_string())
    }

    fn link(&self, id: LinkId) -> String {
        let credit = self.decision.main_credit();
        let winner = credit.is_some_and(|credit| credit.link == Some(id));
        self.link
            .clone()
            .filter(|_| winner)
            .unwrap_or_else(|| id.to_string())
    }
}

/// What became of one attempt.
struct Settled {
    state: &'static str,
    next_at: UnixMs,
    status: Option<u16>,
    error: Option<String>,
}

/// What there is to send, or why there is nothing.
enum Prepared {
    Send(Outbound),
    Skip(&'static str),
    SetAside(&'static str),
}

/// Delivers what is due, at most one batch. `lease` is random text of this call, `jitter` spreads
/// the next attempts. Gives how many deliveries were attempted.
pub async fn deliver(
    db: &impl Database,
    transport: &impl Transport,
    settings: &Settings,
    now: UnixMs,
    lease: &str,
    jitter: u16,
) -> Result<usize, DatabaseError> {
    let param = json!({"lease": lease, "until": now.plus(LEASE_MS), "now": now,
        "limit": limits::DELIVERY_BATCH});
    let statements = vec![
        Statement::new(CLAIM, &param),
        Statement::new(CLAIMED, &param),
    ];
    let rows = db.batch(statements).await?;
    let claimed: Vec<Claimed> = ports::decode(ports::rows_at(&rows, 1))?;
    if claimed.is_empty() {
        return Ok(0);
    }
    let mut results = Vec::new();
    for chunk in claimed.chunks(AT_ONCE) {
        let sends = chunk
            .iter()
            .map(|each| attempt(each, transport, settings, now, jitter));
        for (each, settled) in chunk
            .iter()
            .zip(futures_util::future::join_all(sends).await)
        {
            results.push(
                json!({"id": each.id, "event": each.event, "state": settled.state,
                "next_at": settled.next_at, "status": settled.status, "error": settled.error}),
            );
        }
    }
    let count = results.len();
    let param = json!({"lease": lease, "now": now, "results": results});
    let statements = [SETTLE, DROP_SEALED].map(|sql| Statement::new(sql, &param));
    db.batch(statements.to_vec()).await?;
    Ok(count)
}

async fn attempt(
    claimed: &Claimed,
    transport: &impl Transport,
    settings: &Settings,
    now: UnixMs,
    jitter: u16,
) -> Settled {
    let ended = |state, error: Option<&str>| Settled {
        state,
        next_at: now,
        status: None,
        error: error.map(str::to_owned),
    };
    let request = match prepare(claimed, &settings.keys, now) {
        Prepared::Send(request) => request,
        Prepared::Skip(why) => return ended("skipped", Some(why)),
        Prepared::SetAside(why) => return ended("set_aside", Some(why)),
    };
    let reply = transport.post(&request).await;
    // The wait begins when the attempt ended; one without an answer took its whole time.
    let ended_at = match reply {
        Reply::TimedOut => now.plus(ANSWER_MS.into()),
        _ => now,
    };
    let (status, outcome) = match reply {
        Reply::Answered { status, body } if claimed.kind == "meta" => {
            (Some(status), meta::classify(status, &body, 1))
        }
        Reply::Answered { status, .. } => (Some(status), webhook::classify(status)),
        Reply::TimedOut => (
            None,
            Outcome::Retry {
                reason: "no answer in time".into(),
            },
        ),
        Reply::Unreachable => (
            None,
            Outcome::Retry {
                reason: "unreachable".into(),
            },
        ),
    };
    let error = Some(outcome.reason().to_owned()).filter(|reason| !reason.is_empty());
    let wait = destination::next_attempt(claimed.attempts, jitter);
    let (state, next_at) = match (&outcome, wait) {
        (Outcome::Delivered, _) => ("delivered", now),
        (Outcome::Retry { .. } | Outcome::Throttled { .. }, Some(wait)) => (
            "pending",
            ended_at.plus(i64::try_from(wait).unwrap_or(i64::MAX)),
        ),
        _ => ("set_aside", now),
    };
    Settled {
        state,
        next_at,
        status,
        error,
    }
}

fn prepare(claimed: &Claimed, keys: &Keyring, now: UnixMs) -> Prepared {
    if claimed.enabled == 0 {
        return Prepared::SetAside("disabled");
    }
    let secret = open(keys, &claimed.destination, &claimed.secret);
    let secret = secret.and_then(|plain| String::from_utf8(plain).ok());
    let Some(secret) = secret else {
        return Prepared::SetAside("secret_unreadable");
    };
    let Some(url) = claimed.config["url"].as_str() else {
        return Prepared::SetAside("url_missing");
    };
    let sealed = claimed
        .sealed
        .as_deref()
        .and_then(|text| open(keys, &claimed.event, text));
    let sealed = sealed
        .and_then(|plain| record::read(std::str::from_utf8(&plain).ok()?))
        .unwrap_or_default();
    if claimed.kind == "meta" {
        to_meta(claimed, url, &secret, &sealed, now)
    } else {
        to_webhook(claimed, url, &secret, &sealed, now)
    }
}

fn open(keys: &Keyring, context: &str, text: &str) -> Option<Vec<u8>> {
    keys.open(
        Purpose::AtRest,
        context,
        &URL_SAFE_NO_PAD.decode(text).ok()?,
    )
}

/// A Standard Webhooks message: the delivery's id, the time of this attempt, and the signature.
fn to_webhook(
    claimed: &Claimed,
    url: &str,
    secret: &str,
    sealed: &ForDestinations,
    now: UnixMs,
) -> Prepared {
    let Ok(secret) = WebhookSecret::parse(secret) else {
        return Prepared::SetAside("secret_unreadable");
    };
    let decision = &claimed.decision;
    // Click IDs are for the ad platforms that made them.
    let explained = Decision {
        click_ids: Vec::new(),
        ..decision.clone()
    };
    let partner = decision
        .main_credit()
        .map(|credit| json!({"id": credit.partner, "name": claimed.partner_name}));
    let body = json!({
        "type": claimed.kind_of_message,
        "timestamp": claimed.decided_at.to_rfc3339(),
        "data": {
            "id": claimed.event,
            "program": decision.program,
            "kind": decision.kind,
            "name": claimed.fact.name,
            "key": decision.key,
            "occurredAt": decision.occurred_at.to_rfc3339(),
            "customerExternalId": sealed.customer_id,
            "amount": decision.amount,
            "partner": partner,
            "credits": decision.credits,
            "commission": decision.commission(),
            "status": decision.status,
            "consent": decision.consent,
            "explanation": decision.sentence(claimed),
            "decision": explained,
        },
    })
    .to_string();
    let seconds = now.0.div_euclid(1_000);
    let signature = secret.sign(&claimed.id, seconds, body.as_bytes());
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", claimed.id.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ];
    Prepared::Send(Outbound {
        url: url.to_owned(),
        headers,
        body,
    })
}

/// A Conversions API event: only under full consent, only hashes, and the click ID as `fbc`.
fn to_meta(
    claimed: &Claimed,
    url: &str,
    token: &str,
    sealed: &ForDestinations,
    now: UnixMs,
) -> Prepared {
    let decision = &claimed.decision;
    let name = match decision.kind {
        EventKind::Lead => EventName::Lead,
        EventKind::Sale => EventName::Purchase,
        EventKind::Deal | EventKind::Renewal => EventName::Purchase,
        kind if kind.is_reversal() => return Prepared::Skip("meta_takes_no_refunds"),
        _ => return Prepared::Skip("meta_has_no_such_event"),
    };
    if !decision
        .consent
        .is_some_and(|consent| consent.allows_forwarding())
    {
        return Prepared::Skip("no_consent");
    }
    let domain = claimed.domain.as_deref().unwrap_or_default();
    let fbclid = decision
        .click_ids
        .iter()
        .find(|id| id.kind == ClickIdKind::Fbclid);
    let event = MetaEvent {
        name,
        event_id: claimed.event.clone(),
        event_time_s: decision.occurred_at.0.div_euclid(1_000),
        money: decision.amount,
        order_id: decision.kind.is_purchase().then(|| decision.key.clone()),
        em: sealed.email_hash.clone(),
        ph: None,
        external_id: sealed.external_id_hash.clone(),
        client_user_agent: sealed.user_agent.clone(),
        event_source_url: sealed.page_url.clone(),
        client_ip: None,
        fbc: fbclid.and_then(|id| meta::fbc(id.at.0, &click_ids::decode(&id.value), domain)),
        fbp: sealed
            .fbp
            .as_deref()
            .and_then(meta::browser_id)
            .map(str::to_owned),
        ldu: false,
    };
    match event.check(now.0.div_euclid(1_000)) {
        Err(meta::Unsendable::TooOld) => return Prepared::SetAside("event_too_old"),
        Err(other) => return Prepared::Skip(other.code()),
        Ok(()) => {}
    }
    let test = claimed.config["test_event_code"].as_str();
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("authorization", format!("Bearer {token}")),
    ];
    let body = meta::payload(&[event], test).to_string();
    Prepared::Send(Outbound {
        url: url.to_owned(),
        headers,
        body,
    })
}
