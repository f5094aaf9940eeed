//! The accept loop over real connections.

use crate::harness::{Answer, Test, read};
use http::{HeaderMap, HeaderName, Method};
use scanyard_server::config::Config;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Starts the accept loop of a node.
async fn listen(t: &Test) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (app, router) = (t.app.clone(), t.router.clone());
    let grace = Duration::from_secs(5);
    (address, tokio::spawn(scanyard_server::http::serve::serve(listener, app, router, grace)))
}

/// Reads until the server closes.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await;
    read.expect("the server did not close the connection").unwrap();
    bytes
}

/// Takes an answer apart and holds it against what is true of all.
fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer in {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HeaderMap = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    read(status, headers, body.as_bytes(), &Method::GET)
}

/// Sends raw bytes and reads the answer to its end.
async fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    parse(&rest(&mut stream).await)
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

#[tokio::test]
async fn a_half_sent_head_and_a_silent_connection_are_closed() {
    let t = Test::with(|config: &mut Config| config.http.header_timeout = Duration::from_millis(200)).await;
    let (address, _serving) = listen(&t).await;
    for sent in ["", "GET /livez HTTP/1.1\r\nHost:"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let began = Instant::now();
        rest(&mut stream).await;
        assert!((150..5_000).contains(&began.elapsed().as_millis()), "{sent:?}: {:?}", began.elapsed());
    }
    // Between two requests, too.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(String::from_utf8(rest(&mut stream).await).unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn one_connection_too_many_is_told_to_come_back() {
    let t = Test::with(|config: &mut Config| config.http.max_connections = 1).await;
    let (address, _serving) = listen(&t).await;
    let mut seated = TcpStream::connect(address).await.unwrap();
    seated.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    seated.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let refused = send(address, &get("/livez", "")).await;
    assert_eq!(refused.is(503, "SERVICE_UNAVAILABLE").header("retry-after"), "1");
    drop(seated);
    // The seat is free as soon as the server has seen the connection end.
    let freed = async {
        while send(address, &get("/livez", "")).await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), freed).await.unwrap();
}

#[tokio::test]
async fn long_urls_and_headers_are_answered_in_the_envelope() {
    let t = Test::new().await;
    let (address, _serving) = listen(&t).await;
    send(address, &get(&format!("/api/v1/errors?x={}", "x".repeat(60_000)), "")).await.is(414, "URI_TOO_LONG");
    let large = format!("X-Padding: {}\r\n", "x".repeat(60_000));
    send(address, &get("/api/v1/errors", &large)).await.is(431, "HEADERS_TOO_LARGE");
    let many: String = (0..400).map(|i| format!("X-Padding-{i}: {}\r\n", "x".repeat(40))).collect();
    send(address, &get("/api/v1/errors", &many)).await.is(431, "HEADERS_TOO_LARGE");
}

#[tokio::test]
async fn a_client_that_is_still_sending_sees_its_413() {
    let t = Test::new().await;
    let (address, _serving) = listen(&t).await;
    let caller = t.key("scans:create").made().await;
    let key = caller.key_text();
    let body = vec![b' '; 20 * 1024 * 1024];
    let head = format!(
        "POST /api/v1/scans HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.expect("the server stopped reading");
    parse(&rest(&mut stream).await).is(413, "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn a_body_that_trickles_is_408() {
    let t = Test::with(|config: &mut Config| config.http.body_timeout = Duration::from_millis(200)).await;
    let (address, _serving) = listen(&t).await;
    let key = t.key("scans:create").made().await.key_text();
    let head = format!(
        "POST /api/v1/scans HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{"
    );
    send(address, head.as_bytes()).await.is(408, "REQUEST_TIMEOUT");
}

#[tokio::test]
async fn a_drain_ends_idle_connections_and_lets_requests_finish() {
    let t = Test::new().await;
    let (address, serving) = listen(&t).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    let key = t.key("scans:create").made().await.key_text();
    let body = r#"{"target":"silent.example.test","scanType":"sentinel"}"#;
    let request = format!(
        "POST /api/v1/scans HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(request.as_bytes()).await.unwrap();
    // The request has begun once its key was counted.
    let begun = async {
        while !t.rows("rate_window").await.is_positive() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), begun).await.unwrap();
    t.app.draining.cancel();
    rest(&mut idle).await;
    parse(&rest(&mut busy).await).ok(201);
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
