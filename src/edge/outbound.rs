//! Requests to other people's servers: no redirects, ten seconds, a bounded answer; and signatures
//! for those that want them.

use super::bindings;
use super::clock;
use app::ports::{ANSWER_MS, Reply, Transport};
use domain::forward::destination::{Answer, Request, retry_after};
use js_sys::Array;

pub(super) struct Outside;

impl Transport for Outside {
    async fn send(&self, request: &Request) -> Reply {
        let headers = Array::new();
        for (name, value) in &request.headers {
            headers.push(&(*name).into());
            headers.push(&value.as_str().into());
        }
        let method = request.method.as_str();
        let sent = bindings::exchange(method, &request.url, headers, &request.body, ANSWER_MS);
        let Ok(answer) = sent.await.map(|answer| Array::from(&answer)) else {
            return Reply::Unreachable;
        };
        let head = answer.get(0);
        let text = |place| answer.get(place).as_string().unwrap_or_default();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        match head.as_f64() {
            Some(status) => {
                let date = answer.get(3).as_f64().map(|ms| ms as i64);
                Reply::Answered(Answer {
                    status: status as u16,
                    body: text(1),
                    wait_ms: retry_after(&text(2), date, clock::now().0),
                })
            }
            None if head == "late" => Reply::TimedOut,
            None => Reply::Unreachable,
        }
    }

    async fn sign(&self, key: &str, text: &str) -> Option<String> {
        bindings::sign(key, text).await.ok()?.as_string()
    }
}
