//! API keys; only their hash is here.

use super::tenant::{self, TenantRecord};
use super::{Start, StoreError, parsed};
use ipnet::IpNet;
use scanyard_contract::{ApiKeyStatus, ScanType};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::HashMap;

/// What an admin made of a key; expiry is a date, not a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    Active,
    Suspended,
    Revoked,
}

impl KeyStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            KeyStatus::Active => "active",
            KeyStatus::Suspended => "suspended",
            KeyStatus::Revoked => "revoked",
        }
    }
}

impl std::str::FromStr for KeyStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [KeyStatus::Active, KeyStatus::Suspended, KeyStatus::Revoked];
        all.into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}

/// An API key.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKeyRecord {
    pub id: String,
    pub tenant_id: String,
    pub name: String,
    pub description: Option<String>,
    /// Hex SHA-256 of the secret; of the one that a caller sent, where that is the one before.
    pub hash: String,
    /// The key's first characters, to tell keys apart by.
    pub prefix: String,
    pub scopes: Vec<String>,
    /// None is all.
    pub allowed_scan_types: Option<Vec<ScanType>>,
    /// None is any.
    pub allowed_ips: Option<Vec<IpNet>>,
    /// Requests a minute, an hour and a day; none follows the tenant's default.
    pub limits: [Option<u64>; 3],
    pub status: KeyStatus,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    /// When the present secret took the place of another.
    pub rotated_at: Option<i64>,
    /// When the secret before the present one stops, or stopped.
    pub previous_until: Option<i64>,
    pub last_used_at: Option<i64>,
}

const COLUMNS: &str = "id, tenant_id, name, description, hash, prefix, scopes, allowed_scan_types, allowed_ips, per_minute, \
     per_hour, per_day, status, expires_at, created_at, rotated_at, previous_until, last_used_at";

/// A key with its tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    pub key: ApiKeyRecord,
    pub tenant: TenantRecord,
}

impl ApiKeyRecord {
    /// The limits that hold: the key's own, else the tenant's, else the server's.
    pub fn limits_in(&self, tenant: &TenantRecord, servers: [u64; 3]) -> [u64; 3] {
        [0, 1, 2].map(|window| self.limits[window].or(tenant.default_limits[window]).unwrap_or(servers[window]))
    }
}

pub async fn insert(conn: &mut AnyConnection, key: &ApiKeyRecord) -> Result<(), StoreError> {
    let [per_minute, per_hour, per_day] = key.limits.map(|limit| limit.map(|limit| limit as i64));
    let sql = "INSERT INTO api_key (id, tenant_id, name, hash, prefix, scopes, allowed_scan_types, allowed_ips, per_minute, \
         per_hour, per_day, status, expires_at, created_at, description) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    sqlx::query(sql)
        .bind(&key.id)
        .bind(&key.tenant_id)
        .bind(&key.name)
        .bind(&key.hash)
        .bind(&key.prefix)
        .bind(serde_json::to_string(&key.scopes)?)
        .bind(key.allowed_scan_types.as_ref().map(serde_json::to_string).transpose()?)
        .bind(key.allowed_ips.as_ref().map(serde_json::to_string).transpose()?)
        .bind(per_minute)
        .bind(per_hour)
        .bind(per_day)
        .bind(key.status.as_str())
        .bind(key.expires_at)
        .bind(key.created_at)
        .bind(&key.description)
        .execute(conn)
        .await?;
    Ok(())
}

/// The key with this hash, and its tenant. The secret before the present one ends when it was set to, not with the key.
pub async fn by_hash(conn: &mut AnyConnection, hash: &str) -> Result<Option<Holder>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE hash = $1 OR previous_hash = $1");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(hash);
    let Some(row) = query.fetch_optional(&mut *conn).await? else { return Ok(None) };
    let mut key = record(&row)?;
    if key.hash != hash {
        key.expires_at = key.previous_until;
        key.hash = hash.to_string();
    }
    let tenant = tenant::get(conn, &key.tenant_id).await?;
    let tenant = tenant.ok_or_else(|| StoreError::Bug(format!("{} without a tenant", key.id)))?;
    Ok(Some(Holder { key, tenant }))
}

/// A tenant's key.
pub async fn get(conn: &mut AnyConnection, tenant_id: &str, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE tenant_id = $1 AND id = $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant_id).bind(id);
    query.fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Of a tenant's keys, those in this state at `now`; `None` is all.
#[derive(Debug, Clone, Copy)]
pub struct KeyFilter {
    pub status: Option<ApiKeyStatus>,
    pub now: i64,
}

const MATCHING: &str = "FROM api_key WHERE tenant_id = $1 AND \
     ($2 = '' OR CASE WHEN status = 'active' AND expires_at <= $3 THEN 'expired' ELSE status END = $2)";

/// A tenant's keys, newest first, at most `limit`.
pub async fn list(
    conn: &mut AnyConnection,
    tenant_id: &str,
    filter: KeyFilter,
    start: &Start,
    limit: u32,
) -> Result<Vec<ApiKeyRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} {MATCHING} AND ($4 = '' OR id < $4) ORDER BY id DESC LIMIT +$5 OFFSET $6");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(filter.status.map_or("", ApiKeyStatus::as_str))
        .bind(filter.now)
        .bind(&start.before)
        .bind(i64::from(limit))
        .bind(start.offset)
        .fetch_all(conn)
        .await?;
    rows.iter().map(record).collect()
}

/// How many keys [`list`] has in all.
pub async fn count(conn: &mut AnyConnection, tenant_id: &str, filter: KeyFilter) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) {MATCHING}");
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(tenant_id);
    let status = filter.status.map_or("", ApiKeyStatus::as_str);
    let count: i64 = query.bind(status).bind(filter.now).fetch_one(conn).await?;
    Ok(count.max(0) as u64)
}

/// What became of a change of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// The key as it is now.
    Done(ApiKeyRecord),
    /// It was so already.
    Unchanged(ApiKeyRecord),
    /// It is revoked: that is final.
    Revoked,
    NotFound,
}

/// What is changed of a key; none stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApiKeyChange {
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub scopes: Option<Vec<String>>,
    pub allowed_scan_types: Option<Option<Vec<ScanType>>>,
    pub allowed_ips: Option<Option<Vec<IpNet>>>,
    /// Requests a minute, an hour and a day; none within follows the tenant's default again.
    pub limits: [Option<Option<u64>>; 3],
}

/// Changes a tenant's key.
pub async fn update(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: &str,
    change: &ApiKeyChange,
) -> Result<Changed, StoreError> {
    let ApiKeyChange { name, description, scopes, allowed_scan_types, allowed_ips, limits } = change;
    let [per_minute, per_hour, per_day] = limits.map(|given| given.flatten().map(|limit| limit as i64));
    let is_given = limits.map(|given| i64::from(given.is_some()));
    let scan_types = allowed_scan_types.as_ref().and_then(Option::as_ref);
    let ips = allowed_ips.as_ref().and_then(Option::as_ref);
    let sql = "UPDATE api_key SET name = COALESCE($3, name), \
         description = CASE WHEN $4 = 1 THEN $5 ELSE description END, scopes = COALESCE($6, scopes), \
         allowed_scan_types = CASE WHEN $7 = 1 THEN $8 ELSE allowed_scan_types END, \
         allowed_ips = CASE WHEN $9 = 1 THEN $10 ELSE allowed_ips END, \
         per_minute = CASE WHEN $11 = 1 THEN $12 ELSE per_minute END, \
         per_hour = CASE WHEN $13 = 1 THEN $14 ELSE per_hour END, per_day = CASE WHEN $15 = 1 THEN $16 ELSE per_day END \
         WHERE tenant_id = $1 AND id = $2 AND status <> 'revoked'";
    let updated = sqlx::query(sql)
        .bind(tenant_id)
        .bind(id)
        .bind(name)
        .bind(i64::from(description.is_some()))
        .bind(description.clone().flatten())
        .bind(scopes.as_ref().map(serde_json::to_string).transpose()?)
        .bind(i64::from(allowed_scan_types.is_some()))
        .bind(scan_types.map(serde_json::to_string).transpose()?)
        .bind(i64::from(allowed_ips.is_some()))
        .bind(ips.map(serde_json::to_string).transpose()?)
        .bind(is_given[0])
        .bind(per_minute)
        .bind(is_given[1])
        .bind(per_hour)
        .bind(is_given[2])
        .bind(per_day)
        .execute(&mut *conn)
        .await?;
    changed(conn, tenant_id, id, updated.rows_affected(), None).await
}

/// Sets the status of a tenant's key.
pub async fn set_status(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: &str,
    status: KeyStatus,
) -> Result<Changed, StoreError> {
    let sql =
        "UPDATE api_key SET status = $3 WHERE tenant_id = $1 AND id = $2 AND status <> 'revoked' AND status <> $3";
    let set = sqlx::query(sql).bind(tenant_id).bind(id).bind(status.as_str()).execute(&mut *conn).await?;
    changed(conn, tenant_id, id, set.rows_affected(), Some(status)).await
}

/// A new secret for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Hex SHA-256 of the new secret.
    pub hash: String,
    pub prefix: String,
    pub now: i64,
    /// When the old secret stops, unless the key expires before.
    pub until: i64,
}

/// Gives a tenant's key a new secret. Its lifetime, if it has one, begins anew; the old secret does not live longer for it.
pub async fn rotate(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: &str,
    rotation: &Rotation,
) -> Result<Changed, StoreError> {
    let sql = "UPDATE api_key SET previous_hash = hash, previous_until = CASE WHEN expires_at < $6 THEN expires_at ELSE $6 END, \
         hash = $3, prefix = $4, rotated_at = $5, expires_at = $5 + expires_at - COALESCE(rotated_at, created_at) \
         WHERE tenant_id = $1 AND id = $2 AND status <> 'revoked'";
    let rotated = sqlx::query(sql)
        .bind(tenant_id)
        .bind(id)
        .bind(&rotation.hash)
        .bind(&rotation.prefix)
        .bind(rotation.now)
        .bind(rotation.until)
        .execute(&mut *conn)
        .await?;
    changed(conn, tenant_id, id, rotated.rows_affected(), None).await
}

/// Why a guarded statement changed a key, or did not.
async fn changed(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: &str,
    rows: u64,
    wanted: Option<KeyStatus>,
) -> Result<Changed, StoreError> {
    Ok(match get(conn, tenant_id, id).await? {
        None => Changed::NotFound,
        Some(key) if rows > 0 => Changed::Done(key),
        Some(key) if Some(key.status) == wanted => Changed::Unchanged(key),
        Some(_) => Changed::Revoked,
    })
}

/// Notes when keys were last used.
pub async fn touch(conn: &mut AnyConnection, used: &[(String, i64)]) -> Result<(), StoreError> {
    for (id, at) in used {
        sqlx::query("UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND COALESCE(last_used_at, 0) < $2")
            .bind(id)
            .bind(*at)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

fn record(row: &AnyRow) -> Result<ApiKeyRecord, StoreError> {
    let list = |column: &str| -> Result<Option<String>, StoreError> { Ok(row.try_get(column)?) };
    let limit = |column: &str| -> Result<Option<u64>, StoreError> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(|limit| limit.max(0) as u64))
    };
    Ok(ApiKeyRecord {
        id: row.try_get("id")?,
        tenant_id: row.try_get("tenant_id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        hash: row.try_get("hash")?,
        prefix: row.try_get("prefix")?,
        scopes: serde_json::from_str(&row.try_get::<String, _>("scopes")?)?,
        allowed_scan_types: list("allowed_scan_types")?.map(|text| serde_json::from_str(&text)).transpose()?,
        allowed_ips: list("allowed_ips")?.map(|text| serde_json::from_str(&text)).transpose()?,
        limits: [limit("per_minute")?, limit("per_hour")?, limit("per_day")?],
        status: parsed(&row.try_get::<String, _>("status")?, "key status")?,
        expires_at: row.try_get("expires_at")?,
        created_at: row.try_get("created_at")?,
        rotated_at: row.try_get("rotated_at")?,
        previous_until: row.try_get("previous_until")?,
        last_used_at: row.try_get("last_used_at")?,
    })
}

/// The names of a tenant's keys by their ids; ids of no key are left out.
pub async fn names(
    conn: &mut AnyConnection,
    tenant_id: &str,
    ids: &[&str],
) -> Result<HashMap<String, String>, StoreError> {
    let mut names = HashMap::with_capacity(ids.len());
    for id in ids {
        let query = sqlx::query_scalar("SELECT name FROM api_key WHERE id = $1 AND tenant_id = $2");
        let name: Option<String> = query.bind(*id).bind(tenant_id).fetch_optional(&mut *conn).await?;
        names.extend(name.map(|name| (id.to_string(), name)));
    }
    Ok(names)
}
