//! One call of a receiver: no redirects, no proxy, a deadline, and only the beginning of the answer.

use super::guard::{Guard, Refusal};
use anyhow::Context;
use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

/// Bytes of an answer's body that are read.
const READ: usize = 4 * 1024;

/// Bytes of an answer's body that are kept.
const EXCERPT: usize = 1024;

/// How long the rest of an answer may take, after its status: it changes nothing any more.
const BODY_TIME: Duration = Duration::from_secs(1);

/// Calls receivers.
#[derive(Debug)]
pub struct Sender {
    pub guard: Guard,
    timeout: Duration,
    authorities: Vec<CertificateDer<'static>>,
    /// Made at the first call: the system's certificates are many, and most nodes call nobody.
    clients: OnceLock<Result<Clients, String>>,
}

#[derive(Debug)]
struct Clients {
    http: reqwest::Client,
    tls: Arc<ClientConfig>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub duration_ms: u64,
    /// The status of the answer, when there was one.
    pub status: Option<u16>,
    /// Why it failed; none when it succeeded.
    pub error: Option<String>,
    /// The beginning of the answer's body.
    pub excerpt: Option<String>,
}

impl Sender {
    /// Reads the extra authorities.
    pub fn new(guard: Guard, timeout: Duration, ca_file: Option<&Path>) -> anyhow::Result<Sender> {
        let authorities = ca_file.map(read_authorities).transpose()?.unwrap_or_default();
        Ok(Sender { guard, timeout, authorities, clients: OnceLock::new() })
    }

    fn clients(&self) -> Result<&Clients, String> {
        let clients = self.clients.get_or_init(|| self.connect().map_err(|error| format!("{error:#}")));
        clients.as_ref().map_err(Clone::clone)
    }

    fn connect(&self) -> anyhow::Result<Clients> {
        let mut roots = rustls::RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "reading the system's certificate authorities");
        }
        roots.add_parsable_certificates(system.certs);
        roots.add_parsable_certificates(self.authorities.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("setting TLS up")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .dns_resolver(Arc::new(self.guard.clone()))
            .redirect(Policy::none())
            .no_proxy()
            .https_only(true)
            .http1_only()
            .referer(false)
            .retry(reqwest::retry::never())
            .timeout(self.timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(16)
            .user_agent(concat!("Scanyard/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("making the HTTP client")?;
        Ok(Clients { http, tls: Arc::new(tls) })
    }

    /// Connects and makes the TLS handshake; says why a receiver cannot be reached.
    pub async fn probe(&self, url: &Url) -> Result<(), String> {
        let tried = tokio::time::timeout(self.timeout, self.handshake(url)).await;
        tried.unwrap_or_else(|_| Err(format!("did not answer within {} ms", self.timeout.as_millis())))
    }

    async fn handshake(&self, url: &Url) -> Result<(), String> {
        let addresses = self.guard.addresses(url).await.map_err(|refusal| refusal.to_string())?;
        let tls = TlsConnector::from(self.clients()?.tls.clone());
        let name = match url.host() {
            Some(url::Host::Domain(name)) => {
                ServerName::try_from(name.trim_end_matches('.').to_string()).map_err(|error| error.to_string())?
            }
            Some(url::Host::Ipv4(ip)) => ServerName::IpAddress(std::net::IpAddr::from(ip).into()),
            Some(url::Host::Ipv6(ip)) => ServerName::IpAddress(std::net::IpAddr::from(ip).into()),
            None => return Err("names no host".to_string()),
        };
        let stream = TcpStream::connect(&*addresses).await.map_err(|error| format!("could not connect: {error}"))?;
        tls.connect(name, stream).await.map_err(|error| handshake_fault(&error))?;
        Ok(())
    }

    /// Posts a body; any 2xx is a success.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: String) -> Answered {
        let begun = Instant::now();
        let sent = self.send(url, headers, body).await;
        let duration_ms = begun.elapsed().as_millis() as u64;
        match sent {
            Ok((status, excerpt)) => Answered {
                duration_ms,
                status: Some(status.as_u16()),
                error: (!status.is_success()).then(|| unexpected(status)),
                excerpt: (!excerpt.is_empty()).then_some(excerpt),
            },
            Err(error) => Answered { duration_ms, status: None, error: Some(error), excerpt: None },
        }
    }

    async fn send(&self, url: &str, headers: HeaderMap, body: String) -> Result<(StatusCode, String), String> {
        let url = super::guard::parse_url(url).map_err(|reason| format!("the URL {reason}"))?;
        self.guard.check_literals(&url).map_err(|refusal| format!("the host {refusal}"))?;
        let request = self.clients()?.http.post(url).headers(headers);
        let request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
        let mut response = request.send().await.map_err(|error| self.told(error))?;
        let status = response.status();
        Ok((status, excerpt(&mut response).await))
    }

    /// A failure in words that say what to look at, without what is inside of the operator's network.
    fn told(&self, error: reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {} ms", self.timeout.as_millis());
        }
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            if let Some(refusal) = source.downcast_ref::<Refusal>() {
                return refusal.to_string();
            }
            if tls_error(source).is_some() {
                return handshake_fault(source);
            }
            cause = source;
        }
        if error.is_connect() { format!("could not connect: {cause}") } else { format!("no whole answer: {cause}") }
    }
}

/// The fault of TLS that an error of the connection holds, perhaps inside another; it is no `source` of them.
fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    match error.downcast_ref::<rustls::Error>() {
        Some(found) => Some(found),
        None => tls_error(error.downcast_ref::<std::io::Error>()?.get_ref()?),
    }
}

/// Why a handshake failed, with what to do where it is the certificate.
fn handshake_fault(error: &(dyn std::error::Error + 'static)) -> String {
    let hint = match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(fault)) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another name"
            }
            CertificateError::UnknownIssuer => {
                "its authority is not known here; the operator adds one in webhooks.ca_file"
            }
            fault if format!("{fault:?}").contains("CaUsedAsEndEntity") => {
                "it is an authority's own; make one with basicConstraints CA:FALSE"
            }
            _ => return format!("TLS handshake: {error}"),
        },
        Some(_) | None => return format!("TLS handshake: {error}"),
    };
    format!("TLS handshake: the certificate is refused: {hint}")
}

fn unexpected(status: StatusCode) -> String {
    if status.is_redirection() {
        return format!("answered {}: redirects are not followed", status.as_u16());
    }
    format!("answered {}", status.as_u16())
}

/// The beginning of a body; one that ends too early or hangs is as good as a short one.
async fn excerpt(response: &mut reqwest::Response) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while bytes.len() < READ {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk[..chunk.len().min(READ)]),
                Ok(None) | Err(_) => break,
            }
        }
    };
    let _ = tokio::time::timeout(BODY_TIME, read).await;
    scanyard_engines::text::clean(&bytes, EXCERPT)
}

fn read_authorities(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let shown = path.display();
    let read = CertificateDer::pem_file_iter(path).and_then(|found| found.collect::<Result<Vec<_>, _>>());
    let found = read.map_err(|error| anyhow::anyhow!("{error}")).with_context(|| format!("reading {shown}"))?;
    anyhow::ensure!(!found.is_empty(), "{shown} holds no certificate");
    Ok(found)
}
