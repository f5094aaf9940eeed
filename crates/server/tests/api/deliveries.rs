//! What receivers are told, how often, and what comes of it. Time is the test's: each `tick` sends what is due.

use crate::harness::Test;
use crate::hooked::{Hooked, path};
use crate::receiver::{Receiver, Reply};
use scanyard_contract::ScanStatus;
use scanyard_server::store::{job, outbox};
use scanyard_server::webhook::deliver;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600_000;

/// Checks a call's signatures with the library of Standard Webhooks and by hand.
fn is_signed(call: &crate::receiver::Call, secret: &str) -> bool {
    let oracle = standardwebhooks::Webhook::new(secret).unwrap();
    let at = call.header("webhook-timestamp").parse().unwrap();
    let standard = oracle.sign(call.header("webhook-id"), at, call.body.as_bytes()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = ring::hmac::sign(&key, call.body.as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    call.header("webhook-signature") == standard && call.header("x-certix-signature") == format!("sha256={hex}")
}

/// Holds a payload against its schema in the OpenAPI document.
fn check_schema(t: &Test, payload: &Value) {
    let event = payload["event"].as_str().unwrap();
    let declared = &t.document["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert!(declared["$ref"].is_string(), "{event}: {declared}");
    let mut root = declared.clone();
    root["components"] = t.document["components"].clone();
    let faults: Vec<String> =
        jsonschema::validator_for(&root).unwrap().iter_errors(payload).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?} in {payload}");
}

#[tokio::test]
async fn the_end_of_a_scan_is_told_and_signed() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    let scan = h.scan(ScanStatus::Completed).await;
    assert_eq!(h.tick().await, 1);
    let call = h.receiver.last();
    assert!(is_signed(&call, webhook["secret"].as_str().unwrap()));
    assert_eq!((call.path.as_str(), call.header("content-type")), ("/hook", "application/json"));
    assert_eq!((call.header("x-certix-event"), call.header("webhook-timestamp")), ("scan.completed", "1772791200"));
    assert_eq!(call.header("x-certix-timestamp"), "1772791200");
    assert!(call.header("user-agent").starts_with("Scanyard/"));
    let payload = call.json();
    check_schema(&h.t, &payload);
    assert!(payload["id"].as_str().unwrap().starts_with("evt-"));
    assert_eq!((&payload["apiVersion"], &payload["timestamp"]), (&json!(1), &json!("2026-03-06T10:00:00Z")));
    let data = &payload["data"];
    assert_eq!((&data["scanId"], &data["scanType"]), (&scan["id"], &json!("sentinel")));
    assert_eq!(
        (&data["target"], &data["status"], &data["tags"]),
        (&json!("127.0.0.1"), &json!("completed"), &json!(["ci"]))
    );
    assert_eq!(data["resultSummary"]["total"], 0);

    let delivery = h.deliveries(&webhook).await.remove(0);
    assert_eq!((&delivery["status"], &delivery["scanId"]), (&json!("delivered"), &scan["id"]));
    assert_eq!(
        (call.header("webhook-id"), call.header("x-certix-delivery")),
        (delivery["id"].as_str().unwrap(), delivery["id"].as_str().unwrap())
    );
    let delivery = h.delivery(&webhook, &delivery).await;
    assert_eq!((&delivery["payload"], &delivery["attempts"][0]["statusCode"]), (&payload, &json!(200)));
    assert_eq!(h.tick().await, 0, "what is delivered is not sent again");
}

#[tokio::test]
async fn a_failed_scan_tells_why() {
    let h = Hooked::new().await;
    h.webhook("scan.failed").await;
    h.scan(ScanStatus::Failed).await;
    h.tick().await;
    let payload = h.receiver.last().json();
    check_schema(&h.t, &payload);
    assert_eq!(
        (&payload["event"], &payload["data"]["failure"]["reason"]),
        (&json!("scan.failed"), &json!("target_unreachable"))
    );
}

#[tokio::test]
async fn a_start_is_told_once_however_often_the_scan_begins() {
    let h = Hooked::new().await;
    h.webhook("scan.started").await;
    h.submit().await;
    let run = h.claim().await;
    assert_eq!(h.tick().await, 1);
    check_schema(&h.t, &h.receiver.last().json());
    assert_eq!(h.receiver.last().json()["data"]["status"], "running");
    let back = (run.scan.id, run.run_id);
    let now = h.t.app.store.now().await.unwrap();
    h.t.app.store.write(move |conn| Box::pin(async move { job::give_back(conn, now, &[back]).await })).await.unwrap();
    h.claim().await;
    assert_eq!((h.tick().await, h.receiver.calls().len()), (0, 1));
}

#[tokio::test]
async fn a_webhook_is_told_what_it_asked_for_and_no_more() {
    let h = Hooked::new().await;
    let all = h.webhook("scan.started scan.completed scan.failed scan.cancelled").await;
    let failed = h.webhook("scan.failed").await;
    h.scan(ScanStatus::Completed).await;
    h.scan(ScanStatus::Failed).await;
    let events = |deliveries: Vec<Value>| -> Vec<String> {
        deliveries.iter().rev().map(|delivery| delivery["event"].as_str().unwrap().to_string()).collect()
    };
    let expected = ["scan.started", "scan.completed", "scan.started", "scan.failed"];
    assert_eq!(events(h.deliveries(&all).await), expected);
    assert_eq!(events(h.deliveries(&failed).await), ["scan.failed"]);
    // One event, two receivers: one event id, two delivery ids.
    let id = |webhook: &Value| {
        let (h, webhook) = (&h, webhook.clone());
        async move {
            let delivery = h.deliveries(&webhook).await.remove(0);
            h.delivery(&webhook, &delivery).await["payload"]["id"].clone()
        }
    };
    assert_eq!(id(&all).await, id(&failed).await);
}

#[tokio::test]
async fn another_tenants_scans_are_not_told() {
    let h = Hooked::new().await;
    h.webhook("scan.started scan.completed").await;
    h.t.sql("UPDATE webhook SET tenant_id = 'other'").await;
    h.scan(ScanStatus::Completed).await;
    assert_eq!((h.t.rows("delivery").await, h.t.rows("outbox").await), (0, 0));
}

#[tokio::test]
async fn a_cancelled_scan_is_told_when_it_is_sealed() {
    let h = Hooked::new().await;
    h.webhook("scan.cancelled").await;
    let cancel = |scan: &Value| format!("/scans/{}/cancel?scanType=sentinel", scan["id"].as_str().unwrap());
    let queued = h.submit().await;
    h.caller().post_text(&cancel(&queued), "").await.ok(200);
    assert_eq!(h.t.rows("outbox").await, 1, "nothing ran: it is sealed at once");
    let running = h.submit().await;
    let run = h.claim().await;
    h.caller().post_text(&cancel(&running), "").await.ok(200);
    assert_eq!(h.t.rows("outbox").await, 1);
    assert!(h.finish(&run, ScanStatus::Completed).await);
    assert_eq!(h.t.rows("outbox").await, 2);
    // Its worker was lost after the cancel.
    let lost = h.submit().await;
    h.claim().await;
    h.caller().post_text(&cancel(&lost), "").await.ok(200);
    h.t.pass(31 * SECOND);
    let now = h.t.app.store.now().await.unwrap();
    h.t.app.store.write(move |conn| Box::pin(async move { job::sweep(conn, now).await })).await.unwrap();
    assert_eq!(h.tick().await, 3);
    let told: BTreeSet<String> =
        h.receiver.calls().iter().map(|call| call.json()["data"]["scanId"].to_string()).collect();
    assert_eq!(told, [queued, running, lost].iter().map(|scan| scan["id"].to_string()).collect());
    for call in h.receiver.calls() {
        check_schema(&h.t, &call.json());
        assert_eq!(call.json()["data"]["status"], "cancelled");
    }
}

#[tokio::test]
async fn a_scan_that_was_lost_too_often_is_told_as_failed() {
    let h = Hooked::new().await;
    h.webhook("scan.failed").await;
    h.submit().await;
    h.claim().await;
    h.t.sql("UPDATE job SET lost = 10").await;
    h.t.pass(31 * SECOND);
    let now = h.t.app.store.now().await.unwrap();
    h.t.app.store.write(move |conn| Box::pin(async move { job::sweep(conn, now).await })).await.unwrap();
    h.tick().await;
    assert_eq!(h.receiver.last().json()["data"]["failure"]["reason"], "worker_lost");
}

#[tokio::test]
async fn a_run_that_lost_its_scan_tells_nobody() {
    let h = Hooked::new().await;
    h.webhook("scan.completed scan.failed").await;
    h.submit().await;
    let run = h.claim().await;
    h.t.pass(31 * SECOND);
    assert!(!h.finish(&run, ScanStatus::Completed).await);
    assert_eq!(h.t.rows("delivery").await, 0);
}

#[tokio::test]
async fn a_callback_is_called_once_for_each_end_and_not_signed() {
    let h = Hooked::new().await;
    for status in [ScanStatus::Completed, ScanStatus::Failed] {
        let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "callbackUrl": h.receiver.url()});
        let scan = h.submit_with(body).await;
        assert_eq!(scan["callbackUrl"], h.receiver.url());
        let run = h.claim().await;
        assert_eq!(h.tick().await, 0, "a start is not told");
        assert!(h.finish(&run, status).await);
        assert_eq!((h.tick().await, h.tick().await), (1, 0));
        let call = h.receiver.last();
        check_schema(&h.t, &call.json());
        assert_eq!(call.json()["data"]["scanId"], scan["id"]);
        assert_eq!(call.json()["data"]["status"], status.as_str());
        assert_eq!((call.header("webhook-signature"), call.header("x-certix-signature")), ("", ""));
        assert!(call.header("webhook-id").starts_with("dlv-"));
    }
    assert_eq!(h.receiver.calls().len(), 2);
}

#[tokio::test]
async fn a_callback_is_tried_again_like_a_webhook() {
    let h = Hooked::new().await;
    h.receiver.replies(Reply::Status(503));
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "callbackUrl": h.receiver.url()});
    h.submit_with(body).await;
    let run = h.claim().await;
    h.finish(&run, ScanStatus::Completed).await;
    assert_eq!(h.tick().await, 1);
    h.receiver.replies(Reply::Status(204));
    h.t.pass(6 * SECOND);
    assert_eq!(h.tick().await, 1);
    assert_eq!(h.receiver.calls()[0].body, h.receiver.calls()[1].body);
    h.t.pass(100 * HOUR);
    assert_eq!(h.tick().await, 0);
}

#[tokio::test]
async fn a_callback_that_is_not_https_or_leads_inside_is_refused() {
    let h = Hooked::new().await;
    for (url, code) in [
        ("http://127.0.0.1/", "INVALID_WEBHOOK_URL"),
        ("127.0.0.1", "INVALID_WEBHOOK_URL"),
        ("https://169.254.169.254/", "WEBHOOK_URL_UNREACHABLE"),
        ("https://10.0.0.1/", "WEBHOOK_URL_UNREACHABLE"),
    ] {
        let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "callbackUrl": url});
        h.caller().post("/scans", body).await.is(400, code);
    }
}

#[tokio::test]
async fn a_failing_receiver_is_tried_at_the_pauses_of_the_table() {
    let h = Hooked::with(|config| config.webhooks.disable_after = 100).await;
    let webhook = h.webhook("scan.completed").await;
    h.receiver.replies(Reply::Status(500));
    h.scan(ScanStatus::Completed).await;
    assert_eq!(h.tick().await, 1);
    for pause in [5 * SECOND, 300 * SECOND, 1_800 * SECOND, 2 * HOUR, 5 * HOUR, 10 * HOUR] {
        let delivery = h.deliveries(&webhook).await.remove(0);
        assert_eq!(delivery["status"], "pending");
        assert!(delivery["nextAttemptAt"].is_string());
        h.t.pass(pause - SECOND);
        assert_eq!(h.tick().await, 0, "{pause} ms: too early");
        h.t.pass(SECOND + pause / 10);
        assert_eq!(h.tick().await, 1, "{pause} ms");
    }
    let delivery = h.deliveries(&webhook).await.remove(0);
    assert_eq!((&delivery["status"], &delivery["attemptCount"]), (&json!("failed"), &json!(7)));
    assert_eq!((delivery.get("nextAttemptAt"), delivery["endedAt"].is_string()), (None, true));
    h.t.pass(100 * HOUR);
    assert_eq!((h.tick().await, h.t.rows("outbox").await), (0, 0));
    let calls = h.receiver.calls();
    let ids: BTreeSet<&str> = calls.iter().map(|call| call.header("webhook-id")).collect();
    let times: BTreeSet<&str> = calls.iter().map(|call| call.header("webhook-timestamp")).collect();
    let bodies: BTreeSet<&str> = calls.iter().map(|call| call.body.as_str()).collect();
    assert_eq!((ids.len(), times.len(), bodies.len()), (1, 7, 1));
    let attempts = h.delivery(&webhook, &delivery).await["attempts"].clone();
    let numbers: Vec<u64> = attempts.as_array().unwrap().iter().map(|a| a["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    assert!(calls.iter().all(|call| is_signed(call, webhook["secret"].as_str().unwrap())));
}

#[tokio::test]
async fn a_webhook_is_unhealthy_first_and_disabled_after_ten_failures_in_a_row() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.receiver.replies(Reply::Status(500));
    for failures in 1..=10 {
        let before = h.shown(&webhook).await;
        assert_eq!(before["isActive"], true, "{failures}");
        h.scan(ScanStatus::Completed).await;
        // An unhealthy webhook gets one call at a time; those of earlier scans wait for their pauses.
        assert_eq!(h.tick().await, 1, "{failures}");
        let shown = h.shown(&webhook).await;
        assert_eq!((&shown["isHealthy"], &shown["consecutiveFailures"]), (&json!(false), &json!(failures)));
    }
    let shown = h.shown(&webhook).await;
    assert_eq!((&shown["isActive"], &shown["disabledReason"]), (&json!(false), &json!("failures")));
    let refused = h.post(&webhook, "test", json!({})).await;
    assert!(refused.is(409, "WEBHOOK_DISABLED").details()[0].contains("10 attempts in a row failed"));
    let record: (String, String, String) =
        sqlx::query_as("SELECT actor_id, action, details FROM audit WHERE resource_id = $1 ORDER BY id DESC LIMIT 1")
            .bind(webhook["id"].as_str().unwrap())
            .fetch_one(&mut *h.t.app.store.read().await.unwrap())
            .await
            .unwrap();
    assert_eq!(record, ("system".into(), "webhook.disabled".into(), r#"{"reason":"failures"}"#.into()));
    assert!(h.t.app.metrics.render().contains(r#"scanyard_webhooks_disabled_total{reason="failures"}"#));

    // What was pending waits, and goes on when it is enabled again.
    h.t.pass(100 * HOUR);
    assert_eq!(h.tick().await, 0);
    assert!(h.deliveries(&webhook).await.iter().all(|d| d["status"] == "pending" && d.get("nextAttemptAt").is_none()));
    h.receiver.replies(Reply::Status(200));
    let on = h.patch(&webhook, json!({"isActive": true})).await;
    assert_eq!((&on.ok(200).data()["isHealthy"], &on.data()["consecutiveFailures"]), (&json!(true), &json!(0)));
    while h.tick().await > 0 {}
    assert!(h.deliveries(&webhook).await.iter().all(|delivery| delivery["status"] == "delivered"));
}

#[tokio::test]
async fn a_success_ends_the_streak() {
    let h = Hooked::with(|config| config.webhooks.disable_after = 3).await;
    let webhook = h.webhook("scan.completed").await;
    for reply in [500, 500, 200, 500, 500] {
        h.receiver.replies(Reply::Status(reply));
        h.scan(ScanStatus::Completed).await;
        assert_eq!(h.tick().await, 1);
    }
    let shown = h.shown(&webhook).await;
    assert_eq!((&shown["isActive"], &shown["consecutiveFailures"]), (&json!(true), &json!(2)));
}

#[tokio::test]
async fn an_answer_of_410_disables_at_once() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.receiver.replies(Reply::Status(410));
    h.scan(ScanStatus::Completed).await;
    h.tick().await;
    let shown = h.shown(&webhook).await;
    assert_eq!((&shown["isActive"], &shown["disabledReason"]), (&json!(false), &json!("gone")));
    assert_eq!(h.deliveries(&webhook).await[0]["status"], "failed");
}

#[tokio::test]
async fn what_is_not_2xx_is_a_failure_and_a_redirect_is_not_followed() {
    let h = Hooked::with(|config| config.webhooks.timeout = Duration::from_millis(300)).await;
    let webhook = h.webhook("scan.completed").await;
    for (reply, status, error) in [
        (Reply::Redirect, json!(302), "answered 302: redirects are not followed"),
        (Reply::Status(404), json!(404), "answered 404"),
        (Reply::Hang, Value::Null, "no answer within 300 ms"),
        (Reply::Close, Value::Null, "no whole answer"),
    ] {
        h.receiver.replies(reply);
        let tested = h.post(&webhook, "test", json!({})).await;
        let attempt = &tested.ok(200).data()["attempts"][0];
        assert_eq!(attempt["statusCode"], status, "{reply:?}");
        assert!(attempt["error"].as_str().unwrap().starts_with(error), "{reply:?}: {attempt}");
    }
    assert!(h.receiver.calls().iter().all(|call| call.path == "/hook"));
}

#[tokio::test]
async fn of_a_body_only_the_beginning_is_read() {
    let h = Hooked::with(|config| config.webhooks.timeout = Duration::from_secs(5)).await;
    let webhook = h.webhook("scan.completed").await;
    for (reply, excerpt) in [(Reply::Endless, "x".repeat(1024)), (Reply::HalfBody, "half".to_string())] {
        h.receiver.replies(reply);
        let tested = h.post(&webhook, "test", json!({})).await;
        let data = tested.ok(200).data();
        assert_eq!((&data["status"], &data["attempts"][0]["responseExcerpt"]), (&json!("delivered"), &json!(excerpt)));
    }
}

#[tokio::test]
async fn a_slow_receiver_holds_nobody_up() {
    let h = Hooked::with(|config| {
        config.webhooks.per_webhook = 2;
        config.webhooks.concurrency = 16;
    });
    let h = h.await;
    let slow = h.webhook("scan.completed").await;
    h.receiver.replies(Reply::Hang);
    for _ in 0..20 {
        h.scan(ScanStatus::Completed).await;
    }
    let quick = Receiver::new().await;
    let webhook = h.webhook_at(&quick.url(), "scan.completed").await;
    h.scan(ScanStatus::Completed).await;
    let mut flights = tokio::task::JoinSet::new();
    assert_eq!(deliver::tick(&h.t.app, &mut flights).await.unwrap(), 3, "two of the slow one's, one of the other's");
    flights.join_next().await.unwrap().unwrap();
    assert_eq!(h.deliveries(&webhook).await[0]["status"], "delivered");
    assert_eq!(deliver::tick(&h.t.app, &mut flights).await.unwrap(), 0, "the slow one has its two places");
    assert_eq!(h.deliveries(&slow).await[0]["status"], "pending");
}

#[tokio::test]
async fn a_tenant_has_a_part_of_the_places() {
    let h = Hooked::with(|config| {
        config.webhooks.per_webhook = 1;
        config.webhooks.concurrency = 8;
    });
    let h = h.await;
    h.receiver.replies(Reply::Hang);
    for _ in 0..6 {
        h.webhook("scan.completed").await;
    }
    h.scan(ScanStatus::Completed).await;
    let mut flights = tokio::task::JoinSet::new();
    assert_eq!(deliver::tick(&h.t.app, &mut flights).await.unwrap(), 2, "a quarter of eight");
    assert_eq!(deliver::tick(&h.t.app, &mut flights).await.unwrap(), 0);
}

#[tokio::test]
async fn what_a_lost_process_had_claimed_is_sent_by_another() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.scan(ScanStatus::Completed).await;
    h.receiver.replies(Reply::Hang);
    let mut flights = tokio::task::JoinSet::new();
    assert_eq!(deliver::tick(&h.t.app, &mut flights).await.unwrap(), 1);
    flights.shutdown().await;
    assert!(h.deliveries(&webhook).await[0].get("nextAttemptAt").is_none(), "it is being sent");
    h.receiver.replies(Reply::Status(200));
    assert_eq!(h.tick().await, 0, "its claim holds");
    h.t.pass(31 * SECOND);
    assert_eq!(h.tick().await, 1);
    let ids: BTreeSet<String> = h.receiver.calls().iter().map(|call| call.header("webhook-id").to_string()).collect();
    assert_eq!((ids.len(), &h.deliveries(&webhook).await[0]["status"]), (1, &json!("delivered")));
}

#[tokio::test]
async fn a_process_that_starts_ends_the_claims_of_the_one_before() {
    let h = Hooked::new().await;
    h.webhook("scan.completed").await;
    h.scan(ScanStatus::Completed).await;
    let store = &h.t.app.store;
    let lanes = outbox::lanes(&mut store.read().await.unwrap(), store.now().await.unwrap(), 10).await.unwrap();
    let (now, room) = (store.now().await.unwrap(), vec![(lanes[0].id.clone(), 1)]);
    let claimed = store.write(move |conn| Box::pin(async move { outbox::claim(conn, now, 30_000, &room).await }));
    assert_eq!(claimed.await.unwrap().len(), 1);
    assert_eq!(h.tick().await, 0);
    store.write(|conn| Box::pin(async move { outbox::end_all_leases(conn).await })).await.unwrap();
    assert_eq!(h.tick().await, 1);
}

#[tokio::test]
async fn a_stop_gives_back_what_it_was_sending() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.receiver.replies(Reply::Hang);
    h.scan(ScanStatus::Completed).await;
    let sending = tokio::spawn(deliver::deliver(h.t.app.clone()));
    while h.receiver.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    h.t.app.draining.cancel();
    sending.await.unwrap();
    let pending: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE claim IS NULL AND lane = $1")
        .bind(webhook["id"].as_str().unwrap())
        .fetch_one(&mut *h.t.app.store.read().await.unwrap())
        .await
        .unwrap();
    assert_eq!(pending, 1);
}

#[tokio::test]
async fn the_loop_sends_without_being_asked() {
    let h = Hooked::new().await;
    h.webhook("scan.completed").await;
    let sending = tokio::spawn(deliver::deliver(h.t.app.clone()));
    h.scan(ScanStatus::Completed).await;
    h.t.app.webhooks.hint();
    while h.receiver.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    h.t.app.draining.cancel();
    sending.await.unwrap();
    assert_eq!(h.t.rows("outbox").await, 0);
}

#[tokio::test]
async fn a_delivery_is_sent_again_with_its_id_and_its_body() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.scan(ScanStatus::Completed).await;
    h.tick().await;
    let delivery = h.deliveries(&webhook).await.remove(0);
    let again = format!("deliveries/{}/redeliver", delivery["id"].as_str().unwrap());
    let redelivered = h.post(&webhook, &again, json!({})).await;
    assert_eq!(
        (&redelivered.ok(200).data()["status"], &redelivered.data()["attemptCount"]),
        (&json!("pending"), &json!(1))
    );
    assert_eq!(h.tick().await, 1);
    let [first, second] = &h.receiver.calls()[..] else { panic!("two calls") };
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    let delivery = h.delivery(&webhook, &delivery).await;
    assert_eq!((&delivery["status"], &delivery["attemptCount"]), (&json!("delivered"), &json!(2)));

    let none = "deliveries/dlv-019bc000-0000-7000-8000-000000000000";
    h.post(&webhook, &format!("{none}/redeliver"), json!({})).await.is(404, "DELIVERY_NOT_FOUND");
    h.caller().get(&format!("{}/{none}", path(&webhook))).await.is(404, "DELIVERY_NOT_FOUND");
    let other = h.webhook("scan.failed").await;
    h.post(&other, &again, json!({})).await.is(404, "DELIVERY_NOT_FOUND");
}

#[tokio::test]
async fn what_failed_since_a_time_is_sent_again() {
    let h = Hooked::with(|config| config.webhooks.retries = Vec::new()).await;
    let webhook = h.webhook("scan.completed").await;
    h.receiver.replies(Reply::Status(500));
    for _ in 0..3 {
        h.scan(ScanStatus::Completed).await;
        h.tick().await;
        h.t.pass(HOUR);
    }
    h.receiver.replies(Reply::Status(200));
    h.scan(ScanStatus::Completed).await;
    h.tick().await;
    let redelivered = h.post(&webhook, "redeliver", json!({"since": "2026-03-06T11:00:00Z"})).await;
    assert_eq!(redelivered.ok(200).data()["redelivered"], 2);
    while h.tick().await > 0 {}
    assert_eq!(h.receiver.calls().len(), 6);
    let statuses: Vec<Value> = h.deliveries(&webhook).await.iter().map(|d| d["status"].clone()).collect();
    assert_eq!(statuses, ["delivered", "delivered", "delivered", "failed"]);
    h.post(&webhook, "redeliver", json!({})).await.is(400, "MISSING_REQUIRED_FIELD");
    h.post(&webhook, "redeliver", json!({"since": "yesterday"})).await.is(400, "INVALID_FIELD_VALUE");
}

#[tokio::test]
async fn a_list_of_deliveries_is_filtered_and_paged() {
    let h = Hooked::with(|config| config.webhooks.retries = Vec::new()).await;
    let webhook = h.webhook("scan.completed").await;
    for reply in [200, 500, 200] {
        h.receiver.replies(Reply::Status(reply));
        h.scan(ScanStatus::Completed).await;
        h.tick().await;
    }
    h.scan(ScanStatus::Completed).await;
    let caller = h.caller().made().await;
    let at = format!("{}/deliveries", path(&webhook));
    for (status, total) in [("pending", 1), ("delivered", 2), ("failed", 1)] {
        let listed = caller.again().get(&format!("{at}?status={status}")).await;
        assert_eq!(listed.ok(200).body["pagination"]["total"], total);
        assert!(listed.data().as_array().unwrap().iter().all(|delivery| delivery["status"] == status));
    }
    let first = caller.again().get(&format!("{at}?limit=3")).await;
    let cursor = first.ok(200).body["pagination"]["nextCursor"].as_str().unwrap().to_string();
    let rest = caller.again().get(&format!("{at}?limit=3&cursor={cursor}")).await;
    assert_eq!((rest.ok(200).data().as_array().unwrap().len(), &rest.body["pagination"]["total"]), (1, &json!(4)));
    caller.again().get(&format!("{at}?status=lost")).await.is(400, "INVALID_PARAMETER");
    caller.get(&format!("{at}?cursor=wh-1")).await.is(400, "INVALID_PARAMETER");
}

#[tokio::test]
async fn old_deliveries_are_forgotten() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.scan(ScanStatus::Completed).await;
    h.tick().await;
    h.t.pass(719 * HOUR);
    h.scan(ScanStatus::Completed).await;
    deliver::sweep_tick(&h.t.app).await.unwrap();
    assert_eq!(h.deliveries(&webhook).await.len(), 2);
    h.t.pass(2 * HOUR);
    deliver::sweep_tick(&h.t.app).await.unwrap();
    assert_eq!(h.deliveries(&webhook).await.len(), 1);
    assert_eq!((h.t.rows("delivery_attempt").await, h.t.rows("outbox").await), (0, 1));
}

#[tokio::test]
async fn a_secret_that_cannot_be_opened_is_a_failure_that_says_what_to_do() {
    let h = Hooked::new().await;
    let webhook = h.webhook("scan.completed").await;
    h.t.sql("UPDATE webhook SET secret = 'broken'").await;
    let tested = h.post(&webhook, "test", json!({})).await;
    assert_eq!(
        tested.ok(200).data()["attempts"][0]["error"],
        "the server could not read the webhook's secret: rotate it"
    );
    assert!(h.receiver.calls().is_empty());
    h.post(&webhook, "rotate-secret", json!({"overlapSeconds": 0})).await.ok(200);
    assert_eq!(h.post(&webhook, "test", json!({})).await.ok(200).data()["status"], "delivered");
}
