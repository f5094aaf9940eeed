//! The audit log: who changed what, from where. A record goes into the same transaction as the change.

use super::StoreError;
use serde_json::{Map, Value};
use sqlx::AnyConnection;
use std::net::IpAddr;
use uuid::Uuid;

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `key-…`, `usr-…`, `operator` for the command line, `system` for the server itself.
    pub id: String,
    /// The user that the actor impersonated.
    pub for_user: Option<String>,
    /// The address that the request came from; none for a change without a request.
    pub source: Option<IpAddr>,
}

impl Actor {
    /// The server itself.
    pub fn system() -> Actor {
        Actor { id: "system".to_string(), for_user: None, source: None }
    }

    /// Whoever runs commands on the server's machine.
    pub fn operator() -> Actor {
        Actor { id: "operator".to_string(), for_user: None, source: None }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// `aud-` and a UUID.
    pub id: String,
    /// Whose resource was changed.
    pub tenant_id: String,
    pub at: i64,
    pub actor: Actor,
    /// Resource and verb, such as `webhook.disabled`.
    pub action: &'static str,
    pub resource_id: String,
    /// What else is worth knowing; never a secret.
    pub details: Map<String, Value>,
}

impl AuditRecord {
    pub fn new(
        at: i64,
        tenant_id: &str,
        actor: Actor,
        action: &'static str,
        resource_id: impl Into<String>,
    ) -> AuditRecord {
        AuditRecord {
            id: format!("aud-{}", Uuid::now_v7()),
            tenant_id: tenant_id.to_string(),
            at,
            actor,
            action,
            resource_id: resource_id.into(),
            details: Map::new(),
        }
    }

    /// Adds a detail; never a secret.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> AuditRecord {
        self.details.insert(name.to_string(), value.into());
        self
    }
}

pub async fn insert(conn: &mut AnyConnection, record: &AuditRecord) -> Result<(), StoreError> {
    let AuditRecord { id, tenant_id, at, actor, action, resource_id, details } = record;
    let sql = "INSERT INTO audit (id, tenant_id, at, actor_id, for_user, source, action, resource_id, details) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    sqlx::query(sql)
        .bind(id)
        .bind(tenant_id)
        .bind(*at)
        .bind(&actor.id)
        .bind(&actor.for_user)
        .bind(actor.source.map(|source| source.to_string()))
        .bind(*action)
        .bind(resource_id)
        .bind(serde_json::to_string(details)?)
        .execute(conn)
        .await?;
    Ok(())
}
