//! One line for each finding (RFC 4180), for spreadsheets: every field is quoted, and none is taken for a formula.

use crate::Finding;
use crate::finding::{Confidence, Location};

/// Names of the columns, in their order.
const COLUMNS: [&str; 26] = [
    "severity",
    "title",
    "ruleId",
    "engine",
    "confidence",
    "host",
    "ip",
    "port",
    "protocol",
    "service",
    "url",
    "method",
    "parameter",
    "path",
    "line",
    "package",
    "version",
    "fixedVersion",
    "cve",
    "cwe",
    "cvss",
    "epss",
    "evidence",
    "remediation",
    "references",
    "fingerprint",
];

/// What a formula begins with, also in the wide forms of East Asian keyboards; white space before it is passed over.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

pub fn begin(out: &mut String) {
    row(COLUMNS, out);
}

pub fn finding(finding: &Finding, out: &mut String) {
    let Finding {
        fingerprint,
        engine,
        rule_id,
        title,
        severity,
        confidence,
        location,
        evidence,
        cve,
        cwe,
        cvss,
        epss,
        remediation,
        references,
    } = finding;
    let Location {
        host,
        ip,
        port,
        protocol,
        service,
        url,
        method,
        parameter,
        path,
        line,
        package,
        version,
        fixed_version,
    } = location;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<String>| number.unwrap_or_default();
    let fields: [String; COLUMNS.len()] = [
        severity.as_str().to_string(),
        title.clone(),
        rule_id.clone(),
        engine.clone(),
        word(*confidence).to_string(),
        text(host),
        text(ip),
        number(port.map(|port| port.to_string())),
        text(protocol),
        text(service),
        text(url),
        text(method),
        text(parameter),
        text(path),
        number(line.map(|line| line.to_string())),
        text(package),
        text(version),
        text(fixed_version),
        cve.join(" "),
        cwe.join(" "),
        number(cvss.as_ref().map(|cvss| cvss.score.to_string())),
        number(epss.map(|epss| epss.to_string())),
        text(evidence),
        text(remediation),
        references.join(" "),
        fingerprint.clone(),
    ];
    row(fields.iter().map(String::as_str), out);
}

/// The word on the wire.
fn word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
        Confidence::Confirmed => "confirmed",
    }
}

fn row<'a>(fields: impl IntoIterator<Item = &'a str>, out: &mut String) {
    for (at, field) in fields.into_iter().enumerate() {
        out.push_str(if at == 0 { "\"" } else { ",\"" });
        // Spreadsheets take a field that begins so for a formula, quoted or not; behind an apostrophe it is a text.
        if field.starts_with(FORMULA) || field.trim_start().starts_with(FORMULA) {
            out.push('\'');
        }
        out.push_str(&field.replace('"', "\"\""));
        out.push('"');
    }
    out.push_str("\r\n");
}
