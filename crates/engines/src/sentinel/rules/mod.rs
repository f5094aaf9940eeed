//! Every rule of sentinel as tables: the findings and the docs are printed from them.

mod ports;
mod services;
mod tls;
mod web;

use super::found::Part;
use super::port::Place;
use crate::fingerprint::fingerprint;
use crate::text::{self, EVIDENCE_BYTES};
use scanyard_contract::finding::{Confidence, Finding, Location, Severity};

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
    /// A finding of this rule; what was seen must already be free of secrets.
    pub fn finding(&self, place: &Place, part: Part<'_>, evidence: &str) -> Finding {
        let named = text::clean(part.text().as_bytes(), 256);
        let port = place.address.port();
        let mut location = Location {
            host: Some(place.host.clone()),
            ip: Some(place.address.ip().to_string()),
            port: Some(port),
            protocol: Some("tcp".to_string()),
            service: place.service.clone(),
            url: place.url.clone(),
            ..Location::default()
        };
        match part {
            Part::Whole => {}
            Part::Path(_) => location.path = Some(named.clone()),
            Part::Cookie(_) | Part::Header(_) => location.parameter = Some(named.clone()),
        }
        Finding {
            fingerprint: fingerprint(&["sentinel", self.id, &place.host, &port.to_string(), &named]),
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
pub const AREAS: &[(&str, &[&Rule])] =
    &[("Ports", PORT_RULES), ("TLS", TLS_RULES), ("Web servers", WEB_RULES), ("Other services", SERVICE_RULES)];

/// Every rule, in the order of the docs.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    AREAS.iter().flat_map(|(_, rules)| rules.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_is_in_the_table_once() {
        let files =
            [include_str!("ports.rs"), include_str!("tls.rs"), include_str!("web.rs"), include_str!("services.rs")];
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
