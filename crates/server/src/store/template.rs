//! Scan templates.

use super::scan::{json, priority_of, rank};
use super::{Start, StoreError, parsed};
use scanyard_contract::{Priority, ScanType, TargetType};
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// A template.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateRecord {
    /// `tmpl-` and a UUID.
    pub id: String,
    pub tenant_id: String,
    pub name: String,
    pub description: Option<String>,
    pub scan_type: ScanType,
    pub target_type: Option<TargetType>,
    pub priority: Priority,
    pub options: Map<String, Value>,
    pub config: Map<String, Value>,
    pub tags: Vec<String>,
    /// Seconds.
    pub timeout: u32,
    /// Workers with this label run its scans.
    pub label: String,
    /// Counts its changes.
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

const SELECT: &str = "SELECT id, tenant_id, name, description, scan_type, target_type, priority, options, config, tags, timeout_s, \
     label, version, created_at, updated_at FROM template";

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// Binds `$1` to `$12`: everything but the version and the times.
fn bind<'q>(query: Query<'q>, template: &'q TemplateRecord) -> Result<Query<'q>, StoreError> {
    let TemplateRecord {
        id,
        tenant_id,
        name,
        description,
        scan_type,
        target_type,
        priority,
        options,
        config,
        tags,
        timeout,
        label,
        version: _,
        created_at: _,
        updated_at: _,
    } = template;
    Ok(query
        .bind(id)
        .bind(tenant_id)
        .bind(name)
        .bind(description)
        .bind(scan_type.as_str())
        .bind(target_type.map(TargetType::as_str))
        .bind(rank(*priority))
        .bind(serde_json::to_string(options)?)
        .bind(serde_json::to_string(config)?)
        .bind(serde_json::to_string(tags)?)
        .bind(i64::from(*timeout))
        .bind(label))
}

/// Stores a new template; `false` when its tenant has one of that name.
pub async fn insert(conn: &mut AnyConnection, template: &TemplateRecord) -> Result<bool, StoreError> {
    let sql = "INSERT INTO template (id, tenant_id, name, description, scan_type, target_type, priority, options, config, tags, \
         timeout_s, label, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         ON CONFLICT (tenant_id, name) DO NOTHING";
    let query = bind(sqlx::query(sql), template)?;
    let query = query.bind(template.version).bind(template.created_at).bind(template.updated_at);
    Ok(query.execute(conn).await?.rows_affected() > 0)
}

/// Stores a changed template over the version that it was made from; `false` when that is no longer there. A name that
/// another one has is [`StoreError::Duplicate`].
pub async fn update(conn: &mut AnyConnection, template: &TemplateRecord, from: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE template SET name = $3, description = $4, scan_type = $5, target_type = $6, priority = $7, options = $8, \
         config = $9, tags = $10, timeout_s = $11, label = $12, version = $13, updated_at = $14 \
         WHERE id = $1 AND tenant_id = $2 AND version = $15";
    let query = bind(sqlx::query(sql), template)?.bind(template.version).bind(template.updated_at).bind(from);
    Ok(query.execute(conn).await?.rows_affected() > 0)
}

/// A tenant's template; a foreign id is as absent as an unknown one.
pub async fn get(conn: &mut AnyConnection, tenant_id: &str, id: &str) -> Result<Option<TemplateRecord>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1 AND tenant_id = $2"));
    sqlx::query(sql).bind(id).bind(tenant_id).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Id of a tenant's template of that name.
pub async fn id_of_name(conn: &mut AnyConnection, tenant_id: &str, name: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT id FROM template WHERE tenant_id = $1 AND name = $2";
    Ok(sqlx::query_scalar(sql).bind(tenant_id).bind(name).fetch_optional(conn).await?)
}

/// A tenant's templates, newest first, at most `limit`; of every engine when none is given.
pub async fn list(
    conn: &mut AnyConnection,
    tenant_id: &str,
    scan_type: Option<ScanType>,
    start: &Start,
    limit: u32,
) -> Result<Vec<TemplateRecord>, StoreError> {
    let sql = format!(
        "{SELECT} WHERE tenant_id = $1 AND ($2 = '' OR scan_type = $2) AND ($3 = '' OR id < $3) \
         ORDER BY id DESC LIMIT +$4 OFFSET $5"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(scan_type.map_or("", ScanType::as_str))
        .bind(&start.before)
        .bind(i64::from(limit))
        .bind(start.offset)
        .fetch_all(conn)
        .await?;
    rows.iter().map(record).collect()
}

/// How many templates [`list`] has in all.
pub async fn count(conn: &mut AnyConnection, tenant_id: &str, scan_type: Option<ScanType>) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM template WHERE tenant_id = $1 AND ($2 = '' OR scan_type = $2)";
    let query = sqlx::query_scalar(sql).bind(tenant_id).bind(scan_type.map_or("", ScanType::as_str));
    let count: i64 = query.fetch_one(conn).await?;
    Ok(count.max(0) as u64)
}

/// Deletes a tenant's template and gives its name; none when there is no such template.
pub async fn delete(conn: &mut AnyConnection, tenant_id: &str, id: &str) -> Result<Option<String>, StoreError> {
    let sql = "DELETE FROM template WHERE id = $1 AND tenant_id = $2 RETURNING name";
    Ok(sqlx::query_scalar(sql).bind(id).bind(tenant_id).fetch_optional(conn).await?)
}

fn record(row: &AnyRow) -> Result<TemplateRecord, StoreError> {
    let target_type: Option<String> = row.try_get("target_type")?;
    Ok(TemplateRecord {
        id: row.try_get("id")?,
        tenant_id: row.try_get("tenant_id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        scan_type: parsed(&row.try_get::<String, _>("scan_type")?, "scan type")?,
        target_type: target_type.map(|text| parsed(&text, "target type")).transpose()?,
        priority: priority_of(row.try_get("priority")?)?,
        options: json(row, "options")?.unwrap_or_default(),
        config: json(row, "config")?.unwrap_or_default(),
        tags: json(row, "tags")?.unwrap_or_default(),
        timeout: row.try_get::<i64, _>("timeout_s")? as u32,
        label: row.try_get("label")?,
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}
