//! sublist3r, live where nothing but loopback can be reached, and a script in its place for what it says elsewhere.

use crate::common::{Steering, is_alive, is_alone, job, steering, until};
use scanyard_contract::scan::{Failure, FailureReason};
use scanyard_engines::{Availability, Job, Options, Outcome, Report, locate, sublist3r};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(30);

/// The installed program; the one of the install script where there are both.
fn installed() -> PathBuf {
    match locate(scanyard_contract::ScanType::Sublist3r, None, &crate::web::install_dirs()) {
        Availability::Program(path) => path,
        other => panic!("this test needs sublist3r: scripts/install-engines or apt-get install sublist3r: {other:?}"),
    }
}

fn sublist3r_job(program: &Path, options: Value, work_dir: &Path) -> Job {
    let options = sublist3r::Options::parse(options.as_object().unwrap()).unwrap();
    let mut job = job("example.test", Options::Sublist3r(options), work_dir);
    job.program = Some(program.to_path_buf());
    job.limits.is_confined = !program.starts_with(std::env::temp_dir());
    job
}

fn failure(report: &Report) -> &Failure {
    match &report.outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// The processes that carry a run's mark in their environment.
fn of_run(run_id: uuid::Uuid) -> Vec<i32> {
    let mark = format!("SCANYARD_RUN_ID={run_id}");
    let is_of_run = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) && is_alive(*pid)
    };
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes.filter(is_of_run).collect()
}

#[tokio::test]
async fn without_a_network_it_is_a_failed_scan_and_not_an_empty_one() {
    if !is_alone("sublist3r::without_a_network_it_is_a_failed_scan_and_not_an_empty_one") {
        return;
    }
    for profile in ["quick", "default"] {
        let dir = tempfile::tempdir().unwrap();
        let steering = steering(LEASE);
        // As long as the server's own is: it keeps a socket below it.
        let work_dir = dir.path().join("a".repeat(60));
        let job = sublist3r_job(&installed(), json!({"profile": profile}), &work_dir);
        let report = sublist3r::run(job, steering.control.clone()).await;
        let failure = failure(&report);
        assert_eq!(failure.reason, FailureReason::EngineFailed);
        assert!(failure.message.contains("found no name"), "{failure:?}");
        assert!(!failure.last_lines.is_empty());
        assert!(report.findings.is_empty() && report.raw.is_none());
        assert_eq!(*steering.progress.borrow(), 10, "it has asked its sources: {failure:?}");
    }
}

#[tokio::test]
async fn a_cancel_leaves_none_of_its_children() {
    if !is_alone("sublist3r::a_cancel_leaves_none_of_its_children") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let steering = steering(LEASE);
    let job = sublist3r_job(&installed(), json!({"profile": "full"}), dir.path());
    let run_id = job.run_id;
    let run = tokio::spawn(sublist3r::run(job, steering.control.clone()));
    // The supervisor, sublist3r, the process that holds its list, and one for each source.
    until(|| of_run(run_id).len() > 4).await;
    let cancelled = Instant::now();
    steering.cancel.cancel();
    let report = run.await.unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(cancelled.elapsed() < Duration::from_secs(8), "{:?}", cancelled.elapsed());
    assert_eq!(of_run(run_id), Vec::<i32>::new());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// Runs a script in its place.
async fn fake(script: &str) -> (Report, Steering) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sublist3r");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let steering = steering(LEASE);
    let job = sublist3r_job(&path, json!({}), &dir.path().join("work"));
    (sublist3r::run(job, steering.control.clone()).await, steering)
}

#[tokio::test]
async fn names_below_the_domain_are_assets() {
    let (report, steering) = fake(
        "echo '[-] Searching now in SSL Certificates..'
         printf 'www.example.test\\nAPI.example.test<BR>www.example.test\\nexample.com\\n' > out.txt",
    )
    .await;
    assert_eq!(report.outcome, Outcome::Completed);
    let names: Vec<_> = report.findings.iter().filter_map(|finding| finding.location.host.as_deref()).collect();
    assert_eq!(names, ["www.example.test", "api.example.test"]);
    assert_eq!((report.records.read, report.records.merged, report.records.dropped["not below the domain"]), (4, 1, 1));
    assert_eq!(report.raw.unwrap().media_type, "text/plain");
    assert_eq!(*steering.progress.borrow(), 100);
}

#[tokio::test]
async fn a_domain_that_it_does_not_take_is_told_in_its_words() {
    let (report, _) = fake("echo 'Error: Please enter a valid domain'").await;
    assert_eq!(failure(&report).message, "sublist3r: Error: Please enter a valid domain");
}

#[tokio::test]
async fn sources_that_failed_for_certain_are_counted() {
    let (report, _) = fake("echo 'Process Virustotal-9:' >&2").await;
    let message = "sublist3r found no name, and 1 of its 4 sources failed for certain: virustotal";
    assert_eq!(failure(&report).message, message);
}

#[tokio::test]
async fn names_of_few_sources_are_a_part_of_a_scan() {
    let of = async |failed: &str| {
        fake(&format!("for n in {failed}; do echo \"Process $n-1:\" >&2; done; echo a.example.test > out.txt")).await.0
    };
    let report = of("Virustotal Virustotal ThreatCrowd PassiveDNS").await;
    let message = "3 of sublist3r's 4 sources failed for certain: passivedns, threatcrowd, virustotal";
    assert_eq!((failure(&report).reason, failure(&report).message.as_str()), (FailureReason::EngineFailed, message));
    assert_eq!(report.findings[0].location.host.as_deref(), Some("a.example.test"));
    assert_eq!(of("Virustotal ThreatCrowd").await.outcome, Outcome::Completed);
}
