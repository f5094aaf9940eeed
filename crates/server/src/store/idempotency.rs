//! Answers kept for the repeats of a request.

use super::StoreError;
use sqlx::{AnyConnection, Row};

/// How long an answer is kept.
pub const KEPT_MS: i64 = 24 * 3600 * 1000;

/// What an idempotency key is unique within.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// Hex SHA-256 of the request's body.
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
    row.map(|row| {
        Ok(StoredAnswer {
            body_hash: row.try_get("body_hash")?,
            status: row.try_get::<i64, _>("status")? as u16,
            location: row.try_get("location")?,
            body: row.try_get("body")?,
        })
    })
    .transpose()
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
