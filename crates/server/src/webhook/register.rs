//! What makes a webhook acceptable.

use super::Webhooks;
use super::guard::{Refusal, parse_url};
use crate::error::ApiError;
use crate::schema::{Fault, Found};
use scanyard_contract::Code;
use scanyard_contract::webhook::WebhookEvent;
use url::Url;

/// What is wrong with a webhook's name beyond its schema.
pub fn name_faults(name: Option<&str>) -> Result<(), ApiError> {
    match name.filter(|name| !crate::scan::is_label(name, 255) || name.trim().is_empty()) {
        None => Ok(()),
        Some(_) => {
            let reason = "must be 1 to 255 characters, not only blanks, no control characters";
            let fault = Found { field: "name".to_string(), fault: Fault::Bounds(reason.to_string()) };
            Err(ApiError::of_faults(vec![fault]))
        }
    }
}

/// Reads a receiver's URL from this field.
pub fn url(field: &str, text: &str) -> Result<Url, ApiError> {
    parse_url(text).map_err(|reason| ApiError::new(Code::InvalidWebhookUrl).detail(field, reason))
}

/// The events, each once, in the order in which they were given.
pub fn each_once(events: Vec<WebhookEvent>) -> Vec<WebhookEvent> {
    let mut once = Vec::with_capacity(events.len());
    for event in events {
        if !once.contains(&event) {
            once.push(event);
        }
    }
    once
}

impl Webhooks {
    /// Checks the URL that a scan's end is told to. It is not called yet; a name is looked up when it is.
    pub fn check_callback(&self, text: &str) -> Result<(), ApiError> {
        let url = url("callbackUrl", text)?;
        let refused =
            |refusal: Refusal| ApiError::new(Code::WebhookUrlUnreachable).detail("callbackUrl", refusal.to_string());
        self.sender.guard.check_literals(&url).map_err(refused)
    }

    /// Goes on only when a receiver can be reached: a connection and a TLS handshake, whatever it answers then.
    pub async fn require_reachable(&self, url: &Url) -> Result<(), ApiError> {
        let probed = self.sender.probe(url).await;
        probed.map_err(|reason| ApiError::new(Code::WebhookUrlUnreachable).detail("url", reason))
    }
}
