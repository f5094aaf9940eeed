//! The typed client of the Scan API.

mod events;
mod keys;
mod scans;
mod templates;
mod tenants;
mod uploads;
mod usage;
mod users;
mod webhooks;

pub use scans::ListScans;

use crate::auth::{Auth, sensitive};
use crate::error::Error;
use crate::request::{Answer, Request};
use crate::retry::Retrying;
use crate::secret::Secrets;
pub use crate::settings::SetupError;
use crate::settings::{Settings, base, guarded_base};
use crate::stream::{Items, Page as Part, pages};
use crate::transport::Transport;
use http::header::{AUTHORIZATION, HeaderName};
use scanyard_contract::hidden::Hidden;
use scanyard_contract::scan::EngineInfo;
use scanyard_contract::status::Status;
use scanyard_contract::wire::{Page, Success};
use scanyard_contract::{AuditEntry, Contract, ErrorInfo};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;
use url::Url;

/// Items asked for per page: the most that the API gives.
const PAGE_LIMIT: u64 = 100;

/// Who is calling.
#[derive(Debug, Clone)]
pub enum Credential {
    /// For what needs no key, such as the errors.
    Nobody,
    /// An API key, for `X-API-Key`.
    Key(Hidden),
    /// A user's access token.
    Token(Hidden),
}

/// Calls one Scan API with one credential; cheap to clone. Every POST carries one `Idempotency-Key` for all its attempts, so
/// that sending it again after a failure is safe.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    transport: Transport,
    /// Whether a secret may go there.
    is_private: bool,
}

impl Client {
    /// A client of the API at `server`, such as `https://scan.example.test`, with a key for all but the errors.
    pub fn new(server: &str, key: Option<String>, retrying: Retrying) -> Result<Client, SetupError> {
        Client::trusting(server, key, retrying, None)
    }

    /// The same, trusting the servers whose certificates these in `ca` (PEM) vouch for, and nobody else's.
    pub fn trusting(
        server: &str,
        key: Option<String>,
        retrying: Retrying,
        ca: Option<&[u8]>,
    ) -> Result<Client, SetupError> {
        let credential = key.map_or(Credential::Nobody, |key| Credential::Key(Hidden::new(key)));
        if ca.is_some_and(<[u8]>::is_empty) {
            return Err(SetupError::UnusableCa);
        }
        Client::with(server, credential, Settings { retrying, ca: ca.map(<[u8]>::to_vec), ..Settings::default() })
    }

    /// A client with all that can be set.
    pub fn with(server: &str, credential: Credential, mut settings: Settings) -> Result<Client, SetupError> {
        let guarded = guarded_base(server, &settings);
        let is_private = guarded.is_ok();
        let mut base = match credential {
            Credential::Nobody => base(server)?,
            Credential::Key(_) | Credential::Token(_) => guarded?,
        };
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/api/v1").unwrap_or(path).to_string();
        base.set_path(&format!("{path}/api/v1/"));
        let (auth, secret) = match credential {
            Credential::Nobody => (Auth::Nobody, None),
            Credential::Key(key) => (fixed(HeaderName::from_static("x-api-key"), "", &key)?, Some(key)),
            Credential::Token(token) => (fixed(AUTHORIZATION, "Bearer ", &token)?, Some(token)),
        };
        // Plain HTTP must also work on a system without any root certificates.
        if settings.ca.is_none() && base.scheme() == "http" {
            settings.ca = Some(Vec::new());
        }
        let transport = Transport::new(Contract::ScanApi, auth, Secrets::new(secret), settings)?;
        Ok(Client { base, transport, is_private })
    }

    /// Sends any request; the path stands below `/api/v1`.
    pub async fn request(&self, request: &Request) -> Result<Answer, Error> {
        self.transport.send(None, &self.base, request).await
    }

    /// Sends any request and decodes the whole answer.
    pub async fn fetch<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.transport.fetch(None, &self.base, &request).await
    }

    /// Sends any request and decodes the answer's `data`.
    pub async fn data<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        Ok(self.fetch::<Success<T>>(request).await?.data)
    }

    /// Every item of a list, page after page; a page that fails is an error, never the end.
    pub fn items<T: DeserializeOwned + Send + 'static>(&self, request: Request) -> Items<T> {
        let client = self.clone();
        pages(Contract::ScanApi, None::<String>, move |cursor| {
            let (client, request) = (client.clone(), request.clone().paged("limit", PAGE_LIMIT));
            async move {
                let request = match cursor {
                    Some(cursor) => request.paged("cursor", cursor),
                    None => request,
                };
                let page: Page<T> = client.fetch(request).await?;
                Ok(Part { items: page.data, next: page.pagination.next_cursor.map(Some) })
            }
        })
    }

    /// `GET /engines`.
    pub async fn engines(&self) -> Result<Vec<EngineInfo>, Error> {
        self.data(Request::get("engines")).await
    }

    /// `GET /errors`: the server's catalogue; needs no key.
    pub async fn errors(&self) -> Result<Vec<ErrorInfo>, Error> {
        self.data(Request::get("errors")).await
    }

    /// `GET /errors/{code}`; needs no key.
    pub async fn error(&self, code: &str) -> Result<ErrorInfo, Error> {
        self.data(Request::get(format!("errors/{}", segment(code)))).await
    }

    /// `GET /openapi.json`; needs no key.
    pub async fn openapi(&self) -> Result<Value, Error> {
        self.fetch(Request::get("openapi.json")).await
    }

    /// `GET /status`.
    pub async fn status(&self) -> Result<Status, Error> {
        self.data(Request::get("status")).await
    }

    /// `GET /audit`: who changed what.
    pub fn audit(&self) -> Items<AuditEntry> {
        self.items(Request::get("audit"))
    }
}

fn fixed(name: HeaderName, scheme: &str, secret: &Hidden) -> Result<Auth, SetupError> {
    let text = secret.reveal().trim();
    let header = if text.is_empty() { None } else { sensitive(name, &format!("{scheme}{text}")) };
    header
        .filter(|header| header.values().all(|value| value.to_str().is_ok()))
        .map(Auth::Fixed)
        .ok_or(SetupError::UnusableKey)
}

/// A text as one part of a path: what has a meaning there is encoded, and no part leads upwards.
pub(crate) fn segment(part: impl Display) -> String {
    let part = part.to_string();
    if part.chars().all(|c| c == '.') {
        // As it stands it would lead upwards, and encoded too.
        return "-".to_string();
    }
    part.bytes().fold(String::with_capacity(part.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
