//! What web servers show, beyond the weak target.

use crate::common::{LOOPBACK, answering, conversing, failure, job, ports, rules_of, run};
use scanyard_contract::scan::FailureReason;
use scanyard_engines::job::Outcome;
use scanyard_engines::weak_target::WeakTarget;
use serde_json::json;
use std::net::SocketAddr;

async fn rules_at(address: SocketAddr) -> Vec<String> {
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    rules_of(&report.findings, address)
}

/// The path of a request.
fn path_of(request: &[u8]) -> String {
    String::from_utf8_lossy(request).split(' ').nth(1).unwrap_or_default().to_string()
}

fn page(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

#[tokio::test]
async fn a_server_that_says_yes_to_every_path_exposes_nothing() {
    for body in ["<html>Welcome</html>", "ref: refs/heads/main", "A=1\nB=2", "-- MySQL dump"] {
        let address = answering(move |_| page("200 OK", "", body)).await;
        let rules = rules_at(address).await;
        assert!(!rules.iter().any(|rule| rule.starts_with("http-exposed")), "{body}: {rules:?}");
        assert!(rules.iter().any(|rule| rule.starts_with("http-missing")), "{body}: {rules:?}");
    }
}

/// A server that has had enough of us says the same of every file; that it is forbidden is an answer.
#[tokio::test]
async fn a_server_that_answers_nothing_that_was_asked_is_no_clean_one() {
    for (status, is_clean) in
        [("429 Too Many Requests", false), ("503 Service Unavailable", false), ("403 Forbidden", true)]
    {
        let address = answering(move |_| page(status, "", "no")).await;
        let report = run(job(&format!("http://{address}/"), json!({}))).await;
        assert_eq!(report.outcome == Outcome::Completed, is_clean, "{status}: {:?}", report.outcome);
        if !is_clean {
            let (reason, message) = failure(&report);
            assert_eq!(reason, FailureReason::EngineFailed);
            assert!(message.contains("to 3") && message.contains("requests"), "{message}");
        }
    }
}

/// The host was scanned, and one of its ports hardly at all: that is told where its findings are.
#[tokio::test]
async fn a_port_of_a_host_that_was_not_seen_says_so() {
    let address = answering(move |_| page("503 Service Unavailable", "", "no")).await;
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    let told = report.findings.iter().find(|finding| finding.rule_id == "port-partly-checked").unwrap();
    assert_eq!(told.location.port, Some(address.port()));
    let evidence = told.evidence.as_deref().unwrap();
    assert!(evidence.contains("503") && evidence.contains("requests"), "{evidence}");
    let address = answering(move |_| page("200 OK", "", "yes")).await;
    assert!(!rules_at(address).await.contains(&"port-partly-checked".to_string()));
}

#[tokio::test]
async fn open_ports_that_are_too_many_to_question_are_told_of() {
    let address = answering(|_| Vec::new()).await;
    let mut job = job("127.0.0.1", json!({"ports": ports(&[address]), "checks": ["banners"]}));
    job.addresses = vec![LOOPBACK; 1030];
    let report = run(job).await;
    assert_eq!(report.outcome, Outcome::Completed);
    let told = report.findings.iter().find(|finding| finding.rule_id == "port-partly-checked").unwrap();
    assert!(told.evidence.as_deref().unwrap().contains("5 other open ones"), "{told:?}");
}

#[tokio::test]
async fn a_head_that_does_not_come_whole_lacks_no_header() {
    let large: String = (0..70).map(|number| format!("X-Large-{number}: {}\r\n", "a".repeat(1000))).collect();
    let end = "X-Frame-Options: DENY\r\nContent-Length: 0\r\n\r\n";
    for (head, lacks_any) in [
        ("Server: ".to_string(), false),
        ("Server: nginx\r\n".to_string(), false),
        (format!("{large}{end}"), false),
        ("Server: nginx\r\n\r\n".to_string(), true),
        (format!("{}\r\n", "A: b\r\n".repeat(100)), true),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}").into_bytes();
        let address = answering(move |_| answer.clone()).await;
        let report = run(job(&format!("http://{address}/"), json!({"checks": ["http"]}))).await;
        assert_eq!(report.outcome, Outcome::Completed);
        let rules = rules_of(&report.findings, address);
        assert_eq!(rules.iter().any(|rule| rule.starts_with("http-missing")), lacks_any, "{} {rules:?}", head.len());
    }
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_server_and_nowhere_else() {
    let weak = WeakTarget::start().await.unwrap();
    let report = run(job(&format!("http://{}/old", weak.http), json!({"checks": ["http"]}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(rules_of(&report.findings, weak.http).contains(&"http-directory-listing /".to_string()));
    // The other server of this machine must not be asked: it is another port, and so another origin.
    let elsewhere = weak.http;
    let address = answering(move |_| page("302 Found", &format!("Location: http://{elsewhere}/\r\n"), "")).await;
    let report = run(job(&format!("http://{address}/"), json!({"checks": ["http"]}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(!rules_of(&report.findings, address).iter().any(|rule| rule.contains("listing")), "{:?}", report.findings);
    let told = report.findings.iter().find(|finding| finding.rule_id == "port-partly-checked").unwrap();
    assert!(told.evidence.as_deref().unwrap().contains(&format!("such as http://{elsewhere}/;")), "{told:?}");
    assert!(!rules_at(address).await.contains(&"port-partly-checked".to_string()), "of a host it is one of many");
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let address = answering(|request| {
        let to = if path_of(request) == "/" { "/a" } else { "/" };
        page("302 Found", &format!("Location: {to}\r\n"), "")
    })
    .await;
    let report = run(job(&format!("http://{address}/"), json!({"checks": ["http"]}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
}

/// The application at port 8081 of the samples: its headers are those of `headers-truth.txt`, the rest that of their table.
fn app_of_the_samples(request: &[u8]) -> Vec<u8> {
    const HEADERS: &str =
        "Server: Apache/2.2.14 PHP/5.3.1\r\nX-Powered-By: PHP/5.3.1\r\nSet-Cookie: sid=1234567890; Path=/\r\n";
    let links = "<a href=\"/item?id=1\">1</a><a href=\"/files/\">2</a><a href='/admin/'>3</a>";
    if request.starts_with(b"TRACE ") {
        return page("200 OK", HEADERS, &String::from_utf8_lossy(request));
    }
    if request.starts_with(b"OPTIONS ") {
        return page("200 OK", "Allow: GET, POST, PUT, DELETE, TRACE\r\n", "");
    }
    match path_of(request).as_str() {
        "/" => page("200 OK", HEADERS, links),
        "/files/" => page("200 OK", "", "<title>Index of /files/</title>"),
        "/.git/config" => page("200 OK", "", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"),
        path if path.starts_with("/admin") => {
            page("401 Unauthorized", "WWW-Authenticate: Basic realm=\"admin\"\r\n", "Authorization required")
        }
        _ => page("404 Not Found", "", "Not Found"),
    }
}

#[tokio::test]
async fn everything_that_the_samples_list_of_their_application_is_found() {
    let address = answering(app_of_the_samples).await;
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    assert_eq!(
        rules_of(&report.findings, address),
        [
            "cookie-without-httponly sid",
            "cookie-without-samesite sid",
            "http-basic-auth-clear",
            "http-directory-listing /files/",
            "http-exposed-repository /.git/config",
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
        ]
    );
    let login = report.findings.iter().find(|finding| finding.rule_id == "http-basic-auth-clear").unwrap();
    assert_eq!(login.location.url, Some(format!("http://{address}/admin/")));
}

#[tokio::test]
async fn the_other_ports_of_the_samples_are_seen_as_they_are() {
    let weak = WeakTarget::start().await.unwrap();
    let greets = async |greeting: &'static str| conversing(greeting.as_bytes(), |_| None).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listing = "<html><head><title>Index of /</title></head></html>";
    let table = [
        (greets("220 (vsFTPd 2.3.4)\r\n").await, vec!["open-port", "service-banner"]),
        (greets("SSH-2.0-dropbear_2022.83\r\n").await, vec!["open-port", "service-banner"]),
        (greets("220 mail.example.test ESMTP Postfix\r\n").await, vec!["open-port"]),
        (weak.redis, vec!["open-port", "redis-no-auth"]),
        (
            answering(move |_| page("200 OK", "Server: nginx/1.22.1\r\n", listing)).await,
            vec!["http-directory-listing /"],
        ),
        (weak.tarpit, vec!["open-port"]),
        (closed, vec![]),
    ];
    let addresses: Vec<SocketAddr> = table.iter().map(|(address, _)| *address).collect();
    let report = run(job("127.0.0.1", json!({"ports": ports(&addresses)}))).await;
    assert_eq!(report.outcome, Outcome::Completed);
    let raw = String::from_utf8(report.raw.unwrap().bytes).unwrap();
    assert!(["vsFTPd 2.3.4", "dropbear_2022.83", "ESMTP Postfix"].iter().all(|banner| raw.contains(banner)), "{raw}");
    for (address, expected) in table {
        let mut rules = rules_of(&report.findings, address);
        rules.retain(|rule| !rule.starts_with("http-") || expected.contains(&rule.as_str()));
        rules.retain(|rule| rule != "open-port" || expected.contains(&"open-port"));
        assert_eq!(rules, expected, "{address}");
    }
}

#[tokio::test]
async fn services_over_http_that_let_everybody_in_are_found() {
    let docker = answering(|request| match path_of(request).as_str() {
        "/version" => page("200 OK", "", r#"{"Version":"27.1","ApiVersion":"1.46","MinAPIVersion":"1.24"}"#),
        _ => page("404 Not Found", "", r#"{"message":"page not found"}"#),
    })
    .await;
    let elasticsearch = answering(|request| match path_of(request).as_str() {
        "/" => page("200 OK", "", r#"{"cluster_name":"logs","version":{"number":"8.1","lucene_version":"9"}}"#),
        _ => page("404 Not Found", "", "{}"),
    })
    .await;
    let etcd = |locked: bool| {
        answering(move |request| match path_of(request).as_str() {
            "/version" => page("200 OK", "", r#"{"etcdserver":"3.5.1","etcdcluster":"3.5.0"}"#),
            "/v3/kv/range" if locked => page("400 Bad Request", "", r#"{"error":"user name is empty"}"#),
            "/v3/kv/range" => page("200 OK", "", r#"{"header":{"cluster_id":"1"},"count":"12"}"#),
            _ => page("404 Not Found", "", "not found"),
        })
    };
    for (address, rule) in
        [(docker, "docker-api-no-auth"), (elasticsearch, "elasticsearch-no-auth"), (etcd(false).await, "etcd-no-auth")]
    {
        assert!(rules_at(address).await.contains(&rule.to_string()), "{rule}");
    }
    assert!(!rules_at(etcd(true).await).await.contains(&"etcd-no-auth".to_string()));
}
