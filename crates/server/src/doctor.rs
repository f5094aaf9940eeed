//! What of the engines works on this machine, what each lacks, and what keeps them in bounds here.

use crate::config::{self, Config};
use scanyard_contract::ScanType;
use scanyard_engines::engine::{ENGINES, Engine};
use scanyard_engines::process::{Enforced, Exit};
use scanyard_engines::version::{fault, version};
use scanyard_engines::{Availability, locate, nuclei};
use serde::Serialize;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// How an engine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    Ready,
    /// It works and is switched off in the settings.
    Off,
    NotInstalled,
    /// It is installed or configured, and cannot run.
    Broken,
}

impl State {
    /// For a table.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Off => "off",
            State::NotInstalled => "not installed",
            State::Broken => "BROKEN",
        }
    }
}

/// One engine as it was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Examined {
    pub scan_type: ScanType,
    pub title: &'static str,
    pub state: State,
    /// The program that would be run.
    pub path: Option<PathBuf>,
    /// What the program says of itself.
    pub version: Option<String>,
    /// What is missing and what to do, the worst first; also of an engine that is ready without it.
    pub lacks: Vec<String>,
    pub install: &'static str,
    /// Whom a scan contacts.
    pub contacts: &'static str,
    pub needs_consent: bool,
}

/// Everything that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    pub engines: Vec<Examined>,
    /// What keeps an engine in bounds on this host.
    pub bounds: Vec<Enforced>,
    /// What of the settings stands in the way of every engine.
    pub faults: Vec<String>,
}

impl Diagnosis {
    /// Whether everything that is installed or configured works.
    pub fn is_well(&self) -> bool {
        self.faults.is_empty() && self.engines.iter().all(|engine| engine.state != State::Broken)
    }
}

/// Runs each installed engine for a moment, within the bounds that a scan would have.
///
/// Before the first start there is no data folder, and a look makes none: then they run in one for the moment.
pub async fn examine(config: &Config) -> Diagnosis {
    if config.data_dir.is_dir() || !config.jobs_dir().starts_with(&config.data_dir) {
        return examine_in(config).await;
    }
    let data_dir = std::env::temp_dir().join(format!("scanyard-{}", Uuid::now_v7()));
    let diagnosis = examine_in(&Config { data_dir: data_dir.clone(), ..config.clone() }).await;
    // Nothing is in it but what could not be removed, which was logged.
    let _ = std::fs::remove_dir(&data_dir);
    diagnosis
}

async fn examine_in(config: &Config) -> Diagnosis {
    let mut faults: Vec<String> = config.engines.check_user().err().into_iter().flat_map(|error| error.0).collect();
    let bounds = match config.probe().run(Path::new("/bin/true"), Vec::new()).await {
        Ok(probed) if probed.run.exit == Exit::Code(0) => probed.bounds,
        Ok(probed) => {
            let why = match &probed.run.exit {
                Exit::Missing(why) | Exit::NotStarted(why) | Exit::LimitExceeded(why) => why.clone(),
                exit => format!("{exit:?}"),
            };
            faults.push(format!("no program runs within these bounds: {why}"));
            probed.bounds
        }
        Err(error) => {
            faults.push(format!("job folders in {}: {error}", config.jobs_dir().display()));
            Vec::new()
        }
    };
    let mut engines = Vec::new();
    for engine in ENGINES {
        engines.push(examine_engine(engine, config).await);
    }
    config.leave_jobs_dir();
    Diagnosis { engines, bounds, faults }
}

async fn examine_engine(engine: &'static Engine, config: &Config) -> Examined {
    let Engine { scan_type, title, install, contacts, needs_consent, .. } = *engine;
    let mut found = Examined {
        scan_type,
        title,
        state: State::Ready,
        path: None,
        version: None,
        lacks: Vec::new(),
        install,
        contacts,
        needs_consent,
    };
    let configured = config.engines.path(scan_type);
    match locate(scan_type, configured, &config::Engines::installed()) {
        Availability::Native => found.version = Some(env!("CARGO_PKG_VERSION").to_string()),
        Availability::Program(path) => {
            found.version = version(engine, &path, &config.probe()).await;
            let faults = faults(engine, &path, found.version.as_deref(), config).await;
            found.path = Some(path);
            if !faults.is_empty() {
                found.state = State::Broken;
            } else if config.engines.is_off(engine) {
                found.state = State::Off;
                found.lacks.push("engines.osint = true, for it tells third parties of the target".to_string());
            }
            found.lacks.splice(0..0, faults);
            found.lacks.extend(wishes(scan_type, config));
        }
        Availability::Missing { .. } => match configured {
            Some(path) => {
                found.state = State::Broken;
                found.lacks.push(format!("{}, which engines.{scan_type}.path names", path.display()));
            }
            None => found.state = State::NotInstalled,
        },
        Availability::NotReady(reason) => {
            found.state = State::Broken;
            found.lacks.push(reason);
        }
        Availability::NoAdapter => found.state = State::NotInstalled,
    }
    found
}

/// Why an installed engine cannot run.
async fn faults(engine: &Engine, path: &Path, version: Option<&str>, config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(fault) = fault(engine, path, version, &config.probe()).await {
        let user = config.engines.run_as().map_or_else(String::new, |user| format!(" as the user {user}"));
        faults.push(format!("{} {fault}{user}: run it by hand to see why", path.display()));
    }
    if engine.scan_type == ScanType::Nuclei {
        faults.extend(nuclei::templates_fault(config.engines.nuclei.templates.as_deref()));
    }
    faults
}

/// What an engine does without, and then finds less.
fn wishes(scan_type: ScanType, config: &Config) -> Option<String> {
    let is_installed =
        |program: &str| ["/usr/bin", "/usr/local/bin"].iter().any(|dir| Path::new(dir).join(program).is_file());
    match scan_type {
        ScanType::Wapiti => (!is_installed("sslscan")).then(|| "sslscan, for TLS: apt-get install sslscan".to_string()),
        ScanType::Trivy => match &config.engines.trivy.cache_dir {
            None => Some("a database, for vulnerabilities: docs/ENGINES.md, trivy".to_string()),
            Some(dir) if dir.join("db").is_dir() => None,
            Some(dir) => Some(format!("a database, for vulnerabilities: {} has none", dir.display())),
        },
        ScanType::Zap => (!is_installed("java")).then(|| "java, of version 17 or newer".to_string()),
        ScanType::Nmap
        | ScanType::Nuclei
        | ScanType::Nikto
        | ScanType::Sqlmap
        | ScanType::Harvester
        | ScanType::Sublist3r
        | ScanType::Sentinel => None,
    }
}
