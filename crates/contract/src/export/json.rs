//! The results as the API has them, with every finding.

use super::json_of;
use crate::Finding;
use crate::scan::Results;
use serde_json::{Map, Value};

/// Grows when a field changes its meaning or goes; the documents of the command line have the same.
const SCHEMA_VERSION: u32 = 1;

pub fn begin(head: &Results, out: &mut String) {
    let mut members = Map::from_iter([("schemaVersion".to_string(), SCHEMA_VERSION.into())]);
    if let Ok(Value::Object(head)) = serde_json::to_value(head) {
        members.extend(head.into_iter().filter(|(name, _)| name != "findings"));
    }
    let text = json_of(&members);
    out.push_str(text.strip_suffix('}').unwrap_or(&text));
    out.push_str(",\"findings\":[");
}

pub fn finding(finding: &Finding, is_first: bool, out: &mut String) {
    out.push_str(if is_first { "\n" } else { ",\n" });
    out.push_str(&json_of(finding));
}

pub fn end(out: &mut String) {
    out.push_str("\n]}\n");
}
