//! Usage on the wire: counts of calls, the quota, the log of calls.

use crate::scan::{ScanType, words};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

words! {
    /// How far back usage is looked at: `24h` in whole hours, the others in whole days of UTC, up to the current one.
    UsagePeriodName {
        Hours24 = "24h",
        Days7 = "7d",
        Days30 = "30d",
        Days90 = "90d",
    }
}

words! {
    /// What one point of a history covers; `auto` is hourly for `24h`, else daily.
    Granularity {
        Hourly = "hourly",
        Daily = "daily",
        Auto = "auto",
    }
}

/// First and last second that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsagePeriod {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// A tenant's usage in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageSummary {
    pub tenant_id: Uuid,
    pub period: UsagePeriod,
    #[serde(flatten)]
    pub counts: UsageCounts,
    /// How many engines scans were submitted for.
    pub distinct_scan_types: u64,
    /// These engines, the most used first.
    pub scan_types_used: Vec<ScanType>,
}

/// Counts of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageCounts {
    pub total_calls: u64,
    /// Answered with 2xx.
    pub success_calls: u64,
    /// Answered with 4xx or 5xx.
    pub error_calls: u64,
    /// Milliseconds from the request to its answer, on average.
    pub avg_duration_ms: u64,
    /// Milliseconds of the slowest call.
    pub max_duration_ms: u64,
    /// Scans submitted, launches of templates included.
    pub total_scans: u64,
    /// Calls that used a unit of the monthly quota.
    pub quota_consumed_calls: u64,
}

/// The usage of one hour or one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsagePoint {
    /// When the hour or the day begins, in UTC.
    pub timestamp: Timestamp,
    #[serde(flatten)]
    pub counts: UsageCounts,
}

/// The usage of one key or one user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageByKey {
    /// The API key; absent for a user's session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The user; absent for an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The key's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(flatten)]
    pub counts: UsageCounts,
}

/// The calls about one engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageByScanType {
    pub scan_type: ScanType,
    #[serde(flatten)]
    pub counts: UsageCounts,
}

/// The calls of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageByEndpoint {
    #[schema(examples("GET"))]
    pub method: String,
    /// Its path with the names of its variable parts, without the base.
    #[schema(examples("/scans/{scanId}"))]
    pub endpoint: String,
    #[serde(flatten)]
    pub counts: UsageCounts,
}

/// How the month's quota stands: exact, not delayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageQuota {
    /// Scans a month; `null`: unlimited.
    pub limit: Option<u64>,
    /// Scans accepted in this month.
    pub used: u64,
    /// Scans that are left; `null`: unlimited.
    pub remaining: Option<u64>,
    /// When the next month begins and the count starts anew.
    pub reset_at: Timestamp,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedCall {
    pub request_id: Uuid,
    /// When it was answered.
    pub timestamp: Timestamp,
    /// The API key; absent for a user's session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The user; absent for an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[schema(examples("GET"))]
    pub method: String,
    /// Its path with the names of its variable parts, without the base.
    #[schema(examples("/scans/{scanId}"))]
    pub endpoint: String,
    pub status: u16,
    /// The code of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Milliseconds from the request to its answer.
    pub duration_ms: u64,
    /// The address that it came from.
    pub source_ip: String,
    /// The engine, where the call is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_type: Option<ScanType>,
}
