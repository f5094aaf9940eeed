//! Aurora Endpoint Defense, formerly Cylance.

use crate::auth::{Auth, Login, Session};
use crate::error::Error;
use crate::jwt::hs256;
use crate::request::{Answer, Request};
use crate::secret::Secrets;
use crate::settings::{Settings, SetupError, guarded_base};
use crate::stream::{Items, Page, pages};
use crate::transport::Transport;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::{Contract, Service};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;
use uuid::Uuid;

/// How long the signed token is good for; it is used once.
const PROOF_LIFE: Duration = Duration::from_secs(30 * 60);
/// The largest page.
const MAX_PAGE: u64 = 200;

/// Where a tenant lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    NorthAmerica,
    Europe,
    ApacNorth,
    ApacSouth,
    SouthAmerica,
    UsGovernment,
}

impl Region {
    /// The region's address.
    pub fn address(self) -> &'static str {
        match self {
            Region::NorthAmerica => "https://protectapi.cylance.com",
            Region::Europe => "https://protectapi-euc1.cylance.com",
            Region::ApacNorth => "https://protectapi-apne1.cylance.com",
            Region::ApacSouth => "https://protectapi-au.cylance.com",
            Region::SouthAmerica => "https://protectapi-sae1.cylance.com",
            Region::UsGovernment => "https://protectapi.us.cylance.com",
        }
    }
}

/// A custom application of a tenant.
#[derive(Debug, Clone)]
pub struct Credential {
    pub tenant_id: Uuid,
    pub application_id: Uuid,
    pub application_secret: Hidden,
}

/// Who asks for a token.
#[derive(Debug)]
pub(crate) struct Application {
    pub base: Url,
    credential: Credential,
}

impl Application {
    pub fn request(&self, now: SystemTime) -> Request {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = json!({"exp": (now + PROOF_LIFE).as_secs(), "iat": now.as_secs(), "iss": "http://cylance.com",
            "sub": self.credential.application_id, "tid": self.credential.tenant_id, "jti": Uuid::new_v4()});
        // Claims of texts and numbers always have a JSON.
        let proof = hs256(self.credential.application_secret.reveal().as_bytes(), &claims).unwrap_or_default();
        // The same proof is refused when it is sent again after it was taken.
        Request::post("auth/v2/token").json(&json!({"auth_token": proof})).hiding(&Hidden::new(proof))
    }
}

/// What Aurora lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    Users,
    Devices,
    Threats,
    GlobalLists,
    Policies,
    Zones,
    Detections,
    MemoryProtection,
    Packages,
    InstaQueries,
    Rules,
    RuleSets,
    Exceptions,
}

impl Collection {
    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Collection::Users => "users/v2",
            Collection::Devices => "devices/v2",
            Collection::Threats => "threats/v2",
            Collection::GlobalLists => "globallists/v2",
            Collection::Policies => "policies/v2",
            Collection::Zones => "zones/v2",
            Collection::Detections => "detections/v2",
            Collection::MemoryProtection => "memoryprotection/v2",
            Collection::Packages => "packages/v2",
            Collection::InstaQueries => "instaqueries/v2",
            Collection::Rules => "rules/v2",
            Collection::RuleSets => "rulesets/v2",
            Collection::Exceptions => "exceptions/v2",
        }
    }
}

/// Calls Aurora; cheap to clone. Clones share the token.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    transport: Transport,
}

#[derive(Deserialize)]
struct Listed {
    total_pages: u64,
    page_items: Vec<Value>,
}

impl Client {
    pub fn new(region: Region, credential: Credential, settings: Settings) -> Result<Client, SetupError> {
        Client::at(region.address(), credential, settings)
    }

    /// A client of another address.
    pub fn at(address: &str, credential: Credential, settings: Settings) -> Result<Client, SetupError> {
        let base = guarded_base(address, &settings)?;
        if credential.application_secret.reveal().is_empty() {
            return Err(SetupError::UnusableValue("the application's secret"));
        }
        let secrets = Secrets::new([credential.application_secret.clone()]);
        let login = Login::Aurora(Application { base: base.clone(), credential });
        let auth = Auth::Session(Box::new(Session::new(login)));
        let transport = Transport::new(Contract::ArcticWolf, auth, secrets, super::patient(settings))?;
        Ok(Client { base, transport })
    }

    /// Sends any request, such as to `devices/v2/{id}`.
    pub async fn request(&self, request: &Request) -> Result<Answer, Error> {
        self.transport.send(Some(Service::Aurora), &self.base, request).await
    }

    /// Sends any request and decodes its answer.
    pub async fn fetch<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.transport.fetch(Some(Service::Aurora), &self.base, &request).await
    }

    /// One object of a collection.
    pub async fn get<T: DeserializeOwned>(&self, collection: Collection, id: Uuid) -> Result<T, Error> {
        self.fetch(Request::get(format!("{}/{id}", collection.path()))).await
    }

    /// Every object of a collection, in pages of 1 to 200.
    pub fn list<T: DeserializeOwned + Send + 'static>(
        &self,
        collection: Collection,
        size: u64,
    ) -> Result<Items<T>, Error> {
        self.pages(Request::get(collection.path()), size)
    }

    /// Every object of any list, in pages of 1 to 200.
    pub fn pages<T: DeserializeOwned + Send + 'static>(&self, request: Request, size: u64) -> Result<Items<T>, Error> {
        if !(1..=MAX_PAGE).contains(&size) {
            return Err(self.transport.refused("page_size", size, "1 to 200"));
        }
        let client = self.clone();
        Ok(pages(Contract::ArcticWolf, 1u64, move |page| {
            let (client, request) = (client.clone(), request.clone().paged("page", page).paged("page_size", size));
            async move {
                let answer = client.request(&request).await?;
                let service = Some(Service::Aurora);
                let listed: Listed = client.transport.decode(service, &client.base, &request, &answer)?;
                let items: Result<Vec<T>, _> = listed.page_items.into_iter().map(serde_json::from_value).collect();
                let items = items.map_err(|error| {
                    let what = format!("the answer is not what the API says: {error}");
                    client.transport.not_as_promised(service, &client.base, &request, what, &answer)
                })?;
                let is_last = page >= listed.total_pages;
                Ok(Page { items, next: (!is_last).then_some(page + 1) })
            }
        }))
    }
}
