//! wapiti, live, against the weak target: the one of the package registry and the old one of Debian.

use crate::common::steering;
use crate::web::{
    LEASE, cancelled, fails_at_a_dead_target, fails_at_a_page_that_leads_away, fails_at_a_server_that_goes_silent,
    fails_at_a_server_that_refuses, has, is_at, reason, rules, scan, web_job,
};
use scanyard_contract::ScanType;
use scanyard_contract::finding::Severity;
use scanyard_contract::scan::FailureReason;
use scanyard_engines::weak_target::WeakTarget;
use scanyard_engines::{Outcome, run};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// wapiti 3.2, in the virtual environment that scripts/install-engines makes; and Debian's, which differs.
fn both() -> [PathBuf; 2] {
    let paths = [Path::new("/opt/scanyard/engines/wapiti/bin/wapiti"), Path::new("/usr/bin/wapiti")];
    for path in paths {
        assert!(
            path.is_file(),
            "this test needs {}: scripts/install-engines, and apt-get install wapiti",
            path.display()
        );
    }
    paths.map(Path::to_path_buf)
}

#[tokio::test]
async fn an_active_wapiti_finds_the_injection_and_the_reflection() {
    let weak = WeakTarget::start().await.unwrap();
    let url = format!("http://{}/shop/", weak.http);
    for (program, is_new) in both().iter().zip([true, false]) {
        let (report, steering) = scan(ScanType::Wapiti, program, &url, json!({"profile": "active"})).await;
        assert_eq!(report.outcome, Outcome::Completed);
        assert!(has(&report, "sql-injection", "/shop/item"), "{:?}", rules(&report));
        assert_eq!(has(&report, "reflected-cross-site-scripting", "/shop/search"), is_new, "{:?}", rules(&report));
        assert!(report.findings.iter().any(|finding| finding.severity == Severity::Critical));
        assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 1));
        assert_eq!(*steering.progress.borrow(), 100);
        assert!(report.engine_version.unwrap().starts_with("3."));
    }
}

#[tokio::test]
async fn a_passive_wapiti_finds_headers_and_cookies_and_nothing_that_needs_an_attack() {
    let weak = WeakTarget::start().await.unwrap();
    let [program, _] = both();
    let (report, _) =
        scan(ScanType::Wapiti, &program, &format!("http://{}/", weak.http), json!({"exclude": ["/shop/*"]})).await;
    assert_eq!(report.outcome, Outcome::Completed);
    for rule in ["httponly-flag-cookie", "clickjacking-protection", "content-security-policy-configuration"] {
        assert!(has(&report, rule, "/"), "{rule}: {:?}", rules(&report));
    }
    assert!(report.findings.iter().all(|finding| finding.severity < Severity::High), "{:?}", rules(&report));

    let url = format!("http://{}/", weak.http);
    let (again, _) = scan(ScanType::Wapiti, &program, &url, json!({"exclude": ["/shop/*"]})).await;
    let fingerprints = |findings: &[scanyard_contract::Finding]| {
        findings.iter().map(|finding| finding.fingerprint.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(fingerprints(&report.findings), fingerprints(&again.findings));
}

#[tokio::test]
async fn wapiti_at_a_page_that_leads_away_has_failed() {
    for program in both() {
        fails_at_a_page_that_leads_away(ScanType::Wapiti, &program).await;
    }
}

#[tokio::test]
async fn wapiti_at_a_server_that_refuses_has_failed() {
    fails_at_a_server_that_refuses(ScanType::Wapiti, &both()[0]).await;
}

#[tokio::test]
async fn wapiti_at_a_server_that_goes_silent_has_failed() {
    for program in both() {
        fails_at_a_server_that_goes_silent(ScanType::Wapiti, &program, 2).await;
    }
}

#[tokio::test]
async fn wapiti_at_a_dead_target_has_failed() {
    for program in both() {
        fails_at_a_dead_target(ScanType::Wapiti, &program, "/", json!({})).await;
    }
}

#[tokio::test]
async fn a_cancelled_wapiti_keeps_what_it_found() {
    let weak = WeakTarget::start().await.unwrap();
    let [program, _] = both();
    let dir = tempfile::tempdir().unwrap();
    let url = format!("http://{}/shop/", weak.http);
    let job = web_job(ScanType::Wapiti, &program, &url, json!({"profile": "active"}), dir.path());
    // The crawl is a tenth of it, and by a third some modules have found something.
    let report = cancelled(job, Duration::from_secs(20), async |progress| is_at(progress, 33).await).await;
    assert!(!report.findings.is_empty(), "the answer on its stdin makes it write its report");
    assert_eq!(report.coverage.reached, 1);
}

#[tokio::test]
async fn a_wapiti_that_runs_out_of_time_has_failed() {
    // Of six seconds the crawl has one: the first site answers within it, the second does not.
    for (millis, reached) in [(400, 1), (2000, 0)] {
        let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", slow.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((connection, _)) = slow.accept().await {
                tokio::spawn(answer_after(Duration::from_millis(millis), connection));
            }
        });
        let [program, _] = both();
        let dir = tempfile::tempdir().unwrap();
        let mut job = web_job(ScanType::Wapiti, &program, &url, json!({"profile": "active"}), dir.path());
        job.timeout = Duration::from_secs(6);
        let report = run(job, steering(LEASE).control).await;
        assert_eq!(reason(&report), FailureReason::TimedOut, "{:?}", report.outcome);
        assert!(report.coverage.reached <= reached, "{:?}", report.coverage);
    }
}

/// A page with a link that has a parameter to attack.
async fn answer_after(wait: Duration, mut connection: TcpStream) -> std::io::Result<()> {
    if connection.read(&mut [0; 4096]).await? == 0 {
        return Ok(());
    }
    tokio::time::sleep(wait).await;
    let page = "<html><body><a href=\"/item?id=1\">apple</a></body></html>";
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", page.len());
    connection.write_all(format!("{head}Connection: close\r\n\r\n{page}").as_bytes()).await
}
