//! Reports that were made elsewhere: read as the engine's own adapter reads them, and judged alone.

use crate::{Parsed, Target, nmap};
use scanyard_contract::ScanType;

/// How reports of an engine are read.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    pub read: fn(&[u8], &Target) -> Parsed,
    /// The target that a report states itself, where it does.
    pub target_of: fn(&[u8]) -> Option<Target>,
    /// Such as `application/xml`.
    pub media_type: &'static str,
}

/// How reports of an engine are read; none for one that has no report of its own.
pub fn reader(scan_type: ScanType) -> Option<Reader> {
    match scan_type {
        ScanType::Nmap => Some(Reader { read: nmap::read, target_of: nmap::target_of, media_type: "application/xml" }),
        ScanType::Zap
        | ScanType::Trivy
        | ScanType::Nuclei
        | ScanType::Nikto
        | ScanType::Sqlmap
        | ScanType::Wapiti
        | ScanType::Harvester
        | ScanType::Sublist3r
        | ScanType::Sentinel => None,
    }
}

/// Reads a report; none for an engine that has no report of its own.
pub fn read(scan_type: ScanType, report: &[u8], target: &Target) -> Option<Parsed> {
    reader(scan_type).map(|reader| (reader.read)(report, target))
}
