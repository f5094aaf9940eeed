//! Scans of a place that only members see: engines get the credentials by file, and nothing repeats them.

use crate::common::steering;
use crate::web::{LEASE, has, installed, reason, rules, web_job};
use scanyard_contract::ScanType;
use scanyard_contract::scan::{FailureReason, ScanAuth};
use scanyard_engines::weak_target::WeakTarget;
use scanyard_engines::{Outcome, Report, auth, run};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const SQLMAP: &str = "/opt/scanyard/engines/sqlmap/bin/sqlmap";
const WAPITI: &str = "/opt/scanyard/engines/wapiti/bin/wapiti";

async fn scan(scan_type: ScanType, program: &Path, url: &str, options: Value, auth: Option<Value>) -> Report {
    assert!(program.is_file(), "this test needs {}: scripts/install-engines", program.display());
    let dir = tempfile::tempdir().unwrap();
    let mut job = web_job(scan_type, program, url, options, dir.path());
    job.auth = auth.map(|auth| serde_json::from_value(auth).unwrap());
    if let Some(given) = &job.auth {
        assert_eq!(auth::faults(scan_type, given), []);
    }
    run(job, steering(LEASE).control).await
}

fn cookie() -> Value {
    json!({"cookies": [{"name": "member", "value": "open-sesame"}]})
}

fn basic() -> Value {
    json!({"basic": {"username": "member", "password": "open-sesame"}})
}

fn holds_no_secret(report: &Report) {
    let raw = String::from_utf8_lossy(&report.raw.as_ref().expect("a raw report").bytes).into_owned();
    for text in [raw, format!("{report:?}")] {
        assert!(!text.contains("open-sesame") && !text.contains("bWVtYmVyOm9wZW4"), "{text}");
    }
}

#[tokio::test]
async fn sqlmap_is_let_in_with_a_password_or_a_cookie() {
    let weak = WeakTarget::start().await.unwrap();
    let url = format!("http://{}/shop/members/item?id=1", weak.http);
    let shut_out = scan(ScanType::Sqlmap, Path::new(SQLMAP), &url, json!({}), None).await;
    assert_eq!(reason(&shut_out), FailureReason::EngineFailed, "{:?}", shut_out.outcome);
    for auth in [basic(), cookie()] {
        let report = scan(ScanType::Sqlmap, Path::new(SQLMAP), &url, json!({}), Some(auth)).await;
        assert_eq!(report.outcome, Outcome::Completed);
        assert!(has(&report, "sqli", "/shop/members/item"), "{:?}", rules(&report));
        holds_no_secret(&report);
    }
    // A page without a fault is asked for once more, with the same credentials.
    let url = format!("http://{}/shop/account?id=1&page=2", weak.http);
    for auth in [basic(), cookie()] {
        let report = scan(ScanType::Sqlmap, Path::new(SQLMAP), &url, json!({"parameter": "page"}), Some(auth)).await;
        assert_eq!(report.outcome, Outcome::Completed);
        assert!(report.findings.is_empty(), "{:?}", rules(&report));
    }
}

#[tokio::test]
async fn wapiti_is_let_in_with_a_password_or_a_cookie() {
    let weak = WeakTarget::start().await.unwrap();
    let url = format!("http://{}/shop/members/", weak.http);
    for program in [WAPITI, "/usr/bin/wapiti"].map(Path::new) {
        for auth in [basic(), cookie()] {
            let report = scan(ScanType::Wapiti, program, &url, json!({"profile": "active"}), Some(auth)).await;
            assert_eq!(report.outcome, Outcome::Completed);
            assert!(has(&report, "sql-injection", "/shop/members/item"), "{:?}", rules(&report));
            holds_no_secret(&report);
        }
    }
}

#[tokio::test]
async fn nikto_is_let_in_with_a_cookie() {
    let weak = WeakTarget::start().await.unwrap();
    let url = format!("http://{}/shop/members/", weak.http);
    let nikto = installed(ScanType::Nikto);
    let has_listing = |report: &Report| report.findings.iter().any(|finding| finding.rule_id.starts_with("7500"));
    let shut_out = scan(ScanType::Nikto, &nikto, &url, json!({"profile": "light"}), None).await;
    assert!(!has_listing(&shut_out), "{:?}", rules(&shut_out));
    let report = scan(ScanType::Nikto, &nikto, &url, json!({"profile": "light"}), Some(cookie())).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(has_listing(&report), "{:?}", rules(&report));
    holds_no_secret(&report);
}

/// The command lines of all processes on this machine.
fn command_lines() -> String {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).into_owned() + "\n").collect()
}

#[tokio::test]
async fn nobody_on_the_machine_reads_the_credentials_off_a_command_line() {
    let weak = WeakTarget::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (scan_type, program) in [(ScanType::Wapiti, WAPITI), (ScanType::Sqlmap, SQLMAP)] {
        let url = format!("http://{}/shop/members/item?id=1", weak.http);
        let mut job = web_job(scan_type, Path::new(program), &url, json!({}), dir.path());
        let secret = json!({"headers": [{"name": "X-Key", "value": "a-word-for-this-test"}]});
        job.auth = Some(serde_json::from_value::<ScanAuth>(secret).unwrap());
        let folder = dir.path().join(job.run_id.to_string());
        let steering = steering(LEASE);
        let scan = tokio::spawn(run(job, steering.control.clone()));
        let deadline = Instant::now() + Duration::from_secs(200);
        // The folder's name stands in no argument; the target's port does.
        while !command_lines().lines().any(|line| line.contains(&weak.http.to_string()) && line.contains("python")) {
            assert!(Instant::now() < deadline, "{scan_type} did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(folder.exists());
        assert!(!command_lines().contains("a-word-for-this-test"));
        steering.stop.cancel();
        scan.await.unwrap();
    }
}
