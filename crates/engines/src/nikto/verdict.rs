//! Whether nikto really scanned: it exits with 0 when there was nobody to scan, and when its options were wrong.

use super::xml::{Document, Item};
use crate::{Target, text};
use scanyard_contract::scan::FailureReason;

/// Why a report is not that of a scan that reached its target and ended.
pub fn fault(document: &Document, target: &Target) -> Option<(FailureReason, String)> {
    if !document.is_nikto {
        return Some((FailureReason::ReportUnreadable, "this is no XML report of nikto".to_string()));
    }
    if let Some(item) = document.items.iter().find(|item| is_failure(item)) {
        let said = text::clean(item.description.as_bytes(), 300);
        return Some((FailureReason::TargetUnreachable, format!("nikto could not scan {target}: {said}")));
    }
    if document.sites.is_empty() {
        return Some((FailureReason::TargetUnreachable, format!("nikto found no web server at {target}")));
    }
    if !document.is_finished {
        return Some((FailureReason::ReportUnreadable, "nikto's report has no end".to_string()));
    }
    None
}

/// An item that tells of nikto's own failure: `FAIL` of 2.6, an error under the id 0 of 2.5.
pub fn is_failure(item: &Item) -> bool {
    item.id == "FAIL" || (item.id == "0" && item.description.starts_with("ERROR:"))
}
