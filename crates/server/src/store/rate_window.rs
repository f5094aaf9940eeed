//! What was taken of each key's rate limits, per window.

use super::{Dialect, StoreError};
use sqlx::AnyConnection;

/// Takes up to `want` requests of a window's limit; answers how many were left to take.
pub async fn take(
    conn: &mut AnyConnection,
    key_id: &str,
    window_s: i64,
    start_at: i64,
    limit: u64,
    want: u64,
) -> Result<u64, StoreError> {
    let row = "INSERT INTO rate_window (key_id, window_s, start_at, used) VALUES ($1, $2, $3, 0) \
         ON CONFLICT (key_id, window_s, start_at) DO NOTHING";
    let created = sqlx::query(row).bind(key_id).bind(window_s).bind(start_at).execute(&mut *conn).await?;
    if created.rows_affected() > 0 {
        let old = "DELETE FROM rate_window WHERE key_id = $1 AND window_s = $2 AND start_at < $3";
        sqlx::query(old).bind(key_id).bind(window_s).bind(start_at).execute(&mut *conn).await?;
    }
    let sql = Dialect::of(conn).pick(
        "SELECT used FROM rate_window WHERE key_id = $1 AND window_s = $2 AND start_at = $3",
        "SELECT used FROM rate_window WHERE key_id = $1 AND window_s = $2 AND start_at = $3 FOR UPDATE",
    );
    let used: i64 = sqlx::query_scalar(sql).bind(key_id).bind(window_s).bind(start_at).fetch_one(&mut *conn).await?;
    let granted = want.min(limit.saturating_sub(used.max(0) as u64));
    let sql = "UPDATE rate_window SET used = used + $4 WHERE key_id = $1 AND window_s = $2 AND start_at = $3";
    sqlx::query(sql).bind(key_id).bind(window_s).bind(start_at).bind(granted as i64).execute(conn).await?;
    Ok(granted)
}

/// Requests taken of a window, by every node.
pub async fn used(conn: &mut AnyConnection, key_id: &str, window_s: i64, start_at: i64) -> Result<u64, StoreError> {
    let sql = "SELECT used FROM rate_window WHERE key_id = $1 AND window_s = $2 AND start_at = $3";
    let used = sqlx::query_scalar(sql).bind(key_id).bind(window_s).bind(start_at).fetch_optional(conn).await?;
    Ok(used.unwrap_or(0_i64).max(0) as u64)
}
