//! POSTs to other people's servers: no redirects, ten seconds, a bounded answer.

use super::bindings;
use crate::app::ports::{ANSWER_MS, Outbound, Reply, Transport};
use js_sys::Array;

pub(super) struct Outside;

impl Transport for Outside {
    async fn post(&self, request: &Outbound) -> Reply {
        let headers = Array::new();
        for (name, value) in &request.headers {
            headers.push(&(*name).into());
            headers.push(&value.as_str().into());
        }
        let answer = bindings::post(&request.url, headers, &request.body, ANSWER_MS).await;
        let Ok(answer) = answer.map(|answer| Array::from(&answer)) else {
            return Reply::Unreachable;
        };
        let head = answer.get(0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        match head.as_f64() {
            Some(status) => Reply::Answered {
                status: status as u16,
                body: answer.get(1).as_string().unwrap_or_default(),
            },
            None if head == "late" => Reply::TimedOut,
            None => Reply::Unreachable,
        }
    }
}
