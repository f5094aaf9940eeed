//! Answers kept for the repeats of a request.

use super::rows::{Columns, over, rows};
use super::{Dialect, StoreError};
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use std::collections::{HashMap, HashSet};

/// How long an answer is kept.
pub const KEPT_MS: i64 = 24 * 3600 * 1000;

/// What an idempotency key is unique within.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct IdempotencyId {
    pub tenant_id: String,
    /// Id of the API key or user.
    pub principal: String,
    /// Method and path.
    pub operation: String,
    pub key: String,
}

/// An answer to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIdempotency {
    pub id: IdempotencyId,
    pub answer: StoredAnswer,
    pub created_at: i64,
}

/// An answer kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The fingerprint of the request's query and body, hex.
    pub body_hash: String,
    pub status: u16,
    pub location: Option<String>,
    pub body: String,
}

/// The answer to a request with this key in the last 24 hours.
pub async fn find(conn: &mut AnyConnection, id: &IdempotencyId, now: i64) -> Result<Option<StoredAnswer>, StoreError> {
    let sql = "SELECT body_hash, status, location, body FROM idempotency \
         WHERE tenant_id = $1 AND principal = $2 AND operation = $3 AND key = $4 AND created_at > $5";
    let row = bind_id(sqlx::query(sql), id).bind(now - KEPT_MS).fetch_optional(conn).await?;
    row.as_ref().map(answer_of).transpose()
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    id: &'a IdempotencyId,
    body_hash: &'a str,
    status: u16,
    location: Option<&'a str>,
    body: &'a str,
    created_at: i64,
}

const ID: Columns = &[("tenant_id", "text"), ("principal", "text"), ("operation", "text"), ("key", "text")];

const COLUMNS: Columns = &[
    ("tenant_id", "text"),
    ("principal", "text"),
    ("operation", "text"),
    ("key", "text"),
    ("body_hash", "text"),
    ("status", "bigint"),
    ("location", "text"),
    ("body", "text"),
    ("created_at", "bigint"),
];

/// Keeps answers whose keys are free or over their time; answers what stands under the others. The keys must differ.
pub(super) async fn claim(
    conn: &mut AnyConnection,
    mut new: Vec<&NewIdempotency>,
) -> Result<HashMap<IdempotencyId, StoredAnswer>, StoreError> {
    if new.is_empty() {
        return Ok(HashMap::new());
    }
    new.sort_by(|a, b| a.id.cmp(&b.id));
    let dialect = Dialect::of(conn);
    let sql = format!(
        "INSERT INTO idempotency (tenant_id, principal, operation, key, body_hash, status, location, body, created_at) \
         SELECT tenant_id, principal, operation, key, body_hash, status, location, body, created_at FROM {} WHERE true \
         ORDER BY tenant_id, principal, operation, key ON CONFLICT (tenant_id, principal, operation, key) DO UPDATE SET \
         body_hash = excluded.body_hash, status = excluded.status, location = excluded.location, body = excluded.body, \
         created_at = excluded.created_at WHERE idempotency.created_at <= excluded.created_at - {KEPT_MS} \
         RETURNING tenant_id, principal, operation, key",
        rows(dialect, COLUMNS)
    );
    let values: Vec<Row<'_>> = new.iter().map(|new| Row::of(new)).collect();
    let free = over(sql, &values)?.fetch_all(&mut *conn).await?;
    let free = free.iter().map(id_of).collect::<Result<HashSet<_>, _>>()?;
    let taken: Vec<&IdempotencyId> = new.iter().map(|new| &new.id).filter(|id| !free.contains(id)).collect();
    if taken.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT i.tenant_id, i.principal, i.operation, i.key, i.body_hash, i.status, i.location, i.body \
         FROM {} JOIN idempotency i ON {}",
        rows(dialect, ID),
        same_id("i")
    );
    let stored = over(sql, &taken)?.fetch_all(conn).await?;
    stored.iter().map(|row| Ok((id_of(row)?, answer_of(row)?))).collect()
}

/// Frees keys whose requests were refused after all.
pub(super) async fn release(conn: &mut AnyConnection, ids: &[&IdempotencyId]) -> Result<(), StoreError> {
    if !ids.is_empty() {
        let from = rows(Dialect::of(conn), ID);
        let sql =
            format!("DELETE FROM idempotency WHERE EXISTS (SELECT 1 FROM {from} WHERE {})", same_id("idempotency"));
        over(sql, ids)?.execute(conn).await?;
    }
    Ok(())
}

fn same_id(table: &str) -> String {
    let same: Vec<String> = ID.iter().map(|(name, _)| format!("{table}.{name} = r.{name}")).collect();
    same.join(" AND ")
}

impl<'a> Row<'a> {
    fn of(new: &'a NewIdempotency) -> Row<'a> {
        let NewIdempotency { id, answer: StoredAnswer { body_hash, status, location, body }, created_at } = new;
        Row { id, body_hash, status: *status, location: location.as_deref(), body, created_at: *created_at }
    }
}

fn id_of(row: &AnyRow) -> Result<IdempotencyId, StoreError> {
    Ok(IdempotencyId {
        tenant_id: row.try_get("tenant_id")?,
        principal: row.try_get("principal")?,
        operation: row.try_get("operation")?,
        key: row.try_get("key")?,
    })
}

fn answer_of(row: &AnyRow) -> Result<StoredAnswer, StoreError> {
    Ok(StoredAnswer {
        body_hash: row.try_get("body_hash")?,
        status: row.try_get::<i64, _>("status")? as u16,
        location: row.try_get("location")?,
        body: row.try_get("body")?,
    })
}

/// Keeps an answer; one of the same key that is over its time makes room.
pub async fn insert(conn: &mut AnyConnection, new: &NewIdempotency) -> Result<(), StoreError> {
    let old = "DELETE FROM idempotency WHERE tenant_id = $1 AND principal = $2 AND operation = $3 AND key = $4 AND created_at <= $5";
    bind_id(sqlx::query(old), &new.id).bind(new.created_at - KEPT_MS).execute(&mut *conn).await?;
    let sql = "INSERT INTO idempotency (tenant_id, principal, operation, key, body_hash, status, location, body, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    bind_id(sqlx::query(sql), &new.id)
        .bind(&new.answer.body_hash)
        .bind(i64::from(new.answer.status))
        .bind(new.answer.location.clone())
        .bind(&new.answer.body)
        .bind(new.created_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Drops answers that are over their time.
pub async fn expire(conn: &mut AnyConnection, now: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM idempotency WHERE created_at <= $1";
    Ok(sqlx::query(sql).bind(now - KEPT_MS).execute(conn).await?.rows_affected())
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

fn bind_id<'q>(query: Query<'q>, id: &'q IdempotencyId) -> Query<'q> {
    query.bind(&id.tenant_id).bind(&id.principal).bind(&id.operation).bind(&id.key)
}
