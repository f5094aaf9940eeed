//! Whether nmap really scanned: it exits with 0 when it reached nobody.

use super::xml::Document;
use crate::{Target, text};
use scanyard_contract::scan::FailureReason;

/// Why a report is not that of a scan that reached its target and ended.
pub fn fault(document: &Document, target: &Target) -> Option<(FailureReason, String)> {
    let Some(finished) = &document.finished else {
        return Some((FailureReason::ReportUnreadable, "nmap's report has no end".to_string()));
    };
    if let Some(error) = &finished.error {
        return Some((FailureReason::EngineFailed, format!("nmap: {}", text::clean(error.as_bytes(), 500))));
    }
    if document.hosts.iter().any(|host| host.answered) {
        return None;
    }
    if document.hosts.iter().any(|host| host.is_timed_out) {
        let message = format!("nmap gave up on {target}: its ports were not all answered within the scan's time");
        return Some((FailureReason::TimedOut, message));
    }
    Some((FailureReason::TargetUnreachable, format!("no port of {target} accepted or refused a connection")))
}
