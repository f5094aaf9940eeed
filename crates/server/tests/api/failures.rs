//! Failures of ours: told in the envelope, logged once, and without a secret.

use crate::harness::{Test, read};
use crate::log::Log;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

#[tokio::test]
async fn a_panic_is_an_internal_error_logged_once() {
    let t = Test::new().await;
    let log = Log::begin();
    scanyard_server::http::panic::install_hook();
    let panics = || async { "x".parse::<u8>().expect("a bug of ours").to_string() };
    let router = scanyard_server::http::guarded(Router::new().route("/api/v1/x", get(panics)), t.app.clone());
    let response = router.oneshot(Request::get("/api/v1/x").body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let answer = read(parts.status, parts.headers, &body.collect().await.unwrap().to_bytes(), &Method::GET);
    answer.is(500, "INTERNAL_ERROR");
    assert!(!answer.text.contains("a bug of ours"));
    let (text, id) = (log.text(), answer.header("x-request-id"));
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("a bug of ours")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains(id) && lines[0].contains("failures.rs:"), "{}", lines[0]);
}

#[tokio::test]
async fn the_cause_of_a_database_error_is_in_the_log_and_not_in_the_answer() {
    let t = Test::new().await;
    let caller = t.key("scans:list").made().await;
    caller.again().get("/scans").await.ok(200);
    t.sql("ALTER TABLE scan_count RENAME TO elsewhere").await;
    let log = Log::begin();
    let failed = caller.get("/scans").await;
    failed.is(500, "INTERNAL_ERROR");
    assert!(!failed.text.contains("scan_count"), "{}", failed.text);
    let text = log.text();
    let reported: Vec<&str> = text.lines().filter(|line| line.contains("request failed")).collect();
    assert_eq!(reported.len(), 1);
    assert!(reported[0].contains("scan_count") && reported[0].contains(failed.header("x-request-id")));
}

#[tokio::test]
async fn no_key_is_ever_logged() {
    let t = Test::new().await;
    let log = Log::begin();
    let caller = t.key("scans:create scans:list").made().await;
    let key = caller.key_text();
    caller.again().get("/scans").await.ok(200);
    caller.again().get("/engines").await.ok(200);
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "name": "x"});
    caller.again().header("idempotency-key", "k").post("/scans", body).await.ok(201);
    t.nobody().get(&format!("/scans?apiKey={key}")).await.is(401, "MISSING_API_KEY");
    t.nobody().get(&format!("/errors?{key}=1")).await.is(400, "UNKNOWN_PARAMETER");
    t.nobody().get(&format!("/nowhere/{key}")).await.is(404, "ROUTE_NOT_FOUND");
    t.nobody().get(&format!("/errors/{key}")).await.is(404, "ERROR_NOT_FOUND");
    t.nobody().header("authorization", &format!("Bearer {key}")).get("/scans").await.is(401, "MISSING_API_KEY");
    t.nobody().header("x-api-key", &format!("{key}x")).get("/scans").await.is(401, "INVALID_API_KEY");
    let text = log.text();
    assert!(text.contains("request answered"), "nothing was logged: {text}");
    assert!(!text.contains(&key[7..]), "the key is in the log");
}

#[tokio::test]
async fn a_full_write_queue_is_503_before_anything_is_written() {
    let t = Test::with(|config| config.database.write_queue = 1).await;
    let caller = t.key("scans:create").made().await;
    let body = || json!({"target": "127.0.0.1", "scanType": "sentinel"});
    let answers = futures::future::join_all((0..200).map(|_| caller.again().post("/scans", body()))).await;
    let (stored, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert!(!refused.is_empty(), "the queue never filled");
    for answer in refused {
        assert_eq!(answer.is(503, "SERVICE_UNAVAILABLE").header("retry-after"), "1");
    }
    assert_eq!(t.rows("scan").await, stored.len() as i64);
}

#[tokio::test]
async fn a_node_without_its_database_is_alive_and_not_ready() {
    let t = Test::new().await;
    t.app.store.close().await;
    t.nobody().get("/livez").await.ok(200);
    t.nobody().get("/readyz").await.is(503, "DATABASE_ERROR");
}
