//! POSTs to other people's servers: no redirects, ten seconds, a bounded answer.

use super::clock;
use crate::app::ports::{ANSWER_MS, Outbound, Reply, Transport};
use futures_util::StreamExt;
use worker::{
    AbortController, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response,
};

/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 16_384;

pub(super) struct Outside;

impl Transport for Outside {
    async fn post(&self, request: &Outbound) -> Reply {
        let abort = AbortController::default();
        let Ok(prepared) = prepare(request) else {
            return Reply::Unreachable;
        };
        let signal = abort.signal();
        let fetch = Fetch::Request(prepared);
        let exchange = async {
            let mut response = fetch.send_with_signal(&signal).await.ok()?;
            let body = read(&mut response).await;
            Some((response.status_code(), body))
        };
        match clock::within(ANSWER_MS.into(), exchange).await {
            Some(Some((status, body))) => Reply::Answered { status, body },
            Some(None) => Reply::Unreachable,
            None => {
                abort.abort();
                Reply::TimedOut
            }
        }
    }
}

fn prepare(request: &Outbound) -> worker::Result<Request> {
    let headers = Headers::new();
    headers.set("user-agent", "Throughline/0.1")?;
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(request.body.as_str().into()));
    Request::new_with_init(&request.url, &init)
}

async fn read(response: &mut Response) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut stream) = response.stream() {
        while let Some(Ok(chunk)) = stream.next().await {
            bytes.extend(chunk);
            if bytes.len() >= ANSWER_BYTES {
                bytes.truncate(ANSWER_BYTES);
                break;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
