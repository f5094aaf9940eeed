//! Sends requests and repeats them by the catalogue's rule; knows HTTP, not what is asked.

use crate::classify::{Classified, classify};
use crate::error::{BODY_BYTES, Error};
use crate::retry::{Retrying, random};
use futures::stream;
use http::{HeaderMap, HeaderValue, Method};
use reqwest::Certificate;
use scanyard_contract::{Kind, Retry};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::AsyncReadExt;
use url::Url;
use uuid::Uuid;

/// The largest answer that is read, in bytes: a page of 100 findings of 8 KiB evidence each is below 2 MiB.
const MAX_ANSWER: usize = 32 * 1024 * 1024;
/// An API that is there accepts a connection at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One attempt as a whole; longer than the server's own limit of 30 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// The same with a file: 256 MiB at a slow line's 128 KiB a second.
const FILE_TIMEOUT: Duration = Duration::from_secs(2048);
/// Bytes of a file that are read at a time.
const PIECE: usize = 64 * 1024;

/// One request, before it has a key.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: Method,
    pub url: Url,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// A file in place of a body of JSON.
    pub file: Option<FileBody>,
}

/// A file that is sent as it is; every attempt reads it anew.
#[derive(Debug, Clone)]
pub struct FileBody {
    pub path: PathBuf,
    pub media_type: &'static str,
    /// Bytes of it that the last attempt has sent.
    pub sent: Arc<AtomicU64>,
}

impl FileBody {
    async fn open(&self) -> std::io::Result<reqwest::Body> {
        let file = tokio::fs::File::open(&self.path).await?;
        self.sent.store(0, Ordering::Relaxed);
        let sent = self.sent.clone();
        Ok(reqwest::Body::wrap_stream(stream::try_unfold((file, sent), |(mut file, sent)| async move {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            sent.fetch_add(read as u64, Ordering::Relaxed);
            Ok::<_, std::io::Error>((read > 0).then_some((piece, (file, sent))))
        })))
    }
}

/// Sends calls with one key.
#[derive(Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    /// Marked as sensitive, so that no header list prints it.
    key: Option<HeaderValue>,
    retrying: Retrying,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("retrying", &self.retrying).finish_non_exhaustive()
    }
}

/// What one attempt came to, when it failed.
struct Failure {
    status: Option<u16>,
    body: Vec<u8>,
    classified: Classified,
    source: Option<reqwest::Error>,
}

impl Transport {
    /// `roots` are trusted in place of the system's.
    pub fn new(
        key: Option<HeaderValue>,
        retrying: Retrying,
        roots: Option<Vec<Certificate>>,
    ) -> Result<Transport, reqwest::Error> {
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ATTEMPT_TIMEOUT)
            .user_agent(concat!("scanyard/", env!("CARGO_PKG_VERSION")));
        if let Some(roots) = roots {
            builder = builder.tls_certs_only(roots);
        }
        Ok(Transport { http: builder.build()?, key, retrying })
    }

    /// Sends a call until it succeeds or the policy ends; answers the body of the 2xx.
    pub async fn send(&self, call: &Call) -> Result<Vec<u8>, Error> {
        let headers = self.headers(call);
        let started = Instant::now();
        let mut sent = 0;
        loop {
            sent += 1;
            let failure = match self.attempt(call, headers.clone()).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let Classified { retry, wait, .. } = failure.classified;
            let Some(pause) = self.retrying.pause(retry, wait, sent, started.elapsed(), random()) else {
                return Err(self.error(call, failure, sent));
            };
            tracing::debug!(url = %call.url, sent, ?pause, reason = %failure.classified.message, "trying again");
            tokio::time::sleep(pause).await;
        }
    }

    /// One set of headers for all attempts: the same `Idempotency-Key` makes a repeated POST safe.
    fn headers(&self, call: &Call) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            headers.insert("x-api-key", key.clone());
        }
        if call.method == Method::POST
            && let Ok(key) = HeaderValue::from_str(&Uuid::new_v4().to_string())
        {
            headers.insert("idempotency-key", key);
        }
        let media_type = call.file.as_ref().map(|file| file.media_type);
        if let Some(media_type) = media_type.or(call.body.as_ref().map(|_| "application/json")) {
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        headers
    }

    async fn attempt(&self, call: &Call, headers: HeaderMap) -> Result<Vec<u8>, Failure> {
        let mut request = self.http.request(call.method.clone(), call.url.clone()).headers(headers);
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        if let Some(file) = &call.file {
            let body = file.open().await.map_err(|error| {
                let message = format!("{}: {error}", file.path.display());
                Failure::without_answer(Kind::UnexpectedValue, Retry::Never, message)
            })?;
            request = request.body(body).timeout(FILE_TIMEOUT);
        }
        let mut response = request.send().await.map_err(Failure::on_the_way)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Failure::on_the_way)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                let message = format!("the answer is larger than {MAX_ANSWER} bytes");
                return Err(Failure::without_answer(Kind::UnexpectedValue, Retry::Never, message));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(body);
        }
        let classified = classify(status.as_u16(), &headers, &body, SystemTime::now());
        Err(Failure { status: Some(status.as_u16()), body, classified, source: None })
    }

    /// An answer that is none: a 2xx whose body is not what the contract says.
    pub fn unexpected(&self, call: &Call, kind: Kind, message: impl Into<String>, body: &[u8]) -> Error {
        let mut failure = Failure::without_answer(kind, Retry::Never, message);
        failure.body = body.to_vec();
        self.error(call, failure, 1)
    }

    fn error(&self, call: &Call, failure: Failure, attempts: u32) -> Error {
        let Failure { status, body, classified, source } = failure;
        let Classified { kind, retry: _, code, message, details, request_id, wait } = classified;
        let is_exhausted = attempts > 1 && attempts >= self.retrying.attempts;
        Error {
            kind: if is_exhausted { Kind::RetriesExhausted } else { kind },
            cause_kind: kind,
            contract: "scan-api",
            status,
            code,
            message: self.without_key(&message),
            details,
            request_id,
            wait_ms: wait.map(|wait| wait.as_millis() as u64),
            attempts,
            method: call.method.to_string(),
            url: call.url.to_string(),
            body: (!body.is_empty()).then(|| self.capped(&body)),
            source: source.map(|source| Box::new(source) as _),
        }
    }

    fn capped(&self, body: &[u8]) -> String {
        let mut text = self.without_key(&String::from_utf8_lossy(body));
        if text.len() > BODY_BYTES {
            text.truncate(text.floor_char_boundary(BODY_BYTES));
        }
        text
    }

    /// A server that echoes the key must not put it into our logs.
    fn without_key(&self, text: &str) -> String {
        match self.key.as_ref().and_then(|key| key.to_str().ok()) {
            Some(key) if !key.is_empty() => text.replace(key, "[secret]"),
            Some(_) | None => text.to_string(),
        }
    }
}

impl Failure {
    fn without_answer(kind: Kind, retry: Retry, message: impl Into<String>) -> Failure {
        let classified = Classified {
            kind,
            retry,
            code: None,
            message: message.into(),
            details: Vec::new(),
            request_id: None,
            wait: None,
        };
        Failure { status: None, body: Vec::new(), classified, source: None }
    }

    /// No answer, or one that broke off: whether the request was carried out is unknown.
    fn on_the_way(error: reqwest::Error) -> Failure {
        let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Connection };
        let mut root: &dyn std::error::Error = &error;
        while let Some(cause) = root.source() {
            root = cause;
        }
        let what = if error.is_connect() { "could not connect" } else { "the answer broke off" };
        let message = format!("{what}: {root}");
        let mut failure = Failure::without_answer(kind, Retry::Idempotent, message);
        failure.source = Some(error.without_url());
        failure
    }
}
