//! What an answer of the Scan API means: a pure function of its status, headers and body.

use http::HeaderMap;
use http::header::RETRY_AFTER;
use scanyard_contract::wire::{Detail, Failed};
use scanyard_contract::{Code, Kind, Retry};
use std::time::{Duration, SystemTime};

/// A failed answer, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    pub kind: Kind,
    pub retry: Retry,
    pub code: Option<String>,
    pub message: String,
    pub details: Vec<Detail>,
    pub request_id: Option<String>,
    /// The stated wait, from the header or the body.
    pub wait: Option<Duration>,
}

/// Classifies an answer whose status is not 2xx: by the catalogue's row of its code, else by its status alone.
pub fn classify(status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Classified {
    let header_id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_string);
    let header_wait = headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()).and_then(|text| wait(text, now));
    let (kind, retry) = by_status(status);
    let Ok(failed) = serde_json::from_slice::<Failed>(body) else {
        let message = format!("an answer with status {status} that is none of the Scan API's");
        return Classified {
            kind,
            retry,
            code: None,
            message,
            details: Vec::new(),
            request_id: header_id,
            wait: header_wait,
        };
    };
    let (kind, retry) = match failed.code.parse::<Code>() {
        Ok(code) => (code.row().kind, code.row().retry),
        // A code newer than this client: the answer itself says whether to try again.
        Err(()) => (kind, if failed.retryable { Retry::Idempotent } else { Retry::Never }),
    };
    Classified {
        kind,
        retry,
        code: Some(failed.code),
        message: failed.error,
        details: failed.details,
        request_id: Some(failed.request_id),
        wait: header_wait.or(failed.retry_after.map(Duration::from_secs)),
    }
}

/// What a status says when the body says nothing, as with an answer of a proxy on the way.
fn by_status(status: u16) -> (Kind, Retry) {
    match status {
        400 | 422 => (Kind::BadRequest, Retry::Never),
        401 => (Kind::Unauthenticated, Retry::Never),
        403 => (Kind::Permission, Retry::Never),
        404 => (Kind::NotFound, Retry::Never),
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

/// Reads `Retry-After`: whole seconds, or a date of HTTP.
fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text.trim()).ok()?;
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(retry_after: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(retry_after))])
    }

    fn envelope(code: &str, retryable: bool) -> Vec<u8> {
        let body = serde_json::json!({"success": false, "error": "text", "code": code, "requestId": "r-1",
            "retryable": retryable, "retryAfter": 7, "help": "/api/v1/errors/x"});
        body.to_string().into_bytes()
    }

    #[test]
    fn every_code_of_the_catalogue_keeps_its_kind_and_rule() {
        for code in Code::ALL {
            let row = code.row();
            let body = envelope(row.code, false);
            let got = classify(row.status, &HeaderMap::new(), &body, SystemTime::UNIX_EPOCH);
            assert_eq!((got.kind, got.retry, got.code.as_deref()), (row.kind, row.retry, Some(row.code)));
        }
    }

    #[test]
    fn a_code_newer_than_the_client_is_judged_by_the_answer() {
        let got = |retryable| classify(503, &HeaderMap::new(), &envelope("NEW", retryable), SystemTime::UNIX_EPOCH);
        assert_eq!((got(true).kind, got(true).retry), (Kind::Unavailable, Retry::Idempotent));
        assert_eq!(got(false).retry, Retry::Never);
    }

    #[test]
    fn a_proxys_html_is_judged_by_its_status() {
        let got = classify(502, &HeaderMap::new(), b"<html>Bad Gateway</html>", SystemTime::UNIX_EPOCH);
        assert_eq!((got.kind, got.retry, got.code), (Kind::Unavailable, Retry::Idempotent, None));
    }

    #[test]
    fn the_header_states_the_wait_in_seconds_or_as_a_date_and_else_the_body() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let waits = |headers: HeaderMap| classify(429, &headers, &envelope("RATE_LIMIT_EXCEEDED", true), now).wait;
        assert_eq!(waits(headers("13")), Some(Duration::from_secs(13)));
        assert_eq!(waits(headers("Sun, 06 Nov 1994 08:49:47 GMT")), Some(Duration::from_secs(10)));
        assert_eq!(waits(headers("Sun, 06 Nov 1994 08:49:17 GMT")), Some(Duration::ZERO));
        assert_eq!(waits(headers("soon")), Some(Duration::from_secs(7)));
    }
}
