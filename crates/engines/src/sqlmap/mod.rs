//! sqlmap, detection only: typed options to argv, its report to findings, and whether it really tested anything.

mod argv;
mod command;
mod findings;
mod options;
mod report;
#[cfg(test)]
mod samples;
mod watch;

pub(crate) use command::command;
pub use options::{Options, Technique};

use crate::engine::engine;
use crate::job::{Control, Job, Outcome, Parsed, RawReport, Report, raise};
use crate::process::{self, Ended, JobDir, Lines, Program, Run, Soft, Stdout, Stream};
use crate::{Target, page};
use scanyard_contract::ScanType;
use scanyard_contract::scan::{Coverage, Failure, FailureReason};
use std::time::{Duration, Instant};
use watch::Watch;

/// The most bytes of a report; one of a crawl with a hundred points takes a hundredth of it.
const MAX_REPORT_BYTES: u64 = 32 * 1024 * 1024;

/// How long sqlmap may take to write its report after SIGINT; it was seen to take 300 ms. SIGTERM would lose it.
const GRACE: Duration = Duration::from_secs(5);

/// Runs sqlmap against the job's URL.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Sqlmap(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of sqlmap");
    };
    let Some(path) = &job.program else {
        return Report::failed(FailureReason::EngineMissing, "sqlmap is not installed");
    };
    let version = crate::version::of_job(engine(ScanType::Sqlmap), &job).await;
    let is_new = argv::is_new(version.as_deref());
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    if let Some(auth) = &job.auth
        && let Err(error) = dir.write(argv::CONFIG, argv::config(auth, &job.target).as_bytes())
    {
        return Report::no_job_dir(&job, &error);
    }
    let (path, mut args) = command(path);
    args.extend(argv::argv(options, is_new, job.auth.is_some(), &job.target, job.timeout));
    let program = Program {
        path,
        args,
        soft: Soft::Interrupt,
        grace: GRACE,
        stdin: None,
        stdout: Stdout::Log,
        max_report_bytes: MAX_REPORT_BYTES,
        has_sockets: false,
    };
    let (mut lines, mut watch) = (Lines::default(), Watch::new(options, &job.target));
    let sender = control.progress.clone();
    let began = Instant::now();
    let run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        if stream == Stream::Stdout {
            lines.push(bytes, |line| watch.line(line).into_iter().for_each(|percent| raise(&sender, percent)));
        }
    })
    .await;
    let is_out_of_time = began.elapsed() >= argv::time_limit(job.timeout);
    let mut report = finish(&job, &run, &dir, &watch, is_out_of_time);
    report.engine_version = report.engine_version.or(version);
    if report.findings.is_empty() {
        report = page::judged(report, &control, redirected(&job, options)).await;
    }
    if report.outcome == Outcome::Completed {
        raise(&control.progress, 100);
    }
    report
}

/// What is wrong where the page redirects.
async fn redirected(job: &Job, options: &Options) -> Option<String> {
    let place = page::redirect(job, options.data.as_deref()).await?;
    Some(format!(
        "{} redirects to {place}, and sqlmap does not follow: it saw no page that it could test; scan the page that \
         answers, or give credentials in `auth`",
        job.target
    ))
}

/// Reads what sqlmap left and judges it by what it said: an empty report looks the same for a dead and a clean target.
fn finish(job: &Job, run: &Run, dir: &JobDir, watch: &Watch, is_out_of_time: bool) -> Report {
    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    let (raw, media_type) = match dir.read(argv::REPORT, MAX_REPORT_BYTES) {
        Ok(json) => (json, "application/json"),
        Err(_) => (log(dir).unwrap_or_default(), "text/plain"),
    };
    let mut parsed = read(&raw, &job.target);
    let has_found = !parsed.collected.findings.is_empty();
    parsed.coverage.reached = u64::from(has_found || watch.is_reached);
    parsed.fault = if is_out_of_time {
        let message = "sqlmap was not done when the scan's time was up; give it more, or ask for less";
        Some((FailureReason::TimedOut, message.to_string()))
    } else {
        watch.fault(&job.target).filter(|_| !has_found)
    };
    let outcome = match (run.outcome(engine(ScanType::Sqlmap), parsed.fault.take()), watch.refused(&job.target)) {
        // 1.10 asks ever more slowly whoever refuses it for asking too fast: more time would not help.
        (Outcome::Failed(Failure { reason: FailureReason::TimedOut, .. }), Some((reason, message))) if !has_found => {
            run.failed(reason, message)
        }
        (outcome, _) => outcome,
    };
    let is_kept = !raw.is_empty() && run.ended != Ended::OutputTooLarge;
    Report::of(outcome, parsed, is_kept.then_some(RawReport { media_type, bytes: raw }))
}

/// The log in sqlmap's notes, which are a folder a host.
fn log(dir: &JobDir) -> Option<Vec<u8>> {
    let folders = std::fs::read_dir(dir.path().join(argv::NOTES)).ok()?.flatten();
    let folder = folders.into_iter().find(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))?;
    let name = format!("{}/{}/log", argv::NOTES, folder.file_name().to_str()?);
    dir.read(&name, MAX_REPORT_BYTES).ok()
}

/// The pages that a report names.
pub(crate) fn pages(report: &[u8]) -> Vec<String> {
    report::parse(report).points.into_iter().filter_map(|point| point.url).collect()
}

/// Reads a report: the JSON of `--report-json`, or the `log` of a folder of notes.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    let document = report::parse(report);
    let fault = if !document.is_sqlmap {
        Some("this is neither a JSON report nor a log of sqlmap".to_string())
    } else if document.points.is_empty() {
        // It is written the same for a dead target, so it proves nothing.
        Some("a report of sqlmap without an injection does not tell whether anything was tested".to_string())
    } else {
        None
    };
    let reached = u64::from(!document.points.is_empty());
    Parsed {
        fault: fault.map(|message| (FailureReason::ReportUnreadable, message)),
        collected: findings::findings(&document, target),
        coverage: Coverage { hosts: 1, reached },
        engine_version: document.version,
    }
}
