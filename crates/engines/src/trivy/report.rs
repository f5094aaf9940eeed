//! Trivy's report, JSON of its schema version 2, as far as findings come from it.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The version of the report's schema that is read.
pub const SCHEMA_VERSION: u64 = 2;

/// A report. Go leaves out what is empty, or writes null.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Document<'a> {
    pub schema_version: u64,
    #[serde(deserialize_with = "or_default")]
    pub trivy: Program,
    #[serde(deserialize_with = "or_default")]
    pub artifact_name: String,
    #[serde(borrow, deserialize_with = "or_default")]
    pub results: Vec<Part<'a>>,
}

/// The trivy that wrote it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Program {
    pub version: Option<String>,
}

/// What was found in one place. A record is read by itself, so that one that cannot be read costs no other.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Part<'a> {
    #[serde(deserialize_with = "or_default")]
    pub target: String,
    #[serde(deserialize_with = "or_default")]
    pub class: String,
    #[serde(borrow, deserialize_with = "or_default")]
    pub vulnerabilities: Vec<&'a RawValue>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub misconfigurations: Vec<&'a RawValue>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub secrets: Vec<&'a RawValue>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub licenses: Vec<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    pub vulnerability_id: String,
    pub pkg_name: String,
    pub pkg_path: String,
    pub installed_version: String,
    pub fixed_version: String,
    pub status: String,
    pub severity: String,
    pub severity_source: String,
    pub title: String,
    #[serde(rename = "PrimaryURL")]
    pub primary_url: String,
    #[serde(rename = "CweIDs", deserialize_with = "or_default")]
    pub cwe_ids: Vec<String>,
    #[serde(rename = "CVSS", deserialize_with = "or_default")]
    pub cvss: BTreeMap<String, Scores>,
    #[serde(deserialize_with = "or_default")]
    pub references: Vec<String>,
}

/// The scores that one source gives.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scores {
    #[serde(rename = "V2Vector")]
    pub v2_vector: String,
    #[serde(rename = "V3Vector")]
    pub v3_vector: String,
    #[serde(rename = "V40Vector")]
    pub v40_vector: String,
    #[serde(rename = "V2Score")]
    pub v2_score: f64,
    #[serde(rename = "V3Score")]
    pub v3_score: f64,
    #[serde(rename = "V40Score")]
    pub v40_score: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Misconfiguration {
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "AVDID")]
    pub avd_id: String,
    pub title: String,
    pub message: String,
    pub resolution: String,
    pub severity: String,
    #[serde(rename = "PrimaryURL")]
    pub primary_url: String,
    #[serde(deserialize_with = "or_default")]
    pub references: Vec<String>,
    /// `PASS`, `FAIL` or `EXCEPTION`.
    pub status: String,
    #[serde(deserialize_with = "or_default")]
    pub cause_metadata: Cause,
}

/// Where a check failed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Cause {
    pub resource: String,
    pub start_line: u32,
    #[serde(deserialize_with = "or_default")]
    pub code: Code,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Code {
    #[serde(deserialize_with = "or_default")]
    pub lines: Vec<Line>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Line {
    pub number: u32,
    pub content: String,
    pub is_cause: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Secret {
    #[serde(rename = "RuleID")]
    pub rule_id: String,
    pub title: String,
    pub severity: String,
    pub start_line: u32,
    #[serde(rename = "Match")]
    pub matched: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct License {
    pub severity: String,
    pub category: String,
    pub pkg_name: String,
    pub file_path: String,
    pub name: String,
    pub confidence: f64,
    pub link: String,
}

/// What is null is what is left out.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
