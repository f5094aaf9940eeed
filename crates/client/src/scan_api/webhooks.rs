//! Webhooks and their deliveries.

use super::{Client, segment};
use crate::error::Error;
use crate::request::Request;
use crate::stream::Items;
use scanyard_contract::webhook::{
    CreateWebhook, CreatedWebhook, Delivery, DeliveryStatus, PatchWebhook, RedeliverSince, Redelivered, RotateSecret,
    RotatedSecret, Webhook,
};
use scanyard_contract::wire::Deleted;

impl Client {
    /// `POST /webhooks`: the answer holds the signing secret.
    pub async fn create_webhook(&self, webhook: &CreateWebhook) -> Result<CreatedWebhook, Error> {
        self.data(Request::post("webhooks").json(webhook)).await
    }

    /// `GET /webhooks`, every page of it.
    pub fn webhooks(&self) -> Items<Webhook> {
        self.items(Request::get("webhooks"))
    }

    /// `GET /webhooks/{id}`.
    pub async fn webhook(&self, id: &str) -> Result<Webhook, Error> {
        self.data(Request::get(path(id, ""))).await
    }

    /// `PATCH /webhooks/{id}`.
    pub async fn update_webhook(&self, id: &str, change: &PatchWebhook) -> Result<Webhook, Error> {
        self.data(Request::patch(path(id, "")).json(change).idempotent()).await
    }

    /// `DELETE /webhooks/{id}`.
    pub async fn delete_webhook(&self, id: &str) -> Result<Deleted, Error> {
        self.data(Request::delete(path(id, ""))).await
    }

    /// `POST /webhooks/{id}/test`: one call, with what came of it.
    pub async fn test_webhook(&self, id: &str) -> Result<Delivery, Error> {
        self.data(Request::post(path(id, "/test"))).await
    }

    /// `POST /webhooks/{id}/rotate-secret`.
    pub async fn rotate_webhook_secret(&self, id: &str, how: RotateSecret) -> Result<RotatedSecret, Error> {
        self.data(Request::post(path(id, "/rotate-secret")).json(&how)).await
    }

    /// `GET /webhooks/{id}/deliveries`, every page of it.
    pub fn deliveries(&self, id: &str, status: Option<DeliveryStatus>) -> Items<Delivery> {
        self.items(Request::get(path(id, "/deliveries")).with_some("status", status))
    }

    /// `GET /webhooks/{id}/deliveries/{delivery}`.
    pub async fn delivery(&self, id: &str, delivery: &str) -> Result<Delivery, Error> {
        self.data(Request::get(path(id, &format!("/deliveries/{}", segment(delivery))))).await
    }

    /// `POST /webhooks/{id}/deliveries/{delivery}/redeliver`.
    pub async fn redeliver(&self, id: &str, delivery: &str) -> Result<Delivery, Error> {
        self.data(Request::post(path(id, &format!("/deliveries/{}/redeliver", segment(delivery))))).await
    }

    /// `POST /webhooks/{id}/redeliver`: all that failed since a time.
    pub async fn redeliver_since(&self, id: &str, since: RedeliverSince) -> Result<Redelivered, Error> {
        self.data(Request::post(path(id, "/redeliver")).json(&since)).await
    }
}

fn path(id: &str, verb: &str) -> String {
    format!("webhooks/{}{verb}", segment(id))
}
