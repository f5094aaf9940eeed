//! Live events: in order, from wherever the client stood, until the scan is over.

use crate::harness::{Caller, Test};
use crate::scans::{end, start, submit};
use axum::body::{Body, BodyDataStream};
use futures::StreamExt;
use http::Method;
use scanyard_contract::ScanStatus;
use scanyard_server::App;
use scanyard_server::config::Config;
use scanyard_server::store::job::{self, Beat};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const ALL: &str = "scans:create scans:read scans:cancel";

/// A stream of events that is being read.
struct Events {
    body: BodyDataStream,
    text: String,
}

/// An event, or a comment.
#[derive(Debug, PartialEq)]
struct Message {
    id: Option<u64>,
    event: Option<String>,
    data: Value,
    comment: Option<String>,
}

impl Events {
    async fn open(caller: &Caller<'_>, path: &str) -> Events {
        let (_, response) = caller.again().open(Method::GET, path, Body::empty()).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Events { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next message; none at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        while !self.text.contains("\n\n") {
            let more = tokio::time::timeout(Duration::from_secs(20), self.body.next()).await.expect("a silent stream");
            let Some(more) = more else {
                assert_eq!(self.text, "", "a message that is not whole");
                return None;
            };
            self.text.push_str(std::str::from_utf8(&more.unwrap()).unwrap());
        }
        let (message, rest) = self.text.split_once("\n\n").map(|(a, b)| (a.to_string(), b.to_string())).unwrap();
        self.text = rest;
        let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::to_string);
        if message.starts_with("retry: ") {
            return Box::pin(self.next()).await;
        }
        Some(Message {
            id: field("id: ").map(|id| id.parse().unwrap()),
            event: field("event: "),
            data: field("data: ").map_or(Value::Null, |data| serde_json::from_str(&data).unwrap()),
            comment: field(": "),
        })
    }

    /// Id, kind, status, progress and finality of the next event.
    async fn event(&mut self) -> (u64, String, String, u64, bool) {
        let message = self.next().await.expect("an event");
        let data = &message.data;
        assert_eq!(data["kind"], json!(message.event));
        (
            message.id.unwrap(),
            message.event.unwrap(),
            data["status"].as_str().unwrap().to_string(),
            data["progress"].as_u64().unwrap(),
            data["final"].as_bool().unwrap(),
        )
    }
}

fn event(id: u64, kind: &str, status: &str, progress: u64, is_final: bool) -> (u64, String, String, u64, bool) {
    (id, kind.to_string(), status.to_string(), progress, is_final)
}

/// A run's sign of life, as a worker gives it.
async fn beat(t: &Test, run: &scanyard_server::store::claim::Claimed, progress: u8) {
    let beats = vec![Beat { scan_id: run.scan.id, run_id: run.run_id, progress }];
    let now = t.app.store.local_now();
    t.app
        .store
        .write(move |conn| Box::pin(async move { job::heartbeat(conn, now, 30_000, &beats).await }))
        .await
        .unwrap();
    t.app.live.wake(run.scan.id);
}

#[tokio::test]
async fn a_scan_is_watched_from_the_queue_to_its_end() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await.header("accept", "text/event-stream");
    let id = submit(&caller.again().header("accept", "*/*")).await;
    let path = format!("/scans/{id}/events?scanType=sentinel");
    let mut events = Events::open(&caller, &path).await;
    let first = events.next().await.unwrap();
    assert_eq!(
        first.data,
        json!({"scanId": id, "kind": "status", "status": "queued", "progress": 0, "attempts": 0,
            "at": "2026-03-06T10:00:00Z", "final": false})
    );
    assert_eq!(first.id, Some(1));
    let run = start(&t).await;
    t.app.live.wake(run.scan.id);
    assert_eq!(events.event().await, event(2, "status", "running", 0, false));
    beat(&t, &run, 40).await;
    assert_eq!(events.event().await, event(3, "progress", "running", 40, false));
    // The same progress again is no event.
    beat(&t, &run, 40).await;
    beat(&t, &run, 80).await;
    assert_eq!(events.event().await, event(4, "progress", "running", 80, false));
    end(&t, &run, ScanStatus::Completed, vec![]).await;
    t.app.live.wake(run.scan.id);
    assert_eq!(events.event().await, event(5, "status", "completed", 100, true));
    assert_eq!(events.next().await, None);
    drop(events);
    assert_eq!(t.app.live.count(), 0);
    // Of progress the newest alone is kept.
    assert_eq!(t.rows("scan_event WHERE kind = 'progress'").await, 1);
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_that_was_seen() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let path = format!("/scans/{id}/events?scanType=sentinel");
    let run = start(&t).await;
    let mut behind_queued = Events::open(&caller.again().header("last-event-id", "1"), &path).await;
    assert_eq!(behind_queued.event().await, event(2, "status", "running", 0, false));
    end(&t, &run, ScanStatus::Failed, vec![]).await;
    let mut all = Events::open(&caller, &path).await;
    for (id, status) in [(1, "queued"), (2, "running")] {
        assert_eq!(all.event().await, event(id, "status", status, 0, false));
    }
    assert_eq!(all.event().await, event(3, "status", "failed", 0, true));
    assert_eq!(all.next().await, None);
    let mut rest = Events::open(&caller.again().header("last-event-id", "2"), &path).await;
    assert_eq!(rest.event().await, event(3, "status", "failed", 0, true));
    assert_eq!(rest.next().await, None);
    // An EventSource that has seen the end and comes again is told to stop.
    caller.again().header("last-event-id", "3").get(&path).await.ok(204);
    for id in ["x", "-1", "+1", "1.5", "99999999999999999999"] {
        caller.again().header("last-event-id", id).get(&path).await.is(400, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn a_cancelled_scan_is_over_when_it_is_sealed() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let run = start(&t).await;
    let mut events = Events::open(&caller, &format!("/scans/{id}/events?scanType=sentinel")).await;
    events.event().await;
    events.event().await;
    caller.again().post_text(&format!("/scans/{id}/cancel?scanType=sentinel"), "").await.ok(200);
    assert_eq!(events.event().await, event(3, "status", "cancelled", 0, false));
    end(&t, &run, ScanStatus::Completed, vec![]).await;
    t.app.live.wake(run.scan.id);
    assert_eq!(events.event().await, event(4, "status", "cancelled", 0, true));
    assert_eq!(events.next().await, None);
    let queued = submit(&caller).await;
    caller.again().post_text(&format!("/scans/{queued}/cancel?scanType=sentinel"), "").await.ok(200);
    let mut events = Events::open(&caller, &format!("/scans/{queued}/events?scanType=sentinel")).await;
    events.event().await;
    assert_eq!(events.event().await, event(2, "status", "cancelled", 0, true));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_scan_that_a_lost_worker_gives_back_is_queued_again() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    start(&t).await;
    t.pass(30_001);
    scanyard_server::worker::sweep_tick(&t.app).await.unwrap();
    let mut events = Events::open(&caller, &format!("/scans/{id}/events?scanType=sentinel")).await;
    events.event().await;
    events.event().await;
    let back = events.next().await.unwrap();
    assert_eq!((back.id, &back.data["status"], &back.data["attempts"]), (Some(3), &json!("queued"), &json!(1)));
}

#[tokio::test]
async fn what_happens_on_another_node_is_seen_without_a_wake() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let config = t.app.config.clone();
    let other = App::open(config, t.database.options.clock.clone(), CancellationToken::new()).await.unwrap();
    let mut events = Events::open(&caller, &format!("/scans/{id}/events?scanType=sentinel")).await;
    assert_eq!(events.event().await, event(1, "status", "queued", 0, false));
    let scan_id = id.parse().unwrap();
    let now = other.store.local_now();
    let cancel = other.store.write(move |conn| {
        Box::pin(async move {
            let tenant: String = sqlx::query_scalar("SELECT tenant_id FROM scan").fetch_one(&mut *conn).await?;
            job::cancel(conn, &tenant, scan_id, scanyard_contract::ScanType::Sentinel, now).await
        })
    });
    cancel.await.unwrap();
    assert_eq!(events.event().await, event(2, "status", "cancelled", 0, true));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_silent_stream_has_a_pulse_and_ends_when_the_node_goes_down() {
    let t = Test::with(|config: &mut Config| {
        config.http.event_heartbeat = Duration::from_millis(100);
        // A stream outlives the time of a request.
        config.http.request_timeout = Duration::from_millis(250);
    })
    .await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let mut events = Events::open(&caller, &format!("/scans/{id}/events?scanType=sentinel")).await;
    events.event().await;
    for _ in 0..4 {
        let pulse = events.next().await.unwrap();
        assert_eq!((pulse.comment.as_deref(), pulse.id), (Some("nothing new"), None));
    }
    t.app.draining.cancel();
    while let Some(message) = events.next().await {
        assert!(message.comment.is_some(), "{message:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked_or_its_scan_is_gone() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let path = format!("/scans/{id}/events?scanType=sentinel");
    let other = t.key(ALL).made().await;
    let mut events = Events::open(&other, &path).await;
    events.event().await;
    t.sql("DELETE FROM scan").await;
    assert_eq!(events.next().await, None);
    let id = submit(&caller).await;
    let mut events = Events::open(&caller, &format!("/scans/{id}/events?scanType=sentinel")).await;
    events.event().await;
    t.sql("UPDATE api_key SET status = 'revoked'").await;
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn streams_are_bounded_for_each_caller() {
    let t = Test::with(|config: &mut Config| config.http.max_event_streams = 2).await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let path = format!("/scans/{id}/events?scanType=sentinel");
    let (one, two) = (Events::open(&caller, &path).await, Events::open(&caller, &path).await);
    let refused = caller.again().get(&path).await;
    assert_eq!(refused.is(429, "TOO_MANY_STREAMS").header("retry-after"), "5");
    let other = Events::open(&t.key(ALL), &path).await;
    drop(one);
    let again = Events::open(&caller, &path).await;
    assert_eq!(t.app.live.count(), 3);
    drop((two, other, again));
    assert_eq!(t.app.live.count(), 0);
}

#[tokio::test]
async fn events_need_an_accept_that_takes_them() {
    let t = Test::new().await;
    let caller = t.key(ALL).made().await;
    let id = submit(&caller).await;
    let path = format!("/scans/{id}/events?scanType=sentinel");
    for accept in ["application/json", "text/plain"] {
        let refused = caller.again().header("accept", accept).get(&path).await;
        assert_eq!(refused.is(406, "NOT_ACCEPTABLE").details(), ["Accept: can be text/event-stream"]);
    }
    for accept in ["*/*", "text/*", "text/event-stream"] {
        Events::open(&caller.again().header("accept", accept), &path).await;
    }
    // What is wrong with the request comes as JSON.
    let missing = caller.again().header("accept", "text/event-stream").get(&format!("/scans/{id}/events")).await;
    assert_eq!(missing.is(404, "SCAN_NOT_FOUND").header("content-type"), "application/json");
    t.key("results:read").get(&path).await.is(403, "INSUFFICIENT_SCOPE");
}
