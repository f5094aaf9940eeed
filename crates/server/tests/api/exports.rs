//! The results of a scan as files.

use crate::harness::Test;
use crate::scans::{end, finding, start, submit};
use scanyard_contract::{ScanStatus, Severity};
use serde_json::json;

const ALL: &str = "scans:create scans:read results:read";

#[tokio::test]
async fn every_format_has_every_finding_worst_first() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    // More than one piece.
    let findings =
        (0..1200).map(|n| finding(&format!("{n:04}"), if n == 700 { Severity::High } else { Severity::Low }));
    end(&t, &start(&t).await, ScanStatus::Completed, findings.collect()).await;
    let path = |format: &str| format!("/scans/{id}/export?scanType=sentinel&format={format}");
    let json = caller.again().get(&format!("/scans/{id}/export?scanType=sentinel")).await;
    let exported = json.ok(200).body["findings"].as_array().unwrap();
    assert_eq!((exported.len(), &exported[0]["fingerprint"]), (1200, &json!("sy1:0700")));
    assert_eq!((&json.body["schemaVersion"], &json.body["summary"]["total"]), (&json!(1), &json!(1200)));
    assert_eq!(json.header("content-disposition"), format!("attachment; filename=\"scan-{id}.json\""));
    let sarif = caller.again().header("accept", "application/sarif+json").get(&path("sarif")).await;
    assert_eq!(sarif.ok(200).body["runs"][0]["results"].as_array().unwrap().len(), 1200);
    let csv = caller.again().header("accept", "text/csv").get(&path("csv")).await;
    assert_eq!(csv.ok(200).text.matches("\r\n").count(), 1201);
    let html = caller.again().header("accept", "text/html, */*;q=0.1").get(&path("html")).await;
    assert_eq!(html.ok(200).text.matches("<section").count(), 1200);
    assert_eq!(html.header("content-disposition"), format!("attachment; filename=\"scan-{id}.html\""));
}

#[tokio::test]
async fn the_pages_policy_names_the_hash_of_its_style() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    end(&t, &start(&t).await, ScanStatus::Completed, vec![]).await;
    let path = format!("/scans/{id}/export?scanType=sentinel&format=html");
    let page = caller.header("accept", "*/*").get(&path).await.text;
    let (_, style) = page.split_once("<style>").unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, style.split_once("</style>").unwrap().0.as_bytes());
    use base64::Engine as _;
    let hash = base64::engine::general_purpose::STANDARD.encode(digest.as_ref());
    assert!(page.contains(&format!("style-src 'sha256-{hash}'")), "the hash is {hash}");
}

#[tokio::test]
async fn a_scan_that_is_not_over_has_no_export_yet() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let path = format!("/scans/{id}/export?scanType=sentinel");
    let early = caller.again().get(&path).await;
    assert_eq!(early.is(409, "RESULTS_NOT_READY").header("retry-after"), "2");
    end(&t, &start(&t).await, ScanStatus::Failed, vec![]).await;
    let failed = caller.again().get(&path).await;
    assert_eq!((&failed.ok(200).body["partial"], &failed.body["findings"]), (&json!(true), &json!([])));
    let csv = caller.again().header("accept", "text/csv").get(&format!("{path}&format=csv")).await;
    assert_eq!(csv.ok(200).header("content-disposition"), format!("attachment; filename=\"scan-{id}-failed.csv\""));
    caller.again().get(&format!("{path}&format=pdf")).await.is(400, "INVALID_PARAMETER");
    caller
        .again()
        .header("accept", "application/json")
        .get(&format!("{path}&format=csv"))
        .await
        .is(406, "NOT_ACCEPTABLE");
    caller.again().get(&format!("/scans/{id}/export")).await.is(404, "SCAN_NOT_FOUND");
    t.key("scans:read").get(&path).await.is(403, "INSUFFICIENT_SCOPE");
}
