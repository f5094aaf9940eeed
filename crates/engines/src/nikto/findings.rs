//! From nikto's items to findings. nikto states no severity: it follows from the range that a check's id is in.

use super::verdict::is_failure;
use super::xml::{Document, Item};
use crate::collected::Collected;
use crate::fingerprint::fingerprint;
use crate::ids::{cves, cwes};
use crate::text::{EVIDENCE_BYTES, clean};
use crate::{Target, site};
use scanyard_contract::finding::{Confidence, Finding, Severity};

/// The findings of a report.
pub fn findings(document: &Document, target: &Target) -> Collected {
    let mut collected = Collected::default();
    for item in &document.items {
        if is_failure(item) {
            collected.drop("tells of nikto's own failure");
            continue;
        }
        match finding(item, target) {
            Some(finding) => collected.add(finding),
            None => collected.drop(site::OUTSIDE),
        }
    }
    collected.drop_all("too many items", document.left_out);
    collected
}

fn finding(item: &Item, target: &Target) -> Option<Finding> {
    let rule = clean(item.id.as_bytes(), 40);
    let uri = clean(item.uri.as_bytes(), 1000);
    let method = clean(item.method.as_bytes(), 20);
    let message = clean(item.description.as_bytes(), EVIDENCE_BYTES);
    let mut location = site::location(target, &uri)?;
    let [host, port, _] = site::key(&location);
    let subject = subject(&rule, &message);
    let key = fingerprint(&["nikto", &rule, &host, &port, &uri, &method, &subject]);
    let about = format!("{} {message}", item.references);
    let class = Class::of(&rule);
    let cve = cves(&about);
    let severity = if cve.is_empty() { class.severity() } else { class.severity().max(Severity::Medium) };
    location.method = Some(method).filter(|method| !method.is_empty());
    location.parameter = Some(subject).filter(|subject| !subject.is_empty());
    Some(Finding {
        fingerprint: key,
        engine: "nikto".to_string(),
        rule_id: rule,
        title: title(&message, &uri),
        severity,
        confidence: confidence(&message),
        location,
        evidence: Some(message).filter(|message| !message.is_empty()),
        cve,
        cwe: cwes(&about),
        remediation: class.remediation().map(str::to_string),
        references: references(&item.references),
        ..Finding::default()
    })
}

/// Kinds of checks, by their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    DefaultAccount,
    OldSoftware,
    DirectoryListing,
    Header,
    Other,
}

impl Class {
    fn of(id: &str) -> Class {
        let Ok(number) = id.parse::<u32>() else { return Class::Other };
        match number {
            600_000..=699_999 => Class::OldSoftware,
            700_000..=700_999 => Class::DefaultAccount,
            // The one check of page contents that looks for a listing: 750000 up to 2.1, 750500 since.
            750_000 | 750_500 => Class::DirectoryListing,
            13_500..=13_599 | 999_900..=999_999 => Class::Header,
            _ => Class::Other,
        }
    }

    fn severity(self) -> Severity {
        match self {
            Class::DefaultAccount => Severity::High,
            Class::OldSoftware | Class::DirectoryListing => Severity::Medium,
            Class::Header => Severity::Low,
            Class::Other => Severity::Info,
        }
    }

    fn remediation(self) -> Option<&'static str> {
        match self {
            Class::DefaultAccount => Some("Change the password of the account, or remove the account."),
            Class::OldSoftware => Some("Update the software to a version that its maker still supports."),
            Class::DirectoryListing => Some("Turn directory listings off, and remove files that nobody should fetch."),
            Class::Header => Some("Set the header, cookie or method as the server's hardening guide advises."),
            Class::Other => None,
        }
    }
}

/// nikto reports what it suspects beside what it saw.
fn confidence(message: &str) -> Confidence {
    let message = message.to_ascii_lowercase();
    let doubts = ["might", "may ", "could ", "suggests", "appears", "potential"];
    if doubts.iter().any(|word| message.contains(word)) { Confidence::Low } else { Confidence::Medium }
}

/// The first sentence of the message, without the path that it begins with.
fn title(message: &str, uri: &str) -> String {
    let message = message.strip_prefix(uri).map_or(message, |rest| rest.trim_start_matches([':', ' ']));
    let sentence = message.split_once(". ").map_or(message, |(first, _)| first).trim_end_matches('.');
    let title = clean(sentence.replace('\n', " ").trim().as_bytes(), 200);
    if title.is_empty() { "A check of nikto answered".to_string() } else { title }
}

/// What tells items of one id and one path apart: the header or the cookie that they are about.
fn subject(id: &str, message: &str) -> String {
    let words = |text: &str| text.split_whitespace().next().unwrap_or_default().to_string();
    if let Some((_, rest)) = message.split_once("Cookie ") {
        let flag =
            ["secure", "httponly", "samesite"].into_iter().find(|flag| message.to_ascii_lowercase().contains(flag));
        return format!("{} {}", words(rest), flag.unwrap_or_default()).trim().to_string();
    }
    match (id, message.rsplit_once(": ")) {
        ("013587", Some((_, header))) => words(header).trim_end_matches('.').to_string(),
        _ => String::new(),
    }
}

/// The links of an item; nikto 2.6 also writes bare CWE ids there.
fn references(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
    let links = parts.filter(|part| part.starts_with("http://") || part.starts_with("https://"));
    links.take(20).map(|link| clean(link.as_bytes(), 500)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_sentence_without_its_path() {
        assert_eq!(title("/a/: A thing was found. It is old.", "/a/"), "A thing was found");
        assert_eq!(title("Cookie sid lacks a flag", "/"), "Cookie sid lacks a flag");
        assert_eq!(title("/", "/"), "A check of nikto answered");
    }

    #[test]
    fn cookies_and_headers_of_one_check_stay_apart() {
        assert_eq!(subject("999960", "Cookie sid created without the secure flag"), "sid secure");
        assert_eq!(subject("999960", "Cookie sid created without the httponly flag"), "sid httponly");
        assert_eq!(subject("013587", "Header missing: referrer-policy."), "referrer-policy");
        assert_eq!(subject("000001", "Something: else"), "");
    }

    #[test]
    fn severity_follows_the_range_of_the_id() {
        for (id, severity) in [
            ("600575", Severity::Medium),
            ("700003", Severity::High),
            ("750000", Severity::Medium),
            ("750001", Severity::Info),
            ("999957", Severity::Low),
            ("013587", Severity::Low),
            ("003270", Severity::Info),
            ("x", Severity::Info),
        ] {
            assert_eq!(Class::of(id).severity(), severity, "{id}");
        }
    }

    #[test]
    fn links_are_taken_and_ids_are_not() {
        assert_eq!(references("https://a.example.test/x,CWE-548 ftp://b"), ["https://a.example.test/x"]);
    }
}
