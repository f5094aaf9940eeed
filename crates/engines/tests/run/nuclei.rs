//! nuclei, as its manual says that it behaves: a script in its place, which writes what nuclei writes.

use crate::common::{Steering, is_alive, job, read_pids, steering, until};
use scanyard_contract::scan::FailureReason;
use scanyard_engines::{Job, Options, Outcome, Report, nuclei};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(30);
const TARGET: &str = "http://127.0.0.1:8081/";

/// One result, and statistics with everything as text.
const RESULT: &str = r#"{"template-id":"git-config","info":{"name":"Git","severity":"medium"},"type":"http","matched-at":"http://127.0.0.1:8081/.git/config","matcher-status":true}"#;

fn stats(percent: u32, requests: u32, errors: u32) -> String {
    format!(
        r#"echo '{{"duration":"0:00:05","errors":"{errors}","hosts":"1","matched":"1","percent":"{percent}","requests":"{requests}","rps":"84","startedAt":"2026-11-21T06:00:00Z","templates":"100","total":"1000"}}' >&2"#
    )
}

/// A folder with a program, templates, and what the program notes of its run.
struct Fake(TempDir);

impl Fake {
    /// The script finds the arguments as nuclei does, and a folder for notes in `$notes`.
    fn new(script: &str) -> Fake {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("templates")).unwrap();
        let fake = Fake(dir);
        let script = format!("#!/bin/sh\nnotes='{}'\n{script}\n", fake.0.path().display());
        std::fs::write(fake.path("nuclei"), script).unwrap();
        std::fs::set_permissions(fake.path("nuclei"), std::fs::Permissions::from_mode(0o755)).unwrap();
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn note(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn job(&self, options: Value) -> Job {
        let options = nuclei::Options::parse(options.as_object().unwrap()).unwrap();
        let mut job = job(TARGET, Options::Nuclei(options), &self.path("work"));
        job.program = Some(self.path("nuclei"));
        job.templates = Some(self.path("templates"));
        job
    }

    async fn scan(&self) -> (Report, Steering) {
        let steering = steering(LEASE);
        let report = nuclei::run(self.job(json!({})), steering.control.clone()).await;
        assert_eq!(std::fs::read_dir(self.path("work")).unwrap().count(), 0, "the job folder is gone");
        (report, steering)
    }
}

fn failure(report: &Report) -> (FailureReason, &str) {
    match &report.outcome {
        Outcome::Failed(failure) => (failure.reason, &failure.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_scan_that_made_requests_is_completed_with_what_it_found() {
    let fake = Fake::new(&format!(
        "cat targets.txt > $notes/targets; cat resolvers.txt > $notes/resolvers; echo \"$@\" > $notes/argv
         ls -d $HOME/nuclei-templates > $notes/own
         echo '{RESULT}' > out.jsonl\n{}\n{}",
        stats(42, 420, 3),
        stats(100, 1000, 3)
    ));
    let (report, steering) = fake.scan().await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!((report.findings.len(), report.coverage.reached), (1, 1));
    assert_eq!(report.findings[0].rule_id, "git-config");
    assert_eq!(report.raw.unwrap().bytes, format!("{RESULT}\n").into_bytes());
    assert_eq!(*steering.progress.borrow(), 100);

    assert_eq!(fake.note("targets"), format!("{TARGET}\n"), "the target is no argument");
    assert!(!fake.note("argv").contains("127.0.0.1"), "{}", fake.note("argv"));
    assert!(fake.note("resolvers").starts_with("127.0.0.1:"), "no name server but ours");
    assert!(fake.note("argv").contains(" -duc -ni "), "neither updates nor a public interaction server");
    assert!(fake.note("own").contains("nuclei-templates"), "nothing that it would download");
}

#[tokio::test]
async fn credentials_are_in_a_file_of_the_run_alone() {
    let fake = Fake::new(&format!(
        "cat headers.txt > $notes/headers; stat -c %a headers.txt > $notes/mode; echo \"$@\" > $notes/argv
         echo '{RESULT}' | sed s,/.git/,/token-9f8e7d/, > out.jsonl\n{}",
        stats(100, 1000, 3)
    ));
    let auth = json!({"headers": [{"name": "X-Token", "value": "token-9f8e7d"}], "cookies": [{"name": "sid", "value": "cookie-1"}]});
    let auth = serde_json::from_value(auth).unwrap();
    let job = Job { auth: Some(auth), ..fake.job(json!({})) };
    let report = scanyard_engines::run(job, steering(LEASE).control.clone()).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(fake.note("headers"), "X-Token: token-9f8e7d\nCookie: sid=cookie-1\n");
    assert_eq!(fake.note("mode"), "600\n");
    assert!(fake.note("argv").ends_with(" -H headers.txt\n") && !fake.note("argv").contains("9f8e7d"));
    assert!(!format!("{report:?}").contains("9f8e7d"), "a report repeats no secret");
}

#[tokio::test]
async fn a_clean_target_is_a_completed_scan_without_findings() {
    let (report, _) = Fake::new(&stats(100, 1000, 0)).scan().await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(report.findings.is_empty() && report.raw.is_none());
    assert_eq!(report.coverage.reached, 1);
}

#[tokio::test]
async fn a_run_that_never_scanned_has_failed_although_it_exits_with_0() {
    let (report, _) = Fake::new("exit 0").scan().await;
    assert_eq!(failure(&report).0, FailureReason::EngineFailed);
    let (report, _) = Fake::new(&stats(0, 0, 0)).scan().await;
    assert!(failure(&report).1.contains("made no request"), "{:?}", report.outcome);
    let (report, steering) = Fake::new(&stats(100, 1000, 990)).scan().await;
    assert_eq!(
        failure(&report),
        (FailureReason::TargetUnreachable, "990 of 1000 requests to http://127.0.0.1:8081/ failed")
    );
    assert_eq!(report.coverage.reached, 1, "ten were answered");
    assert!(*steering.progress.borrow() < 100);
}

#[tokio::test]
async fn a_fatal_error_is_told_with_its_last_line() {
    let fake = Fake::new("echo '[FTL] Could not run nuclei: no templates provided for scan' >&2; exit 1");
    let (report, _) = fake.scan().await;
    let Outcome::Failed(failure) = report.outcome else { panic!() };
    assert_eq!(failure.reason, FailureReason::EngineFailed);
    assert_eq!(failure.last_lines, ["[FTL] Could not run nuclei: no templates provided for scan"]);
}

#[tokio::test]
async fn a_report_that_is_cut_or_foreign_is_a_failed_scan_with_what_it_holds() {
    let cut = format!("printf '%s\\n{{\"template-id\":' '{RESULT}' > out.jsonl\n{}", stats(100, 9, 0));
    let (report, _) = Fake::new(&cut).scan().await;
    assert_eq!((failure(&report).0, report.findings.len()), (FailureReason::ReportUnreadable, 1));
    let (report, _) = Fake::new(&format!("echo '<xml/>' > out.jsonl\n{}", stats(100, 9, 0))).scan().await;
    assert_eq!(failure(&report).0, FailureReason::ReportUnreadable);
}

/// Ends as nuclei does: SIGINT is waited for and ends with 1 after the results so far, SIGTERM is not handled.
fn slow() -> String {
    format!(
        "trap 'echo resume > $HOME/resume.cfg; exit 1' INT
         echo $$ >> $notes/pids; echo '{RESULT}' > out.jsonl\n{}\nwhile :; do sleep 0.1; done",
        stats(10, 100, 0)
    )
}

#[tokio::test]
async fn a_cancel_interrupts_it_and_keeps_what_was_found() {
    let fake = Fake::new(&slow());
    let steering = steering(LEASE);
    let run = tokio::spawn(nuclei::run(fake.job(json!({})), steering.control.clone()));
    let mut progress = steering.progress.clone();
    progress.wait_for(|percent| *percent == 10).await.unwrap();
    let cancelled = Instant::now();
    steering.cancel.cancel();
    let report = run.await.unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(cancelled.elapsed() < Duration::from_secs(5), "{:?}", cancelled.elapsed());
    assert_eq!(report.findings.len(), 1, "the partial report is kept");
    until(|| read_pids(&fake.path("pids")).iter().all(|pid| !is_alive(*pid))).await;
}

#[tokio::test]
async fn a_scan_past_its_time_failed_with_what_was_found() {
    let fake = Fake::new(&slow());
    let mut job = fake.job(json!({}));
    job.timeout = Duration::from_secs(3);
    let report = nuclei::run(job, steering(LEASE).control).await;
    assert_eq!((failure(&report).0, report.findings.len()), (FailureReason::TimedOut, 1));
}

#[tokio::test]
async fn a_stop_keeps_nothing() {
    let fake = Fake::new(&slow());
    let steering = steering(LEASE);
    steering.stop.cancel();
    let report = nuclei::run(fake.job(json!({})), steering.control.clone()).await;
    assert_eq!(report.outcome, Outcome::Stopped);
    assert!(report.raw.is_none() && report.findings.is_empty());
}

#[tokio::test]
async fn a_folder_of_templates_must_be_absolute_and_there() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(nuclei::templates_fault(Some(dir.path())), None);
    for bad in [None, Some("templates".into()), Some("/a,b".into()), Some(dir.path().join("none"))] {
        assert!(nuclei::templates_fault(bad.as_deref()).is_some(), "{bad:?}");
    }
}
