//! wapiti: typed options to argv, JSON to findings, and whether it really scanned.

mod argv;
mod findings;
mod modules;
mod options;
mod report;
#[cfg(test)]
mod samples;
mod secret;
mod watch;

pub use options::{Force, Options, Profile, Scope};

use crate::engine::engine;
use crate::job::{Control, Job, Outcome, Parsed, RawReport, Report, raise};
use crate::process::{self, Ended, JobDir, Lines, Program, Run, Soft, Stdout, Stream};
use crate::{Target, page};
use modules::{Release, modules};
use scanyard_contract::ScanType;
use scanyard_contract::scan::{Coverage, FailureReason};
use std::time::Duration;
use watch::Watch;

/// The most bytes of a report; each item repeats its request, and a large site has thousands.
const MAX_REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// How long wapiti may take to write its report after SIGINT: seconds, and in the crawl it starts to attack first.
const GRACE: Duration = Duration::from_secs(15);

/// The answers to its question on SIGINT: write the report and end. Without one it goes on.
const ANSWERS: &str = "r\nr\nr\n";

/// wapiti 3.0 downloads a database at every start unless it finds this file.
const DATABASE: &str = "apps.json";

/// Runs wapiti against the job's URL.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Wapiti(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of wapiti");
    };
    let Some(path) = job.program.clone() else {
        return Report::failed(FailureReason::EngineMissing, "wapiti is not installed");
    };
    let version = crate::version::of_job(engine(ScanType::Wapiti), &job).await;
    let release = Release::of(version.as_deref());
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    if let Err(error) = dir.write(DATABASE, b"{}") {
        return Report::no_job_dir(&job, &error);
    }
    let args = argv::argv(options, release, &job.target, job.timeout);
    let (path, args) = match &job.auth {
        None => (path, args),
        Some(auth) => match secret::started(&path, args, auth, &dir) {
            Ok(started) => started,
            Err(error) => {
                return Report::failed(FailureReason::EngineFailed, format!("credentials for wapiti: {error}"));
            }
        },
    };
    let program = Program {
        path,
        args,
        soft: Soft::InterruptTwice,
        grace: GRACE,
        stdin: Some(ANSWERS.to_string()),
        stdout: Stdout::Log,
        max_report_bytes: MAX_REPORT_BYTES,
        has_sockets: false,
    };
    let (mut lines, mut watch) = (Lines::default(), Watch::new(modules(options.profile, release).len()));
    let sender = control.progress.clone();
    let run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        if stream == Stream::Stdout {
            lines.push(bytes, |line| watch.line(line).into_iter().for_each(|percent| raise(&sender, percent)));
        }
    })
    .await;
    let report = page::crawled(finish(&job, &run, &dir, &watch), &job, &control).await;
    if report.outcome == Outcome::Completed {
        raise(&control.progress, 100);
    }
    report
}

/// Reads what wapiti left and judges it.
fn finish(job: &Job, run: &Run, dir: &JobDir, watch: &Watch) -> Report {
    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    let raw = dir.read(argv::REPORT, MAX_REPORT_BYTES).unwrap_or_default();
    let mut parsed = read(&raw, &job.target);
    parsed.coverage.reached = u64::from(parsed.coverage.reached > 0 || watch.is_reached());
    let fault = match parsed.fault.take() {
        Some(_) if raw.is_empty() => Some((FailureReason::EngineFailed, "wapiti wrote no report".to_string())),
        Some(fault) if parsed.engine_version.is_none() => Some(fault),
        // The report does not tell what ran, the lines do.
        fault => {
            let unreached = fault.filter(|(reason, _)| *reason == FailureReason::TargetUnreachable);
            watch.fault(&job.target).or(unreached)
        }
    };
    let outcome = run.outcome(engine(ScanType::Wapiti), fault);
    let is_kept = !raw.is_empty() && run.ended != Ended::OutputTooLarge;
    Report::of(outcome, parsed, is_kept.then_some(RawReport { media_type: "application/json", bytes: raw }))
}

/// Reads a report, as wapiti writes it with `-f json`.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    let unreadable = |message: &str| Some((FailureReason::ReportUnreadable, message.to_string()));
    let Some(document) = report::parse(report).filter(|document| document.infos.version.starts_with("Wapiti")) else {
        let coverage = Coverage { hosts: 1, reached: 0 };
        return Parsed {
            coverage,
            fault: unreadable("this is no JSON report of wapiti, or it was cut"),
            ..Parsed::default()
        };
    };
    let collected = findings::findings(&document, target);
    let fault = match document.infos.crawled_pages_nbr {
        Some(0) => Some((FailureReason::TargetUnreachable, format!("wapiti got no page from {target}"))),
        Some(_) | None if collected.records.read > 0 => None,
        // Neither modules that it does not have nor a cancel are told of.
        Some(_) | None => {
            unreadable("a report of wapiti without findings does not tell whether any of its modules ran")
        }
    };
    let is_reached = document.infos.crawled_pages_nbr.map_or(fault.is_none(), |pages| pages > 0);
    Parsed {
        coverage: Coverage { hosts: 1, reached: u64::from(is_reached) },
        fault,
        collected,
        engine_version: document.infos.version.split(' ').nth(1).map(|text| crate::text::clean(text.as_bytes(), 40)),
    }
}
