//! The engines of this node: which can run, and how they present themselves.

use crate::config;
use scanyard_contract::ScanType;
use scanyard_contract::scan::{EngineInfo, TargetExample};
use scanyard_engines::engine::{ENGINES, Engine, engine};
use scanyard_engines::probe::Probe;
use scanyard_engines::version::version;
use scanyard_engines::{Availability, Installed, locate, nuclei};
use std::sync::OnceLock;

/// What was found of each engine when the process started.
#[derive(Debug)]
pub struct Engines {
    found: Vec<Availability>,
    /// What each states of itself; empty until it was asked.
    versions: Vec<OnceLock<String>>,
}

impl Engines {
    /// Looks for every engine.
    pub fn locate(config: &config::Engines) -> Engines {
        let installed = config::Engines::installed();
        Engines {
            found: ScanType::ALL.iter().map(|scan_type| ready(*scan_type, config, &installed)).collect(),
            versions: ScanType::ALL.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// Asks every installed engine for its version; takes seconds.
    pub async fn ask_versions(&self, probe: &Probe) {
        for (scan_type, asked) in ScanType::ALL.iter().zip(&self.versions) {
            let stated = match self.availability(*scan_type) {
                Availability::Native => Some(env!("CARGO_PKG_VERSION").to_string()),
                Availability::Program(path) => version(engine(*scan_type), path, probe).await,
                Availability::Missing { .. } | Availability::NotReady(_) | Availability::NoAdapter => None,
            };
            if let Some(stated) = stated {
                asked.get_or_init(|| stated);
            }
        }
    }

    /// Whether and where an engine is there.
    pub fn availability(&self, scan_type: ScanType) -> &Availability {
        &self.found[scan_type as usize]
    }

    /// The scan types that this node can run.
    pub fn runnable(&self) -> Vec<ScanType> {
        ScanType::ALL.iter().copied().filter(|scan_type| self.missing(*scan_type).is_none()).collect()
    }

    /// Why an engine cannot run here and what to do; `None` when it can.
    pub fn missing(&self, scan_type: ScanType) -> Option<String> {
        match self.availability(scan_type) {
            Availability::Native | Availability::Program(_) => None,
            Availability::Missing { searched } => {
                let program = engine(scan_type).program;
                let places: Vec<_> = searched.iter().map(|path| path.display().to_string()).collect();
                Some(format!(
                    "{program} was not found at {}: install it, or set engines.{scan_type}.path, and start again",
                    places.join(" or ")
                ))
            }
            Availability::NotReady(reason) => Some(reason.clone()),
            Availability::NoAdapter => Some(format!("this version of Scanyard does not drive {scan_type} yet")),
        }
    }

    /// The version that an engine here states of itself, once it was asked.
    pub fn stated_version(&self, scan_type: ScanType) -> Option<&String> {
        self.versions[scan_type as usize].get()
    }

    /// Every engine, as it is on this node.
    pub fn infos(&self) -> Vec<EngineInfo> {
        ENGINES.iter().map(|engine| self.info(engine)).collect()
    }

    fn info(&self, engine: &Engine) -> EngineInfo {
        let unavailable_reason = self.missing(engine.scan_type);
        let example = |(target_type, example): &(_, &str)| TargetExample {
            target_type: *target_type,
            example: example.to_string(),
        };
        EngineInfo {
            scan_type: engine.scan_type,
            title: engine.title.to_string(),
            description: engine.description.to_string(),
            available: unavailable_reason.is_none(),
            worker_labels: Vec::new(),
            version: self.stated_version(engine.scan_type).cloned(),
            unavailable_reason,
            contacts: engine.contacts.to_string(),
            needs_consent: engine.needs_consent,
            targets: engine.targets.iter().map(example).collect(),
            options: engine.options_schema().clone(),
        }
    }
}

/// Where an engine is, when the settings have all that it needs.
fn ready(scan_type: ScanType, config: &config::Engines, installed: &Installed) -> Availability {
    let found = locate(scan_type, config.path(scan_type), installed);
    let fault = match scan_type {
        ScanType::Nuclei => nuclei::templates_fault(config.nuclei.templates.as_deref()),
        ScanType::Nmap
        | ScanType::Zap
        | ScanType::Trivy
        | ScanType::Nikto
        | ScanType::Sqlmap
        | ScanType::Wapiti
        | ScanType::Sentinel => None,
        ScanType::Harvester | ScanType::Sublist3r => config.is_off(engine(scan_type)).then(|| {
            "tells third parties of the target, which is off here: set engines.osint = true, and start again"
                .to_string()
        }),
    };
    match (found, fault) {
        (Availability::Program(_), Some(reason)) => Availability::NotReady(format!("{scan_type} {reason}")),
        (found, _) => found,
    }
}
