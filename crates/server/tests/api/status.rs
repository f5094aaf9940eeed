//! The state of the instance, and the bound on what waits.

use crate::harness::{Caller, Test};
use scanyard_server::worker::sweep_tick;
use serde_json::{Value, json};

async fn status(t: &Test) -> Value {
    t.nobody().get("/status").await.ok(200).data().clone()
}

async fn submit(caller: &Caller<'_>) -> crate::harness::Answer {
    caller.again().post("/scans", json!({"target": "127.0.0.1", "scanType": "sentinel"})).await
}

#[tokio::test]
async fn everybody_sees_how_each_part_works_and_since_when() {
    let t = Test::new().await;
    sweep_tick(&t.app).await.unwrap();
    let mut seen = status(&t).await;
    let start = "2026-03-06T10:00:00Z";
    let kafka = seen["queue"].as_object_mut().unwrap().remove("kafka");
    let nothing_waits = json!({"isReached": true, "undelivered": 0, "maxUndelivered": 100_000});
    assert_eq!(kafka, t.app.queue.kafka().map(|_| nothing_waits));
    assert_eq!(seen["status"], "ok");
    assert_eq!(seen["api"], json!({"status": "ok", "since": start}));
    assert_eq!(seen["database"], json!({"status": "ok", "since": start}));
    assert_eq!(seen["queue"], json!({"status": "ok", "since": start, "backlog": 0, "maxBacklog": 100_000}));
    assert_eq!(
        seen["workers"],
        json!({"status": "ok", "since": start, "processes": 1, "capacity": 4, "running": 0,
        "labels": [{"label": "default", "processes": 1, "capacity": 4, "engines": seen["engines"]["available"]}]})
    );
    assert!(seen["engines"]["available"].as_array().unwrap().contains(&json!("sentinel")));
    let both = [&seen["engines"]["available"], &seen["engines"]["unavailable"]].map(|e| e.as_array().unwrap().len());
    assert_eq!(both[0] + both[1], 10);
    t.nobody().get("/status?part=api").await.is(400, "UNKNOWN_PARAMETER");
}

#[tokio::test]
async fn workers_that_fall_silent_are_down_from_then_on() {
    let t = Test::new().await;
    sweep_tick(&t.app).await.unwrap();
    assert_eq!(status(&t).await["workers"]["status"], "ok");
    t.pass(15_000);
    let silent = status(&t).await;
    assert_eq!((&silent["status"], &silent["workers"]["status"]), (&json!("degraded"), &json!("down")));
    assert_eq!(silent["workers"]["since"], "2026-03-06T10:00:15Z");
    assert_eq!(silent["workers"]["processes"], 0);
    t.pass(60_000);
    assert_eq!(status(&t).await["workers"]["since"], "2026-03-06T10:00:15Z", "it has been so since then");
    sweep_tick(&t.app).await.unwrap();
    t.pass(1_000);
    assert_eq!(status(&t).await["workers"]["since"], "2026-03-06T10:01:16Z");
}

#[tokio::test]
async fn a_node_that_runs_no_scans_is_no_worker() {
    let t = Test::with(|config| config.worker.concurrency = 0).await;
    sweep_tick(&t.app).await.unwrap();
    assert_eq!(status(&t).await["workers"]["status"], "down");
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_while_everything_else_is_503() {
    let t = Test::new().await;
    let caller = t.key("scans:list").made().await;
    assert_eq!(status(&t).await["database"]["status"], "ok");
    t.app.store.close().await;
    t.pass(1_000);
    let refused = caller.get("/scans").await;
    refused.is(503, "DATABASE_ERROR");
    let pointer = "status: GET /api/v1/status says which part of the server is affected and since when";
    assert_eq!(refused.details(), [pointer]);
    let seen = status(&t).await;
    assert_eq!((&seen["status"], &seen["database"]["status"]), (&json!("down"), &json!("down")));
    assert_eq!(seen["database"]["since"], "2026-03-06T10:00:01Z");
    assert_eq!((&seen["queue"]["status"], seen["queue"].get("backlog")), (&json!("degraded"), None));
}

#[tokio::test]
async fn engines_of_other_nodes_are_not_known_without_the_database() {
    let t = Test::with(|config| config.worker.concurrency = 0).await;
    assert_eq!(status(&t).await["engines"]["status"], "down", "nobody runs scans");
    t.app.store.close().await;
    t.pass(1_000);
    let engines = &status(&t).await["engines"];
    assert_eq!(engines["status"], "degraded");
    assert_eq!(engines["reason"], "those of other nodes are not known while the database does not answer");
}

#[tokio::test]
async fn a_node_that_stops_still_says_so() {
    let t = Test::new().await;
    t.app.draining.cancel();
    let refused = t.key("scans:list").get("/scans").await;
    assert!(refused.is(503, "SERVICE_UNAVAILABLE").details()[0].contains("/status"), "{}", refused.text);
    assert_eq!(status(&t).await["api"]["status"], "degraded");
}

#[tokio::test]
async fn no_more_scans_are_taken_than_may_wait() {
    let t = Test::with(|config| config.queue.max_backlog = 5).await;
    let caller = t.key("scans:create scans:cancel").made().await;
    // Requests that come together before the first count each count, and may count one another twice.
    assert_eq!(t.app.backlog.count(&t.app.store).await.unwrap(), 0);
    let answers = futures::future::join_all((0..20).map(|_| submit(&caller))).await;
    let taken: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(taken.len(), 5);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.is(503, "SERVICE_UNAVAILABLE");
        assert_eq!(refused.header("retry-after"), "5");
        assert_eq!(refused.details()[0], "queue: 5 scans wait already, as many as this server takes");
    }
    assert_eq!(t.rows("scan").await, 5);
    let full = status(&t).await;
    assert_eq!((&full["status"], &full["queue"]["status"]), (&json!("degraded"), &json!("down")));
    assert_eq!(full["queue"]["backlog"], 5);
    let id = taken[0].data()["id"].as_str().unwrap();
    caller.again().post_text(&format!("/scans/{id}/cancel?scanType=sentinel"), "").await.ok(200);
    t.pass(1_000);
    assert_eq!(status(&t).await["queue"]["status"], "degraded", "it is nearly full");
    submit(&caller).await.ok(201);
    submit(&caller).await.is(503, "SERVICE_UNAVAILABLE");
}

#[tokio::test]
async fn a_repeat_is_answered_however_many_wait() {
    let t = Test::with(|config| config.queue.max_backlog = 1).await;
    let caller = t.key("scans:create").header("idempotency-key", "k").made().await;
    let first = submit(&caller).await;
    let again = submit(&caller).await;
    assert_eq!(again.ok(201).data(), first.ok(201).data());
    submit(&caller.header("idempotency-key", "l")).await.is(503, "SERVICE_UNAVAILABLE");
    assert_eq!(t.rows("idempotency").await, 1);
}
