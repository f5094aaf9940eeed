//! TLS as clients meet it.

use crate::harness::Test;
use crate::wire::{Identity, Wire, get, identity, listen, parse, rest, shake};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn version(client: tokio_rustls::TlsConnector, address: std::net::SocketAddr) -> std::io::Result<String> {
    let stream = shake(client, TcpStream::connect(address).await?).await?;
    let session = stream.get_ref().1;
    let alpn = String::from_utf8_lossy(session.alpn_protocol().unwrap_or(b"none")).into_owned();
    Ok(format!("{:?} {alpn}", session.protocol_version().unwrap()))
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_http_1_1_inside() {
    let t = Wire::Tls.node(|_| {}).await;
    let (address, _serving) = listen(&t).await;
    let client = |version, alpn: &[&str]| identity().client(&[version], alpn);
    let (old, new) = (&rustls::version::TLS12, &rustls::version::TLS13);
    assert_eq!(version(client(old, &["http/1.1"]), address).await.unwrap(), "TLSv1_2 http/1.1");
    assert_eq!(version(client(new, &["h2", "http/1.1"]), address).await.unwrap(), "TLSv1_3 http/1.1");
    assert_eq!(version(client(new, &[]), address).await.unwrap(), "TLSv1_3 none");
    let refused = version(client(new, &["h2"]), address).await.unwrap_err();
    assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
}

#[tokio::test]
async fn plain_http_is_not_answered_where_tls_is_spoken() {
    let t = Wire::Tls.node(|_| {}).await;
    let (address, _serving) = listen(&t).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&get("/livez", "")).await.unwrap();
    let said = rest(&mut stream).await;
    assert!(!String::from_utf8_lossy(&said).contains("HTTP"), "{said:?}");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_to_its_end_is_ended() {
    let t = Wire::Tls.node(|config| config.tls.handshake_timeout = Duration::from_millis(200)).await;
    let (address, _serving) = listen(&t).await;
    // Nothing, and the beginning of a ClientHello.
    for sent in [&b""[..], &[22, 3, 1, 1, 0, 1]] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let began = Instant::now();
        rest(&mut stream).await;
        assert!((150..5_000).contains(&began.elapsed().as_millis()), "{sent:?}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_handshake_takes_a_seat_and_a_drain_ends_it() {
    let t = Wire::Tls.node(|config| config.http.max_connections = 1).await;
    let (address, serving) = listen(&t).await;
    let mut shaking = TcpStream::connect(address).await.unwrap();
    Wire::Tls.send(address, &get("/livez", "")).await.is(503, "SERVICE_UNAVAILABLE");
    t.app.draining.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), shaking.read(&mut [0; 1])).await;
    assert_eq!(ended.expect("the handshake is not ended").unwrap_or(0), 0);
    serving.await.unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_the_next_client() {
    let identity = Identity::new();
    let t = Test::with(|config| config.tls = identity.settings()).await;
    let (address, _serving) = listen(&t).await;
    let ask = async |client: &tokio_rustls::TlsConnector| {
        let mut stream = shake(client.clone(), TcpStream::connect(address).await?).await?;
        stream.write_all(&get("/livez", "")).await?;
        std::io::Result::Ok(parse(&rest(&mut stream).await).status)
    };
    let before = identity.client(rustls::ALL_VERSIONS, &[]);
    assert_eq!(ask(&before).await.unwrap(), 200);
    identity.renew();
    let after = identity.client(rustls::ALL_VERSIONS, &[]);
    assert!(ask(&after).await.is_err(), "it is not read before it is told to");
    t.app.tls.as_ref().unwrap().reload().unwrap();
    assert_eq!(ask(&after).await.unwrap(), 200);
    assert!(ask(&before).await.is_err());
}
