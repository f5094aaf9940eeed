//! From nuclei's results to findings.

use super::jsonl::{Classification, Event, List};
use crate::Target;
use crate::fingerprint::fingerprint;
use crate::text::{EVIDENCE_BYTES, clean};
use scanyard_contract::finding::{Confidence, Cvss, Finding, Location, Severity};
use url::Url;

/// Bytes of a name, an id or an address that are kept.
const SHORT: usize = 300;
/// Bytes of a URL or a remediation that are kept.
const LONG: usize = 2048;
/// References and catalogue ids of one finding that are kept.
const MAX_IDS: usize = 20;

/// The finding of one result.
pub fn finding(event: &Event, target: &Target) -> Finding {
    let info = &event.info;
    let rule_id = clean(event.template_id.as_bytes(), SHORT);
    let matcher = clean(event.matcher_name.0.as_bytes(), SHORT);
    let name = clean(info.name.0.as_bytes(), SHORT);
    let name = if name.is_empty() { rule_id.clone() } else { name };
    let location = location(event, target);
    let (cve, cwe, cvss, epss) = info.classification.as_ref().map(catalogues).unwrap_or_default();
    Finding {
        fingerprint: key(&rule_id, &matcher, &location),
        engine: "nuclei".to_string(),
        title: if matcher.is_empty() { name } else { format!("{name} ({matcher})") },
        rule_id,
        // nuclei's `unknown`, and what newer versions may add.
        severity: info.severity.0.parse().unwrap_or(Severity::Info),
        confidence: Confidence::High,
        location,
        evidence: evidence(&event.extracted_results),
        cve,
        cwe,
        cvss,
        epss,
        remediation: some(clean(info.remediation.0.as_bytes(), LONG)),
        references: references(&info.reference),
    }
}

/// The same template may match through several matchers, at several places, in several parameters.
fn key(rule_id: &str, matcher: &str, location: &Location) -> String {
    let port = location.port.map(|port| port.to_string()).unwrap_or_default();
    let [host, path, parameter] =
        [&location.host, &location.path, &location.parameter].map(|part| part.as_deref().unwrap_or_default());
    fingerprint(&["nuclei", rule_id, matcher, host, &port, path, parameter])
}

/// Where it matched: nuclei says so as a URL, or as `host:port`, or as a name alone.
fn location(event: &Event, target: &Target) -> Location {
    let matched = &*event.matched_at.0;
    let url = matched.contains("://").then(|| Url::parse(matched).ok()).flatten();
    let stated = event.port.0.parse().ok();
    let (host, port, path) = match &url {
        Some(url) => (url.host_str().map(str::to_string), url.port_or_known_default(), Some(url.path())),
        None => {
            let place = if matched.is_empty() || matched.contains("://") { &*event.host.0 } else { matched };
            let (host, port) = host_and_port(place);
            (Some(host.to_string()), port, None)
        }
    };
    let mut host = host.map(|host| clean(host.trim_matches(['[', ']']).as_bytes(), SHORT));
    if let Some(host) = &mut host {
        host.make_ascii_lowercase();
    }
    Location {
        host: host.filter(|host| !host.is_empty()).or_else(|| Some(target.host())),
        ip: some(clean(event.ip.0.as_bytes(), SHORT)),
        port: port.or(stated),
        protocol: matches!(&*event.protocol.0, "http" | "ssl" | "tcp").then(|| "tcp".to_string()),
        service: some(clean(event.scheme.0.as_bytes(), SHORT)),
        path: path.and_then(|path| some(clean(path.as_bytes(), LONG))),
        url: url.is_some().then(|| clean(matched.as_bytes(), LONG)),
        method: some(clean(event.fuzzing_method.0.as_bytes(), SHORT)),
        parameter: some(clean(event.fuzzing_parameter.0.as_bytes(), SHORT)),
        ..Location::default()
    }
}

/// Takes `host`, `host:port`, `[v6]:port` and a bare IPv6 address apart.
pub fn host_and_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        Some(_) | None => (text, None),
    }
}

type Catalogues = (Vec<String>, Vec<String>, Option<Cvss>, Option<f64>);

fn catalogues(from: &Classification) -> Catalogues {
    let score = from.cvss_score.0.filter(|score| (0.0..=10.0).contains(score) && *score > 0.0);
    let vector = some(clean(from.cvss_metrics.0.as_bytes(), SHORT));
    let version = vector.as_deref().and_then(|vector| match vector.strip_prefix("CVSS:") {
        Some(rest) => rest.split('/').next().map(str::to_string),
        None => vector.contains("Au:").then(|| "2.0".to_string()),
    });
    let epss = from.epss_score.0.filter(|score| (0.0..=1.0).contains(score));
    (ids(&from.cve, "CVE-"), ids(&from.cwe, "CWE-"), score.map(|score| Cvss { score, vector, version }), epss)
}

/// Ids of a catalogue, upper case; templates write them in either case, also several in one text.
fn ids(list: &List, prefix: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in list.0.iter().flat_map(|text| text.split([',', ' '])) {
        let id = id.to_ascii_uppercase();
        let rest = id.strip_prefix(prefix).unwrap_or_default();
        let is_id = (1..=16).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if is_id && !found.contains(&id) && found.len() < MAX_IDS {
            found.push(id);
        }
    }
    found
}

/// What the template's extractors took from the answer, one a line.
fn evidence(extracted: &List) -> Option<String> {
    match extracted.0.as_slice() {
        [] => None,
        [one] => some(clean(one.as_bytes(), EVIDENCE_BYTES)),
        many => {
            let mut text = String::new();
            for part in many {
                if text.len() >= EVIDENCE_BYTES {
                    break;
                }
                text.push_str(part);
                text.push('\n');
            }
            some(clean(text.trim_end().as_bytes(), EVIDENCE_BYTES))
        }
    }
}

/// Links alone: a page may show them.
fn references(list: &List) -> Vec<String> {
    let links = list.0.iter().flat_map(|text| text.split_whitespace());
    let is_link = |text: &&str| text.starts_with("https://") || text.starts_with("http://");
    links.filter(is_link).take(MAX_IDS).map(|link| clean(link.as_bytes(), LONG)).collect()
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Finding {
        let target = Target::parse("http://app.example.test/").unwrap();
        finding(&serde_json::from_str(line).unwrap(), &target)
    }

    #[test]
    fn the_place_is_read_from_a_url_an_authority_or_a_name() {
        let place = |matched: &str| {
            let location = of(&format!(r#"{{"template-id":"a","matched-at":"{matched}"}}"#)).location;
            (location.host.unwrap(), location.port, location.path)
        };
        assert_eq!(place("https://A.example.test/x/y?q=1"), ("a.example.test".into(), Some(443), Some("/x/y".into())));
        assert_eq!(place("http://[::1]:81/"), ("::1".into(), Some(81), Some("/".into())));
        assert_eq!(place("127.0.0.1:8443"), ("127.0.0.1".into(), Some(8443), None));
        assert_eq!(place("[::1]:8443"), ("::1".into(), Some(8443), None));
        assert_eq!(place("::1"), ("::1".into(), None, None));
        assert_eq!(place("dns.example.test"), ("dns.example.test".into(), None, None));
        assert_eq!(place(""), ("app.example.test".into(), None, None));
    }

    #[test]
    fn query_and_payload_do_not_make_another_finding() {
        let at = |path: &str| {
            of(&format!(r#"{{"template-id":"a","matched-at":"http://a/{path}","extracted-results":["{path}"]}}"#))
        };
        assert_eq!(at("x?token=1").fingerprint, at("x?token=2").fingerprint);
        assert_ne!(at("x").fingerprint, at("y").fingerprint);
        let matcher = |name: &str| of(&format!(r#"{{"template-id":"a","matcher-name":"{name}"}}"#)).fingerprint;
        assert_ne!(matcher("a"), matcher("b"));
    }

    #[test]
    fn ids_of_catalogues_are_upper_case_and_valid() {
        let line = r#"{"template-id":"a","info":{"name":"n","severity":"high","reference":"https://a.example.test/\nx",
            "classification":{"cve-id":"cve-2021-1,CVE-2021-2","cwe-id":["cwe-79","CWE-79","x"],"cvss-score":99,
            "epss-score":"0.5"}}}"#;
        let finding = of(line);
        assert_eq!((finding.cve, finding.cwe), (vec!["CVE-2021-1".into(), "CVE-2021-2".into()], vec!["CWE-79".into()]));
        assert_eq!((finding.cvss, finding.epss), (None, Some(0.5)));
        assert_eq!(finding.references, ["https://a.example.test/"]);
    }
}
