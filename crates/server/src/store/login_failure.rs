//! Wrong passwords in a row, by the hash of the e-mail address.

use super::StoreError;
use sqlx::{AnyConnection, Row};

/// Wrong passwords after which an address is locked.
pub const ALLOWED: i64 = 5;
/// How long it stays locked, in milliseconds.
pub const LOCKED_MS: i64 = 15 * 60 * 1000;
/// How long failures without a lock are remembered, in milliseconds.
const KEPT_MS: i64 = 24 * 3600 * 1000;

/// Whether a password may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It may, and counts as a failure until [`clear`] says that it was right. This many were counted, it included.
    Counted(i64),
    LockedUntil(i64),
}

/// Counts an attempt before its password is looked at, so that no more than [`ALLOWED`] are, however many come at once.
pub async fn attempt(conn: &mut AnyConnection, email_hash: &str, now: i64) -> Result<Attempt, StoreError> {
    // The lock of the last allowed attempt is set with it; a lock or a failure that is over its time starts anew.
    let sql = "INSERT INTO login_failure (email_hash, failures, locked_until, last_at) VALUES ($1, 1, NULL, $2) \
         ON CONFLICT (email_hash) DO UPDATE SET \
         failures = CASE WHEN login_failure.locked_until IS NOT NULL OR login_failure.last_at <= $3 THEN 1 \
           ELSE login_failure.failures + 1 END, \
         locked_until = CASE WHEN login_failure.locked_until IS NULL AND login_failure.last_at > $3 \
           AND login_failure.failures + 1 >= $4 THEN $5 ELSE NULL END, \
         last_at = $2 \
         WHERE login_failure.locked_until IS NULL OR login_failure.locked_until <= $2 RETURNING failures";
    let counted = sqlx::query(sql)
        .bind(email_hash)
        .bind(now)
        .bind(now - KEPT_MS)
        .bind(ALLOWED)
        .bind(now + LOCKED_MS)
        .fetch_optional(&mut *conn)
        .await?;
    match counted {
        Some(row) => Ok(Attempt::Counted(row.try_get("failures")?)),
        None => Ok(Attempt::LockedUntil(locked_until(conn, email_hash, now).await?.unwrap_or(now + LOCKED_MS))),
    }
}

/// Until when an address is locked at `now`.
pub async fn locked_until(conn: &mut AnyConnection, email_hash: &str, now: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT locked_until FROM login_failure WHERE email_hash = $1 AND locked_until > $2";
    Ok(sqlx::query_scalar(sql).bind(email_hash).bind(now).fetch_optional(conn).await?)
}

/// Forgets the failures of an address; `false` when there were none.
pub async fn clear(conn: &mut AnyConnection, email_hash: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM login_failure WHERE email_hash = $1";
    Ok(sqlx::query(sql).bind(email_hash).execute(conn).await?.rows_affected() > 0)
}

/// Drops what is over its time.
pub async fn expire(conn: &mut AnyConnection, now: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM login_failure WHERE last_at <= $1";
    Ok(sqlx::query(sql).bind(now - KEPT_MS).execute(conn).await?.rows_affected())
}
