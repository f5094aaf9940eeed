//! The managed services: Ticket, Organizations, Data Retrieval and Reports.
//!
//! Ticket and Reports want an organisation's UUID, Data Retrieval its customer id; [`Client::organizations`] tells both.

use super::patient;
use crate::auth::{Auth, sensitive};
use crate::error::Error;
use crate::request::{Answer, Request};
use crate::secret::Secrets;
use crate::settings::{Settings, SetupError, guarded_base};
use crate::stream::{Items, Page, pages};
use crate::transport::Transport;
use http::header::AUTHORIZATION;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::{Contract, Service};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

/// The largest page that all of them give: more is documented for tickets, and refused.
const MAX_PAGE: u64 = 100;
/// The furthest that the list of tickets goes.
const MAX_TICKET_OFFSET: u64 = 100_000;
/// Where a page holds its items, when it is no bare list.
const LISTS: [&str; 6] = ["results", "tickets", "reports", "queries", "data", "items"];
/// The pods.
const PODS: [&str; 6] = ["us001", "us002", "us003", "eu001", "au001", "ca001"];

/// The addresses of the services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub ticket: String,
    pub organizations: String,
    pub data_retrieval: String,
    pub reports: String,
}

impl Place {
    /// The addresses of a pod, such as `us001`; `None` when there is no such pod.
    pub fn pod(pod: &str) -> Option<Place> {
        let host = |name: &str| format!("https://{name}.managedgw.{pod}-prod.arcticwolf.net");
        PODS.contains(&pod).then(|| Place {
            ticket: host("ticket-api"),
            organizations: "https://eloc.global-prod.arcticwolf.net".to_string(),
            data_retrieval: host("data-retrieval-service-prod"),
            reports: host("msp-reporting"),
        })
    }

    /// All at one address.
    pub fn at(address: &str) -> Place {
        let address = || address.to_string();
        Place { ticket: address(), organizations: address(), data_retrieval: address(), reports: address() }
    }
}

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// For tickets and reports.
    pub id: Uuid,
    /// For data retrieval.
    #[serde(rename = "customerID", default)]
    pub customer_id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub pod: String,
}

/// Calls the managed services with one personal API key; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    ticket: Url,
    organizations: Url,
    data_retrieval: Url,
    reports: Url,
    transport: Transport,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    total: Option<u64>,
}

impl Client {
    pub fn new(place: &Place, key: Hidden, settings: Settings) -> Result<Client, SetupError> {
        let header = match key.reveal().is_empty() {
            true => None,
            false => sensitive(AUTHORIZATION, &format!("Bearer {}", key.reveal())),
        };
        let auth = Auth::Fixed(header.ok_or(SetupError::UnusableKey)?);
        let base = |address: &str| guarded_base(address, &settings);
        let (ticket, organizations) = (base(&place.ticket)?, base(&place.organizations)?);
        let (data_retrieval, reports) = (base(&place.data_retrieval)?, base(&place.reports)?);
        let transport = Transport::new(Contract::ArcticWolf, auth, Secrets::new([key]), patient(settings))?;
        Ok(Client { ticket, organizations, data_retrieval, reports, transport })
    }

    /// Sends any request to one of the four services.
    pub async fn request(&self, service: Service, request: &Request) -> Result<Answer, Error> {
        self.transport.send(Some(service), self.base(service)?, request).await
    }

    async fn fetch<T: DeserializeOwned>(&self, service: Service, request: Request) -> Result<T, Error> {
        self.transport.fetch(Some(service), self.base(service)?, &request).await
    }

    fn base(&self, service: Service) -> Result<&Url, Error> {
        match service {
            Service::Ticket => Ok(&self.ticket),
            Service::Organizations => Ok(&self.organizations),
            Service::DataRetrieval => Ok(&self.data_retrieval),
            Service::Reports => Ok(&self.reports),
            other => {
                let allowed = "ticket, organizations, data-retrieval or reports";
                Err(self.transport.refused("service", other, allowed))
            }
        }
    }

    /// The organisations that the key may see.
    pub async fn organizations(&self) -> Result<Vec<Organization>, Error> {
        self.fetch(Service::Organizations, Request::get("api/v1/organizations")).await
    }

    /// Every ticket of an organisation. The filters are Arctic Wolf's own, such as `("status", "OPEN,CLOSED")`.
    pub fn tickets(&self, organization: Uuid, filters: &[(&str, &str)]) -> Items<Value> {
        let mut request = Request::get(format!("api/v1/organizations/{organization}/tickets"));
        for (name, value) in filters {
            request = request.with(name, value);
        }
        self.list(Service::Ticket, request)
    }

    /// One ticket.
    pub async fn ticket(&self, organization: Uuid, id: u64) -> Result<Value, Error> {
        self.fetch(Service::Ticket, Request::get(format!("api/v1/organizations/{organization}/tickets/{id}"))).await
    }

    /// Closes a ticket, with a comment where there is one.
    pub async fn close_ticket(&self, organization: Uuid, id: u64, comment: Option<&str>) -> Result<(), Error> {
        let body = comment.map_or(json!({}), |comment| json!({"comment": comment}));
        let request = Request::post(format!("api/v1/organizations/{organization}/tickets/{id}/close")).json(&body);
        self.request(Service::Ticket, &request).await.map(|_| ())
    }

    /// Comments on a ticket.
    pub async fn comment(&self, organization: Uuid, id: u64, body: &Value) -> Result<(), Error> {
        let request = Request::post(format!("api/v1/organizations/{organization}/tickets/{id}/comments")).json(body);
        self.request(Service::Ticket, &request).await.map(|_| ())
    }

    /// The data sources of a customer.
    pub async fn data_sources(&self, customer_id: &str) -> Result<Value, Error> {
        let customer_id = self.id("customer_id", customer_id)?;
        let path = format!("api/v1beta/organizations/{customer_id}/data-sources");
        self.fetch(Service::DataRetrieval, Request::get(path)).await
    }

    /// Runs a predefined query of a data source. It reads only, so that it is sent again after a failure.
    pub async fn execute_query(
        &self,
        customer_id: &str,
        data_source: &str,
        query: &str,
        parameters: &Value,
        response_columns: &[String],
    ) -> Result<Value, Error> {
        let path = format!(
            "api/v1beta/organizations/{}/data-sources/{}/predefined-queries/{}/execute",
            self.id("customer_id", customer_id)?,
            self.id("data_source", data_source)?,
            self.id("query", query)?
        );
        let body = json!({"parameters": parameters, "response_columns": response_columns});
        self.fetch(Service::DataRetrieval, Request::post(path).json(&body).idempotent()).await
    }

    /// Every report of an organisation.
    pub fn reports(&self, organization: Uuid) -> Items<Value> {
        let request = Request::get(format!("api/v1/organizations/{organization}/reports"));
        self.list(Service::Reports, request)
    }

    /// Starts a report. A 409 says that it is being made already: look at its status instead.
    pub async fn create_report(&self, organization: Uuid, report: &Value) -> Result<Value, Error> {
        let request = Request::post(format!("api/v1/organizations/{organization}/reports")).json(report);
        self.fetch(Service::Reports, request).await
    }

    /// How far a report is.
    pub async fn report_status(&self, organization: Uuid, id: &str) -> Result<Value, Error> {
        let path = format!("api/v1/organizations/{organization}/reports/{}/status", self.id("report", id)?);
        self.fetch(Service::Reports, Request::get(path)).await
    }

    /// Every item of any list that is paged by `offset` and `limit`.
    pub fn list(&self, service: Service, request: Request) -> Items<Value> {
        let client = self.clone();
        pages(Contract::ArcticWolf, 0u64, move |offset| {
            let (client, request) = (client.clone(), request.clone().paged("offset", offset).paged("limit", MAX_PAGE));
            async move {
                if service == Service::Ticket && offset > MAX_TICKET_OFFSET {
                    let allowed = format!("0 to {MAX_TICKET_OFFSET}: ask for fewer tickets by a filter");
                    return Err(client.transport.refused("offset", offset, &allowed));
                }
                let base = client.base(service)?;
                let answer = client.transport.send(Some(service), base, &request).await?;
                let mut body: Value = client.transport.decode(Some(service), base, &request, &answer)?;
                let total = body.get("meta").cloned().and_then(|meta| serde_json::from_value::<Meta>(meta).ok());
                let total = total.and_then(|meta| meta.total);
                let items = match LISTS.iter().find_map(|name| body.get_mut(*name).map(Value::take)).unwrap_or(body) {
                    Value::Array(items) => items,
                    _ => {
                        let what = "the page holds no list";
                        return Err(client.transport.not_as_promised(Some(service), base, &request, what, &answer));
                    }
                };
                let read = offset + items.len() as u64;
                let is_more = total.map_or(items.len() as u64 == MAX_PAGE, |total| read < total);
                let next = (is_more && !items.is_empty()).then_some(read);
                Ok(Page { items, next })
            }
        })
    }

    /// An id in a path.
    fn id<'a>(&self, name: &str, id: &'a str) -> Result<&'a str, Error> {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || "_@:.-".contains(c);
        let is_id = !id.is_empty() && id.len() <= 200 && id.chars().all(is_safe) && !id.starts_with('.');
        if is_id { Ok(id) } else { Err(self.transport.refused(name, id, "letters, digits and _@:.-")) }
    }
}
