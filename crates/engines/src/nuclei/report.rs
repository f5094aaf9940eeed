//! nuclei's results, line by line.

use super::findings::finding;
use super::jsonl::Event;
use crate::collected::Collected;
use crate::{Target, site};
use scanyard_contract::scan::FailureReason;
use std::io::BufRead;

/// What the lines come to.
#[derive(Debug, Default)]
pub struct Lines {
    pub collected: Collected,
    /// No line of it, not even one that is no finding.
    pub is_empty: bool,
    /// Why this is not a whole report.
    pub fault: Option<(FailureReason, String)>,
}

/// Reads every line; one that cannot be read, or is not `of_target`, is counted and dropped.
pub fn lines(report: &[u8], target: &Target, mut of_target: impl FnMut(&Event) -> bool) -> Lines {
    let mut collected = Collected::from_report_of(report.len());
    let (mut results, mut unread) = (0_u64, 0_u64);
    let mut is_cut = false;
    let mut rest = report;
    while !rest.is_empty() {
        let all = rest;
        // Reading from memory does not fail; the count includes the line's end.
        let read = rest.skip_until(b'\n').unwrap_or(all.len());
        let line = all[..read].trim_ascii();
        if line.is_empty() {
            continue;
        }
        // Decoded as a whole and not text by text; a line that is not UTF-8 is none of nuclei's.
        match std::str::from_utf8(line).ok().and_then(|line| serde_json::from_str::<Event>(line).ok()) {
            Some(event) if event.matcher_status == Some(false) => collected.drop("did not match"),
            Some(event) if !of_target(&event) => collected.drop(site::OUTSIDE),
            Some(event) => collected.add(finding(&event, target)),
            None => {
                unread += 1;
                is_cut = !all[..read].ends_with(b"\n");
                collected.drop("malformed line");
                continue;
            }
        }
        results += 1;
    }
    let unreadable = |message: &str| Some((FailureReason::ReportUnreadable, message.to_string()));
    let fault = match (results, unread) {
        (0, 1..) => unreadable("no line of the report is a result of nuclei; it takes what nuclei writes with -jsonl"),
        _ if is_cut => unreadable("nuclei's report is cut short in its last line"),
        _ => None,
    };
    Lines { collected, is_empty: results + unread == 0, fault }
}
