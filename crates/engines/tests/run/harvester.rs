//! theHarvester, as its manual says that it behaves: a script in its place, which replays what real runs wrote.

use crate::common::{Steering, is_alive, job, read_pids, steering, until};
use scanyard_contract::scan::{Failure, FailureReason};
use scanyard_engines::{Job, Options, Outcome, Report, harvester};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(30);
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/harvester");

/// What every version says first.
const BANNER: &str = "echo '* theHarvester 4.9.2                         *'; echo '[*] Target: example.test '";

struct Fake(TempDir);

impl Fake {
    /// The script has a folder for notes in `$notes` and the samples in `$samples`.
    fn new(script: &str) -> Fake {
        let fake = Fake(tempfile::tempdir().unwrap());
        let script =
            format!("#!/bin/sh\nnotes='{}'\nsamples='{SAMPLES}'\n{BANNER}\n{script}\n", fake.0.path().display());
        std::fs::write(fake.path("theHarvester"), script).unwrap();
        std::fs::set_permissions(fake.path("theHarvester"), std::fs::Permissions::from_mode(0o755)).unwrap();
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn job(&self) -> Job {
        let options = harvester::Options::parse(json!({"profile": "quick"}).as_object().unwrap()).unwrap();
        let mut job = job("example.test", Options::Harvester(options), &self.path("work"));
        job.program = Some(self.path("theHarvester"));
        job
    }

    async fn scan(&self) -> (Report, Steering) {
        let steering = steering(LEASE);
        let report = harvester::run(self.job(), steering.control.clone()).await;
        assert_eq!(std::fs::read_dir(self.path("work")).unwrap().count(), 0, "the job folder is gone");
        (report, steering)
    }
}

fn failure(report: &Report) -> &Failure {
    match &report.outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_reports_of_4_9_are_read_and_its_state_goes_with_the_run() {
    let fake = Fake::new(
        "echo \"$@\" > $notes/argv; echo $HOME > $notes/home; mkdir -p $HOME/.theHarvester
         echo '[*] Searching CRTsh. '; cp $samples/unit-out.json out.json; cp $samples/unit-out.xml out.xml",
    );
    let (report, steering) = fake.scan().await;
    assert_eq!(report.outcome, Outcome::Completed);
    let names: Vec<_> = report.findings.iter().filter_map(|finding| finding.location.host.as_deref()).collect();
    assert_eq!(names, ["api.example.test", "mail.example.test", "www.example.test"]);
    assert_eq!(report.engine_version.as_deref(), Some("4.9.2"));
    assert_eq!(report.raw.unwrap().media_type, "application/xml");
    assert_eq!(*steering.progress.borrow(), 100);
    let note = |name: &str| std::fs::read_to_string(fake.path(name)).unwrap();
    assert_eq!(
        note("argv").trim(),
        "--domain=example.test --source=crtsh,certspotter --limit 100 --quiet --filename out"
    );
    assert!(note("home").starts_with(fake.path("work").canonicalize().unwrap().to_str().unwrap()), "{}", note("home"));
}

#[tokio::test]
async fn the_newest_report_wins_where_there_is_one() {
    let fake = Fake::new(
        "cp $samples/newest.jsonl out.jsonl; cp $samples/offline.json out.json; cp $samples/offline.xml out.xml",
    );
    let (report, _) = fake.scan().await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(report.findings.len(), 3);
    assert_eq!(report.raw.unwrap().media_type, "application/x-ndjson");
}

#[tokio::test]
async fn sources_that_all_failed_are_a_failed_scan_although_it_exits_with_0() {
    let (report, steering) =
        Fake::new("cp $samples/offline.json out.json; cp $samples/offline.xml out.xml").scan().await;
    assert_eq!(failure(&report).reason, FailureReason::EngineFailed);
    assert!(failure(&report).message.contains("does not tell whether any source answered"));
    assert!(*steering.progress.borrow() < 100);
    let script = "sed 's/\"completed\"/\"failed\"/' $samples/newest.jsonl > out.jsonl";
    let (report, _) = Fake::new(script).scan().await;
    assert!(failure(&report).message.starts_with("none of theHarvester's sources answered"), "{report:?}");
    assert_eq!(report.findings.len(), 3, "what it holds counts");
    let (report, _) = Fake::new("exit 0").scan().await;
    assert_eq!(failure(&report).reason, FailureReason::ReportUnreadable);
}

#[tokio::test]
async fn a_source_that_its_version_does_not_know_is_told_in_its_words() {
    let fake =
        Fake::new("echo \"The following engines are not supported: {'crtsh'}\"; echo '[!] Invalid source.'; exit 1");
    let (report, _) = fake.scan().await;
    let failure = failure(&report);
    assert_eq!((failure.reason, failure.message.as_str()), (FailureReason::EngineFailed, "theHarvester exited with 1"));
    assert!(failure.last_lines.contains(&"[!] Invalid source.".to_string()), "{failure:?}");
}

#[tokio::test]
async fn a_cancel_and_a_timeout_end_it_at_once() {
    let slow = "echo $$ >> $notes/pids; echo '[*] Searching CRTsh. '; while :; do sleep 0.1; done";
    let fake = Fake::new(slow);
    let steering = steering(LEASE);
    let run = tokio::spawn(harvester::run(fake.job(), steering.control.clone()));
    let mut progress = steering.progress.clone();
    progress.wait_for(|percent| *percent == 45).await.unwrap();
    let cancelled = Instant::now();
    steering.cancel.cancel();
    assert_eq!(run.await.unwrap().outcome, Outcome::Cancelled);
    assert!(cancelled.elapsed() < Duration::from_secs(3), "{:?}", cancelled.elapsed());
    until(|| read_pids(&fake.path("pids")).iter().all(|pid| !is_alive(*pid))).await;

    let fake = Fake::new(slow);
    let mut job = fake.job();
    job.timeout = Duration::from_secs(1);
    let report = harvester::run(job, crate::common::steering(LEASE).control).await;
    assert_eq!(failure(&report).reason, FailureReason::TimedOut);
}
