//! wapiti's JSON report.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A report; every category is there, most of them empty.
#[derive(Debug, Default, Deserialize)]
pub struct Document {
    pub infos: Infos,
    pub vulnerabilities: BTreeMap<String, Vec<Item>>,
    #[serde(default)]
    pub anomalies: BTreeMap<String, Vec<Item>>,
    #[serde(default)]
    pub additionals: BTreeMap<String, Vec<Item>>,
    #[serde(default)]
    pub classifications: BTreeMap<String, Classification>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Infos {
    #[serde(default)]
    pub target: String,
    /// `Wapiti 3.2.3`
    #[serde(default)]
    pub version: String,
    /// Pages that answered; wapiti 3.0 does not tell.
    #[serde(default)]
    pub crawled_pages_nbr: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Item {
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub info: Option<String>,
    /// 0 (info) to 4 (critical).
    #[serde(default)]
    pub level: Value,
    #[serde(default)]
    pub parameter: Option<String>,
    #[serde(default)]
    pub module: Option<String>,
    #[serde(default)]
    pub http_request: Option<String>,
}

/// What wapiti says of a category.
#[derive(Debug, Default, Deserialize)]
pub struct Classification {
    #[serde(default)]
    pub sol: String,
    /// Title and URL.
    #[serde(default, rename = "ref")]
    pub references: BTreeMap<String, String>,
}

/// Reads a report; `None` when it is none, or was cut: the file is written in one go, at the end.
pub fn parse(bytes: &[u8]) -> Option<Document> {
    serde_json::from_slice(bytes).ok()
}
