//! From nmap's report to findings: one for every open port, and what the scripts say of it.

use super::scripts;
use super::xml::{Head, Host, Port, Script, Service};
use crate::Target;
use crate::collected::Collected;
use crate::fingerprint::fingerprint;
use crate::text::{EVIDENCE_BYTES, clean};
use scanyard_contract::finding::{Confidence, Finding, Location, Severity};

/// What one script, or one vulnerability that it names, comes to.
#[derive(Debug)]
pub struct Statement {
    pub title: String,
    /// Tells the vulnerabilities of one script apart; empty when it has one thing to say.
    pub key: String,
    pub severity: Severity,
    pub confidence: Confidence,
    pub evidence: String,
    pub cve: Vec<String>,
    pub remediation: Option<&'static str>,
    pub references: Vec<String>,
}

/// Where the findings of a port or a host are.
struct Place<'a> {
    host: &'a str,
    ip: &'a str,
    port: Option<&'a Port>,
}

/// Adds the findings of a host. The same fault at two addresses of one name is one finding.
pub fn collect(host: &Host, head: &Head, target: &Target, collected: &mut Collected) {
    let name = host_name(host, target);
    for port in &host.ports {
        let place = Place { host: &name, ip: &host.address, port: Some(port) };
        collected.add(finding("open-port", open_port(port), &place));
        scripts_of(&port.scripts, &place, head.started, collected);
    }
    let place = Place { host: &name, ip: &host.address, port: None };
    scripts_of(&host.scripts, &place, head.started, collected);
    for _ in 0..host.left_out {
        collected.drop("too many records of one host");
    }
}

/// The target's name as requested; in a network each host is its address.
fn host_name(host: &Host, target: &Target) -> String {
    match target {
        Target::Network(_) => clean(host.address.as_bytes(), 100),
        Target::Ip(_) | Target::Host(_) | Target::Url(_) | Target::Upload(_) | Target::Image(_) => target.host(),
    }
}

fn scripts_of(scripts: &[Script], place: &Place, now: i64, collected: &mut Collected) {
    for script in scripts {
        let (statements, dropped) = scripts::statements(script, now);
        let rule = clean(script.id.as_bytes(), 100);
        for _ in 0..dropped {
            collected.drop("says that nothing is wrong");
        }
        for statement in statements {
            collected.add(finding(&rule, statement, place));
        }
    }
}

fn open_port(port: &Port) -> Statement {
    let service = port.service.as_ref();
    let named = service.map(service_name).filter(|name| !name.is_empty() && name != "unknown");
    let suffix = named.map(|name| format!(" ({name})")).unwrap_or_default();
    Statement {
        title: format!("Open port {}/{}{suffix}", port.number, port.protocol),
        key: String::new(),
        severity: Severity::Info,
        confidence: Confidence::Confirmed,
        evidence: service.map(banner).unwrap_or_default(),
        cve: Vec::new(),
        remediation: Some("Close the port, or restrict who reaches it, unless it is meant to be open."),
        references: Vec::new(),
    }
}

/// As nmap prints it: `ssl/http`.
fn service_name(service: &Service) -> String {
    let name = clean(service.name.as_bytes(), 100);
    if service.is_tls && !name.starts_with("ssl") { format!("ssl/{name}") } else { name }
}

fn banner(service: &Service) -> String {
    let extra = if service.extra.is_empty() { String::new() } else { format!("({})", service.extra) };
    let parts = [service.product.as_str(), &service.version, &extra];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn finding(rule: &str, statement: Statement, place: &Place) -> Finding {
    let Place { host, ip, port } = place;
    let protocol = port.map(|port| clean(port.protocol.as_bytes(), 10));
    let number = port.map(|port| port.number.to_string()).unwrap_or_default();
    let key = ["nmap", rule, &statement.key, host, protocol.as_deref().unwrap_or_default(), &number];
    let evidence = clean(statement.evidence.as_bytes(), EVIDENCE_BYTES);
    Finding {
        fingerprint: fingerprint(&key),
        engine: "nmap".to_string(),
        rule_id: rule.to_string(),
        title: clean(statement.title.as_bytes(), 300),
        severity: statement.severity,
        confidence: statement.confidence,
        location: Location {
            host: Some(host.to_string()),
            ip: Some(clean(ip.as_bytes(), 100)),
            port: port.map(|port| port.number),
            protocol,
            service: port.and_then(|port| port.service.as_ref()).map(service_name).filter(|name| !name.is_empty()),
            ..Location::default()
        },
        evidence: Some(evidence.trim().to_string()).filter(|evidence| !evidence.is_empty()),
        cve: statement.cve,
        remediation: statement.remediation.map(str::to_string),
        references: statement.references,
        ..Finding::default()
    }
}
