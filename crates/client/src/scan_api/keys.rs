//! API keys.

use super::{Client, segment};
use crate::error::Error;
use crate::request::Request;
use crate::stream::Items;
use scanyard_contract::ApiKey;
use scanyard_contract::api_key::{CreateApiKey, NewApiKey, RotateApiKey, UpdateApiKey};
use scanyard_contract::wire::Deleted;

impl Client {
    /// `POST /api-keys`: the only answer that holds the secret.
    pub async fn create_api_key(&self, key: &CreateApiKey) -> Result<NewApiKey, Error> {
        self.data(Request::post("api-keys").json(key)).await
    }

    /// `GET /api-keys`, every page of it.
    pub fn api_keys(&self) -> Items<ApiKey> {
        self.items(Request::get("api-keys"))
    }

    /// `GET /api-keys/{id}`.
    pub async fn api_key(&self, id: &str) -> Result<ApiKey, Error> {
        self.data(Request::get(path(id, ""))).await
    }

    /// `PATCH /api-keys/{id}`.
    pub async fn update_api_key(&self, id: &str, change: &UpdateApiKey) -> Result<ApiKey, Error> {
        self.data(Request::patch(path(id, "")).json(change).idempotent()).await
    }

    /// `POST /api-keys/{id}/rotate`.
    pub async fn rotate_api_key(&self, id: &str, how: &RotateApiKey) -> Result<NewApiKey, Error> {
        self.data(Request::post(path(id, "/rotate")).json(how)).await
    }

    /// `POST /api-keys/{id}/suspend`.
    pub async fn suspend_api_key(&self, id: &str) -> Result<ApiKey, Error> {
        self.data(Request::post(path(id, "/suspend"))).await
    }

    /// `POST /api-keys/{id}/resume`.
    pub async fn resume_api_key(&self, id: &str) -> Result<ApiKey, Error> {
        self.data(Request::post(path(id, "/resume"))).await
    }

    /// `DELETE /api-keys/{id}`: for good.
    pub async fn revoke_api_key(&self, id: &str) -> Result<Deleted, Error> {
        self.data(Request::delete(path(id, ""))).await
    }
}

fn path(id: &str, verb: &str) -> String {
    format!("api-keys/{}{verb}", segment(id))
}
