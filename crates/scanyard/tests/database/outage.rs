//! A database that goes away while it is needed: an answer at once, readiness, recovery, and runs that go on.

use crate::cluster::{Cluster, PASSWORD};
use crate::server::{Server, engine_processes, eventually};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longer than any answer takes while the breaker is open, and much shorter than a request may take.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A GET at the root; gives the whole answer.
fn get(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nConnection: close\r\n\r\n",
        server.address, server.key
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn is_breaker_open(server: &Server) -> bool {
    get(server, "/metrics").lines().any(|line| line == "scanyard_database_breaker_open 1")
}

/// Many callers at once while the database is away: each has its answer at once.
fn everybody_is_answered_at_once(server: &Server) {
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}).to_string();
    let asked = |method: &'static str, path: &'static str, body: &str| {
        let begun = Instant::now();
        let (status, answer) = server.call(method, path, body);
        assert_eq!((status, &answer["code"]), (503, &json!("DATABASE_ERROR")), "{method} {path}: {answer}");
        assert!(answer["retryAfter"].as_u64() > Some(0), "{answer}");
        assert!(begun.elapsed() < AT_ONCE, "{method} {path} took {:?}", begun.elapsed());
    };
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| asked("POST", "/scans", &body));
            scope.spawn(|| asked("GET", "/scans", ""));
        }
    });
    assert!(get(server, "/livez").starts_with("HTTP/1.1 200"));
    let ready = get(server, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.to_lowercase().contains("retry-after:"), "{ready}");
    eventually("the status says so", || {
        let (status, state) = server.call("GET", "/status", "");
        (status == 200 && state["data"]["database"]["status"] == "down").then_some(())
    });
}

/// An nmap scan of about 20 s unless it is ended; the port list is its mark among this machine's processes.
fn slow_scan(ports: &str) -> Value {
    json!({"target": "127.0.0.1", "scanType": "nmap", "options": {"ports": ports, "maxRate": 1}})
}

fn outage(ports: &str, away: impl Fn(&Cluster), back: impl Fn(&Cluster)) {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let url = cluster.database("outage");
    let server = Server::start(dir.path(), &[("SCANYARD_DATABASE_URL", &url)]);
    let id = server.submit(slow_scan(ports));
    eventually("nmap runs", || (!engine_processes(ports).is_empty()).then_some(()));
    // What waits when the database goes away is answered as well.
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| server.call("GET", "/scans", "").0)).collect();
        away(&cluster);
        for call in waiting {
            assert!([200, 503].contains(&call.join().unwrap()));
        }
    });
    eventually("the breaker opens", || is_breaker_open(&server).then_some(()));
    everybody_is_answered_at_once(&server);
    assert!(!engine_processes(ports).is_empty(), "the run was ended within its lease");
    back(&cluster);
    eventually("the breaker closes", || (!is_breaker_open(&server)).then_some(()));
    eventually("the node is ready", || get(&server, "/readyz").starts_with("HTTP/1.1 200").then_some(()));
    server.submit(json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}));
    let scan = server.wait(&id, "nmap", "the run that went on completes", |scan| scan["status"] == "completed");
    assert_eq!(scan["attempts"], 0, "it was run again: {scan}");
}

#[test]
fn a_database_that_is_stopped_is_told_at_once_and_used_again_when_it_is_back() {
    outage("64101-64112", Cluster::down, Cluster::up);
}

#[test]
fn a_database_that_hangs_is_told_at_once_and_used_again_when_it_goes_on() {
    outage("64121-64132", |cluster| cluster.signal(Signal::SIGSTOP), |cluster| cluster.signal(Signal::SIGCONT));
}

/// Makes transactions read-only, or lets them write again, also those of connections that are there.
fn take_writes(cluster: &Cluster, takes: bool) {
    let setting = if takes { "off" } else { "on" };
    cluster.sql("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {setting}"));
    cluster.sql("postgres", "SELECT pg_reload_conf()");
}

#[test]
fn a_database_that_takes_no_writes_is_told_at_once_and_used_again_when_it_does() {
    outage("64141-64152", |cluster| take_writes(cluster, false), |cluster| take_writes(cluster, true));
}

#[test]
fn connections_that_a_fail_over_left_at_the_standby_are_given_up() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let url = cluster.database("moved");
    let server = Server::start(dir.path(), &[("SCANYARD_DATABASE_URL", &url)]);
    let (_, usage) = server.call("GET", "/usage/summary", "");
    let tenant = format!("/tenants/{}", usage["data"]["tenantId"].as_str().unwrap());
    let write = || {
        let (status, answer) = server.call("PATCH", &tenant, r#"{"monthlyQuota": 40}"#);
        assert!(status == 200 || (status == 503 && answer["code"] == "DATABASE_ERROR"), "{answer}");
        status
    };
    eventually("the one that watches has its connection", || {
        let count =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = 'moved' AND query LIKE '%transaction_read_only%'";
        (cluster.sql("postgres", count).trim() == "1").then_some(())
    });
    // What a session says for itself goes before what the server says: new ones write, those that are there do not.
    cluster.sql("moved", "ALTER DATABASE moved SET default_transaction_read_only = off");
    take_writes(&cluster, false);
    for _ in 0..20 {
        write();
        std::thread::sleep(Duration::from_millis(100));
    }
    eventually("the node takes new connections", || (0..20).all(|_| write() == 200).then_some(()));
}

#[test]
fn a_file_that_another_process_holds_refuses_writes_at_once_and_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let hold = format!(
        "import sqlite3, sys; c = sqlite3.connect('{}', isolation_level=None); c.execute('BEGIN IMMEDIATE'); \
         print('held', flush=True); sys.stdin.read()",
        dir.path().join("data/scanyard.db").display()
    );
    let mut holder = std::process::Command::new("python3")
        .args(["-c", &hold])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3 is needed: apt-get install python3");
    // Kept: a holder that cannot write any more would end, and let go.
    let mut held = holder.stdout.take().unwrap();
    held.read_exact(&mut [0; 4]).unwrap();
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}).to_string();
    let post = || server.call("POST", "/scans", &body);
    assert_eq!(post().0, 503);
    eventually("the breaker opens", || is_breaker_open(&server).then_some(()));
    let begun = Instant::now();
    for _ in 0..20 {
        let (status, answer) = post();
        assert_eq!((status, &answer["code"]), (503, &json!("DATABASE_ERROR")), "{answer}");
    }
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(get(&server, "/readyz").starts_with("HTTP/1.1 503"));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    eventually("writes are taken again", || (post().0 == 201).then_some(()));
}

#[test]
fn a_password_that_was_changed_is_a_database_that_is_away_and_no_fault_of_ours() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let url = cluster.database("turned").replace("scanyard:", "turned:");
    cluster.sql(
        "turned",
        &format!("CREATE ROLE turned LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON SCHEMA public TO turned"),
    );
    let server = Server::start(dir.path(), &[("SCANYARD_DATABASE_URL", &url), ("SCANYARD_WORKER_CONCURRENCY", "0")]);
    // The connection that watches stays, so that no breaker opens: each request meets the server's own words.
    let watching = "usename = 'turned' AND query LIKE '%transaction_read_only%'";
    eventually("it watches", || {
        let sql = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE {watching}");
        (cluster.sql("turned", &sql).trim() == "1").then_some(())
    });
    let others = watching.replace("LIKE", "NOT LIKE");
    let end = format!("SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}");
    cluster.sql("turned", "ALTER ROLE turned PASSWORD 'another'");
    cluster.sql("turned", &end);
    for _ in 0..10 {
        let (status, answer) = server.call("GET", "/scans", "");
        assert_eq!((status, &answer["code"]), (503, &json!("DATABASE_ERROR")), "{answer}");
    }
    assert!(!is_breaker_open(&server));
    cluster.sql("turned", &format!("ALTER ROLE turned PASSWORD '{PASSWORD}'"));
    eventually("it is used again", || (server.call("GET", "/scans", "").0 == 200).then_some(()));
}
