//! The typed options of each engine: an allow-list each, with its JSON Schema.

use crate::{Target, nmap, sentinel, trivy};
use scanyard_contract::ScanType;
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value};

/// The options of a scan, checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Options {
    Nmap(nmap::Options),
    Trivy(trivy::Options),
    Sentinel(sentinel::Options),
}

impl Options {
    /// Reads the options of an engine; `None` when this build has no adapter for it. Every fault is named, each with a
    /// path under `options`.
    pub fn parse(scan_type: ScanType, options: &Map<String, Value>) -> Option<Result<Options, Vec<Detail>>> {
        match scan_type {
            ScanType::Nmap => Some(nmap::Options::parse(options).map(Options::Nmap)),
            ScanType::Trivy => Some(trivy::Options::parse(options).map(Options::Trivy)),
            ScanType::Sentinel => Some(sentinel::Options::parse(options).map(Options::Sentinel)),
            ScanType::Zap
            | ScanType::Nuclei
            | ScanType::Nikto
            | ScanType::Sqlmap
            | ScanType::Wapiti
            | ScanType::Harvester
            | ScanType::Sublist3r => None,
        }
    }

    /// Faults that only show beside a target, each with a path under `options`.
    pub fn check_target(&self, target: &Target) -> Result<(), Vec<Detail>> {
        match self {
            Options::Nmap(_) | Options::Trivy(_) => Ok(()),
            Options::Sentinel(options) => options.check_target(target),
        }
    }
}
