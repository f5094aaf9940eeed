//! nmap: typed options to argv, progress from its output, XML to findings, and whether it really scanned.

mod argv;
mod attributes;
mod findings;
mod options;
mod progress;
#[cfg(test)]
mod samples;
mod scripts;
mod verdict;
mod xml;

pub use options::{Options, Profile, Scripts};

use crate::collected::Collected;
use crate::engine::engine;
use crate::job::{Control, Job, Outcome, Parsed, RawReport, Report, raise};
use crate::process::{self, Ended, JobDir, Program, Soft, Stdout, Stream};
use crate::subject::Subject;
use crate::{Target, site};
use ipnet::IpNet;
use progress::Progress;
use scanyard_contract::ScanType;
use scanyard_contract::scan::{Coverage, FailureReason};
use std::net::IpAddr;
use std::time::Duration;
use verdict::Reached;
use xml::Host;

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
        return Report::failed(FailureReason::EngineMissing, "nmap is not installed");
    };
    let addresses = one_family(&job.addresses);
    if addresses.is_empty() {
        return Report::failed(FailureReason::ResolutionFailed, format!("{} has no address", job.target));
    }
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    let program = Program {
        path,
        args: argv::argv(options, &addresses, job.timeout),
        soft: Soft::Terminate,
        grace: GRACE,
        stdin: None,
        stdout: Stdout::Report,
        max_report_bytes: MAX_REPORT_BYTES,
        has_sockets: false,
    };
    let mut raw = Vec::new();
    let mut progress = Progress::new(options);
    let sender = control.progress.clone();
    let run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        if stream == Stream::Stdout {
            raw.extend_from_slice(bytes);
            if let Some(percent) = progress.read(bytes) {
                raise(&sender, percent);
            }
        }
    })
    .await;

    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    let mut parsed = read(&raw, &job.target);
    // All of them: what was left out for its family was not reached.
    parsed.coverage.hosts = job.addresses.len() as u64;
    let outcome = run.outcome(engine(ScanType::Nmap), parsed.fault.take());
    if outcome == Outcome::Completed {
        raise(&sender, 100);
    }
    let is_kept = !raw.is_empty() && run.ended != Ended::OutputTooLarge;
    Report::of(outcome, parsed, is_kept.then_some(RawReport { media_type: "application/xml", bytes: raw }))
}

/// Reads a report, as nmap writes it with `-oX`.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    read_hosts(report, target, |_| true)
}

/// Reads a report that was made elsewhere, and of its hosts those that are of the target: by their addresses, and by the
/// names that nmap was given.
pub(crate) fn import(report: &[u8], subject: &mut Subject) -> Parsed {
    read_hosts(report, subject.target, |host| {
        subject.note_hosts(host.name.as_deref().into_iter().chain([host.address.as_str()]))
    })
}

fn read_hosts(report: &[u8], target: &Target, mut is_wanted: impl FnMut(&Host) -> bool) -> Parsed {
    let (mut collected, mut reached) = (Collected::from_report_of(report.len()), Reached::default());
    let head = xml::parse(report, |head, host| {
        if is_wanted(&host) {
            reached.note(&host);
            findings::collect(&host, head, target, &mut collected);
        } else {
            let mut others = Collected::default();
            findings::collect(&host, head, target, &mut others);
            collected.drop_all(site::OUTSIDE, others.records.read);
            reached.outside += 1;
        }
    });
    collected.drop_all("speaks of no host", head.of_no_host);
    Parsed {
        fault: verdict::fault(&head, &reached, target),
        collected,
        coverage: Coverage { hosts: reached.looked_at(&head, target), reached: reached.answered },
        engine_version: head.version,
    }
}

/// The target that a report states itself: the one name or address of its hosts, or the smallest network that holds them.
pub fn target_of(report: &[u8]) -> Option<Target> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    let mut name = None;
    xml::parse(report, |_, host| {
        addresses.extend(host.address.parse::<IpAddr>());
        name = host.name.or(name.take());
    });
    let first = *addresses.first()?;
    if addresses.iter().all(|address| *address == first) {
        return name.and_then(|name| Target::parse(&name).ok()).or(Some(Target::Ip(first)));
    }
    let network = addresses[1..].iter().try_fold(IpNet::from(first), |network, address| {
        let mut network = network;
        while !network.contains(address) {
            network = network.supernet()?;
        }
        Some(network)
    });
    network.map(Target::Network)
}

/// nmap scans one address family at a time: IPv4 where the target has any such address, else IPv6.
fn one_family(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let is_v4 = addresses.iter().any(IpAddr::is_ipv4);
    addresses.iter().copied().filter(|address| address.is_ipv4() == is_v4).collect()
}
