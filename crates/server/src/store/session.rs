//! Sessions: a login and its refreshes.

use super::StoreError;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// A UUID.
    pub id: String,
    pub user_id: String,
    /// That of the one refresh token that is good.
    pub generation: i64,
    pub created_at: i64,
    /// When it ends unless it is refreshed.
    pub expires_at: i64,
    /// When it was ended by a logout, a change or the re-use of a refresh token.
    pub ended_at: Option<i64>,
}

pub async fn insert(conn: &mut AnyConnection, session: &SessionRecord) -> Result<(), StoreError> {
    let SessionRecord { id, user_id, generation, created_at, expires_at, ended_at } = session;
    let sql = "INSERT INTO session (id, user_id, generation, created_at, expires_at, ended_at) \
         VALUES ($1, $2, $3, $4, $5, $6)";
    let query = sqlx::query(sql).bind(id).bind(user_id).bind(*generation).bind(*created_at).bind(*expires_at);
    query.bind(*ended_at).execute(conn).await?;
    Ok(())
}

/// A session that has not ended.
pub async fn live(conn: &mut AnyConnection, id: &str, now: i64) -> Result<Option<SessionRecord>, StoreError> {
    let sql = "SELECT id, user_id, generation, created_at, expires_at, ended_at FROM session \
         WHERE id = $1 AND ended_at IS NULL AND expires_at > $2";
    sqlx::query(sql).bind(id).bind(now).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Uses the refresh token of a generation up; `false` when it was used before, or the session has ended.
pub async fn rotate(
    conn: &mut AnyConnection,
    id: &str,
    generation: i64,
    now: i64,
    expires_at: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE session SET generation = generation + 1, expires_at = $4 \
         WHERE id = $1 AND generation = $2 AND ended_at IS NULL AND expires_at > $3";
    let query = sqlx::query(sql).bind(id).bind(generation).bind(now).bind(expires_at);
    Ok(query.execute(conn).await?.rows_affected() > 0)
}

/// Ends a session whose refresh token of a generation was used before; `false` when it was not, or the session had ended.
pub async fn end_reused(conn: &mut AnyConnection, id: &str, generation: i64, now: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE session SET ended_at = $3 \
         WHERE id = $1 AND generation > $2 AND ended_at IS NULL AND expires_at > $3";
    Ok(sqlx::query(sql).bind(id).bind(generation).bind(now).execute(conn).await?.rows_affected() > 0)
}

/// Ends a session; `false` when it had ended.
pub async fn end(conn: &mut AnyConnection, id: &str, now: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE session SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2";
    Ok(sqlx::query(sql).bind(id).bind(now).execute(conn).await?.rows_affected() > 0)
}

/// Ends a user's sessions but the one of that id; empty is none. Answers how many.
pub async fn end_all(conn: &mut AnyConnection, user_id: &str, but: &str, now: i64) -> Result<u64, StoreError> {
    let sql =
        "UPDATE session SET ended_at = $3 WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3";
    Ok(sqlx::query(sql).bind(user_id).bind(but).bind(now).execute(conn).await?.rows_affected())
}

/// Forgets a user's sessions.
pub async fn delete_all(conn: &mut AnyConnection, user_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM session WHERE user_id = $1").bind(user_id).execute(conn).await?;
    Ok(())
}

/// Drops the sessions that are over their time.
pub async fn expire(conn: &mut AnyConnection, now: i64) -> Result<u64, StoreError> {
    Ok(sqlx::query("DELETE FROM session WHERE expires_at <= $1").bind(now).execute(conn).await?.rows_affected())
}

fn record(row: &AnyRow) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        generation: row.try_get("generation")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        ended_at: row.try_get("ended_at")?,
    })
}
