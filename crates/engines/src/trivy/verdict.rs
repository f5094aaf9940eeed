//! Whether trivy really scanned: what its log says, and what its exit code does not.

use super::findings::UNREAD;
use super::options::Scanner;
use super::report::{Document, SCHEMA_VERSION};
use crate::engine::engine;
use crate::job::Outcome;
use crate::process::{Lines, Run};
use crate::text::clean;
use scanyard_contract::ScanType;
use scanyard_contract::scan::{FailureReason, Records};

/// What trivy's log says.
#[derive(Debug, Default)]
pub struct Log {
    lines: Lines,
    noted: Noted,
}

/// What was noted of the lines so far.
#[derive(Debug, Default)]
struct Noted {
    /// The first line that is an error.
    error: Option<String>,
    fatal: Option<String>,
    /// Lists of packages and systems that were found; `None` before trivy said so.
    packages: Option<u64>,
    /// Files of settings that were found.
    settings: Option<u64>,
    /// Components of a bill of materials that were left out.
    unknown: u64,
}

/// What the whole log says.
#[derive(Debug, Default)]
pub struct Said {
    /// The error that ended the run, else the first one.
    pub complaint: Option<Complaint>,
    /// Components of a bill of materials that were left out.
    pub unknown: u64,
    packages: Option<u64>,
    settings: Option<u64>,
}

/// Bytes of a line that a message quotes.
const QUOTED: usize = 500;
/// An error of every run without a download: the checks inside the binary are what is wanted.
const HARMLESS: &str = "Falling back to embedded checks";
/// What its log for developers says of a file, such as a list of packages, that is none and is left out of the scan.
const PASSED_OVER: [&str; 2] = ["Walk error\t", "Analysis error\t"];
/// What it says of how many lists of packages there are, and files of settings, and of a system whose packages it knows.
const LISTS: &str = "Number of language-specific files";
const SETTINGS: &str = "Detected config files";
const SYSTEM: &str = "Detected OS";
/// What it says of a component of a bill of materials that it leaves out.
const UNKNOWN: [&str; 2] = ["[sbom] Skipping a component", "Failed to parse component"];

impl Log {
    /// Takes the next bytes of stderr.
    pub fn read(&mut self, bytes: &[u8]) {
        let Log { lines, noted } = self;
        lines.push(bytes, |line| noted.take(line));
    }

    /// What the whole log says.
    pub fn end(mut self) -> Said {
        let Log { lines, noted } = &mut self;
        lines.end(|line| noted.take(line));
        let Noted { error, fatal, packages, settings, unknown } = self.noted;
        Said { complaint: fatal.or(error).map(Complaint), unknown, packages, settings }
    }
}

impl Noted {
    fn take(&mut self, line: &str) {
        // With its log for developers the causes follow, one a line, each with the place in its source.
        if let (Some(fatal), Some(cause)) = (self.fatal.as_mut(), line.strip_prefix("  - ")) {
            fatal.push(' ');
            fatal.push_str(cause);
            return;
        }
        // Time, level and text, with tabs between them.
        let mut columns = line.splitn(3, '\t').skip(1);
        let (Some(level), Some(text)) = (columns.next(), columns.next()) else { return };
        match level.trim() {
            "FATAL" => _ = self.fatal.get_or_insert_with(|| text.to_string()),
            "ERROR" if !text.contains(HARMLESS) => _ = self.error.get_or_insert_with(|| text.to_string()),
            "DEBUG" if PASSED_OVER.iter().any(|says| text.contains(says)) => {
                _ = self.error.get_or_insert_with(|| text.to_string());
            }
            "INFO" if text.starts_with(LISTS) => *self.packages.get_or_insert(0) += number(text),
            "INFO" if text.starts_with(SYSTEM) => *self.packages.get_or_insert(0) += 1,
            "INFO" if text.starts_with(SETTINGS) => *self.settings.get_or_insert(0) += number(text),
            "DEBUG" | "WARN" if UNKNOWN.iter().any(|says| text.contains(says)) => self.unknown += 1,
            _ => {}
        }
    }
}

/// The number at the end of a line; one where there is none, for that would not say that there is nothing.
fn number(text: &str) -> u64 {
    text.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

impl Said {
    /// Whether there was nothing that a scanner looks at; `is_full` when texts of licences are looked for in every file.
    pub fn is_idle(&self, scanner: Scanner, is_full: bool) -> bool {
        match scanner {
            Scanner::Vuln => self.packages == Some(0),
            Scanner::License => self.packages == Some(0) && !is_full,
            Scanner::Misconfig => self.settings == Some(0),
            // It looks at every file.
            Scanner::Secret => false,
        }
    }
}

/// Why a scan is none all of whose scanners had nothing to look at.
pub fn nothing() -> (FailureReason, String) {
    let message = "trivy knows nothing of what is there, so nothing was scanned: vuln and license look at lists of \
                   packages, misconfig at settings of infrastructure, secret at every file";
    (FailureReason::EngineFailed, message.to_string())
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

/// Why a report that was made elsewhere is none of a scan when it lists nothing.
pub fn no_results() -> (FailureReason, String) {
    let message =
        "trivy's report lists nothing that was looked at, as that of an empty folder does, so it proves nothing";
    (FailureReason::ReportUnreadable, message.to_string())
}

/// Files that say to be settings, and of which trivy tells nothing.
pub fn unread_settings(paths: &[String]) -> Option<(FailureReason, String)> {
    let first = clean(paths.first()?.as_bytes(), QUOTED);
    let others = match paths.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let message = format!(
        "trivy passed over {first}{others}: settings of Kubernetes or CloudFormation that cannot be parsed; mend them, or leave \
         their folder out with skipDirs"
    );
    Some((FailureReason::EngineFailed, message))
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
