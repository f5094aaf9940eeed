//! What the live tests of the URL engines share.

use crate::common::{Steering, job, steering};
use scanyard_contract::ScanType;
use scanyard_contract::scan::FailureReason;
use scanyard_engines::{Availability, Installed, Job, Options, Outcome, Report, locate, run};
use serde_json::Value;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Nobody renews here, and a busy machine is slow.
pub const LEASE: Duration = Duration::from_secs(600);

/// Where `scripts/install-engines` puts engines.
pub fn install_dirs() -> Installed {
    let own = std::env::home_dir().map(|home| home.join(".local/share/scanyard/engines"));
    Installed { machine: "/opt/scanyard/engines".into(), own }
}

/// The installed program of an engine.
pub fn installed(scan_type: ScanType) -> PathBuf {
    match locate(scan_type, None, &install_dirs()) {
        Availability::Program(path) => path,
        other => panic!("this test needs {scan_type}: scripts/install-engines; {other:?}"),
    }
}

pub fn web_job(scan_type: ScanType, program: &Path, target: &str, options: Value, work_dir: &Path) -> Job {
    let options = Options::parse(scan_type, options.as_object().unwrap()).unwrap().unwrap();
    let mut job = job(target, options, work_dir);
    job.program = Some(program.to_path_buf());
    // What is installed runs as it would for a user; a script of a test writes beside itself.
    job.limits.is_confined = !program.starts_with(std::env::temp_dir());
    // wapiti divides it among its modules, and on a busy machine each of them is slow.
    job.timeout = Duration::from_secs(1800);
    job
}

/// A run to its end, which leaves nothing behind.
pub async fn scan(scan_type: ScanType, program: &Path, target: &str, options: Value) -> (Report, Steering) {
    let dir = tempfile::tempdir().unwrap();
    let steering = steering(LEASE);
    let report = run(web_job(scan_type, program, target, options, dir.path()), steering.control.clone()).await;
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the job folder is gone");
    (report, steering)
}

/// A URL that nobody answers at.
pub fn dead_url(path: &str) -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}{path}")
}

pub fn reason(report: &Report) -> FailureReason {
    match &report.outcome {
        Outcome::Failed(failure) => failure.reason,
        other => panic!("{other:?}"),
    }
}

/// Whether a finding has that rule and path.
pub fn has(report: &Report, rule: &str, path: &str) -> bool {
    let is_it = |finding: &scanyard_contract::Finding| {
        finding.rule_id == rule && finding.location.path.as_deref() == Some(path)
    };
    report.findings.iter().any(is_it)
}

/// The rules and places of what was found, for messages of tests.
pub fn rules(report: &Report) -> Vec<String> {
    let line = |finding: &scanyard_contract::Finding| {
        let path = finding.location.path.as_deref().unwrap_or_default();
        format!("{} {} {path} {}", finding.severity.as_str(), finding.rule_id, finding.title)
    };
    report.findings.iter().map(line).collect()
}

/// A dead target makes the scan a failed one, whatever the engine exits with.
pub async fn fails_at_a_dead_target(scan_type: ScanType, program: &Path, path: &str, options: Value) {
    let (report, steering) = scan(scan_type, program, &dead_url(path), options).await;
    assert_eq!(reason(&report), FailureReason::TargetUnreachable, "{:?}", report.outcome);
    assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 0));
    assert!(report.findings.is_empty(), "{:?}", rules(&report));
    assert!(*steering.progress.borrow() < 100);
}

/// A web server of which nobody sees a page is no clean one.
pub async fn fails_at_a_server_that_refuses(scan_type: ScanType, program: &Path) {
    let address = answering(|_| "HTTP/1.0 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
    let (report, steering) = scan(scan_type, program, &format!("http://{address}/"), serde_json::json!({})).await;
    let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failure.reason, FailureReason::EngineFailed);
    assert!(failure.message.contains("answers 503, which says nothing"), "{}", failure.message);
    assert!(*steering.progress.borrow() < 100);
}

/// A page that leads to another server shows nothing of its own.
pub async fn fails_at_a_page_that_leads_away(scan_type: ScanType, program: &Path) {
    let address = answering(
        |_| "HTTP/1.0 301 Moved Permanently\r\nLocation: https://127.0.0.1:1/app?from=http\r\nContent-Length: 0\r\n\r\n",
    );
    let (report, _) = scan(scan_type, program, &format!("http://{address}/"), serde_json::json!({})).await;
    let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failure.reason, FailureReason::EngineFailed);
    assert!(failure.message.contains("redirects to https://127.0.0.1:1/app, which is another"), "{}", failure.message);
}

/// Resets connections, from the one on that comes after so many answered ones.
pub fn resetting(answered: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().flatten().enumerate() {
            if count >= answered {
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                continue;
            }
            let _ = (&stream).read(&mut [0; 4096]);
            let _ = (&stream).write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    address
}

/// A server that stops answering under a scan was not seen to its end.
pub async fn fails_at_a_server_that_goes_silent(scan_type: ScanType, program: &Path, answered: usize) {
    let url = format!("http://{}/", resetting(answered));
    let (report, steering) = scan(scan_type, program, &url, serde_json::json!({})).await;
    let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert!(matches!(failure.reason, FailureReason::EngineFailed | FailureReason::TargetUnreachable), "{failure:?}");
    assert!(failure.message.contains("answer"), "{failure:?}");
    assert!(*steering.progress.borrow() < 100);
}

/// A server that answers a request so, and hangs up.
pub fn answering(answer: fn(&str) -> &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let Ok(length) = stream.read(&mut request) else { continue };
            let _ = stream.write_all(answer(&String::from_utf8_lossy(&request[..length])).as_bytes());
        }
    });
    address
}

/// Begins a scan, cancels it when `is_time` of its progress returns, and checks that it ends cancelled within `grace`.
pub async fn cancelled(job: Job, grace: Duration, is_time: impl AsyncFnOnce(watch::Receiver<u8>)) -> Report {
    let work_dir = job.work_dir.clone();
    let steering = steering(LEASE);
    let scan = tokio::spawn(run(job, steering.control.clone()));
    is_time(steering.progress.clone()).await;
    let began = Instant::now();
    steering.cancel.cancel();
    let report = scan.await.unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(began.elapsed() < grace, "{:?}", began.elapsed());
    assert!(*steering.progress.borrow() < 100);
    assert_eq!(std::fs::read_dir(work_dir).unwrap().count(), 0);
    report
}

/// Waits until a scan is that far, two minutes at most.
pub async fn is_at(mut progress: watch::Receiver<u8>, percent: u8) {
    let far = tokio::time::timeout(Duration::from_secs(120), progress.wait_for(|now| *now >= percent));
    far.await.expect("the scan did not come so far in two minutes").unwrap();
}
