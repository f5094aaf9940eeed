//! The Scan API's own envelope.

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue};
use scanyard_contract::{Classified, Code, Context, Contract, Kind, Retry, classify, classify_success};
use std::time::{Duration, SystemTime};

fn judge(status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Classified {
    classify(&Context::of(Contract::ScanApi, None), status, headers, body, now)
}

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
        let body = envelope(code.as_str(), false);
        let got = judge(code.status(), &HeaderMap::new(), &body, SystemTime::UNIX_EPOCH);
        assert_eq!((got.kind, got.retry, got.code.as_deref()), (row.kind, row.retry, row.code));
        assert_eq!(got.row, Some(row));
    }
}

#[test]
fn a_code_newer_than_the_client_is_judged_by_the_answer() {
    let got = |retryable| judge(503, &HeaderMap::new(), &envelope("NEW", retryable), SystemTime::UNIX_EPOCH);
    assert_eq!((got(true).kind, got(true).retry), (Kind::Unavailable, Retry::Idempotent));
    assert_eq!(got(false).retry, Retry::Never);
}

#[test]
fn a_proxys_html_is_judged_by_its_status() {
    let got = judge(502, &HeaderMap::new(), b"<html>Bad Gateway</html>", SystemTime::UNIX_EPOCH);
    assert_eq!((got.kind, got.retry, got.code), (Kind::Unavailable, Retry::Idempotent, None));
}

#[test]
fn the_header_states_the_wait_in_seconds_or_as_a_date_and_else_the_body() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let waits = |headers: HeaderMap| judge(429, &headers, &envelope("RATE_LIMIT_EXCEEDED", true), now).wait;
    assert_eq!(waits(headers("13")), Some(Duration::from_secs(13)));
    assert_eq!(waits(headers("Sun, 06 Nov 1994 08:49:47 GMT")), Some(Duration::from_secs(10)));
    assert_eq!(waits(headers("Sun, 06 Nov 1994 08:49:17 GMT")), Some(Duration::ZERO));
    assert_eq!(waits(headers("soon")), Some(Duration::from_secs(7)));
}

#[test]
fn a_failure_inside_a_200_is_one() {
    let context = Context::of(Contract::ScanApi, None);
    let body = envelope("SCAN_NOT_FOUND", false);
    let got = classify_success(&context, 200, &HeaderMap::new(), &body, SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(got.kind, Kind::NotFound);
    let fine = br#"{"success": true, "data": {"error": "text"}}"#;
    assert_eq!(classify_success(&context, 200, &HeaderMap::new(), fine, SystemTime::UNIX_EPOCH), None);
}

#[test]
fn a_shorter_envelope_and_a_problem_document_are_known_by_their_codes() {
    let now = SystemTime::UNIX_EPOCH;
    let body = br#"{"success":false,"error":"Monthly scan quota exceeded","code":"QUOTA_EXCEEDED"}"#;
    let got = judge(429, &HeaderMap::new(), body, now);
    assert_eq!((got.row, got.retry), (Some(Code::QuotaExceeded.row()), Retry::Never));
    assert_eq!(got.message, "Monthly scan quota exceeded");
    let body =
        br#"{"type":"/api/v1/errors/RATE_LIMIT_EXCEEDED","title":"Too many requests","status":429,"detail":"Slow down",
        "code":"RATE_LIMIT_EXCEEDED","requestId":"r-2","retryable":true,"retryAfter":7}"#;
    let got = judge(429, &HeaderMap::new(), body, now);
    assert_eq!((got.row, got.wait), (Some(Code::RateLimitExceeded.row()), Some(Duration::from_secs(7))));
    assert_eq!((got.message.as_str(), got.request_id.as_deref()), ("Slow down", Some("r-2")));
    // What bears no code of ours is somebody else's.
    let got = judge(503, &HeaderMap::new(), br#"{"code":"OVERLOADED","message":"of a proxy"}"#, now);
    assert_eq!((got.kind, got.code), (Kind::Unavailable, None));
}
