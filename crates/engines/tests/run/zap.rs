//! ZAP is in no package registry: these tests drive a program that behaves as its manual says and replays a report.

use crate::web::{LEASE, answering, cancelled, dead_url, reason, scan, web_job};
use scanyard_contract::ScanType;
use scanyard_contract::finding::Severity;
use scanyard_contract::scan::FailureReason;
use scanyard_engines::{Outcome, run};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const REPORT: &str = include_str!("../samples/zap/report.json");
const DOWN: &str = include_str!("../samples/zap/down.json");
const TARGET: &str = "http://127.0.0.1:8081/";

/// A `zap.sh`: it must get the flags that it needs, a plan that it can read and a home that is not shared; then it runs
/// `body`, which finds the plan's folder in `$out` and a report in `$report`.
fn zap(dir: &Path, report: &str, body: &str) -> PathBuf {
    let (program, recorded) = (dir.join("zap.sh"), dir.join("recorded.json"));
    std::fs::write(&recorded, report).unwrap();
    let script = format!(
        r#"#!/bin/sh
[ "$1 $2 $3 $5" = "-cmd -silent -dir -autorun" ] || {{ echo "bad arguments: $*"; exit 1; }}
[ "$(stat -c %a "$6")" = 600 ] || {{ echo "others can read the plan"; exit 1; }}
grep -q '"type":"spider"' "$6" || {{ echo "no plan"; exit 1; }}
mkdir "$4" || exit 1
out=$(dirname "$6") report={}
{body}
"#,
        recorded.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    program
}

#[tokio::test]
async fn a_plan_that_ends_well_or_with_a_warning_is_a_completed_scan() {
    let address = answering(|_| "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let of_address = REPORT.replace("8081", &address.port().to_string());
    for code in [0, 2] {
        let dir = tempfile::tempdir().unwrap();
        let body = format!(
            "echo Job spider started; echo Job spider finished, time taken: 00:00:01\n\
             cp $report $out/report.json; exit {code}"
        );
        let program = zap(dir.path(), &of_address, &body);
        let target = format!("http://{address}/");
        let (report, steering) = scan(ScanType::Zap, &program, &target, json!({"profile": "active"})).await;
        assert_eq!(report.outcome, Outcome::Completed);
        assert_eq!(report.findings.len(), 3);
        assert_eq!(report.findings[0].severity, Severity::High);
        assert_eq!(report.engine_version.as_deref(), Some("2.17.0"));
        assert_eq!(*steering.progress.borrow(), 100);
    }
}

/// It was there when ZAP looked, and nobody knows for how long.
#[tokio::test]
async fn a_target_that_has_gone_in_the_end_is_a_failed_scan_that_keeps_what_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let url = dead_url("/");
    let of_url = REPORT.replace("8081", url.rsplit(':').next().unwrap().trim_end_matches('/'));
    let program = zap(dir.path(), &of_url, "cp $report $out/report.json");
    let (report, steering) = scan(ScanType::Zap, &program, &url, json!({})).await;
    let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failure.reason, FailureReason::EngineFailed);
    assert!(failure.message.contains("gave no answer when the scan was done"), "{failure:?}");
    assert_eq!(report.findings.len(), 3);
    assert!(*steering.progress.borrow() < 100);
}

#[tokio::test]
async fn a_dead_target_is_a_failed_scan() {
    let spider_fails = "echo Job spider error accessing URL http://127.0.0.1:8081/ : Connection refused; exit 1";
    for (body, recorded) in [("cp $report $out/report.json", DOWN), (spider_fails, DOWN)] {
        let dir = tempfile::tempdir().unwrap();
        let (report, _) = scan(ScanType::Zap, &zap(dir.path(), recorded, body), TARGET, json!({})).await;
        assert_eq!(reason(&report), FailureReason::TargetUnreachable, "{body}");
        assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 0));
    }
}

#[tokio::test]
async fn a_zap_that_breaks_has_failed_with_its_last_lines() {
    for body in ["echo a mandatory add-on is missing; exit 1", "echo a mandatory add-on is missing; exit 0"] {
        let dir = tempfile::tempdir().unwrap();
        let (report, _) = scan(ScanType::Zap, &zap(dir.path(), REPORT, body), TARGET, json!({})).await;
        assert_eq!(reason(&report), FailureReason::EngineFailed);
        let Outcome::Failed(failure) = report.outcome else { panic!("{body}") };
        assert_eq!(failure.last_lines, ["a mandatory add-on is missing"]);
    }
}

#[tokio::test]
async fn a_cancelled_zap_keeps_the_report_that_it_writes_on_sigterm() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let body = "trap 'cp $report $out/report.json; exit 0' TERM; touch $out/ready; while :; do sleep 0.1; done";
    let job = web_job(ScanType::Zap, &zap(dir.path(), REPORT, body), TARGET, json!({}), work.path());
    let ready = work.path().join(job.run_id.to_string()).join("ready");
    let has_begun = async |_| crate::common::until(|| ready.exists()).await;
    let report = cancelled(job, Duration::from_secs(5), has_begun).await;
    assert_eq!(report.findings.len(), 3);
}

#[tokio::test]
async fn a_zap_past_its_time_has_failed() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // The plan's own limit is eight tenths of the scan's.
    let body = "sleep 4; cp $report $out/report.json; exit 0";
    let mut job = web_job(ScanType::Zap, &zap(dir.path(), REPORT, body), TARGET, json!({}), work.path());
    job.timeout = Duration::from_secs(5);
    let report = run(job, crate::common::steering(LEASE).control).await;
    assert_eq!(reason(&report), FailureReason::TimedOut);
    assert_eq!(report.findings.len(), 3, "what it found counts");
}
