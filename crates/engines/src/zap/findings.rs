//! From ZAP's alerts to findings: one for each place, or one for all when the alert is the same everywhere.

use super::report::{Alert, Document, Instance, Site};
use crate::collected::Collected;
use crate::fingerprint::fingerprint;
use crate::ids::cves;
use crate::text::{EVIDENCE_BYTES, clean};
use crate::{Target, site};
use scanyard_contract::finding::{Confidence, Finding, Severity};

/// The findings of a report.
pub fn findings(document: &Document, target: &Target) -> Collected {
    let mut collected = Collected::default();
    for site in &document.site {
        for alert in &site.alerts {
            let root = [Instance { uri: site.name.clone(), ..Instance::default() }];
            let places: Vec<&Instance> = match alert.instances.as_slice() {
                [] => root.iter().collect(),
                // One finding, and a record for every place.
                all @ [first, ..] if alert.systemic => vec![first; all.len()],
                all => all.iter().collect(),
            };
            for place in places {
                add(&mut collected, alert, place, target);
            }
        }
    }
    collected
}

/// Whether a site of the report is the one that was asked for.
pub fn is_target(site: &Site, target: &Target) -> bool {
    site::location(target, &site.name).is_some()
}

fn add(collected: &mut Collected, alert: &Alert, place: &Instance, target: &Target) {
    let Some(confidence) = confidence(&alert.confidence) else {
        return collected.drop("marked as a false positive");
    };
    match finding(alert, place, target) {
        Some(finding) => collected.add(Finding { confidence, ..finding }),
        None => collected.drop(site::OUTSIDE),
    }
}

fn finding(alert: &Alert, place: &Instance, target: &Target) -> Option<Finding> {
    let text = |field: &str, max| clean(field.as_bytes(), max);
    let rule = text(if alert.alert_ref.is_empty() { &alert.pluginid } else { &alert.alert_ref }, 40);
    let (method, param) = (text(&place.method, 20), text(&place.param, 200));
    let mut location = site::location(target, &place.uri)?;
    // ZAP takes what is data out of the node's name: `/user/«data»` for every user.
    let node = place.node_name.split(' ').next().unwrap_or_default();
    let node = if node.is_empty() { None } else { site::location(target, node) };
    let [host, port, path] = site::key(node.as_ref().unwrap_or(&location));
    let key = match alert.systemic {
        true => fingerprint(&["zap", &rule, &host, &port, "", "", &param]),
        false => fingerprint(&["zap", &rule, &host, &port, &path, &method, &param]),
    };
    location.method = Some(method).filter(|method| !method.is_empty());
    location.parameter = Some(param).filter(|param| !param.is_empty());
    let about = format!("{} {} {}", alert.otherinfo, place.otherinfo, place.evidence);
    Some(Finding {
        fingerprint: key,
        engine: "zap".to_string(),
        rule_id: rule,
        title: text(&alert.name, 200),
        severity: severity(&alert.riskcode),
        location,
        evidence: evidence(place),
        cve: cves(&about),
        cwe: cwe(&alert.cweid).into_iter().collect(),
        remediation: Some(plain(&alert.solution, 2000)).filter(|text| !text.is_empty()),
        references: references(&alert.reference),
        ..Finding::default()
    })
}

fn severity(riskcode: &str) -> Severity {
    match riskcode {
        "3" => Severity::High,
        "2" => Severity::Medium,
        "1" => Severity::Low,
        _ => Severity::Info,
    }
}

fn confidence(code: &str) -> Option<Confidence> {
    match code {
        "0" => None,
        "2" => Some(Confidence::Medium),
        "3" => Some(Confidence::High),
        "4" => Some(Confidence::Confirmed),
        _ => Some(Confidence::Low),
    }
}

fn cwe(id: &str) -> Option<String> {
    id.parse::<u32>().ok().filter(|number| *number > 0).map(|number| format!("CWE-{number}"))
}

fn evidence(place: &Instance) -> Option<String> {
    let parts = [("attack", &place.attack), ("evidence", &place.evidence)];
    let lines = parts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| format!("{name}: {text}"));
    let text = clean(lines.collect::<Vec<_>>().join("\n").as_bytes(), EVIDENCE_BYTES);
    Some(text).filter(|text| !text.is_empty())
}

fn references(html: &str) -> Vec<String> {
    let links = plain(html, 8000);
    let links = links.split_whitespace().filter(|word| word.starts_with("http://") || word.starts_with("https://"));
    links.take(10).map(|link| clean(link.as_bytes(), 500)).collect()
}

/// The text of ZAP's HTML, which is paragraphs and nothing else; it is never shown as HTML.
fn plain(html: &str, max: usize) -> String {
    let mut text = String::new();
    let html = &html[..html.floor_char_boundary(64 * 1024)];
    for (at, part) in html.split('<').enumerate() {
        // What stands before the first `<` is text; of every later part, what stands after its `>`.
        match part.split_once('>') {
            _ if at == 0 => text.push_str(part),
            Some((tag, rest)) => {
                text.push_str(if tag.starts_with('/') || tag.starts_with("br") { "\n" } else { "" });
                text.push_str(rest);
            }
            None => {}
        }
    }
    for (entity, c) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, c);
    }
    clean(text.trim().as_bytes(), max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_text() {
        assert_eq!(plain("<p>Use &lt;b&gt;.</p><p>And &amp;lt;.</p>", 100), "Use <b>.\nAnd &lt;.");
        assert_eq!(plain("a<b", 100), "a");
        assert_eq!(
            references("<p>https://a.test/1</p><p>no link</p><p>https://b.test/</p>"),
            ["https://a.test/1", "https://b.test/"]
        );
    }

    #[test]
    fn ids_of_no_weakness_are_none() {
        assert_eq!(cwe("89").as_deref(), Some("CWE-89"));
        for none in ["-1", "0", "", "x"] {
            assert_eq!(cwe(none), None);
        }
    }
}
