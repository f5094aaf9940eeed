//! sentinel against real listeners on loopback.

use scanyard_contract::scan::FailureReason;
use scanyard_contract::{Finding, ScanType, Severity};
use scanyard_engines::job::{Control, Job, Outcome, Report};
use scanyard_engines::weak_target::WeakTarget;
use scanyard_engines::{Options, Target, sentinel};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn job(target: &str, options: Value) -> Job {
    let options = Options::parse(ScanType::Sentinel, options.as_object().unwrap()).unwrap().unwrap();
    Job {
        run_id: Uuid::now_v7(),
        target: Target::parse(target).unwrap(),
        addresses: vec![LOOPBACK],
        options,
        upload: None,
        settings: scanyard_engines::Settings::default(),
        timeout: Duration::from_secs(60),
        program: None,
        templates: None,
        supervisor: Vec::new(),
        work_dir: std::env::temp_dir(),
        user: None,
        limits: Default::default(),
    }
}

struct Hands {
    control: Control,
    progress: watch::Receiver<u8>,
}

fn hands() -> Hands {
    let (sender, progress) = watch::channel(0);
    let control = Control {
        progress: sender,
        cancel: CancellationToken::new(),
        stop: CancellationToken::new(),
        renewed: watch::channel(0).1,
        lease: Duration::from_secs(30),
    };
    Hands { control, progress }
}

async fn run(job: Job) -> Report {
    sentinel::run(job, hands().control).await
}

fn failure(report: &Report) -> (FailureReason, &str) {
    match &report.outcome {
        Outcome::Failed(failure) => (failure.reason, &failure.message),
        other => panic!("{other:?}"),
    }
}

/// Rules of a port, each with the path, header or cookie that it is about.
fn rules_of(findings: &[Finding], port: SocketAddr) -> Vec<String> {
    let of_port = findings.iter().filter(|finding| finding.location.port == Some(port.port()));
    let mut rules: Vec<String> = of_port
        .map(|finding| {
            let location = &finding.location;
            let part = location.parameter.as_ref().or(location.path.as_ref()).map(|part| format!(" {part}"));
            format!("{}{}", finding.rule_id, part.unwrap_or_default())
        })
        .collect();
    rules.sort();
    rules
}

fn ports(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(|address| address.port().to_string()).collect::<Vec<_>>().join(",")
}

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
    assert_eq!(worst.len(), 2, "{worst:#?}");
    assert_eq!((report.coverage.hosts, report.coverage.reached), (1, 1));
    assert_eq!(report.records.kept, report.findings.len() as u64);
    assert_eq!(
        report.records.read,
        report.records.kept + report.records.merged + report.records.dropped.values().sum::<u64>()
    );
    assert_eq!(*hands.progress.borrow_and_update(), 100);
    assert!(report.findings.iter().all(|finding| sentinel::rules::RULES.iter().any(|rule| rule.id == finding.rule_id)));
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
async fn a_url_is_asked_for_its_own_page_only() {
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

/// Answers every connection with what `answer` makes of the first bytes of the peer, and hangs up.
async fn answering(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok((mut stream, _)) = listener.accept().await {
            let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer));
            if let Ok(Ok(n)) = read.await {
                let _ = stream.write_all(&answer(&buffer[..n])).await;
            }
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_knows_tls_1_0_only_shows_its_version_and_certificate() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap().self_signed(&key).unwrap();
    let der = certificate.der().to_vec();
    let address = answering(move |request| {
        if request.first() != Some(&22) || request[9..11] < [3, 1][..] {
            return vec![21, 3, 1, 0, 2, 2, 70];
        }
        let length = |n: usize| [(n >> 16) as u8, (n >> 8) as u8, n as u8];
        let hello = [&[3, 1][..], &[7; 32], &[0, 0xc0, 0x14, 0]].concat();
        let chain = [&length(der.len() + 3)[..], &length(der.len()), &der].concat();
        let mut messages = Vec::new();
        for (kind, body) in [(2, hello), (11, chain), (14, Vec::new())] {
            messages.push(kind);
            messages.extend(length(body.len()));
            messages.extend(body);
        }
        [&[22, 3, 1][..], &length(messages.len())[1..], &messages].concat()
    })
    .await;
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    assert_eq!(
        rules_of(&report.findings, address),
        ["open-port", "tls-certificate-self-signed", "tls-no-1.3", "tls-version-1.0"]
    );
}

#[tokio::test]
async fn memcached_without_a_login_is_found() {
    let address =
        answering(
            |request| {
                if request == b"version\r\n" { b"VERSION 1.6.18\r\n".to_vec() } else { b"ERROR\r\n".to_vec() }
            },
        )
        .await;
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    assert_eq!(rules_of(&report.findings, address), ["memcached-no-auth", "open-port"]);
}

#[tokio::test]
async fn a_port_that_sends_without_end_is_cut_off() {
    let address = answering(|_| [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 4 << 20]].concat()).await;
    let report = run(job(&format!("http://{address}/"), json!({}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(report.raw.unwrap().bytes.len() < 100_000);
}
