//! nuclei: typed options to argv, progress from its statistics, JSON lines to findings, and whether it really scanned.

mod argv;
mod findings;
mod jsonl;
mod options;
mod pointed;
mod report;
#[cfg(test)]
mod samples;
mod stats;

pub use options::{Options, Profile, Protocol};

use crate::address::{AddressClass, classify};
use crate::engine::engine;
use crate::job::{Control, Job, Outcome, Parsed, RawReport, Report, raise};
use crate::name_server::NameServer;
use crate::process::{self, Ended, JobDir, Program, Soft, Stdout, Stream};
use crate::subject::Subject;
use pointed::Pointed;
use report::Lines;
use scanyard_contract::ScanType;
use scanyard_contract::scan::{Coverage, FailureReason};
use stats::Stats;
use std::path::Path;
use std::time::Duration;

/// The most bytes of results that one run may write: as many findings as are kept, at half a kilobyte each.
const MAX_REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// How long nuclei may take to end after SIGINT: it waits for the requests that are under way.
const GRACE: Duration = Duration::from_secs(15);

/// Where nuclei looks for templates of its own; without the folder it downloads them.
const OWN_TEMPLATES: &str = "nuclei-templates";

/// Runs nuclei against the job's URL.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Nuclei(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of nuclei");
    };
    let (Some(path), Some(templates)) = (job.program.clone(), job.templates.clone()) else {
        return Report::failed(FailureReason::EngineMissing, "nuclei or its templates are not installed");
    };
    let names = match NameServer::start(job.target.name(), &job.addresses).await {
        Ok(names) => names,
        Err(error) => {
            return Report::failed(FailureReason::EngineFailed, format!("a name server on loopback: {error}"));
        }
    };
    let dir = match prepare(&job, &names) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    let is_public = job.addresses.iter().all(|address| classify(*address) == AddressClass::Public);
    let mut args = argv::argv(options, &templates.to_string_lossy(), is_public);
    if job.auth.is_some() {
        args.extend(["-H", argv::HEADERS].map(String::from));
    }
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
    let mut stats = Stats::default();
    let sender = control.progress.clone();
    let run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        if stream == Stream::Stderr
            && let Some(percent) = stats.read(bytes)
        {
            raise(&sender, percent);
        }
    })
    .await;

    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    // nuclei writes no file where it found nothing.
    let bytes = dir.read(argv::REPORT, MAX_REPORT_BYTES).unwrap_or_default();
    let Lines { collected, is_empty, fault } = report::lines(&bytes, &job.target, |_| true);
    let has_answered = stats.last.is_some_and(|counts| counts.requests > counts.errors);
    let parsed = Parsed {
        coverage: Coverage { hosts: 1, reached: u64::from(has_answered || collected.records.kept > 0) },
        collected,
        engine_version: stats.version.take(),
        fault: None,
    };
    let outcome = run.outcome(engine(ScanType::Nuclei), fault.or_else(|| stats::fault(stats.last, &job.target)));
    if outcome == Outcome::Completed {
        raise(&sender, 100);
    }
    Report::of(outcome, parsed, (!is_empty).then_some(RawReport { media_type: MEDIA_TYPE, bytes }))
}

const MEDIA_TYPE: &str = "application/x-ndjson";

/// Writes what nuclei reads: no target and no server is ever an argument.
fn prepare(job: &Job, names: &NameServer) -> std::io::Result<JobDir> {
    let dir = JobDir::create(&job.work_dir, job.run_id)?;
    dir.write(argv::TARGETS, format!("{}\n", job.target).as_bytes())?;
    dir.write(argv::RESOLVERS, format!("{}\n", names.address()).as_bytes())?;
    if let Some(auth) = &job.auth {
        let lines = crate::auth::headers_and_cookies(auth).map(|(name, value)| format!("{name}: {value}\n"));
        dir.write(argv::HEADERS, lines.collect::<String>().as_bytes())?;
    }
    std::fs::create_dir(dir.path().join(OWN_TEMPLATES))?;
    Ok(dir)
}

/// Reads results that were made elsewhere, as nuclei writes them with `-jsonl`. Without a run beside it an empty report says nothing: nuclei
/// writes the same for a clean target and for one that it never reached.
pub(crate) fn import(report: &[u8], subject: &mut Subject) -> Parsed {
    let target = subject.target;
    let mut pointed = Pointed::new(subject);
    let Lines { collected, is_empty, fault } = report::lines(report, target, |event| pointed.is_at_target(event));
    let empty = (FailureReason::ReportUnreadable, "the report is empty, which says nothing of the target".to_string());
    Parsed {
        coverage: Coverage { hosts: 1, reached: u64::from(collected.records.kept > 0) },
        collected,
        engine_version: None,
        fault: fault.or(is_empty.then_some(empty)),
    }
}

/// Why a folder of templates cannot be used; `None` when it can.
pub fn templates_fault(templates: Option<&Path>) -> Option<String> {
    let Some(folder) = templates else {
        return Some("needs a folder of templates: set engines.nuclei.templates, and start again".to_string());
    };
    let path = folder.display();
    if !folder.is_absolute() || folder.to_str().is_none_or(|text| text.contains([',', '\n'])) {
        return Some(format!("needs a folder of templates: {path} is no absolute path, or holds a comma"));
    }
    (!folder.is_dir())
        .then(|| format!("needs a folder of templates: {path}, as engines.nuclei.templates says, is none"))
}
