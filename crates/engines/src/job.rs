//! One run of one engine: what goes in, what comes out, and the hands that steer it meanwhile.

use crate::collected::Collected;
use crate::policy::Policy;
use crate::process::Limits;
use crate::resolve::Resolver;
use crate::upload::Packed;
use crate::{Options, Target, harvester, nikto, nmap, nuclei, sentinel, sqlmap, sublist3r, trivy, wapiti, zap};
use scanyard_contract::Finding;
use scanyard_contract::scan::{Coverage, Failure, FailureReason, Records, ScanAuth};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What one run needs to know.
#[derive(Debug, Clone)]
pub struct Job {
    /// Names this run; the engine's process tree carries it in its environment.
    pub run_id: Uuid,
    pub target: Target,
    /// The target's addresses, resolved and checked once; engines get these and never a name to look up.
    pub addresses: Vec<IpAddr>,
    pub options: Options,
    /// For engines that ask DNS themselves; present when the target has a name.
    pub dns: Option<Dns>,
    /// Credentials for the target; [`crate::auth::faults`] has passed them.
    pub auth: Option<ScanAuth>,
    /// The files to scan, where the target is an upload.
    pub upload: Option<Packed>,
    /// What the operator has set for engines.
    pub settings: Settings,
    /// Wall-clock limit of the run.
    pub timeout: Duration,
    /// The engine's program, for engines that are one.
    pub program: Option<PathBuf>,
    /// nuclei's templates: a folder of the operator's.
    pub templates: Option<PathBuf>,
    /// The program and arguments that become the supervisor, such as `/proc/self/exe __supervise`.
    pub supervisor: Vec<String>,
    /// Folder in which the run makes its own job folder (0700, removed after ingest).
    pub work_dir: PathBuf,
    /// The user that engines run as, such as `nobody`; only root can change it. The work folder must be reachable for
    /// that user where an engine keeps files in its home.
    pub user: Option<String>,
    /// What all processes of the run may use together.
    pub limits: Limits,
}

impl Job {
    /// A run of ten minutes at most with nothing but what every run has: neither program nor credentials.
    pub fn of(target: Target, options: Options, work_dir: impl Into<PathBuf>) -> Job {
        Job {
            run_id: Uuid::now_v7(),
            addresses: target.literals(),
            target,
            options,
            dns: None,
            auth: None,
            upload: None,
            settings: Settings::default(),
            timeout: Duration::from_secs(600),
            program: None,
            templates: None,
            supervisor: Vec::new(),
            work_dir: work_dir.into(),
            user: None,
            limits: Limits::default(),
        }
    }
}

/// What the operator has set for engines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Folder with trivy's databases; it is only read.
    pub trivy_cache_dir: Option<PathBuf>,
}

/// What an engine needs that asks DNS itself.
#[derive(Debug, Clone)]
pub struct Dns {
    pub resolver: Resolver,
    /// Decides whether a server that DNS names may be asked.
    pub policy: Policy,
}

/// The hands that steer a run.
#[derive(Debug, Clone)]
pub struct Control {
    /// Percent, 0 to 100, never falling; written by the engine.
    pub progress: watch::Sender<u8>,
    /// Ends the run softly and keeps what it has found: a user's cancel.
    pub cancel: CancellationToken,
    /// Ends the run at once and keeps nothing: an orderly stop of ours, or a lost lease.
    pub stop: CancellationToken,
    /// Changes at every renewal of the lease; without a change for [`Control::lease`] the supervisor kills the engine.
    pub renewed: watch::Receiver<u64>,
    /// How long one renewal holds.
    pub lease: Duration,
}

/// How a run ended. What a process did is a value, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Completed,
    Failed(Failure),
    /// Ended by [`Control::cancel`]; the findings are what was found until then.
    Cancelled,
    /// Ended by [`Control::stop`]; nothing of it is kept.
    Stopped,
}

/// The engine's report as it wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawReport {
    /// Such as `application/xml`.
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct Report {
    pub outcome: Outcome,
    pub findings: Vec<Finding>,
    pub coverage: Coverage,
    pub records: Records,
    pub raw: Option<RawReport>,
    /// The version that the engine stated of itself.
    pub engine_version: Option<String>,
}

/// What an engine's report says, whether we ran the engine or somebody else did.
#[derive(Debug, Default)]
pub struct Parsed {
    pub collected: Collected,
    pub coverage: Coverage,
    /// The version that the engine stated of itself.
    pub engine_version: Option<String>,
    /// Why this is not the report of a scan that reached its target and ran to its end; what it holds counts all the same.
    pub fault: Option<(FailureReason, String)>,
}

/// Runs one job to its end; its credentials are in nothing that it leaves.
pub async fn run(job: Job, control: Control) -> Report {
    let auth = job.auth.clone();
    let mut report = run_engine(job, control).await;
    if let Some(auth) = auth {
        crate::auth::redact(&auth, &mut report);
    }
    report
}

async fn run_engine(job: Job, control: Control) -> Report {
    if job.options.check_target(&job.target).is_err() {
        return Report::failed(FailureReason::EngineFailed, format!("this engine does not take {}", job.target));
    }
    match &job.options {
        Options::Harvester(_) => harvester::run(job, control).await,
        Options::Nmap(_) => nmap::run(job, control).await,
        Options::Nikto(_) => nikto::run(job, control).await,
        Options::Sqlmap(_) => sqlmap::run(job, control).await,
        Options::Wapiti(_) => wapiti::run(job, control).await,
        Options::Zap(_) => zap::run(job, control).await,
        Options::Nuclei(_) => nuclei::run(job, control).await,
        Options::Trivy(_) => trivy::run(job, control).await,
        Options::Sentinel(_) => sentinel::run(job, control).await,
        Options::Sublist3r(_) => sublist3r::run(job, control).await,
    }
}

impl Report {
    /// What a run comes to whose report was parsed.
    pub fn of(outcome: Outcome, parsed: Parsed, raw: Option<RawReport>) -> Report {
        let Parsed { collected, coverage, engine_version, fault: _ } = parsed;
        Report { outcome, findings: collected.findings, coverage, records: collected.records, raw, engine_version }
    }

    /// A run that has no folder to work in.
    pub(crate) fn no_job_dir(job: &Job, error: &std::io::Error) -> Report {
        Report::failed(FailureReason::EngineFailed, format!("job folder in {}: {error}", job.work_dir.display()))
    }

    /// A run that we stopped ourselves: nothing of it is kept.
    pub fn stopped() -> Report {
        Report { outcome: Outcome::Stopped, ..Report::failed(FailureReason::Killed, "") }
    }

    /// A run that ended before anything was found.
    pub fn failed(reason: FailureReason, message: impl Into<String>) -> Report {
        Report {
            outcome: Outcome::Failed(Failure { reason, message: message.into(), last_lines: Vec::new() }),
            findings: Vec::new(),
            coverage: Coverage::default(),
            records: Records::default(),
            raw: None,
            engine_version: None,
        }
    }
}

/// Raises a run's progress; it never falls.
pub(crate) fn raise(progress: &watch::Sender<u8>, percent: u8) {
    progress.send_if_modified(|now| {
        let rises = percent > *now;
        *now = percent.max(*now);
        rises
    });
}
