//! SARIF 2.1.0. The rules stand behind the results: only then are they all known.

use super::json_of;
use crate::finding::{Finding, Location, Severity};
use crate::scan::{Failure, Results, ScanType};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Name of our fingerprint; the number grows with the recipe's.
const FINGERPRINT: &str = "scanyard/v1";
/// The most rules that are described; a result beyond names its rule all the same.
const MAX_RULES: usize = 10_000;

/// The rules of the results so far.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    by_id: HashMap<String, usize>,
}

/// What is known of a rule: of its first finding, and the worst severity.
#[derive(Debug)]
struct Rule {
    id: String,
    title: String,
    help: Option<String>,
    help_uri: String,
    tags: Vec<String>,
    severity: Severity,
    /// As GitHub has it, 0.0 to 10.0.
    score: f64,
}

impl Rules {
    /// The place of the finding's rule; none beyond [`MAX_RULES`].
    fn place(&mut self, finding: &Finding) -> Option<usize> {
        if let Some(at) = self.by_id.get(&finding.rule_id) {
            let rule = &mut self.rules[*at];
            rule.severity = rule.severity.max(finding.severity);
            rule.score = rule.score.max(score(finding));
            return Some(*at);
        }
        if self.rules.len() >= MAX_RULES {
            return None;
        }
        let mut tags = vec!["security".to_string()];
        tags.extend(finding.cwe.iter().map(|cwe| format!("external/cwe/{}", cwe.to_ascii_lowercase())));
        self.rules.push(Rule {
            id: finding.rule_id.clone(),
            title: finding.title.clone(),
            help: finding.remediation.clone(),
            help_uri: help_uri(finding),
            tags,
            severity: finding.severity,
            score: score(finding),
        });
        self.by_id.insert(finding.rule_id.clone(), self.rules.len() - 1);
        Some(self.rules.len() - 1)
    }
}

pub fn begin(out: &mut String) {
    out.push_str(&format!("{{\"$schema\":\"{SCHEMA}\",\"version\":\"2.1.0\",\"runs\":[{{\"results\":["));
}

pub fn finding(finding: &Finding, is_first: bool, rules: &mut Rules, out: &mut String) {
    let message = match &finding.evidence {
        Some(evidence) => format!("{}\n\n{evidence}", finding.title),
        None => finding.title.clone(),
    };
    let mut result = json!({
        "ruleId": finding.rule_id,
        "level": level(finding.severity),
        "message": {"text": message},
        "locations": [location(&finding.location)],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": properties(finding),
    });
    if let Some(at) = rules.place(finding) {
        result["ruleIndex"] = at.into();
    }
    out.push_str(if is_first { "\n" } else { ",\n" });
    out.push_str(&json_of(&result));
}

pub fn end(head: &Results, rules: &Rules, out: &mut String) {
    let (name, page) = tool(head.scan_type);
    let rules: Vec<Value> = rules.rules.iter().map(rule).collect();
    let mut driver = json!({"name": name, "informationUri": page, "rules": rules});
    if let Some(version) = &head.engine_version {
        driver["version"] = version.as_str().into();
    }
    let mut invocation = json!({"executionSuccessful": !head.partial});
    for (name, at) in [("startTimeUtc", head.started_at), ("endTimeUtc", head.completed_at)] {
        if let Some(at) = at {
            invocation[name] = at.to_string().into();
        }
    }
    if let Some(Failure { reason, message, last_lines: _ }) = &head.failure {
        let text = format!("{reason}: {message}");
        invocation["toolExecutionNotifications"] = json!([{"level": "error", "message": {"text": text}}]);
    }
    let members = json!({
        "tool": {"driver": driver},
        "invocations": [invocation],
        "automationDetails": {"id": format!("scanyard/{}/{}", head.scan_type, head.scan_id)},
        "columnKind": "unicodeCodePoints",
        "properties": {"target": head.target, "source": head.source, "status": head.status, "records": head.records},
    });
    let text = json_of(&members);
    out.push_str("\n],");
    out.push_str(text.strip_prefix('{').unwrap_or(&text));
    out.push_str("]}\n");
}

fn rule(rule: &Rule) -> Value {
    let mut described = json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "helpUri": rule.help_uri,
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"security-severity": format!("{:.1}", rule.score), "tags": rule.tags},
    });
    if let Some(help) = &rule.help {
        described["help"] = json!({"text": help});
    }
    described
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The CVSS score, or one in the middle of the severity's range.
fn score(finding: &Finding) -> f64 {
    match (&finding.cvss, finding.severity) {
        (Some(cvss), _) => cvss.score.clamp(0.0, 10.0),
        (None, Severity::Critical) => 9.5,
        (None, Severity::High) => 8.0,
        (None, Severity::Medium) => 5.5,
        (None, Severity::Low) => 2.0,
        (None, Severity::Info) => 0.0,
    }
}

/// What SARIF has no field for.
fn properties(finding: &Finding) -> Value {
    let Finding { severity, confidence, cve, cwe, cvss, epss, references, location, .. } = finding;
    let mut members = Map::new();
    let mut add = |name: &str, value: Value| {
        if !matches!(&value, Value::Null) && value != json!([]) {
            members.insert(name.to_string(), value);
        }
    };
    add("severity", json!(severity));
    add("confidence", json!(confidence));
    add("security-severity", format!("{:.1}", score(finding)).into());
    add("cve", json!(cve));
    add("cwe", json!(cwe));
    add("cvss", json!(cvss));
    add("epss", json!(epss));
    add("references", json!(references));
    add("location", json!(location));
    Value::Object(members)
}

/// A file or a URL is an artifact; host, port and parameter are a place in the logic.
fn location(place: &Location) -> Value {
    let mut location = Map::new();
    let uri = match (&place.url, &place.path, &place.host) {
        (Some(url), _, _) => Some(uri(url)),
        (None, Some(path), None) => Some(path_uri(path)),
        (None, _, Some(_)) | (None, None, None) => None,
    };
    if let Some(uri) = uri {
        let mut physical = json!({"artifactLocation": {"uri": uri}});
        if let Some(line) = place.line.filter(|line| *line > 0) {
            physical["region"] = json!({"startLine": line});
        }
        location.insert("physicalLocation".to_string(), physical);
    }
    let host = place.host.as_ref().or(place.ip.as_ref());
    let mut logical = Vec::new();
    if let Some(host) = host {
        let name = match place.port {
            Some(port) => format!("{host}:{port}/{}", place.protocol.as_deref().unwrap_or("tcp")),
            None => host.clone(),
        };
        logical.push(json!({"name": host, "fullyQualifiedName": name, "kind": "resource"}));
    }
    if let Some(parameter) = &place.parameter {
        logical.push(json!({"name": parameter, "kind": "parameter"}));
    }
    if let Some(package) = &place.package {
        let name = format!("{package}@{}", place.version.as_deref().unwrap_or_default());
        logical.push(json!({"name": package, "fullyQualifiedName": name, "kind": "module"}));
    }
    if !logical.is_empty() {
        location.insert("logicalLocations".to_string(), logical.into());
    }
    Value::Object(location)
}

/// Where to read about the rule: what the finding refers to, else its CWE or CVE, else the engine's page.
fn help_uri(finding: &Finding) -> String {
    if let Some(page) = finding.references.iter().find(|text| is_page(text)) {
        return uri(page);
    }
    let digits = finding.cwe.iter().find_map(|cwe| cwe.strip_prefix("CWE-")).filter(|cwe| !cwe.is_empty());
    if let Some(number) = digits.filter(|cwe| cwe.bytes().all(|b| b.is_ascii_digit())) {
        return format!("https://cwe.mitre.org/data/definitions/{number}.html");
    }
    if let Some(cve) = finding.cve.first() {
        return uri(&format!("https://nvd.nist.gov/vuln/detail/{cve}"));
    }
    finding.engine.parse().map_or_else(|()| tool(ScanType::Sentinel).1, |engine| tool(engine).1).to_string()
}

fn is_page(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// An engine's own name and page.
fn tool(scan_type: ScanType) -> (&'static str, &'static str) {
    match scan_type {
        ScanType::Nmap => ("Nmap", "https://nmap.org/"),
        ScanType::Zap => ("ZAP", "https://www.zaproxy.org/docs/alerts/"),
        ScanType::Trivy => ("Trivy", "https://trivy.dev/"),
        ScanType::Nuclei => ("Nuclei", "https://docs.projectdiscovery.io/"),
        ScanType::Nikto => ("Nikto", "https://cirt.net/nikto/"),
        ScanType::Sqlmap => ("sqlmap", "https://sqlmap.org/"),
        ScanType::Wapiti => ("Wapiti", "https://wapiti-scanner.github.io/"),
        ScanType::Harvester => ("theHarvester", "https://github.com/laramies/theHarvester"),
        ScanType::Sublist3r => ("Sublist3r", "https://github.com/aboul3la/Sublist3r"),
        ScanType::Sentinel => ("Scanyard sentinel", "https://cwe.mitre.org/"),
    }
}

/// A URL of a report as a URI: what no URI holds is encoded, so that no reader refuses the whole file for it.
fn uri(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return path_uri(url);
    };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (path, fragment) = rest.split_once('#').map_or((rest, None), |(path, fragment)| (path, Some(fragment)));
    let fragment = fragment.map(|text| format!("#{}", encode(text, "/?:@"))).unwrap_or_default();
    format!("{scheme}://{}{}{fragment}", encode(authority, ":@[]"), encode(path, "/?:@"))
}

/// A file's path as a relative reference; a colon in it begins no scheme.
fn path_uri(path: &str) -> String {
    let encoded = encode(path, "/@");
    // Two slashes would begin a host.
    if encoded.starts_with("//") { format!("/{}", encoded.trim_start_matches('/')) } else { encoded }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// Encodes every byte that may not stand there: what is unreserved, a sub-delimiter, encoded already, or in `also` may.
fn encode(text: &str, also: &str) -> String {
    let bytes = text.as_bytes();
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut out = String::with_capacity(text.len());
    for (at, byte) in bytes.iter().enumerate() {
        let stands = byte.is_ascii_alphanumeric()
            || b"-._~!$&'()*+,;=".contains(byte)
            || also.as_bytes().contains(byte)
            || (*byte == b'%' && is_hex(at + 1) && is_hex(at + 2));
        if stands {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
