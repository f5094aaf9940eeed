//! Raw reports: the bytes of the engine, as a download.

use crate::harness::{Caller, Test};
use crate::scans::{end_with, start, submit};
use axum::body::Body;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use scanyard_contract::ScanStatus;
use scanyard_engines::RawReport;

const ALL: &str = "scans:create scans:read scans:cancel results:read";

/// Downloads a report.
async fn download(caller: &Caller<'_>, path: &str) -> (HeaderMap, Vec<u8>) {
    let (_, response) = caller.again().open(Method::GET, path, Body::empty()).await;
    assert_eq!(response.status(), 200);
    let (parts, body) = response.into_parts();
    (parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn a_report_comes_byte_by_byte_with_its_name_and_digest() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await.header("accept", "application/octet-stream");
    let id = submit(&caller.again().header("accept", "*/*")).await;
    // Longer than one piece, and not text.
    let bytes: Vec<u8> = (0..2_500_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    let run = start(&t).await;
    let report = RawReport { media_type: "application/xml", bytes: bytes.clone() };
    end_with(&t, &run, ScanStatus::Completed, vec![], Some(report)).await;
    let path = format!("/scans/{id}/report?scanType=sentinel");
    caller.again().get(&path).await.ok(200);
    let (headers, is) = download(&caller, &path).await;
    assert!(is == bytes, "{} bytes instead of {}", is.len(), bytes.len());
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["content-length"], "2500000");
    assert_eq!(headers["content-disposition"], format!("attachment; filename=\"scan-{id}.xml\""));
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    assert_eq!(headers["etag"], format!("\"{}\"", scanyard_server::key::hex(digest.as_ref())));
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(digest.as_ref());
    assert_eq!(headers["repr-digest"], format!("sha-256=:{base64}:"));
    let head = caller.again().send(Method::HEAD, &path, Body::empty()).await;
    assert_eq!((head.status, head.header("content-length")), (200, "2500000"));
}

#[tokio::test]
async fn a_report_needs_an_accept_that_takes_octets() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let report = RawReport { media_type: "application/json", bytes: b"{}".to_vec() };
    end_with(&t, &start(&t).await, ScanStatus::Failed, vec![], Some(report)).await;
    let path = format!("/scans/{id}/report?scanType=sentinel");
    for accept in ["application/json", "text/html, application/json;q=0.9", "application/octet-stream;q=0, */*"] {
        let refused = caller.again().header("accept", accept).get(&path).await;
        assert_eq!(
            refused.is(406, "NOT_ACCEPTABLE").details(),
            ["Accept: can be application/octet-stream"],
            "{accept}"
        );
    }
    for accept in
        ["*/*", "application/*", "application/octet-stream", "application/json, application/octet-stream;q=0.1"]
    {
        let (_, bytes) = download(&caller.again().header("accept", accept), &path).await;
        assert_eq!(bytes, b"{}", "{accept}");
    }
    assert_eq!(download(&caller, &path).await.1, b"{}");
}

#[tokio::test]
async fn a_scan_without_a_report_says_whether_one_can_come() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let path = format!("/scans/{id}/report?scanType=sentinel");
    let early = caller.again().get(&path).await;
    assert_eq!(early.is(409, "RESULTS_NOT_READY").header("retry-after"), "2");
    let run = start(&t).await;
    caller.again().post_text(&format!("/scans/{id}/cancel?scanType=sentinel"), "").await.ok(200);
    // Cancelled, but what it has is not stored yet.
    caller.again().get(&path).await.is(409, "RESULTS_NOT_READY");
    end_with(&t, &run, ScanStatus::Cancelled, vec![], None).await;
    caller.again().get(&path).await.is(404, "REPORT_NOT_FOUND");
    caller.again().get(&format!("/scans/{id}/report")).await.is(404, "SCAN_NOT_FOUND");
    t.key("scans:read").get(&path).await.is(403, "INSUFFICIENT_SCOPE");
}
