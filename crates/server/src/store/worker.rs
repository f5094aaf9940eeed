//! The processes that run scans, as they last gave a sign of life.

use super::StoreError;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

/// How long a worker that is gone is remembered, in milliseconds.
const KEPT_MS: i64 = 3_600_000;

/// The workers that live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Workers {
    pub processes: u64,
    /// How many scans they can run at the same time.
    pub capacity: u64,
    /// How many scans run.
    pub running: u64,
}

/// Notes that a worker lives; forgets those that are long gone.
pub async fn seen(conn: &mut AnyConnection, id: Uuid, now: i64, concurrency: u32) -> Result<(), StoreError> {
    let sql = "INSERT INTO worker (id, seen_at, concurrency) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, concurrency = excluded.concurrency";
    sqlx::query(sql).bind(id.to_string()).bind(now).bind(i64::from(concurrency)).execute(&mut *conn).await?;
    sqlx::query("DELETE FROM worker WHERE seen_at < $1").bind(now - KEPT_MS).execute(conn).await?;
    Ok(())
}

/// Notes that a worker has ended.
pub async fn gone(conn: &mut AnyConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM worker WHERE id = $1").bind(id.to_string()).execute(conn).await?;
    Ok(())
}

/// The workers seen after `since`.
pub async fn living(conn: &mut AnyConnection, since: i64) -> Result<Workers, StoreError> {
    let sql = "SELECT COUNT(*) AS processes, CAST(COALESCE(SUM(concurrency), 0) AS BIGINT) AS capacity, \
         (SELECT COUNT(*) FROM job WHERE lease_until >= 0) AS running FROM worker WHERE seen_at > $1";
    let row = sqlx::query(sql).bind(since).fetch_one(conn).await?;
    let number = |column: &str| -> Result<u64, StoreError> { Ok(row.try_get::<i64, _>(column)?.max(0) as u64) };
    Ok(Workers { processes: number("processes")?, capacity: number("capacity")?, running: number("running")? })
}
