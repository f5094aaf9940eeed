//! theHarvester: asks third parties what they know of a domain. The domain itself is never contacted.

mod found;
mod newest;
mod older;
mod options;
mod report;
#[cfg(test)]
mod samples;

pub use options::{Options, Profile, SOURCES, Source};
pub use report::read;

use crate::engine::engine;
use crate::job::{Control, Job, Outcome, RawReport, Report, raise};
use crate::process::{self, Ended, JobDir, Lines, Program, Soft, Stdout, Stream};
use report::Files;
use scanyard_contract::ScanType;
use scanyard_contract::scan::FailureReason;
use std::time::Duration;

/// The reports' name without its ending, in the job folder, which is the working folder.
const REPORT: &str = "out";

/// The most bytes that one of its reports may have.
const MAX_REPORT_BYTES: u64 = 16 * 1024 * 1024;

/// How long it may take to end after SIGTERM; it was seen to take 0.1 s.
const GRACE: Duration = Duration::from_secs(3);

/// Runs theHarvester for the job's domain.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Harvester(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of harvester");
    };
    let Some(path) = job.program.clone() else {
        return Report::failed(FailureReason::EngineMissing, "theHarvester is not installed");
    };
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    let program = Program {
        path,
        args: argv(&job.target.host(), options),
        soft: Soft::Terminate,
        grace: GRACE,
        stdin: None,
        stdout: Stdout::Log,
        max_report_bytes: MAX_REPORT_BYTES,
        has_sockets: false,
    };
    let mut log = Log { of: options.asked().len(), ..Log::default() };
    let sender = control.progress.clone();
    let run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        if stream == Stream::Stdout {
            raise(&sender, log.read(bytes));
        }
    })
    .await;

    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    let [jsonl, json, xml] = ["jsonl", "json", "xml"]
        .map(|ending| dir.read(&format!("{REPORT}.{ending}"), MAX_REPORT_BYTES).unwrap_or_default());
    let mut parsed = Files { jsonl: &jsonl, json: &json, xml: &xml }.read(&job.target);
    parsed.engine_version = log.version;
    let outcome = run.outcome(engine(ScanType::Harvester), parsed.fault.take());
    if outcome == Outcome::Completed {
        raise(&sender, 100);
    }
    Report::of(outcome, parsed, raw(jsonl, json, xml))
}

/// The one of the reports that says most.
fn raw(jsonl: Vec<u8>, json: Vec<u8>, xml: Vec<u8>) -> Option<RawReport> {
    let reports = [("application/x-ndjson", jsonl), ("application/xml", xml), ("application/json", json)];
    let kept = reports.into_iter().find(|(_, bytes)| !bytes.is_empty());
    kept.map(|(media_type, bytes)| RawReport { media_type, bytes })
}

/// What it says while it runs.
#[derive(Debug, Default)]
struct Log {
    lines: Lines,
    /// Sources that the scan asks.
    of: usize,
    /// Sources that it said to search.
    searched: usize,
    version: Option<String>,
}

impl Log {
    /// Reads more of its stdout and tells how far it is: it names a source when it begins with it.
    fn read(&mut self, bytes: &[u8]) -> u8 {
        let Log { lines, of, searched, version } = self;
        lines.push(bytes, |line| {
            if line.starts_with("[*] Searching ") {
                *searched += 1;
            } else if let Some((_, rest)) = line.split_once("* theHarvester ") {
                let word = rest.split_whitespace().next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
                *version = word.map(|word| word.chars().take(20).collect()).or(version.take());
            }
        });
        (*searched * 90 / (*of).max(1)).min(90) as u8
    }
}

/// The arguments of one run; neither look-ups nor brute force, screenshots or scans are ever among them.
fn argv(domain: &str, options: &Options) -> Vec<String> {
    let sources: Vec<&str> = options.asked().iter().map(|source| source.word).collect();
    vec![
        format!("--domain={domain}"),
        format!("--source={}", sources.join(",")),
        "--limit".to_string(),
        options.limit.to_string(),
        "--quiet".to_string(),
        "--filename".to_string(),
        REPORT.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;
    use proptest::prelude::*;

    #[test]
    fn the_arguments_are_the_manual_s_own() {
        let options = Options { profile: Profile::Quick, ..Options::default() };
        let line = argv("example.test", &options).join(" ");
        assert_eq!(line, "--domain=example.test --source=crtsh,certspotter --limit 100 --quiet --filename out");
    }

    #[test]
    fn version_and_progress_come_from_what_it_says() {
        let mut log = Log { of: 3, ..Log::default() };
        let banner = b"*                        *\n* theHarvester 4.9.2                    *\n* Coded by *\n";
        assert_eq!(log.read(banner), 0);
        assert_eq!(log.version.as_deref(), Some("4.9.2"));
        assert_eq!(log.read(b"[*] Searching Certspotter. \n[*] Searching CRTsh. \n"), 60);
        assert_eq!(log.read(b"[*] Searching A.\n[*] Searching B.\n[*] Searching C.\n"), 90);
    }

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            text in "[-a-zA-Z0-9._]{1,30}", count in 0..=SOURCES.len(), limit in any::<u16>()
        ) {
            let Ok(target @ Target::Host(_)) = Target::parse(&text) else { return Ok(()) };
            let sources = SOURCES.iter().take(count).map(|(_, source)| *source).collect();
            let options = Options { sources, limit, ..Options::default() };
            for (i, arg) in argv(&target.host(), &options).iter().enumerate() {
                let prefix = ["--domain=", "--source="].get(i);
                let is_prefixed = prefix.is_some_and(|prefix| arg.starts_with(prefix));
                let is_flag = ["--limit", "--quiet", "--filename"].contains(&arg.as_str());
                prop_assert!(!arg.starts_with('-') || is_prefixed || is_flag, "{}", arg);
            }
        }
    }
}
