//! Zscaler: OneAPI with all its services, and the services' own APIs as they were before it.
//!
//! A change of ZIA or CBC takes effect when it is activated: [`Api::activate`].
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use scanyard_client::zscaler::{Client, Credential, Place};
//! use scanyard_client::{Hidden, Request, Settings};
//!
//! # async fn categories() -> Result<(), Box<dyn std::error::Error>> {
//! let credential = Credential::Secret { client_id: "…".to_string(), client_secret: Hidden::new("…") };
//! let client = Client::new(&Place::production("acme"), credential, Settings::default())?;
//! let locations: Vec<serde_json::Value> = client.zia().list(Request::get("locations"), 1000)?.try_collect().await?;
//! # Ok(())
//! # }
//! ```

pub(crate) mod legacy;
pub(crate) mod oauth;
mod pages;

use crate::auth::{Auth, Login, Session};
use crate::error::Error;
use crate::jwt::RsaKey;
use crate::request::{Answer, Request};
use crate::secret::Secrets;
use crate::settings::{Settings, SetupError, guarded_base};
use crate::stream::{Items, Page, pages};
use crate::transport::Transport;
use legacy::{Admin, Legacy, Who};
use oauth::{OAuth, Proof};
use scanyard_contract::hidden::Hidden;
use scanyard_contract::{Contract, Kind, Service};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use url::Url;

/// Who is calling OneAPI.
#[derive(Debug, Clone)]
pub enum Credential {
    Secret {
        client_id: String,
        client_secret: Hidden,
    },
    /// `private_key` is an RSA key in PEM.
    PrivateKey {
        client_id: String,
        private_key: Hidden,
    },
}

/// Where OneAPI answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Such as `https://api.zsapi.net`.
    pub gateway: String,
    /// Such as `https://acme.zslogin.net`.
    pub login: String,
}

impl Place {
    /// The production cloud, of the organisation with this vanity domain.
    pub fn production(vanity: &str) -> Place {
        Place { gateway: "https://api.zsapi.net".to_string(), login: format!("https://{vanity}.zslogin.net") }
    }

    /// Another cloud, such as `beta`.
    pub fn cloud(vanity: &str, cloud: &str) -> Place {
        Place {
            gateway: format!("https://api.{cloud}.zsapi.net"),
            login: format!("https://{vanity}.zslogin{cloud}.net"),
        }
    }

    /// The cloud of a government: `net` or `us`.
    pub fn government(vanity: &str, top: &str) -> Place {
        Place {
            gateway: format!("https://api.zscalergov.{top}"),
            login: format!("https://{vanity}.zidentitygov.{top}"),
        }
    }
}

/// Calls OneAPI; cheap to clone. Clones share the token and the limits.
#[derive(Debug, Clone)]
pub struct Client {
    gateway: Url,
    transport: Transport,
    locks: Locks,
}

/// One service of Zscaler's, by OneAPI or by its own address.
#[derive(Debug, Clone)]
pub struct Api {
    service: Service,
    base: Url,
    transport: Transport,
    locks: Locks,
}

/// Writes of ZPA's policy sets that are on the way: one at a time per set.
type Locks = Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>;

impl Client {
    pub fn new(place: &Place, credential: Credential, settings: Settings) -> Result<Client, SetupError> {
        let (gateway, base) = (guarded_base(&place.gateway, &settings)?, guarded_base(&place.login, &settings)?);
        let (client_id, proof, secret) = match credential {
            Credential::Secret { client_id, client_secret } => {
                (client_id, Proof::Secret(client_secret.clone()), client_secret)
            }
            Credential::PrivateKey { client_id, private_key } => {
                let key = RsaKey::from_pem(private_key.reveal().as_bytes()).ok_or(SetupError::UnusablePrivateKey)?;
                (client_id, Proof::Key(Box::new(key)), private_key)
            }
        };
        if client_id.is_empty() || secret.reveal().is_empty() {
            return Err(SetupError::UnusableValue("the client's id or secret"));
        }
        let login = Login::OAuth(Box::new(OAuth { base, client_id, proof }));
        let auth = Auth::Session(Box::new(Session::new(login)));
        let transport = Transport::new(Contract::Zscaler, auth, Secrets::new([secret]), settings)?;
        Ok(Client { gateway, transport, locks: Locks::default() })
    }

    /// Internet Access: `/zia/api/v1`.
    pub fn zia(&self) -> Api {
        self.api(Service::Zia, "zia/api/v1/")
    }

    /// Private Access: `/zpa`; see [`zpa_path`] for the customer's part of the path.
    pub fn zpa(&self) -> Api {
        self.api(Service::Zpa, "zpa/")
    }

    /// Client Connector: `/zcc/papi/public`.
    pub fn zcc(&self) -> Api {
        self.api(Service::Zcc, "zcc/papi/public/")
    }

    /// Cloud & Branch Connector: `/ztw/api/v1`.
    pub fn cbc(&self) -> Api {
        self.api(Service::Cbc, "ztw/api/v1/")
    }

    /// ZIdentity: `/ziam/admin/api/v1`.
    pub fn zidentity(&self) -> Api {
        self.api(Service::Zidentity, "ziam/admin/api/v1/")
    }

    /// Digital Experience: `/zdx/v1`.
    pub fn zdx(&self) -> Api {
        self.api(Service::Zdx, "zdx/v1/")
    }

    /// Any service: paths stand below the gateway, such as `zcell/config/api/v1/…`.
    pub fn any(&self, service: Service) -> Api {
        self.api(service, "")
    }

    fn api(&self, service: Service, path: &str) -> Api {
        let mut base = self.gateway.clone();
        base.set_path(&format!("{}{path}", self.gateway.path()));
        Api { service, base, transport: self.transport.clone(), locks: self.locks.clone() }
    }
}

/// The path of a ZPA customer's objects, such as `segmentGroup`.
pub fn zpa_path(version: u8, customer_id: &str, object: &str) -> String {
    format!("mgmtconfig/v{version}/admin/customers/{customer_id}/{object}")
}

impl Api {
    /// ZIA by its own address, such as `https://zsapi.zscalertwo.net`.
    pub fn legacy_zia(
        address: &str,
        username: &str,
        password: Hidden,
        api_key: Hidden,
        settings: Settings,
    ) -> Result<Api, SetupError> {
        let who = Who::Zia(Admin { username: username.to_string(), password, api_key });
        Api::legacy(address, "api/v1/", who, settings)
    }

    /// CBC by its own address, such as `https://connector.zscalertwo.net`.
    pub fn legacy_cbc(
        address: &str,
        username: &str,
        password: Hidden,
        api_key: Hidden,
        settings: Settings,
    ) -> Result<Api, SetupError> {
        let who = Who::Cbc(Admin { username: username.to_string(), password, api_key });
        Api::legacy(address, "api/v1/", who, settings)
    }

    /// ZPA by its own address, such as `https://config.private.zscaler.com`.
    pub fn legacy_zpa(
        address: &str,
        client_id: &str,
        client_secret: Hidden,
        settings: Settings,
    ) -> Result<Api, SetupError> {
        let who = Who::Zpa { client_id: client_id.to_string(), client_secret };
        Api::legacy(address, "", who, settings)
    }

    /// ZCC by its own address, such as `https://api-mobile.zscalertwo.net`.
    pub fn legacy_zcc(
        address: &str,
        api_key: Hidden,
        secret_key: Hidden,
        settings: Settings,
    ) -> Result<Api, SetupError> {
        Api::legacy(address, "papi/public/", Who::Zcc { api_key, secret_key }, settings)
    }

    fn legacy(address: &str, path: &str, who: Who, settings: Settings) -> Result<Api, SetupError> {
        let login = Legacy { base: guarded_base(address, &settings)?, who };
        let (service, secrets) = (login.service(), Secrets::new(login.secrets()));
        let mut base = login.base.clone();
        base.set_path(&format!("{}{path}", base.path()));
        let auth = Auth::Session(Box::new(Session::new(Login::Legacy(login))));
        let transport = Transport::new(Contract::Zscaler, auth, secrets, settings)?;
        Ok(Api { service, base, transport, locks: Locks::default() })
    }

    pub fn service(&self) -> Service {
        self.service
    }

    /// Sends any request; the path stands below the service's. A write of a ZPA policy set waits for the one before it.
    pub async fn request(&self, request: &Request) -> Result<Answer, Error> {
        let lock = self.policy_set(request);
        let _turn = match &lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        self.transport.send(Some(self.service), &self.base, request).await
    }

    /// Sends any request and decodes its answer.
    pub async fn fetch<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let answer = self.request(&request).await?;
        self.transport.decode(Some(self.service), &self.base, &request, &answer)
    }

    /// Every item of a list, in pages of this size; a page that fails is an error, never the end.
    pub fn list<T: DeserializeOwned + Send + 'static>(&self, request: Request, size: u64) -> Result<Items<T>, Error> {
        let (name, sizes) = pages::sizes(self.service);
        if !sizes.contains(&size) {
            return Err(self.transport.refused(name, size, &format!("{} to {}", sizes.start(), sizes.end())));
        }
        let api = self.clone();
        Ok(pages(Contract::Zscaler, (pages::first(self.service), None), move |(at, before)| {
            let query = pages::query(api.service, &at, size);
            let request = query.into_iter().fold(request.clone(), |request, (name, value)| request.paged(name, value));
            let api = api.clone();
            async move {
                let answer = api.request(&request).await?;
                // The same page again: the service pays no heed to the number.
                if before.as_ref() == Some(&answer.body) {
                    return Ok(Page { items: Vec::new(), next: None });
                }
                let (items, next) = api.page(&request, &at, size, &answer)?;
                let next = next.map(|next| (next, Some(answer.body)));
                Ok(Page { items, next })
            }
        }))
    }

    fn page<T: DeserializeOwned>(
        &self,
        request: &Request,
        at: &pages::At,
        size: u64,
        answer: &Answer,
    ) -> Result<(Vec<T>, Option<pages::At>), Error> {
        let decode = |answer: &Answer| self.transport.decode(Some(self.service), &self.base, request, answer);
        let body: Value = decode(answer)?;
        let read = pages::read(self.service, at, size, body);
        let read =
            read.map_err(|what| self.transport.not_as_promised(Some(self.service), &self.base, request, what, answer))?;
        let items: Result<Vec<T>, _> = read.items.into_iter().map(serde_json::from_value).collect();
        let items = items.map_err(|error| {
            let what = format!("the answer is not what the API says: {error}");
            self.transport.not_as_promised(Some(self.service), &self.base, request, what, answer)
        })?;
        Ok((items, read.next))
    }

    /// Makes the changes of ZIA or CBC take effect.
    pub async fn activate(&self) -> Result<Value, Error> {
        let path = match self.service {
            Service::Zia => "status/activate",
            Service::Cbc => "ecAdminActivateStatus/activate",
            other => {
                let message = format!("changes of {other} take effect at once");
                return Err(Error::here(Contract::Zscaler, Kind::Unsupported, message));
            }
        };
        let mut request = Request::post(path).idempotent();
        if self.service == Service::Cbc {
            request.method = http::Method::PUT;
        }
        self.fetch(request).await
    }

    /// The lock of the policy set that a request changes.
    fn policy_set(&self, request: &Request) -> Option<Arc<tokio::sync::Mutex<()>>> {
        let is_write = !matches!(request.method, http::Method::GET | http::Method::HEAD);
        let set = policy_set(&request.path).filter(|_| is_write && self.service == Service::Zpa)?;
        let mut locks = self.locks.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Nobody holds or awaits what only this table knows.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Some(locks.entry(set.to_string()).or_default().clone())
    }
}

/// The customer's policy set in a path: all up to its id.
fn policy_set(path: &str) -> Option<&str> {
    let at = path.find("/policySet/")? + "/policySet/".len();
    let end = path[at..].find('/').map_or(path.len(), |end| at + end);
    let start = path.find("/customers/")?;
    (end > at).then(|| &path[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_policy_set_is_known_by_customer_and_id_in_both_versions() {
        let set = Some("/customers/7/policySet/12");
        assert_eq!(policy_set(&zpa_path(1, "7", "policySet/12/rule")), set);
        assert_eq!(policy_set(&zpa_path(2, "7", "policySet/12/rule/3/reorder/1")), set);
        assert_eq!(policy_set(&zpa_path(1, "7", "policySet/12")), set);
        assert_eq!(policy_set(&zpa_path(1, "7", "segmentGroup/12")), None);
    }

    #[test]
    fn a_secret_goes_over_tls_or_stays_here() {
        let credential = || Credential::Secret { client_id: "id".to_string(), client_secret: Hidden::new("secret") };
        let client = |gateway: &str, login: &str| {
            let place = Place { gateway: gateway.to_string(), login: login.to_string() };
            Client::new(&place, credential(), Settings::default())
        };
        assert!(matches!(client("http://a.example.test", "https://b.example.test"), Err(SetupError::InTheClear)));
        assert!(matches!(client("https://a.example.test", "http://b.example.test"), Err(SetupError::InTheClear)));
        assert!(client("http://127.0.0.1:1", "http://localhost:1").is_ok());
        let shown = format!("{:?}", client("http://127.0.0.1:1", "http://[::1]:1").unwrap());
        assert!(!shown.contains("secret\""), "{shown}");
    }

    proptest! {
        #[test]
        fn any_path_can_be_asked_for_its_policy_set(path in "(/customers/[a-zé/]{0,8})?(/policySet/)?[a-zé/]{0,8}") {
            let _ = policy_set(&path);
        }
    }
}
