//! From trivy's report to findings.

use super::options::Scanner;
use super::redact;
use super::report::{Document, License, Misconfiguration, Part, SCHEMA_VERSION, Scores, Secret, Vulnerability};
use crate::Target;
use crate::collected::Collected;
use crate::fingerprint::fingerprint;
use crate::text::{EVIDENCE_BYTES, clean};
use scanyard_contract::finding::{Confidence, Cvss, Finding, Location, Severity};
use serde::Deserialize;
use serde_json::value::RawValue;

/// References that a finding keeps.
const MAX_REFERENCES: usize = 20;
/// Bytes of a name, a version or a path that are kept.
const WORD_BYTES: usize = 500;

/// Why a record is dropped that is not as trivy writes them.
pub const UNREAD: &str = "cannot be read";

/// Where the findings of one part of the report are.
struct Place<'a> {
    /// What was scanned, as it is called from scan to scan.
    artifact: &'a str,
    /// The target's name, where it is one that people know.
    host: Option<&'a str>,
    part: &'a Part<'a>,
}

/// The findings of a report.
pub fn findings(document: &Document<'_>, target: &Target) -> Collected {
    let mut collected = Collected::default();
    if document.schema_version != SCHEMA_VERSION {
        return collected;
    }
    let artifact = artifact(document, target);
    let host = host(target);
    for part in &document.results {
        let place = Place { artifact: &artifact, host: host.as_deref(), part };
        each(&part.vulnerabilities, &mut collected, |found| Ok(vulnerability(found, &place)));
        each(&part.misconfigurations, &mut collected, |found| misconfiguration(found, &place));
        each(&part.secrets, &mut collected, |found| Ok(secret(found, &place)));
        each(&part.licenses, &mut collected, |found| Ok(license(found, &place)));
    }
    collected
}

/// The name that people know a target by, where it has one.
fn host(target: &Target) -> Option<String> {
    match target {
        Target::Image(_) => Some(target.host()),
        // Its id is another for every upload of the same files, and a path is no host.
        Target::Upload(_)
        | Target::Files(_)
        | Target::Ip(_)
        | Target::Network(_)
        | Target::Host(_)
        | Target::Url(_) => None,
    }
}

/// What tells the faults of one artifact from those of another, and is the same in every scan of it: an image's name
/// without tag and digest, of files the name of their folder.
fn artifact(document: &Document<'_>, target: &Target) -> String {
    match target {
        Target::Image(_) | Target::Files(_) => target.host(),
        Target::Upload(_) | Target::Ip(_) | Target::Network(_) | Target::Host(_) | Target::Url(_) => {
            let name = document.artifact_name.trim_end_matches('/');
            name.rsplit('/').next().unwrap_or_default().to_string()
        }
    }
}

/// Reads every record of a list and adds what it comes to.
fn each<'d, T: Deserialize<'d>>(
    records: &[&'d RawValue],
    collected: &mut Collected,
    finding: impl Fn(&T) -> Result<Finding, &'static str>,
) {
    for record in records {
        match serde_json::from_str(record.get()).map_err(|_| UNREAD).and_then(|record| finding(&record)) {
            Ok(finding) => collected.add(finding),
            Err(reason) => collected.drop(reason),
        }
    }
}

fn vulnerability(found: &Vulnerability, place: &Place<'_>) -> Finding {
    let Vulnerability { vulnerability_id: id, pkg_name: package, installed_version: installed, .. } = found;
    let path = if found.pkg_path.is_empty() { &place.part.target } else { &found.pkg_path };
    // The target of a system's packages names the image's tag.
    let at = if place.part.class == "os-pkgs" { "os-pkgs" } else { path };
    let title = if found.title.is_empty() { format!("{id} in {package}") } else { found.title.clone() };
    let fixed = Some(&found.fixed_version).filter(|version| !version.is_empty());
    let evidence = match fixed {
        Some(fixed) => format!("{package} {installed} is installed; {fixed} has the fix"),
        None if found.status.is_empty() => format!("{package} {installed} is installed"),
        None => format!("{package} {installed} is installed; its status is {}", found.status),
    };
    Finding {
        fingerprint: fingerprint(&["trivy", id, place.artifact, at, package, installed]),
        title: clean(title.as_bytes(), 300),
        location: Location {
            package: word(package),
            version: word(installed),
            fixed_version: fixed.and_then(|version| word(version)),
            ..location(place, path, 0)
        },
        evidence: Some(clean(evidence.as_bytes(), EVIDENCE_BYTES)),
        cve: if id.starts_with("CVE-") { vec![clean(id.as_bytes(), 50)] } else { Vec::new() },
        cwe: found.cwe_ids.iter().filter(|cwe| cwe.starts_with("CWE-")).map(|cwe| clean(cwe.as_bytes(), 20)).collect(),
        cvss: cvss(found),
        remediation: Some(match fixed {
            Some(fixed) => clean(format!("Upgrade {package} to {fixed}.").as_bytes(), WORD_BYTES),
            None => {
                "No fixed version is known yet: replace the package, or see whether the fault can be reached.".into()
            }
        }),
        references: references(&found.primary_url, &found.references),
        ..common(id, &found.severity)
    }
}

fn misconfiguration(found: &Misconfiguration, place: &Place<'_>) -> Result<Finding, &'static str> {
    // Older reports leave the status out where a check failed.
    if !matches!(found.status.as_str(), "FAIL" | "") {
        return Err("a check that did not fail");
    }
    let rule = rule_id(if found.id.is_empty() { &found.avd_id } else { &found.id });
    let path = &place.part.target;
    let lines = &found.cause_metadata.code.lines;
    // All of them, for the name of a secret may be in one that is no cause.
    let shown = redact::block(&lines.iter().map(|line| line.content.as_str()).collect::<Vec<_>>());
    let lines = lines.iter().zip(shown).filter(|(line, _)| line.is_cause);
    let lines: Vec<String> = lines.map(|(line, shown)| format!("{}: {shown}", line.number)).collect();
    let evidence = format!("{}\n{}", redact::code(&found.message), lines.join("\n"));
    Ok(Finding {
        fingerprint: fingerprint(&["trivy", &rule, place.artifact, path, &found.cause_metadata.resource]),
        title: clean(found.title.as_bytes(), 300),
        location: location(place, path, found.cause_metadata.start_line),
        evidence: Some(clean(evidence.trim().as_bytes(), EVIDENCE_BYTES)),
        remediation: Some(clean(found.resolution.as_bytes(), 1000)).filter(|text| !text.is_empty()),
        references: references(&found.primary_url, &found.references),
        ..common(&rule, &found.severity)
    })
}

fn secret(found: &Secret, place: &Place<'_>) -> Finding {
    let path = &place.part.target;
    Finding {
        // Not the line: a secret that moves within its file is the same.
        fingerprint: fingerprint(&["trivy", &found.rule_id, place.artifact, path, &found.matched]),
        title: clean(found.title.as_bytes(), 300),
        location: location(place, path, found.start_line),
        evidence: Some(clean(redact::line(&found.matched).as_bytes(), EVIDENCE_BYTES)),
        cwe: vec!["CWE-798".to_string()],
        remediation: Some(
            "Take the secret out of the file and its history, and replace it where it is used: whoever has had the file \
             has the secret."
                .to_string(),
        ),
        ..common(&found.rule_id, &found.severity)
    }
}

fn license(found: &License, place: &Place<'_>) -> Finding {
    let path = if found.file_path.is_empty() { &place.part.target } else { &found.file_path };
    let owner = if found.pkg_name.is_empty() { path } else { &found.pkg_name };
    let at = if found.file_path.is_empty() { "" } else { path };
    let evidence = format!("{} (category {}, confidence {:.2})", found.name, found.category, found.confidence);
    Finding {
        fingerprint: fingerprint(&["trivy", &found.name, place.artifact, &found.pkg_name, at]),
        title: clean(format!("Licence {} in {owner}", found.name).as_bytes(), 300),
        location: Location { package: word(&found.pkg_name), ..location(place, path, 0) },
        evidence: Some(clean(evidence.as_bytes(), EVIDENCE_BYTES)),
        remediation: Some("See whether your policy allows this licence; replace what it does not allow.".to_string()),
        references: references(&found.link, &[]),
        ..common(&found.name, &found.severity)
    }
}

/// That a scanner had nothing to look at, while others had: it tells nothing of the artifact, and that is told.
pub fn nothing(scanner: Scanner, artifact: &str, target: &Target) -> Finding {
    let (what, remedy) = match scanner {
        Scanner::Misconfig => ("settings of infrastructure", "Scan the folder that they are in"),
        Scanner::Vuln | Scanner::License => {
            ("list of packages", "Scan what has the lock files or the system's list of packages, such as an image")
        }
        Scanner::Secret => ("files", "Scan what has some"),
    };
    let rule = format!("nothing-for-{}", scanner.as_str());
    Finding {
        fingerprint: fingerprint(&["trivy", &rule, artifact]),
        title: format!("Nothing was looked at by `{}`", scanner.as_str()),
        location: Location { host: host(target), ..Location::default() },
        evidence: Some(format!("trivy found no {what} that it knows in {artifact}")),
        remediation: Some(format!("{remedy}, or leave the scanner `{}` out.", scanner.as_str())),
        confidence: Confidence::Confirmed,
        ..common(&rule, "")
    }
}

fn common(rule: &str, severity: &str) -> Finding {
    Finding {
        engine: "trivy".to_string(),
        rule_id: clean(rule.as_bytes(), 100),
        severity: match severity {
            "CRITICAL" => Severity::Critical,
            "HIGH" => Severity::High,
            "MEDIUM" => Severity::Medium,
            "LOW" => Severity::Low,
            _ => Severity::Info,
        },
        confidence: Confidence::High,
        ..Finding::default()
    }
}

fn location(place: &Place<'_>, path: &str, line: u32) -> Location {
    Location {
        host: place.host.map(str::to_string),
        path: word(path),
        line: Some(line).filter(|line| *line > 0),
        ..Location::default()
    }
}

fn word(text: &str) -> Option<String> {
    Some(clean(text.as_bytes(), WORD_BYTES)).filter(|text| !text.is_empty())
}

fn references(primary: &str, others: &[String]) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for url in std::iter::once(primary).chain(others.iter().map(String::as_str)) {
        let url = clean(url.as_bytes(), WORD_BYTES);
        if url.starts_with("http") && !urls.contains(&url) && urls.len() < MAX_REFERENCES {
            urls.push(url);
        }
    }
    urls
}

/// The score of the source that the severity comes from, else of those that are known best; of its scores the newest.
fn cvss(found: &Vulnerability) -> Option<Cvss> {
    let sources = [found.severity_source.as_str(), "nvd", "redhat", "ghsa"];
    let scores = sources.iter().find_map(|source| found.cvss.get(*source)).or_else(|| found.cvss.values().next())?;
    let Scores { v2_vector, v3_vector, v40_vector, v2_score, v3_score, v40_score } = scores;
    let known = [("4.0", v40_score, v40_vector), (three(v3_vector), v3_score, v3_vector), ("2.0", v2_score, v2_vector)];
    let (version, score, vector) = known.into_iter().find(|(_, score, _)| **score > 0.0 && **score <= 10.0)?;
    Some(Cvss { score: *score, vector: word(vector), version: Some(version.to_string()) })
}

fn three(vector: &str) -> &'static str {
    if vector.starts_with("CVSS:3.0") { "3.0" } else { "3.1" }
}

/// One id for a check, whatever version of trivy names it: `DS001`, `AVD-DS-0001` and `DS-0001` are `DS-0001`.
fn rule_id(id: &str) -> String {
    let bare = id.strip_prefix("AVD-").unwrap_or(id);
    let letters = bare.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &bare[letters.len()..];
    let name = letters.strip_suffix('-').unwrap_or(letters);
    let is_known =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase()) && (1..=4).contains(&digits.len());
    if is_known { format!("{name}-{digits:0>4}") } else { id.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_check_has_one_id() {
        for (id, folded) in [
            ("DS001", "DS-0001"),
            ("AVD-DS-0001", "DS-0001"),
            ("DS-0001", "DS-0001"),
            ("KSV-0014", "KSV-0014"),
            ("AVD-AWS-0086", "AWS-0086"),
            ("my-own-check-1", "my-own-check-1"),
            ("ID123456", "ID123456"),
            ("", ""),
        ] {
            assert_eq!(rule_id(id), folded);
        }
    }
}
