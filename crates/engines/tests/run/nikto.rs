//! nikto, live, against the weak target.

use crate::common::steering;
use crate::web::{
    LEASE, answering, cancelled, fails_at_a_dead_target, fails_at_a_page_that_leads_away,
    fails_at_a_server_that_goes_silent, fails_at_a_server_that_refuses, has, installed, reason, resetting, rules, scan,
    web_job,
};
use scanyard_contract::ScanType;
use scanyard_contract::finding::Severity;
use scanyard_contract::scan::FailureReason;
use scanyard_engines::weak_target::WeakTarget;
use scanyard_engines::{Outcome, run};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn nikto_finds_the_listing_the_cookie_and_the_old_server() {
    let weak = WeakTarget::start().await.unwrap();
    let url = format!("http://{}/", weak.http);
    let nikto = installed(ScanType::Nikto);
    let (report, steering) = scan(ScanType::Nikto, &nikto, &url, json!({"profile": "light"})).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(has(&report, "750000", "/") || has(&report, "750500", "/"), "a listing: {:?}", rules(&report));
    let about = |words: &str| report.findings.iter().find(|finding| finding.title.contains(words));
    assert_eq!(about("Cookie sid").expect("a careless cookie").severity, Severity::Low);
    assert_eq!(about("Apache/2.2.14").expect("an old server").severity, Severity::Medium);
    assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 1));
    assert_eq!(*steering.progress.borrow(), 100);
    assert!(report.engine_version.unwrap().starts_with("2."));

    let (again, _) = scan(ScanType::Nikto, &nikto, &url, json!({"profile": "light"})).await;
    let fingerprints = |findings: &[scanyard_contract::Finding]| {
        findings.iter().map(|finding| finding.fingerprint.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(fingerprints(&report.findings), fingerprints(&again.findings));
}

#[tokio::test]
async fn nikto_at_a_server_that_refuses_has_failed() {
    fails_at_a_server_that_refuses(ScanType::Nikto, &installed(ScanType::Nikto)).await;
}

#[tokio::test]
async fn nikto_at_a_server_that_leads_everybody_to_another_has_failed() {
    fails_at_a_page_that_leads_away(ScanType::Nikto, &installed(ScanType::Nikto)).await;
}

/// The start page alone says nothing of the paths that nikto asks for.
#[tokio::test]
async fn nikto_at_a_page_that_leads_away_looks_at_the_others() {
    let address = answering(|request| match request.split(' ').nth(1) {
        Some("/") => "HTTP/1.0 302 Found\r\nLocation: https://sso.example.test/\r\nContent-Length: 0\r\n\r\n",
        _ => "HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    });
    let nikto = installed(ScanType::Nikto);
    let (report, _) = scan(ScanType::Nikto, &nikto, &format!("http://{address}/"), json!({"profile": "light"})).await;
    assert_eq!(report.outcome, Outcome::Completed);
}

#[tokio::test]
async fn nikto_at_a_server_that_goes_silent_has_failed() {
    fails_at_a_server_that_goes_silent(ScanType::Nikto, &installed(ScanType::Nikto), 30).await;
}

/// Perl ends at the signal that a write to a closed connection brings, and then nothing says why.
#[tokio::test]
async fn nikto_at_a_server_that_resets_finds_nobody() {
    let url = format!("http://{}/", resetting(0));
    let (report, _) = scan(ScanType::Nikto, &installed(ScanType::Nikto), &url, json!({})).await;
    assert_eq!(reason(&report), FailureReason::TargetUnreachable, "{:?}", report.outcome);
}

#[tokio::test]
async fn nikto_at_a_dead_target_has_failed() {
    fails_at_a_dead_target(ScanType::Nikto, &installed(ScanType::Nikto), "/", json!({"profile": "light"})).await;
}

#[tokio::test]
async fn a_name_is_scanned_at_its_checked_address() {
    let weak = WeakTarget::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    // Nobody knows this name: only the address that was checked can answer.
    let url = format!("http://app.example.test:{}/", weak.http.port());
    let nikto = installed(ScanType::Nikto);
    let mut job = web_job(ScanType::Nikto, &nikto, &url, json!({"profile": "light"}), dir.path());
    job.addresses = vec!["127.0.0.1".parse().unwrap()];
    let report = run(job, steering(LEASE).control).await;
    assert_eq!(report.outcome, Outcome::Completed);
    let listing = report.findings.iter().find(|finding| finding.rule_id.starts_with("750")).unwrap();
    assert_eq!(listing.location.host.as_deref(), Some("app.example.test"));
}

#[tokio::test]
async fn a_cancelled_nikto_keeps_what_it_found() {
    let weak = WeakTarget::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = json!({"pause": 1});
    let nikto = installed(ScanType::Nikto);
    let job = web_job(ScanType::Nikto, &nikto, &format!("http://{}/", weak.http), options, dir.path());
    let written = dir.path().join(job.run_id.to_string()).join("report.xml");
    let has_begun = async |_| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !written.exists() {
            assert!(Instant::now() < deadline, "nikto did not begin in a minute");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // It keeps what it finds to itself until the end; the first requests find the cookie.
        tokio::time::sleep(Duration::from_secs(4)).await;
    };
    let report = cancelled(job, Duration::from_secs(5), has_begun).await;
    assert!(!report.findings.is_empty());
    assert!(report.raw.unwrap().bytes.ends_with(b"</niktoscan>\n"), "SIGINT closes the report");
}

#[tokio::test]
async fn a_nikto_that_runs_out_of_time_has_failed_and_keeps_what_it_found() {
    let weak = WeakTarget::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let nikto = installed(ScanType::Nikto);
    let mut job = web_job(ScanType::Nikto, &nikto, &format!("http://{}/", weak.http), json!({"pause": 1}), dir.path());
    job.timeout = Duration::from_secs(20);
    let report = run(job, steering(LEASE).control).await;
    assert_eq!(reason(&report), FailureReason::TimedOut);
    assert!(!report.findings.is_empty());
}

#[tokio::test]
async fn an_address_that_nikto_does_not_take_is_named() {
    let nikto = installed(ScanType::Nikto);
    let (report, _) = scan(ScanType::Nikto, &nikto, "http://[::1]:9/", json!({})).await;
    let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failure.reason, FailureReason::EngineFailed);
    assert_eq!(failure.message, "nikto 2.1.5 takes no IPv6 address, and http://[::1]:9/ has no other");
}
