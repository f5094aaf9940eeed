//! sentinel against real listeners on loopback.

mod common;
mod dns;
mod services;
mod tls;
mod web;

use common::{LOOPBACK, answering, failure, hands, job, ports, rules_of, run};
use scanyard_contract::Severity;
use scanyard_contract::scan::FailureReason;
use scanyard_engines::job::Outcome;
use scanyard_engines::sentinel;
use scanyard_engines::weak_target::WeakTarget;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A listener whose queue of connections is full: the kernel drops every further SYN, as a firewall does.
struct Silent {
    address: SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<socket2::Socket>,
}

impl Silent {
    fn start() -> Silent {
        let socket = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM.nonblocking(), None).unwrap();
        let listener = socket();
        listener.bind(&SocketAddr::new(LOOPBACK, 0).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let waiting = (0..4)
            .map(|_| {
                let waiting = socket();
                let _ = waiting.connect(&address.into());
                waiting
            })
            .collect();
        Silent { address, _listener: listener, _waiting: waiting }
    }
}

/// Ports that are bound and do not listen: connects are refused, and nobody else takes them.
fn closed_ports(count: usize) -> (Vec<SocketAddr>, Vec<socket2::Socket>) {
    let bind = |_| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(LOOPBACK, 0).into()).unwrap();
        (socket.local_addr().unwrap().as_socket().unwrap(), socket)
    };
    (0..count).map(bind).unzip()
}

const WEB: &[&str] = &[
    "cookie-without-httponly sid",
    "cookie-without-samesite sid",
    "http-directory-listing /",
    "http-error-page-disclosure",
    "http-exposed-backup /backup.sql",
    "http-exposed-repository /.git/HEAD",
    "http-exposed-secrets /.env",
    "http-missing-content-type-options x-content-type-options",
    "http-missing-csp content-security-policy",
    "http-missing-frame-options x-frame-options",
    "http-missing-permissions-policy permissions-policy",
    "http-missing-referrer-policy referrer-policy",
    "http-software-disclosure server",
    "http-software-disclosure x-powered-by",
    "http-trace-enabled /",
    "http-writing-methods /",
    "open-port",
];

const TLS: &[&str] = &[
    "cookie-without-secure sid",
    "cookie-without-secure theme",
    "http-missing-hsts strict-transport-security",
    "http-missing-security-txt",
    "tls-certificate-expired",
    "tls-certificate-self-signed",
];

fn sorted(lists: &[&[&str]]) -> Vec<String> {
    let mut all: Vec<String> = lists.concat().into_iter().map(str::to_string).collect();
    all.sort();
    all
}

#[tokio::test]
async fn every_fault_of_the_weak_target_is_found_and_no_other() {
    let weak = WeakTarget::start().await.unwrap();
    let all = ports(&[weak.http, weak.https, weak.redis, weak.banner]);
    let mut hands = hands();
    let report = sentinel::run(job("127.0.0.1", json!({"ports": all})), hands.control).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(rules_of(&report.findings, weak.http), sorted(&[WEB]));
    assert_eq!(rules_of(&report.findings, weak.https), sorted(&[WEB, TLS]));
    assert_eq!(rules_of(&report.findings, weak.redis), ["open-port", "redis-no-auth"]);
    assert_eq!(rules_of(&report.findings, weak.banner), ["open-port", "service-banner"]);
    let worst: Vec<_> = report.findings.iter().filter(|finding| finding.severity >= Severity::High).collect();
    assert_eq!(worst.len(), 8, "Redis, the certificate, and three files over HTTP and HTTPS each: {worst:#?}");
    assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 1));
    assert_eq!(report.records.kept, report.findings.len() as u64);
    assert_eq!(
        report.records.read,
        report.records.kept + report.records.merged + report.records.dropped.values().sum::<u64>()
    );
    assert_eq!(*hands.progress.borrow_and_update(), 100);
    assert!(report.findings.iter().all(|finding| sentinel::rules::all().any(|rule| rule.id == finding.rule_id)));
    let raw = report.raw.unwrap();
    let raw_text = String::from_utf8(raw.bytes).unwrap();
    assert!(!raw_text.contains("0123456789abcdef"), "a cookie's value is in the report");
    let parsed: Value = serde_json::from_str(&raw_text).unwrap();
    assert_eq!(parsed["findings"].as_array().unwrap().len(), report.findings.len());
}

#[tokio::test]
async fn the_same_scan_twice_has_the_same_fingerprints() {
    let weak = WeakTarget::start().await.unwrap();
    let all = ports(&[weak.http, weak.https, weak.redis, weak.banner]);
    let fingerprints = async || {
        let report = run(job("127.0.0.1", json!({"ports": all}))).await;
        let mut all: Vec<String> = report.findings.into_iter().map(|finding| finding.fingerprint).collect();
        all.sort();
        all
    };
    let first = fingerprints().await;
    assert_eq!(first, fingerprints().await);
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]));
}

#[tokio::test]
async fn a_url_is_asked_for_its_own_page_and_server_only() {
    let weak = WeakTarget::start().await.unwrap();
    let report = run(job(&format!("https://127.0.0.1:{}/missing?token=s3cret", weak.https.port()), json!({}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    let rules = rules_of(&report.findings, weak.https);
    assert!(rules.contains(&"http-missing-csp content-security-policy".to_string()), "{rules:?}");
    assert!(!rules.iter().any(|rule| rule.starts_with("http-directory-listing")), "{rules:?}");
    assert!(report.findings.iter().all(|finding| finding.location.port == Some(weak.https.port())));
    assert!(!format!("{:?}", report.findings).contains("s3cret"));
    assert!(!String::from_utf8(report.raw.unwrap().bytes).unwrap().contains("s3cret"));
    assert_eq!(report.coverage.reached, 1);
}

#[tokio::test]
async fn a_name_is_sent_and_checked_against_the_certificate() {
    let weak = WeakTarget::start().await.unwrap();
    let report = run(job(&format!("https://other.example.test:{}/", weak.https.port()), json!({}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(rules_of(&report.findings, weak.https).contains(&"tls-certificate-name-mismatch".to_string()));
    assert!(report.findings.iter().all(|finding| finding.location.host.as_deref() == Some("other.example.test")));
}

#[tokio::test]
async fn a_name_with_two_addresses_has_each_fault_once() {
    let weak = WeakTarget::start().await.unwrap();
    let mut job = job("weak.example.test", json!({"ports": ports(&[weak.redis])}));
    job.addresses = vec![LOOPBACK, LOOPBACK];
    let report = run(job).await;
    assert_eq!(rules_of(&report.findings, weak.redis), ["open-port", "redis-no-auth"]);
    assert_eq!((report.records.kept, report.records.merged), (2, 2));
}

#[tokio::test]
async fn a_host_that_refuses_everything_is_a_clean_scan() {
    let (closed, _bound) = closed_ports(20);
    let report = run(job("127.0.0.1", json!({"ports": ports(&closed)}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(report.findings, []);
    assert_eq!(report.coverage.reached, 1);
}

#[tokio::test]
async fn a_url_whose_port_is_refused_is_a_failed_scan() {
    let (closed, _bound) = closed_ports(1);
    let report = run(job(&format!("http://{}/", closed[0]), json!({}))).await;
    let (reason, message) = failure(&report);
    assert_eq!(reason, FailureReason::TargetUnreachable);
    assert!(message.contains("refused"), "{message}");
    assert_eq!(report.coverage.reached, 0);
}

#[tokio::test]
async fn a_host_that_says_nothing_at_all_is_a_failed_scan() {
    let silent = Silent::start();
    let options = json!({"ports": ports(&[silent.address]), "connectTimeoutMs": 200});
    let report = run(job("127.0.0.1", options)).await;
    assert_eq!(failure(&report).0, FailureReason::TargetUnreachable);
    assert_eq!(report.findings, []);
    assert_eq!(report.coverage.reached, 0);
}

#[tokio::test]
async fn a_tarpit_ends_by_itself_and_is_an_open_port() {
    let weak = WeakTarget::start().await.unwrap();
    let began = Instant::now();
    let report = run(job("127.0.0.1", json!({"ports": ports(&[weak.tarpit, weak.banner])}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(rules_of(&report.findings, weak.tarpit), ["open-port"]);
    assert!(began.elapsed() < Duration::from_secs(30));
    let report = run(job(&format!("http://{}/", weak.tarpit), json!({}))).await;
    assert!(failure(&report).1.contains("no HTTP answer"));
}

#[tokio::test]
async fn a_cancelled_scan_ends_at_once_and_keeps_what_it_found() {
    let weak = WeakTarget::start().await.unwrap();
    let mut hands = hands();
    let cancel = hands.control.cancel.clone();
    let all = ports(&[weak.http, weak.redis, weak.tarpit]);
    let scan = tokio::spawn(sentinel::run(job("127.0.0.1", json!({"ports": all})), hands.control));
    // The sweep and the two quick ports are over; the tarpit is being waited for.
    hands.progress.wait_for(|percent| *percent > 80).await.unwrap();
    let began = Instant::now();
    cancel.cancel();
    let report = scan.await.unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(rules_of(&report.findings, weak.redis).contains(&"redis-no-auth".to_string()));
    assert_eq!(rules_of(&report.findings, weak.tarpit), ["open-port"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_keeps_what_was_found_on_a_port_that_is_still_asked() {
    let (asked, mut is_asked) = watch::channel(false);
    let address = answering(move |request| {
        if request.starts_with(b"GET / ") {
            return b"HTTP/1.1 200 OK\r\nServer: x/1.0\r\nContent-Length: 0\r\n\r\n".to_vec();
        }
        let _ = asked.send(true);
        // Nobody else is answered either: the server serves one client at a time.
        std::thread::sleep(Duration::from_secs(3));
        Vec::new()
    })
    .await;
    let hands = hands();
    let cancel = hands.control.cancel.clone();
    let scan = tokio::spawn(sentinel::run(job("127.0.0.1", json!({"ports": ports(&[address])})), hands.control));
    is_asked.wait_for(|is_asked| *is_asked).await.unwrap();
    cancel.cancel();
    let report = scan.await.unwrap();
    assert_eq!(report.outcome, Outcome::Cancelled);
    let rules = rules_of(&report.findings, address);
    assert!(rules.contains(&"http-software-disclosure server".to_string()), "{rules:?}");
    assert_eq!(report.records.kept, report.findings.len() as u64);
}

#[tokio::test]
async fn a_sweep_is_cancelled_in_the_middle() {
    let weak = WeakTarget::start().await.unwrap();
    let mut hands = hands();
    let cancel = hands.control.cancel.clone();
    let (closed, _bound) = closed_ports(60);
    // One connection a second would take a minute.
    let options = json!({"ports": format!("{},{}", ports(&closed), weak.redis.port()), "maxRate": 1});
    let scan = tokio::spawn(sentinel::run(job("127.0.0.1", options), hands.control));
    hands.progress.changed().await.unwrap();
    cancel.cancel();
    assert_eq!(scan.await.unwrap().outcome, Outcome::Cancelled);
    let percent = *hands.progress.borrow();
    assert!(percent < 50, "{percent}");
}

#[tokio::test]
async fn a_rate_is_never_exceeded() {
    let (closed, _bound) = closed_ports(101);
    let began = Instant::now();
    let report = run(job("127.0.0.1", json!({"ports": ports(&closed), "maxRate": 50}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    // 100 intervals of 20 ms: what is made up for after a stall was not begun before it.
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1900) && took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn a_stop_ends_the_scan_as_stopped() {
    let weak = WeakTarget::start().await.unwrap();
    let hands = hands();
    hands.control.stop.cancel();
    let report = sentinel::run(job("127.0.0.1", json!({"ports": ports(&[weak.tarpit])})), hands.control).await;
    assert_eq!(report.outcome, Outcome::Stopped);
}

#[tokio::test]
async fn a_scan_over_its_time_fails_and_keeps_what_it_found() {
    let weak = WeakTarget::start().await.unwrap();
    let mut job = job("127.0.0.1", json!({"ports": ports(&[weak.tarpit])}));
    job.timeout = Duration::from_millis(700);
    let report = run(job).await;
    assert_eq!(failure(&report).0, FailureReason::TimedOut);
    assert_eq!(rules_of(&report.findings, weak.tarpit), ["open-port"]);
}

#[tokio::test]
async fn a_port_that_sends_without_end_is_cut_off() {
    let address = answering(|_| [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 4 << 20]].concat()).await;
    let report = run(job(&format!("http://{address}/"), json!({}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(report.raw.unwrap().bytes.len() < 100_000);
}
