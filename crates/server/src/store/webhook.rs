//! Webhooks.

use super::{Start, StoreError, parsed};
use scanyard_contract::Timestamp;
use scanyard_contract::webhook::{DisabledReason, Webhook, WebhookEvent};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// `wh-` and a UUID.
    pub id: String,
    pub tenant_id: String,
    pub name: String,
    pub url: String,
    pub events: Vec<WebhookEvent>,
    /// Sealed.
    pub secret: String,
    /// The secret before the last rotation, sealed, and until when it signs too.
    pub old_secret: Option<(String, i64)>,
    pub is_healthy: bool,
    /// Attempts that failed since the last one that succeeded.
    pub failures: u32,
    /// Why and since when it is not called; none: it is active.
    pub disabled: Option<(DisabledReason, i64)>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl WebhookRecord {
    /// The webhook as the API shows it.
    pub fn to_wire(&self) -> Webhook {
        Webhook {
            id: self.id.clone(),
            name: self.name.clone(),
            url: self.url.clone(),
            events: self.events.clone(),
            is_active: self.disabled.is_none(),
            is_healthy: self.is_healthy,
            consecutive_failures: self.failures,
            disabled_reason: self.disabled.map(|(reason, _)| reason),
            disabled_at: self.disabled.map(|(_, at)| Timestamp(at)),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        }
    }
}

/// What of a webhook is to change; none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    pub name: Option<String>,
    pub url: Option<String>,
    pub events: Option<Vec<WebhookEvent>>,
}

const COLUMNS: &str = "id, tenant_id, name, url, events, secret, old_secret, old_secret_until, is_healthy, failures, \
     disabled_reason, disabled_at, created_at, updated_at";

/// Stores a new webhook, active and healthy.
pub async fn insert(conn: &mut AnyConnection, webhook: &WebhookRecord) -> Result<(), StoreError> {
    let sql = "INSERT INTO webhook (id, tenant_id, name, url, events, secret, is_active, is_healthy, failures, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 1, 1, 0, $7, $7)";
    sqlx::query(sql)
        .bind(&webhook.id)
        .bind(&webhook.tenant_id)
        .bind(&webhook.name)
        .bind(&webhook.url)
        .bind(serde_json::to_string(&webhook.events)?)
        .bind(&webhook.secret)
        .bind(webhook.created_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// A tenant's webhook; a foreign one is as absent as an unknown one.
pub async fn get(conn: &mut AnyConnection, tenant_id: &str, id: &str) -> Result<Option<WebhookRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM webhook WHERE tenant_id = $1 AND id = $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant_id).bind(id);
    query.fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// A tenant's webhooks, newest first, at most `limit`.
pub async fn list(
    conn: &mut AnyConnection,
    tenant_id: &str,
    start: &Start,
    limit: u32,
) -> Result<Vec<WebhookRecord>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook WHERE tenant_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT +$3 OFFSET $4"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant_id).bind(&start.before);
    let rows = query.bind(i64::from(limit)).bind(start.offset).fetch_all(conn).await?;
    rows.iter().map(record).collect()
}

/// How many webhooks a tenant has.
pub async fn count(conn: &mut AnyConnection, tenant_id: &str) -> Result<u64, StoreError> {
    let query = sqlx::query_scalar("SELECT COUNT(*) FROM webhook WHERE tenant_id = $1").bind(tenant_id);
    Ok(query.fetch_one(conn).await.map(|count: i64| count as u64)?)
}

/// Changes a tenant's webhook; none when there is no such one.
pub async fn update(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: &str,
    change: &Change,
    now: i64,
) -> Result<Option<WebhookRecord>, StoreError> {
    let Change { name, url, events } = change;
    let events = events.as_ref().map(serde_json::to_string).transpose()?;
    let sql = format!(
        "UPDATE webhook SET name = COALESCE($3, name), url = COALESCE($4, url), events = COALESCE($5, events), updated_at = $6 \
         WHERE tenant_id = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant_id).bind(id).bind(name).bind(url).bind(events);
    query.bind(now).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Enables a webhook and forgets its failures; what it was waiting for is due now.
pub async fn enable(conn: &mut AnyConnection, id: &str, now: i64) -> Result<Option<WebhookRecord>, StoreError> {
    let sql = format!(
        "UPDATE webhook SET is_active = 1, is_healthy = 1, failures = 0, disabled_reason = NULL, disabled_at = NULL, updated_at = $2 \
         WHERE id = $1 RETURNING {COLUMNS}"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).bind(now);
    let webhook = query.fetch_optional(&mut *conn).await?.as_ref().map(record).transpose()?;
    super::outbox::hurry(conn, id, now).await?;
    Ok(webhook)
}

/// Disables a webhook; its deliveries wait until it is enabled. None when it was disabled before.
pub async fn disable(
    conn: &mut AnyConnection,
    id: &str,
    reason: DisabledReason,
    now: i64,
) -> Result<Option<WebhookRecord>, StoreError> {
    let sql = format!(
        "UPDATE webhook SET is_active = 0, disabled_reason = $2, disabled_at = $3, updated_at = $3 \
         WHERE id = $1 AND is_active = 1 RETURNING {COLUMNS}"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).bind(reason.as_str()).bind(now);
    query.fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Replaces a tenant's secret, sealed; the one it had signs beside it until then.
pub async fn rotate(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: &str,
    secret: &str,
    old_until: i64,
    now: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook SET old_secret = secret, old_secret_until = $4, secret = $3, updated_at = $5 \
         WHERE tenant_id = $1 AND id = $2";
    let query = sqlx::query(sql).bind(tenant_id).bind(id).bind(secret).bind(old_until).bind(now);
    Ok(query.execute(conn).await?.rows_affected() > 0)
}

/// Deletes a tenant's webhook and what was to be sent to it; its deliveries go with the retention.
pub async fn delete(conn: &mut AnyConnection, tenant_id: &str, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM webhook WHERE tenant_id = $1 AND id = $2";
    let gone = sqlx::query(sql).bind(tenant_id).bind(id).execute(&mut *conn).await?.rows_affected() > 0;
    if gone {
        super::outbox::clear(conn, id).await?;
    }
    Ok(gone)
}

/// Notes that an attempt succeeded; costs no write while all is well.
pub async fn succeeded(conn: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    let sql = "UPDATE webhook SET failures = 0, is_healthy = 1 WHERE id = $1 AND (failures > 0 OR is_healthy = 0)";
    sqlx::query(sql).bind(id).execute(conn).await?;
    Ok(())
}

/// Notes that an attempt failed; answers how many have in a row.
pub async fn failed(conn: &mut AnyConnection, id: &str) -> Result<Option<u32>, StoreError> {
    let sql = "UPDATE webhook SET failures = failures + 1, is_healthy = 0 WHERE id = $1 RETURNING failures";
    let failures: Option<i64> = sqlx::query_scalar(sql).bind(id).fetch_optional(conn).await?;
    Ok(failures.map(|failures| failures as u32))
}

fn record(row: &AnyRow) -> Result<WebhookRecord, StoreError> {
    let old_secret: Option<String> = row.try_get("old_secret")?;
    let old_secret_until: Option<i64> = row.try_get("old_secret_until")?;
    let reason: Option<String> = row.try_get("disabled_reason")?;
    let reason: Option<DisabledReason> = reason.map(|reason| parsed(&reason, "disabled reason")).transpose()?;
    let disabled_at: Option<i64> = row.try_get("disabled_at")?;
    Ok(WebhookRecord {
        id: row.try_get("id")?,
        tenant_id: row.try_get("tenant_id")?,
        name: row.try_get("name")?,
        url: row.try_get("url")?,
        events: serde_json::from_str(&row.try_get::<String, _>("events")?)?,
        secret: row.try_get("secret")?,
        old_secret: old_secret.zip(old_secret_until),
        is_healthy: row.try_get::<i64, _>("is_healthy")? != 0,
        failures: row.try_get::<i64, _>("failures")? as u32,
        disabled: reason.zip(disabled_at),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
