//! The parser and the verdict on what real runs wrote.

use super::options::Options;
use super::read;
use super::watch::Watch;
use crate::Target;
use proptest::prelude::*;
use scanyard_contract::finding::{Confidence, Severity};
use scanyard_contract::scan::FailureReason;

const ONE: &[u8] = include_bytes!("../../tests/samples/sqlmap/one.json");
const SEVERAL: &[u8] = include_bytes!("../../tests/samples/sqlmap/several.json");
const EMPTY: &[u8] = include_bytes!("../../tests/samples/sqlmap/empty.json");
const OLD: &[u8] = include_bytes!("../../tests/samples/sqlmap/old.log");

fn target() -> Target {
    Target::parse("http://127.0.0.1:8081/item?id=1").unwrap()
}

#[test]
fn one_injection_is_one_finding_in_both_forms() {
    let (new, old) = (read(ONE, &target()), read(OLD, &target()));
    assert_eq!((&new.fault, &old.fault), (&None, &None));
    assert_eq!(new.engine_version.as_deref(), Some("1.10.10"));
    let ([a], [b]) = (new.collected.findings.as_slice(), old.collected.findings.as_slice()) else {
        panic!("{new:?} {old:?}")
    };
    assert_eq!(a.fingerprint, b.fingerprint, "the two forms tell of the same fault");
    assert_eq!((&a.title, &b.title), (&"SQL injection in GET parameter id (SQLite)".to_string(), &a.title));
    assert_eq!((a.severity, a.confidence), (Severity::High, Confidence::Confirmed));
    assert_eq!(a.location.url.as_deref(), Some("http://127.0.0.1:8081/item"));
    assert!(a.evidence.as_deref().unwrap().contains("id=1 AND 5730=5730"));
    assert!(b.evidence.as_deref().unwrap().contains("UNION query"));
}

#[test]
fn several_targets_are_several_findings() {
    let parsed = read(SEVERAL, &Target::parse("http://127.0.0.1:8081/").unwrap());
    let found: Vec<_> = parsed.collected.findings.iter().map(|finding| finding.title.as_str()).collect();
    assert_eq!(found, ["SQL injection in POST parameter user (SQLite)", "SQL injection in GET parameter id (SQLite)"]);
    assert_eq!(parsed.coverage.reached, 1);
}

#[test]
fn another_host_is_outside_the_target() {
    let parsed = read(ONE, &Target::parse("http://127.0.0.1:9999/").unwrap());
    assert_eq!(parsed.collected.records.dropped["outside the target"], 1);
}

#[test]
fn a_report_that_proves_nothing_is_unreadable() {
    for report in [EMPTY, b"", b"{}", b"{\"success\": tr", b"<xml/>", b"a log of something else"] {
        assert_eq!(read(report, &target()).fault.unwrap().0, FailureReason::ReportUnreadable);
    }
}

#[test]
fn points_beyond_the_most_are_counted() {
    let log = format!("following injection point(s)\n{}", "Parameter: id (GET)\n".repeat(10_050));
    let point = r#"{"place":"GET","parameter":"id"}"#;
    let points = vec![point; 10_050].join(",");
    let json = format!(r#"{{"success":true,"data":[{{"type_name":"TECHNIQUES","value":[{points}]}}]}}"#);
    for report in [log, json] {
        let records = read(report.as_bytes(), &target()).collected.records;
        assert_eq!((records.read, records.dropped["too many injection points"]), (10_050, 50));
    }
}

fn verdict(stdout: &str, options: Options) -> (Option<FailureReason>, bool, Vec<u8>) {
    let mut watch = Watch::new(&options, &target());
    let percents: Vec<u8> = stdout.lines().filter_map(|line| watch.line(line)).collect();
    (watch.fault(&target()).map(|(reason, _)| reason), watch.is_reached, percents)
}

#[test]
fn the_lines_tell_a_clean_target_from_a_dead_one() {
    for (stdout, reason, is_reached) in [
        (include_str!("../../tests/samples/sqlmap/one.stdout"), None, true),
        (include_str!("../../tests/samples/sqlmap/several.stdout"), None, true),
        (include_str!("../../tests/samples/sqlmap/clean.stdout"), None, true),
        (include_str!("../../tests/samples/sqlmap/down.stdout"), Some(FailureReason::TargetUnreachable), false),
        (include_str!("../../tests/samples/sqlmap/unresolvable.stdout"), Some(FailureReason::ResolutionFailed), false),
        (include_str!("../../tests/samples/sqlmap/noparam.stdout"), Some(FailureReason::EngineFailed), true),
        (include_str!("../../tests/samples/sqlmap/http401.stdout"), Some(FailureReason::EngineFailed), true),
        (include_str!("../../tests/samples/sqlmap/time-limit.stdout"), Some(FailureReason::EngineFailed), true),
        (include_str!("../../tests/samples/sqlmap/http403.stdout"), Some(FailureReason::EngineFailed), true),
        (include_str!("../../tests/samples/sqlmap/http403-old.stdout"), Some(FailureReason::EngineFailed), true),
        (include_str!("../../tests/samples/sqlmap/firewall.stdout"), Some(FailureReason::EngineFailed), true),
        (include_str!("../../tests/samples/sqlmap/http404.stdout"), Some(FailureReason::EngineFailed), true),
        (include_str!("../../tests/samples/sqlmap/noform.stdout"), Some(FailureReason::EngineFailed), true),
        (include_str!("../../tests/samples/sqlmap/notthere.stdout"), Some(FailureReason::EngineFailed), false),
        (include_str!("../../tests/samples/sqlmap/notthere-old.stdout"), Some(FailureReason::EngineFailed), false),
        ("", Some(FailureReason::TargetUnreachable), false),
    ] {
        let (found, reached, _) = verdict(stdout, Options::default());
        assert_eq!((found, reached), (reason, is_reached), "{stdout}");
    }
}

#[test]
fn requests_that_were_refused_are_no_test() {
    let fault = |stdout: &str| {
        let mut watch = Watch::new(&Options::default(), &target());
        stdout.lines().for_each(|line| _ = watch.line(line));
        watch.fault(&target()).map(|(_, message)| message)
    };
    let refused = include_str!("../../tests/samples/sqlmap/http403.stdout");
    let message = fault(refused).unwrap();
    let begin =
        "http://127.0.0.1:8081/item?id=1 refused sqlmap's requests: 403 (Forbidden) - 47 times; let them through";
    assert!(message.starts_with(begin), "{message}");
    let codes = |codes: &str| fault(&refused.replace("403 (Forbidden) - 47 times", codes)).is_some();
    assert!(codes("404 (Not Found) - 9 times, 429 (Too Many Requests) - 40 times"));
    assert!(
        !codes("403 (Forbidden) - 2 times, 500 (Internal Server Error) - 40 times"),
        "a firewall that knows two tests"
    );
    assert!(!codes("404 (Not Found) - 46 times"), "an application without such an item");
    // One page of a crawl that is tested is enough, before or after one that refuses.
    let clean = include_str!("../../tests/samples/sqlmap/clean.stdout");
    assert_eq!((fault(&format!("{refused}\n{clean}")), fault(&format!("{clean}\n{refused}"))), (None, None));
}

#[test]
fn progress_follows_the_tests() {
    let (_, _, percents) = verdict(include_str!("../../tests/samples/sqlmap/clean.stdout"), Options::default());
    assert_eq!((percents.first(), percents.last()), (Some(&6), Some(&95)));
    let crawl = Options { crawl: 1, ..Options::default() };
    let (_, _, percents) = verdict(include_str!("../../tests/samples/sqlmap/several.stdout"), crawl);
    assert!(percents.contains(&0) && percents.iter().all(|percent| *percent <= 95), "{percents:?}");
}

proptest! {
    #[test]
    fn no_report_makes_the_parser_panic_and_records_add_up(
        at in 0..ONE.len(), bytes in proptest::collection::vec(any::<u8>(), 0..40), is_log in any::<bool>()
    ) {
        let mut report = if is_log { OLD.to_vec() } else { ONE.to_vec() };
        let at = at.min(report.len());
        let end = (at + bytes.len()).min(report.len());
        report.splice(at..end, bytes);
        let records = read(&report, &target()).collected.records;
        prop_assert_eq!(records.read, records.kept + records.merged + records.dropped.values().sum::<u64>());
    }

    #[test]
    fn no_line_makes_the_watch_panic(lines in proptest::collection::vec("(\\[[0-9]{0,12}/[0-9]{0,12}\\] URL|\\[CRITICAL\\] \\PC{0,9}|\\PC{0,30})", 0..20)) {
        let (_, _, percents) = verdict(&lines.join("\n"), Options::default());
        prop_assert!(percents.iter().all(|percent| *percent <= 95));
    }
}
