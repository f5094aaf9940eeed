//! Reports that were made elsewhere: read as the engine's own adapter reads them, and judged alone.

use crate::image::ImageRef;
use crate::{Parsed, Target, harvester, nikto, nmap, nuclei, sqlmap, sublist3r, trivy, wapiti, zap};
use scanyard_contract::ScanType;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// How reports of an engine are read.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    pub read: fn(&[u8], &Target) -> Parsed,
    /// The target that a report states itself, where it does.
    pub target_of: fn(&[u8]) -> Option<Target>,
    /// Such as `application/xml`.
    pub media_type: &'static str,
}

const XML: &str = "application/xml";
const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const TEXT: &str = "text/plain";

type Read = fn(&[u8], &Target) -> Parsed;
type TargetOf = fn(&[u8]) -> Option<Target>;

/// How reports of an engine are read; none for one that has no report of its own.
pub fn reader(scan_type: ScanType) -> Option<Reader> {
    let (read, target_of, media_type): (Read, TargetOf, _) = match scan_type {
        ScanType::Nmap => (nmap::read, nmap::target_of, XML),
        ScanType::Zap => (zap::read, of_zap, JSON),
        ScanType::Nuclei => (nuclei::read, of_nuclei, LINES),
        ScanType::Nikto => (nikto::read, of_nikto, XML),
        ScanType::Wapiti => (wapiti::read, of_wapiti, JSON),
        ScanType::Sqlmap => (sqlmap::read, of_none, JSON),
        ScanType::Harvester => (harvester::read, of_none, JSON),
        ScanType::Sublist3r => (sublist3r::read, of_none, TEXT),
        ScanType::Trivy => (trivy::read, of_trivy, JSON),
        ScanType::Sentinel => return None,
    };
    Some(Reader { read, target_of, media_type })
}

/// Reads a report; none for an engine that has no report of its own.
pub fn read(scan_type: ScanType, report: &[u8], target: &Target) -> Option<Parsed> {
    reader(scan_type).map(|reader| (reader.read)(report, target))
}

/// Reports that do not say what was scanned.
fn of_none(_: &[u8]) -> Option<Target> {
    None
}

#[derive(Deserialize)]
struct Zap {
    site: Vec<ZapSite>,
}

#[derive(Deserialize)]
struct ZapSite {
    #[serde(rename = "@name")]
    name: String,
}

/// The one site of the report.
fn of_zap(report: &[u8]) -> Option<Target> {
    match json::<Zap>(report)?.site.as_slice() {
        [site] => Target::parse(&site.name).ok(),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Wapiti {
    infos: WapitiInfos,
}

#[derive(Deserialize)]
struct WapitiInfos {
    target: String,
}

fn of_wapiti(report: &[u8]) -> Option<Target> {
    Target::parse(&json::<Wapiti>(report)?.infos.target).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trivy {
    artifact_name: String,
    artifact_type: String,
}

/// The image; a folder's path on somebody else's machine is no target.
fn of_trivy(report: &[u8]) -> Option<Target> {
    let artifact = json::<Trivy>(report).filter(|artifact| artifact.artifact_type == "container_image")?;
    ImageRef::parse(&artifact.artifact_name).ok().map(Target::Image)
}

#[derive(Deserialize)]
struct NucleiLine<'a> {
    #[serde(borrow, default)]
    url: Cow<'a, str>,
    #[serde(borrow, default)]
    host: Cow<'a, str>,
}

/// The one site that every line names.
fn of_nuclei(report: &[u8]) -> Option<Target> {
    let mut seen: Option<Target> = None;
    for line in report.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let Ok(line) = serde_json::from_slice::<NucleiLine>(line) else { continue };
        let target = site(if line.url.is_empty() { &line.host } else { &line.url })?;
        if seen.as_ref().is_some_and(|seen| *seen != target) {
            return None;
        }
        seen = Some(target);
    }
    seen
}

/// A URL without its path, or a host.
fn site(text: &str) -> Option<Target> {
    match Target::parse(text).ok()? {
        Target::Url(mut url) => {
            url.set_path("/");
            url.set_query(None);
            Some(Target::Url(url))
        }
        target => Some(target),
    }
}

/// The attribute `sitename` of the first host; a text of the target stands behind it.
fn of_nikto(report: &[u8]) -> Option<Target> {
    let text = String::from_utf8_lossy(report);
    let (_, details) = text.split_once("<scandetails")?;
    let (details, _) = details.split_once('>')?;
    let (_, name) = details.split_once("sitename=\"")?;
    Target::parse(name.split_once('"')?.0).ok()
}

fn json<T: DeserializeOwned>(report: &[u8]) -> Option<T> {
    serde_json::from_slice(report).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(scan_type: ScanType, report: &str) -> Option<String> {
        (reader(scan_type).unwrap().target_of)(report.as_bytes()).map(|target| target.to_string())
    }

    #[test]
    fn a_report_names_the_one_site_that_was_scanned() {
        let site = Some("http://app.example.test/".to_string());
        assert_eq!(named(ScanType::Zap, r#"{"site":[{"@name":"http://app.example.test"}]}"#), site);
        assert_eq!(named(ScanType::Wapiti, r#"{"infos":{"target":"http://app.example.test/"}}"#), site);
        let details =
            r#"<niktoscan><scandetails targetip="127.0.0.1" sitename="http://app.example.test:80/" errors="0">"#;
        assert_eq!(named(ScanType::Nikto, details), site);
        let line = |host: &str| format!("{{\"host\":\"{host}\",\"url\":\"http://{host}/a?b\"}}\n");
        assert_eq!(named(ScanType::Nuclei, &line("app.example.test").repeat(2)), site);
        assert_eq!(named(ScanType::Nuclei, &(line("app.example.test") + &line("b.example.test"))), None);
        let image = r#"{"ArtifactName":"registry.example.test/app:1.0","ArtifactType":"container_image"}"#;
        assert_eq!(named(ScanType::Trivy, image).as_deref(), Some("registry.example.test/app:1.0"));
        assert_eq!(named(ScanType::Trivy, r#"{"ArtifactName":"/home/a","ArtifactType":"filesystem"}"#), None);
        assert_eq!(named(ScanType::Zap, r#"{"site":[]}"#), None);
        assert_eq!(named(ScanType::Sublist3r, "app.example.test\n"), None);
    }

    #[test]
    fn no_report_of_another_format_is_clean() {
        let target = Target::parse("http://app.example.test/").unwrap();
        for scan_type in ScanType::ALL.iter().copied() {
            for report in ["", "garbage", "{}", "[]", "<html></html>", "\u{0}\u{1}"] {
                let Some(parsed) = read(scan_type, report.as_bytes(), &target) else { continue };
                assert!(parsed.fault.is_some(), "{scan_type} takes {report:?} for a whole report");
            }
        }
    }
}
