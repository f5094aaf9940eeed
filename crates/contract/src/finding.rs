//! The normalised finding: one shape for all engines.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// How bad a finding is, ascending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    #[default]
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// All severities, worst first.
    pub const WORST_FIRST: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Severity::WORST_FIRST.into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// How sure the engine is of a finding, ascending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    #[default]
    Low,
    Medium,
    High,
    Confirmed,
}

/// Where a finding was made; what does not apply is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Location {
    /// The target's name as requested, normalised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The address that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Transport, `tcp` or `udp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Service name, such as `redis`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Parameter, header or cookie name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// File or URL path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// First line in that file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Name of the package that has the fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The package's version, as installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The package's first version without the fault; several are separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_version: Option<String>,
}

/// Where a finding is, in one line for people.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.method.clone());
        match (&self.url, &self.host) {
            (Some(url), _) => parts.push(url.clone()),
            (None, Some(host)) => parts.push(host.clone()),
            (None, None) => parts.extend(self.ip.clone()),
        }
        if let Some(port) = self.port.filter(|_| self.url.is_none()) {
            parts.push(format!("{port}/{}", self.protocol.as_deref().unwrap_or("tcp")));
        }
        if let Some(path) = self.path.as_ref().filter(|_| self.url.is_none()) {
            parts.push(self.line.map_or_else(|| path.clone(), |line| format!("{path}:{line}")));
        }
        parts.extend(self.parameter.as_ref().map(|parameter| format!("({parameter})")));
        if let Some(package) = &self.package {
            parts.push(package.clone());
            parts.extend(self.version.clone());
            parts.extend(self.fixed_version.as_ref().map(|fixed| format!("(fixed in {fixed})")));
        }
        f.write_str(&parts.join(" "))
    }
}

/// A CVSS score, as the engine states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cvss {
    /// 0.0 to 10.0.
    #[schema(minimum = 0, maximum = 10)]
    pub score: f64,
    /// Such as `CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<String>,
    /// `2.0`, `3.0`, `3.1` or `4.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One thing an engine found, normalised.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `sy1:` and the SHA-256 of engine, rule and location: the same fault has the same fingerprint in every scan.
    pub fingerprint: String,
    /// Engine that found it, as a `scanType`.
    pub engine: String,
    /// The engine's own name of the rule, such as `open-port` or `tls-certificate-expired`.
    pub rule_id: String,
    pub title: String,
    pub severity: Severity,
    pub confidence: Confidence,
    pub location: Location,
    /// What the engine saw, at most 8 KiB, without control characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// CVE ids, upper case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cve: Vec<String>,
    /// CWE ids, such as `CWE-548`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwe: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss: Option<Cvss>,
    /// Likelihood of exploitation within 30 days, 0.0 to 1.0, as the engine states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub epss: Option<f64>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
}

/// Number of findings by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    pub total: u64,
    pub critical: u64,
    pub high: u64,
    pub medium: u64,
    pub low: u64,
    pub info: u64,
}

impl Summary {
    /// Counts the findings.
    pub fn of(findings: &[Finding]) -> Summary {
        let mut summary = Summary::default();
        for finding in findings {
            summary.total += 1;
            *match finding.severity {
                Severity::Critical => &mut summary.critical,
                Severity::High => &mut summary.high,
                Severity::Medium => &mut summary.medium,
                Severity::Low => &mut summary.low,
                Severity::Info => &mut summary.info,
            } += 1;
        }
        summary
    }
}
