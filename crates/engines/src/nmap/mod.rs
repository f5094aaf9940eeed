//! nmap: typed options to argv, progress from its output, XML to findings, and whether it really scanned.

mod argv;
mod findings;
mod options;
mod progress;
#[cfg(test)]
mod samples;
mod scripts;
mod verdict;
mod xml;

pub use options::{Options, Profile, Scripts};

use crate::job::{Control, Job, Outcome, RawReport, Report};
use crate::process::{self, Ended, Program, Soft};
use progress::Progress;
use scanyard_contract::scan::{Coverage, FailureReason};
use std::net::IpAddr;
use std::time::Duration;

/// The most bytes of XML that one run may write: 256 hosts with every script take a fifth of it.
const MAX_REPORT_BYTES: u64 = 32 * 1024 * 1024;

/// How long nmap may take to end after SIGTERM; it was seen to take 10 ms.
const GRACE: Duration = Duration::from_secs(2);

/// Runs nmap against the job's addresses.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Nmap(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of nmap");
    };
    let Some(path) = job.program.clone() else {
        return Report::failed(FailureReason::EngineMissing, "nmap is not installed: apt-get install nmap");
    };
    let addresses = one_family(&job.addresses);
    if addresses.is_empty() {
        return Report::failed(FailureReason::ResolutionFailed, format!("{} has no address", job.target));
    }
    let args = argv::argv(options, &addresses, job.timeout);
    let program = Program { path, args, soft: Soft::Terminate, grace: GRACE, max_report_bytes: MAX_REPORT_BYTES };
    let mut raw = Vec::new();
    let mut progress = Progress::new(options);
    let sender = control.progress.clone();
    let run = process::run(&job, &mut control, &program, |bytes| {
        raw.extend_from_slice(bytes);
        if let Some(percent) = progress.read(bytes) {
            sender.send_if_modified(|sent| percent > std::mem::replace(sent, percent.max(*sent)));
        }
    })
    .await;

    let document = xml::parse(&raw);
    let reached = document.hosts.iter().filter(|host| host.answered).count() as u64;
    let outcome = verdict::verdict(&run, &document, &job.target);
    if outcome == Outcome::Stopped {
        return Report { outcome, ..Report::failed(FailureReason::Killed, "") };
    }
    let (findings, records) = findings::findings(&document, &job.target);
    if outcome == Outcome::Completed {
        sender.send_replace(100);
    }
    let is_kept = !raw.is_empty() && run.ended != Ended::OutputTooLarge;
    Report {
        outcome,
        findings,
        // All of them: what was left out for its family was not reached.
        coverage: Coverage { hosts: job.addresses.len() as u64, reached },
        records,
        raw: is_kept.then_some(RawReport { media_type: "application/xml", bytes: raw }),
        engine_version: document.version,
    }
}

/// nmap scans one address family at a time: IPv4 where the target has any such address, else IPv6.
fn one_family(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let is_v4 = addresses.iter().any(IpAddr::is_ipv4);
    addresses.iter().copied().filter(|address| address.is_ipv4() == is_v4).collect()
}
