//! The typed options of each engine: an allow-list each, with its JSON Schema.

use crate::{Target, harvester, nikto, nmap, nuclei, sentinel, sqlmap, sublist3r, trivy, wapiti, zap};
use scanyard_contract::ScanType;
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value};

/// The options of a scan, checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Options {
    Harvester(harvester::Options),
    Nmap(nmap::Options),
    Nikto(nikto::Options),
    Sqlmap(sqlmap::Options),
    Wapiti(wapiti::Options),
    Zap(zap::Options),
    Nuclei(nuclei::Options),
    Trivy(trivy::Options),
    Sentinel(sentinel::Options),
    Sublist3r(sublist3r::Options),
}

impl Options {
    /// Reads the options of an engine; `None` when this build has no adapter for it. Every fault is named, each with a
    /// path under `options`.
    pub fn parse(scan_type: ScanType, options: &Map<String, Value>) -> Option<Result<Options, Vec<Detail>>> {
        match scan_type {
            ScanType::Nmap => Some(nmap::Options::parse(options).map(Options::Nmap)),
            ScanType::Nikto => Some(nikto::Options::parse(options).map(Options::Nikto)),
            ScanType::Sqlmap => Some(sqlmap::Options::parse(options).map(Options::Sqlmap)),
            ScanType::Wapiti => Some(wapiti::Options::parse(options).map(Options::Wapiti)),
            ScanType::Zap => Some(zap::Options::parse(options).map(Options::Zap)),
            ScanType::Sentinel => Some(sentinel::Options::parse(options).map(Options::Sentinel)),
            ScanType::Nuclei => Some(nuclei::Options::parse(options).map(Options::Nuclei)),
            ScanType::Harvester => Some(harvester::Options::parse(options).map(Options::Harvester)),
            ScanType::Sublist3r => Some(sublist3r::Options::parse(options).map(Options::Sublist3r)),
            ScanType::Trivy => Some(trivy::Options::parse(options).map(Options::Trivy)),
        }
    }

    /// Faults that only show beside a target, each with a path under `options`, or `target`.
    pub fn check_target(&self, target: &Target) -> Result<(), Vec<Detail>> {
        match self {
            Options::Harvester(_)
            | Options::Nmap(_)
            | Options::Nuclei(_)
            | Options::Sublist3r(_)
            | Options::Trivy(_) => Ok(()),
            // Anything else could be taken for a file of hosts, or for an option.
            Options::Nikto(_) | Options::Wapiti(_) | Options::Zap(_) => url_only(target),
            Options::Sqlmap(options) => url_only(target).and_then(|()| options.check_target(target)),
            Options::Sentinel(options) => options.check_target(target),
        }
    }
}

fn url_only(target: &Target) -> Result<(), Vec<Detail>> {
    match target.url() {
        Some(_) => Ok(()),
        None => Err(vec![Detail::field("target", "must be a URL such as https://app.example.test/")]),
    }
}
