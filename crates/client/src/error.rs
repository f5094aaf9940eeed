//! The one error of every client call.

use crate::retry::Stop;
use crate::secret::{Hiding, lossy};
use http::HeaderMap;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::wire::Detail;
use scanyard_contract::{Classified, Context, Contract, Kind, Retry, Service, classify};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::SystemTime;
use url::Url;

/// The most bytes of an answer's body that an error keeps.
pub const BODY_BYTES: usize = 4 * 1024;
/// The longest refused value that an error repeats, in characters.
const VALUE_CHARS: usize = 200;

/// Why a call failed: what was asked, what came back, and what class of failure it is. Holds no secrets; the facts are
/// read as its own fields, such as `error.kind`.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Error(Box<Facts>);

/// What is known of a failure.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The class that a program branches on; [`Kind::RetriesExhausted`] after the last of several attempts.
    pub kind: Kind,
    /// The class of the last attempt's failure.
    pub cause_kind: Kind,
    /// Whether, and when, the same request may be sent again.
    pub retry: Retry,
    /// The API that was called, such as `scan-api`.
    pub contract: Contract,
    /// The part of it, such as `zpa`; `None` where the contract has no parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// HTTP status of the last answer; `None` when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's machine-readable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The answer's text, or what went wrong on the way.
    pub message: String,
    /// Each fault of the request, where the answer names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// What the message is about, such as the id that was not found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    /// Id of the catalogue's row, for `scanyard explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// Headers of the last answer by lower-case name, without secrets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Quote it to the API's support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Milliseconds to wait before the next attempt: what the answer asked for, else what our own limit or, when that is too long,
    /// the settings do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Why it was not sent again; `None` when it was never sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// How often the request was sent; 0 when it was refused here.
    pub attempts: u32,
    pub method: String,
    pub url: String,
    /// The answer's body, cut at [`BODY_BYTES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The value that was refused here, before anything was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// The export that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportJob>,
    #[serde(skip)]
    pub source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// A value that the API is known not to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Name of the parameter.
    pub name: String,
    pub value: String,
    /// What would be right, such as `50 to 5000`.
    pub allowed: String,
}

/// An export at the vendor's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportJob {
    /// Such as `vulns`.
    pub kind: &'static str,
    pub job_id: String,
}

/// One attempt, as far as it came.
pub(crate) struct Exchange<'a> {
    pub contract: Contract,
    pub service: Option<Service>,
    pub method: &'a str,
    /// `None` when the request has no address.
    pub url: Option<&'a Url>,
    /// `None` when there was no answer.
    pub status: Option<u16>,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Error {
    pub(crate) fn new(facts: Facts) -> Error {
        Error(Box::new(facts))
    }

    /// The error that an answer is, for callers with an HTTP client of their own. `sent` are the secrets that went out with the
    /// request: none of them stays in the error, nor the value of a header, member or parameter that is known to carry one.
    pub fn of_answer(
        context: &Context<'_>,
        url: &Url,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        now: SystemTime,
        sent: &[Hidden],
    ) -> Error {
        let classified = classify(context, status, headers, body, now);
        let Context { contract, service, method, .. } = *context;
        let exchange = Exchange { contract, service, method, url: Some(url), status: Some(status), headers, body };
        Error::of_exchange(&exchange, classified, &Hiding::of(sent))
    }

    /// The error of one failed attempt, without secrets.
    pub(crate) fn of_exchange(exchange: &Exchange<'_>, classified: Classified, hiding: &Hiding<'_>) -> Error {
        let Exchange { contract, service, method, url, status, headers, body } = *exchange;
        let Classified { kind, retry, row, code, message, is_quoted: _, details, parameters, request_id, wait } =
            classified;
        let (mut details, mut parameters) = (details, parameters);
        let hide = |text: String| match hiding.hide(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(hidden) => hidden,
        };
        for detail in &mut details {
            detail.reason = hide(std::mem::take(&mut detail.reason));
            detail.field = detail.field.take().map(hide);
        }
        for parameter in &mut parameters {
            *parameter = hide(std::mem::take(parameter));
        }
        Error::new(Facts {
            kind,
            cause_kind: kind,
            retry,
            contract,
            service,
            status,
            code: code.map(hide),
            message: hide(message),
            details,
            parameters,
            row: row.map(|row| row.id()),
            headers: hiding.hide_headers(headers),
            request_id: request_id.map(hide),
            wait_ms: wait.map(|wait| wait.as_millis().try_into().unwrap_or(u64::MAX)),
            stop: None,
            attempts: 1,
            method: method.to_string(),
            url: url.map_or(String::new(), |url| hiding.hide_url(url)),
            body: (!body.is_empty()).then(|| shown(hiding, body)),
            refused: None,
            export: None,
            source: None,
        })
    }

    /// A value that is refused before anything is sent.
    pub(crate) fn refused(contract: Contract, name: &str, value: impl fmt::Display, allowed: &str) -> Error {
        let value: String = value.to_string().chars().take(VALUE_CHARS).collect();
        let message = format!("{name} is `{value}`: allowed is {allowed}");
        let mut error = Error::here(contract, Kind::UnexpectedValue, message);
        error.refused = Some(Refused { name: name.to_string(), value, allowed: allowed.to_string() });
        error
    }

    /// A failure before anything was sent.
    pub(crate) fn here(contract: Contract, kind: Kind, message: impl Into<String>) -> Error {
        Error::new(Facts {
            kind,
            cause_kind: kind,
            retry: Retry::Never,
            contract,
            service: None,
            status: None,
            code: None,
            message: message.into(),
            details: Vec::new(),
            parameters: Vec::new(),
            row: None,
            headers: BTreeMap::new(),
            request_id: None,
            wait_ms: None,
            stop: None,
            attempts: 0,
            method: String::new(),
            url: String::new(),
            body: None,
            refused: None,
            export: None,
            source: None,
        })
    }
}

/// A body as an error keeps it. It is cut after its secrets are hidden, so that no half of one stays.
fn shown(hiding: &Hiding<'_>, body: &[u8]) -> String {
    let text = lossy(&body[..body.len().min(BODY_BYTES * 4)]);
    let mut text = hiding.hide(&text).into_owned();
    text.truncate(text.floor_char_boundary(BODY_BYTES));
    text
}

impl Deref for Error {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.url.is_empty() {
            write!(f, "{} {}: ", self.method, self.url)?;
        }
        if let Some(ExportJob { kind, job_id }) = &self.export {
            write!(f, "export of {kind} {job_id}: ")?;
        }
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        if let Some(code) = &self.code {
            write!(f, "{code}: ")?;
        }
        f.write_str(&self.message)?;
        for detail in &self.details {
            let field = detail.field.as_ref().map_or(String::new(), |name| format!("{name}: "));
            write!(f, "\n  {field}{}", detail.reason)?;
        }
        if self.attempts > 1 {
            write!(f, " (after {} attempts)", self.attempts)?;
        }
        match (self.stop, self.wait_ms) {
            (Some(Stop::WaitTooLong), Some(wait)) => write!(f, " (the wait of {} s is too long)", wait.div_ceil(1000))?,
            (Some(stop @ (Stop::NotIdempotent | Stop::Deadline | Stop::WaitTooLong)), _) => {
                write!(f, " (not sent again: {stop})")?;
            }
            // The number of attempts, or the failure itself, says it.
            (Some(Stop::Attempts | Stop::Final) | None, _) => {}
        }
        match &self.request_id {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_crosses_threads_and_is_small() {
        fn crosses<T: Send + Sync + std::error::Error + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn a_refused_value_says_its_name_its_value_and_what_is_allowed() {
        let error = Error::refused(Contract::Tenable, "num_assets", 49, "50 to 5000");
        assert_eq!(error.to_string(), "num_assets is `49`: allowed is 50 to 5000");
        let json = serde_json::to_value(&error).unwrap();
        let refused = serde_json::json!({"name": "num_assets", "value": "49", "allowed": "50 to 5000"});
        assert_eq!((&json["kind"], &json["refused"]), (&"unexpected_value".into(), &refused));
    }
}
