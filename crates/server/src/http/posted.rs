//! What a POST brings: its body, not yet read, and its `Idempotency-Key`.

use crate::App;
use crate::error::ApiError;
use crate::http::{body, json, openapi};
use crate::schema;
use crate::vault::Vault;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Method};
use scanyard_contract::Code;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::convert::Infallible;

/// The header that makes a POST safe to repeat.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest `Idempotency-Key`, in characters.
const MAX_KEY: usize = 255;

/// A POST whose body is still outside.
#[derive(Debug)]
pub struct Posted {
    method: Method,
    /// Path without the base, so that both bases are one resource.
    path: String,
    query: String,
    headers: HeaderMap,
    body: Body,
}

/// A POST whose body is here, not yet judged.
#[derive(Debug)]
pub struct Received {
    pub method: Method,
    pub path: String,
    pub idempotency_key: Option<String>,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl FromRequest<App> for Posted {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Posted, Infallible> {
        let (parts, body) = request.into_parts();
        Ok(Posted {
            method: parts.method,
            path: parts.uri.path().to_string(),
            query: parts.uri.query().unwrap_or_default().to_string(),
            headers: parts.headers,
            body,
        })
    }
}

impl Posted {
    /// The request with its body still outside.
    pub fn stream(self) -> Result<Streamed, ApiError> {
        let received = Received {
            idempotency_key: idempotency_key(&self.headers)?,
            method: self.method,
            path: self.path,
            query: self.query,
            headers: self.headers,
            body: Bytes::new(),
        };
        Ok(Streamed { body: self.body, received })
    }

    /// Reads the body within its bounds of size and time.
    pub async fn receive(self, app: &App) -> Result<Received, ApiError> {
        let idempotency_key = idempotency_key(&self.headers)?;
        let http = &app.config.http;
        Ok(Received {
            body: body::read(self.body, http.max_body_bytes, http.body_timeout).await?,
            method: self.method,
            path: self.path,
            query: self.query,
            headers: self.headers,
            idempotency_key,
        })
    }
}

/// A POST whose body is read piece by piece.
#[derive(Debug)]
pub struct Streamed {
    pub body: Body,
    received: Received,
}

impl Streamed {
    /// The media type that the body is declared to be of, in small letters and without parameters.
    pub fn media_type(&self) -> String {
        let given = self.received.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Whether the body is declared to be compressed on its way.
    pub fn is_encoded(&self) -> bool {
        let encoding = self.received.headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
        encoding.is_some_and(|encoding| encoding != b"identity")
    }

    /// The request once its body has been read to somewhere else: its digest stands for it.
    pub fn read_as(self, sha256: &str) -> Received {
        let digest = format!("{} {sha256}", self.media_type());
        Received { body: digest.into(), ..self.received }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (first, second) = (given.next(), given.next());
    let Some(value) = first else { return Ok(None) };
    let is_visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(text) if is_visible && (1..=MAX_KEY).contains(&text.len()) && second.is_none() => Ok(Some(text.to_string())),
        Ok(_) | Err(_) => Err(ApiError::new(Code::InvalidIdempotencyKey)
            .detail("Idempotency-Key", "must be 1 to 255 visible ASCII characters, once")),
    }
}

impl Received {
    /// What a repeat must have in common with the first request: query and body. Keyed, because a body can hold a
    /// password, and a plain hash of it would be open to guesses.
    pub fn fingerprint(&self, vault: &Vault) -> String {
        vault.fingerprint(&self.parts())
    }

    /// Whether this is the request of that fingerprint.
    pub fn has_fingerprint(&self, vault: &Vault, fingerprint: &str) -> bool {
        vault.is_fingerprint(fingerprint, &self.parts())
    }

    fn parts(&self) -> [&[u8]; 3] {
        [self.query.as_bytes(), b"\n", &self.body]
    }

    /// The body as a `T`, or the default of one when there is none.
    pub fn json_or_default<T: DeserializeOwned + Default>(&self, schema_name: &str) -> Result<T, ApiError> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json(schema_name) }
    }

    /// The body as a `T`; every fault is named, by the schema of that name in the OpenAPI document.
    pub fn json<T: DeserializeOwned>(&self, schema_name: &str) -> Result<T, ApiError> {
        Received::decode(self.value()?, schema_name)
    }

    /// The body as a value, whatever it may say.
    pub fn value(&self) -> Result<Value, ApiError> {
        self.check_media_type()?;
        json::parse(&self.body)
    }

    /// A body's value as a `T`; every fault is named, by the schema of that name in the OpenAPI document.
    pub fn decode<T: DeserializeOwned>(value: Value, schema_name: &str) -> Result<T, ApiError> {
        let (root, schema) = openapi::schema(schema_name);
        let faults = schema::faults(root, schema, &value, "");
        if !faults.is_empty() {
            return Err(ApiError::of_faults(faults));
        }
        // The schema and the type say the same; a test holds them against each other.
        serde_json::from_value(value).map_err(|error| {
            ApiError::new(Code::InvalidFieldValue).with("field", "body").detail("body", error.to_string())
        })
    }

    /// Refuses a body that says anything: the operation takes none.
    pub fn nothing(&self) -> Result<(), ApiError> {
        if self.body.is_empty() {
            return Ok(());
        }
        self.check_media_type()?;
        match json::parse(&self.body)? {
            Value::Object(members) => match members.keys().next() {
                None => Ok(()),
                Some(name) => {
                    let error = ApiError::new(Code::UnknownField).with("field", name);
                    Err(error.detail(crate::error::shown(name), "this operation takes no body"))
                }
            },
            _ => {
                let error = ApiError::new(Code::InvalidFieldType).with("field", "body").with("type", "object");
                Err(error.detail("body", "this operation takes no body, or an empty object"))
            }
        }
    }

    fn check_media_type(&self) -> Result<(), ApiError> {
        let encoding = self.headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
        if encoding.is_some_and(|encoding| encoding != b"identity") {
            let error = ApiError::new(Code::UnsupportedMediaType).with("types", "application/json");
            return Err(error.detail("Content-Encoding", "bodies are taken as they are, not compressed"));
        }
        let given = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut parts = given.split(';').map(|part| part.trim().to_ascii_lowercase());
        let is_json = parts.next().as_deref() == Some(crate::http::answer::JSON);
        let is_utf8 = parts.all(|part| match part.strip_prefix("charset=") {
            Some(charset) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
            None => true,
        });
        if is_json && is_utf8 {
            return Ok(());
        }
        let error = ApiError::new(Code::UnsupportedMediaType).with("types", "application/json");
        Err(error.detail("Content-Type", "must be application/json in UTF-8"))
    }
}
