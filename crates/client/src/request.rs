//! One request, before it has a server and a credential.

use crate::file::{FILE_TIMEOUT, FileBody};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use scanyard_contract::hidden::Hidden;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Largest answer that is read into memory, in bytes; a chunk of an export is the largest that is asked for.
pub const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// What to ask of an API.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Below the client's base, such as `scans/7`; without a query.
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Beside those of the client.
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
    /// A file in place of a body.
    pub file: Option<FileBody>,
    /// Whether it does no harm when the request takes effect twice. By default the method's: every one but POST and PATCH.
    pub is_idempotent: Option<bool>,
    /// One attempt as a whole, in place of the client's.
    pub timeout: Option<Duration>,
    /// The answer is a file: it need not be JSON, and any type is asked for.
    pub is_download: bool,
    /// Texts in it that no error may repeat, beside those that stand in the body under a name such as `password`.
    pub secrets: Vec<Hidden>,
}

/// A 2xx answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// How often the request was sent.
    pub attempts: u32,
}

impl Request {
    pub fn new(method: Method, path: impl Into<String>) -> Request {
        Request {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            file: None,
            is_idempotent: None,
            timeout: None,
            is_download: false,
            secrets: Vec::new(),
        }
    }

    pub fn get(path: impl Into<String>) -> Request {
        Request::new(Method::GET, path)
    }

    pub fn post(path: impl Into<String>) -> Request {
        Request::new(Method::POST, path)
    }

    pub fn put(path: impl Into<String>) -> Request {
        Request::new(Method::PUT, path)
    }

    pub fn patch(path: impl Into<String>) -> Request {
        Request::new(Method::PATCH, path)
    }

    pub fn delete(path: impl Into<String>) -> Request {
        Request::new(Method::DELETE, path)
    }

    /// Adds a parameter to the query.
    pub fn with(mut self, name: &str, value: impl ToString) -> Request {
        self.query.push((name.to_string(), value.to_string()));
        self
    }

    /// Adds a parameter when there is a value.
    pub fn with_some(self, name: &str, value: Option<impl ToString>) -> Request {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Sets a parameter of a page in place of what the caller gave: the pager has to know where a page begins and how many
    /// items a full one has.
    pub(crate) fn paged(mut self, name: &str, value: impl ToString) -> Request {
        self.query.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.with(name, value)
    }

    /// A body of JSON. What has no JSON, such as a map without text keys, is sent as `null`.
    pub fn json(mut self, body: &impl Serialize) -> Request {
        self.body = Some(serde_json::to_vec(body).unwrap_or_else(|_| b"null".to_vec()));
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// A body as an HTML form sends it.
    pub fn form(mut self, fields: &[(&str, &str)]) -> Request {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = Some(body.into_bytes());
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self
    }

    /// A file as the body; an attempt may take as long as a slow line needs for it.
    pub fn file(mut self, file: FileBody) -> Request {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.media_type));
        self.timeout = Some(FILE_TIMEOUT);
        self.file = Some(file);
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Request {
        self.headers.insert(name, value);
        self
    }

    /// Says that it does no harm when the request takes effect twice, so that it may be sent again after any failure.
    pub fn idempotent(mut self) -> Request {
        self.is_idempotent = Some(true);
        self
    }

    /// Asks for a file.
    pub fn binary(mut self) -> Request {
        self.is_download = true;
        self
    }

    /// Keeps a text of the request out of every error.
    pub fn hiding(mut self, secret: &Hidden) -> Request {
        self.secrets.push(secret.clone());
        self
    }

    /// What no error may repeat: the texts that were named, and what stands in the body under a secret's name.
    pub(crate) fn all_secrets(&self) -> Vec<Hidden> {
        let in_body = self.body.as_deref().map(crate::secret::in_body).unwrap_or_default();
        self.secrets.iter().cloned().chain(in_body).collect()
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        self.is_idempotent.unwrap_or(!matches!(self.method, Method::POST | Method::PATCH))
    }
}

impl Answer {
    /// The body, decoded; an empty one is `null`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(if self.body.is_empty() { b"null" } else { &self.body })
    }
}

/// Whether an answer is a page for people, which no API here sends on purpose.
pub(crate) fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    content_type.to_ascii_lowercase().starts_with("text/html") || body.trim_ascii_start().starts_with(b"<")
}
