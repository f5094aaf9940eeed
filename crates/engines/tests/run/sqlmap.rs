//! sqlmap, live, against the weak target: the one of the package registry and the old one of Debian.

use crate::common::steering;
use crate::web::{LEASE, answering, cancelled, fails_at_a_dead_target, is_at, reason, rules, scan, web_job};
use scanyard_contract::ScanType;
use scanyard_contract::finding::{Confidence, Severity};
use scanyard_contract::scan::FailureReason;
use scanyard_engines::weak_target::WeakTarget;
use scanyard_engines::{Outcome, Report, run};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// sqlmap 1.10, in the virtual environment that scripts/install-engines makes; and Debian's, which differs.
fn both() -> [PathBuf; 2] {
    let paths = [Path::new("/opt/scanyard/engines/sqlmap/bin/sqlmap"), Path::new("/usr/bin/sqlmap")];
    for path in paths {
        assert!(
            path.is_file(),
            "this test needs {}: scripts/install-engines, and apt-get install sqlmap",
            path.display()
        );
    }
    paths.map(Path::to_path_buf)
}

#[tokio::test]
async fn each_sqlmap_finds_the_injection_and_calls_it_the_same() {
    let weak = WeakTarget::start().await.unwrap();
    let url = format!("http://{}/shop/item?id=1", weak.http);
    let mut fingerprints = Vec::new();
    for program in both() {
        let (report, steering) = scan(ScanType::Sqlmap, &program, &url, json!({})).await;
        assert_eq!(report.outcome, Outcome::Completed);
        let [finding] = report.findings.as_slice() else { panic!("{:?}", rules(&report)) };
        assert!(finding.title.starts_with("SQL injection in GET parameter id"), "{}", finding.title);
        assert_eq!((finding.severity, finding.confidence), (Severity::High, Confidence::Confirmed));
        assert_eq!(finding.location.path.as_deref(), Some("/shop/item"));
        assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 1));
        assert_eq!(*steering.progress.borrow(), 100);
        assert!(report.engine_version.unwrap().starts_with("1."));
        fingerprints.push(finding.fingerprint.clone());
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
}

#[tokio::test]
async fn a_parameter_that_reaches_no_database_is_a_clean_scan() {
    let weak = WeakTarget::start().await.unwrap();
    for program in both() {
        let (report, _) =
            scan(ScanType::Sqlmap, &program, &format!("http://{}/shop/search?q=pear", weak.http), json!({})).await;
        assert_eq!(report.outcome, Outcome::Completed);
        assert!(report.findings.is_empty(), "{:?}", rules(&report));
        assert_eq!(report.coverage.reached, 1);
    }
}

#[tokio::test]
async fn a_crawl_finds_the_page_by_itself() {
    let weak = WeakTarget::start().await.unwrap();
    let program = &both()[0];
    let url = format!("http://{}/shop/", weak.http);
    let (report, _) = scan(ScanType::Sqlmap, program, &url, json!({"crawl": 1, "forms": true})).await;
    assert_eq!(report.outcome, Outcome::Completed);
    let paths: Vec<_> = report.findings.iter().filter_map(|finding| finding.location.path.as_deref()).collect();
    assert_eq!(paths, ["/shop/item"], "{:?}", rules(&report));
}

#[tokio::test]
async fn sqlmap_at_a_dead_target_has_failed() {
    for program in both() {
        fails_at_a_dead_target(ScanType::Sqlmap, &program, "/item?id=1", json!({})).await;
    }
}

#[tokio::test]
async fn a_cancelled_sqlmap_ends_in_its_grace() {
    let weak = WeakTarget::start().await.unwrap();
    for program in both() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("http://{}/shop/search?q=pear", weak.http);
        let job = web_job(ScanType::Sqlmap, &program, &url, json!({"delayMs": 500, "level": 3}), dir.path());
        // Until it tests: what it does before then is another thing to interrupt.
        let report = cancelled(job, Duration::from_secs(10), async |progress| is_at(progress, 1).await).await;
        assert_eq!(report.coverage.reached, 1, "{}", program.display());
    }
}

#[tokio::test]
async fn a_sqlmap_that_runs_out_of_time_has_failed() {
    let weak = WeakTarget::start().await.unwrap();
    let url = format!("http://{}/shop/search?q=pear", weak.http);
    for program in both() {
        let dir = tempfile::tempdir().unwrap();
        let mut job = web_job(ScanType::Sqlmap, &program, &url, json!({"delayMs": 2000, "level": 3}), dir.path());
        job.timeout = Duration::from_secs(6);
        let report = run(job, steering(LEASE).control).await;
        assert_eq!(reason(&report), FailureReason::TimedOut);
    }
}

#[tokio::test]
async fn a_target_that_refuses_every_request_is_no_clean_one() {
    let address = answering(|_| "HTTP/1.0 403 Forbidden\r\nContent-Length: 9\r\n\r\nForbidden");
    for program in both() {
        let (report, _) = scan(ScanType::Sqlmap, &program, &format!("http://{address}/item?id=1"), json!({})).await;
        let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
        assert_eq!(failure.reason, FailureReason::EngineFailed);
        assert!(failure.message.contains("refused sqlmap's requests: 403 (Forbidden)"), "{}", failure.message);
        assert_eq!(report.coverage.reached, 1);
    }
}

#[tokio::test]
async fn a_target_that_wants_fewer_requests_is_told_of_when_the_time_is_up() {
    let address = answering(|_| "HTTP/1.0 429 Too Many Requests\r\nContent-Length: 8\r\n\r\nToo many");
    let dir = tempfile::tempdir().unwrap();
    let url = format!("http://{address}/item?id=1");
    let mut job = web_job(ScanType::Sqlmap, &both()[0], &url, json!({}), dir.path());
    job.timeout = Duration::from_secs(20);
    let report = run(job, steering(LEASE).control).await;
    let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failure.reason, FailureReason::EngineFailed);
    assert!(failure.message.contains("429 (Too Many Requests)") && failure.message.contains("delayMs"), "{failure:?}");
}

#[tokio::test]
async fn a_page_that_redirects_to_its_login_is_no_clean_one() {
    let weak = WeakTarget::start().await.unwrap();
    let urls = [format!("http://{}/shop/account?id=1", weak.http), format!("https://{}/shop/account?id=1", weak.https)];
    for (program, url) in both().iter().zip(urls) {
        let (report, _) = scan(ScanType::Sqlmap, program, &url, json!({})).await;
        redirects_to(&report, "/shop/login");
    }
    let address = answering(|request| {
        if request.starts_with("POST ") && request.contains("name=") {
            "HTTP/1.0 303 See Other\r\nLocation: /login?next=%2F\r\nContent-Length: 0\r\n\r\n"
        } else {
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        }
    });
    let (report, _) =
        scan(ScanType::Sqlmap, &both()[0], &format!("http://{address}/"), json!({"data": "name=a"})).await;
    redirects_to(&report, "/login");
}

fn redirects_to(report: &Report, place: &str) {
    let Outcome::Failed(failure) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(failure.reason, FailureReason::EngineFailed);
    assert!(failure.message.contains(&format!("redirects to {place}, ")), "{}", failure.message);
    assert_eq!(report.coverage.reached, 1);
}

/// sqlmap takes the cookie and is let in from then on.
#[tokio::test]
async fn a_page_that_redirects_only_to_set_a_cookie_is_tested() {
    let address = answering(|request| {
        if request.contains("Cookie: seen=1") {
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        } else {
            "HTTP/1.0 302 Found\r\nLocation: /item?id=1\r\nSet-Cookie: seen=1; Path=/\r\nContent-Length: 0\r\n\r\n"
        }
    });
    for program in both() {
        let (report, _) = scan(ScanType::Sqlmap, &program, &format!("http://{address}/item?id=1"), json!({})).await;
        assert_eq!(report.outcome, Outcome::Completed);
    }
}
