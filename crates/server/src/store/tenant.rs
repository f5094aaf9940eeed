//! Tenants.

use super::{StoreError, parsed};
use scanyard_engines::policy::Policy;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Whether a tenant may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantStatus {
    Active,
    Suspended,
}

impl TenantStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            TenantStatus::Active => "active",
            TenantStatus::Suspended => "suspended",
        }
    }
}

impl std::str::FromStr for TenantStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [TenantStatus::Active, TenantStatus::Suspended].into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRecord {
    pub id: String,
    pub name: String,
    pub status: TenantStatus,
    /// The operator's own tenant, `default`.
    pub is_operator: bool,
    /// Scans a month; none is no limit.
    pub monthly_quota: Option<u64>,
    pub policy: Policy,
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT id, name, status, is_operator, monthly_quota, policy, created_at FROM tenant";

pub async fn insert(conn: &mut AnyConnection, tenant: &TenantRecord) -> Result<(), StoreError> {
    let TenantRecord { id, name, status, is_operator, monthly_quota, policy, created_at } = tenant;
    let sql = "INSERT INTO tenant (id, name, status, is_operator, monthly_quota, policy, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(sql)
        .bind(id)
        .bind(name)
        .bind(status.as_str())
        .bind(i64::from(*is_operator))
        .bind(monthly_quota.map(|quota| quota as i64))
        .bind(serde_json::to_string(policy)?)
        .bind(*created_at)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn by_name(conn: &mut AnyConnection, name: &str) -> Result<Option<TenantRecord>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE name = $1"));
    sqlx::query(sql).bind(name).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

pub async fn get(conn: &mut AnyConnection, id: &str) -> Result<Option<TenantRecord>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1"));
    sqlx::query(sql).bind(id).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Sets the status; `false` when there is no such tenant.
pub async fn set_status(conn: &mut AnyConnection, id: &str, status: TenantStatus) -> Result<bool, StoreError> {
    let sql = "UPDATE tenant SET status = $2 WHERE id = $1";
    Ok(sqlx::query(sql).bind(id).bind(status.as_str()).execute(conn).await?.rows_affected() > 0)
}

/// Ids of all tenants.
pub async fn ids(conn: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM tenant ORDER BY id").fetch_all(conn).await?)
}

fn record(row: &AnyRow) -> Result<TenantRecord, StoreError> {
    Ok(TenantRecord {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        status: parsed(&row.try_get::<String, _>("status")?, "tenant status")?,
        is_operator: row.try_get::<i64, _>("is_operator")? != 0,
        monthly_quota: row.try_get::<Option<i64>, _>("monthly_quota")?.map(|quota| quota.max(0) as u64),
        policy: serde_json::from_str(&row.try_get::<String, _>("policy")?)?,
        created_at: row.try_get("created_at")?,
    })
}
