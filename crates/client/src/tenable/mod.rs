//! Tenable Vulnerability Management, and Nessus where its paths agree.
//!
//! Security Center speaks another protocol and is out of scope; [`Client::request`] reaches what is not wrapped.

pub mod assets;
mod check;
pub mod download;
pub mod export;
pub mod filters;
pub mod plugins;
pub mod scans;
pub(crate) mod session;
mod upload;
pub mod users;

use crate::auth::{Auth, Login, Session, sensitive};
use crate::error::Error;
use crate::request::{Answer, Request};
use crate::secret::Secrets;
use crate::settings::{Settings, SetupError, guarded_base};
use crate::stream::{Items, Page, pages};
use crate::transport::Transport;
use http::{HeaderName, HeaderValue};
use ring::digest;
use scanyard_contract::Contract;
use scanyard_contract::hidden::Hidden;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use tokio::sync::Semaphore;
use url::Url;

/// Where Tenable Vulnerability Management answers.
pub const CLOUD: &str = "https://cloud.tenable.com";
/// Exports that one container runs at a time.
const MAX_EXPORTS: usize = 10;
/// Items per page of a list.
const PAGE: u64 = 500;

/// Who is calling.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The two halves of an API key.
    Keys { access: Hidden, secret: Hidden },
    /// A user's session: logs in at the first call, and once more when the session has ended.
    Password { username: String, password: Hidden },
}

/// Calls Tenable; cheap to clone. Clones share the session and the exports that run.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    transport: Transport,
    /// Value of `X-Impersonate`.
    impersonate: Option<HeaderValue>,
    /// A permit for each export that the vendor runs; shared by all clients of one credential in this process.
    exports: Arc<Semaphore>,
}

/// The exports of each credential that this process knows; by a hash, because what names a caller can be half of a secret.
static EXPORTS: LazyLock<Mutex<HashMap<[u8; 32], Weak<Semaphore>>>> = LazyLock::new(Mutex::default);

/// The permits of this caller: Tenable counts exports by who asks, not by client.
fn exports(base: &Url, credential: &Credential) -> Arc<Semaphore> {
    let who = match credential {
        Credential::Keys { access, .. } => access.reveal(),
        Credential::Password { username, .. } => username,
    };
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, format!("{base} {who}").as_bytes()).as_ref());
    let mut all = EXPORTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    all.retain(|_, permits| permits.strong_count() > 0);
    if let Some(permits) = all.get(&hash).and_then(Weak::upgrade) {
        return permits;
    }
    let permits = Arc::new(Semaphore::new(MAX_EXPORTS));
    all.insert(hash, Arc::downgrade(&permits));
    permits
}

impl Client {
    /// A client of [`CLOUD`].
    pub fn new(credential: Credential, settings: Settings) -> Result<Client, SetupError> {
        Client::at(CLOUD, credential, settings)
    }

    /// A client of the application at `address`, such as `https://nessus.example.test:8834`.
    pub fn at(address: &str, credential: Credential, settings: Settings) -> Result<Client, SetupError> {
        let base = guarded_base(address, &settings)?;
        let exports = exports(&base, &credential);
        let (auth, secrets) = match credential {
            Credential::Keys { access, secret } => {
                if access.reveal().is_empty() || secret.reveal().is_empty() {
                    return Err(SetupError::UnusableKey);
                }
                let value = format!("accessKey={}; secretKey={};", access.reveal(), secret.reveal());
                let header = sensitive(HeaderName::from_static("x-apikeys"), &value);
                (Auth::Fixed(header.ok_or(SetupError::UnusableKey)?), vec![access, secret])
            }
            Credential::Password { username, password } => {
                let login = session::Session::new(base.clone(), username, password.clone());
                (Auth::Session(Box::new(Session::new(Login::Tenable(login)))), vec![password])
            }
        };
        let transport = Transport::new(Contract::Tenable, auth, Secrets::new(secrets), settings)?;
        Ok(Client { base, transport, impersonate: None, exports })
    }

    /// The same client acting for another user: a 403 of its calls is [`scanyard_contract::Kind::Impersonation`].
    pub fn impersonate(&self, username: &str) -> Result<Client, Error> {
        let refused = || self.transport.refused("username", username, "a user's name in printable ASCII");
        let is_plain = !username.is_empty() && username.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::from_str(&format!("username={username}")).map_err(|_| refused())?;
        if is_plain { Ok(Client { impersonate: Some(value), ..self.clone() }) } else { Err(refused()) }
    }

    /// Sends any request; the path stands below the base, such as `scans/7`.
    pub async fn request(&self, request: &Request) -> Result<Answer, Error> {
        self.transport.send(None, &self.base, &self.as_whom(request)).await
    }

    /// Sends any request and decodes its answer.
    pub async fn fetch<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.transport.fetch(None, &self.base, &self.as_whom(&request)).await
    }

    /// Ends the session, where there is one.
    pub async fn log_out(&self) -> Result<(), Error> {
        let Some(session) = self.transport.session() else { return Ok(()) };
        // The call needs the session that it ends.
        if !session.is_open().await {
            return Ok(());
        }
        let outcome = self.request(&Request::delete("session")).await;
        session.end().await;
        outcome.map(|_| ())
    }

    /// Every item of a list that is paged by `limit` and `offset`. It ends where its `pagination.total` says, or without one
    /// after a page that is not full.
    pub fn list<T: DeserializeOwned + Send + 'static>(&self, request: Request, resource: &str) -> Items<T> {
        let (client, resource) = (self.clone(), resource.to_string());
        pages(Contract::Tenable, (0u64, Value::Null), move |(offset, before)| {
            let (client, resource) = (client.clone(), resource.clone());
            let request = request.clone().paged("limit", PAGE).paged("offset", offset);
            async move {
                let mut page: Value = client.fetch(request.clone()).await?;
                let total = page.pointer("/pagination/total").and_then(Value::as_u64);
                let items = page.get_mut(&resource).map(Value::take).unwrap_or_default();
                // A list that pays no heed to paging gives the same again.
                if total.is_none() && items == before && items.is_array() {
                    return Ok(Page { items: Vec::new(), next: None });
                }
                let before = if total.is_none() { items.clone() } else { Value::Null };
                let items: Vec<T> = client.items(&request, items)?;
                let (count, read) = (items.len() as u64, offset + items.len() as u64);
                let is_more = total.map_or(count == PAGE, |total| read < total);
                Ok(Page { items, next: (is_more && count > 0).then_some((read, before)) })
            }
        })
    }

    /// Reads the items of a page; a page without its list is an error.
    fn items<T: DeserializeOwned>(&self, request: &Request, items: Value) -> Result<Vec<T>, Error> {
        let answer =
            Answer { status: 200, headers: Default::default(), body: items.to_string().into_bytes(), attempts: 1 };
        self.transport.decode(None, &self.base, request, &answer)
    }

    fn as_whom(&self, request: &Request) -> Request {
        let mut request = request.clone();
        if let Some(value) = &self.impersonate {
            request.headers.insert("x-impersonate", value.clone());
        }
        request
    }
}
