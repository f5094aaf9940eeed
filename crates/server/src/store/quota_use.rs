//! Quota units used, per tenant and month.

use super::{Dialect, StoreError};
use sqlx::AnyConnection;

/// Takes up to `want` units of a month's quota; answers how many there were. Units are never given back.
pub async fn take(
    conn: &mut AnyConnection,
    tenant_id: &str,
    month_at: i64,
    want: u64,
    quota: Option<u64>,
) -> Result<u64, StoreError> {
    let row = "INSERT INTO quota_use (tenant_id, month_at, used) VALUES ($1, $2, 0) ON CONFLICT (tenant_id, month_at) DO NOTHING";
    sqlx::query(row).bind(tenant_id).bind(month_at).execute(&mut *conn).await?;
    let used = used_locked(conn, tenant_id, month_at).await?;
    let granted = quota.map_or(want, |quota| want.min(quota.saturating_sub(used)));
    let sql = "UPDATE quota_use SET used = used + $3 WHERE tenant_id = $1 AND month_at = $2";
    sqlx::query(sql).bind(tenant_id).bind(month_at).bind(granted as i64).execute(conn).await?;
    Ok(granted)
}

async fn used_locked(conn: &mut AnyConnection, tenant_id: &str, month_at: i64) -> Result<u64, StoreError> {
    let sql = Dialect::of(conn).pick(
        "SELECT used FROM quota_use WHERE tenant_id = $1 AND month_at = $2",
        "SELECT used FROM quota_use WHERE tenant_id = $1 AND month_at = $2 FOR UPDATE",
    );
    let used: i64 = sqlx::query_scalar(sql).bind(tenant_id).bind(month_at).fetch_one(conn).await?;
    Ok(used.max(0) as u64)
}

/// Units used of a month.
pub async fn used(conn: &mut AnyConnection, tenant_id: &str, month_at: i64) -> Result<u64, StoreError> {
    let sql = "SELECT used FROM quota_use WHERE tenant_id = $1 AND month_at = $2";
    let used: Option<i64> = sqlx::query_scalar(sql).bind(tenant_id).bind(month_at).fetch_optional(conn).await?;
    Ok(used.unwrap_or(0).max(0) as u64)
}
