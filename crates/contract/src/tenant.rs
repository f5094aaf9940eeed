//! The tenant on the wire.

use crate::scan::words;
use crate::timestamp::Timestamp;
use crate::wire::given;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

words! {
    /// Whether a tenant may work.
    TenantStatus {
        Active = "active",
        /// None of its keys and users work; what it has is kept.
        Suspended = "suspended",
    }
}

/// An organization on this server; it sees nothing of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    pub id: Uuid,
    pub name: String,
    pub status: TenantStatus,
    /// Whether it is the operator's own tenant.
    pub is_operator: bool,
    /// Name of what was agreed; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Scans that it may submit in a calendar month of UTC; `null` is no limit.
    pub monthly_quota: Option<u64>,
    pub default_limits: DefaultLimits,
    pub policy: TargetPolicy,
    pub created_at: Timestamp,
}

/// Rate limits of a key that is made without its own; a window without a limit has the server's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DefaultLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_minute: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_hour: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub rate_limit_per_day: Option<u64>,
}

/// Which targets a tenant may scan. The lists only narrow what is public or granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetPolicy {
    /// Loopback, private and other non-public networks that it may scan, such as `10.0.0.0/8`.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub granted: Vec<String>,
    /// When it names networks or domains, targets must match one; when it names ports, a URL's port must be one.
    #[serde(default)]
    pub allow: TargetList,
    /// What targets must not match.
    #[serde(default)]
    pub deny: TargetList,
}

/// Targets by network, domain and port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetList {
    /// Addresses, and networks in CIDR notation.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub networks: Vec<String>,
    /// Each with everything below it.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub domains: Vec<String>,
    /// TCP ports of URLs, from 1.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub ports: Vec<u16>,
}

/// Body of `POST /tenants`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTenant {
    /// No other tenant has it.
    #[schema(min_length = 1, max_length = 255, examples("Example Org"))]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub plan: Option<String>,
    /// Scans in a month; absent or `null`: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000)]
    pub monthly_quota: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_limits: Option<DefaultLimits>,
    /// Absent: public targets only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<TargetPolicy>,
}

/// Body of `PATCH /tenants/{tenantId}`: what is absent stays, `null` clears.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateTenant {
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub plan: Option<Option<String>>,
    /// `null`: no limit.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000)]
    pub monthly_quota: Option<Option<u64>>,
    /// All three windows; one that is left out gets the server's default again.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub default_limits: Option<Option<DefaultLimits>>,
    /// The whole policy; `null`: public targets only.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub policy: Option<Option<TargetPolicy>>,
}
