//! Labels of workers, and who runs what.

use crate::harness::{Caller, Test};
use scanyard_contract::ScanType;
use scanyard_server::store::worker::{self, WorkerRecord};
use serde_json::{Value, json};
use uuid::Uuid;

const KEY: &str = "scans:create scans:read scans:list templates:create templates:read templates:update";

fn body(label: &str) -> Value {
    json!({"target": "127.0.0.1", "scanType": "sentinel", "workerLabel": label})
}

/// Has another node's worker give a sign of life.
async fn worker(t: &Test, labels: &[&str], engines: Option<&[ScanType]>) -> Uuid {
    let id = Uuid::now_v7();
    let record = WorkerRecord {
        id,
        name: "elsewhere:1".into(),
        seen_at: t.app.store.local_now(),
        concurrency: 2,
        labels: labels.iter().map(|label| label.to_string()).collect(),
        engines: engines.map(|engines| engines.iter().map(|engine| (*engine, Some("1.2".to_string()))).collect()),
    };
    t.app.store.write(move |conn| Box::pin(async move { worker::seen(conn, &record).await })).await.unwrap();
    id
}

/// A node that runs nothing itself.
async fn api_alone() -> Test {
    Test::with(|config| config.worker.concurrency = 0).await
}

async fn engine(caller: &Caller<'_>, scan_type: &str) -> Value {
    let listed = caller.again().get("/engines").await;
    listed.ok(200).data().as_array().unwrap().iter().find(|engine| engine["scanType"] == scan_type).unwrap().clone()
}

#[tokio::test]
async fn a_scan_shows_its_label_which_is_default_when_it_says_none() {
    let t = Test::with(|config| config.worker.labels = vec!["default".into(), "dmz".into()]).await;
    let caller = t.key(KEY).made().await;
    let named = caller.again().post("/scans", body("dmz")).await;
    assert_eq!(named.ok(201).data()["workerLabel"], "dmz");
    let plain = caller.again().post("/scans", json!({"target": "127.0.0.1", "scanType": "sentinel"})).await;
    assert_eq!(plain.ok(201).data()["workerLabel"], "default");
    let id = named.data()["id"].as_str().unwrap();
    let read = caller.again().get(&format!("/scans/{id}?scanType=sentinel")).await;
    assert_eq!(read.ok(200).data()["workerLabel"], "dmz");
    let listed = caller.get("/scans").await;
    let labels: Vec<&Value> =
        listed.ok(200).data().as_array().unwrap().iter().map(|scan| &scan["workerLabel"]).collect();
    assert_eq!(labels, ["default", "dmz"]);
}

#[tokio::test]
async fn a_label_is_of_few_characters() {
    let t = Test::new().await;
    let caller = t.key(KEY).made().await;
    for label in ["", "DMZ", "a_b", "a b", "\u{e4}", &"a".repeat(33)] {
        let refused = caller.again().post("/scans", body(label)).await;
        refused.is(400, "INVALID_FIELD_VALUE");
        assert!(refused.details()[0].starts_with("workerLabel: must be 1 to 32"), "{:?}", refused.details());
        let template = json!({"name": "t", "scanType": "sentinel", "workerLabel": label});
        caller.again().post("/scan-templates", template).await.is(400, "INVALID_FIELD_VALUE");
    }
    caller
        .post("/scans", json!({"target": "127.0.0.1", "scanType": "sentinel", "workerLabel": 1}))
        .await
        .is(400, "INVALID_FIELD_TYPE");
}

#[tokio::test]
async fn a_template_has_a_label_and_a_launch_another() {
    let t = Test::with(|config| config.worker.labels = vec!["default".into(), "dmz".into(), "lab".into()]).await;
    let caller = t.key(KEY).made().await;
    let template = json!({"name": "t", "scanType": "sentinel", "workerLabel": "dmz"});
    let made = caller.again().post("/scan-templates", template).await;
    assert_eq!(made.ok(201).data()["workerLabel"], "dmz");
    let path = format!("/scan-templates/{}", made.data()["id"].as_str().unwrap());
    let launch = async |body: Value| {
        caller.again().post(&format!("{path}/launch"), body).await.ok(201).data()["workerLabel"].clone()
    };
    assert_eq!(launch(json!({"target": "127.0.0.1"})).await, "dmz");
    assert_eq!(launch(json!({"target": "127.0.0.1", "workerLabel": "lab"})).await, "lab");
    let cleared = caller.again().patch(&path, json!({"workerLabel": null})).await;
    assert_eq!(cleared.ok(200).data()["workerLabel"], "default");
    assert_eq!(launch(json!({"target": "127.0.0.1"})).await, "default");
    caller.again().patch(&path, json!({"workerLabel": "nowhere"})).await.ok(200);
    let refused = caller.again().post(&format!("{path}/launch"), json!({"target": "127.0.0.1"})).await;
    refused.is(503, "ENGINE_UNAVAILABLE");
}

#[tokio::test]
async fn what_no_living_worker_has_is_named_with_what_to_do() {
    let t = api_alone().await;
    let caller = t.key(KEY).made().await;
    let none = caller.again().post("/scans", body("default")).await;
    none.is(503, "ENGINE_UNAVAILABLE");
    assert!(
        none.details()[0].starts_with("workerLabel: no worker lives: start one with `scanyard worker`"),
        "{:?}",
        none.details()
    );
    worker(&t, &["dmz"], Some(&[ScanType::Sentinel])).await;
    let other = caller.again().post("/scans", body("default")).await;
    other.is(503, "ENGINE_UNAVAILABLE");
    assert!(
        other.details()[0].contains("no living worker has the label default, those that live have dmz"),
        "{:?}",
        other.details()
    );
    caller.again().post("/scans", body("dmz")).await.ok(201);
    let nmap = json!({"target": "127.0.0.1", "scanType": "nmap", "workerLabel": "dmz"});
    let engine = caller.again().post("/scans", nmap).await;
    engine.is(503, "ENGINE_UNAVAILABLE");
    assert!(
        engine.details()[0].starts_with("scanType: no living worker with the label dmz runs nmap"),
        "{:?}",
        engine.details()
    );
    assert_eq!(t.rows("scan").await, 1);
    t.pass(15_001);
    caller.post("/scans", body("dmz")).await.is(503, "ENGINE_UNAVAILABLE");
}

#[tokio::test]
async fn a_node_of_an_earlier_version_counts_for_every_engine() {
    let t = api_alone().await;
    let caller = t.key(KEY).made().await;
    let now = t.app.store.local_now();
    t.sql(&format!("INSERT INTO worker (id, seen_at, concurrency) VALUES ('{}', {now}, 4)", Uuid::now_v7())).await;
    caller.again().post("/scans", json!({"target": "127.0.0.1", "scanType": "nmap"})).await.ok(201);
    caller.post("/scans", body("dmz")).await.is(503, "ENGINE_UNAVAILABLE");
}

#[tokio::test]
async fn engines_are_available_where_any_worker_has_them() {
    let t = api_alone().await;
    let caller = t.key(KEY).made().await;
    let absent = engine(&caller, "sentinel").await;
    assert_eq!((&absent["available"], &absent["workerLabels"]), (&json!(false), &json!([])));
    assert!(absent["unavailableReason"].as_str().unwrap().contains("no living worker runs sentinel"), "{absent}");
    worker(&t, &["dmz", "lab"], Some(&[ScanType::Sentinel, ScanType::Zap])).await;
    t.pass(1_000);
    let there = engine(&caller, "sentinel").await;
    assert_eq!((&there["available"], &there["workerLabels"]), (&json!(true), &json!(["dmz", "lab"])));
    assert_eq!((there.get("unavailableReason"), &there["version"]), (None, &json!("1.2")));
    assert_eq!(engine(&caller, "nmap").await["available"], false);
}

#[tokio::test]
async fn the_state_tells_of_each_label_and_of_one_that_is_gone() {
    let t = api_alone().await;
    let of_dmz = worker(&t, &["dmz"], Some(&[ScanType::Sentinel])).await;
    worker(&t, &["default", "dmz"], Some(&[ScanType::Nmap])).await;
    let workers = async || t.nobody().get("/status").await.ok(200).data()["workers"].clone();
    let dmz = json!({"label": "dmz", "processes": 2, "capacity": 4, "engines": ["nmap", "sentinel"]});
    let default = json!({"label": "default", "processes": 1, "capacity": 2, "engines": ["nmap"]});
    assert_eq!(workers().await["labels"], json!([default, dmz]));
    t.pass(20_000);
    worker(&t, &["default"], Some(&[ScanType::Nmap])).await;
    let left = workers().await;
    assert_eq!((&left["status"], &left["processes"]), (&json!("degraded"), &json!(1)));
    assert_eq!(left["reason"], "none with the label dmz lives: its scans wait");
    // Those that take leave are not missed.
    t.sql(&format!("DELETE FROM worker WHERE id = '{of_dmz}' OR seen_at < {}", t.app.store.local_now())).await;
    t.pass(1_000);
    assert_eq!(workers().await["status"], "ok");
}
