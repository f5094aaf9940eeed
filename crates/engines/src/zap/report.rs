//! ZAP's report of the template `traditional-json`: almost every scalar is a string, and long texts are HTML.

use serde::Deserialize;

/// A report.
#[derive(Debug, Deserialize)]
pub struct Document {
    #[serde(rename = "@programName")]
    pub program: String,
    #[serde(default, rename = "@version")]
    pub version: String,
    pub site: Vec<Site>,
}

/// One site that ZAP talked to.
#[derive(Debug, Deserialize)]
pub struct Site {
    #[serde(default, rename = "@name")]
    pub name: String,
    #[serde(default)]
    pub alerts: Vec<Alert>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Alert {
    pub pluginid: String,
    #[serde(rename = "alertRef")]
    pub alert_ref: String,
    pub name: String,
    /// 0 (info) to 3 (high).
    pub riskcode: String,
    /// 0 (false positive) to 4 (confirmed).
    pub confidence: String,
    pub instances: Vec<Instance>,
    /// It is the same everywhere on the site.
    pub systemic: bool,
    pub solution: String,
    pub otherinfo: String,
    pub reference: String,
    pub cweid: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Instance {
    pub uri: String,
    /// The URL with its data parts taken out, and the names of its parameters.
    #[serde(rename = "nodeName")]
    pub node_name: String,
    pub method: String,
    pub param: String,
    pub attack: String,
    pub evidence: String,
    pub otherinfo: String,
}

/// Reads a report; `None` when it is none, or was cut.
pub fn parse(bytes: &[u8]) -> Option<Document> {
    serde_json::from_slice(bytes).ok().filter(|document: &Document| document.program.ends_with("ZAP"))
}
