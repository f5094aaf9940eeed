//! Webhook deliveries a second to a receiver over HTTPS on loopback.

use crate::Server;
use anyhow::Context;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use scanyard_contract::webhook::DeliveryEvent;
use scanyard_server::config::{Allow, Config};
use scanyard_server::store::delivery::{self, NewDelivery};
use scanyard_server::store::outbox::new_id;
use scanyard_server::store::{Clock, Store, StoreOptions};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// Deliveries of a round.
const DELIVERIES: usize = 20_000;

/// The file of the receiver's authority, beside the server's data folder.
const AUTHORITY: &str = "ca.pem";

/// Has the server trust the receiver, when there is one.
pub fn trust(config: &mut Config, dir: &Path) -> anyhow::Result<()> {
    let authority = dir.join(AUTHORITY);
    if authority.exists() {
        config.webhooks.ca_file = Some(authority);
        config.webhooks.allow = vec![Allow::Net("127.0.0.1/32".parse()?)];
    }
    Ok(())
}

/// Counts calls until it has them all.
struct Receiver {
    seen: Mutex<Seen>,
    whole: Notify,
}

#[derive(Default)]
struct Seen {
    calls: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// Rounds with one webhook and with eight, whose deliveries wait when the server starts.
pub async fn deliveries() -> anyhow::Result<()> {
    for webhooks in [1, 8] {
        let dir = tempfile::tempdir()?;
        let receiver = Arc::new(Receiver { seen: Mutex::default(), whole: Notify::new() });
        let port = listen(dir.path(), receiver.clone()).await?;
        let server = Server::start(dir.path(), 0)?;
        let mut ids = Vec::new();
        for _ in 0..webhooks {
            let body = format!(r#"{{"name":"bench","url":"https://127.0.0.1:{port}/hook"}}"#);
            let made = server.call("POST", "/api/v1/webhooks", &body).await?;
            ids.push(made["data"]["id"].as_str().context("no webhook was made")?.to_string());
        }
        drop(server);
        fill(dir.path(), &ids).await?;
        let _server = Server::start(dir.path(), 0)?;
        tokio::time::timeout(Duration::from_secs(300), receiver.whole.notified())
            .await
            .context("deliveries are missing")?;
        let seen = receiver.seen.lock().map_err(|_| anyhow::anyhow!("a call panicked"))?;
        let elapsed = seen.first.zip(seen.last).map_or(Duration::ZERO, |(first, last)| last - first);
        let rate = (DELIVERIES - 1) as f64 / elapsed.as_secs_f64();
        println!("| webhook deliveries over HTTPS, {webhooks} receiving, {DELIVERIES} waiting | {rate:.0}/s |");
    }
    Ok(())
}

/// Puts deliveries into the outbox, the webhooks in turn.
async fn fill(dir: &Path, webhooks: &[String]) -> anyhow::Result<()> {
    let url = format!("sqlite://{}", dir.join("data/scanyard.db").display());
    let store = Store::open(&StoreOptions { url, read_connections: 1, write_queue: 16, clock: Clock::System }).await?;
    let payload = format!(
        r#"{{"id":"evt-0","event":"scan.completed","apiVersion":1,"data":{{"filler":"{}"}}}}"#,
        "x".repeat(400)
    );
    let new = |at: usize| NewDelivery {
        id: new_id("dlv"),
        tenant_id: "bench".to_string(),
        webhook_id: webhooks.get(at % webhooks.len()).cloned(),
        callback_url: None,
        event: DeliveryEvent::Completed,
        scan_id: None,
        payload: payload.clone(),
        created_at: store.local_now(),
    };
    let all: Vec<NewDelivery> = (0..DELIVERIES).map(new).collect();
    store.write(move |conn| Box::pin(async move { delivery::insert(conn, &all).await })).await?;
    store.close().await;
    Ok(())
}

/// Listens with a certificate of an authority of its own, which it leaves in the folder.
async fn listen(dir: &Path, receiver: Arc<Receiver>) -> anyhow::Result<u16> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(dir.join(AUTHORITY), params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_string()])?.signed_by(&key, &issuer)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, receiver) = (acceptor.clone(), receiver.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request| answer(request, receiver.clone()));
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(port)
}

async fn answer(request: Request<Incoming>, receiver: Arc<Receiver>) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    if let Ok(mut seen) = receiver.seen.lock() {
        let now = Instant::now();
        seen.calls += 1;
        seen.first.get_or_insert(now);
        seen.last = Some(now);
        if seen.calls == DELIVERIES {
            receiver.whole.notify_one();
        }
    }
    Ok(Response::new(Empty::new()))
}
