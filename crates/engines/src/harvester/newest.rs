//! The reports of the newest theHarvester: JSON lines, of which the first says how each source did.

use super::found::Found;
use crate::text::clean;
use serde::Deserialize;
use std::borrow::Cow;
use std::io::BufRead;

/// What the first line says of the run.
#[derive(Debug, Default, Deserialize, PartialEq)]
pub struct Summary {
    /// Records that follow.
    #[serde(default)]
    pub result_count: u64,
    #[serde(default)]
    pub source_executions: Vec<Execution>,
}

/// How one source did.
#[derive(Debug, Deserialize, PartialEq)]
pub struct Execution {
    pub source: String,
    /// `completed`, `partial`, `failed` or another word.
    pub status: String,
    #[serde(default)]
    pub error_type: Option<String>,
}

impl Execution {
    /// Whether it answered at all.
    pub fn has_answered(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "partial")
    }

    /// Such as `crtsh failed (TimeoutError)`.
    pub fn told(&self) -> String {
        let word = |text: &str| clean(text.as_bytes(), 60);
        let error = self.error_type.as_deref().map(|error| format!(" ({})", word(error)));
        format!("{} {}{}", word(&self.source), word(&self.status), error.unwrap_or_default())
    }
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

/// Bytes of one line that are read; the first holds a line for each source.
const MAX_LINE: usize = 1024 * 1024;

/// The lines that follow the first.
#[derive(Debug, PartialEq)]
pub struct Lines {
    pub summary: Summary,
    /// Records after it.
    pub records: u64,
}

/// Reads the report; `None` when its first line is no summary.
pub fn lines(report: &[u8], found: &mut Found) -> Option<Lines> {
    #[derive(Deserialize)]
    struct First {
        #[serde(rename = "type")]
        kind: String,
        #[serde(flatten)]
        summary: Summary,
    }
    let mut rest = report;
    let first: First = serde_json::from_slice(line(&mut rest)).ok()?;
    if first.kind != "summary" {
        return None;
    }
    let mut records = 0;
    while !rest.is_empty() {
        let line = line(&mut rest);
        if line.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Record>(line) {
            Ok(record) => {
                records += 1;
                found.record(&record.kind, &record.value);
            }
            Err(_) => found.collected.drop("malformed line"),
        }
    }
    Some(Lines { summary: first.summary, records })
}

/// Takes the next line off.
fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let all = *rest;
    // Reading from memory does not fail.
    let length = rest.skip_until(b'\n').unwrap_or(all.len());
    all[..length.min(MAX_LINE)].trim_ascii()
}
