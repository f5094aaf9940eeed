//! What one attempt came to when it failed, and the error that is made of the last one.

use super::{Call, Transport};
use crate::error::{Error, Exchange};
use crate::request::Answer;
use crate::retry::Stop;
use http::HeaderMap;
use scanyard_contract::{Classified, Kind, Retry};
use std::sync::Arc;
use std::time::Duration;

/// A failed attempt.
pub(super) struct Failure {
    pub status: Option<u16>,
    headers: HeaderMap,
    body: Vec<u8>,
    pub classified: Classified,
    source: Option<reqwest::Error>,
    /// No connection was made: the request cannot have taken effect.
    pub is_unsent: bool,
}

impl Failure {
    pub fn of_answer(status: u16, headers: HeaderMap, body: Vec<u8>, classified: Classified) -> Failure {
        Failure { status: Some(status), headers, body, classified, source: None, is_unsent: false }
    }

    pub fn without_answer(kind: Kind, retry: Retry, message: impl Into<String>) -> Failure {
        let classified = Classified {
            kind,
            retry,
            row: None,
            code: None,
            message: message.into(),
            is_quoted: false,
            details: Vec::new(),
            parameters: Vec::new(),
            request_id: None,
            wait: None,
        };
        let headers = HeaderMap::new();
        Failure { status: None, headers, body: Vec::new(), classified, source: None, is_unsent: false }
    }

    /// No answer, or one that broke off.
    pub fn on_the_way(error: reqwest::Error) -> Failure {
        let kind = if error.is_timeout() && !error.is_connect() { Kind::Timeout } else { Kind::Connection };
        let mut root: &dyn std::error::Error = &error;
        while let Some(cause) = root.source() {
            root = cause;
        }
        let what = if error.is_connect() { "could not connect" } else { "the answer broke off" };
        let message = format!("{what}: {root}");
        let mut failure = Failure::without_answer(kind, Retry::Idempotent, message);
        failure.is_unsent = error.is_connect();
        failure.source = Some(error.without_url());
        failure
    }

    pub fn timed_out(limit: Duration) -> Failure {
        let message = format!("no answer within {} ms", limit.as_millis());
        Failure::without_answer(Kind::Timeout, Retry::Idempotent, message)
    }

    /// Our own limit has no room yet.
    pub fn own_limit(wait: Duration) -> Failure {
        let message = "the API's known rate limit has no room for another call yet";
        let mut failure = Failure::without_answer(Kind::RateLimited, Retry::AfterWait, message);
        failure.classified.wait = Some(wait);
        failure
    }

    /// Whether another token can help: a 401 that says nothing else.
    pub fn is_about_the_token(&self) -> bool {
        let Classified { kind, retry, .. } = &self.classified;
        *retry == Retry::FreshToken || (self.status == Some(401) && *kind == Kind::Unauthenticated)
    }
}

impl From<reqwest::Error> for Box<Failure> {
    fn from(error: reqwest::Error) -> Box<Failure> {
        Box::new(Failure::on_the_way(error))
    }
}

impl Transport {
    /// An answer that is none: a 2xx that is not what the contract says.
    pub(super) fn unexpected(
        &self,
        call: &Call<'_>,
        kind: Kind,
        message: impl Into<String>,
        answer: Option<&Answer>,
    ) -> Error {
        let mut failure = Failure::without_answer(kind, Retry::Never, message);
        if let Some(answer) = answer {
            failure.status = Some(answer.status);
            failure.headers = answer.headers.clone();
            failure.body = answer.body.clone();
        }
        self.error(call, failure, answer.map_or(1, |answer| answer.attempts), Stop::Final)
    }

    pub(super) fn error(&self, call: &Call<'_>, failure: Failure, attempts: u32, stop: Stop) -> Error {
        let Failure { status, headers, body, classified, source, is_unsent: _ } = failure;
        let url = self.url(call).ok();
        let exchange = Exchange {
            contract: self.0.contract,
            service: call.service,
            method: call.request.method.as_str(),
            url: url.as_ref(),
            status,
            headers: &headers,
            body: &body,
        };
        let more = call.request.all_secrets();
        let mut error = Error::of_exchange(&exchange, classified, &self.0.secrets.with(&more));
        if stop == Stop::Attempts && attempts > 1 {
            error.kind = Kind::RetriesExhausted;
        }
        if stop == Stop::WaitTooLong && error.wait_ms.is_none() {
            // The answer stated none: it is the pause of the settings that is too long.
            let pause = self.0.settings.retrying.limit_pause;
            error.wait_ms = pause.map(|pause| pause.as_millis().try_into().unwrap_or(u64::MAX));
        }
        (error.stop, error.attempts) = (Some(stop), attempts);
        error.source = source.map(|source| Arc::new(source) as _);
        error
    }
}
