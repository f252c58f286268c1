//! A destination made ready to be sent to: its row opened, its token bought, its requests made and
//! their answers read. The outbox and the test console both send through here.

use super::claim::ReceiverRow;
use crate::app::ports::{Reply, Transport};
use crate::app::settings::Settings;
use crate::domain::destination::oauth::{self, Grant};
use crate::domain::destination::{
    self, Answer, Destination, Event, Fate, Kept, Outcome, Prepared, REDACTED, Request, Target,
};
use crate::domain::outbound::{OutboundRules, OutboundUrl};
use crate::domain::record;
use crate::domain::seal::{Keyring, NONCE, Purpose};
use crate::domain::time::UnixMs;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Settings that send requests to a stand-in instead of the platform.
const TEST_ADDRESSES: [&str; 2] = ["base_url", "token_url"];

/// A destination that can be sent to.
pub(super) struct Receiver {
    pub(super) id: String,
    pub(super) kind: &'static dyn Destination,
    pub(super) config: Value,
    /// Sealed, as the row has it: tells whether the row changed meanwhile.
    pub(super) sealed_secret: String,
    secret: String,
    /// Replaced secrets that still sign, newest first.
    previous: Vec<String>,
    outbound: OutboundRules,
    /// The access token, and until when it may be used.
    pub(super) token: Option<(String, UnixMs)>,
    /// It was bought just now.
    pub(super) bought: bool,
}

impl Receiver {
    /// Opens a row; the error is the reason why nothing can be sent.
    pub(super) fn open(
        row: ReceiverRow,
        settings: &Settings,
        now: UnixMs,
    ) -> Result<Receiver, &'static str> {
        let keys = &settings.keys;
        if !row.enabled {
            return Err("disabled");
        }
        // Stored while it was allowed, or before it was refused.
        let test = TEST_ADDRESSES
            .iter()
            .any(|name| row.config.get(name).is_some());
        if test && !settings.loopback {
            return Err("test_address");
        }
        let kind = destination::find(&row.kind).ok_or("kind_unknown")?;
        let secret = open(keys, &row.id, &row.secret).ok_or("secret_unreadable")?;
        let token = row.token.filter(|_| row.token_until > now);
        let token = token.and_then(|sealed| open(keys, &token_context(&row.id), &sealed));
        let previous = row.previous.iter().filter(|each| each.until > now);
        let previous = previous.filter_map(|each| open(keys, &row.id, &each.secret));
        Ok(Receiver {
            previous: previous.collect(),
            outbound: settings.outbound.clone(),
            id: row.id,
            kind,
            config: row.config,
            sealed_secret: row.secret,
            secret,
            token: token.map(|token| (token, row.token_until)),
            bought: false,
        })
    }

    /// The token of this receiver, sealed for its row.
    pub(super) fn sealed_token(&self, keys: &Keyring, nonce: [u8; NONCE]) -> Option<String> {
        let (token, _) = self.token.as_ref()?;
        let context = token_context(&self.id);
        let sealed = keys.seal(Purpose::AtRest, &context, token.as_bytes(), nonce);
        Some(URL_SAFE_NO_PAD.encode_to_string(sealed))
    }

    /// May identifiers of people who opted out go as limited data?
    pub(super) fn takes_limited_data(&self) -> bool {
        self.config["limited_data"] == true
    }

    fn target(&self, now: UnixMs, test: bool) -> Target<'_> {
        Target {
            config: &self.config,
            secret: &self.secret,
            previous: &self.previous,
            token: self.token.as_ref().map_or("", |(token, _)| token),
            now,
            test,
        }
    }

    /// What must not be shown when an answer repeats it.
    pub(super) fn secrets(&self) -> Vec<String> {
        let stored = [&self.secret].into_iter().chain(&self.previous);
        let mut secrets: Vec<_> = stored
            .flat_map(|each| self.kind.secret_parts(each))
            .collect();
        secrets.extend(self.token.iter().map(|(token, _)| token.clone()));
        secrets
    }

    /// The request of one event as people may see it: made with stand-ins for the secrets, so that
    /// it holds none in any form.
    pub(super) fn shown(&self, event: &Event, now: UnixMs) -> Option<Value> {
        let to = Target {
            secret: self.kind.stand_in_secret(),
            previous: &[],
            token: REDACTED,
            ..self.target(now, true)
        };
        match destination::prepare(self.kind, event, &to) {
            Prepared::Send(item) => Some(self.kind.request(&[item], &to)?.shown()),
            Prepared::End(..) | Prepared::Wait(..) => None,
        }
    }

    /// Checked again at each attempt.
    pub(super) fn prepare(&self, event: &Event, now: UnixMs, test: bool) -> Prepared {
        destination::prepare(self.kind, event, &self.target(now, test))
    }

    pub(super) fn request(&self, items: &[Value], now: UnixMs, test: bool) -> Option<Request> {
        self.kind.request(items, &self.target(now, test))
    }

    /// Sends items and reads what came of it.
    pub(super) async fn send(
        &self,
        items: &[Value],
        transport: &impl Transport,
        now: UnixMs,
        test: bool,
    ) -> Exchange {
        let Some(request) = self.request(items, now, test) else {
            return Exchange::unsent();
        };
        let target = self.target(now, test);
        let mut sent = self
            .exchange(transport, &request, |answer| {
                self.kind.outcome(answer, &target, items.len())
            })
            .await;
        if sent.answer.is_none() && !self.kind.resends(&self.config) {
            sent.outcome.fate = Fate::Drop;
        }
        sent
    }

    /// Asks what became of an accepted request. A question without an answer is asked again.
    pub(super) async fn poll(
        &self,
        ticket: &str,
        count: usize,
        transport: &impl Transport,
        now: UnixMs,
    ) -> Exchange {
        let target = self.target(now, false);
        let Some(request) = self.kind.poll(ticket, &target) else {
            return Exchange::unsent();
        };
        let mut asked = self
            .exchange(transport, &request, |answer| {
                self.kind.progress(answer, &target, count)
            })
            .await;
        // Not over yet: asked again with the same ticket, which `progress` need not know.
        if let Fate::Accepted(same) = &mut asked.outcome.fate {
            ticket.clone_into(same);
        }
        let answered = asked.answer.as_ref().is_some_and(|a| a.status < 300);
        asked.unasked = !answered && matches!(asked.outcome.fate, Fate::Retry | Fate::Throttled);
        asked
    }

    /// Buys a token where the destination wants one and there is none.
    pub(super) async fn authorise(
        &mut self,
        transport: &impl Transport,
        now: UnixMs,
    ) -> Result<(), Outcome> {
        if self.token.is_some() {
            return Ok(());
        }
        let Some(grant) = self.kind.grant(&self.target(now, false)) else {
            return Ok(());
        };
        let request = match grant {
            Grant::Ready(request) => request,
            Grant::Sign { url, key, unsigned } => {
                let signature = transport.sign(&key, &unsigned).await;
                let bad = || Outcome::new(Fate::Misconfigured, "the private key cannot be used");
                Grant::signed(&url, &unsigned, &signature.ok_or_else(bad)?)
            }
        };
        let bought = self
            .exchange(transport, &request, |_| Outcome::delivered())
            .await;
        let Some(answer) = bought.answer else {
            return Err(bought.outcome);
        };
        self.token = Some(oauth::token(&answer, now)?);
        self.bought = true;
        Ok(())
    }

    /// The one way out. The address is checked here too: it may have been stored under other rules.
    async fn exchange(
        &self,
        transport: &impl Transport,
        request: &Request,
        read: impl FnOnce(&Answer) -> Outcome,
    ) -> Exchange {
        if OutboundUrl::parse(&request.url, &self.outbound).is_err() {
            return Exchange {
                outcome: Outcome::new(Fate::Misconfigured, "address_refused"),
                ..Exchange::unsent()
            };
        }
        let reply = transport.send(request).await;
        let timed_out = reply == Reply::TimedOut;
        let (outcome, answer) = match reply {
            Reply::Answered(answer) => (read(&answer), Some(answer)),
            Reply::TimedOut => (Outcome::new(Fate::Retry, "no answer in time"), None),
            Reply::Unreachable => (Outcome::new(Fate::Retry, "unreachable"), None),
        };
        Exchange {
            outcome,
            answer,
            timed_out,
            unasked: false,
        }
    }
}

/// What one request came to.
pub(super) struct Exchange {
    pub(super) outcome: Outcome,
    /// `None`: there was none.
    pub(super) answer: Option<Answer>,
    pub(super) timed_out: bool,
    /// A poll that was not answered; it is asked again, nothing is sent again.
    pub(super) unasked: bool,
}

impl Exchange {
    pub(super) fn unsent() -> Exchange {
        Exchange {
            outcome: Outcome::new(Fate::Misconfigured, "settings_incomplete"),
            answer: None,
            timed_out: false,
            unasked: false,
        }
    }
}

/// Opens a text that was sealed at rest.
pub fn open(keys: &Keyring, context: &str, sealed: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(sealed).ok()?;
    String::from_utf8(keys.open(Purpose::AtRest, context, &bytes)?).ok()
}

fn token_context(id: &str) -> String {
    format!("{id}/token")
}

/// What a destination kept of an event's person: the seal is about the event and the kind.
pub(super) fn kept(keys: &Keyring, event: &str, kind: &str, sealed: Option<&str>) -> Kept {
    let plain = sealed.and_then(|sealed| open(keys, &format!("{event}/{kind}"), sealed));
    let read = plain.and_then(|plain| record::parse(&plain));
    Kept(
        read.and_then(|read| read.as_object().cloned())
            .unwrap_or_default(),
    )
}
