//! Tenants.

use super::{Start, StoreError, parsed};
use scanyard_engines::policy::Policy;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

pub use scanyard_contract::TenantStatus;

/// A tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRecord {
    pub id: String,
    pub name: String,
    pub status: TenantStatus,
    /// The operator's own tenant, `default`.
    pub is_operator: bool,
    /// Name of what was agreed; for people.
    pub plan: Option<String>,
    /// Scans a month; none is no limit.
    pub monthly_quota: Option<u64>,
    /// Requests a minute, an hour and a day of a key that is made without its own limits; none is the server's.
    pub default_limits: [Option<u64>; 3],
    pub policy: Policy,
    pub created_at: i64,
}

const COLUMNS: &str = "SELECT id, name, status, is_operator, plan, monthly_quota, per_minute, per_hour, per_day, policy, \
     created_at FROM tenant";

const INSERT: &str = "INSERT INTO tenant (id, name, status, is_operator, plan, monthly_quota, per_minute, per_hour, per_day, \
     policy, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

pub async fn insert(conn: &mut AnyConnection, tenant: &TenantRecord) -> Result<(), StoreError> {
    bind(sqlx::query(INSERT), tenant)?.execute(conn).await?;
    Ok(())
}

/// Stores a tenant; `false` when its name is taken.
pub async fn insert_new(conn: &mut AnyConnection, tenant: &TenantRecord) -> Result<bool, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{INSERT} ON CONFLICT (name) DO NOTHING"));
    Ok(bind(sqlx::query(sql), tenant)?.execute(conn).await?.rows_affected() > 0)
}

fn bind<'q>(query: Query<'q>, tenant: &'q TenantRecord) -> Result<Query<'q>, StoreError> {
    let TenantRecord { id, name, status, is_operator, plan, monthly_quota, default_limits, policy, created_at } =
        tenant;
    let [per_minute, per_hour, per_day] = default_limits.map(|limit| limit.map(|limit| limit as i64));
    Ok(query
        .bind(id)
        .bind(name)
        .bind(status.as_str())
        .bind(i64::from(*is_operator))
        .bind(plan)
        .bind(monthly_quota.map(|quota| quota as i64))
        .bind(per_minute)
        .bind(per_hour)
        .bind(per_day)
        .bind(serde_json::to_string(policy)?)
        .bind(*created_at))
}

pub async fn by_name(conn: &mut AnyConnection, name: &str) -> Result<Option<TenantRecord>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE name = $1"));
    sqlx::query(sql).bind(name).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

pub async fn get(conn: &mut AnyConnection, id: &str) -> Result<Option<TenantRecord>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1"));
    sqlx::query(sql).bind(id).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Tenants, newest first, at most `limit`; of every status when none is given.
pub async fn list(
    conn: &mut AnyConnection,
    status: Option<TenantStatus>,
    start: &Start,
    limit: u32,
) -> Result<Vec<TenantRecord>, StoreError> {
    let sql = format!(
        "{COLUMNS} WHERE ($1 = '' OR status = $1) AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT +$3 OFFSET $4"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(status.map_or("", TenantStatus::as_str))
        .bind(&start.before)
        .bind(i64::from(limit))
        .bind(start.offset)
        .fetch_all(conn)
        .await?;
    rows.iter().map(record).collect()
}

/// How many tenants [`list`] has in all.
pub async fn count(conn: &mut AnyConnection, status: Option<TenantStatus>) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM tenant WHERE ($1 = '' OR status = $1)";
    let count: i64 = sqlx::query_scalar(sql).bind(status.map_or("", TenantStatus::as_str)).fetch_one(conn).await?;
    Ok(count.max(0) as u64)
}

/// What the operator changes of a tenant; none stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TenantChange {
    pub plan: Option<Option<String>>,
    pub monthly_quota: Option<Option<u64>>,
    pub default_limits: Option<[Option<u64>; 3]>,
    pub policy: Option<Policy>,
}

/// Changes a tenant; the tenant as it is then, `None` when there is none.
pub async fn update(
    conn: &mut AnyConnection,
    id: &str,
    change: &TenantChange,
) -> Result<Option<TenantRecord>, StoreError> {
    let TenantChange { plan, monthly_quota, default_limits, policy } = change;
    let limits = default_limits.unwrap_or_default().map(|limit| limit.map(|limit| limit as i64));
    let sql = "UPDATE tenant SET plan = CASE WHEN $2 = 1 THEN $3 ELSE plan END, \
         monthly_quota = CASE WHEN $4 = 1 THEN $5 ELSE monthly_quota END, \
         per_minute = CASE WHEN $6 = 1 THEN $7 ELSE per_minute END, \
         per_hour = CASE WHEN $6 = 1 THEN $8 ELSE per_hour END, \
         per_day = CASE WHEN $6 = 1 THEN $9 ELSE per_day END, \
         policy = COALESCE($10, policy) WHERE id = $1";
    sqlx::query(sql)
        .bind(id)
        .bind(i64::from(plan.is_some()))
        .bind(plan.clone().flatten())
        .bind(i64::from(monthly_quota.is_some()))
        .bind(monthly_quota.flatten().map(|quota| quota as i64))
        .bind(i64::from(default_limits.is_some()))
        .bind(limits[0])
        .bind(limits[1])
        .bind(limits[2])
        .bind(policy.as_ref().map(serde_json::to_string).transpose()?)
        .execute(&mut *conn)
        .await?;
    get(conn, id).await
}

/// Sets the status; `false` when there is no such tenant, it has the status already, or it is the operator's.
pub async fn set_status(conn: &mut AnyConnection, id: &str, status: TenantStatus) -> Result<bool, StoreError> {
    let sql = "UPDATE tenant SET status = $2 WHERE id = $1 AND status <> $2 AND is_operator = 0";
    Ok(sqlx::query(sql).bind(id).bind(status.as_str()).execute(conn).await?.rows_affected() > 0)
}

/// Ids of all tenants.
pub async fn ids(conn: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM tenant ORDER BY id").fetch_all(conn).await?)
}

fn record(row: &AnyRow) -> Result<TenantRecord, StoreError> {
    let limit = |column: &str| -> Result<Option<u64>, StoreError> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(|limit| limit.max(0) as u64))
    };
    Ok(TenantRecord {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        status: parsed(&row.try_get::<String, _>("status")?, "tenant status")?,
        is_operator: row.try_get::<i64, _>("is_operator")? != 0,
        plan: row.try_get("plan")?,
        monthly_quota: limit("monthly_quota")?,
        default_limits: [limit("per_minute")?, limit("per_hour")?, limit("per_day")?],
        policy: serde_json::from_str(&row.try_get::<String, _>("policy")?)?,
        created_at: row.try_get("created_at")?,
    })
}
