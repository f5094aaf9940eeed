//! A scan's results in the formats that other programs and people take, written finding by finding, so that none of them
//! needs all findings in memory. It must not know where findings come from, nor where the text goes.

mod csv;
mod html;
mod json;
mod sarif;

use crate::Finding;
use crate::scan::{Results, words};
use serde::{Deserialize, Serialize};

words! {
    /// A format of an export.
    ExportFormat {
        /// The results as the API has them, with every finding.
        Json = "json",
        /// SARIF 2.1.0, for code scanning tools.
        Sarif = "sarif",
        /// One line for each finding, for spreadsheets.
        Csv = "csv",
        /// A page for people, to read and to print.
        Html = "html",
    }
}

impl ExportFormat {
    /// Media type of the whole text.
    pub fn media_type(self) -> &'static str {
        match self {
            ExportFormat::Json => "application/json",
            ExportFormat::Sarif => "application/sarif+json",
            ExportFormat::Csv => "text/csv; charset=utf-8",
            ExportFormat::Html => "text/html; charset=utf-8",
        }
    }
}

/// An export being written: [`Export::begin`], then every finding, worst first, then [`Export::end`].
#[derive(Debug)]
pub struct Export {
    format: ExportFormat,
    /// The results without their findings.
    head: Results,
    rules: sarif::Rules,
    /// Findings written so far.
    written: u64,
}

impl Export {
    /// An export of these results; the findings in them are not looked at.
    pub fn new(format: ExportFormat, head: Results) -> Export {
        let head = Results { findings: Vec::new(), ..head };
        Export { format, head, rules: sarif::Rules::default(), written: 0 }
    }

    /// What stands before the first finding.
    pub fn begin(&self, out: &mut String) {
        match self.format {
            ExportFormat::Json => json::begin(&self.head, out),
            ExportFormat::Sarif => sarif::begin(out),
            ExportFormat::Csv => csv::begin(out),
            ExportFormat::Html => html::begin(&self.head, out),
        }
    }

    /// One finding.
    pub fn finding(&mut self, finding: &Finding, out: &mut String) {
        let is_first = self.written == 0;
        self.written += 1;
        match self.format {
            ExportFormat::Json => json::finding(finding, is_first, out),
            ExportFormat::Sarif => sarif::finding(finding, is_first, &mut self.rules, out),
            ExportFormat::Csv => csv::finding(finding, out),
            ExportFormat::Html => html::finding(finding, out),
        }
    }

    /// What stands behind the last finding.
    pub fn end(&self, out: &mut String) {
        match self.format {
            ExportFormat::Json => json::end(out),
            ExportFormat::Sarif => sarif::end(&self.head, &self.rules, out),
            ExportFormat::Csv => {}
            ExportFormat::Html => html::end(&self.head, self.written, out),
        }
    }
}

/// A value as JSON text; what cannot be printed, which nothing of ours is, is `null`.
fn json_of<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_string())
}
