//! What theHarvester found, as findings: assets, and nothing about people.

use crate::asset;
use crate::collected::Collected;
use crate::text::{EVIDENCE_BYTES, clean};
use scanyard_contract::finding::{Confidence, Finding, Location, Severity};
use std::net::IpAddr;

const ENGINE: &str = "harvester";

/// What was found so far, of one domain.
#[derive(Debug)]
pub struct Found {
    domain: String,
    pub collected: Collected,
    /// Addresses of the domain's mail, which make one finding together.
    emails: Vec<String>,
}

/// The most mail addresses that are told apart.
const MAX_EMAILS: usize = 10_000;

impl Found {
    pub fn new(domain: String) -> Found {
        Found { domain, collected: Collected::default(), emails: Vec::new() }
    }

    /// One record, by the words of theHarvester's reports.
    pub fn record(&mut self, kind: &str, value: &str) {
        match kind {
            "hostname" | "host" => self.host(value, None),
            "ip" | "ip-address" => self.address(value),
            "email" => self.email(value),
            "url" => self.url(value),
            "asn" => self.asn(value),
            "takeover" => self.takeover(value),
            "person" | "people" | "linkedin" | "linkedin-person" | "twitter" => self.collected.drop("tells of people"),
            _ => self.collected.drop("other kind of record"),
        }
    }

    /// A name below the domain, also as `name:address`.
    pub fn host(&mut self, value: &str, address: Option<&str>) {
        let (name, stated) = value.split_once(':').map_or((value, None), |(name, address)| (name, Some(address)));
        let Some(name) = asset::host_name(name) else { return self.collected.drop("not a host name") };
        if !asset::is_within(&name, &self.domain) {
            return self.collected.drop(asset::OUTSIDE);
        }
        let ip = address.or(stated).and_then(|text| text.trim().parse::<IpAddr>().ok());
        let mut finding = asset::finding(ENGINE, "hostname", "Host name", &name);
        finding.location.ip = ip.map(|ip| ip.to_string());
        self.collected.add(finding);
    }

    fn address(&mut self, value: &str) {
        match value.trim().parse::<IpAddr>() {
            Ok(ip) => {
                let finding = asset::finding(ENGINE, "ip", "Address", &ip.to_string());
                let location = Location { ip: Some(ip.to_string()), ..finding.location };
                self.collected.add(Finding { location, ..finding });
            }
            Err(_) => self.collected.drop("not an address"),
        }
    }

    fn email(&mut self, value: &str) {
        let value = clean(value.trim().as_bytes(), 254).to_lowercase();
        match value.split_once('@') {
            Some((user, host)) if !user.is_empty() && asset::host_name(host).is_some() => {
                if self.emails.len() < MAX_EMAILS {
                    self.emails.push(value);
                } else {
                    self.collected.drop("too many mail addresses");
                }
            }
            Some(_) | None => self.collected.drop("not a mail address"),
        }
    }

    fn url(&mut self, value: &str) {
        match url::Url::parse(value.trim()) {
            Ok(url) if url.host_str().is_some_and(|host| asset::is_within(host, &self.domain)) => {
                let finding = asset::finding(ENGINE, "url", "URL", &url.as_str().to_lowercase());
                let location = Location {
                    host: url.host_str().map(str::to_string),
                    url: Some(clean(url.as_str().as_bytes(), 2048)),
                    ..Location::default()
                };
                self.collected.add(Finding { location, ..finding });
            }
            Ok(_) => self.collected.drop(asset::OUTSIDE),
            Err(_) => self.collected.drop("not a URL"),
        }
    }

    fn asn(&mut self, value: &str) {
        let value = value.trim().to_ascii_lowercase();
        let digits = value.strip_prefix("as").unwrap_or(&value);
        match digits.parse::<u32>() {
            Ok(number) => {
                let finding = asset::finding(ENGINE, "asn", "Autonomous system", &format!("as{number}"));
                let location = Location { host: Some(self.domain.clone()), ..Location::default() };
                self.collected.add(Finding { location, ..finding });
            }
            Err(_) => self.collected.drop("not an autonomous system"),
        }
    }

    fn takeover(&mut self, value: &str) {
        let Some(name) = asset::host_name(value) else { return self.collected.drop("not a host name") };
        let remediation = "Remove the DNS record, or claim the service that it points to.";
        self.collected.add(Finding {
            severity: Severity::Medium,
            confidence: Confidence::Low,
            remediation: Some(remediation.to_string()),
            ..asset::finding(ENGINE, "takeover", "Name that may be taken over", &name)
        });
    }

    /// Everything that was found.
    pub fn end(mut self) -> Collected {
        self.emails.sort_unstable();
        let title = "Public mail addresses of";
        let finding = asset::finding(ENGINE, "email", title, &self.domain);
        let evidence = clean(self.emails.join("\n").as_bytes(), EVIDENCE_BYTES);
        for _ in &self.emails {
            self.collected.add(Finding { evidence: Some(evidence.clone()), ..finding.clone() });
        }
        self.collected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_finding_and_people_have_none() {
        let mut found = Found::new("example.test".into());
        for (kind, value) in [
            ("hostname", "A.example.test"),
            ("hostname", "a.example.test:127.0.0.9"),
            ("hostname", "a.example.com"),
            ("ip", "127.0.0.9"),
            ("ip", "x"),
            ("email", "B@example.test"),
            ("email", "a@example.test"),
            ("email", "@"),
            ("url", "https://a.example.test/x"),
            ("asn", "AS64496"),
            ("takeover", "old.example.test"),
            ("person", "A Person"),
            ("trello", "x"),
        ] {
            found.record(kind, value);
        }
        let collected = found.end();
        let rules: Vec<_> = collected.findings.iter().map(|finding| finding.rule_id.as_str()).collect();
        assert_eq!(rules, ["hostname", "ip", "url", "asn", "takeover", "email"]);
        assert_eq!((collected.records.read, collected.records.kept, collected.records.merged), (13, 6, 2));
        assert_eq!(collected.records.dropped["tells of people"], 1);
        let mail = &collected.findings[5];
        assert_eq!(mail.evidence.as_deref(), Some("a@example.test\nb@example.test"));
        assert_eq!(mail.title, "Public mail addresses of: example.test");
    }
}
