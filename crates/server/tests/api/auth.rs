//! The checks before the body, in their order.

use crate::harness::{START, Test};
use scanyard_contract::ScanType;
use scanyard_server::store::tenant::{self, TenantRecord, TenantStatus};
use serde_json::json;

#[tokio::test]
async fn a_key_is_in_its_header_and_nowhere_else() {
    let t = Test::new().await;
    let missing = t.nobody().get("/scans").await;
    missing.is(401, "MISSING_API_KEY");
    assert_eq!(missing.header("www-authenticate"), "ApiKey header=\"X-API-Key\"");
    for (name, path) in [("apiKey", "/scans?apiKey=cix_sk_abc"), ("x", "/scans?x=cix_sk_abc")] {
        let misplaced = t.nobody().get(path).await;
        misplaced.is(401, "MISSING_API_KEY");
        assert!(misplaced.details()[0].starts_with(name), "{:?}", misplaced.details());
    }
    let bearer = t.nobody().header("authorization", "Bearer cix_sk_abc").get("/scans").await;
    bearer.is(401, "MISSING_API_KEY");
    assert!(bearer.details()[0].starts_with("Authorization"));
}

#[tokio::test]
async fn a_malformed_key_and_an_unknown_one_are_invalid() {
    let t = Test::new().await;
    for key in ["x", "cix_sk_", "cix_pk_aaaaaaaa", "cix_sk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ü"] {
        t.nobody().header("x-api-key", key).get("/scans").await.is(401, "INVALID_API_KEY");
    }
}

#[tokio::test]
async fn what_is_revoked_or_suspended_stops_within_a_second() {
    let t = Test::new().await;
    let caller = t.key("scans:list").made().await;
    caller.again().get("/scans").await.ok(200);
    for (status, code) in [("suspended", "KEY_SUSPENDED"), ("revoked", "KEY_REVOKED")] {
        t.sql(&format!("UPDATE api_key SET status = '{status}'")).await;
        t.pass(1_000);
        caller.again().get("/scans").await.is(401, code);
    }
}

#[tokio::test]
async fn an_expired_key_says_since_when() {
    let t = Test::new().await;
    let caller = t.key("scans:list").with(|key| key.expires_at = Some(START + 2_000)).made().await;
    caller.again().get("/scans").await.ok(200);
    t.pass(2_000);
    let expired = caller.again().get("/scans").await;
    expired.is(401, "KEY_EXPIRED");
    assert_eq!(expired.details(), ["expiresAt: the key expired at 2026-03-06T10:00:02Z"]);
    // Revoked comes first, then suspended, then expired.
    t.sql("UPDATE api_key SET status = 'suspended'").await;
    t.pass(1_000);
    caller.again().get("/scans").await.is(401, "KEY_SUSPENDED");
}

#[tokio::test]
async fn a_suspended_tenant_is_told_so_on_every_key() {
    let t = Test::new().await;
    let caller = t.key("scans:list").made().await;
    t.sql("UPDATE tenant SET status = 'suspended'").await;
    caller.get("/scans").await.is(403, "TENANT_SUSPENDED");
}

#[tokio::test]
async fn a_key_bound_to_addresses_works_from_those_alone() {
    let t = Test::new().await;
    let nets = ["198.51.100.0/24", "2001:db8::/32"].map(|net| net.parse().unwrap()).to_vec();
    let caller = t.key("scans:list").with(|key| key.allowed_ips = Some(nets)).made().await;
    caller.again().from("198.51.100.7").get("/scans").await.ok(200);
    caller.again().from("2001:db8::7").get("/scans").await.ok(200);
    let refused = caller.again().from("203.0.113.9").get("/scans").await;
    refused.is(403, "IP_NOT_ALLOWED");
    assert!(refused.details()[0].contains("203.0.113.9"), "{:?}", refused.details());
}

#[tokio::test]
async fn every_operation_needs_its_own_scope() {
    let t = Test::new().await;
    let id = "019bc000-0000-7000-8000-000000000000";
    for (scope, post, path) in [
        ("scans:create", true, "/scans".to_string()),
        ("scans:list", false, "/scans".to_string()),
        ("scans:read", false, format!("/scans/{id}")),
        ("results:read", false, format!("/scans/{id}/results")),
        ("scans:cancel", true, format!("/scans/{id}/cancel")),
    ] {
        let all = scanyard_server::scope::Scope::for_keys(true);
        let others = all.iter().map(|s| s.as_str()).filter(|s| *s != scope);
        let caller = t.key(&others.collect::<Vec<_>>().join(" "));
        let refused = if post { caller.post_text(&path, "not read").await } else { caller.get(&path).await };
        refused.is(403, "INSUFFICIENT_SCOPE");
        assert_eq!(refused.body["error"], format!("Insufficient scope: requires {scope}"));
    }
    t.key("usage:read").get("/engines").await.ok(200);
}

#[tokio::test]
async fn a_key_bound_to_engines_runs_those_alone() {
    let t = Test::new().await;
    let caller = t.key("scans:create").with(|key| key.allowed_scan_types = Some(vec![ScanType::Nmap])).made().await;
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel"});
    let refused = caller.again().post("/scans", body).await;
    refused.is(403, "SCAN_TYPE_NOT_ALLOWED");
    assert_eq!(refused.details(), ["scanType: the key's allowedScanTypes: nmap"]);
}

#[tokio::test]
async fn the_rate_limit_is_exact_and_says_when_it_ends() {
    let t = Test::new().await;
    t.pass(15_500);
    let caller = t.key("scans:list").with(|key| key.limits = [3, 5, 100]).made().await;
    for remaining in ["2", "1", "0"] {
        let answer = caller.again().get("/scans").await;
        answer.ok(200);
        assert_eq!(answer.header("ratelimit-limit"), "3");
        assert_eq!(answer.header("ratelimit-remaining"), remaining);
        assert_eq!(answer.header("ratelimit-reset"), "45");
        assert_eq!(answer.header("ratelimit-policy"), "3;w=60, 5;w=3600, 100;w=86400");
    }
    let refused = caller.again().get("/scans").await;
    refused.is(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.body["error"], "Rate limit exceeded. Retry in 45 seconds.");
    assert_eq!(refused.header("retry-after"), "45");
    assert_eq!(refused.details(), ["window: 3 requests a minute are used up"]);
    t.pass(44_500);
    caller.again().get("/scans").await.ok(200);
    caller.again().get("/scans").await.ok(200);
    let refused = caller.again().get("/scans").await;
    refused.is(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("retry-after"), "3540");
}

#[tokio::test]
async fn the_rate_limit_holds_under_concurrency_and_for_a_second_node() {
    let t = Test::new().await;
    let caller = t.key("scans:list").with(|key| key.limits = [50, 1000, 1000]).made().await;
    // A second node: the same database, nothing in memory.
    let (second, limiter) = (t.database.open().await, scanyard_server::limit::Limiter::default());
    let calls = (0..40).map(|_| caller.again().get("/scans"));
    let let_in = futures::future::join_all(calls).await.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(let_in, 40);
    let id: String = sqlx::query_scalar("SELECT id FROM api_key WHERE name = 'test'")
        .fetch_one(&mut *t.app.store.read().await.unwrap())
        .await
        .unwrap();
    let takes = (0..40).map(|_| limiter.take(&second, &id, [50, 1000, 1000], START));
    let standings = futures::future::join_all(takes).await;
    let granted = standings.into_iter().filter(|standing| standing.as_ref().unwrap().exceeded.is_none()).count();
    assert_eq!(granted, 10);
}

#[tokio::test]
async fn whoever_has_no_live_key_is_limited_by_address() {
    let t = Test::with(|config| config.limits.per_source = 2).await;
    let live = t.key("scans:list").made().await;
    t.nobody().get("/errors").await.ok(200);
    t.nobody().header("x-api-key", "cix_sk_guess").get("/scans").await.is(401, "INVALID_API_KEY");
    let refused = t.nobody().header("x-api-key", "cix_sk_guess").get("/scans").await;
    refused.is(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("retry-after"), "60");
    t.nobody().get("/errors").await.is(429, "RATE_LIMIT_EXCEEDED");
    t.nobody().from("198.51.100.1").get("/errors").await.ok(200);
    live.get("/scans").await.ok(200);
}

/// One request that breaks every rule at once: each answer is that of the first rule still broken.
#[tokio::test]
async fn the_checks_come_in_the_order_of_the_contract() {
    let t = Test::new().await;
    let tenant = TenantRecord {
        id: uuid::Uuid::now_v7().to_string(),
        name: "acme".into(),
        status: TenantStatus::Suspended,
        is_operator: false,
        plan: None,
        default_limits: [None; 3],
        monthly_quota: Some(0),
        policy: scanyard_engines::policy::Policy::default(),
        created_at: START,
    };
    let id = tenant.id.clone();
    t.app.store.write(move |conn| Box::pin(async move { tenant::insert(conn, &tenant).await })).await.unwrap();
    let caller = t
        .key("scans:list")
        .of_tenant("acme")
        .with(|key| {
            key.allowed_ips = Some(vec!["198.51.100.0/24".parse().unwrap()]);
            key.allowed_scan_types = Some(vec![ScanType::Sentinel]);
            key.limits = [1, 100, 100];
            key.expires_at = Some(START);
        })
        .made()
        .await;
    let body = || json!({"target": "127.0.0.1", "scanType": "nmap", "wrong": true});
    let post = async |source: &str, body| {
        t.pass(1_000);
        caller.again().from(source).header("idempotency-key", "a b").post("/scans", body).await
    };
    t.nobody().post("/scans", body()).await.is(401, "MISSING_API_KEY");
    t.nobody().header("x-api-key", "nonsense").post("/scans", body()).await.is(401, "INVALID_API_KEY");
    t.sql("UPDATE api_key SET status = 'revoked' WHERE name = 'test'").await;
    post("127.0.0.1", body()).await.is(401, "KEY_REVOKED");
    t.sql("UPDATE api_key SET status = 'suspended' WHERE name = 'test'").await;
    post("127.0.0.1", body()).await.is(401, "KEY_SUSPENDED");
    t.sql("UPDATE api_key SET status = 'active' WHERE name = 'test'").await;
    post("127.0.0.1", body()).await.is(401, "KEY_EXPIRED");
    t.sql("UPDATE api_key SET expires_at = NULL WHERE name = 'test'").await;
    post("127.0.0.1", body()).await.is(403, "TENANT_SUSPENDED");
    t.sql(&format!("UPDATE tenant SET status = 'active' WHERE id = '{id}'")).await;
    post("127.0.0.1", body()).await.is(403, "IP_NOT_ALLOWED");
    post("198.51.100.1", body()).await.is(403, "INSUFFICIENT_SCOPE");
    post("198.51.100.1", body()).await.is(429, "RATE_LIMIT_EXCEEDED");
    t.sql("UPDATE api_key SET per_minute = 100, scopes = '[\"scans:create\"]' WHERE name = 'test'").await;
    post("198.51.100.1", body()).await.is(400, "INVALID_IDEMPOTENCY_KEY");
    let caller = caller.from("198.51.100.1");
    let post = async |body| {
        t.pass(1_000);
        caller.again().post("/scans", body).await
    };
    post(body()).await.is(400, "UNKNOWN_FIELD");
    let right = || json!({"target": "127.0.0.1", "scanType": "zap"});
    let url = || json!({"target": "http://127.0.0.1/", "scanType": "zap"});
    post(right()).await.is(400, "INVALID_TARGET");
    post(url()).await.is(403, "SCAN_TYPE_NOT_ALLOWED");
    t.sql("UPDATE api_key SET allowed_scan_types = NULL WHERE name = 'test'").await;
    post(url()).await.is(503, "ENGINE_UNAVAILABLE");
    let sentinel = || json!({"target": "127.0.0.1", "scanType": "sentinel"});
    post(sentinel()).await.is(403, "TARGET_NOT_ALLOWED");
    let granted = r#"{"granted":["127.0.0.0/8"],"allow":[],"deny":[]}"#;
    t.sql(&format!("UPDATE tenant SET policy = '{granted}' WHERE id = '{id}'")).await;
    let refused = post(sentinel()).await;
    refused.is(429, "QUOTA_EXCEEDED");
    assert_eq!(refused.details(), ["used: 0", "limit: 0", "resetAt: 2026-04-01T00:00:00Z"]);
    t.sql(&format!("UPDATE tenant SET monthly_quota = 1 WHERE id = '{id}'")).await;
    post(sentinel()).await.ok(201);
    post(sentinel()).await.is(429, "QUOTA_EXCEEDED");
}

/// A limit of 2,000 is fetched ten at a time; what a node has fetched and not used goes with it.
#[tokio::test]
async fn requests_that_wait_together_fetch_one_slice_of_the_limit() {
    let t = Test::new().await;
    let caller = t.key("scans:list").made().await;
    t.sql("UPDATE api_key SET per_minute = 2000 WHERE name = 'test'").await;
    t.pass(1_000);
    for answer in futures::future::join_all((0..8).map(|_| caller.again().get("/scans"))).await {
        answer.ok(200);
    }
    let used = t.texts("SELECT CAST(used AS TEXT) FROM rate_window WHERE window_s = 60").await;
    assert_eq!(used, ["10"]);
}
