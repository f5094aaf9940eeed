//! Deliveries: one event for one receiver, and the attempts that were made.

use super::rows::{Columns, among, over, rows};
use super::{Dialect, Start, StoreError, parsed};
use scanyard_contract::Timestamp;
use scanyard_contract::webhook::{Delivery, DeliveryAttempt, DeliveryEvent, DeliveryStatus};
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// A delivery to store; pending and due at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewDelivery {
    /// `dlv-` and a UUID.
    pub id: String,
    pub tenant_id: String,
    /// None for a callback.
    pub webhook_id: Option<String>,
    /// The URL of a callback.
    pub callback_url: Option<String>,
    pub event: DeliveryEvent,
    pub scan_id: Option<String>,
    /// The body of every attempt.
    pub payload: String,
    pub created_at: i64,
}

const NEW: Columns = &[
    ("id", "text"),
    ("tenant_id", "text"),
    ("webhook_id", "text"),
    ("callback_url", "text"),
    ("event", "text"),
    ("scan_id", "text"),
    ("payload", "text"),
    ("created_at", "bigint"),
];

/// Stores deliveries and puts them into the outbox.
pub async fn insert(conn: &mut AnyConnection, deliveries: &[NewDelivery]) -> Result<(), StoreError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let from = rows(Dialect::of(conn), NEW);
    let sql = format!(
        "INSERT INTO delivery (id, tenant_id, webhook_id, callback_url, event, scan_id, payload, status, attempts, created_at) \
         SELECT id, tenant_id, webhook_id, callback_url, event, scan_id, payload, 'pending', 0, created_at FROM {from}"
    );
    over(sql, deliveries)?.execute(&mut *conn).await?;
    super::outbox::insert(conn, deliveries).await
}

/// A delivery of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    pub id: String,
    pub webhook_id: String,
    pub event: DeliveryEvent,
    pub scan_id: Option<String>,
    pub payload: String,
    pub status: DeliveryStatus,
    pub attempts: u32,
    pub next_attempt_at: Option<i64>,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

impl DeliveryRecord {
    /// The delivery as lists show it; `is_active` is its webhook's.
    pub fn to_wire(&self, is_active: bool) -> Delivery {
        Delivery {
            id: self.id.clone(),
            webhook_id: self.webhook_id.clone(),
            event: self.event,
            scan_id: self.scan_id.as_deref().and_then(|id| id.parse().ok()),
            status: self.status,
            attempt_count: self.attempts,
            next_attempt_at: self.next_attempt_at.filter(|_| is_active).map(Timestamp),
            created_at: Timestamp(self.created_at),
            ended_at: self.ended_at.map(Timestamp),
            attempts: None,
            payload: None,
        }
    }
}

const COLUMNS: &str = "d.id, d.webhook_id, d.event, d.scan_id, d.payload, d.status, d.attempts, d.created_at, d.ended_at, \
     CASE WHEN o.claim IS NULL THEN o.due_at ELSE NULL END AS next_attempt_at \
     FROM delivery d LEFT JOIN outbox o ON o.delivery_id = d.id";

/// A delivery of this webhook.
pub async fn get(conn: &mut AnyConnection, webhook_id: &str, id: &str) -> Result<Option<DeliveryRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE d.id = $1 AND d.webhook_id = $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).bind(webhook_id);
    query.fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// A webhook's deliveries, newest first, at most `limit`.
pub async fn list(
    conn: &mut AnyConnection,
    webhook_id: &str,
    status: Option<DeliveryStatus>,
    start: &Start,
    limit: u32,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let status_is = if status.is_some() { "d.status = $2" } else { "$2 = ''" };
    let sql = format!(
        "SELECT {COLUMNS} WHERE d.webhook_id = $1 AND {status_is} AND ($3 = '' OR d.id < $3) ORDER BY d.id DESC LIMIT +$4 OFFSET $5"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(webhook_id)
        .bind(status.map_or("", DeliveryStatus::as_str))
        .bind(&start.before);
    let found = query.bind(i64::from(limit)).bind(start.offset).fetch_all(conn).await?;
    found.iter().map(record).collect()
}

/// How many deliveries there are, counted up to `bound`.
pub async fn count(
    conn: &mut AnyConnection,
    webhook_id: &str,
    status: Option<DeliveryStatus>,
    bound: u64,
) -> Result<u64, StoreError> {
    let status_is = if status.is_some() { "status = $2" } else { "$2 = ''" };
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM delivery WHERE webhook_id = $1 AND {status_is} LIMIT +$3) AS counted"
    );
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(webhook_id);
    let count: i64 = query.bind(status.map_or("", DeliveryStatus::as_str)).bind(bound as i64).fetch_one(conn).await?;
    Ok(count as u64)
}

/// The last attempts of a delivery, oldest first.
pub async fn attempts(conn: &mut AnyConnection, id: &str, most: u32) -> Result<Vec<DeliveryAttempt>, StoreError> {
    let sql = "SELECT number, at, duration_ms, status_code, error, excerpt FROM delivery_attempt \
         WHERE delivery_id = $1 ORDER BY number DESC LIMIT +$2";
    let found = sqlx::query(sql).bind(id).bind(i64::from(most)).fetch_all(conn).await?;
    let attempt = |row: &AnyRow| {
        Ok(DeliveryAttempt {
            number: row.try_get::<i64, _>("number")? as u32,
            at: Timestamp(row.try_get("at")?),
            duration_ms: row.try_get::<i64, _>("duration_ms")? as u64,
            status_code: row.try_get::<Option<i64>, _>("status_code")?.map(|code| code as u16),
            error: row.try_get("error")?,
            response_excerpt: row.try_get("excerpt")?,
        })
    };
    found.iter().rev().map(attempt).collect()
}

/// Stores an attempt; answers its number, none when the delivery is gone.
pub async fn add_attempt(
    conn: &mut AnyConnection,
    id: &str,
    attempt: &DeliveryAttempt,
) -> Result<Option<u32>, StoreError> {
    let sql = "UPDATE delivery SET attempts = attempts + 1 WHERE id = $1 RETURNING attempts";
    let number: Option<i64> = sqlx::query_scalar(sql).bind(id).fetch_optional(&mut *conn).await?;
    let Some(number) = number else { return Ok(None) };
    let sql = "INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, status_code, error, excerpt) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(sql)
        .bind(id)
        .bind(number)
        .bind(attempt.at.0)
        .bind(attempt.duration_ms as i64)
        .bind(attempt.status_code.map(i64::from))
        .bind(&attempt.error)
        .bind(&attempt.response_excerpt)
        .execute(conn)
        .await?;
    Ok(Some(number as u32))
}

/// Ends a delivery.
pub async fn end(conn: &mut AnyConnection, id: &str, status: DeliveryStatus, now: i64) -> Result<(), StoreError> {
    let sql = "UPDATE delivery SET status = $2, ended_at = $3 WHERE id = $1";
    sqlx::query(sql).bind(id).bind(status.as_str()).bind(now).execute(conn).await?;
    Ok(())
}

/// Sends a delivery again, with the tries of a new one; `false` when the webhook has no such delivery.
pub async fn redeliver(conn: &mut AnyConnection, webhook_id: &str, id: &str, now: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE delivery SET status = 'pending', ended_at = NULL WHERE id = $1 AND webhook_id = $2";
    if sqlx::query(sql).bind(id).bind(webhook_id).execute(&mut *conn).await?.rows_affected() == 0 {
        return Ok(false);
    }
    // One that is being sent right now stays with its attempt.
    let sql = "INSERT INTO outbox (delivery_id, lane, due_at, tries) VALUES ($1, $2, $3, 0) \
         ON CONFLICT (delivery_id) DO UPDATE SET due_at = $3, tries = 0 WHERE outbox.claim IS NULL";
    sqlx::query(sql).bind(id).bind(webhook_id).bind(now).execute(conn).await?;
    Ok(true)
}

/// Sends the failed deliveries since that time again; answers how many.
pub async fn redeliver_since(
    conn: &mut AnyConnection,
    webhook_id: &str,
    since: i64,
    now: i64,
) -> Result<u64, StoreError> {
    let sql = "UPDATE delivery SET status = 'pending', ended_at = NULL \
         WHERE webhook_id = $1 AND status = 'failed' AND created_at >= $2";
    let again = sqlx::query(sql).bind(webhook_id).bind(since).execute(&mut *conn).await?.rows_affected();
    let sql = "INSERT INTO outbox (delivery_id, lane, due_at, tries) SELECT id, webhook_id, $3, 0 FROM delivery \
         WHERE webhook_id = $1 AND status = 'pending' AND created_at >= $2 ON CONFLICT (delivery_id) DO NOTHING";
    sqlx::query(sql).bind(webhook_id).bind(since).bind(now).execute(conn).await?;
    Ok(again)
}

/// Forgets deliveries from before that time, at most `most`; answers how many.
pub async fn expire(conn: &mut AnyConnection, before: i64, most: u32) -> Result<u64, StoreError> {
    let sql = "SELECT id FROM delivery WHERE created_at < $1 ORDER BY created_at LIMIT +$2";
    let ids: Vec<String> = sqlx::query_scalar(sql).bind(before).bind(i64::from(most)).fetch_all(&mut *conn).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let among = among(Dialect::of(conn), "$1");
    for (table, column) in [("delivery_attempt", "delivery_id"), ("outbox", "delivery_id"), ("delivery", "id")] {
        over(format!("DELETE FROM {table} WHERE {column} IN {among}"), &ids)?.execute(&mut *conn).await?;
    }
    Ok(ids.len() as u64)
}

fn record(row: &AnyRow) -> Result<DeliveryRecord, StoreError> {
    Ok(DeliveryRecord {
        id: row.try_get("id")?,
        webhook_id: row.try_get("webhook_id")?,
        event: parsed(&row.try_get::<String, _>("event")?, "delivery event")?,
        scan_id: row.try_get("scan_id")?,
        payload: row.try_get("payload")?,
        status: parsed(&row.try_get::<String, _>("status")?, "delivery status")?,
        attempts: row.try_get::<i64, _>("attempts")? as u32,
        next_attempt_at: row.try_get("next_attempt_at")?,
        created_at: row.try_get("created_at")?,
        ended_at: row.try_get("ended_at")?,
    })
}
