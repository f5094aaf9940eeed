//! A receiver of webhooks: HTTPS on loopback, with a certificate of our own authority, that remembers its calls and
//! answers as it is told.

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use scanyard_server::config::{Allow, Config};
use serde_json::Value;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    /// 302 to another path of its own.
    Redirect,
    /// Nothing, ever.
    Hang,
    /// 200 with a body that does not end.
    Endless,
    /// 200 with a body that stops in the middle and never goes on.
    HalfBody,
    /// Closes the connection instead of answering.
    Close,
}

/// What a receiver got.
#[derive(Debug, Clone)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Call {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The receiver.
pub struct Receiver {
    pub port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
    reply: Arc<Mutex<Reply>>,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
    _dir: tempfile::TempDir,
}

/// One for the whole run.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    Authority { issuer: Issuer::new(params, key), file, _dir: dir }
});

fn acceptor() -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1", "loopback.example.test"].map(str::to_string);
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &AUTHORITY.issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Settings with which a node trusts the receivers of these tests.
pub fn trust(config: &mut Config) {
    config.webhooks.allow = vec![Allow::Net("127.0.0.0/8".parse().unwrap())];
    config.webhooks.ca_file = Some(AUTHORITY.file.clone());
}

impl Receiver {
    /// A receiver that answers 200.
    pub async fn new() -> Receiver {
        Receiver::at("127.0.0.1").await
    }

    /// A receiver at another address of loopback, with the same certificate.
    pub async fn at(ip: &str) -> Receiver {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (calls, reply) = (Arc::default(), Arc::new(Mutex::new(Reply::Status(200))));
        let receiver = Receiver { port, calls, reply };
        let (calls, reply, acceptor) = (receiver.calls.clone(), receiver.reply.clone(), acceptor());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (calls, reply, acceptor) = (calls.clone(), reply.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(|request| answer(request, calls.clone(), reply.clone()));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}/hook", self.port)
    }

    pub fn replies(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub fn last(&self) -> Call {
        self.calls().pop().expect("a call")
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(
    request: http::Request<Incoming>,
    calls: Arc<Mutex<Vec<Call>>>,
    reply: Arc<Mutex<Reply>>,
) -> Result<Response<Body>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    calls.lock().unwrap().push(Call { path: parts.uri.path().to_string(), headers: parts.headers, body });
    let reply = *reply.lock().unwrap();
    let text = |text: &'static str| http_body_util::Full::new(Bytes::from_static(text.as_bytes())).boxed_unsync();
    let endless = futures::stream::repeat_with(|| Ok(Frame::data(Bytes::from(vec![b'x'; 64 * 1024]))));
    let response = Response::builder();
    let response = match reply {
        Reply::Status(status) => response.status(status).body(text("thank \u{1b}[31myou")),
        Reply::Redirect => response.status(302).header("location", "/elsewhere").body(text("over there")),
        Reply::Endless => response.status(200).body(StreamBody::new(endless).boxed_unsync()),
        Reply::HalfBody => {
            let half = futures::stream::iter([Ok(Frame::data(Bytes::from_static(b"half")))]);
            response.status(200).body(StreamBody::new(half.chain(futures::stream::pending())).boxed_unsync())
        }
        Reply::Hang => std::future::pending().await,
        Reply::Close => return Err(std::io::ErrorKind::ConnectionAborted.into()),
    };
    Ok(response.unwrap())
}
