//! The API key on the wire.

use crate::scan::{ScanType, words};
use crate::timestamp::Timestamp;
use crate::wire::given;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Whether a key works. Of several states the first one counts: revoked, suspended, expired.
    ApiKeyStatus {
        Active = "active",
        /// Stopped, until it is resumed.
        Suspended = "suspended",
        /// Stopped for good.
        Revoked = "revoked",
        /// Over its time, until it is rotated.
        Expired = "expired",
    }
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// `key-` and a UUID.
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The first characters of the secret, by which its owner knows it again.
    pub key_prefix: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Engines that it may run; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_scan_types: Option<Vec<ScanType>>,
    /// Addresses and networks that it may be used from; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_ip_addresses: Option<Vec<String>>,
    pub rate_limit_per_minute: u64,
    pub rate_limit_per_hour: u64,
    pub rate_limit_per_day: u64,
    pub status: ApiKeyStatus,
    /// Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// When it got its present secret in place of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// Until when the secret before the present one works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_key_expires_at: Option<Timestamp>,
    /// To the second, when it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// An API key with its secret: the only answer that holds it.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewApiKey {
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// The secret for `X-API-Key`; shown this once.
    pub key: String,
}

impl std::fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewApiKey").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

/// Body of `POST /api-keys`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateApiKey {
    #[schema(min_length = 1, max_length = 255, examples("ci"))]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// What it may do, at most what its maker may do.
    #[schema(min_items = 1, max_items = 100, examples(json!(["scans:create", "scans:read"])))]
    pub scopes: Vec<String>,
    /// Engines that it may run; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 100)]
    pub allowed_scan_types: Option<Vec<ScanType>>,
    /// Addresses and networks that it may be used from, IPv4 and IPv6; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 1000)]
    pub allowed_ip_addresses: Option<Vec<String>>,
    /// Absent: the tenant's default, as with the other two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_minute: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_hour: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_day: Option<u64>,
    /// Days from now, at most 3,650; absent: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u32>,
}

/// Body of `PATCH /api-keys/{keyId}`: what is absent stays, `null` clears.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateApiKey {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255, nullable = false)]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub description: Option<Option<String>>,
    /// All of them, at most what the caller may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 100, nullable = false)]
    pub scopes: Option<Vec<String>>,
    /// `null`: all.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 100)]
    pub allowed_scan_types: Option<Option<Vec<ScanType>>>,
    /// `null`: any.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 1000)]
    pub allowed_ip_addresses: Option<Option<Vec<String>>>,
    /// `null`: the tenant's default, as with the other two.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_minute: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_hour: Option<Option<u64>>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_day: Option<Option<u64>>,
}

/// Body of `POST /api-keys/{keyId}/rotate`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateApiKey {
    /// Seconds for which the old secret works beside the new one, at most 30 days; absent: it stops at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 2_592_000)]
    pub overlap_seconds: Option<u32>,
}
