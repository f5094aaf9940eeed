//! The parser and the verdict on what real runs wrote.

use super::read;
use super::watch::Watch;
use crate::Target;
use crate::collected::Collected;
use proptest::prelude::*;
use scanyard_contract::finding::{Confidence, Severity};
use scanyard_contract::scan::FailureReason;

const PASSIVE: &[u8] = include_bytes!("../../tests/samples/wapiti/passive.json");
const ACTIVE: &[u8] = include_bytes!("../../tests/samples/wapiti/active.json");
const TLS: &[u8] = include_bytes!("../../tests/samples/wapiti/tls.json");
const OLD: &[u8] = include_bytes!("../../tests/samples/wapiti/old.json");
const BAD_MODULE: &[u8] = include_bytes!("../../tests/samples/wapiti/badmodule.json");
const DOWN: &[u8] = include_bytes!("../../tests/samples/wapiti/down.json");

fn target() -> Target {
    Target::parse("http://127.0.0.1:8081/").unwrap()
}

fn lines(collected: &Collected) -> Vec<String> {
    let line = |finding: &scanyard_contract::Finding| {
        let path = finding.location.path.as_deref().unwrap_or_default();
        format!("{} {} {path} {} {}", finding.severity.as_str(), finding.rule_id, finding.title, finding.cwe.join(" "))
    };
    collected.findings.iter().map(line).collect()
}

#[test]
fn a_passive_report_is_read() {
    let parsed = read(PASSIVE, &target());
    assert_eq!((parsed.fault, parsed.engine_version.as_deref()), (None, Some("3.2.3")));
    assert_eq!(parsed.coverage.reached, 1);
    insta::assert_debug_snapshot!(lines(&parsed.collected), @r#"
    [
        "low clickjacking-protection / Clickjacking Protection: X-Frame-Options is not set CWE-1021",
        "low content-security-policy-configuration / Content Security Policy Configuration: CSP is not set CWE-693",
        "medium cross-site-request-forgery /login Cross Site Request Forgery: Lack of anti CSRF token CWE-352",
        "low httponly-flag-cookie / HttpOnly Flag cookie: HttpOnly flag is not set in the cookie : sid CWE-1004",
        "low httponly-flag-cookie / HttpOnly Flag cookie: HttpOnly flag is not set in the cookie : session CWE-1004",
        "low mime-type-confusion / MIME Type Confusion: X-Content-Type-Options is not set CWE-693",
        "low secure-flag-cookie / Secure Flag cookie: Secure flag is not set in the cookie : sid CWE-614",
        "low secure-flag-cookie / Secure Flag cookie: Secure flag is not set in the cookie : session CWE-614",
        "low unencrypted-channels / Unencrypted Channels: No HTTPS redirection CWE-319",
        "info http-methods / HTTP Methods: HTTP TRACE method is allowed on the webserver ",
        "info http-methods / HTTP Methods: Possible interesting methods (using OPTIONS) on http://127.0.0.1:8081/: DELETE (501) OPTIONS (200) POST (404) PUT (501) TRACE (200) ",
    ]
    "#);
    assert!(
        parsed
            .collected
            .findings
            .iter()
            .all(|finding| finding.remediation.is_some() || finding.severity == Severity::Info)
    );
}

#[test]
fn an_active_report_is_read_and_one_parameter_is_one_finding() {
    let parsed = read(ACTIVE, &target());
    assert_eq!(parsed.fault, None);
    insta::assert_debug_snapshot!(lines(&parsed.collected), @r#"
    [
        "low backup-file /backup.zip Backup file http://127.0.0.1:8081/backup.zip found for http://127.0.0.1:8081/ CWE-530",
        "low crlf-injection /redirect CRLF Injection via injection in the parameter url CWE-93",
        "low open-redirect /redirect Open Redirect via injection in the parameter url CWE-601",
        "critical path-traversal /view Path Traversal: Linux local file disclosure vulnerability via injection in the parameter file CWE-22",
        "medium reflected-cross-site-scripting /search Reflected Cross Site Scripting vulnerability found via injection in the parameter q CWE-79",
        "medium reflected-cross-site-scripting /view Reflected Cross Site Scripting vulnerability found via injection in the parameter file CWE-79",
        "medium reflected-cross-site-scripting /login Reflected Cross Site Scripting vulnerability found via injection in the parameter user CWE-79",
        "critical sql-injection /item SQL Injection (DBMS: SQLite) via injection in the parameter id CWE-89",
        "critical sql-injection /login SQL Injection (DBMS: SQLite) via injection in the parameter user CWE-89",
        "critical sql-injection /login SQL Injection (DBMS: SQLite) via injection in the parameter pw CWE-89",
        "high internal-server-error /view Internal Server Error: The server responded with a 500 HTTP error code while attempting to inject a payload in the parameter file ",
        "high internal-server-error /item Internal Server Error: The server responded with a 500 HTTP error code while attempting to inject a payload in the parameter id ",
        "high internal-server-error /login Internal Server Error: The server responded with a 500 HTTP error code while attempting to inject a payload in the parameter user ",
        "high internal-server-error /item Internal Server Error: The server responded with a 500 HTTP error code while attempting to inject a payload in the parameter id ",
    ]
    "#);
    let injections: Vec<_> =
        parsed.collected.findings.iter().filter(|finding| finding.rule_id == "sql-injection").collect();
    assert_eq!(injections.len(), 3);
    assert!(injections.iter().all(|finding| finding.confidence == Confidence::High));
}

#[test]
fn evidence_has_the_request_and_not_its_cookies() {
    let parsed = read(PASSIVE, &target());
    let evidence: Vec<&str> = parsed.collected.findings.iter().filter_map(|f| f.evidence.as_deref()).collect();
    assert!(evidence.iter().any(|text| text.contains("cookie: [redacted]")));
    assert!(evidence.iter().all(|text| !text.contains("session=")), "{evidence:?}");
}

#[test]
fn a_tls_report_keeps_its_faults_apart() {
    let parsed = read(TLS, &Target::parse("https://127.0.0.1:8443/").unwrap());
    let tls = parsed.collected.findings.iter().filter(|finding| finding.rule_id == "tls-ssl-misconfigurations");
    assert_eq!(tls.count(), 18);
    assert_eq!(parsed.collected.records.merged, 0);
}

#[test]
fn a_report_of_the_old_wapiti_is_read() {
    let parsed = read(OLD, &target());
    assert_eq!((parsed.fault, parsed.engine_version.as_deref()), (None, Some("3.0.4")));
    assert!(parsed.collected.findings.iter().any(|finding| finding.title.contains("X-Frame-Options is not set")));
}

#[test]
fn zero_pages_are_a_dead_target() {
    let parsed = read(DOWN, &Target::parse("http://127.0.0.1:65000/").unwrap());
    assert_eq!(parsed.fault.unwrap().0, FailureReason::TargetUnreachable);
    assert_eq!(parsed.coverage.reached, 0);
}

#[test]
fn a_report_without_findings_does_not_tell_whether_a_module_ran() {
    let parsed = read(BAD_MODULE, &target());
    let (reason, message) = parsed.fault.unwrap();
    assert_eq!(reason, FailureReason::ReportUnreadable);
    assert_eq!(message, "a report of wapiti without findings does not tell whether any of its modules ran");
    assert_eq!(parsed.coverage.reached, 1, "a page answered");
}

#[test]
fn a_report_of_another_site_is_outside_the_target() {
    let records = read(ACTIVE, &Target::parse("http://127.0.0.1:9/").unwrap()).collected.records;
    assert_eq!(records.kept, 0);
    assert_eq!(records.dropped["outside the target"], records.read);
}

#[test]
fn what_is_no_report_is_unreadable() {
    for report in
        [&b""[..], b"{}", b"[]", b"{\"infos\": {\"version\": \"Wapiti 3.2.3\"}}", &ACTIVE[..ACTIVE.len() / 2], b"<x/>"]
    {
        assert_eq!(read(report, &target()).fault.unwrap().0, FailureReason::ReportUnreadable);
    }
}

fn verdict(stdout: &str, modules: usize) -> (Option<FailureReason>, bool, Vec<u8>) {
    let mut watch = Watch::new(modules);
    let percents = stdout.lines().filter_map(|line| watch.line(line)).collect();
    (watch.fault(&target()).map(|(reason, _)| reason), watch.is_reached(), percents)
}

#[test]
fn the_lines_tell_what_the_report_does_not() {
    let (fault, is_reached, percents) = verdict(include_str!("../../tests/samples/wapiti/passive.stdout"), 7);
    assert_eq!((fault, is_reached), (None, true));
    assert_eq!(percents, [10, 10, 22, 35, 48, 60, 73, 86]);
    let (fault, ..) = verdict(include_str!("../../tests/samples/wapiti/badmodule.stdout"), 1);
    assert_eq!(fault, Some(FailureReason::EngineFailed));
    for (lines, reason) in [
        ("[*] Wapiti found 0 URLs and forms during the scan", FailureReason::TargetUnreachable),
        ("Max scan time was reached, stopping.", FailureReason::TimedOut),
        ("Max attack time was reached for module sql, stopping.", FailureReason::TimedOut),
        ("[*] Launching module csp\n7 requests were skipped due to network issues", FailureReason::TargetUnreachable),
    ] {
        assert_eq!(verdict(lines, 2).0, Some(reason), "{lines}");
    }
}

proptest! {
    #[test]
    fn no_report_makes_the_parser_panic_and_records_add_up(
        at in 0..ACTIVE.len(), bytes in proptest::collection::vec(any::<u8>(), 0..10)
    ) {
        let mut report = ACTIVE.to_vec();
        report.splice(at..(at + bytes.len()).min(ACTIVE.len()), bytes);
        let records = read(&report, &target()).collected.records;
        prop_assert_eq!(records.read, records.kept + records.merged + records.dropped.values().sum::<u64>());
    }

    #[test]
    fn no_line_makes_the_watch_panic(lines in proptest::collection::vec("(Wapiti found \\PC{0,5}|\\[\\*\\] Launching module \\PC{0,5}|\\PC{0,30})", 0..20)) {
        let (_, _, percents) = verdict(&lines.join("\n"), 3);
        prop_assert!(percents.iter().all(|percent| *percent <= 99));
    }
}
