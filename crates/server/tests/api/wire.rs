//! Real connections to a node's accept loop, plain and over TLS.

use crate::harness::{Answer, Test, read};
use http::{HeaderMap, HeaderName, Method};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use scanyard_server::config::{self, Config};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What lies between the socket and HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Plain,
    Tls,
}

/// Every rule of the accept loop holds for both.
pub const WIRES: [Wire; 2] = [Wire::Plain, Wire::Tls];

/// A client's end of a connection.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A certificate for 127.0.0.1 with its key.
#[derive(Debug)]
pub struct Identity {
    dir: TempDir,
}

impl Identity {
    pub fn new() -> Identity {
        let identity = Identity { dir: tempfile::tempdir().unwrap() };
        identity.renew();
        identity
    }

    /// Another certificate in the same files.
    pub fn renew(&self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap();
        std::fs::write(self.cert(), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(self.key(), key.serialize_pem()).unwrap();
    }

    pub fn cert(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    pub fn settings(&self) -> config::Tls {
        config::Tls { cert: Some(self.cert()), key: Some(self.key()), ..config::Tls::default() }
    }

    /// A client that trusts this certificate and nothing else.
    pub fn client(&self, versions: &[&'static SupportedProtocolVersion], alpn: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.cert()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

/// The certificate of the tests that need just any.
pub fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(Identity::new)
}

/// Shakes hands.
pub async fn shake(connector: TlsConnector, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// Starts the accept loop of a node.
pub async fn listen(t: &Test) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (app, router) = (t.app.clone(), t.router.clone());
    let grace = Duration::from_secs(5);
    (address, tokio::spawn(scanyard_server::http::serve::serve(listener, app, router, grace)))
}

impl Wire {
    /// A node that serves it.
    pub async fn node(self, change: impl FnOnce(&mut Config)) -> Test {
        Test::with(|config| {
            if self == Wire::Tls {
                config.tls = identity().settings();
            }
            change(config);
        })
        .await
    }

    pub async fn connect(self, address: SocketAddr) -> Box<dyn Io> {
        let stream = TcpStream::connect(address).await.unwrap();
        match self {
            Wire::Plain => Box::new(stream),
            Wire::Tls => {
                let client = identity().client(rustls::ALL_VERSIONS, &[]);
                Box::new(shake(client, stream).await.unwrap())
            }
        }
    }

    /// Sends raw bytes and reads the answer to its end.
    pub async fn send(self, address: SocketAddr, request: &[u8]) -> Answer {
        let mut stream = self.connect(address).await;
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        // The end is said, also over TLS: else what was read could be a part of what was sent.
        stream.read_to_end(&mut bytes).await.unwrap();
        parse(&bytes)
    }
}

/// Reads until the server closes.
pub async fn rest(stream: &mut (impl Io + ?Sized)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await;
    match read.expect("the server did not close the connection") {
        // Over TLS: the server gave the client up and did not say goodbye.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
        ended => drop(ended.unwrap()),
    }
    bytes
}

/// Takes an answer apart and holds it against what is true of all.
pub fn parse(bytes: &[u8]) -> Answer {
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

/// A request whose connection ends with its answer.
pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}
