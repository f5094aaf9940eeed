//! API keys; only their hash is here.

use super::tenant::{self, TenantRecord};
use super::{StoreError, parsed};
use ipnet::IpNet;
use scanyard_contract::ScanType;
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
    /// Hex SHA-256 of the key.
    pub hash: String,
    /// The key's first characters, to tell keys apart by.
    pub prefix: String,
    pub scopes: Vec<String>,
    /// None is all.
    pub allowed_scan_types: Option<Vec<ScanType>>,
    /// None is any.
    pub allowed_ips: Option<Vec<IpNet>>,
    pub per_minute: u64,
    pub per_hour: u64,
    pub per_day: u64,
    pub status: KeyStatus,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
}

/// A key with its tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    pub key: ApiKeyRecord,
    pub tenant: TenantRecord,
}

pub async fn insert(conn: &mut AnyConnection, key: &ApiKeyRecord) -> Result<(), StoreError> {
    let sql = "INSERT INTO api_key (id, tenant_id, name, hash, prefix, scopes, allowed_scan_types, allowed_ips, per_minute, \
         per_hour, per_day, status, expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    sqlx::query(sql)
        .bind(&key.id)
        .bind(&key.tenant_id)
        .bind(&key.name)
        .bind(&key.hash)
        .bind(&key.prefix)
        .bind(serde_json::to_string(&key.scopes)?)
        .bind(key.allowed_scan_types.as_ref().map(serde_json::to_string).transpose()?)
        .bind(key.allowed_ips.as_ref().map(serde_json::to_string).transpose()?)
        .bind(key.per_minute as i64)
        .bind(key.per_hour as i64)
        .bind(key.per_day as i64)
        .bind(key.status.as_str())
        .bind(key.expires_at)
        .bind(key.created_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// The key with this hash, and its tenant.
pub async fn by_hash(conn: &mut AnyConnection, hash: &str) -> Result<Option<Holder>, StoreError> {
    let sql = "SELECT id, tenant_id, name, hash, prefix, scopes, allowed_scan_types, allowed_ips, per_minute, per_hour, \
         per_day, status, expires_at, created_at, last_used_at FROM api_key WHERE hash = $1";
    let Some(row) = sqlx::query(sql).bind(hash).fetch_optional(&mut *conn).await? else { return Ok(None) };
    let key = record(&row)?;
    let tenant = tenant::get(conn, &key.tenant_id).await?;
    let tenant = tenant.ok_or_else(|| StoreError::Bug(format!("{} without a tenant", key.id)))?;
    Ok(Some(Holder { key, tenant }))
}

/// Sets the status; `false` when there is no such key, or it is revoked: that is final.
pub async fn set_status(conn: &mut AnyConnection, id: &str, status: KeyStatus) -> Result<bool, StoreError> {
    let sql = "UPDATE api_key SET status = $2 WHERE id = $1 AND status <> 'revoked'";
    Ok(sqlx::query(sql).bind(id).bind(status.as_str()).execute(conn).await?.rows_affected() > 0)
}

/// Notes when keys were last used.
pub async fn touch(conn: &mut AnyConnection, used: &[(String, i64)]) -> Result<(), StoreError> {
    for (id, at) in used {
        sqlx::query("UPDATE api_key SET last_used_at = $2 WHERE id = $1")
            .bind(id)
            .bind(*at)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

fn record(row: &AnyRow) -> Result<ApiKeyRecord, StoreError> {
    let list = |column: &str| -> Result<Option<String>, StoreError> { Ok(row.try_get(column)?) };
    let limit = |column: &str| -> Result<u64, StoreError> { Ok(row.try_get::<i64, _>(column)?.max(0) as u64) };
    Ok(ApiKeyRecord {
        id: row.try_get("id")?,
        tenant_id: row.try_get("tenant_id")?,
        name: row.try_get("name")?,
        hash: row.try_get("hash")?,
        prefix: row.try_get("prefix")?,
        scopes: serde_json::from_str(&row.try_get::<String, _>("scopes")?)?,
        allowed_scan_types: list("allowed_scan_types")?.map(|text| serde_json::from_str(&text)).transpose()?,
        allowed_ips: list("allowed_ips")?.map(|text| serde_json::from_str(&text)).transpose()?,
        per_minute: limit("per_minute")?,
        per_hour: limit("per_hour")?,
        per_day: limit("per_day")?,
        status: parsed(&row.try_get::<String, _>("status")?, "key status")?,
        expires_at: row.try_get("expires_at")?,
        created_at: row.try_get("created_at")?,
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
