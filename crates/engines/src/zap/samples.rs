//! The parser on whole reports, whole and cut.

use super::{percent, read};
use crate::Target;
use proptest::prelude::*;
use scanyard_contract::finding::{Confidence, Severity};
use scanyard_contract::scan::FailureReason;

const REPORT: &[u8] = include_bytes!("../../tests/samples/zap/report.json");
const DOWN: &[u8] = include_bytes!("../../tests/samples/zap/down.json");

fn target() -> Target {
    Target::parse("http://127.0.0.1:8081/").unwrap()
}

#[test]
fn each_place_is_a_finding_and_what_is_everywhere_is_one() {
    let parsed = read(REPORT, &target());
    assert_eq!((parsed.fault, parsed.engine_version.as_deref()), (None, Some("2.17.0")));
    let [item, login, policy] = parsed.collected.findings.as_slice() else { panic!("{:?}", parsed.collected) };
    assert_eq!((item.rule_id.as_str(), item.severity, item.confidence), ("40018", Severity::High, Confidence::Medium));
    assert_eq!((item.location.path.as_deref(), item.location.parameter.as_deref()), (Some("/item"), Some("id")));
    assert_eq!(item.evidence.as_deref(), Some("attack: 1'\nevidence: sqlite3.OperationalError"));
    assert_eq!(item.remediation.as_deref(), Some("Use parameterised queries."));
    assert_eq!(item.references, ["https://cheatsheetseries.owasp.org/a", "https://cheatsheetseries.owasp.org/b"]);
    assert_eq!(
        (item.cwe.as_slice(), login.location.method.as_deref()),
        (["CWE-89".to_string()].as_slice(), Some("POST"))
    );
    assert_eq!((policy.rule_id.as_str(), policy.confidence), ("10038-1", Confidence::High));
    assert_eq!(parsed.collected.records.dropped["marked as a false positive"], 1);
}

#[test]
fn each_place_of_what_is_everywhere_is_a_record() {
    let instance = |page: u8| format!(r#"{{"uri":"http://127.0.0.1:8081/{page}","method":"GET","param":"{page}"}}"#);
    let instances: Vec<String> = (0..5).map(instance).collect();
    let alert = format!(r#"{{"pluginid":"1","confidence":"2","systemic":true,"instances":[{}]}}"#, instances.join(","));
    let report = format!(r#"{{"@programName":"ZAP","site":[{{"@name":"http://127.0.0.1:8081","alerts":[{alert}]}}]}}"#);
    let records = read(report.as_bytes(), &target()).collected.records;
    assert_eq!((records.read, records.kept, records.merged), (5, 1, 4));
}

#[test]
fn a_report_without_the_target_is_a_dead_target() {
    for (report, target) in [(DOWN, target()), (REPORT, Target::parse("http://127.0.0.1:9/").unwrap())] {
        let parsed = read(report, &target);
        assert_eq!(parsed.fault.unwrap().0, FailureReason::TargetUnreachable);
        assert_eq!((parsed.coverage.reached, parsed.collected.records.kept), (0, 0));
    }
}

#[test]
fn what_is_no_report_is_unreadable() {
    for report in [&b""[..], b"{}", b"{\"site\": []}", b"<OWASPZAPReport/>", &REPORT[..REPORT.len() / 2]] {
        assert_eq!(read(report, &target()).fault.unwrap().0, FailureReason::ReportUnreadable);
    }
}

#[test]
fn progress_follows_the_jobs() {
    for (line, expected) in [
        ("Job spider started", Some(0)),
        ("Job spider finished, time taken: 00:00:01", Some(23)),
        ("Job activeScan started", Some(47)),
        ("Job report finished", Some(95)),
        ("Job elsewhere started", None),
        ("Automation plan succeeded!", None),
    ] {
        assert_eq!(percent(line), expected, "{line}");
    }
}

proptest! {
    #[test]
    fn no_report_makes_the_parser_panic_and_records_add_up(
        at in 0..REPORT.len(), bytes in proptest::collection::vec(any::<u8>(), 0..10)
    ) {
        let mut report = REPORT.to_vec();
        report.splice(at..(at + bytes.len()).min(REPORT.len()), bytes);
        let records = read(&report, &target()).collected.records;
        prop_assert_eq!(records.read, records.kept + records.merged + records.dropped.values().sum::<u64>());
    }
}
