//! One scan in this process, without a server: as its operator, with the same engines and the same checks.

use crate::progress::Bar;
use scanyard_contract::finding::Summary;
use scanyard_contract::scan::{Failure, FailureReason, Results, ScanAuth, ScanSource};
use scanyard_contract::{ScanStatus, ScanType, Timestamp};
use scanyard_engines::policy::Policy;
use scanyard_engines::resolve::{ResolveFault, Resolver};
use scanyard_engines::upload::Packed;
use scanyard_engines::{Availability, Control, Dns, Job, Options, Outcome, Parsed, Report, Target};
use scanyard_server::config::Config;
use scanyard_server::engines::Engines;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long looking a name up may take.
const LOOKUP: Duration = Duration::from_secs(10);
/// A supervisor that hears nothing for so long kills its engine: this process is frozen.
const LEASE: Duration = Duration::from_secs(30);

/// A scan, checked.
#[derive(Debug)]
pub struct LocalScan {
    pub scan_type: ScanType,
    pub target: Target,
    /// The files to scan, where the target is some.
    pub upload: Option<Packed>,
    pub options: Options,
    pub auth: Option<ScanAuth>,
    pub timeout: Duration,
}

/// Runs the scan to its end; `cancel` ends it softly and keeps what was found.
pub async fn run(scan: LocalScan, config: &Config, bar: &mut Bar, cancel: &CancellationToken) -> Results {
    let scan_id = Uuid::now_v7();
    let (scan_type, target) = (scan.scan_type, scan.target.to_string());
    let started_at = now();
    let report = match prepare(&scan, config).await {
        Ok(Prepared { addresses, program, dns }) => {
            let work_dir =
                config.engines.work_dir.clone().unwrap_or_else(std::env::temp_dir).join(format!("scanyard-{scan_id}"));
            let job = Job {
                run_id: scan_id,
                target: scan.target,
                addresses,
                options: scan.options,
                dns,
                auth: scan.auth,
                upload: scan.upload,
                settings: config.engines.settings(),
                timeout: scan.timeout,
                program,
                templates: config.engines.nuclei.templates.clone(),
                supervisor: scanyard_server::config::supervisor(),
                work_dir: work_dir.clone(),
                user: config.engines.run_as(),
                limits: config.engines.limits(),
            };
            let report = steer(job, bar, cancel).await;
            // Only an engine that is a program makes the folder.
            let _ = std::fs::remove_dir_all(work_dir);
            report
        }
        Err(failure) => Report::failed(failure.reason, failure.message),
    };
    bar.finish();
    results(scan_id, (scan_type, ScanSource::Scan), target, report, started_at)
}

/// The results of a report that was made elsewhere.
pub fn imported(scan_type: ScanType, target: &Target, mut parsed: Parsed) -> Results {
    let outcome = match parsed.fault.take() {
        Some((reason, message)) => Outcome::Failed(Failure { reason, message, last_lines: Vec::new() }),
        None => Outcome::Completed,
    };
    let report = Report::of(outcome, parsed, None);
    results(Uuid::now_v7(), (scan_type, ScanSource::Import), target.to_string(), report, now())
}

fn results(scan_id: Uuid, what: (ScanType, ScanSource), target: String, report: Report, started_at: i64) -> Results {
    let (scan_type, source) = what;
    let (status, failure) = match report.outcome {
        Outcome::Completed => (ScanStatus::Completed, None),
        Outcome::Failed(failure) => (ScanStatus::Failed, Some(failure)),
        Outcome::Cancelled | Outcome::Stopped => (ScanStatus::Cancelled, None),
    };
    let mut findings = report.findings;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let completed_at = now();
    Results {
        scan_id,
        scan_type,
        source,
        engine_version: report.engine_version,
        target,
        status,
        partial: status != ScanStatus::Completed,
        summary: Summary::of(&findings),
        coverage: report.coverage,
        records: report.records,
        findings,
        failure,
        started_at: Some(Timestamp(started_at)),
        completed_at: Some(Timestamp(completed_at)),
        duration_seconds: Some((completed_at - started_at).max(0) as u64 / 1000),
    }
}

/// What a run needs besides what was asked for.
struct Prepared {
    addresses: Vec<IpAddr>,
    program: Option<PathBuf>,
    dns: Option<Dns>,
}

/// Finds the addresses and the program, or says why there can be no run.
async fn prepare(scan: &LocalScan, config: &Config) -> Result<Prepared, Failure> {
    let fail = |reason, message: String| Failure { reason, message, last_lines: Vec::new() };
    let engines = Engines::locate(&config.engines);
    if let Some(reason) = engines.missing(scan.scan_type) {
        return Err(fail(FailureReason::EngineMissing, reason));
    }
    let program = match engines.availability(scan.scan_type) {
        Availability::Program(path) => Some(path.clone()),
        Availability::Native | Availability::Missing { .. } | Availability::NotReady(_) | Availability::NoAdapter => {
            None
        }
    };
    if let Target::Image(image) = &scan.target
        && let Some(refusal) = config.engines.trivy.refusal(image)
    {
        let message = format!("{refusal}; no path is called so, or it would have been scanned");
        return Err(fail(FailureReason::TargetNotAllowed, message));
    }
    let policy = Policy::operator();
    let refuse =
        |refusal: scanyard_engines::policy::Refusal| fail(FailureReason::TargetNotAllowed, refusal.to_string());
    if !scanyard_server::scan::looks_up_target(scan.scan_type) {
        policy.check_name(&scan.target).map_err(refuse)?;
        return Ok(Prepared { addresses: Vec::new(), program, dns: None });
    }
    policy.check_literal(&scan.target).map_err(refuse)?;
    let (addresses, dns) = match scan.target.name() {
        None => (scan.target.literals(), None),
        Some(name) => {
            let resolver = Resolver::new(&config.dns.servers);
            let resolver = resolver.map_err(|reason| fail(FailureReason::ResolutionFailed, reason))?;
            let addresses = resolver
                .lookup(name, LOOKUP)
                .await
                .map_err(|fault: ResolveFault| fail(FailureReason::ResolutionFailed, fault.to_string()))?;
            (addresses, Some(Dns { resolver, policy: policy.clone() }))
        }
    };
    policy.check_addresses(&scan.target, &addresses).map_err(refuse)?;
    Ok(Prepared { addresses, program, dns })
}

/// Runs the job, shows its progress and renews its lease as long as this process lives.
async fn steer(job: Job, bar: &mut Bar, cancel: &CancellationToken) -> Report {
    let (progress, mut seen) = watch::channel(0);
    let (renew, renewed) = watch::channel(0u64);
    let control = Control { progress, cancel: cancel.clone(), stop: CancellationToken::new(), renewed, lease: LEASE };
    let mut beat = tokio::time::interval(LEASE / 3);
    let mut run = std::pin::pin!(scanyard_engines::run(job, control));
    bar.show(0, "running");
    loop {
        tokio::select! {
            report = &mut run => {
                bar.show(if report.outcome == Outcome::Completed { 100 } else { *seen.borrow() }, "done");
                return report;
            }
            _ = beat.tick() => renew.send_modify(|count| *count += 1),
            Ok(()) = seen.changed() => {
                let percent = *seen.borrow_and_update();
                bar.show(percent, if cancel.is_cancelled() { "cancelling" } else { "running" });
            }
        }
    }
}

/// Epoch milliseconds.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
