//! theHarvester's reports, of either kind, and what they are worth.

use super::found::Found;
use super::newest::{self, Lines};
use super::older::{self, Xml};
use crate::Target;
use crate::job::Parsed;
use scanyard_contract::scan::{Coverage, FailureReason};

/// The files of one run; empty where there is none.
#[derive(Debug, Default)]
pub struct Files<'a> {
    /// What the newest versions write besides the two others; it alone tells how each source did.
    pub jsonl: &'a [u8],
    pub json: &'a [u8],
    pub xml: &'a [u8],
}

/// Reads one report, whichever of the three it is.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    let text = report.trim_ascii_start();
    let files = if text.starts_with(b"<") {
        Files { xml: text, ..Files::default() }
    } else if older::json(text, &mut Found::new(String::new())) {
        Files { json: text, ..Files::default() }
    } else {
        Files { jsonl: text, ..Files::default() }
    };
    files.read(target)
}

type Fault = Option<(FailureReason, String)>;

impl Files<'_> {
    /// Reads them as one: what stands in several of them counts once.
    pub fn read(&self, target: &Target) -> Parsed {
        let mut found = Found::new(target.host());
        let fault = if self.jsonl.is_empty() { self.older(&mut found) } else { self.newest(&mut found) };
        let collected = found.end();
        // Without a word on the sources, an empty report is what a dead network leaves too.
        let nothing = (FailureReason::EngineFailed, NOTHING.to_string());
        let is_silent = self.jsonl.is_empty() && collected.records.kept == 0;
        let fault = fault.or(is_silent.then_some(nothing));
        // Others were asked, and no host of the target: there is nothing to cover.
        Parsed { collected, coverage: Coverage::default(), engine_version: None, fault }
    }

    fn older(&self, found: &mut Found) -> Fault {
        let is_json = self.json.is_empty() || older::json(self.json, found);
        let xml = if self.xml.is_empty() { Xml::Whole } else { older::xml(self.xml, found) };
        match (is_json, xml) {
            _ if self.json.is_empty() && self.xml.is_empty() => unreadable("the report is empty"),
            (false, _) => unreadable("the report's JSON is cut short, or none of theHarvester's"),
            (true, Xml::Foreign) => unreadable("the report's XML is none of theHarvester's"),
            (true, Xml::Cut) => unreadable("the report's XML has no end"),
            (true, Xml::Whole) => None,
        }
    }

    fn newest(&self, found: &mut Found) -> Fault {
        let Some(Lines { summary, records }) = newest::lines(self.jsonl, found) else {
            return unreadable(
                "the report is none that theHarvester writes: JSON, XML, or lines that begin with a summary",
            );
        };
        if records < summary.result_count {
            return unreadable("the report is cut short: it has fewer records than its first line says");
        }
        let sources = &summary.source_executions;
        if sources.iter().any(newest::Execution::has_answered) {
            return None;
        }
        let told: Vec<String> = sources.iter().take(20).map(newest::Execution::told).collect();
        let told = if told.is_empty() { "it asked none".to_string() } else { told.join(", ") };
        Some((FailureReason::EngineFailed, format!("none of theHarvester's sources answered: {told}")))
    }
}

const NOTHING: &str = "theHarvester found nothing, and this version does not tell whether any source answered; without a \
                       network it says the same";

fn unreadable(message: &str) -> Fault {
    Some((FailureReason::ReportUnreadable, message.to_string()))
}
