//! Deleting scans.

use crate::harness::{Answer, Caller, Test};
use crate::scans::{end_with, finding, start, submit};
use axum::body::Body;
use http::Method;
use scanyard_contract::ScanStatus;
use scanyard_contract::finding::Severity;
use scanyard_engines::RawReport;
use serde_json::json;

const ALL: &str = "scans:create scans:read scans:list scans:cancel scans:delete results:read";

async fn delete(caller: &Caller<'_>, path: &str) -> Answer {
    caller.again().send(Method::DELETE, path, Body::empty()).await
}

#[tokio::test]
async fn a_scan_that_is_over_goes_with_everything_that_is_its_own() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let (gone, kept) = (submit(&caller).await, submit(&caller).await);
    for _ in 0..2 {
        let report = RawReport { media_type: "application/json", bytes: b"{}".to_vec() };
        let run = start(&t).await;
        end_with(&t, &run, ScanStatus::Completed, vec![finding("a", Severity::Low)], Some(report)).await;
    }
    let path = format!("/scans/{gone}?scanType=sentinel");
    assert_eq!(*delete(&caller, &path).await.ok(200).data(), json!({"id": gone, "deleted": true}));
    delete(&caller, &path).await.is(404, "SCAN_NOT_FOUND");
    caller.again().get(&path).await.is(404, "SCAN_NOT_FOUND");
    caller.again().get(&format!("/scans/{gone}/results?scanType=sentinel")).await.is(404, "SCAN_NOT_FOUND");
    for table in ["scan", "scan_finding", "report"] {
        assert_eq!(t.rows(table).await, 1, "{table}");
        let id = if table == "scan" { "id" } else { "scan_id" };
        assert_eq!(t.rows(&format!("{table} WHERE {id} = '{kept}'")).await, 1, "{table}");
    }
    assert_eq!(t.rows(&format!("scan_event WHERE scan_id = '{gone}'")).await, 0);
    assert_eq!(t.rows(&format!("scan_event WHERE scan_id = '{kept}'")).await, 2);
    let list = caller.again().get("/scans?status=completed").await;
    assert_eq!((&list.ok(200).body["pagination"]["total"], &list.data()[0]["id"]), (&json!(1), &json!(kept)));
    assert_eq!(t.rows(&format!("audit WHERE action = 'scan.deleted' AND resource_id = '{gone}'")).await, 1);
    assert_eq!(t.rows("audit").await, 1);
}

#[tokio::test]
async fn a_scan_that_is_not_over_cannot_be_deleted() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let path = format!("/scans/{id}?scanType=sentinel");
    let refused = delete(&caller, &path).await;
    assert_eq!(refused.is(409, "SCAN_NOT_FINISHED").details(), ["status: the scan is queued, at 0 %"]);
    let run = start(&t).await;
    delete(&caller, &path).await.is(409, "SCAN_NOT_FINISHED");
    caller.again().post_text(&format!("/scans/{id}/cancel?scanType=sentinel"), "").await.ok(200);
    let refused = delete(&caller, &path).await;
    let reason = "status: the scan is cancelled, and its processes are still ending";
    assert_eq!(refused.is(409, "SCAN_NOT_FINISHED").details(), [reason]);
    end_with(&t, &run, ScanStatus::Cancelled, vec![finding("a", Severity::Low)], None).await;
    delete(&caller, &path).await.ok(200);
    assert_eq!((t.rows("scan").await, t.rows("scan_finding").await, t.rows("scan_event").await), (0, 0, 0));
    assert_eq!(caller.again().get("/scans").await.body["pagination"]["total"], 0);
    let queued = submit(&caller).await;
    caller.again().post_text(&format!("/scans/{queued}/cancel?scanType=sentinel"), "").await.ok(200);
    delete(&caller, &format!("/scans/{queued}?scanType=sentinel")).await.ok(200);
}

#[tokio::test]
async fn a_delete_needs_its_scope_and_the_right_engine() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    caller.again().post_text(&format!("/scans/{id}/cancel?scanType=sentinel"), "").await.ok(200);
    let path = format!("/scans/{id}?scanType=sentinel");
    let other = t.key("scans:create scans:cancel scans:read").made().await;
    delete(&other, &path).await.is(403, "INSUFFICIENT_SCOPE");
    delete(&caller, &format!("/scans/{id}")).await.is(404, "SCAN_NOT_FOUND");
    delete(&caller, "/scans/1?scanType=sentinel").await.is(404, "SCAN_NOT_FOUND");
    delete(&caller, &format!("{path}&force=true")).await.is(400, "UNKNOWN_PARAMETER");
    delete(&caller, &path).await.ok(200);
}
