//! What every client can be told.

use crate::retry::{Retrying, Stop};
use scanyard_contract::Kind;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How a client behaves towards its API.
#[derive(Debug, Clone)]
pub struct Settings {
    pub retrying: Retrying,
    /// One attempt as a whole. A write to ZIA or CBC is given 40 s at least, because an edit lock answers after 30 s.
    pub attempt_timeout: Duration,
    pub connect_timeout: Duration,
    /// Certificates (PEM) of the authorities to trust, in place of the system's.
    pub ca: Option<Vec<u8>>,
    /// Send everything through this proxy; environment variables are not read.
    pub proxy: Option<Url>,
    /// Whether to keep the API's known rate limits on this side.
    pub keep_limits: bool,
    /// Whether a credential may go over plain HTTP to another machine, where everybody on the way can read it.
    pub allow_plain_http: bool,
    /// Told of every attempt that failed and is repeated.
    pub on_retry: Option<OnRetry>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            retrying: Retrying::default(),
            attempt_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            ca: None,
            proxy: None,
            keep_limits: true,
            allow_plain_http: false,
            on_retry: None,
        }
    }
}

/// Called before each pause.
#[derive(Clone)]
pub struct OnRetry(pub Arc<dyn Fn(&Repeat) + Send + Sync>);

impl std::fmt::Debug for OnRetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnRetry")
    }
}

/// An attempt that failed and is repeated, or a call that waits for our own limit.
#[derive(Debug, Clone)]
pub struct Repeat {
    pub method: String,
    /// Without secrets.
    pub url: String,
    /// How often the request was sent so far.
    pub sent: u32,
    pub status: Option<u16>,
    pub kind: Kind,
    pub message: String,
    pub pause: Duration,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the server's address is not a URL: {0}")]
    NotAUrl(#[from] url::ParseError),
    #[error("the server's address must begin with http:// or https:// and carry no credentials")]
    Unsuitable,
    #[error("the address must begin with https://: without it a credential is sent to this machine only")]
    InTheClear,
    #[error("the API key is empty or holds characters that no key has")]
    UnusableKey,
    #[error("{0} is empty or holds characters that it cannot have")]
    UnusableValue(&'static str),
    #[error("the private key is no RSA key in PEM (PKCS #8 or PKCS #1)")]
    UnusablePrivateKey,
    #[error("the file of certificates holds none in PEM that can be used")]
    UnusableCa,
    #[error("TLS: {0}")]
    Tls(#[from] reqwest::Error),
}

/// A base address: without query and fragment, its path ending in `/`.
pub(crate) fn base(address: &str) -> Result<Url, SetupError> {
    let mut base = Url::parse(address)?;
    let is_clean = base.username().is_empty() && base.password().is_none() && base.has_host();
    if !matches!(base.scheme(), "http" | "https") || !is_clean {
        return Err(SetupError::Unsuitable);
    }
    base.set_query(None);
    base.set_fragment(None);
    let path = format!("{}/", base.path().trim_end_matches('/'));
    base.set_path(&path);
    Ok(base)
}

/// The same for an API that gets a credential: it goes over TLS, or stays on this machine, unless the settings say otherwise.
pub(crate) fn guarded_base(address: &str, settings: &Settings) -> Result<Url, SetupError> {
    let base = base(address)?;
    let stays_here = is_here(&base) && settings.proxy.as_ref().is_none_or(is_here);
    let is_safe = base.scheme() == "https" || stays_here || settings.allow_plain_http;
    if is_safe { Ok(base) } else { Err(SetupError::InTheClear) }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Why an attempt is the last one, in words.
impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stop::Final => "the failure does not pass by itself",
            Stop::NotIdempotent => "the request may have taken effect",
            Stop::Attempts => "it was sent as often as allowed",
            Stop::WaitTooLong => "the wait is too long",
            Stop::Deadline => "the deadline would pass",
        })
    }
}
