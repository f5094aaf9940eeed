//! TLS as an inspector speaks it: every certificate is taken, none is trusted, and nothing secret is ever sent.

use super::hello::{self, MAX_CERTIFICATES, Reply, Version};
use super::{net, suites};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The most bytes of a server's first messages that are read: certificates chains are long.
const HELLO_BYTES: usize = 128 * 1024;

/// How opening TLS went.
#[derive(Debug)]
pub enum Opened {
    Session(Box<TlsStream<TcpStream>>),
    /// No connection, or an answer that rustls cannot go on with.
    Failed,
    /// No answer in time.
    Silent,
}

/// Opens TLS 1.2 or 1.3. `host` is a name, sent as SNI, or an address, which is not.
pub async fn open(address: SocketAddr, host: &str, within: Duration) -> Opened {
    let Ok(name) = ServerName::try_from(host.to_string()) else { return Opened::Failed };
    let Ok(stream) = net::connect(address, within).await else { return Opened::Failed };
    let connector = TlsConnector::from(CONFIG.clone());
    match timeout(within, connector.connect(name, stream)).await {
        Ok(Ok(session)) => Opened::Session(Box::new(session)),
        Ok(Err(_)) => Opened::Failed,
        Err(_) => Opened::Silent,
    }
}

/// The suite and the certificates of a session.
pub fn describe(session: &TlsStream<TcpStream>) -> (Option<String>, Vec<Vec<u8>>) {
    let (_, connection) = session.get_ref();
    // rustls marks the names of TLS 1.3 as such; IANA does not.
    let suite = connection.negotiated_cipher_suite().map(|suite| suites::name(u16::from(suite.suite())));
    let chain = connection.peer_certificates().unwrap_or_default();
    (suite, chain.iter().take(MAX_CERTIFICATES).map(|certificate| certificate.to_vec()).collect())
}

/// Sends a hand-made hello of one version and reads the server's first messages.
pub async fn ask(address: SocketAddr, host: &str, version: Version, suites: &[u16], within: Duration) -> Reply {
    let Ok(mut stream) = net::connect(address, within).await else { return Reply::default() };
    let mut random = [0; 32];
    random[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    random[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let name = Some(host).filter(|host| host.parse::<std::net::IpAddr>().is_err());
    let request = hello::client_hello(version, suites, name, &random);
    let is_complete = |bytes: &[u8]| hello::parse(bytes).is_complete;
    hello::parse(&net::ask(&mut stream, &request, HELLO_BYTES, within, is_complete).await.bytes)
}

static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .expect("ring speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAll(provider)))
        .with_no_client_auth();
    Arc::new(config)
});

/// Takes every certificate and every signature: what is wrong with them is a finding, not an error.
#[derive(Debug)]
struct AcceptAll(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.0.signature_verification_algorithms.supported_schemes();
        schemes.extend([
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1_Legacy,
            SignatureScheme::ECDSA_NISTP521_SHA512,
        ]);
        schemes
    }
}
