//! Reports that trivy wrote, read and judged.

use super::verdict::{self, Log};
use crate::Target;
use crate::collected::Collected;
use crate::job::Outcome;
use crate::process::{Ended, Exit, Run};
use proptest::prelude::*;
use scanyard_contract::finding::Finding;
use scanyard_contract::scan::{FailureReason, Records};

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/samples/trivy/", $name)).as_slice()
    };
}

const SAMPLES: [&[u8]; 4] =
    [sample!("ran-fs.json"), sample!("ran-empty.json"), sample!("synthetic.json"), sample!("synthetic-empty.json")];

fn upload() -> Target {
    Target::artifact("upload:upl-019a0000-0000-7000-8000-000000000001").unwrap()
}

fn read(bytes: &[u8]) -> Collected {
    super::read(bytes, &upload()).collected
}

/// Records read, kept, merged and dropped.
fn counts(bytes: &[u8]) -> [u64; 4] {
    let Records { read, kept, merged, dropped } = read(bytes).records;
    [read, kept, merged, dropped.values().sum()]
}

/// One line a finding: severity, rule, path, line, title.
fn lines(bytes: &[u8]) -> String {
    let line = |finding: &Finding| {
        let (path, line) = (finding.location.path.as_deref().unwrap_or_default(), finding.location.line.unwrap_or(0));
        format!("{:?} {} {path}:{line} {}", finding.severity, finding.rule_id, finding.title)
    };
    read(bytes).findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_real_scan_is_read() {
    insta::assert_snapshot!(lines(sample!("ran-fs.json")), @r#"
    Medium DS-0001 Dockerfile:1 ':latest' tag used
    High DS-0002 Dockerfile:4 Image user should not be 'root'
    Low DS-0005 Dockerfile:3 ADD instead of COPY
    High DS-0021 Dockerfile:2 'apt-get' missing '-y' to avoid manual input
    High AWS-0086 main.tf:1 S3 Access block should block public ACL
    High AWS-0087 main.tf:1 S3 Access block should block public policy
    Low AWS-0089 main.tf:1 S3 Bucket Logging
    Medium AWS-0090 main.tf:1 S3 Data should be versioned
    Critical aws-access-key-id config.txt:1 AWS Access Key ID
    High slack-access-token config.txt:2 Slack token
    Low MIT package-lock.json:0 Licence MIT in lodash
    "#);
    assert_eq!(counts(sample!("ran-fs.json")), [11, 11, 0, 0]);
    assert_eq!(super::read(sample!("ran-fs.json"), &upload()).engine_version.as_deref(), Some("0.76.0"));
}

#[test]
fn every_kind_of_finding_is_read() {
    insta::assert_snapshot!(lines(sample!("synthetic.json")), @r#"
    High CVE-2021-23337 package-lock.json:0 lodash: command injection via template
    High DS-0002 Dockerfile:1 Image user should not be 'root'
    Critical github-pat config.env:3 GitHub Personal Access Token
    High GPL-2.0 OS Packages:0 Licence GPL-2.0 in alpine-baselayout
    "#);
    insta::assert_json_snapshot!(read(sample!("synthetic.json")).findings[0], @r#"
    {
      "fingerprint": "sy1:f8156008ae616d62b154101f8cce8565337c1043418bc17f8660c019a7880db7",
      "engine": "trivy",
      "ruleId": "CVE-2021-23337",
      "title": "lodash: command injection via template",
      "severity": "high",
      "confidence": "high",
      "location": {
        "path": "package-lock.json",
        "package": "lodash",
        "version": "4.17.20",
        "fixedVersion": "4.17.21"
      },
      "evidence": "lodash 4.17.20 is installed; 4.17.21 has the fix",
      "cve": [
        "CVE-2021-23337"
      ],
      "cwe": [
        "CWE-94"
      ],
      "cvss": {
        "score": 7.2,
        "vector": "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H",
        "version": "3.1"
      },
      "remediation": "Upgrade lodash to 4.17.21.",
      "references": [
        "https://avd.aquasec.com/nvd/cve-2021-23337",
        "https://example.test/ref"
      ]
    }
    "#);
}

#[test]
fn nothing_of_a_secret_or_of_a_terminal_is_left() {
    let report = sample!("ran-fs.json");
    let is_starred = |text: &str| text.contains("123456789012-abcdefghijklmnopqrstuvwx");
    assert!(is_starred(std::str::from_utf8(report).unwrap()), "trivy stars a part only");
    let findings = serde_json::to_string(&read(report).findings).unwrap();
    assert!(!is_starred(&findings) && !findings.contains("\\u001b") && !findings.contains("[38;5"), "{findings}");
    let raw = String::from_utf8(super::redact::report(report.to_vec())).unwrap();
    assert!(!is_starred(&raw) && !raw.contains("[38;5"), "{raw}");
    assert_eq!(lines(raw.as_bytes()), lines(report), "what is not secret stays");
}

#[test]
fn the_same_files_have_the_same_fingerprints_in_every_upload() {
    let other = Target::artifact("upload:upl-019a0000-0000-7000-8000-000000000002").unwrap();
    let fingerprints = |target: &Target, report: &[u8]| {
        let findings = super::read(report, target).collected.findings;
        findings.into_iter().map(|finding| finding.fingerprint).collect::<Vec<_>>()
    };
    let report = sample!("ran-fs.json");
    assert_eq!(fingerprints(&upload(), report), fingerprints(&other, report));
    let old = String::from_utf8(report.to_vec()).unwrap().replace("\"DS-0001\"", "\"DS001\"");
    assert_eq!(fingerprints(&upload(), report), fingerprints(&upload(), old.as_bytes()));
    let image = |text: &str| fingerprints(&Target::artifact(text).unwrap(), report);
    assert_eq!(image("registry.example.test/app:1.0"), image("registry.example.test/app:1.1"));
    assert_ne!(image("registry.example.test/app:1.0"), image("registry.example.test/other:1.0"));
}

#[test]
fn an_empty_report_is_one() {
    for report in [sample!("ran-empty.json"), sample!("synthetic-empty.json")] {
        assert_eq!(super::read(report, &upload()).fault, None);
        assert_eq!(counts(report), [0; 4]);
    }
    let nulls = br#"{"SchemaVersion": 2, "Results": [{"Target": "x", "Secrets": null, "Vulnerabilities": null}]}"#;
    assert_eq!(super::read(nulls, &upload()).fault, None);
}

#[test]
fn what_is_no_report_is_told() {
    let reason = |bytes: &[u8]| super::read(bytes, &upload()).fault.map(|(reason, _)| reason);
    let whole = sample!("ran-fs.json");
    for report in [b"".as_slice(), b"{}", b"[]", b"<xml/>", br#"{"SchemaVersion": 3}"#, &whole[..whole.len() / 2]] {
        assert_eq!(reason(report), Some(FailureReason::ReportUnreadable), "{}", String::from_utf8_lossy(report));
    }
}

#[test]
fn a_record_that_cannot_be_read_costs_no_other() {
    let report = br#"{"SchemaVersion": 2, "Results": [{"Target": "x", "Secrets": [{"RuleID": 7}, {"RuleID": "a"}],
        "Misconfigurations": [{"ID": "DS-0001", "Status": "PASS"}, {"ID": "DS-0002", "Status": "FAIL"}]}]}"#;
    assert_eq!(counts(report), [4, 2, 0, 2]);
}

#[test]
fn a_report_of_which_nothing_can_be_read_is_no_clean_scan() {
    let report = |secrets: &str| {
        let checks = r#"[{"ID": "DS-0001", "Status": "PASS"}]"#;
        let report = format!(
            r#"{{"SchemaVersion": 2, "Results": [{{"Target": "x", "Secrets": [{secrets}], "Misconfigurations": {checks}}}]}}"#
        );
        super::read(report.as_bytes(), &upload())
    };
    let parsed = report(r#"{"RuleID": "a", "StartLine": "9"}"#);
    let message = "of 2 records of trivy's report none is a finding, and 1 cannot be read";
    assert_eq!(parsed.fault, Some((FailureReason::ReportUnreadable, message.to_string())));
    assert_eq!(parsed.coverage.reached, 0);
    assert_eq!(report(r#"{"RuleID": "a"}"#).fault, None);
    assert_eq!(report("").fault, None, "what did not fail is a clean scan");
}

fn judge(report: &[u8], log: &[u8], code: i32) -> Outcome {
    let run = Run { ended: Ended::ByItself, exit: Exit::Code(code), last_lines: Vec::new() };
    let mut read = Log::default();
    // In two pieces, as pipes give it.
    read.read(&log[..log.len() / 2]);
    read.read(&log[log.len() / 2..]);
    verdict::outcome(&run, read.end().complaint, super::read(report, &upload()).fault)
}

fn failure(report: &[u8], log: &[u8], code: i32) -> (FailureReason, String) {
    match judge(report, log, code) {
        Outcome::Failed(failure) => (failure.reason, failure.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scan_is_judged_by_its_log_too() {
    let report = sample!("ran-fs.json");
    assert_eq!(judge(report, sample!("ran-fs.stderr"), 0), Outcome::Completed);
    let (reason, message) = failure(b"", sample!("ran-vuln-no-db.stderr"), 1);
    assert_eq!(reason, FailureReason::EngineFailed);
    assert!(message.contains("engines.trivy.cache_dir"), "{message}");
    let (reason, message) = failure(b"", sample!("ran-missing.stderr"), 1);
    assert_eq!(reason, FailureReason::EngineFailed);
    assert!(message.contains("no such file or directory"), "{message}");
    assert_eq!(failure(b"", sample!("ran-image-down.stderr"), 1).0, FailureReason::TargetUnreachable);
    let error = b"2026-11-21T08:07:04Z\tERROR\t[secret] something broke\n";
    assert_eq!(failure(report, error, 0).0, FailureReason::EngineFailed, "an error beside exit 0");
    let passed_over = b"2026-11-22T15:20:16Z\tDEBUG\tWalk error\tfile_path=\"Cargo.lock\" err=\"parse error\"\n";
    let (reason, message) = failure(report, passed_over, 0);
    assert_eq!(reason, FailureReason::EngineFailed);
    assert!(message.contains("Cargo.lock") && message.contains("skipDirs"), "{message}");
    let causes =
        b"2026-11-22T15:20:16Z\tFATAL\tFatal error\n  - run error:\n    github.com/aquasecurity/trivy.run\n        \
        /home/run.go:431\n  - database error:\n    github.com/aquasecurity/trivy.load\n        /home/load.go:1\n";
    assert_eq!(failure(b"", causes, 1).1, "trivy: run error: database error:");
    let debug = b"2026-11-22T15:20:16Z\tDEBUG\t[vex] VEX filtering is disabled\n";
    assert_eq!(judge(report, debug, 0), Outcome::Completed);
    assert_eq!(failure(b"", b"", 0).0, FailureReason::ReportUnreadable);
    assert_eq!(failure(report, b"", 1).0, FailureReason::EngineFailed);
}

proptest! {
    #[test]
    fn a_damaged_report_never_panics(sample in 0..SAMPLES.len(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = SAMPLES[sample].to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let [read, kept, merged, dropped] = counts(&bytes);
        prop_assert_eq!(read, kept + merged + dropped);
        super::redact::report(bytes);
    }

    #[test]
    fn a_cut_report_never_panics(sample in 0..SAMPLES.len(), at in any::<prop::sample::Index>()) {
        let bytes = SAMPLES[sample].trim_ascii_end();
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(super::read(cut, &upload()).fault.is_some());
    }

    #[test]
    fn arbitrary_json_never_panics(text in "[\\[\\]{}:,\"a-zA-Z0-9]{0,80}") {
        super::read(text.as_bytes(), &upload());
        super::redact::report(text.into_bytes());
    }
}
