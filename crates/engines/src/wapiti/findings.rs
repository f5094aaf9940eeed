//! From wapiti's items to findings.

use super::report::{Document, Item};
use crate::collected::Collected;
use crate::fingerprint::fingerprint;
use crate::ids::cves;
use crate::text::{self, EVIDENCE_BYTES, clean};
use crate::{Target, site};
use scanyard_contract::finding::{Confidence, Finding, Severity};

/// The findings of a report.
pub fn findings(document: &Document, target: &Target) -> Collected {
    let mut collected = Collected::default();
    let is_of_target = site::location(target, &document.infos.target).is_some();
    let groups = [
        (&document.vulnerabilities, Confidence::High),
        (&document.anomalies, Confidence::Low),
        (&document.additionals, Confidence::Medium),
    ];
    for (group, confidence) in groups {
        for (category, items) in group {
            for item in items {
                match finding(document, category, item, target).filter(|_| is_of_target) {
                    Some(finding) => collected.add(Finding { confidence, ..finding }),
                    None => collected.drop(site::OUTSIDE),
                }
            }
        }
    }
    collected
}

fn finding(document: &Document, category: &str, item: &Item, target: &Target) -> Option<Finding> {
    let text = |field: &Option<String>, max| clean(field.as_deref().unwrap_or_default().as_bytes(), max);
    let (method, parameter, module) = (text(&item.method, 20), text(&item.parameter, 200), text(&item.module, 40));
    let category = clean(category.as_bytes(), 100);
    let info = text(&item.info, 500);
    let mut location = site::location(target, item.path.as_deref().unwrap_or("/"))?;
    let [host, port, path] = site::key(&location);
    // Without a parameter the text tells the cookie, header or protocol; beside one it tells how it was found.
    let about = if parameter.is_empty() { info.split(": http").next().unwrap_or_default() } else { "" };
    let key = ["wapiti", &category, &module, &host, &port, &path, &method, &parameter, about];
    location.method = Some(method.clone()).filter(|method| !method.is_empty());
    location.parameter = Some(parameter.clone()).filter(|parameter| !parameter.is_empty());
    let classification = document.classifications.get(category.as_str());
    let links = classification.into_iter().flat_map(|known| known.references.values());
    let advice = classification.map(|known| clean(known.sol.as_bytes(), 2000));
    Some(Finding {
        fingerprint: fingerprint(&key),
        engine: "wapiti".to_string(),
        rule_id: rule(&category),
        title: title(&category, &info),
        severity: severity(item.level.as_u64().or_else(|| item.level.as_str()?.parse().ok())),
        location,
        evidence: Some(evidence(item)).filter(|evidence| !evidence.is_empty()),
        cve: cves(&info),
        cwe: cwe(&category).map(str::to_string).into_iter().collect(),
        remediation: advice.filter(|advice| !advice.is_empty()),
        references: links
            .filter(|link| link.starts_with("http"))
            .take(10)
            .map(|link| clean(link.as_bytes(), 500))
            .collect(),
        ..Finding::default()
    })
}

/// The category as an id: `sql-injection`.
fn rule(category: &str) -> String {
    let words = category.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

fn title(category: &str, info: &str) -> String {
    let info = info.lines().next().unwrap_or_default();
    match info.starts_with(category) || info.is_empty() {
        true if info.is_empty() => category.to_string(),
        true => clean(info.as_bytes(), 200),
        false => clean(format!("{category}: {info}").as_bytes(), 200),
    }
}

fn severity(level: Option<u64>) -> Severity {
    match level {
        Some(4..) => Severity::Critical,
        Some(3) => Severity::High,
        Some(2) => Severity::Medium,
        Some(1) => Severity::Low,
        Some(0) | None => Severity::Info,
    }
}

/// The request that showed it, without what it carried to be let in.
fn evidence(item: &Item) -> String {
    let request = item.http_request.as_deref().unwrap_or_default();
    text::without_credentials(&clean(request.as_bytes(), EVIDENCE_BYTES))
}

/// wapiti names no CWE with an item; its categories are few and stable.
fn cwe(category: &str) -> Option<&'static str> {
    Some(match category {
        "SQL Injection" | "Blind SQL Injection" => "CWE-89",
        "Reflected Cross Site Scripting" | "Stored Cross Site Scripting" | "Cross Site Scripting" => "CWE-79",
        "HTML Injection" | "Stored HTML Injection" => "CWE-80",
        "Path Traversal" => "CWE-22",
        "Command execution" => "CWE-78",
        "Open Redirect" => "CWE-601",
        "CRLF Injection" => "CWE-93",
        "Server Side Request Forgery" => "CWE-918",
        "XML External Entity" => "CWE-611",
        "LDAP Injection" => "CWE-90",
        "Cross Site Request Forgery" => "CWE-352",
        "Secure Flag cookie" => "CWE-614",
        "HttpOnly Flag cookie" => "CWE-1004",
        "Clickjacking Protection" => "CWE-1021",
        "Content Security Policy Configuration" | "MIME Type Confusion" | "HTTP Secure Headers" => "CWE-693",
        "HTTP Strict Transport Security (HSTS)" | "Unencrypted Channels" => "CWE-319",
        "TLS/SSL misconfigurations" => "CWE-326",
        "Backup file" => "CWE-530",
        "Weak credentials" => "CWE-521",
        "Unrestricted File Upload" => "CWE-434",
        "Htaccess Bypass" => "CWE-288",
        _ => return None,
    })
}
