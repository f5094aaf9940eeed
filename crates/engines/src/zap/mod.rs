//! OWASP ZAP, driven by an automation plan: typed options to a plan, its report to findings, and whether it really scanned.

mod findings;
mod options;
mod plan;
mod report;
#[cfg(test)]
mod samples;

pub use options::{Intensity, Options, Profile};

use crate::engine::engine;
use crate::job::{Control, Job, Outcome, Parsed, RawReport, Report, raise};
use crate::process::{self, Ended, JobDir, Lines, Program, Run, Soft, Stdout, Stream};
use crate::{Target, page};
use scanyard_contract::ScanType;
use scanyard_contract::scan::{Coverage, FailureReason};
use std::time::{Duration, Instant};

/// The most bytes of a report, and of any file in ZAP's own database of what it sent and got.
const MAX_REPORT_BYTES: u64 = 1024 * 1024 * 1024;
/// The most bytes of a report that are read.
const MAX_READ: u64 = 64 * 1024 * 1024;

/// How long ZAP may take to end after SIGTERM: it closes its database first.
const GRACE: Duration = Duration::from_secs(30);

/// Runs ZAP against the job's URL.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Zap(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of ZAP");
    };
    let Some(path) = job.program.clone() else {
        return Report::failed(FailureReason::EngineMissing, "ZAP is not installed");
    };
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    let Some(plan) = plan::plan(options, job.auth.as_ref(), &job.target, dir.path(), job.timeout) else {
        return Report::failed(FailureReason::EngineFailed, format!("ZAP cannot be given {}", job.target));
    };
    if let Err(error) = dir.write(plan::PLAN, plan.to_string().as_bytes()) {
        return Report::no_job_dir(&job, &error);
    }
    let program = Program {
        path,
        args: plan::argv(dir.path()),
        soft: Soft::Terminate,
        grace: GRACE,
        stdin: None,
        stdout: Stdout::Log,
        max_report_bytes: MAX_REPORT_BYTES,
        has_sockets: false,
    };
    let (mut lines, mut has_no_access) = (Lines::default(), false);
    let sender = control.progress.clone();
    let began = Instant::now();
    let run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        if stream == Stream::Stdout {
            lines.push(bytes, |line| {
                has_no_access |= line.contains("error accessing URL") || line.contains("Failed to access URL");
                percent(line).into_iter().for_each(|percent| raise(&sender, percent));
            });
        }
    })
    .await;
    let is_out_of_time = began.elapsed() >= plan::time_limit(job.timeout);
    let report = page::crawled(finish(&job, &run, &dir, has_no_access, is_out_of_time), &job, &control).await;
    if report.outcome == Outcome::Completed {
        raise(&control.progress, 100);
    }
    report
}

/// The percentage that a line such as `Job spider finished` stands for.
fn percent(line: &str) -> Option<u8> {
    let (name, rest) = line.trim().strip_prefix("Job ")?.split_once(' ')?;
    let step = plan::STEPS.iter().position(|step| *step == name)?;
    let at = if rest.starts_with("finished") { step + 1 } else { step };
    Some((at * 95 / plan::STEPS.len()) as u8)
}

/// Reads what ZAP left and judges it. Its exit code is 0, 1 for an error of the plan, or 2 for a warning.
fn finish(job: &Job, run: &Run, dir: &JobDir, has_no_access: bool, is_out_of_time: bool) -> Report {
    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    let raw = dir.read(plan::REPORT, MAX_READ).unwrap_or_default();
    let mut parsed = read(&raw, &job.target);
    let fault = parsed.fault.take();
    let unreachable = || (FailureReason::TargetUnreachable, format!("ZAP got no page from {}", job.target));
    let outcome = match (run.exit_code(engine(ScanType::Zap)), fault) {
        (Err(outcome), _) => outcome,
        (Ok(_), _) if is_out_of_time => run.failed(
            FailureReason::TimedOut,
            "ZAP was not done when the scan's time was up; give it more, or ask for less",
        ),
        (Ok(_), _) if has_no_access && parsed.coverage.reached == 0 => run.failed(unreachable().0, unreachable().1),
        (Ok(_), Some(_)) if raw.is_empty() => run.failed(FailureReason::EngineFailed, "ZAP wrote no report"),
        (Ok(0 | 2), Some((reason, message))) => run.failed(reason, message),
        (Ok(0 | 2), None) => Outcome::Completed,
        (Ok(code), _) => {
            run.failed(FailureReason::EngineFailed, format!("ZAP's plan ended with an error, exit code {code}"))
        }
    };
    let is_kept = !raw.is_empty() && run.ended != Ended::OutputTooLarge;
    Report::of(outcome, parsed, is_kept.then_some(RawReport { media_type: "application/json", bytes: raw }))
}

/// Reads a report, as ZAP writes it with the template `traditional-json`.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    let Some(document) = report::parse(report) else {
        let message = "this is no `traditional-json` report of ZAP, or it was cut".to_string();
        let coverage = Coverage { hosts: 1, reached: 0 };
        return Parsed { coverage, fault: Some((FailureReason::ReportUnreadable, message)), ..Parsed::default() };
    };
    let is_reached = document.site.iter().any(|site| findings::is_target(site, target));
    let fault = (!is_reached).then(|| (FailureReason::TargetUnreachable, format!("ZAP got no page from {target}")));
    Parsed {
        fault,
        collected: findings::findings(&document, target),
        coverage: Coverage { hosts: 1, reached: u64::from(is_reached) },
        engine_version: Some(crate::text::clean(document.version.as_bytes(), 40)).filter(|version| !version.is_empty()),
    }
}
