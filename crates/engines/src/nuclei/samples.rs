//! Reports that nuclei could have written, read from beginning to end.

use super::report;
use crate::Target;
use crate::job::Parsed;
use crate::subject::Subject;
use proptest::prelude::*;
use scanyard_contract::finding::{Confidence, Cvss, Severity};
use scanyard_contract::scan::FailureReason;

const SAMPLE: &[u8] = include_bytes!("../../tests/samples/nuclei/synthetic.jsonl");

fn target() -> Target {
    Target::parse("http://127.0.0.1:8081/").unwrap()
}

fn read(report: &[u8], target: &Target) -> Parsed {
    super::import(report, &mut Subject::new(target))
}

fn fault(report: &[u8]) -> Option<FailureReason> {
    read(report, &target()).fault.map(|(reason, _)| reason)
}

#[test]
fn the_sample_is_two_findings_one_of_another_host_and_a_template_that_did_not_match() {
    let Parsed { collected, coverage, fault, .. } = read(SAMPLE, &target());
    assert_eq!((fault, coverage.reached), (None, 1));
    let records = &collected.records;
    assert_eq!((records.read, records.kept, records.merged), (4, 2, 0));
    assert_eq!((records.dropped["did not match"], records.dropped["outside the target"]), (1, 1));
    let [git, log4j] = collected.findings.as_slice() else { panic!("{:?}", collected.findings) };

    assert_eq!((git.rule_id.as_str(), git.title.as_str()), ("git-config", "Git Configuration - Detect"));
    assert_eq!((git.severity, git.confidence), (Severity::Medium, Confidence::High));
    assert_eq!(git.location.url.as_deref(), Some("http://127.0.0.1:8081/.git/config"));
    assert_eq!((git.location.port, git.location.path.as_deref()), (Some(8081), Some("/.git/config")));
    assert_eq!(git.cwe, ["CWE-200"]);
    assert_eq!(git.remediation.as_deref(), Some("Deny access to /.git."));
    let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N".to_string();
    assert_eq!(git.cvss, Some(Cvss { score: 5.3, vector: Some(vector), version: Some("3.1".into()) }));

    assert_eq!(log4j.title, "Apache Log4j2 Remote Code Injection (word-1)");
    assert_eq!((log4j.cve.as_slice(), log4j.epss), (&["CVE-2021-44228".to_string()][..], Some(0.97559)));
    assert_eq!((log4j.location.parameter.as_deref(), log4j.evidence.as_deref()), (Some("q"), Some("abc")));
}

#[test]
fn what_dns_says_of_a_domain_above_is_of_the_target_too() {
    let findings = read(SAMPLE, &Target::parse("http://app.example.test/").unwrap()).collected.findings;
    let [caa] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((caa.severity, caa.location.host.as_deref()), (Severity::Info, Some("example.test")));
}

#[test]
fn a_line_is_of_the_target_by_what_nuclei_was_pointed_at() {
    let kept = |line: &str| read(line.as_bytes(), &target()).collected.records.kept == 1;
    for (fields, is_ours) in [
        (
            r#""type":"http","url":"http://127.0.0.1:8081/a","host":"127.0.0.1","matched-at":"http://127.0.0.1:9000/b""#,
            true,
        ),
        (r#""type":"http","url":"http://127.0.0.1:9000/","host":"127.0.0.1""#, false),
        (r#""type":"http","host":"http://127.0.0.1:8081""#, true),
        (r#""type":"http","host":"127.0.0.1:9000""#, false),
        (r#""type":"tcp","host":"127.0.0.1:6379""#, true),
        (r#""type":"ssl","host":"127.0.0.2:8081""#, false),
        (r#""type":"dns","host":"a.example.test""#, false),
        (r#""type":"http""#, true),
    ] {
        let line = format!(r#"{{"template-id":"a",{fields}}}"#) + "\n";
        assert_eq!(kept(&line), is_ours, "{fields}");
    }
}

#[test]
fn the_same_report_twice_has_the_same_fingerprints() {
    let prints = |report: &[u8]| {
        let findings = read(report, &target()).collected.findings;
        findings.into_iter().map(|finding| finding.fingerprint).collect::<Vec<_>>()
    };
    assert_eq!(prints(SAMPLE), prints(SAMPLE));
    let twice = read(&[SAMPLE, SAMPLE].concat(), &target()).collected.records;
    assert_eq!((twice.kept, twice.merged), (2, 2));
}

#[test]
fn a_line_that_cannot_be_read_is_counted_and_the_rest_stands() {
    let report = [b"{\"template-id\":7}\n[]\n\xff\n\n", SAMPLE].concat();
    let parsed = read(&report, &target());
    assert_eq!(parsed.fault, None);
    assert_eq!((parsed.collected.records.kept, parsed.collected.records.dropped["malformed line"]), (2, 3));
}

#[test]
fn what_is_no_report_of_nuclei_is_a_fault() {
    let unreadable = Some(FailureReason::ReportUnreadable);
    assert_eq!(fault(b""), unreadable);
    assert_eq!(fault(b"\n \n"), unreadable);
    assert_eq!(fault(b"<?xml version=\"1.0\"?>\n<nmaprun/>\n"), unreadable);
    assert_eq!(fault(b"[{\"template-id\":\"a\"}]\n"), unreadable);
    assert_eq!(fault(&SAMPLE[..SAMPLE.len() - 20]), unreadable, "cut in its last line");
    let cut = read(&SAMPLE[..1200], &target());
    assert_eq!((cut.fault.map(|fault| fault.0), cut.collected.records.kept), (unreadable, 1), "what it holds counts");
}

proptest! {
    #[test]
    fn no_bytes_end_the_reader_and_every_record_is_accounted_for(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        lines in proptest::collection::vec("\\{\"template-id\":\"[a-b]\",\"(info|port|matched-at|x)\":(null|1|\"http://a:b\"|\\[\\]|\\{\"name\":\\[1\\]\\})\\}?", 0..9),
        cut in 0..SAMPLE.len()
    ) {
        for report in [&bytes[..], lines.join("\n").as_bytes(), &SAMPLE[..cut]] {
            let records = report::lines(report, &target(), |_| true).collected.records;
            prop_assert_eq!(records.read, records.kept + records.merged + records.dropped.values().sum::<u64>());
        }
    }
}
