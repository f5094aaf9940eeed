//! What one attempt came to when it failed, and the error that is made of the last one.

use super::{Call, Transport};
use crate::error::{BODY_BYTES, Error, Facts};
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
        let Classified { kind, retry: _, row, code, message, details, parameters, request_id, wait } = classified;
        let (secrets, more) = (&self.0.secrets, &call.request.secrets);
        let hide = |text: &str| secrets.hide(text, more);
        let details = details.into_iter().map(|mut detail| {
            detail.reason = hide(&detail.reason);
            detail
        });
        Error::new(Facts {
            kind: if stop == Stop::Attempts && attempts > 1 { Kind::RetriesExhausted } else { kind },
            cause_kind: kind,
            contract: self.0.contract,
            service: call.service,
            status,
            code: code.map(|code| hide(&code)),
            message: hide(&message),
            details: details.collect(),
            parameters: parameters.iter().map(|text| hide(text)).collect(),
            row: row.map(|row| row.id()),
            headers: secrets.hide_headers(&headers, more),
            request_id,
            wait_ms: wait.map(|wait| wait.as_millis().try_into().unwrap_or(u64::MAX)),
            stop: Some(stop),
            attempts,
            method: call.request.method.to_string(),
            url: self.url(call).map_or(String::new(), |url| secrets.hide_url(&url, more)),
            body: (!body.is_empty())
                .then(|| shown(&hide(&String::from_utf8_lossy(&body[..body.len().min(BODY_BYTES * 4)])))),
            refused: None,
            export: None,
            source: source.map(|source| Arc::new(source) as _),
        })
    }
}

fn shown(text: &str) -> String {
    text[..text.floor_char_boundary(BODY_BYTES)].to_string()
}
