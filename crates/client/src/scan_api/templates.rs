//! Templates of scans.

use super::{Client, segment};
use crate::error::Error;
use crate::request::Request;
use crate::stream::Items;
use scanyard_contract::template::{CreateTemplate, LaunchTemplate, UpdateTemplate};
use scanyard_contract::wire::Deleted;
use scanyard_contract::{Scan, Template};

impl Client {
    /// `POST /scan-templates`.
    pub async fn create_template(&self, template: &CreateTemplate) -> Result<Template, Error> {
        self.data(Request::post("scan-templates").json(template)).await
    }

    /// `GET /scan-templates`, every page of it.
    pub fn templates(&self) -> Items<Template> {
        self.items(Request::get("scan-templates"))
    }

    /// `GET /scan-templates/{id}`.
    pub async fn template(&self, id: &str) -> Result<Template, Error> {
        self.data(Request::get(path(id, ""))).await
    }

    /// `PATCH /scan-templates/{id}`.
    pub async fn update_template(&self, id: &str, change: &UpdateTemplate) -> Result<Template, Error> {
        // The same values put twice are the same values.
        self.data(Request::patch(path(id, "")).json(change).idempotent()).await
    }

    /// `DELETE /scan-templates/{id}`.
    pub async fn delete_template(&self, id: &str) -> Result<Deleted, Error> {
        self.data(Request::delete(path(id, ""))).await
    }

    /// `POST /scan-templates/{id}/launch`.
    pub async fn launch_template(&self, id: &str, launch: &LaunchTemplate) -> Result<Scan, Error> {
        self.data(Request::post(path(id, "/launch")).json(launch)).await
    }
}

fn path(id: &str, verb: &str) -> String {
    format!("scan-templates/{}{verb}", segment(id))
}
