//! Tenants: for keys of the operator.

use super::{Client, segment};
use crate::error::Error;
use crate::request::Request;
use crate::stream::Items;
use scanyard_contract::Tenant;
use scanyard_contract::tenant::{CreateTenant, UpdateTenant};

impl Client {
    /// `POST /tenants`.
    pub async fn create_tenant(&self, tenant: &CreateTenant) -> Result<Tenant, Error> {
        self.data(Request::post("tenants").json(tenant)).await
    }

    /// `GET /tenants`, every page of it.
    pub fn tenants(&self) -> Items<Tenant> {
        self.items(Request::get("tenants"))
    }

    /// `GET /tenants/{id}`.
    pub async fn tenant(&self, id: &str) -> Result<Tenant, Error> {
        self.data(Request::get(path(id, ""))).await
    }

    /// `PATCH /tenants/{id}`.
    pub async fn update_tenant(&self, id: &str, change: &UpdateTenant) -> Result<Tenant, Error> {
        self.data(Request::patch(path(id, "")).json(change).idempotent()).await
    }

    /// `POST /tenants/{id}/suspend`.
    pub async fn suspend_tenant(&self, id: &str) -> Result<Tenant, Error> {
        self.data(Request::post(path(id, "/suspend"))).await
    }

    /// `POST /tenants/{id}/resume`.
    pub async fn resume_tenant(&self, id: &str) -> Result<Tenant, Error> {
        self.data(Request::post(path(id, "/resume"))).await
    }
}

fn path(id: &str, verb: &str) -> String {
    format!("tenants/{}{verb}", segment(id))
}
