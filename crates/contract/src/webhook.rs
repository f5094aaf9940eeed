//! Webhooks on the wire: what is registered, what was delivered, and the call that a receiver gets.

use crate::finding::Summary;
use crate::scan::{Failure, Priority, ScanStatus, ScanType, TargetType, words};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

words! {
    /// An event of a scan that a webhook can ask for.
    WebhookEvent {
        /// It ended well; its results can be fetched.
        Completed = "scan.completed",
        Failed = "scan.failed",
        /// It began to run, for the first time.
        Started = "scan.started",
        /// It was cancelled, its processes are gone and what it had found is stored.
        Cancelled = "scan.cancelled",
    }
}

words! {
    /// What a delivery tells of: an event of a scan, or `ping`, which is a test.
    DeliveryEvent {
        Completed = "scan.completed",
        Failed = "scan.failed",
        Started = "scan.started",
        Cancelled = "scan.cancelled",
        Ping = "ping",
    }
}

impl From<WebhookEvent> for DeliveryEvent {
    fn from(event: WebhookEvent) -> DeliveryEvent {
        match event {
            WebhookEvent::Completed => DeliveryEvent::Completed,
            WebhookEvent::Failed => DeliveryEvent::Failed,
            WebhookEvent::Started => DeliveryEvent::Started,
            WebhookEvent::Cancelled => DeliveryEvent::Cancelled,
        }
    }
}

words! {
    /// Why a webhook is not called any more.
    DisabledReason {
        /// Too many attempts in a row failed.
        Failures = "failures",
        /// The receiver answered 410.
        Gone = "gone",
        /// Somebody set `isActive` to `false`.
        User = "user",
    }
}

words! {
    /// Where a delivery stands.
    DeliveryStatus {
        /// Waits for its next attempt, or for its webhook to be enabled.
        Pending = "pending",
        /// The receiver answered 2xx.
        Delivered = "delivered",
        /// Every attempt failed.
        Failed = "failed",
    }
}

/// Body of `POST /webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWebhook {
    /// A label, at most 255 characters.
    #[schema(min_length = 1, max_length = 255, examples("ci"))]
    pub name: String,
    /// Where the calls go: `https`, without user name and password.
    #[schema(max_length = 2048, examples("https://hooks.example.test/scanyard"))]
    pub url: String,
    /// What it wants to know; default `scan.completed` and `scan.failed`.
    #[serde(default = "default_events")]
    #[schema(min_items = 1, max_items = 16)]
    pub events: Vec<WebhookEvent>,
}

fn default_events() -> Vec<WebhookEvent> {
    vec![WebhookEvent::Completed, WebhookEvent::Failed]
}

/// Body of `PATCH /webhooks/{id}`; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchWebhook {
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 255)]
    pub name: Option<String>,
    /// Probed like that of a new webhook.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 2048, examples("https://hooks.example.test/scanyard"))]
    pub url: Option<String>,
    /// Replaces the list.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_items = 1, max_items = 16)]
    pub events: Option<Vec<WebhookEvent>>,
    /// `true` enables: the streak of failures is forgotten, the URL is probed, waiting deliveries go on. `false` disables.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub is_active: Option<bool>,
}

/// A field that may be absent, but not `null`.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// `wh-` and a UUID.
    pub id: String,
    pub name: String,
    pub url: String,
    pub events: Vec<WebhookEvent>,
    /// Whether it is called.
    pub is_active: bool,
    /// Whether its last attempt succeeded.
    pub is_healthy: bool,
    /// Attempts that failed since the last one that succeeded.
    pub consecutive_failures: u32,
    /// Absent while it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<DisabledReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The key that a webhook's calls are signed with: it serialises, and does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(pub String);

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// A new webhook with its secret: the only answer that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedWebhook {
    /// `wh-` and a UUID.
    pub id: String,
    pub name: String,
    pub url: String,
    /// `whsec_` and 52 lower-case hex digits; shown once.
    #[schema(value_type = String)]
    pub secret: SigningSecret,
    pub events: Vec<WebhookEvent>,
    pub is_active: bool,
    pub is_healthy: bool,
    pub created_at: Timestamp,
}

/// Body of `POST /webhooks/{id}/rotate-secret`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateSecret {
    /// Seconds for which calls are signed with both secrets, 0 to 604,800; default 86,400.
    #[serde(default = "default_overlap")]
    #[schema(minimum = 0, maximum = 604_800)]
    pub overlap_seconds: u32,
}

fn default_overlap() -> u32 {
    86_400
}

impl Default for RotateSecret {
    fn default() -> RotateSecret {
        RotateSecret { overlap_seconds: default_overlap() }
    }
}

/// A webhook's new secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotatedSecret {
    /// `wh-` and a UUID.
    pub id: String,
    /// `whsec_` and 52 lower-case hex digits; shown once.
    #[schema(value_type = String)]
    pub secret: SigningSecret,
    /// Until when calls carry the old secret's signature too.
    pub previous_secret_until: Timestamp,
}

/// Body of `POST /webhooks/{id}/redeliver`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedeliverSince {
    /// Deliveries made before this time are left alone.
    pub since: Timestamp,
}

/// What a redelivery since a time has set in motion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redelivered {
    /// `wh-` and a UUID.
    pub id: String,
    pub since: Timestamp,
    /// Failed deliveries that are tried again.
    pub redelivered: u64,
}

/// One event for one webhook, over all its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// `dlv-` and a UUID: the same in every attempt, as `webhook-id` and `X-CertIX-Delivery`.
    pub id: String,
    /// `wh-` and a UUID.
    pub webhook_id: String,
    pub event: DeliveryEvent,
    /// Absent for `ping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_id: Option<Uuid>,
    pub status: DeliveryStatus,
    /// Attempts made so far.
    pub attempt_count: u32,
    /// Absent when none is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// When it was delivered, or failed for the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The attempts, oldest first, at most the last 50; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Vec<DeliveryAttempt>>,
    /// What is sent; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
}

/// One call of a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryAttempt {
    /// From 1.
    pub number: u32,
    pub at: Timestamp,
    pub duration_ms: u64,
    /// The status of the answer; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The beginning of the answer's body, at most 1,024 bytes, without control characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_excerpt: Option<String>,
}

/// The call that a receiver gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookPayload<T> {
    /// `evt-` and a UUID: the same for every webhook that is told of the event.
    pub id: String,
    pub event: DeliveryEvent,
    /// The version of this shape: 1.
    pub api_version: u32,
    /// When it happened.
    pub timestamp: Timestamp,
    pub data: T,
}

/// The scan that an event is about, as it stood then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanEventData {
    pub scan_id: Uuid,
    pub scan_type: ScanType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub target: String,
    pub target_type: TargetType,
    pub status: ScanStatus,
    pub priority: Priority,
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Number of findings by severity, once terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_summary: Option<Summary>,
    /// Why the scan failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What a test call says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PingData {
    /// `wh-` and a UUID.
    pub webhook_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", SigningSecret("whsec_0".into())), "[secret]");
    }

    #[test]
    fn null_is_not_absent() {
        assert!(serde_json::from_str::<PatchWebhook>(r#"{"name": null}"#).is_err());
        assert_eq!(serde_json::from_str::<PatchWebhook>("{}").unwrap(), PatchWebhook::default());
    }

    #[test]
    fn a_webhook_wants_ends_by_default() {
        let create: CreateWebhook = serde_json::from_str(r#"{"name": "a", "url": "b"}"#).unwrap();
        assert_eq!(create.events, [WebhookEvent::Completed, WebhookEvent::Failed]);
    }
}
