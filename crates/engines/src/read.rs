//! Reports that were made elsewhere: read as the engine's own adapter reads them, held against what they are said to be of,
//! and judged alone.

use crate::engine::engine;
use crate::files::FilesName;
use crate::image::ImageRef;
use crate::subject::Subject;
use crate::text::unmarked;
use crate::{Parsed, RawReport, Target, asset, harvester, nikto, nmap, nuclei, sqlmap, sublist3r, trivy, wapiti, zap};
use scanyard_contract::ScanType;
use scanyard_contract::scan::FailureReason;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// How reports of an engine are read.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    scan_type: ScanType,
    read: Read,
    /// The target that a report states itself, where it does.
    target_of: TargetOf,
    keep: Keep,
    /// Such as `application/xml`.
    media_type: &'static str,
}

const XML: &str = "application/xml";
const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const TEXT: &str = "text/plain";

/// Reads a report and notes what it says that it is of.
type Read = fn(&[u8], &mut Subject) -> Parsed;
type TargetOf = fn(&[u8]) -> Option<Target>;
/// What of a report may be kept.
type Keep = fn(Vec<u8>) -> Option<Vec<u8>>;

/// How reports of an engine are read; none for one that has no report of its own.
pub fn reader(scan_type: ScanType) -> Option<Reader> {
    let (read, target_of, media_type): (Read, TargetOf, _) = match scan_type {
        ScanType::Nmap => (nmap::import, nmap::target_of, XML),
        ScanType::Zap => (read_zap, of_zap, JSON),
        ScanType::Nuclei => (nuclei::import, of_nuclei, LINES),
        ScanType::Nikto => (nikto::import, of_nikto, XML),
        ScanType::Wapiti => (read_wapiti, of_wapiti, JSON),
        ScanType::Sqlmap => (read_sqlmap, of_none, JSON),
        ScanType::Harvester => (read_harvester, of_none, JSON),
        ScanType::Sublist3r => (|report, subject| sublist3r::read(report, subject.target), of_none, TEXT),
        ScanType::Trivy => (read_trivy, of_trivy, JSON),
        ScanType::Sentinel => return None,
    };
    let keep: Keep = if scan_type == ScanType::Trivy { trivy::kept } else { Some };
    Some(Reader { scan_type, read, target_of, keep, media_type })
}

/// Why a report has no target, when none is given.
#[derive(Debug, PartialEq)]
pub enum Unnamed {
    /// It is no report that could name one.
    Fault(FailureReason, String),
    /// It names none, or several.
    NoTarget,
}

impl Reader {
    /// Reads a report of a scan of the target that is given, or else of the one that the report names.
    pub fn import(&self, report: &[u8], given: Option<Target>) -> Result<(Target, Parsed), Unnamed> {
        let report = unmarked(report);
        let target = given.or_else(|| self.named(report)).ok_or_else(|| self.unnamed(report))?;
        let parsed = self.read(report, &target);
        Ok((target, parsed))
    }

    /// The report as it is kept beside the findings, as after a run: of trivy's without the secrets that it found, and none that
    /// cannot be searched for them.
    pub fn kept(&self, report: Vec<u8>) -> Option<RawReport> {
        (self.keep)(report).map(|bytes| RawReport { media_type: self.media_type, bytes })
    }

    /// The target that a report names, where it is one that could be given.
    fn named(&self, report: &[u8]) -> Option<Target> {
        (self.target_of)(report).filter(|target| engine(self.scan_type).takes_import_of(target))
    }

    fn unnamed(&self, report: &[u8]) -> Unnamed {
        // For the messages alone: no target is written so.
        let anything = Target::Host("the target".to_string());
        let Parsed { fault, collected, .. } = (self.read)(report, &mut Subject::anything(&anything));
        // Names below a domain that nobody said are no fault of the report.
        match fault.filter(|_| !collected.records.dropped.contains_key(asset::OUTSIDE)) {
            Some((reason, message)) => Unnamed::Fault(reason, message),
            None => Unnamed::NoTarget,
        }
    }

    /// Reads a report of a scan of the target. One that is of something else is no such scan, and nothing of it is kept.
    pub fn read(&self, report: &[u8], target: &Target) -> Parsed {
        let mut subject = Subject::new(target);
        let parsed = (self.read)(unmarked(report), &mut subject);
        subject.judge(parsed)
    }
}

fn read_zap(report: &[u8], subject: &mut Subject) -> Parsed {
    for site in json::<Zap>(report).map(|report| report.site).unwrap_or_default() {
        subject.note_hosts([site.name.as_str()]);
    }
    zap::read(report, subject.target)
}

fn read_wapiti(report: &[u8], subject: &mut Subject) -> Parsed {
    if let Some(Wapiti { infos }) = json(report) {
        subject.note_hosts([infos.target.as_str()]);
    }
    wapiti::read(report, subject.target)
}

fn read_sqlmap(report: &[u8], subject: &mut Subject) -> Parsed {
    for page in sqlmap::pages(report) {
        subject.note_hosts([page.as_str()]);
    }
    sqlmap::read(report, subject.target)
}

/// Of its forms the newest says in its first line which domain was asked about.
fn read_harvester(report: &[u8], subject: &mut Subject) -> Parsed {
    let line = report.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Some(Summary { target }) = json(line) {
        subject.note_hosts([target.as_str()]);
    }
    harvester::read(report, subject.target)
}

fn read_trivy(report: &[u8], subject: &mut Subject) -> Parsed {
    if let Some(artifact) = json::<Trivy>(report) {
        subject.note(artifact.names().map(|name| (name, artifact.target(name))));
    }
    trivy::import(report, subject.target)
}

#[derive(Deserialize)]
struct Summary {
    target: String,
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
    #[serde(default)]
    metadata: Option<TrivyMetadata>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct TrivyMetadata {
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

impl Trivy {
    /// Everything that is no image is files: a folder, a repository, a bill of materials.
    fn target(&self, name: &str) -> Option<Target> {
        match self.artifact_type.as_str() {
            "container_image" => ImageRef::parse(name).ok().map(Target::Image),
            _ => FilesName::of(name).ok().map(Target::Files),
        }
    }

    /// What an image is called. One that was read from a file has that file's name, and those of its registry beside it.
    fn names(&self) -> impl Iterator<Item = &str> {
        let metadata = self.metadata.as_ref();
        let tags = metadata.and_then(|metadata| metadata.repo_tags.as_deref()).unwrap_or_default();
        let digests = metadata.and_then(|metadata| metadata.repo_digests.as_deref()).unwrap_or_default();
        [&self.artifact_name].into_iter().chain(tags).chain(digests).map(String::as_str)
    }
}

/// The image, or the name of the files.
fn of_trivy(report: &[u8]) -> Option<Target> {
    let artifact = json::<Trivy>(report)?;
    artifact.target(&artifact.artifact_name)
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
        reader(scan_type).unwrap().named(report.as_bytes()).map(|target| target.to_string())
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
        assert_eq!(named(ScanType::Nuclei, r#"{"host":"app.example.test"}"#), None, "nuclei takes no name of a host");
        let image = r#"{"ArtifactName":"registry.example.test/app:1.0","ArtifactType":"container_image"}"#;
        assert_eq!(named(ScanType::Trivy, image).as_deref(), Some("registry.example.test/app:1.0"));
        let files =
            |name: &str| named(ScanType::Trivy, &format!(r#"{{"ArtifactName":"{name}","ArtifactType":"filesystem"}}"#));
        assert_eq!(files("/home/a/project/").as_deref(), Some("./project"), "nothing of somebody else's machine");
        assert_eq!(files("."), None);
        assert_eq!(named(ScanType::Zap, r#"{"site":[]}"#), None);
        assert_eq!(named(ScanType::Sublist3r, "app.example.test\n"), None);
    }

    #[test]
    fn a_report_that_names_no_target_says_its_own_fault_first() {
        let unnamed =
            |scan_type: ScanType, report: &str| reader(scan_type).unwrap().import(report.as_bytes(), None).unwrap_err();
        for (scan_type, report, fault) in [
            (ScanType::Nmap, "garbage", "this is not XML of nmap (-oX)"),
            (ScanType::Nmap, "<nmaprun><scaninfo/>", "nmap's report has no end"),
            (
                ScanType::Nuclei,
                "garbage\n",
                "no line of the report is a result of nuclei; it takes what nuclei writes with -jsonl",
            ),
            (ScanType::Wapiti, r#"{"infos":{"target":"http://app"#, "this is no JSON report of wapiti, or it was cut"),
            (ScanType::Zap, r#"{"@programName":"ZAP","site":[]}"#, "ZAP got no page from the target"),
            (ScanType::Nikto, "<niktoscan>", "nikto found no web server at the target"),
            (ScanType::Sqlmap, "[]", "this is neither a JSON report nor a log of sqlmap"),
            (ScanType::Trivy, "{}", "this is no report of trivy: it has no SchemaVersion"),
            (
                ScanType::Sublist3r,
                "\n",
                "the report is empty, which says nothing: sublist3r writes none where it found nothing",
            ),
            (ScanType::Harvester, "<nmaprun/>", "the report's XML is none of theHarvester's"),
        ] {
            let Unnamed::Fault(_, message) = unnamed(scan_type, report) else { panic!("{scan_type} {report}") };
            assert_eq!(message, fault, "{scan_type}");
        }
        let line = |host: &str| format!("{{\"template-id\":\"a\",\"url\":\"http://{host}/\"}}\n");
        for (scan_type, report) in [
            (ScanType::Sublist3r, "a.example.test\n"),
            (ScanType::Harvester, include_str!("../tests/samples/harvester/unit-out.json")),
            (ScanType::Nuclei, &(line("a.example.test") + &line("b.example.test"))),
            (
                ScanType::Trivy,
                r#"{"SchemaVersion":2,"ArtifactName":".","ArtifactType":"filesystem","Results":[{"Target":"x"}]}"#,
            ),
            (ScanType::Sqlmap, "sqlmap identified the following injection point(s):\nParameter: id (GET)\n"),
        ] {
            assert_eq!(unnamed(scan_type, report), Unnamed::NoTarget, "{scan_type} {report}");
        }
    }

    #[test]
    fn no_report_of_another_format_is_clean() {
        let target = Target::parse("http://app.example.test/").unwrap();
        for scan_type in ScanType::ALL.iter().copied() {
            for report in ["", "garbage", "{}", "[]", "<html></html>", "\u{0}\u{1}"] {
                let Some(reader) = reader(scan_type) else { continue };
                let parsed = reader.read(report.as_bytes(), &target);
                assert!(parsed.fault.is_some(), "{scan_type} takes {report:?} for a whole report");
            }
        }
    }
}
