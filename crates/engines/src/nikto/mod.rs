//! nikto: typed options to argv, XML to findings, and whether it really scanned.

mod argv;
mod findings;
mod options;
mod progress;
#[cfg(test)]
mod samples;
mod verdict;
mod version;
mod watch;
mod xml;

pub use options::{Options, Profile};

use crate::engine::engine;
use crate::job::{Control, Job, Outcome, Parsed, RawReport, Report, raise};
use crate::process::{self, Ended, JobDir, Lines, Program, Run, Soft, Stdout, Stream};
use crate::subject::Subject;
use crate::{Target, page, site};
use scanyard_contract::ScanType;
use scanyard_contract::scan::{Coverage, FailureReason, ScanAuth};
use std::time::Duration;
use watch::Watch;

/// The most bytes of a report: every one of some thousands of checks answered takes a tenth of it.
const MAX_REPORT_BYTES: u64 = 32 * 1024 * 1024;

/// How long nikto may take to close its report after SIGINT; it was seen to take 30 ms. SIGTERM would lose the report.
const GRACE: Duration = Duration::from_secs(3);

/// nikto reads this file from its home and from where it runs, after the system's.
const CONFIG: &str = "nikto.conf";

/// Not the address of nikto's makers in the checks for remote inclusion, and no look for updates.
const SETTINGS: &str = "RFIURL=http://127.0.0.1:1/\nUPDATES=no\n";

/// The settings of a run. Cookies go this way and not into the arguments, which everybody on the machine can read.
fn settings(auth: Option<&ScanAuth>) -> String {
    let cookies = auth.into_iter().flat_map(|auth| &auth.cookies);
    let cookies: Vec<String> = cookies.map(|cookie| format!("\"{}\"=\"{}\"", cookie.name, cookie.value)).collect();
    if cookies.is_empty() { SETTINGS.to_string() } else { format!("{SETTINGS}STATIC-COOKIE={}\n", cookies.join(";")) }
}

/// Runs nikto against the job's URL.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Nikto(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of nikto");
    };
    let Some(path) = job.program.clone() else {
        return Report::failed(FailureReason::EngineMissing, "nikto is not installed");
    };
    let stated = crate::version::of_job(engine(ScanType::Nikto), &job).await;
    let flags = version::Flags::of(stated.as_deref());
    let addresses = version::usable(stated.as_deref(), &job.addresses);
    if addresses.is_empty() && !job.addresses.is_empty() {
        let version = stated.unwrap_or_default();
        let message = format!("nikto {version} takes no IPv6 address, and {} has no other", job.target);
        return Report::failed(FailureReason::EngineFailed, message);
    }
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    if let Err(error) = dir.write(CONFIG, settings(job.auth.as_ref()).as_bytes()) {
        return Report::no_job_dir(&job, &error);
    }
    let program = Program {
        path,
        args: argv::argv(options, flags, &job.target, &addresses, job.timeout),
        soft: Soft::Interrupt,
        grace: GRACE,
        stdin: None,
        stdout: Stdout::Log,
        max_report_bytes: MAX_REPORT_BYTES,
        has_sockets: false,
    };
    let (mut lines, mut watch) = (Lines::default(), Watch::default());
    let sender = control.progress.clone();
    let run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        if stream == Stream::Stdout {
            lines.push(bytes, |line| {
                watch.read(line);
                progress::percent(line).into_iter().for_each(|percent| raise(&sender, percent));
            });
        }
    })
    .await;
    let report = page::guessed(finish(&job, &run, &dir, &watch), &job, &control).await;
    if report.outcome == Outcome::Completed {
        raise(&control.progress, 100);
    }
    report
}

/// Reads what nikto left and judges it.
fn finish(job: &Job, run: &Run, dir: &JobDir, watch: &Watch) -> Report {
    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    let raw = dir.read(argv::REPORT, MAX_REPORT_BYTES).unwrap_or_default();
    let mut parsed = read(&raw, &job.target);
    let fault = match parsed.fault.take() {
        // Bad options make nikto print its help, write nothing and exit with 0.
        Some(_) if raw.is_empty() => Some((FailureReason::EngineFailed, "nikto wrote no report".to_string())),
        fault => fault.or_else(|| watch.fault()),
    };
    let outcome = run.outcome(engine(ScanType::Nikto), fault);
    let is_kept = !raw.is_empty() && run.ended != Ended::OutputTooLarge;
    Report::of(outcome, parsed, is_kept.then_some(RawReport { media_type: "application/xml", bytes: raw }))
}

/// Reads a report, as nikto writes it with `-Format xml`.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    judged(xml::parse(report), target)
}

/// Reads a report that was made elsewhere, and of the sites that it is of the target alone.
pub(crate) fn import(report: &[u8], subject: &mut Subject) -> Parsed {
    let mut document = xml::parse(report);
    let names = |site: &Vec<String>| subject.note_hosts(site.iter().map(String::as_str));
    let is_target: Vec<bool> = document.sites.iter().map(names).collect();
    let items = document.items.len();
    document.items.retain(|item| is_target.get(item.site).is_none_or(|is_target| *is_target));
    let left_out = items - document.items.len();
    let mut parsed = judged(document, subject.target);
    parsed.collected.drop_all(site::OUTSIDE, left_out as u64);
    parsed
}

fn judged(document: xml::Document, target: &Target) -> Parsed {
    let fault = verdict::fault(&document, target);
    let is_reached = !document.sites.is_empty() && !document.items.iter().any(verdict::is_failure);
    Parsed {
        fault,
        collected: findings::findings(&document, target),
        coverage: Coverage { hosts: 1, reached: u64::from(is_reached) },
        engine_version: document.version,
    }
}
