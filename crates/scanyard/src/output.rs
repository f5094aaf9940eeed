//! What is written to stdout: tables for people, JSON for programs.

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use scanyard_contract::scan::{Records, Results, ScanStatus};
use scanyard_contract::{Export, ExportFormat, Finding, Severity};
use scanyard_engines::text;
use serde::Serialize;
use std::cmp::Reverse;
use std::io::{ErrorKind, IsTerminal, Write};

/// Version of every JSON document that the command line prints; grows when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;
/// Bytes of an export that are printed at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// The most bytes of one cell.
const CELL_BYTES: usize = 300;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs; carries `schemaVersion`.
    Json,
}

/// How the results of a scan are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResultsFormat {
    /// For people.
    Table,
    /// For programs; carries `schemaVersion`.
    Json,
    /// SARIF 2.1.0, for code scanning tools.
    Sarif,
    /// One line for each finding, for spreadsheets.
    Csv,
    /// A page to read and to print.
    Html,
}

/// A JSON document of the command line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<T> {
    schema_version: u32,
    #[serde(flatten)]
    content: T,
}

/// Whether these arguments ask for JSON; read from the words, because the rest of them can be wrong.
pub fn is_json_asked(arguments: impl Iterator<Item = String>) -> bool {
    let mut is_format = false;
    for argument in arguments.take_while(|argument| argument != "--") {
        if argument == "--format=json" || (is_format && argument == "json") {
            return true;
        }
        is_format = argument == "--format";
    }
    false
}

/// Writes to stdout; a reader that went away, as `head` does, is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("writing to stdout"),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes an answer's body to stdout as it came, with an end of line on a terminal's behalf.
pub fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let has_end = bytes.is_empty() || bytes.ends_with(b"\n") || !stdout.is_terminal();
    let end: &[u8] = if has_end { b"" } else { b"\n" };
    match stdout.write_all(bytes).and_then(|()| stdout.write_all(end)).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("writing to stdout"),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints an object as JSON, with `schemaVersion`.
pub fn print_json<T: Serialize>(content: T) -> anyhow::Result<()> {
    let document = Document { schema_version: SCHEMA_VERSION, content };
    let text = serde_json::to_string_pretty(&document).context("printing JSON")?;
    print(&format!("{text}\n"))
}

/// Prints the results of a scan.
pub fn print_results(results: &Results, format: ResultsFormat) -> anyhow::Result<()> {
    match format {
        ResultsFormat::Table => print(&self::results(results)),
        ResultsFormat::Json => print_json(results),
        ResultsFormat::Sarif => export(results, ExportFormat::Sarif),
        ResultsFormat::Csv => {
            // The one format without a place for it.
            if results.status != ScanStatus::Completed {
                eprint!("{}{}", headline(results), failure(results));
            }
            export(results, ExportFormat::Csv)
        }
        ResultsFormat::Html => export(results, ExportFormat::Html),
    }
}

/// Prints an export, finding by finding, worst first.
fn export(results: &Results, format: ExportFormat) -> anyhow::Result<()> {
    let mut findings: Vec<&Finding> = results.findings.iter().collect();
    findings.sort_by_key(|finding| (Reverse(finding.severity), &finding.fingerprint));
    let mut export = Export::new(format, Results { findings: Vec::new(), ..results.clone() });
    let mut text = String::new();
    export.begin(&mut text);
    for finding in findings {
        if text.len() > PIECE_BYTES {
            print(&std::mem::take(&mut text))?;
        }
        export.finding(finding, &mut text);
    }
    export.end(&mut text);
    print(&text)
}

/// Whether stdout takes colours: a terminal, and NO_COLOR is not set.
fn has_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A text from outside in one line that cannot steer the terminal.
pub fn clean(text: &str) -> String {
    text::clean(text.as_bytes(), CELL_BYTES).replace(['\n', '\t'], " ")
}

/// The same, with its lines.
pub fn clean_lines(text: &str) -> String {
    text::clean(text.as_bytes(), 16 * 1024)
}

/// An empty table with these heads.
pub fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(heads.to_vec());
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

/// The results of a scan, for people.
pub fn results(results: &Results) -> String {
    let mut text = String::new();
    if !results.findings.is_empty() {
        let mut table = table(&["SEVERITY", "FINDING", "WHERE", "RULE"]);
        let mut findings: Vec<&Finding> = results.findings.iter().collect();
        findings.sort_by_key(|finding| (Reverse(finding.severity), finding.location.to_string(), &finding.rule_id));
        for finding in findings {
            table.add_row([
                severity(finding.severity),
                Cell::new(clean(&finding.title)),
                Cell::new(clean(&finding.location.to_string())),
                Cell::new(clean(&finding.rule_id)),
            ]);
        }
        text.push_str(&format!("{table}\n"));
    }
    text.push_str(&headline(results));
    text.push_str(&records(&results.records));
    text.push_str(&failure(results));
    text
}

/// What came of the scan, in one line.
fn headline(results: &Results) -> String {
    let summary = &results.summary;
    format!(
        "{} scan of {}: {}, {} findings ({} critical, {} high, {} medium, {} low, {} info), {} of {} hosts reached\n",
        results.scan_type,
        clean(&results.target),
        results.status,
        summary.total,
        summary.critical,
        summary.high,
        summary.medium,
        summary.low,
        summary.info,
        results.coverage.reached,
        results.coverage.hosts,
    )
}

/// Why it failed, with the engine's last lines; nothing when it did not.
fn failure(results: &Results) -> String {
    let mut text = String::new();
    if let Some(failure) = &results.failure {
        text.push_str(&format!("{}: {}\n", failure.reason, clean(&failure.message)));
        for line in &failure.last_lines {
            text.push_str(&format!("  | {}\n", clean(line)));
        }
    }
    text
}

/// Where the report's records went, in one line; nothing when each of them is a finding.
fn records(records: &Records) -> String {
    let Records { read, kept, merged, dropped } = records;
    if read == kept {
        return String::new();
    }
    let dropped: Vec<String> =
        dropped.iter().map(|(reason, count)| format!("{count} dropped ({})", clean(reason))).collect();
    let gone = [vec![format!("{merged} merged")], dropped].concat().join(", ");
    format!("records: {read} read, {kept} kept, {gone}\n")
}

fn severity(severity: Severity) -> Cell {
    let cell = Cell::new(severity.as_str());
    match severity {
        _ if !has_colour() => cell,
        Severity::Critical => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Severity::High => cell.fg(Color::Red),
        Severity::Medium => cell.fg(Color::Yellow),
        Severity::Low => cell.fg(Color::Cyan),
        Severity::Info => cell.add_attribute(Attribute::Dim),
    }
}
