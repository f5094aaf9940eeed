//! The audit log on the wire.

use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// One change: who made it, from where, to what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// `aud-` and a UUID.
    pub id: String,
    /// The tenant whose resource was changed; the operator's for changes of tenants.
    pub tenant_id: Uuid,
    pub created_at: Timestamp,
    /// `key-…`, `usr-…`, `operator` for the command line of the server, `system` for the server itself.
    pub actor: String,
    /// The user as whom the actor acted, `usr-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonated: Option<String>,
    /// The address that the request came from, as the server saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<String>,
    /// Resource and verb, such as `tenant.suspended`.
    pub action: String,
    /// Id of what was changed.
    pub resource_id: String,
    /// What else is worth knowing; depends on the action.
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}
