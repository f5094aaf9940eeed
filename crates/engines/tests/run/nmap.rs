//! nmap, live, against listeners on loopback.

use crate::common::{Steering, job, steering};
use scanyard_contract::finding::Severity;
use scanyard_contract::scan::FailureReason;
use scanyard_engines::{Job, Options, Outcome, Report, nmap};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(30);

fn nmap_job(target: &str, options: Value, work_dir: &Path) -> Job {
    assert!(Path::new("/usr/bin/nmap").is_file(), "this test needs nmap: apt-get install nmap");
    let options = nmap::Options::parse(options.as_object().unwrap()).unwrap();
    job(target, Options::Nmap(options), work_dir)
}

async fn scan(target: &str, options: Value) -> (Report, Steering) {
    let dir = tempfile::tempdir().unwrap();
    let steering = steering(LEASE);
    let report = nmap::run(nmap_job(target, options, dir.path()), steering.control.clone()).await;
    (report, steering)
}

/// A port that nobody listens on.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn reason(report: &Report) -> FailureReason {
    match &report.outcome {
        Outcome::Failed(failure) => failure.reason,
        other => panic!("{other:?}"),
    }
}

/// Begins as nmap's report does, and then never ends.
const ENDLESS: &str = "#!/bin/sh\ncat <<'END'\n<nmaprun start='1' version='7.93'><host><address addr='127.0.0.1'/><ports>\
    <port protocol='tcp' portid='80'><state state='open' reason='syn-ack'/></port>\nEND\nexec yes '<!-- on and on -->'\n";

#[tokio::test]
async fn a_report_beyond_the_limit_fails_and_what_was_read_of_it_counts() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("endless");
    std::fs::write(&program, ENDLESS).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut job = nmap_job("127.0.0.1", json!({"ports": "80"}), dir.path());
    job.program = Some(program);
    let report = nmap::run(job, steering(LEASE).control).await;
    assert_eq!(reason(&report), FailureReason::OutputTooLarge);
    assert_eq!((report.findings.len(), report.records.read, report.records.kept), (1, 1, 1));
    assert!(report.raw.is_none(), "a report that was cut by us is nobody's report");
}

#[tokio::test]
async fn open_ports_are_found_and_closed_ones_are_not() {
    let listeners = ["127.0.0.1:0"; 2].map(|address| TcpListener::bind(address).unwrap());
    let mut open = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
    open.sort_unstable();
    let closed = closed_port();
    let ports = format!("{},{},{closed}", open[0], open[1]);
    let (report, steering) = scan("127.0.0.1", json!({"ports": ports, "timing": "T4"})).await;

    assert_eq!(report.outcome, Outcome::Completed);
    let found: Vec<u16> = report.findings.iter().filter_map(|finding| finding.location.port).collect();
    assert_eq!(found, open);
    let first = &report.findings[0];
    assert_eq!((first.rule_id.as_str(), first.severity), ("open-port", Severity::Info));
    assert_eq!(first.location.host.as_deref(), Some("127.0.0.1"));
    assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 1));
    assert_eq!((report.records.read, report.records.kept), (2, 2));
    assert!(report.engine_version.unwrap().starts_with("7."));
    assert!(report.raw.unwrap().bytes.ends_with(b"</nmaprun>\n"));
    assert_eq!(*steering.progress.borrow(), 100);
}

#[tokio::test]
async fn a_target_whose_ports_are_all_closed_is_a_completed_scan() {
    let (report, _) = scan("127.0.0.1", json!({"ports": closed_port().to_string()})).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(report.findings.is_empty());
    assert_eq!(report.coverage.reached, 1);
}

#[tokio::test]
async fn a_target_that_answers_nothing_has_failed() {
    // Once its queue is full, the system drops what else comes, as a firewall does.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(connection) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(connection);
    }
    let (report, steering) = scan("127.0.0.1", json!({"ports": address.port().to_string(), "maxRetries": 0})).await;
    assert_eq!(reason(&report), FailureReason::TargetUnreachable);
    assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 0));
    assert!(*steering.progress.borrow() < 100);
}

#[tokio::test]
async fn a_network_is_scanned_address_by_address() {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (report, _) = scan("127.0.0.0/30", json!({"ports": port.to_string(), "timing": "T4"})).await;
    assert_eq!(report.outcome, Outcome::Completed);
    let hosts: Vec<_> = report.findings.iter().filter_map(|finding| finding.location.host.as_deref()).collect();
    assert_eq!(hosts, ["127.0.0.2"]);
    assert_eq!((report.coverage.hosts, report.coverage.reached), (2, 2));
}

#[tokio::test]
async fn an_address_of_version_six_is_scanned() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (report, _) = scan("::1", json!({"ports": port.to_string()})).await;
    assert_eq!(report.findings.len(), 1, "{:?}", report.outcome);
    assert_eq!(report.findings[0].location.ip.as_deref(), Some("::1"));
}

#[tokio::test]
async fn a_service_that_speaks_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            // nmap may have gone already.
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");
        }
    });
    let (report, _) = scan("127.0.0.1", json!({"ports": port.to_string(), "serviceDetection": true})).await;
    let finding = &report.findings[0];
    assert_eq!(finding.title, format!("Open port {port}/tcp (ssh)"));
    assert!(finding.evidence.as_deref().unwrap().starts_with("OpenSSH 9.2p1"), "{finding:?}");
}

/// A scan that takes hours: one packet a second over ten thousand ports.
fn endless() -> Value {
    json!({"ports": "20000-29999", "maxRate": 1})
}

#[tokio::test]
async fn a_cancel_ends_nmap_within_its_grace() {
    // It says nothing, so that nmap waits for its banner.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let steering = steering(LEASE);
    let job = nmap_job("127.0.0.1", json!({"ports": port.to_string(), "serviceDetection": true}), dir.path());
    let run = tokio::spawn(nmap::run(job, steering.control.clone()));
    // The first connection is the connect scan's, the second asks for the service.
    let _connections = [silent.accept().await.unwrap(), silent.accept().await.unwrap()];
    let cancelled = Instant::now();
    steering.cancel.cancel();
    let report = run.await.unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(cancelled.elapsed() < Duration::from_secs(2), "{:?}", cancelled.elapsed());
    assert!(report.raw.unwrap().bytes.starts_with(b"<?xml"), "the partial report is kept");
    assert!(*steering.progress.borrow() < 100);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_scan_past_its_time_failed() {
    let dir = tempfile::tempdir().unwrap();
    let steering = steering(LEASE);
    let mut job = nmap_job("127.0.0.1", endless(), dir.path());
    job.timeout = Duration::from_secs(1);
    let report = nmap::run(job, steering.control.clone()).await;
    assert_eq!(reason(&report), FailureReason::TimedOut);
}

#[tokio::test]
async fn a_stop_keeps_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let steering = steering(LEASE);
    steering.stop.cancel();
    let report = nmap::run(nmap_job("127.0.0.1", endless(), dir.path()), steering.control.clone()).await;
    assert_eq!(report.outcome, Outcome::Stopped);
    assert!(report.raw.is_none() && report.findings.is_empty());
}

#[tokio::test]
async fn a_missing_program_says_what_to_install() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = nmap_job("127.0.0.1", json!({"ports": "1"}), dir.path());
    job.program = Some("/nowhere/nmap".into());
    let report = nmap::run(job, steering(LEASE).control).await;
    assert_eq!(reason(&report), FailureReason::EngineMissing);
}

#[tokio::test]
async fn root_runs_nmap_as_the_configured_user() {
    if !nix::unistd::geteuid().is_root() {
        // Only root can change the user; then the run must fail, and not go on as somebody else.
        let dir = tempfile::tempdir().unwrap();
        let mut job = nmap_job("127.0.0.1", json!({"ports": "1"}), dir.path());
        job.user = Some("root".to_string());
        let report = nmap::run(job, steering(LEASE).control).await;
        return assert!(matches!(report.outcome, Outcome::Failed(_)));
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let mut job = nmap_job("127.0.0.1", json!({"ports": port.to_string()}), dir.path());
    job.user = Some("nobody".to_string());
    let report = nmap::run(job, steering(LEASE).control).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(report.findings.len(), 1);
}
