//! The monthly quota: exact, and told.

use crate::harness::{Answer, Caller, Test};
use serde_json::json;

const ALL: &str = "scans:create templates:create templates:read";

async fn submit(caller: &Caller<'_>) -> Answer {
    caller.again().post("/scans", json!({"target": "127.0.0.1", "scanType": "sentinel"})).await
}

#[tokio::test]
async fn a_refusal_says_what_is_used_what_the_limit_is_and_when_it_ends() {
    let t = Test::new().await;
    t.sql("UPDATE tenant SET monthly_quota = 2").await;
    let caller = t.key(ALL).made().await;
    submit(&caller).await.ok(201);
    submit(&caller).await.ok(201);
    let refused = submit(&caller).await;
    refused.is(429, "QUOTA_EXCEEDED");
    assert_eq!(refused.details(), ["used: 2", "limit: 2", "resetAt: 2026-04-01T00:00:00Z"]);
    assert!(!refused.headers.contains_key("retry-after"));
    // A quota made smaller than what is used.
    t.sql("UPDATE tenant SET monthly_quota = 1").await;
    t.pass(1_000);
    assert_eq!(submit(&caller).await.details(), ["used: 2", "limit: 1", "resetAt: 2026-04-01T00:00:00Z"]);
}

#[tokio::test]
async fn submissions_and_launches_share_one_quota_that_is_exact_under_concurrency() {
    let t = Test::new().await;
    t.sql("UPDATE tenant SET monthly_quota = 20").await;
    let caller = t.key(ALL).made().await;
    let template = caller.again().post("/scan-templates", json!({"name": "t", "scanType": "sentinel"})).await;
    let path = format!("/scan-templates/{}/launch", template.ok(201).data()["id"].as_str().unwrap());
    let calls = (0..64).map(async |i| {
        if i % 2 == 0 {
            submit(&caller).await
        } else {
            caller.again().post(&path, json!({"target": "127.0.0.1"})).await
        }
    });
    let answers = futures::future::join_all(calls).await;
    let stored = answers.iter().filter(|answer| answer.status == 201).count();
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.is(429, "QUOTA_EXCEEDED");
    }
    assert_eq!((stored, t.rows("scan").await), (20, 20));
}

#[tokio::test]
async fn what_is_refused_or_repeated_uses_no_quota() {
    let t = Test::new().await;
    t.sql("UPDATE tenant SET monthly_quota = 2").await;
    let caller = t.key(ALL).made().await;
    for target in ["-oN", "169.254.169.254", "nowhere.example.test"] {
        let refused = caller.again().post("/scans", json!({"target": target, "scanType": "sentinel"})).await;
        assert!(refused.status >= 400, "{target}");
    }
    let keyed = caller.again().header("idempotency-key", "k");
    for _ in 0..5 {
        submit(&keyed).await.ok(201);
    }
    submit(&caller).await.ok(201);
    submit(&caller).await.is(429, "QUOTA_EXCEEDED");
    // The repeat of what was accepted is answered also now.
    submit(&keyed).await.ok(201);
}
