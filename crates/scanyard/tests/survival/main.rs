//! What survives: acknowledged scans, through kill -9, SIGTERM and a frozen worker; and no engine process does.

mod server;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use server::{Server, engine_processes, eventually, serve_command};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// An nmap scan that takes about 20 s unless it is ended: two closed ports at a rate of one packet in a while.
/// The port list is its mark among this machine's processes.
fn slow_scan(ports: &str) -> Value {
    json!({"target": "127.0.0.1", "scanType": "nmap", "options": {"ports": ports, "maxRate": 1}})
}

fn is_running(scan: &Value) -> bool {
    scan["status"] == "running"
}

fn is_completed(scan: &Value) -> bool {
    assert_ne!(scan["status"], "failed", "{scan}");
    scan["status"] == "completed"
}

#[test]
fn kill_9_loses_no_acknowledged_scan_and_leaves_no_engine() {
    let dir = tempfile::tempdir().unwrap();
    let ports = "64001-64012";
    let (slow, quick) = {
        let mut server = Server::start(dir.path(), &[("SCANYARD_WORKER_CONCURRENCY", "1")]);
        let slow = server.submit(slow_scan(ports));
        let quick: Vec<String> = (0..20)
            .map(|_| {
                server.submit(json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}))
            })
            .collect();
        server.wait(&slow, "nmap", "the slow scan runs", is_running);
        eventually("nmap runs", || (!engine_processes(ports).is_empty()).then_some(()));
        server.signal(Signal::SIGKILL);
        server.child.wait().unwrap();
        (slow, quick)
    };
    eventually("nmap is gone", || engine_processes(ports).is_empty().then_some(()));
    let server = Server::start(dir.path(), &[]);
    for id in &quick {
        server.wait(id, "sentinel", "a queued scan completes", is_completed);
    }
    let slow = server.wait(&slow, "nmap", "the interrupted scan completes", is_completed);
    assert_eq!(slow["attempts"], 1);
}

/// 64 callers at once, the server killed among them, and 64 again: the quota is used up to the last unit and no further.
#[test]
fn kill_9_leaves_the_quota_exact() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("SCANYARD_WORKER_CONCURRENCY", "1"),
        ("SCANYARD_LIMITS_PER_MINUTE", "100000"),
        ("SCANYARD_LIMITS_PER_HOUR", "100000"),
    ];
    let mut server = Server::start(dir.path(), &settings);
    let (_, usage) = server.call("GET", "/usage/summary", "");
    let tenant = format!("/tenants/{}", usage["data"]["tenantId"].as_str().unwrap());
    assert_eq!(server.call("PATCH", &tenant, r#"{"monthlyQuota": 300}"#).0, 200);
    let accepted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| while submit_one(&server, &accepted) {});
        }
        eventually("scans are accepted", || (accepted.load(Ordering::SeqCst) > 100).then_some(()));
        server.signal(Signal::SIGKILL);
    });
    server.child.wait().unwrap();
    let server = Server::start(dir.path(), &settings);
    let used = || server.call("GET", "/usage/quota", "").1["data"]["used"].as_u64().unwrap();
    let scans = || server.call("GET", "/scans?limit=1", "").1["pagination"]["total"].as_u64().unwrap();
    let survived = scans();
    let known = accepted.load(Ordering::SeqCst);
    assert!((known..=known + 64).contains(&survived), "{survived} scans, {known} of them answered");
    assert_eq!(used(), survived);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| while submit_one(&server, &accepted) {});
        }
    });
    assert_eq!((scans(), used()), (300, 300));
    assert_eq!(accepted.load(Ordering::SeqCst) + survived - known, 300);
}

/// Submits a scan; `false` when there is no answer, or no quota.
fn submit_one(server: &Server, accepted: &AtomicU64) -> bool {
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}).to_string();
    let Some((status, answer)) = server.try_call("POST", "/scans", &body) else { return false };
    match status {
        201 => {
            accepted.fetch_add(1, Ordering::SeqCst);
            true
        }
        _ => {
            assert_eq!((status, &answer["code"]), (429, &json!("QUOTA_EXCEEDED")));
            false
        }
    }
}

/// The window is a day: this test is not meant to be run at midnight UTC.
#[test]
fn kill_9_leaves_the_rate_limit_exact() {
    let dir = tempfile::tempdir().unwrap();
    let limits = [("SCANYARD_WORKER_CONCURRENCY", "0"), ("SCANYARD_LIMITS_PER_DAY", "50")];
    let let_in = |server: &Server, calls: usize| -> usize {
        std::thread::scope(|scope| {
            let calls: Vec<_> = (0..calls).map(|_| scope.spawn(|| server.call("GET", "/scans", "").0)).collect();
            calls.into_iter().map(|call| call.join().unwrap()).filter(|status| *status == 200).count()
        })
    };
    let mut server = Server::start(dir.path(), &limits);
    assert_eq!(let_in(&server, 30), 30);
    server.signal(Signal::SIGKILL);
    server.child.wait().unwrap();
    let server = Server::start(dir.path(), &limits);
    assert_eq!(let_in(&server, 64), 20);
    let (status, refused) = server.call("GET", "/scans", "");
    assert_eq!((status, &refused["code"]), (429, &json!("RATE_LIMIT_EXCEEDED")));
}

#[test]
fn a_stop_writes_the_last_calls_into_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &[]);
    for _ in 0..20 {
        server.call("GET", "/scans", "");
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let server = Server::start(dir.path(), &[]);
    let (_, log) = server.call("GET", "/usage/logs", "");
    assert_eq!(log["pagination"]["total"], 20, "{log}");
    eventually("a call is in the log", || {
        let (_, log) = server.call("GET", "/usage/logs?limit=1", "");
        (log["pagination"]["total"].as_u64() > Some(20)).then_some(())
    });
}

#[test]
fn sigterm_gives_running_scans_back_and_exits_0() {
    let dir = tempfile::tempdir().unwrap();
    let ports = "64021-64032";
    let mut server = Server::start(dir.path(), &[]);
    let id = server.submit(slow_scan(ports));
    eventually("nmap runs", || (!engine_processes(ports).is_empty()).then_some(()));
    server.signal(Signal::SIGTERM);
    // `timeout` tells its child, and then its group.
    std::thread::sleep(Duration::from_millis(20));
    server.signal(Signal::SIGTERM);
    let status = server.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(engine_processes(ports), Vec::<i32>::new());
    let server = Server::start(dir.path(), &[("SCANYARD_WORKER_CONCURRENCY", "0")]);
    let scan = server.scan(&id, "nmap");
    assert_eq!(scan["status"], "queued", "{scan}");
    assert_eq!((&scan["progress"], &scan["attempts"]), (&json!(0), &json!(1)));
    assert_eq!(scan.get("startedAt"), None);
}

#[test]
fn what_the_server_writes_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    // A folder that was there before, open to all.
    std::fs::create_dir(&data).unwrap();
    let _server = Server::start(dir.path(), &[]);
    for file in std::fs::read_dir(&data).unwrap().map(Result::unwrap) {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", file.path());
    }
}

#[test]
fn a_stop_does_not_wait_for_a_body_that_never_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &[("SCANYARD_SHUTDOWN_GRACE", "3s")]);
    let mut half = TcpStream::connect(&server.address).unwrap();
    let (address, key) = (&server.address, &server.key);
    write!(half, "POST /api/v1/scans HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\n").unwrap();
    write!(half, "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    server.signal(Signal::SIGTERM);
    let status = eventually("the server ends", || server.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_frozen_workers_engine_is_killed_and_its_writes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ports = "64041-64044";
    let short = [
        ("SCANYARD_WORKER_LEASE_MS", "2000"),
        ("SCANYARD_WORKER_HEARTBEAT_MS", "500"),
        ("SCANYARD_WORKER_SWEEP_MS", "500"),
    ];
    let server = Server::start(dir.path(), &short);
    let id = server.submit(slow_scan(ports));
    eventually("nmap runs", || (!engine_processes(ports).is_empty()).then_some(()));
    server.signal(Signal::SIGSTOP);
    eventually("the supervisor kills the engine of a frozen worker", || {
        engine_processes(ports).is_empty().then_some(())
    });
    server.signal(Signal::SIGCONT);
    let scan = server.wait(&id, "nmap", "the scan is run again", is_completed);
    assert_eq!(scan["attempts"], 1, "{scan}");
}

#[test]
fn cancel_ends_the_process_tree_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let ports = "64061-64092";
    let server = Server::start(dir.path(), &[]);
    let id = server.submit(slow_scan(ports));
    eventually("nmap runs", || (!engine_processes(ports).is_empty()).then_some(()));
    let (status, answer) = server.call("POST", &format!("/scans/{id}/cancel?scanType=nmap"), "");
    assert_eq!((status, &answer["data"]["status"]), (200, &json!("cancelled")));
    let sealed = server.wait(&id, "nmap", "the scan is sealed", |scan| scan.get("sealedAt").is_some());
    assert_eq!(sealed["status"], "cancelled");
    assert_eq!(engine_processes(ports), Vec::<i32>::new());
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Server::start(dir.path(), &[]);
    let output = serve_command(dir.path(), &[]).output().unwrap();
    assert!(!output.status.success());
}

#[test]
fn an_answer_comes_after_its_sync() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let server = Server::start(dir.path(), &[("SCANYARD_WORKER_CONCURRENCY", "1")]);
    let _strace = Strace::attach(&server, &trace);
    server.submit(json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}));
    let lines = eventually("the answer is in the trace", || {
        let lines: Vec<String> = std::fs::read_to_string(&trace).unwrap().lines().map(str::to_string).collect();
        lines.iter().any(|line| line.contains("201 Created")).then_some(lines)
    });
    let request = lines.iter().position(|line| line.contains("POST /scan-api")).unwrap();
    let answer = lines.iter().position(|line| line.contains("201 Created")).unwrap();
    let synced = lines[request..answer].iter().any(|line| line.contains("sync"));
    assert!(synced, "no sync between the request and its answer: {lines:#?}");
}

/// A trace of a server's reads, writes and syncs, until dropped.
struct Strace(Child);

impl Strace {
    fn attach(server: &Server, trace: &Path) -> Strace {
        let calls = "trace=fsync,fdatasync,read,recvfrom,write,writev,sendto,sendmsg";
        let mut strace = Command::new("strace")
            .args(["-f", "-e", calls, "-s", "400", "-p", &server.pid().to_string(), "-o"])
            .arg(trace)
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is needed: apt-get install strace");
        let mut said = BufReader::new(strace.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains("attached")), "strace did not attach");
        // It tells of each new thread; a closed pipe would end it.
        std::thread::spawn(move || said.count());
        Strace(strace)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
