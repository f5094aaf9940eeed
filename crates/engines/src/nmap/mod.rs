//! nmap: typed options to argv, streamed XML to findings.

use crate::job::{Control, Job, Report};
use scanyard_contract::wire::Detail;
use serde_json::{Map, Value, json};

/// Options of an nmap scan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {}

impl Options {
    /// Reads the options; every fault is named with its path under `options`.
    pub fn parse(_options: &Map<String, Value>) -> Result<Options, Vec<Detail>> {
        Ok(Options {})
    }

    /// JSON Schema of the options.
    pub fn schema() -> Value {
        json!({"type": "object", "properties": {}, "additionalProperties": false})
    }
}

/// Runs nmap.
pub async fn run(_job: Job, _control: Control) -> Report {
    Report::failed(scanyard_contract::scan::FailureReason::EngineMissing, "nmap is not driven yet")
}
