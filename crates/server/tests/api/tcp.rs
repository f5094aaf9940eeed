//! The accept loop over real connections: every bound holds on plain HTTP and over TLS alike.

use crate::wire::{WIRES, get, listen, parse, rest};
use scanyard_server::config::Config;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_half_sent_head_and_a_silent_connection_are_closed() {
    for wire in WIRES {
        let t = wire.node(|config: &mut Config| config.http.header_timeout = Duration::from_millis(200)).await;
        let (address, _serving) = listen(&t).await;
        for sent in ["", "GET /livez HTTP/1.1\r\nHost:"] {
            let mut stream = wire.connect(address).await;
            stream.write_all(sent.as_bytes()).await.unwrap();
            let began = Instant::now();
            rest(&mut stream).await;
            assert!((150..5_000).contains(&began.elapsed().as_millis()), "{sent:?}: {:?}", began.elapsed());
        }
        // Between two requests, too.
        let mut stream = wire.connect(address).await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        assert!(String::from_utf8(rest(&mut stream).await).unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn one_connection_too_many_is_told_to_come_back() {
    for wire in WIRES {
        let t = wire.node(|config: &mut Config| config.http.max_connections = 1).await;
        let (address, _serving) = listen(&t).await;
        let mut seated = wire.connect(address).await;
        seated.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        seated.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        let refused = wire.send(address, &get("/livez", "")).await;
        assert_eq!(refused.is(503, "SERVICE_UNAVAILABLE").header("retry-after"), "1");
        drop(seated);
        // The seat is free as soon as the server has seen the connection end.
        let freed = async {
            while wire.send(address, &get("/livez", "")).await.status != 200 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), freed).await.unwrap();
    }
}

#[tokio::test]
async fn long_urls_and_headers_are_answered_in_the_envelope() {
    for wire in WIRES {
        let t = wire.node(|_| {}).await;
        let (address, _serving) = listen(&t).await;
        wire.send(address, &get(&format!("/api/v1/errors?x={}", "x".repeat(60_000)), "")).await.is(414, "URI_TOO_LONG");
        let large = format!("X-Padding: {}\r\n", "x".repeat(60_000));
        wire.send(address, &get("/api/v1/errors", &large)).await.is(431, "HEADERS_TOO_LARGE");
        let many: String = (0..400).map(|i| format!("X-Padding-{i}: {}\r\n", "x".repeat(40))).collect();
        wire.send(address, &get("/api/v1/errors", &many)).await.is(431, "HEADERS_TOO_LARGE");
    }
}

#[tokio::test]
async fn a_client_that_is_still_sending_sees_its_413() {
    for wire in WIRES {
        let t = wire.node(|_| {}).await;
        let (address, _serving) = listen(&t).await;
        let caller = t.key("scans:create").made().await;
        let key = caller.key_text();
        let body = vec![b' '; 20 * 1024 * 1024];
        let head = format!(
            "POST /api/v1/scans HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-API-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = wire.connect(address).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.expect("the server stopped reading");
        parse(&rest(&mut stream).await).is(413, "PAYLOAD_TOO_LARGE");
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_408() {
    for wire in WIRES {
        let t = wire.node(|config: &mut Config| config.http.body_timeout = Duration::from_millis(200)).await;
        let (address, _serving) = listen(&t).await;
        let key = t.key("scans:create").made().await.key_text();
        let head = format!(
            "POST /api/v1/scans HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
             Content-Length: 100\r\n\r\n{{"
        );
        wire.send(address, head.as_bytes()).await.is(408, "REQUEST_TIMEOUT");
    }
}

#[tokio::test]
async fn a_drain_ends_idle_connections_and_lets_requests_finish() {
    for wire in WIRES {
        let t = wire.node(|_| {}).await;
        let (address, serving) = listen(&t).await;
        let mut idle = wire.connect(address).await;
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
        let mut busy = wire.connect(address).await;
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
}
