//! Scans, from submission to results.

use crate::harness::{Caller, Test};
use crate::support::all_kept;
use axum::body::Body;
use http::Method;
use scanyard_contract::catalogue::rows_of;
use scanyard_contract::finding::{Confidence, Finding, Location, Severity};
use scanyard_contract::scan::{Coverage, Failure, FailureReason};
use scanyard_contract::{Contract, ScanStatus, ScanType};
use scanyard_engines::RawReport;
use scanyard_server::store::claim::{Claim, Claimed, claim};
use scanyard_server::store::finish::Finish;
use serde_json::{Value, json};

const ALL: &str = "scans:create scans:read scans:list scans:cancel results:read";

pub async fn submit(caller: &Caller<'_>) -> String {
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    caller.again().post("/scans", body).await.ok(201).data()["id"].as_str().unwrap().to_string()
}

/// Starts the next scan, as a worker does.
pub async fn start(t: &Test) -> Claimed {
    let next = Claim {
        now: t.app.store.local_now(),
        scan_types: vec![ScanType::Sentinel],
        labels: vec!["default".into()],
        limit: 1,
        lease_ms: 30_000,
        per_tenant: 10,
        per_host: 10,
    };
    t.app.store.write(move |conn| Box::pin(async move { claim(conn, &next).await })).await.unwrap().remove(0)
}

pub fn finding(rule: &str, severity: Severity) -> Finding {
    Finding {
        fingerprint: format!("sy1:{rule}"),
        engine: "sentinel".into(),
        rule_id: rule.into(),
        title: rule.into(),
        severity,
        confidence: Confidence::Confirmed,
        location: Location::default(),
        cve: vec![],
        cwe: vec![],
        references: vec![],
        ..Finding::default()
    }
}

/// Ends a run, as a worker does.
pub async fn end(t: &Test, run: &Claimed, status: ScanStatus, findings: Vec<Finding>) {
    end_with(t, run, status, findings, None).await;
}

/// Ends a run that leaves a raw report.
pub async fn end_with(t: &Test, run: &Claimed, status: ScanStatus, findings: Vec<Finding>, report: Option<RawReport>) {
    let failure = Failure { reason: FailureReason::TargetUnreachable, message: "no answer".into(), last_lines: vec![] };
    let finished = Finish {
        scan: run.scan.clone(),
        run_id: run.run_id,
        status,
        failure: (status == ScanStatus::Failed).then_some(failure),
        coverage: Coverage { hosts: 1, reached: 1 },
        records: all_kept(&findings),
        findings,
        report,
        engine_version: None,
    };
    assert!(t.app.store.end(finished).await.unwrap());
}

#[tokio::test]
async fn a_scan_is_submitted_and_read_back() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let body = json!({
        "target": "LOOPBACK.example.test.", "scanType": "sentinel", "name": "nightly", "targetType": "domain",
        "priority": "high", "tags": ["ci", "web"], "timeout": 60, "assetId": "a-1", "options": {}, "config": null,
    });
    let mut body = body;
    body.as_object_mut().unwrap().remove("config");
    let created = caller.again().post("/scans", body).await;
    let scan = created.ok(201).data().clone();
    let id = scan["id"].as_str().unwrap();
    assert_eq!(
        scan,
        json!({
            "id": id, "scanType": "sentinel", "source": "scan", "name": "nightly", "target": "loopback.example.test",
            "targetType": "domain", "status": "queued", "priority": "high", "progress": 0, "tags": ["ci", "web"],
            "options": {}, "config": {}, "timeout": 60, "assetId": "a-1", "workerLabel": "default", "attempts": 0,
            "createdAt": "2026-03-06T10:00:00Z",
        })
    );
    assert_eq!(created.header("location"), format!("/scan-api/api/v1/scans/{id}?scanType=sentinel"));
    let mut queued = scan.clone();
    queued["queuePosition"] = json!(1);
    assert_eq!(*caller.again().get(created.header("location")).await.ok(200).data(), queued);
    let other_base = format!("/api/v1/scans/{id}?scanType=sentinel");
    assert_eq!(*caller.again().get(&other_base).await.ok(200).data(), queued);
    let whole = json!({"target": "127.0.0.1", "scanType": "sentinel", "timeout": 60.0, "options": {"maxRate": 5.0}});
    let scan = caller.again().post("/scans", whole).await.ok(201).data().clone();
    assert_eq!((scan["timeout"].as_u64(), scan["options"]["maxRate"].as_u64()), (Some(60), Some(5)));
    let defaults = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    let scan = caller.again().post("/scans", defaults).await.ok(201).data().clone();
    assert_eq!(
        (&scan["priority"], &scan["timeout"], &scan["targetType"]),
        (&json!("normal"), &json!(3600), &json!("ip"))
    );
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    assert_eq!(caller.again().send(Method::HEAD, "/scans", Body::empty()).await.status, 200);
    assert_eq!(t.nobody().send(Method::HEAD, "/scans", Body::empty()).await.status, 401);
}

#[tokio::test]
async fn a_list_is_paged_by_number_and_by_cursor_with_exact_totals() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(submit(&caller).await);
    }
    ids.reverse();
    let seen = |page: &Value| -> Vec<String> {
        page.as_array().unwrap().iter().map(|scan| scan["id"].as_str().unwrap().to_string()).collect()
    };
    let first = caller.again().get("/scans?limit=2").await;
    assert_eq!(seen(first.ok(200).data()), ids[..2]);
    let cursor = first.body["pagination"]["nextCursor"].as_str().unwrap().to_string();
    assert_eq!(
        first.body["pagination"],
        json!({"page": 1, "limit": 2, "total": 5, "totalPages": 3, "totalIsExact": true, "nextCursor": cursor})
    );
    let second = caller.again().get(&format!("/scans?limit=2&cursor={cursor}")).await;
    assert_eq!(seen(second.ok(200).data()), ids[2..4]);
    assert_eq!(second.body["pagination"].get("page"), None);
    let last = caller.again().get("/scans?limit=2&page=3").await;
    assert_eq!(seen(last.ok(200).data()), ids[4..]);
    assert_eq!(last.body["pagination"].get("nextCursor"), None);
    for (filter, total) in
        [("status=queued", 5), ("status=running", 0), ("scanType=nmap", 0), ("scanType=sentinel&priority=normal", 5)]
    {
        let list = caller.again().get(&format!("/scans?{filter}")).await;
        assert_eq!(list.ok(200).body["pagination"]["total"], total, "{filter}");
        assert_eq!(list.data().as_array().unwrap().len(), total);
    }
}

#[tokio::test]
async fn results_come_when_the_scan_is_over_worst_first() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let path = format!("/scans/{id}/results?scanType=sentinel");
    let early = caller.again().get(&path).await;
    early.is(409, "RESULTS_NOT_READY");
    assert_eq!(early.details(), ["status: the scan is queued, at 0 %"]);
    let run = start(&t).await;
    caller.again().get(&path).await.is(409, "RESULTS_NOT_READY");
    let findings = vec![finding("c", Severity::Info), finding("a", Severity::High), finding("b", Severity::Info)];
    t.pass(5_000);
    end(&t, &run, ScanStatus::Completed, findings).await;
    let results = caller.again().get(&format!("{path}&limit=2")).await;
    let data = results.ok(200).data();
    let rules = |data: &Value| -> Vec<String> {
        data["findings"].as_array().unwrap().iter().map(|f| f["ruleId"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(rules(data), ["a", "b"]);
    assert_eq!(data["summary"], json!({"total": 3, "critical": 0, "high": 1, "medium": 0, "low": 0, "info": 2}));
    assert_eq!(
        (&data["partial"], &data["durationSeconds"], &data["status"]),
        (&json!(false), &json!(5), &json!("completed"))
    );
    let cursor = results.body["pagination"]["nextCursor"].as_str().unwrap();
    let rest = caller.again().get(&format!("{path}&limit=2&cursor={cursor}")).await;
    assert_eq!(rules(rest.ok(200).data()), ["c"]);
    let info = caller.again().get(&format!("{path}&severity=info&page=2&limit=1")).await;
    assert_eq!(rules(info.ok(200).data()), ["c"]);
    assert_eq!(info.body["pagination"]["total"], 2);
    let scan = caller.again().get(&format!("/scans/{id}?scanType=sentinel")).await;
    assert_eq!((&scan.data()["progress"], &scan.data()["resultSummary"]["total"]), (&json!(100), &json!(3)));
}

#[tokio::test]
async fn a_failed_scan_has_partial_results_and_says_why() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    end(&t, &start(&t).await, ScanStatus::Failed, vec![finding("a", Severity::Low)]).await;
    let results = caller.again().get(&format!("/scans/{id}/results?scanType=sentinel")).await;
    let data = results.ok(200).data();
    assert_eq!((&data["partial"], &data["failure"]["reason"]), (&json!(true), &json!("target_unreachable")));
    assert_eq!(data["findings"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_scan_is_cancelled_once_and_only_while_it_is_not_over() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let cancel = async |id: &str| caller.again().post_text(&format!("/scans/{id}/cancel?scanType=sentinel"), "").await;
    let queued = submit(&caller).await;
    let cancelled = cancel(&queued).await;
    assert_eq!(
        (&cancelled.ok(200).data()["status"], &cancelled.data()["sealedAt"]),
        (&json!("cancelled"), &json!("2026-03-06T10:00:00Z"))
    );
    cancel(&queued).await.is(409, "SCAN_ALREADY_CANCELLED");
    let running = submit(&caller).await;
    let run = start(&t).await;
    let cancelled = cancel(&running).await;
    assert_eq!((&cancelled.ok(200).data()["status"], cancelled.data().get("sealedAt")), (&json!("cancelled"), None));
    end(&t, &run, ScanStatus::Completed, vec![finding("a", Severity::Low)]).await;
    let results = caller.again().get(&format!("/scans/{running}/results?scanType=sentinel")).await;
    assert_eq!((&results.ok(200).data()["status"], &results.data()["partial"]), (&json!("cancelled"), &json!(true)));
    for (status, code) in
        [(ScanStatus::Completed, "SCAN_ALREADY_COMPLETED"), (ScanStatus::Failed, "SCAN_ALREADY_FAILED")]
    {
        let id = submit(&caller).await;
        end(&t, &start(&t).await, status, vec![]).await;
        cancel(&id).await.is(409, code);
    }
    let id = submit(&caller).await;
    let path = format!("/scans/{id}/cancel?scanType=sentinel");
    caller.again().post("/scans/1/cancel", json!({"why": 1})).await.is(400, "UNKNOWN_FIELD");
    caller.again().post(&path, json!([])).await.is(400, "INVALID_FIELD_TYPE");
    caller.again().post(&path, json!({})).await.ok(200);
}

#[tokio::test]
async fn a_repeat_with_the_same_key_gets_the_first_answer() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await.header("idempotency-key", "build-7");
    let body = || json!({"target": "127.0.0.1", "scanType": "sentinel"});
    let first = caller.again().post("/scans", body()).await;
    first.ok(201);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = caller.again().post("/api/v1/scans", body()).await;
    again.ok(201);
    assert_eq!((again.header("idempotency-replayed"), again.header("location")), ("true", first.header("location")));
    assert_eq!(again.text, first.text);
    let other = json!({"target": "127.0.0.2", "scanType": "sentinel"});
    caller.again().post("/scans", other).await.is(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(caller.again().get("/scans").await.body["pagination"]["total"], 1);
    // A refusal is not kept: once put right, the same key works.
    let caller = caller.header("idempotency-key", "build-8");
    caller.again().post("/scans", json!({"target": "-oN", "scanType": "sentinel"})).await.is(400, "INVALID_TARGET");
    caller.again().post("/scans", body()).await.ok(201);
    // After a day the key is free again.
    t.pass(24 * 3600 * 1000 + 1);
    let later = caller.again().post("/scans", body()).await;
    assert!(!later.headers.contains_key("idempotency-replayed"));
    for key in ["", "a b", "é", &"x".repeat(256)] {
        let refused = caller.again().header("idempotency-key", key).post("/scans", body()).await;
        refused.is(400, "INVALID_IDEMPOTENCY_KEY");
    }
    caller.again().header("idempotency-key", &"x".repeat(255)).post("/scans", body()).await.ok(201);
}

#[tokio::test]
async fn repeats_at_the_same_time_make_one_scan() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await.header("idempotency-key", "k");
    let body = || json!({"target": "127.0.0.1", "scanType": "sentinel"});
    let answers = futures::future::join_all((0..20).map(|_| caller.again().post("/scans", body()))).await;
    let ids: std::collections::BTreeSet<String> =
        answers.iter().map(|answer| answer.ok(201).data()["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    let replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotency-replayed")).count();
    assert_eq!(replayed, 19);
}

#[tokio::test]
async fn a_repeated_cancel_gets_the_first_answer() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let path = format!("/scans/{}/cancel?scanType=sentinel", submit(&caller).await);
    let caller = caller.header("idempotency-key", "c");
    let first = caller.again().post_text(&path, "").await;
    first.ok(200);
    let again = caller.again().post_text(&path, "").await;
    assert_eq!((again.ok(200).header("idempotency-replayed"), &again.text), ("true", &first.text));
    caller.again().post_text(&path, "{}").await.is(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn the_quota_is_exact_under_concurrency_and_starts_anew_with_the_month() {
    let t = Test::new().await;
    t.sql("UPDATE tenant SET monthly_quota = 10").await;
    let caller = t.key(ALL).made().await;
    let body = || json!({"target": "127.0.0.1", "scanType": "sentinel"});
    let answers = futures::future::join_all((0..64).map(|_| caller.again().post("/scans", body()))).await;
    let stored = answers.iter().filter(|answer| answer.status == 201).count();
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.is(429, "QUOTA_EXCEEDED");
    }
    assert_eq!(stored, 10);
    t.pass(26 * 86_400_000);
    caller.again().post("/scans", body()).await.ok(201);
}

#[tokio::test]
async fn engines_say_what_they_take_and_whether_they_are_there() {
    let t = Test::new().await;
    let engines = t.key("scans:read").get("/engines").await;
    let engines = engines.ok(200).data().as_array().unwrap().clone();
    assert_eq!(engines.len(), 10);
    let sentinel = engines.iter().find(|engine| engine["scanType"] == "sentinel").unwrap();
    assert_eq!(sentinel["available"], true);
    assert!(sentinel["targets"].as_array().unwrap().contains(&json!({"targetType": "ip", "example": "127.0.0.1"})));
    assert_eq!(sentinel["options"]["type"], "object");
    let zap = engines.iter().find(|engine| engine["scanType"] == "zap").unwrap();
    assert_eq!(zap["available"], false);
    assert!(zap["unavailableReason"].as_str().unwrap().contains("zap"));
}

#[tokio::test]
async fn the_catalogue_is_served_without_a_key() {
    let t = Test::new().await;
    let all = t.nobody().get("/errors").await;
    assert_eq!(all.ok(200).data().as_array().unwrap().len(), scanyard_contract::Code::ALL.len());
    let some = t.nobody().get("/errors?category=rate-limit&contract=scan-api").await;
    let codes: Vec<&str> =
        some.ok(200).data().as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["RATE_LIMIT_EXCEEDED", "QUOTA_EXCEEDED", "TOO_MANY_STREAMS"]);
    for path in ["/errors/KEY_EXPIRED", "/errors/scan-api/KEY_EXPIRED"] {
        assert_eq!(t.nobody().get(path).await.ok(200).data()["id"], "scan-api/KEY_EXPIRED");
    }
    let suspended = t.nobody().get("/errors/TENANT_SUSPENDED").await;
    assert!(suspended.text.contains("help@example.test"), "{}", suspended.text);
    for path in [
        "/errors/NO_SUCH_CODE",
        "/errors/tenable/KEY_EXPIRED",
        "/errors/zscaler/zia/418",
        "/errors/zscaler/zia/403/NO_SUCH",
        "/errors/key_expired",
    ] {
        t.nobody().get(path).await.is(404, "ERROR_NOT_FOUND");
    }
    for contract in Contract::ALL {
        let rows = t.nobody().get(&format!("/errors?contract={contract}")).await;
        for row in rows.ok(200).data().as_array().unwrap() {
            let id = row["id"].as_str().unwrap();
            assert_eq!(row["contract"], contract.as_str());
            assert_eq!(row["help"], format!("/api/v1/errors/{id}"));
        }
        assert_eq!(rows.data().as_array().unwrap().len(), rows_of(*contract).count());
    }
    for id in ["tenable/429", "zscaler/zia/403", "zscaler/zia/403/STATE_READONLY"] {
        assert_eq!(t.nobody().get(&format!("/errors/{id}")).await.ok(200).data()["id"], id);
    }
    for query in ["category=bad", "contract=zscalar"] {
        t.nobody().get(&format!("/errors?{query}")).await.is(400, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn health_is_at_the_root() {
    let t = Test::new().await;
    assert_eq!(t.nobody().get("/livez").await.ok(200).data()["status"], "ok");
    t.nobody().get("/readyz").await.ok(200);
    let metrics = t.nobody().get("/metrics").await;
    assert!(metrics.ok(200).text.contains("scanyard_http_requests_total"), "{}", metrics.text);
    t.app.draining.cancel();
    t.nobody().get("/livez").await.ok(200);
    t.nobody().get("/readyz").await.is(503, "SERVICE_UNAVAILABLE");
    let draining = t.key(ALL).get("/scans").await;
    draining.is(503, "SERVICE_UNAVAILABLE");
    assert_eq!(draining.header("retry-after"), "5");
}

#[tokio::test]
async fn an_answer_that_is_over_its_time_is_forgotten() {
    let t = Test::new().await;
    let caller = t.key("scans:create").made().await;
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    caller.header("idempotency-key", "k").post("/scans", body).await.ok(201);
    let day_ms = 24 * 3600 * 1000;
    t.pass(day_ms - 1000);
    scanyard_server::worker::sweep_tick(&t.app).await.unwrap();
    assert_eq!(t.rows("idempotency").await, 1);
    t.pass(2000);
    scanyard_server::worker::sweep_tick(&t.app).await.unwrap();
    assert_eq!(t.rows("idempotency").await, 0);
}
