//! Quota units used, per tenant and month.

use super::rows::{Columns, over, rows, rows_of};
use super::{Dialect, StoreError};
use serde::Serialize;
use sqlx::{AnyConnection, Row as _};
use std::collections::{BTreeMap, HashMap};

/// How many units are wanted and what the limit is, by tenant and start of the month; in the order of locking.
pub type Wanted = BTreeMap<(String, i64), (u64, Option<u64>)>;

#[derive(Serialize)]
struct Row<'a> {
    tenant_id: &'a str,
    month_at: i64,
    units: u64,
}

const COLUMNS: Columns = &[("tenant_id", "text"), ("month_at", "bigint"), ("units", "bigint")];

/// Takes as many of the wanted units as the quotas leave; answers how many there were. Units are never given back.
pub async fn take(conn: &mut AnyConnection, wanted: &Wanted) -> Result<HashMap<(String, i64), u64>, StoreError> {
    let used = lock(conn, wanted).await?;
    let mut granted = HashMap::with_capacity(wanted.len());
    let mut taken = Vec::with_capacity(wanted.len());
    for ((tenant_id, month_at), (want, quota)) in wanted {
        let id = (tenant_id.clone(), *month_at);
        let used = used.get(&id).copied().unwrap_or(0);
        let units = quota.map_or(*want, |quota| (*want).min(quota.saturating_sub(used)));
        granted.insert(id, units);
        taken.push(Row { tenant_id, month_at: *month_at, units });
    }
    let sql = format!(
        "UPDATE quota_use SET used = used + r.units FROM {} \
         WHERE quota_use.tenant_id = r.tenant_id AND quota_use.month_at = r.month_at",
        rows(Dialect::of(conn), COLUMNS)
    );
    over(sql, &taken)?.execute(conn).await?;
    Ok(granted)
}

/// Counts units that nobody limits: the statement over the rows of [`units`] in a parameter, where that condition holds.
pub(super) fn counting(dialect: Dialect, parameter: &str, condition: &str) -> String {
    format!(
        "INSERT INTO quota_use (tenant_id, month_at, used) SELECT tenant_id, month_at, units FROM {} WHERE {condition} \
         ORDER BY tenant_id, month_at ON CONFLICT (tenant_id, month_at) DO UPDATE SET used = quota_use.used + excluded.used",
        rows_of(dialect, parameter, COLUMNS)
    )
}

/// Units to count, as JSON.
pub(super) fn units(wanted: &Wanted) -> Result<String, StoreError> {
    let rows =
        wanted.iter().map(|((tenant_id, month_at), (units, _))| Row { tenant_id, month_at: *month_at, units: *units });
    Ok(serde_json::to_string(&rows.collect::<Vec<_>>())?)
}

/// Makes the rows that are missing, locks all in their order and answers what is used.
async fn lock(conn: &mut AnyConnection, wanted: &Wanted) -> Result<HashMap<(String, i64), u64>, StoreError> {
    let ids: Vec<Row<'_>> =
        wanted.keys().map(|(tenant_id, month_at)| Row { tenant_id, month_at: *month_at, units: 0 }).collect();
    let sql = format!(
        "INSERT INTO quota_use (tenant_id, month_at, used) SELECT tenant_id, month_at, 0 FROM {} WHERE true \
         ORDER BY tenant_id, month_at ON CONFLICT (tenant_id, month_at) DO UPDATE SET used = quota_use.used \
         RETURNING tenant_id, month_at, used",
        rows(Dialect::of(conn), COLUMNS)
    );
    let mut used = HashMap::new();
    for row in over(sql, &ids)?.fetch_all(conn).await? {
        let units: i64 = row.try_get("used")?;
        used.insert((row.try_get("tenant_id")?, row.try_get("month_at")?), units.max(0) as u64);
    }
    Ok(used)
}

/// Units used of a month.
pub async fn used(conn: &mut AnyConnection, tenant_id: &str, month_at: i64) -> Result<u64, StoreError> {
    let sql = "SELECT used FROM quota_use WHERE tenant_id = $1 AND month_at = $2";
    let used: Option<i64> = sqlx::query_scalar(sql).bind(tenant_id).bind(month_at).fetch_optional(conn).await?;
    Ok(used.unwrap_or(0).max(0) as u64)
}
