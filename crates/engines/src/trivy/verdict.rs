//! Whether trivy really scanned: what its log says, and what its exit code does not.

use super::findings::UNREAD;
use super::report::{Document, SCHEMA_VERSION};
use crate::engine::engine;
use crate::job::Outcome;
use crate::process::{Lines, Run};
use crate::text::clean;
use scanyard_contract::ScanType;
use scanyard_contract::scan::{FailureReason, Records};

/// What trivy's log says of its faults.
#[derive(Debug, Default)]
pub struct Log {
    lines: Lines,
    /// The first line that is an error.
    error: Option<String>,
    fatal: Option<String>,
}

/// Bytes of a line that a message quotes.
const QUOTED: usize = 500;
/// An error of every run without a download: the checks inside the binary are what is wanted.
const HARMLESS: &str = "Falling back to embedded checks";
/// What its log for developers says of a file, such as a list of packages, that is none and is left out of the scan.
const PASSED_OVER: [&str; 2] = ["Walk error\t", "Analysis error\t"];

impl Log {
    /// Takes the next bytes of stderr.
    pub fn read(&mut self, bytes: &[u8]) {
        let Log { lines, error, fatal } = self;
        lines.push(bytes, |line| note(line, error, fatal));
    }

    /// What the whole log says: the error that ended the run, else the first one.
    pub fn end(mut self) -> Option<Complaint> {
        let Log { lines, error, fatal } = &mut self;
        lines.end(|line| note(line, error, fatal));
        match (self.fatal, self.error) {
            (Some(fatal), _) => Some(Complaint(fatal)),
            (None, Some(error)) => Some(Complaint(error)),
            (None, None) => None,
        }
    }
}

fn note(line: &str, error: &mut Option<String>, fatal: &mut Option<String>) {
    // With its log for developers the causes follow, one a line, each with the place in its source.
    if let (Some(fatal), Some(cause)) = (fatal.as_mut(), line.strip_prefix("  - ")) {
        fatal.push(' ');
        fatal.push_str(cause);
        return;
    }
    // Time, level and text, with tabs between them.
    let mut columns = line.splitn(3, '\t').skip(1);
    let (Some(level), Some(text)) = (columns.next(), columns.next()) else { return };
    match level.trim() {
        "FATAL" => _ = fatal.get_or_insert_with(|| text.to_string()),
        "ERROR" if !text.contains(HARMLESS) => _ = error.get_or_insert_with(|| text.to_string()),
        "DEBUG" if PASSED_OVER.iter().any(|says| text.contains(says)) => {
            _ = error.get_or_insert_with(|| text.to_string());
        }
        _ => {}
    }
}

/// Whether a line is for trivy's developers: of its log, or a place in its source.
pub fn is_debug(line: &str) -> bool {
    line.starts_with("    ") || line.split('\t').nth(1).is_some_and(|level| level.trim() == "DEBUG")
}

/// A line of the log that says what went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint(String);

impl Complaint {
    /// What that means, for people.
    fn meaning(&self) -> (FailureReason, String) {
        let text = self.0.replace('\t', " ");
        let has = |part: &str| text.contains(part);
        if has("skip-db-update") || has("skip downloading DB") || has("vulnerability DB") {
            let message = "trivy has no database of vulnerabilities here: the operator downloads one with \
                           `trivy image --download-db-only --cache-dir DIR` and sets engines.trivy.cache_dir to DIR; \
                           without one ask for the scanners misconfig, secret and license";
            return (FailureReason::EngineFailed, message.to_string());
        }
        let quoted = clean(text.strip_prefix("Fatal error").unwrap_or(&text).trim().as_bytes(), QUOTED);
        if has("unable to find the specified image") {
            return (FailureReason::TargetUnreachable, format!("the image could not be read: {quoted}"));
        }
        if PASSED_OVER.iter().any(|says| self.0.contains(says)) {
            let message = format!(
                "trivy could not read a file, and left it out: {quoted}; mend it, or leave its folder out with skipDirs"
            );
            return (FailureReason::EngineFailed, message);
        }
        (FailureReason::EngineFailed, format!("trivy: {quoted}"))
    }
}

/// Why a report is not one of trivy; `error` is why it could not be read.
pub fn fault(document: &Document<'_>, error: Option<&serde_json::Error>) -> Option<(FailureReason, String)> {
    let unreadable = |message: String| Some((FailureReason::ReportUnreadable, message));
    match error {
        Some(error) if error.is_eof() => unreadable("trivy's report has no end".to_string()),
        Some(error) => unreadable(format!("this is no report of trivy: {error}")),
        None if document.schema_version == 0 => {
            unreadable("this is no report of trivy: it has no SchemaVersion".into())
        }
        None if document.schema_version != SCHEMA_VERSION => unreadable(format!(
            "trivy's report is of schema version {}, and {SCHEMA_VERSION} is read",
            document.schema_version
        )),
        None => None,
    }
}

/// Why nothing was kept of a report of which something could not be read: that may have been all that was found.
pub fn unread(records: &Records) -> Option<(FailureReason, String)> {
    let unread = records.dropped.get(UNREAD).filter(|_| records.kept == 0)?;
    let message =
        format!("of {} records of trivy's report none is a finding, and {unread} cannot be read", records.read);
    Some((FailureReason::ReportUnreadable, message))
}

/// The outcome of a run by its exit, its log and its report: exit 0 beside an error is no clean scan.
pub fn outcome(run: &Run, complaint: Option<Complaint>, fault: Option<(FailureReason, String)>) -> Outcome {
    let engine = engine(ScanType::Trivy);
    match (run.exit_code(engine), complaint) {
        (Err(outcome), _) => outcome,
        (Ok(_), Some(complaint)) => {
            let (reason, message) = complaint.meaning();
            run.failed(reason, message)
        }
        (Ok(_), None) => run.outcome(engine, fault),
    }
}
