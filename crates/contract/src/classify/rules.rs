//! The rules beyond the tables: marks that are no code, and what the request's context changes.

use super::Context;
use super::body::Body;
use crate::catalogue::Row;
use crate::class::{Kind, Retry};
use crate::contract::{Contract, Service};
use crate::detect::document;
use crate::headers::header;
use http::HeaderMap;
use serde_json::Value;
use std::time::Duration;

/// The words by which the catalogue knows an answer that has no code of its own.
pub(super) fn mark(context: &Context, status: u16, headers: &HeaderMap, body: &Body) -> Option<&'static str> {
    let says = |words: &str| body.message.as_deref().is_some_and(|message| message.contains(words));
    match (context.contract, status) {
        (Contract::Tenable, 403) if context.is_impersonated => Some("X-Impersonate"),
        (Contract::Tenable, 400) if context.is_password_change => Some("password"),
        (Contract::Tenable, 409) if has(body, "active_job_id") => Some("active_job_id"),
        (Contract::Tenable, 429) if says("Duplicate export") => Some("Duplicate export not allowed"),
        (Contract::Zscaler, 401) if says("Resource Access Blocked") => Some("Resource Access Blocked"),
        (Contract::Zscaler, 403) if is_read_only(headers) && !is_read(context.method) => Some("STATE_READONLY"),
        (Contract::Zscaler, 200) if context.service == Some(Service::Graphql) => Some("errors"),
        (Contract::Zscaler, 412) if says("Org barrier") => Some("UNEXPECTED_ERROR"),
        (Contract::ScanApi | Contract::Tenable | Contract::Zscaler, _)
        | (Contract::ArcticWolf | Contract::Pytenable, _) => None,
    }
}

/// Whether the service says that it takes no writes at present.
fn is_read_only(headers: &HeaderMap) -> bool {
    header(headers, "x-zscaler-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("read-only"))
}

fn is_read(method: &str) -> bool {
    ["GET", "HEAD", "OPTIONS"].iter().any(|read| method.eq_ignore_ascii_case(read))
}

fn has(body: &Body, name: &str) -> bool {
    body.object.as_ref().is_some_and(|object| object.contains_key(name))
}

/// The kind of an answer and whether to repeat the request: as the row says, with what only this answer or this request
/// can tell.
pub(super) fn judge(
    context: &Context,
    status: u16,
    body: &Body,
    row: Option<&'static Row>,
    wait: Option<Duration>,
) -> (Kind, Retry) {
    let (kind, retry) = match row {
        Some(row) => (row.kind, row.retry),
        None => by_status(status),
    };
    if context.contract == Contract::ScanApi {
        // A code newer than this catalogue: the answer itself says whether to try again.
        return match (row.is_some_and(|row| row.code.is_some()), body.is_retryable) {
            (false, Some(true)) => (kind, Retry::Idempotent),
            (false, Some(false)) => (kind, Retry::Never),
            (true, _) | (false, None) => (kind, retry),
        };
    }
    let retry = match retry {
        // The request asked for the token itself.
        Retry::FreshToken if context.is_sign_in => Retry::Never,
        // A stated wait says that the request was refused, not half done.
        Retry::Idempotent if kind == Kind::Unavailable && wait.is_some() => Retry::AfterWait,
        Retry::Never | Retry::AfterWait | Retry::Idempotent | Retry::FreshToken | Retry::EditLock => retry,
    };
    (kind, retry)
}

/// What a status means where the catalogue does not list it, as with an answer of a proxy on the way.
pub fn by_status(status: u16) -> (Kind, Retry) {
    match status {
        400 | 422 => (Kind::BadRequest, Retry::Never),
        401 => (Kind::Unauthenticated, Retry::Never),
        403 => (Kind::Permission, Retry::Never),
        404 | 410 => (Kind::NotFound, Retry::Never),
        405 => (Kind::Method, Retry::Never),
        406 => (Kind::Accept, Retry::Never),
        408 | 504 => (Kind::Timeout, Retry::Idempotent),
        409 => (Kind::Conflict, Retry::Never),
        413 | 414 | 431 => (Kind::TooLarge, Retry::Never),
        415 => (Kind::MediaType, Retry::Never),
        429 => (Kind::RateLimited, Retry::AfterWait),
        501 => (Kind::NotImplemented, Retry::Never),
        502 | 503 => (Kind::Unavailable, Retry::Idempotent),
        500..=599 => (Kind::Server, Retry::Idempotent),
        _ => (Kind::Unknown, Retry::Never),
    }
}

/// The status of the failure that a 2xx hides in its body; `None` when it hides none.
pub(super) fn hidden_status(context: &Context, status: u16, body: &[u8]) -> Option<u16> {
    // Data is large and begins otherwise: no need to read it twice.
    let start = body.trim_ascii_start();
    if !matches!(start.first(), Some(b'{' | b'"')) || start.len() > 64 * 1024 {
        return None;
    }
    let object = &document(start)?;
    match context.contract {
        Contract::ScanApi => (object.get("success") == Some(&Value::Bool(false))).then_some(status),
        // Tenable Security Center numbers its errors in a 200.
        Contract::Tenable => {
            let number = object.get("error_code").and_then(Value::as_i64);
            let is_error = number.is_some_and(|number| number != 0) || is_lone_error(object);
            is_error.then_some(status)
        }
        Contract::Zscaler => {
            let is_graphql = object.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty());
            let is_missing = object.get("id").and_then(Value::as_str) == Some("resource.not.found");
            let is_zcc = matches!(context.service, Some(Service::Zcc) | None)
                && object.get("errorMsg").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            match (is_missing, is_graphql || is_zcc || is_lone_error(object)) {
                (true, _) => Some(404),
                (false, true) => Some(status),
                (false, false) => None,
            }
        }
        Contract::ArcticWolf => is_lone_error(object).then_some(status),
        Contract::Pytenable => None,
    }
}

/// Whether the document is nothing but an error.
fn is_lone_error(object: &serde_json::Map<String, Value>) -> bool {
    object.get("error").is_some_and(|error| error.is_string() || error.is_object())
        && object
            .keys()
            .all(|key| matches!(key.as_str(), "error" | "statusCode" | "message" | "error_description" | "code"))
}
