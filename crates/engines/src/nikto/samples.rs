//! The parser on whole reports, whole and cut.

use super::read;
use crate::Target;
use crate::collected::Collected;
use proptest::prelude::*;
use scanyard_contract::finding::{Confidence, Severity};
use scanyard_contract::scan::FailureReason;

const OLD: &[u8] = include_bytes!("../../tests/samples/nikto/old.xml");
const NEW: &[u8] = include_bytes!("../../tests/samples/nikto/new.xml");
const DOWN_OLD: &[u8] = include_bytes!("../../tests/samples/nikto/down-old.xml");
const DOWN_NEW: &[u8] = include_bytes!("../../tests/samples/nikto/down-new.xml");

fn target(url: &str) -> Target {
    Target::parse(url).unwrap()
}

fn lines(collected: &Collected) -> Vec<String> {
    let line = |finding: &scanyard_contract::Finding| {
        format!("{} {} {:?} {}", finding.rule_id, finding.severity.as_str(), finding.confidence, finding.title)
    };
    collected.findings.iter().map(line).collect()
}

#[test]
fn a_report_of_the_old_nikto_is_read() {
    let parsed = read(OLD, &target("http://127.0.0.1:8080/"));
    assert_eq!(parsed.fault, None);
    assert_eq!(parsed.engine_version.as_deref(), Some("2.1.5"));
    assert_eq!(parsed.coverage.reached, 1);
    insta::assert_debug_snapshot!(lines(&parsed.collected), @r#"
    [
        "999960 low Medium Cookie sid lacks the httponly mark",
        "999960 low Medium Cookie theme lacks the httponly mark",
        "750000 medium Medium A listing of a directory",
        "600001 medium Low Example/1.0 appears to be old",
    ]
    "#);
    let records = parsed.collected.records;
    assert_eq!((records.read, records.kept, records.merged), (5, 4, 1));
}

#[test]
fn a_report_of_the_new_nikto_is_read() {
    let parsed = read(NEW, &target("https://app.example.test/"));
    assert_eq!(parsed.fault, None);
    assert_eq!(parsed.engine_version.as_deref(), Some("2.6.1"));
    let [first, second, third] = parsed.collected.findings.as_slice() else { panic!("{:?}", parsed.collected) };
    assert_ne!(first.fingerprint, second.fingerprint);
    assert_eq!(first.references, ["https://headers.example.test/referrer-policy"]);
    assert_eq!((third.severity, third.confidence), (Severity::Medium, Confidence::Medium));
    assert_eq!(
        (third.cve.as_slice(), third.cwe.as_slice()),
        (["CVE-2014-6271".into()].as_slice(), ["CWE-78".into()].as_slice())
    );
    assert_eq!(third.location.url.as_deref(), Some("https://app.example.test/old.cgi?a=b"));
}

#[test]
fn nobody_at_the_target_is_no_clean_scan() {
    for report in [DOWN_OLD, DOWN_NEW] {
        let parsed = read(report, &target("http://127.0.0.1:9/"));
        assert_eq!(parsed.fault.unwrap().0, FailureReason::TargetUnreachable);
        assert_eq!(parsed.coverage.reached, 0);
        assert!(parsed.collected.findings.is_empty());
    }
}

#[test]
fn what_is_no_report_or_has_no_end_is_unreadable() {
    let cut = &OLD[..OLD.len() - 120];
    for report in [&b""[..], b"<nmaprun/>", b"[]", b"\xff\x00<", cut] {
        let parsed = read(report, &target("http://127.0.0.1:8080/"));
        assert_eq!(parsed.fault.unwrap().0, FailureReason::ReportUnreadable);
    }
    assert_eq!(read(cut, &target("http://127.0.0.1:8080/")).collected.findings.len(), 4, "what it holds counts");
}

#[test]
fn items_beyond_the_most_are_counted() {
    let items = "<item id='1'><description>a</description><uri>/</uri></item>".repeat(200_050);
    let report = format!(
        "<niktoscan><scandetails sitename='http://127.0.0.1:8080/'>{items}<statistics/></scandetails></niktoscan>"
    );
    let records = read(report.as_bytes(), &target("http://127.0.0.1:8080/")).collected.records;
    assert_eq!((records.read, records.dropped["too many items"]), (200_050, 50));
}

proptest! {
    #[test]
    fn no_report_makes_the_parser_panic_and_records_add_up(
        at in 0..OLD.len(), bytes in proptest::collection::vec(any::<u8>(), 0..40)
    ) {
        let mut report = OLD.to_vec();
        report.splice(at..(at + bytes.len()).min(OLD.len()), bytes);
        let records = read(&report, &target("http://127.0.0.1:8080/")).collected.records;
        prop_assert_eq!(records.read, records.kept + records.merged + records.dropped.values().sum::<u64>());
    }
}
