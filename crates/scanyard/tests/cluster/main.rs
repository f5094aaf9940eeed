//! Several processes on one PostgreSQL: who runs what, what reaches whom, and what is left when one of them goes.
//! Needs a server: `scripts/with-postgres cargo test --test cluster`.

mod limits;
mod node;
mod rotation;
#[path = "../survival/server.rs"]
mod server;
mod start;

use nix::sys::signal::Signal;
use node::{Cluster, Worker};
use serde_json::{Value, json};
use server::{Server, engine_processes, eventually};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The API alone, which looks after lost workers often.
const API: &[(&str, &str)] = &[("SCANYARD_WORKER_CONCURRENCY", "0"), ("SCANYARD_WORKER_SWEEP_MS", "500")];
/// Leases that end soon.
const SHORT: &[(&str, &str)] = &[
    ("SCANYARD_WORKER_LEASE_MS", "4000"),
    ("SCANYARD_WORKER_HEARTBEAT_MS", "500"),
    ("SCANYARD_WORKER_SWEEP_MS", "500"),
];

/// An nmap scan that takes about 20 s unless it is ended; the port list is its mark among this machine's processes.
fn slow_scan(ports: &str) -> Value {
    json!({"target": "127.0.0.1", "scanType": "nmap", "options": {"ports": ports, "maxRate": 1}})
}

fn quick_scan(label: &str) -> Value {
    json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}, "workerLabel": label})
}

fn is_completed(scan: &Value) -> bool {
    assert_ne!(scan["status"], "failed", "{scan}");
    scan["status"] == "completed"
}

/// Waits until the scan's engine runs.
fn runs(ports: &str) {
    eventually("nmap runs", || (!engine_processes(ports).is_empty()).then_some(()));
}

#[test]
fn a_cancel_on_one_node_ends_the_run_on_another_long_before_its_heartbeat() {
    let cluster = Cluster::new();
    let api = cluster.serve(API);
    let slow_beats = [("SCANYARD_WORKER_LEASE_MS", "600000"), ("SCANYARD_WORKER_HEARTBEAT_MS", "250000")];
    let _worker = cluster.worker(&slow_beats);
    let ports = "63001-63032";
    let id = api.submit(slow_scan(ports));
    runs(ports);
    let (status, answer) = api.call("POST", &format!("/scans/{id}/cancel?scanType=nmap"), "");
    assert_eq!((status, &answer["data"]["status"]), (200, &json!("cancelled")));
    // `wait` gives it 60 s, the heartbeat would take 250.
    api.wait(&id, "nmap", "the scan is sealed", |scan| scan.get("sealedAt").is_some());
    assert_eq!(engine_processes(ports), Vec::<i32>::new());
}

#[test]
fn live_events_come_from_a_node_that_does_not_run_the_scan() {
    let cluster = Cluster::new();
    let api = cluster.serve(API);
    let other = cluster.serve(API);
    let _worker = cluster.worker(&[]);
    let id = api.submit(quick_scan("default"));
    let events = stream(&other, &format!("/scans/{id}/events?scanType=sentinel"));
    for told in [r#""status":"queued""#, r#""status":"running""#, r#""status":"completed""#, r#""final":true"#] {
        assert!(events.contains(told), "{told} is not in {events}");
    }
}

/// A stream of events to its end.
fn stream(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (address, key) = (&server.address, &server.key);
    write!(stream, "GET /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n").unwrap();
    write!(stream, "Accept: text/event-stream\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_scan_with_a_label_is_run_by_a_worker_that_has_it_and_waits_when_that_one_died() {
    let cluster = Cluster::new();
    let api = cluster.serve(&[("SCANYARD_WORKER_SWEEP_MS", "3000")]);
    let dmz = [("SCANYARD_WORKER_LABELS", "dmz"), ("SCANYARD_WORKER_SWEEP_MS", "500")];
    let mut worker = cluster.worker(&dmz);
    let id = api.submit(quick_scan("dmz"));
    let scan = api.wait(&id, "sentinel", "the scan completes", is_completed);
    assert_eq!(scan["workerLabel"], "dmz");
    // It lives for the others until three signs of its life are missing.
    worker.child.kill().unwrap();
    worker.child.wait().unwrap();
    let waiting = api.submit(quick_scan("dmz"));
    eventually("the status tells of the label that is gone", || {
        let (_, status) = api.call("GET", "/status", "");
        let workers = &status["data"]["workers"];
        (workers["reason"] == "none with the label dmz lives: its scans wait").then_some(())
    });
    let (status, refused) = api.call("POST", "/scans", &quick_scan("dmz").to_string());
    assert_eq!((status, &refused["code"]), (503, &json!("ENGINE_UNAVAILABLE")));
    assert_eq!(refused["details"][0]["field"], "workerLabel", "{refused}");
    assert_eq!(api.scan(&waiting, "sentinel")["status"], "queued", "the worker without the label leaves it alone");
    let _again = cluster.worker(&dmz);
    api.wait(&waiting, "sentinel", "the scan that waited completes", is_completed);
    let (status, _) = api.call("POST", "/scans", &quick_scan("dmz").to_string());
    assert_eq!(status, 201);
}

#[test]
fn a_worker_runs_the_engines_that_it_is_told_and_the_api_knows() {
    let cluster = Cluster::new();
    let api = cluster.serve(API);
    let _worker = cluster.worker(&[("SCANYARD_WORKER_ENGINES", "sentinel"), ("SCANYARD_WORKER_LABELS", "default,lab")]);
    let (_, engines) = api.call("GET", "/engines", "");
    for engine in engines["data"].as_array().unwrap() {
        let is_there = engine["scanType"] == "sentinel";
        assert_eq!(engine["available"], is_there, "{engine}");
        let labels = if is_there { json!(["default", "lab"]) } else { json!([]) };
        assert_eq!(engine["workerLabels"], labels);
    }
    let (status, refused) = api.call("POST", "/scans", &slow_scan("63101").to_string());
    assert_eq!((status, &refused["code"]), (503, &json!("ENGINE_UNAVAILABLE")));
    let reason = refused["details"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("no living worker with the label default runs nmap"), "{reason}");
    let lab = json!({"label": "lab", "processes": 1, "capacity": 4, "engines": ["sentinel"]});
    // A status is believed for a second.
    eventually("the status tells the worker's labels", || {
        let (_, status) = api.call("GET", "/status", "");
        (status["data"]["workers"]["labels"][1] == lab).then_some(())
    });
}

/// Freezes the worker that runs the scan, lets another one have it, and wakes the first one again.
#[test]
fn a_worker_that_was_stopped_past_its_lease_ends_its_engine_and_cannot_write() {
    let cluster = Cluster::new();
    let api = cluster.serve(API);
    let frozen = cluster.worker(SHORT);
    let ports = "63201-63206";
    let id = api.submit(slow_scan(ports));
    runs(ports);
    frozen.signal(Signal::SIGSTOP);
    eventually("the supervisor ends the engine of a frozen worker", || {
        engine_processes(ports).is_empty().then_some(())
    });
    let first = cluster.value(&format!("SELECT COALESCE(run_id, 'none') FROM job WHERE scan_id = '{id}'"));
    let _other = cluster.worker(SHORT);
    api.wait(&id, "nmap", "another worker runs it", |scan| scan["attempts"] == 1 && scan["status"] == "running");
    let second = cluster.value(&format!("SELECT run_id FROM job WHERE scan_id = '{id}'"));
    frozen.signal(Signal::SIGCONT);
    let scan = api.wait(&id, "nmap", "the second run completes", is_completed);
    assert_eq!(scan["attempts"], 1, "{scan}");
    assert_ne!(first, second);
}

#[test]
fn a_stop_of_a_worker_gives_its_scans_to_the_others() {
    let cluster = Cluster::new();
    let api = cluster.serve(API);
    let first = cluster.worker(&[]);
    let ports = "63301-63304";
    let id = api.submit(slow_scan(ports));
    runs(ports);
    let _second = cluster.worker(&[]);
    first.stop();
    let scan = api.wait(&id, "nmap", "the other worker completes it", is_completed);
    assert_eq!(scan["attempts"], 1);
}

#[test]
fn kill_9_of_a_worker_loses_none_of_its_scans() {
    let cluster = Cluster::new();
    let api = cluster.serve(API);
    let mut first = cluster.worker(SHORT);
    let ids: Vec<String> = (0..20).map(|_| api.submit(quick_scan("default"))).collect();
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let _second = cluster.worker(SHORT);
    for id in &ids {
        api.wait(id, "sentinel", "each scan completes", is_completed);
    }
    assert_eq!(cluster.value("SELECT COUNT(*) FROM job"), "0");
}

#[test]
fn a_worker_answers_probes_and_nothing_else() {
    let cluster = Cluster::new();
    let api = cluster.serve(API);
    let worker = cluster.worker(&[("SCANYARD_WORKER_LISTEN", "127.0.0.1:0")]);
    assert_eq!(probe(&worker, "/livez"), 200);
    assert_eq!(probe(&worker, "/readyz"), 200);
    assert_eq!(probe(&worker, "/metrics"), 200);
    assert_eq!(probe(&worker, "/api/v1/status"), 404);
    assert_eq!(probe(&worker, "/scan-api/api/v1/scans"), 404);
    api.signal(Signal::SIGKILL);
    assert_eq!(probe(&worker, "/readyz"), 200, "it needs the database alone");
    worker.stop();
}

/// The status of a GET without a key.
fn probe(worker: &Worker, path: &str) -> u16 {
    let address = worker.address.as_deref().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
