//! The client against a server that misbehaves.

mod fake;

use fake::{Fake, failed, json, raw};
use futures::TryStreamExt;
use scanyard_client::scan_api::{Client, Credential};
use scanyard_client::{Hidden, Retrying, Settings, SetupError};
use scanyard_contract::scan::CreateScan;
use scanyard_contract::user::Login;
use scanyard_contract::{Kind, ScanType};
use serde_json::{Value, json as value};
use std::time::{Duration, Instant};
use uuid::Uuid;

const KEY: &str = "cix_sk_0123456789012345678901234567890123456789";

fn client(fake: &Fake) -> Client {
    let retrying = Retrying { base: Duration::from_millis(1), ..Retrying::default() };
    Client::new(&fake.url, Some(KEY.to_string()), retrying).unwrap()
}

fn new_scan() -> CreateScan {
    serde_json::from_value(value!({"target": "127.0.0.1", "scanType": "sentinel"})).unwrap()
}

fn scan() -> Value {
    value!({"id": Uuid::nil(), "scanType": "sentinel", "source": "scan", "target": "127.0.0.1", "targetType": "ip", "status": "queued",
        "priority": "normal", "progress": 0, "tags": [], "options": {}, "config": {}, "timeout": 3600, "attempts": 0,
        "createdAt": "2026-03-06T10:00:00Z"})
}

fn created() -> String {
    json("201 Created", "", value!({"success": true, "data": scan()}))
}

fn finding(number: u32) -> Value {
    value!({"fingerprint": format!("sy1:{number}"), "engine": "sentinel", "ruleId": "open-port", "title": "t",
        "severity": "low", "confidence": "high", "location": {}})
}

fn results(findings: &[u32], total: u64, next: Option<&str>) -> String {
    let findings: Vec<Value> = findings.iter().map(|number| finding(*number)).collect();
    let summary = value!({"total": total, "critical": 0, "high": 0, "medium": 0, "low": total, "info": 0});
    let data = value!({"scanId": Uuid::nil(), "scanType": "sentinel", "source": "scan", "target": "127.0.0.1", "status": "completed",
        "partial": false, "summary": summary, "coverage": {"hosts": 1, "reached": 1},
        "records": {"read": total, "kept": total, "merged": 0, "dropped": {}}, "findings": findings});
    let pagination = value!({"limit": 100, "total": total, "totalPages": 1, "totalIsExact": true, "nextCursor": next});
    json("200 OK", "", value!({"success": true, "data": data, "pagination": pagination}))
}

#[tokio::test]
async fn a_post_waits_as_told_and_repeats_with_the_same_idempotency_key() {
    let limited = failed("429 Too Many Requests", "retry-after: 1\r\n", "RATE_LIMIT_EXCEEDED");
    let fake = Fake::start(vec![limited, created()]).await;
    let started = Instant::now();
    let scan = client(&fake).create_scan(&new_scan()).await.unwrap();
    assert_eq!(scan.target, "127.0.0.1");
    assert!(started.elapsed() >= Duration::from_secs(1));
    let keys = fake.header("idempotency-key");
    assert_eq!((keys.len(), keys[0].len()), (2, 36));
    assert_eq!(keys[0], keys[1]);
    assert_eq!(fake.header("x-api-key"), [KEY, KEY]);
    assert!(fake.requests()[0].starts_with("POST /scan-api/api/v1/scans HTTP/1.1"));
}

#[tokio::test]
async fn two_posts_have_two_idempotency_keys() {
    let fake = Fake::start(vec![created(), created()]).await;
    let client = client(&fake);
    client.create_scan(&new_scan()).await.unwrap();
    client.create_scan(&new_scan()).await.unwrap();
    let keys = fake.header("idempotency-key");
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_carries_all_it_says() {
    let fake = Fake::start(vec![failed("403 Forbidden", "", "TARGET_NOT_ALLOWED"), created()]).await;
    let error = client(&fake).create_scan(&new_scan()).await.unwrap_err();
    assert_eq!((error.kind, error.status, error.attempts), (Kind::Permission, Some(403), 1));
    assert_eq!(error.code.as_deref(), Some("TARGET_NOT_ALLOWED"));
    assert_eq!(error.request_id.as_deref(), Some("req-7"));
    assert_eq!(error.details[0].field.as_deref(), Some("target"));
    assert_eq!(fake.requests().len(), 1);
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!((&json["kind"], &json["requestId"]), (&value!("permission"), &value!("req-7")));
}

#[tokio::test]
async fn a_quota_is_not_waited_for() {
    let spent = failed("429 Too Many Requests", "retry-after: 1\r\n", "QUOTA_EXCEEDED");
    let fake = Fake::start(vec![spent, created()]).await;
    let error = client(&fake).create_scan(&new_scan()).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (Kind::Quota, 1));
}

#[tokio::test]
async fn a_proxys_html_is_repeated_and_then_an_error_without_a_code() {
    let html = || raw("502 Bad Gateway", "content-type: text/html\r\n", "<html>Bad Gateway</html>");
    let fake = Fake::start(vec![html(), html(), created()]).await;
    assert!(client(&fake).create_scan(&new_scan()).await.is_ok());

    let fake = Fake::start((0..6).map(|_| html()).collect()).await;
    let error = client(&fake).get_scan(Uuid::nil(), ScanType::Sentinel).await.unwrap_err();
    assert_eq!((error.kind, error.cause_kind, error.attempts), (Kind::RetriesExhausted, Kind::Unavailable, 5));
    assert_eq!((error.code.clone(), error.body.as_deref()), (None, Some("<html>Bad Gateway</html>")));
    assert_eq!(fake.requests().len(), 5);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_repeated() {
    let cut = "HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"success\":true,".to_string();
    let fake = Fake::start(vec![cut, created()]).await;
    assert!(client(&fake).create_scan(&new_scan()).await.is_ok());
    let keys = fake.header("idempotency-key");
    assert_eq!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_success_that_is_not_the_contracts_is_a_decode_error() {
    let fake = Fake::start(vec![created(), raw("200 OK", "", "<html>Log in</html>")]).await;
    let client = client(&fake);
    client.create_scan(&new_scan()).await.unwrap();
    let error = client.get_scan(Uuid::nil(), ScanType::Nmap).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (Kind::Decode, 1));
}

#[tokio::test]
async fn a_redirect_does_not_carry_the_key_away() {
    let elsewhere = raw("302 Found", "location: http://127.0.0.1:1/\r\n", "");
    let fake = Fake::start(vec![elsewhere]).await;
    let error = client(&fake).engines().await.unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::Unknown, Some(302)));
}

#[tokio::test]
async fn results_are_all_pages() {
    let fake = Fake::start(vec![results(&[1, 2], 3, Some("c+1")), results(&[3], 3, None)]).await;
    let got = client(&fake).results(Uuid::nil(), ScanType::Sentinel).await.unwrap();
    assert_eq!(got.findings.len(), 3);
    assert!(fake.requests()[1].contains("?scanType=sentinel&limit=100&cursor=c%2B1 "), "{}", fake.requests()[1]);
}

#[tokio::test]
async fn a_failed_page_is_an_error_and_never_a_short_list() {
    let fake = Fake::start(vec![results(&[1], 2, Some("c")), failed("404 Not Found", "", "SCAN_NOT_FOUND")]).await;
    let error = client(&fake).results(Uuid::nil(), ScanType::Sentinel).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);

    let fake = Fake::start(vec![results(&[1], 2, None)]).await;
    let error = client(&fake).results(Uuid::nil(), ScanType::Sentinel).await.unwrap_err();
    assert_eq!(error.kind, Kind::UnexpectedValue);
}

#[tokio::test]
async fn nobody_there_is_a_connection_error() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let retrying = Retrying { base: Duration::from_millis(1), attempts: 2, ..Retrying::default() };
    let client = Client::new(&format!("http://127.0.0.1:{port}"), None, retrying).unwrap();
    let error = client.errors().await.unwrap_err();
    assert_eq!((error.kind, error.cause_kind, error.status), (Kind::RetriesExhausted, Kind::Connection, None));
    assert!(error.to_string().contains("could not connect"), "{error}");
}

#[tokio::test]
async fn the_key_is_in_no_error_and_no_debug_output() {
    let echo = raw("500 Internal Server Error", "", &format!("no such key {KEY}"));
    let fake = Fake::start((0..5).map(|_| echo.clone()).collect()).await;
    let client = client(&fake);
    let error = client.engines().await.unwrap_err();
    let shown = format!("{client:?} {error:?} {error} {}", serde_json::to_string(&error).unwrap());
    assert!(shown.contains("[secret]") && !shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn a_server_that_is_no_http_url_is_refused() {
    for server in ["127.0.0.1:8080", "ftp://a.test", "http://user:pw@a.test", "", "unix:/x"] {
        assert!(Client::new(server, None, Retrying::default()).is_err(), "{server}");
    }
}

#[tokio::test]
async fn a_key_is_not_sent_over_plain_http_to_another_machine_unless_told() {
    let credential = || Credential::Key(Hidden::new(KEY));
    let with = |server: &str, settings| Client::with(server, credential(), settings);
    let refused = |server: &str| matches!(with(server, Settings::default()), Err(SetupError::InTheClear));
    for server in
        ["http://scan.example.test", "http://192.0.2.1:8080", "http://127.0.0.1.example.test", "http://[2001:db8::1]/"]
    {
        assert!(refused(server), "{server}");
    }
    for server in
        ["http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]", "http://localhost", "https://scan.example.test"]
    {
        assert!(!refused(server), "{server}");
    }
    let allowed = Settings { allow_plain_http: true, ..Settings::default() };
    assert!(with("http://scan.example.test", allowed).is_ok());
    // A proxy elsewhere would carry it away as well.
    let proxy = Some("http://proxy.example.test:3128".parse().unwrap());
    assert!(with("http://127.0.0.1:1", Settings { proxy, ..Settings::default() }).is_err());

    let nobody = Client::with("http://scan.example.test", Credential::Nobody, Settings::default()).unwrap();
    let login =
        Login { email: "ada@example.test".to_string(), password: Hidden::new("a-long-password"), refresh_in: None };
    let error = nobody.log_in(&login).await.unwrap_err();
    assert_eq!((error.kind, error.attempts), (Kind::UnexpectedValue, 0));
}

fn event(id: u64, status: &str, progress: u8, is_final: bool) -> String {
    let data = value!({"scanId": Uuid::nil(), "kind": "status", "status": status, "progress": progress, "attempts": 0,
        "at": "2026-03-06T10:00:00Z", "final": is_final});
    format!("id: {id}\nevent: status\ndata: {data}\n\n")
}

/// A stream of events that ends with its connection.
fn stream(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\nretry: 1\n\n{body}")
}

#[tokio::test]
async fn events_go_on_behind_the_last_one_when_their_connection_ends() {
    let first = stream(&format!(
        "{}: nothing new\n\n{}id: 9\ndata: cut",
        event(1, "queued", 0, false),
        event(4, "running", 40, false)
    ));
    let last = stream(&event(7, "completed", 100, true));
    let fake =
        Fake::start(vec![first, failed("429 Too Many Requests", "retry-after: 0\r\n", "TOO_MANY_STREAMS"), last]).await;
    let events: Vec<_> = client(&fake).events(Uuid::nil(), ScanType::Sentinel).try_collect().await.unwrap();
    let seen: Vec<(u8, bool)> = events.iter().map(|event| (event.progress, event.is_final)).collect();
    assert_eq!(seen, [(0, false), (40, false), (100, true)]);
    assert_eq!(fake.header("last-event-id"), ["", "4", "4"]);
    assert!(fake.requests()[0].contains("/events?scanType=sentinel "), "{}", fake.requests()[0]);
    assert_eq!(fake.header("accept")[0], "text/event-stream");
}

#[tokio::test]
async fn events_of_a_scan_that_is_gone_are_an_error_and_of_one_that_is_over_none() {
    let fake = Fake::start(vec![failed("404 Not Found", "", "SCAN_NOT_FOUND"), raw("204 No Content", "", "")]).await;
    let events = || client(&fake).events(Uuid::nil(), ScanType::Nmap);
    assert_eq!(events().try_collect::<Vec<_>>().await.unwrap_err().kind, Kind::NotFound);
    assert!(events().try_collect::<Vec<_>>().await.unwrap().is_empty());
}
