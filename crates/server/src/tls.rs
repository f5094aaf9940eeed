//! The server's side of TLS: its certificate and key, read at the start and again when told to. It must not know HTTP.

use crate::config::{self, ConfigError};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, Error, InconsistentKeys, ServerConfig};
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What is spoken inside. HTTP/2 is left out: its bounds on slow clients are other ones than ours.
const ALPN: &[&[u8]] = &[b"http/1.1"];
/// A certificate that ends sooner is warned of, in seconds: two weeks.
const ENDS_SOON: i64 = 14 * 24 * 3600;

/// A certificate that can be renewed while connections come in.
#[derive(Debug)]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    handshake_timeout: Duration,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads certificate and key; `None` when none are set.
    pub fn load(settings: &config::Tls) -> Result<Option<Tls>, ConfigError> {
        let (Some(cert), Some(key)) = (&settings.cert, &settings.key) else { return Ok(None) };
        let current = RwLock::new(read(cert, key)?);
        let handshake_timeout = settings.handshake_timeout;
        Ok(Some(Tls { cert: cert.clone(), key: key.clone(), handshake_timeout, current }))
    }

    /// Reads both files again for the connections to come; on an error what was read before stays in use.
    pub fn reload(&self) -> Result<(), ConfigError> {
        let fresh = read(&self.cert, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Shakes hands with a client, which may take its time only up to the setting's bound.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        tokio::time::timeout(self.handshake_timeout, TlsAcceptor::from(current).accept(stream)).await?
    }
}

fn read(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, ConfigError> {
    let (chain, private) = (chain(cert), private_key(key));
    let (chain, private) = match (chain, private) {
        (Ok(chain), Ok(private)) => (chain, private),
        (chain, private) => return Err(ConfigError(chain.err().into_iter().chain(private.err()).collect())),
    };
    for warning in leaf_warnings(&chain[0], SystemTime::now()).into_iter().chain(open_key_warning(key)) {
        tracing::warn!(cert = %cert.display(), key = %key.display(), "{warning}");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| ConfigError(vec![unfit(cert, key, &error)]))?;
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// The certificates of the file: at least one, the server's own first.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let said = |what: String| format!("tls.cert: {}: {what}", path.display());
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match certificates {
        Ok(chain) if chain.is_empty() => Err(said("holds no certificate in PEM".to_string())),
        Ok(chain) => Ok(chain),
        Err(pem::Error::Io(error)) => Err(said(error.to_string())),
        Err(error) => Err(said(format!("is not PEM: {error}"))),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        let what = match error {
            pem::Error::Io(error) => error.to_string(),
            pem::Error::NoItemsFound => {
                "holds no private key in PEM; one with a passphrase has to be stored without it".to_string()
            }
            error => format!("is not PEM: {error}"),
        };
        format!("tls.key: {}: {what}", path.display())
    })
}

/// Why the two files cannot be served.
fn unfit(cert: &Path, key: &Path, error: &Error) -> String {
    let (cert, key) = (cert.display(), key.display());
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            format!("tls.key: {key} is not the key of the first certificate in {cert}; the server's own comes first")
        }
        Error::InvalidCertificate(CertificateError::BadEncoding) => format!("tls.cert: {cert} holds no certificate"),
        error => format!("tls.cert, tls.key: {cert} and {key} cannot be used: {error}"),
    }
}

/// What clients will not like about the certificate; served all the same, because some may have to.
fn leaf_warnings(leaf: &CertificateDer<'_>, now: SystemTime) -> Vec<String> {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(leaf) else { return Vec::new() };
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let validity = parsed.validity();
    let (begins, ends) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    if ends < now {
        return vec![format!("the certificate has expired ({}): clients will refuse it", validity.not_after)];
    }
    if begins > now {
        return vec![format!("the certificate is not valid before {}: clients will refuse it", validity.not_before)];
    }
    let ends_soon = ends - now < ENDS_SOON;
    ends_soon.then(|| format!("the certificate expires soon ({})", validity.not_after)).into_iter().collect()
}

/// Whether others than its owner and group can read the key.
fn open_key_warning(path: &Path) -> Option<String> {
    let mode = File::open(path).and_then(|file| file.metadata()).ok()?.permissions().mode();
    (mode & 0o007 != 0)
        .then(|| format!("the private key is open to every user of this machine (mode {:o})", mode & 0o777))
}

#[cfg(test)]
mod tests;
