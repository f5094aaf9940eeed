//! A client of whichever vendor a profile names, with one way to ask it.

use super::profile::{Profile, Source};
use anyhow::{Context, bail};
use scanyard_client::arctic_wolf::{self, aurora, managed};
use scanyard_client::zscaler::{self, Api};
use scanyard_client::{Answer, Error, Hidden, Items, Request, Settings, scan_api, tenable};
use scanyard_contract::{Contract, Service};
use serde_json::Value;

/// Items per page, where the vendor lets one choose.
const PAGE: u64 = 100;
/// Items per page of ZPA: each list of it gives so many, and it lets two requests through in a second.
const PAGE_OF_ZPA: u64 = 500;

/// Plugins per page of Tenable.
const PLUGINS: u64 = 1000;

/// Any of the clients.
pub enum Vendor {
    Tenable(tenable::Client),
    Zscaler(Api),
    /// A service of Zscaler's by its own address, with the part of the paths that the client puts before them.
    Legacy(Api, &'static str),
    Aurora(aurora::Client),
    Managed(Box<managed::Client>, Service),
    ScanApi(scan_api::Client),
}

impl Vendor {
    /// The client of a profile, for this service.
    pub fn new(profile: &Profile, service: Option<Service>, settings: Settings) -> anyhow::Result<Vendor> {
        match profile {
            Profile::Tenable { .. } => Ok(Vendor::Tenable(tenable_client(profile, settings)?)),
            Profile::Zscaler { .. } => oneapi(profile, service, settings).map(Vendor::Zscaler),
            Profile::ZscalerLegacy { .. } => legacy(profile, service, settings),
            Profile::ArcticWolf { .. } => wolf(profile, service, settings),
            Profile::ScanApi { server, key, insecure_http } => {
                let settings = Settings { allow_plain_http: *insecure_http, ..settings };
                let credential = match key {
                    Some(key) => scan_api::Credential::Key(key.read()?),
                    None => scan_api::Credential::Nobody,
                };
                Ok(Vendor::ScanApi(scan_api::Client::with(server, credential, settings)?))
            }
        }
    }

    /// Sends one request.
    pub async fn request(&self, request: &Request) -> Result<Answer, Error> {
        match self {
            Vendor::Tenable(client) => client.request(request).await,
            Vendor::Zscaler(api) => api.request(request).await,
            Vendor::Legacy(api, before) => api.request(&below(before, request)).await,
            Vendor::Aurora(client) => client.request(request).await,
            Vendor::Managed(client, service) => client.request(*service, request).await,
            Vendor::ScanApi(client) => client.request(request).await,
        }
    }

    /// Every item of every page.
    pub fn items(&self, request: Request) -> Result<Items<Value>, Error> {
        match self {
            Vendor::Tenable(client) => of_tenable(client, request),
            Vendor::Zscaler(api) => api.list(request, page_of(api)),
            Vendor::Legacy(api, before) => api.list(below(before, &request), page_of(api)),
            Vendor::Aurora(client) => client.pages(request, PAGE),
            Vendor::Managed(client, service) => Ok(client.list(*service, request)),
            Vendor::ScanApi(client) => Ok(client.items(request)),
        }
    }
}

/// Tenable's pages hold their list under the last word of the path, but for a few; plugins are paged in their own way.
fn of_tenable(client: &tenable::Client, request: Request) -> Result<Items<Value>, Error> {
    let path = request.path.trim_end_matches('/');
    if path == "plugins/plugin" {
        let value = |name: &str| request.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let size = value("size").map_or(PLUGINS, |size| size.parse().unwrap_or_default());
        return client.plugins(value("last_updated"), size);
    }
    let name = match path.rsplit('/').next().unwrap_or_default() {
        "agent-groups" => "groups",
        "scanner-groups" => "scanner_pools",
        other => other,
    };
    let name = name.to_string();
    Ok(client.list(request, &name))
}

/// The client of a profile of Tenable.
pub fn tenable_client(profile: &Profile, settings: Settings) -> anyhow::Result<tenable::Client> {
    let Profile::Tenable { address, access_key, secret_key, username, password, impersonate } = profile else {
        bail!("the profile is of {}, not of tenable", profile.contract());
    };
    let credential = match (access_key, secret_key, username, password) {
        (Some(access), Some(secret), None, None) => {
            tenable::Credential::Keys { access: access.read()?, secret: secret.read()? }
        }
        (None, None, Some(username), Some(password)) => {
            tenable::Credential::Password { username: username.clone(), password: password.read()? }
        }
        _ => bail!("a profile of tenable has access_key and secret_key, or username and password"),
    };
    let client = tenable::Client::at(address.as_deref().unwrap_or(tenable::CLOUD), credential, settings)?;
    match impersonate {
        Some(username) => Ok(client.impersonate(username)?),
        None => Ok(client),
    }
}

fn oneapi(profile: &Profile, service: Option<Service>, settings: Settings) -> anyhow::Result<Api> {
    let Profile::Zscaler { vanity, cloud, gateway, login, client_id, client_secret, private_key } = profile else {
        bail!("the profile is of {}, not of zscaler", profile.contract());
    };
    let place = match (vanity, cloud, gateway, login) {
        (Some(vanity), None, None, None) => zscaler::Place::production(vanity),
        (Some(vanity), Some(cloud), None, None) => zscaler::Place::cloud(vanity, cloud),
        (None, None, Some(gateway), Some(login)) => zscaler::Place { gateway: gateway.clone(), login: login.clone() },
        _ => bail!("a profile of zscaler has vanity and perhaps cloud, or gateway and login"),
    };
    let client_id = client_id.clone();
    let credential = match (client_secret, private_key) {
        (Some(secret), None) => zscaler::Credential::Secret { client_id, client_secret: secret.read()? },
        (None, Some(key)) => zscaler::Credential::PrivateKey { client_id, private_key: key.read()? },
        _ => bail!("a profile of zscaler has either client_secret or private_key"),
    };
    let client = zscaler::Client::new(&place, credential, settings)?;
    let service = service.context("name the service, such as zscaler/zia")?;
    // Paths are those of the vendor's pages, from the gateway on.
    Ok(client.any(service))
}

fn page_of(api: &Api) -> u64 {
    if api.service() == Service::Zpa { PAGE_OF_ZPA } else { PAGE }
}

/// The request with its path below the client's base, also when it begins with that base as on the vendor's pages.
fn below(base: &str, request: &Request) -> Request {
    let path = request.path.strip_prefix(base).unwrap_or(&request.path).to_string();
    Request { path, ..request.clone() }
}

fn legacy(profile: &Profile, asked: Option<Service>, settings: Settings) -> anyhow::Result<Vendor> {
    let Profile::ZscalerLegacy { service, address, username, password, api_key, client_id, client_secret, secret_key } =
        profile
    else {
        bail!("the profile is of {}, not of zscaler", profile.contract());
    };
    let text = |name: &str, value: &Option<String>| value.clone().with_context(|| format!("the profile lacks {name}"));
    let known = Service::named(Contract::Zscaler, service);
    if asked.is_some() && asked != known {
        bail!("the profile is of zscaler/{service} at its own address, and reaches no other service");
    }
    let (api, base) = match known {
        Some(Service::Zia) => {
            let (username, password) = (text("username", username)?, secret("password", password)?);
            (Api::legacy_zia(address, &username, password, secret("api_key", api_key)?, settings), "api/v1/")
        }
        Some(Service::Cbc) => {
            let (username, password) = (text("username", username)?, secret("password", password)?);
            (Api::legacy_cbc(address, &username, password, secret("api_key", api_key)?, settings), "api/v1/")
        }
        Some(Service::Zpa) => {
            let client_secret = secret("client_secret", client_secret)?;
            (Api::legacy_zpa(address, &text("client_id", client_id)?, client_secret, settings), "")
        }
        Some(Service::Zcc) => {
            let secret_key = secret("secret_key", secret_key)?;
            (Api::legacy_zcc(address, secret("api_key", api_key)?, secret_key, settings), "papi/public/")
        }
        Some(_) | None => bail!("service is one of zia, cbc, zpa, zcc"),
    };
    Ok(Vendor::Legacy(api?, base))
}

fn wolf(profile: &Profile, service: Option<Service>, settings: Settings) -> anyhow::Result<Vendor> {
    let Profile::ArcticWolf { address, pod, key, region, tenant_id, application_id, application_secret } = profile
    else {
        bail!("the profile is of {}, not of arctic-wolf", profile.contract());
    };
    let service = service.context("name the service, such as arctic-wolf/ticket")?;
    if service != Service::Aurora {
        let place = match (address, pod) {
            (Some(address), None) => managed::Place::at(address),
            (None, Some(pod)) => managed::Place::pod(pod).context("there is no such pod")?,
            _ => bail!("a profile of arctic-wolf has pod, or address"),
        };
        let client = arctic_wolf::Client::new(&place, secret("key", key)?, settings)?;
        return Ok(Vendor::Managed(Box::new(client), service));
    }
    let credential = aurora::Credential {
        tenant_id: tenant_id.context("the profile lacks tenant_id")?,
        application_id: application_id.context("the profile lacks application_id")?,
        application_secret: secret("application_secret", application_secret)?,
    };
    let client = match (address, region.as_deref()) {
        (Some(address), None) => aurora::Client::at(address, credential, settings)?,
        (None, region) => aurora::Client::new(region_named(region.unwrap_or("na"))?, credential, settings)?,
        (Some(_), Some(_)) => bail!("a profile of arctic-wolf has region, or address"),
    };
    Ok(Vendor::Aurora(client))
}

fn region_named(name: &str) -> anyhow::Result<aurora::Region> {
    Ok(match name {
        "na" => aurora::Region::NorthAmerica,
        "eu" => aurora::Region::Europe,
        "apac-north" => aurora::Region::ApacNorth,
        "apac-south" => aurora::Region::ApacSouth,
        "sa" => aurora::Region::SouthAmerica,
        "us-gov" => aurora::Region::UsGovernment,
        _ => bail!("region is one of na, eu, apac-north, apac-south, sa, us-gov"),
    })
}

fn secret(name: &str, source: &Option<Source>) -> anyhow::Result<Hidden> {
    source.as_ref().with_context(|| format!("the profile lacks {name}"))?.read()
}
