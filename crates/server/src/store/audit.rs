//! The audit log: who changed what, from where. A record goes into the same transaction as the change.

use super::{Start, StoreError, parsed};
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::borrow::Cow;
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
    pub action: Cow<'static, str>,
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
            action: Cow::Borrowed(action),
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
        .bind(&**action)
        .bind(resource_id)
        .bind(serde_json::to_string(details)?)
        .execute(conn)
        .await?;
    Ok(())
}

/// Which records are asked for; none is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub actor: Option<String>,
    pub action: Option<String>,
    /// From this time on.
    pub from: Option<i64>,
    /// Before this time.
    pub until: Option<i64>,
}

/// The most records that are counted.
pub const COUNTED: u64 = 10_000;

const MATCHING: &str = "FROM audit WHERE tenant_id = $1 AND ($2 = '' OR actor_id = $2) AND ($3 = '' OR action = $3) \
     AND at >= $4 AND at < $5";

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

fn bind<'q>(query: Query<'q>, tenant_id: &'q str, filter: &'q AuditFilter) -> Query<'q> {
    query
        .bind(tenant_id)
        .bind(filter.actor.as_deref().unwrap_or_default())
        .bind(filter.action.as_deref().unwrap_or_default())
        .bind(filter.from.unwrap_or(i64::MIN))
        .bind(filter.until.unwrap_or(i64::MAX))
}

/// A tenant's records, newest first, at most `limit`.
pub async fn list(
    conn: &mut AnyConnection,
    tenant_id: &str,
    filter: &AuditFilter,
    start: &Start,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let sql = format!(
        "SELECT id, tenant_id, at, actor_id, for_user, source, action, resource_id, details {MATCHING} \
         AND ($6 = '' OR id < $6) ORDER BY id DESC LIMIT +$7 OFFSET $8"
    );
    let query = bind(sqlx::query(sqlx::AssertSqlSafe(sql)), tenant_id, filter);
    let rows = query.bind(&start.before).bind(i64::from(limit)).bind(start.offset).fetch_all(conn).await?;
    rows.iter().map(record).collect()
}

/// How many records match, up to one more than [`COUNTED`].
pub async fn count(conn: &mut AnyConnection, tenant_id: &str, filter: &AuditFilter) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) AS records FROM (SELECT 1 AS one {MATCHING} LIMIT +$6) AS matching");
    let row = bind(sqlx::query(sqlx::AssertSqlSafe(sql)), tenant_id, filter).bind(COUNTED as i64 + 1);
    Ok(row.fetch_one(conn).await?.try_get::<i64, _>("records")?.max(0) as u64)
}

fn record(row: &AnyRow) -> Result<AuditRecord, StoreError> {
    let source: Option<String> = row.try_get("source")?;
    Ok(AuditRecord {
        id: row.try_get("id")?,
        tenant_id: row.try_get("tenant_id")?,
        at: row.try_get("at")?,
        actor: Actor {
            id: row.try_get("actor_id")?,
            for_user: row.try_get("for_user")?,
            source: source.map(|source| parsed(&source, "audit source")).transpose()?,
        },
        action: Cow::Owned(row.try_get("action")?),
        resource_id: row.try_get("resource_id")?,
        details: serde_json::from_str(&row.try_get::<String, _>("details")?)?,
    })
}
