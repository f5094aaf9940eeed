//! The receiver of the webhooks: HTTPS on loopback under an authority of its own. It is away at times, fails at times, and
//! remembers what it took.

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Every so many-th call is refused with 503, so that deliveries are repeated.
const REFUSED: u64 = 11;

/// A call of a webhook that was answered with 200.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// `webhook-id`: the same in every attempt of a delivery.
    pub id: String,
    pub event: String,
    pub scan_id: String,
    pub body: String,
}

/// The receiver; it ends when dropped.
#[derive(Debug)]
pub struct Receiver {
    port: u16,
    acceptor: Acceptor,
    taken: Taken,
    up: Option<CancellationToken>,
}

#[derive(Clone)]
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

#[derive(Debug, Clone, Default)]
struct Taken {
    calls: Arc<Mutex<Vec<Call>>>,
    count: Arc<AtomicU64>,
}

impl Taken {
    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver {
    /// Starts one, and writes its authority's certificate to `ca_file`.
    pub async fn start(ca_file: &Path) -> anyhow::Result<Receiver> {
        let acceptor = Acceptor(acceptor(ca_file).context("making the receiver's certificate")?);
        let mut receiver = Receiver { port: 0, acceptor, taken: Taken::default(), up: None };
        receiver.come_back().await?;
        Ok(receiver)
    }

    /// Where webhooks are sent.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}/hook", self.port)
    }

    /// What it took so far.
    pub fn calls(&self) -> Vec<Call> {
        self.taken.lock().clone()
    }

    /// Goes away: its port is closed and every connection cut.
    pub fn go_away(&mut self) {
        if let Some(up) = self.up.take() {
            up.cancel();
        }
    }

    /// Listens again, at the same port.
    pub async fn come_back(&mut self) -> anyhow::Result<()> {
        self.go_away();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener = TcpListener::bind(address).await.with_context(|| format!("the receiver at {address}"))?;
        self.port = listener.local_addr()?.port();
        let up = CancellationToken::new();
        tokio::spawn(serve(listener, self.acceptor.clone(), self.taken.clone(), up.clone()));
        self.up = Some(up);
        Ok(())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.go_away();
    }
}

async fn serve(listener: TcpListener, acceptor: Acceptor, taken: Taken, up: CancellationToken) {
    // Dropped with this future: the connections go with the listener.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = up.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        while connections.try_join_next().is_some() {}
        let (acceptor, taken) = (acceptor.clone(), taken.clone());
        connections.spawn(async move {
            let Ok(stream) = acceptor.0.accept(stream).await else { return };
            let service = service_fn(|request| answer(request, taken.clone()));
            let http = hyper::server::conn::http1::Builder::new();
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, taken: Taken) -> Result<Response<Full<Bytes>>, Infallible> {
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_string();
    let (id, event) = (header("webhook-id"), header("x-certix-event"));
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
    let Ok(body) = request.into_body().collect().await else { return Ok(answer) };
    if taken.count.fetch_add(1, Ordering::SeqCst) % REFUSED == REFUSED - 1 {
        return Ok(answer);
    }
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    let scan_id = json["data"]["scanId"].as_str().unwrap_or_default().to_string();
    taken.lock().push(Call { id, event, scan_id, body });
    *answer.status_mut() = http::StatusCode::OK;
    Ok(answer)
}

fn acceptor(ca_file: &Path) -> anyhow::Result<TlsAcceptor> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(ca_file, ca.self_signed(&ca_key)?.pem())?;
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_string()])?.signed_by(&key, &issuer)?;
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
