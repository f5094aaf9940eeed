//! From nmap's report to findings: one for every open port, and what the scripts say of it.

use super::scripts;
use super::xml::{Head, Host, Port, Script, Service};
use crate::Target;
use crate::collected::Collected;
use crate::fingerprint::fingerprint;
use crate::text::{EVIDENCE_BYTES, clean, cleaned};
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
    /// The port's number; empty for the host as such.
    number: String,
    /// What runs on the port, as [`service_name`] has it; empty where nothing is known.
    service: String,
}

impl<'a> Place<'a> {
    fn new(host: &'a str, ip: &'a str, port: Option<&'a Port>) -> Place<'a> {
        let number = port.map(|port| port.number.to_string()).unwrap_or_default();
        let service = port.and_then(|port| port.service.as_ref()).map(service_name).unwrap_or_default();
        Place { host, ip, port, number, service }
    }
}

/// Adds the findings of a host. The same fault at two addresses of one name is one finding.
pub fn collect(host: &Host, head: &Head, target: &Target, collected: &mut Collected) {
    let name = host_name(host, target);
    let ip = clean(host.address.as_bytes(), 100);
    for port in &host.ports {
        let place = Place::new(&name, &ip, Some(port));
        collected.add(finding("open-port", open_port(port, &place), &place));
        scripts_of(&port.scripts, &place, head.started, collected);
    }
    scripts_of(&host.scripts, &Place::new(&name, &ip, None), head.started, collected);
    collected.drop_all("too many records of one host", host.left_out);
    collected.drop_all("open or filtered: nmap cannot tell", host.undecided);
    collected.drop_all("no number of a port", host.unnumbered);
}

/// The target's name as requested; in a network each host is its address.
fn host_name(host: &Host, target: &Target) -> String {
    match target {
        Target::Network(_) => clean(host.address.as_bytes(), 100),
        Target::Ip(_) | Target::Host(_) | Target::Url(_) | Target::Upload(_) | Target::Image(_) | Target::Files(_) => {
            target.host()
        }
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

fn open_port(port: &Port, place: &Place) -> Statement {
    let Port { number, protocol, .. } = port;
    Statement {
        title: match place.service.as_str() {
            "" | "unknown" => format!("Open port {number}/{protocol}"),
            service => format!("Open port {number}/{protocol} ({service})"),
        },
        key: String::new(),
        severity: Severity::Info,
        confidence: Confidence::Confirmed,
        evidence: port.service.as_ref().map(banner).unwrap_or_default(),
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
    let Service { product, version, extra, .. } = service;
    let mut banner = String::with_capacity(product.len() + version.len() + extra.len() + " ".len() + " ()".len());
    for (before, part, after) in [("", product, ""), (" ", version, ""), (" (", extra, ")")] {
        if !part.is_empty() {
            banner.push_str(if banner.is_empty() { before.trim_start() } else { before });
            banner.push_str(part);
            banner.push_str(after);
        }
    }
    banner
}

fn finding(rule: &str, statement: Statement, place: &Place) -> Finding {
    let Place { host, ip, port, number, service } = place;
    let protocol = port.map(|port| port.protocol).unwrap_or_default();
    Finding {
        fingerprint: fingerprint(&["nmap", rule, &statement.key, host, protocol, number]),
        engine: "nmap".to_string(),
        rule_id: rule.to_string(),
        title: cleaned(statement.title, 300),
        severity: statement.severity,
        confidence: statement.confidence,
        location: Location {
            host: Some(host.to_string()),
            ip: Some(ip.to_string()),
            port: port.map(|port| port.number),
            protocol: some(protocol),
            service: some(service),
            ..Location::default()
        },
        evidence: some(cleaned(statement.evidence, EVIDENCE_BYTES).trim()),
        cve: statement.cve,
        remediation: statement.remediation.map(str::to_string),
        references: statement.references,
        ..Finding::default()
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_string())
}
