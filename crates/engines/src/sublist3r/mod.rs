//! sublist3r: asks third parties for names below a domain. The domain itself is never contacted.

mod log;
mod options;
mod report;

pub use options::{Options, Profile, SOURCES, Source};
pub use report::read;

use crate::engine::engine;
use crate::job::{Control, Job, Outcome, RawReport, Report, raise};
use crate::process::{self, Ended, JobDir, Program, Soft, Stdout, Stream};
use log::Log;
use scanyard_contract::ScanType;
use scanyard_contract::scan::FailureReason;
use std::time::Duration;

/// The report, in the job folder, which is the working folder.
const REPORT: &str = "out.txt";

/// The most bytes of names that one run may write.
const MAX_REPORT_BYTES: u64 = 16 * 1024 * 1024;

/// How long it may take to end after SIGTERM; the whole group was seen to end at once.
const GRACE: Duration = Duration::from_secs(3);

/// Runs sublist3r for the job's domain.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Sublist3r(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of sublist3r");
    };
    let Some(path) = job.program.clone() else {
        return Report::failed(FailureReason::EngineMissing, "sublist3r is not installed");
    };
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    let asked = options.asked();
    let program = Program {
        path,
        args: argv(&job.target.host(), &asked),
        soft: Soft::Terminate,
        grace: GRACE,
        stdin: None,
        stdout: Stdout::Log,
        max_report_bytes: MAX_REPORT_BYTES,
        has_sockets: true,
    };
    let mut log = Log::default();
    let sender = control.progress.clone();
    let run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        log.read(usize::from(stream == Stream::Stderr), bytes);
        // It names every source as it begins and then says nothing more: that is no more than a sign of life.
        raise(&sender, if log.asked > 0 { 10 } else { 0 });
    })
    .await;

    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    let bytes = dir.read(REPORT, MAX_REPORT_BYTES).unwrap_or_default();
    let mut parsed = read(&bytes, &job.target);
    let fault = match parsed.fault.take() {
        Some(_) if bytes.is_empty() => Some(silence(&log, asked.len())),
        fault => fault.or_else(|| most_failed(&log, asked.len())),
    };
    let outcome = run.outcome(engine(ScanType::Sublist3r), fault);
    if outcome == Outcome::Completed {
        raise(&sender, 100);
    }
    Report::of(outcome, parsed, (!bytes.is_empty()).then_some(RawReport { media_type: "text/plain", bytes }))
}

/// Why a run without a report is no scan. A source that cannot be reached mostly says nothing, so that an empty answer
/// and a dead network look the same: neither may be called clean.
fn silence(log: &Log, asked: usize) -> (FailureReason, String) {
    let message = match (&log.error, log.failed.len()) {
        (Some(error), _) => format!("sublist3r: {error}"),
        (None, 0) => format!(
            "sublist3r found no name, and does not tell whether any of its {asked} sources answered; without a network \
             it says the same"
        ),
        (None, failed) => {
            format!("sublist3r found no name, and {failed} of its {asked} sources failed for certain: {}", listed(log))
        }
    };
    (FailureReason::EngineFailed, message)
}

/// Why a run with names is no whole scan: they are those of the few sources that answered.
fn most_failed(log: &Log, asked: usize) -> Option<(FailureReason, String)> {
    let failed = log.failed.len();
    let message = || format!("{failed} of sublist3r's {asked} sources failed for certain: {}", listed(log));
    (failed * 2 > asked).then(|| (FailureReason::EngineFailed, message()))
}

/// The sources that failed for certain.
fn listed(log: &Log) -> String {
    log.failed.iter().copied().collect::<Vec<_>>().join(", ")
}

/// The arguments of one run; neither brute force nor a port scan is ever among them.
fn argv(domain: &str, asked: &[Source]) -> Vec<String> {
    let sources: Vec<&str> = asked.iter().map(|source| source.word).collect();
    let domain = format!("--domain={domain}");
    let args = [&domain, "--no-color", "--output", REPORT, "--engines", &sources.join(","), "--threads", "5"];
    args.map(str::to_string).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;
    use proptest::prelude::*;

    #[test]
    fn the_arguments_are_the_manual_s_own() {
        let args = argv("example.test", &Options { profile: Profile::Quick, sources: Vec::new() }.asked());
        assert_eq!(
            args.join(" "),
            "--domain=example.test --no-color --output out.txt --engines ssl,passivedns --threads 5"
        );
    }

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            text in "[-a-zA-Z0-9._]{1,30}", count in 0..=SOURCES.len()
        ) {
            let Ok(target @ Target::Host(_)) = Target::parse(&text) else { return Ok(()) };
            let asked: Vec<Source> = SOURCES.iter().take(count).map(|(_, source)| *source).collect();
            for (i, arg) in argv(&target.host(), &asked).iter().enumerate() {
                let table = ["--no-color", "--output", "--engines", "--threads"];
                let is_first = i == 0 && arg.starts_with("--domain=");
                prop_assert!(!arg.starts_with('-') || is_first || table.contains(&arg.as_str()), "{}", arg);
            }
        }
    }
}
