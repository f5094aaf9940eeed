//! From sqlmap's injection points to findings.

use super::report::{Document, Point};
use crate::collected::Collected;
use crate::fingerprint::fingerprint;
use crate::text::{EVIDENCE_BYTES, clean};
use crate::{Target, site};
use scanyard_contract::finding::{Confidence, Finding, Severity};
use url::Url;

const REMEDIATION: &str = "Hand values to the database as bound parameters of a prepared statement, never as part of the \
                           query's text; let the application's database account do no more than it must.";

/// The findings of a report.
pub fn findings(document: &Document, target: &Target) -> Collected {
    let mut collected = Collected::default();
    for point in &document.points {
        match finding(point, target) {
            Some(finding) => collected.add(finding),
            None => collected.drop(site::OUTSIDE),
        }
    }
    collected.drop_all("too many injection points", document.left_out);
    collected
}

fn finding(point: &Point, target: &Target) -> Option<Finding> {
    let place = clean(point.place.as_bytes(), 40);
    let parameter = clean(point.parameter.as_bytes(), 200);
    let url = point.url.as_deref().or_else(|| target.url().map(Url::as_str));
    let mut location = site::location(target, url.unwrap_or("/"))?;
    let [host, port, path] = site::key(&location);
    location.method = match place.as_str() {
        "GET" | "POST" | "PUT" => Some(place.clone()),
        _ => None,
    };
    location.parameter = Some(parameter.clone());
    let dbms = point.dbms.as_ref().map(|name| format!(" ({})", clean(name.as_bytes(), 60))).unwrap_or_default();
    let (severity, confidence) = weight(point);
    Some(Finding {
        fingerprint: fingerprint(&["sqlmap", "sqli", &host, &port, &path, &place, &parameter]),
        engine: "sqlmap".to_string(),
        rule_id: "sqli".to_string(),
        title: format!("SQL injection in {place} parameter {parameter}{dbms}"),
        severity,
        confidence,
        location,
        evidence: Some(evidence(point)).filter(|text| !text.is_empty()),
        cwe: vec!["CWE-89".to_string()],
        remediation: Some(REMEDIATION.to_string()),
        references: vec!["https://owasp.org/www-community/attacks/SQL_Injection".to_string()],
        ..Finding::default()
    })
}

/// Waiting alone can be the network's; a second statement can change data.
fn weight(point: &Point) -> (Severity, Confidence) {
    let is = |word: &str| point.ways.iter().filter(|way| way.technique.to_lowercase().contains(word)).count();
    if is("stacked") > 0 {
        return (Severity::Critical, Confidence::Confirmed);
    }
    if !point.ways.is_empty() && is("time") == point.ways.len() {
        return (Severity::Medium, Confidence::Medium);
    }
    (Severity::High, Confidence::Confirmed)
}

fn evidence(point: &Point) -> String {
    let ways = point.ways.iter().map(|way| format!("{}\n{}\n{}", way.technique, way.title, way.payload));
    clean(ways.collect::<Vec<_>>().join("\n\n").as_bytes(), EVIDENCE_BYTES)
}
