//! Every rule of sentinel as tables: the findings and the docs are printed from them.

mod dns;
mod ports;
mod services;
mod tls;
mod web;

use super::found::Part;
use super::port::Place;
use crate::fingerprint::fingerprint;
use crate::text::{self, EVIDENCE_BYTES};
use scanyard_contract::finding::{Confidence, Finding, Location, Severity};
use std::net::SocketAddr;

pub use dns::*;
pub use ports::*;
pub use services::*;
pub use tls::*;
pub use web::*;

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Name on the wire, and of the page in `docs/sentinel`.
    pub id: &'static str,
    pub title: &'static str,
    pub severity: Severity,
    pub cwe: &'static [&'static str],
    /// What it is, how it is seen and why it matters.
    pub about: &'static str,
    pub remediation: &'static str,
    /// Where to read more.
    pub reference: &'static str,
}

impl Rule {
    /// A finding of this rule at a port; what was seen must already be free of secrets.
    pub fn finding(&self, place: &Place, part: Part<'_>, evidence: &str) -> Finding {
        let location = Location {
            host: Some(place.host.clone()),
            ip: Some(place.address.ip().to_string()),
            port: Some(place.address.port()),
            protocol: Some("tcp".to_string()),
            service: place.service.clone(),
            url: place.url.clone(),
            ..Location::default()
        };
        self.finding_at(location, part, evidence)
    }

    /// A finding of this rule about a domain, and about a server of it when there is one.
    pub fn of_domain(&self, domain: &str, server: Option<SocketAddr>, part: Part<'_>, evidence: &str) -> Finding {
        let location = Location {
            host: Some(domain.to_string()),
            ip: server.map(|server| server.ip().to_string()),
            port: server.map(|server| server.port()),
            protocol: server.map(|_| "tcp".to_string()),
            service: Some("dns".to_string()),
            ..Location::default()
        };
        self.finding_at(location, part, evidence)
    }

    fn finding_at(&self, mut location: Location, part: Part<'_>, evidence: &str) -> Finding {
        let named = text::clean(part.text().as_bytes(), 256);
        match part {
            Part::Whole => {}
            Part::Path(_) => location.path = Some(named.clone()),
            Part::Cookie(_) | Part::Header(_) | Part::Record(_) => location.parameter = Some(named.clone()),
        }
        let port = location.port.map(|port| port.to_string()).unwrap_or_default();
        let host = location.host.as_deref().unwrap_or_default();
        Finding {
            fingerprint: fingerprint(&["sentinel", self.id, host, &port, &named]),
            engine: "sentinel".to_string(),
            rule_id: self.id.to_string(),
            title: self.title.to_string(),
            severity: self.severity,
            confidence: Confidence::Confirmed,
            location,
            evidence: Some(text::clean(evidence.as_bytes(), EVIDENCE_BYTES)).filter(|text| !text.is_empty()),
            cwe: self.cwe.iter().map(|cwe| cwe.to_string()).collect(),
            remediation: Some(self.remediation.to_string()),
            references: vec![self.reference.to_string()],
            ..Finding::default()
        }
    }
}

/// Every rule under the heading of its area, in the order of the docs.
pub const AREAS: &[(&str, &[&Rule])] = &[
    ("Ports", PORT_RULES),
    ("TLS", TLS_RULES),
    ("Web servers", WEB_RULES),
    ("Other services", SERVICE_RULES),
    ("DNS", DNS_RULES),
];

/// Every rule, in the order of the docs.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    AREAS.iter().flat_map(|(_, rules)| rules.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_is_in_the_table_once() {
        let files = [
            include_str!("ports.rs"),
            include_str!("tls.rs"),
            include_str!("web.rs"),
            include_str!("services.rs"),
            include_str!("dns.rs"),
        ];
        let constants: usize = files.iter().map(|file| file.matches(": Rule = Rule {").count()).sum();
        assert_eq!((constants, AREAS.len()), (all().count(), files.len()));
        for rule in all() {
            assert_eq!(all().filter(|other| other.id == rule.id).count(), 1, "{}", rule.id);
            assert!(rule.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)));
            assert!(rule.reference.starts_with("https://"), "{}", rule.id);
            assert!(rule.about.ends_with('.') && rule.remediation.ends_with('.'), "{}", rule.id);
        }
    }
}
