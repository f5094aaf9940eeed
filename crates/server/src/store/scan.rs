//! Scans.

use super::rows::{among, over};
use super::scan_count::{self, Cell};
use super::{Dialect, StoreError, finding, parsed, report, scan_event};
use scanyard_contract::consent::GivenConsent;
use scanyard_contract::finding::Summary;
use scanyard_contract::scan::{Coverage, Failure, Records, Scan, ScanSource};
use scanyard_contract::{Priority, ScanStatus, ScanType, TargetType, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use uuid::Uuid;

/// A scan, all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanRecord {
    /// Version 7 and made of `created_at`, so that ids are in the order of creation.
    pub id: Uuid,
    pub tenant_id: String,
    pub api_key_id: String,
    pub scan_type: ScanType,
    pub source: ScanSource,
    pub name: Option<String>,
    pub target: String,
    pub target_type: TargetType,
    pub status: ScanStatus,
    pub priority: Priority,
    pub progress: u8,
    pub tags: Vec<String>,
    pub options: Map<String, Value>,
    pub config: Map<String, Value>,
    /// Seconds.
    pub timeout: u32,
    /// Workers with this label run it.
    pub label: String,
    pub asset_id: Option<String>,
    /// Told once how the scan ended.
    pub callback_url: Option<String>,
    /// That third parties may learn of the target, and who said so.
    pub consent: Option<GivenConsent>,
    /// The template that it was launched from.
    pub template_id: Option<String>,
    pub attempts: u32,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub completed_at: Option<i64>,
    pub sealed_at: Option<i64>,
    pub failure: Option<Failure>,
    pub summary: Option<Summary>,
    pub coverage: Option<Coverage>,
    pub records: Option<Records>,
    pub engine_version: Option<String>,
}

impl ScanRecord {
    /// Whether nothing more will happen to it: a cancelled scan is over when it is sealed.
    pub fn is_over(&self) -> bool {
        match self.status {
            ScanStatus::Queued | ScanStatus::Running => false,
            ScanStatus::Completed | ScanStatus::Failed => true,
            ScanStatus::Cancelled => self.sealed_at.is_some(),
        }
    }

    /// The scan as the API shows it.
    pub fn to_wire(&self) -> Scan {
        Scan {
            id: self.id,
            scan_type: self.scan_type,
            source: self.source,
            name: self.name.clone(),
            target: self.target.clone(),
            target_type: self.target_type,
            status: self.status,
            priority: self.priority,
            progress: self.progress,
            tags: self.tags.clone(),
            options: self.options.clone(),
            config: self.config.clone(),
            timeout: self.timeout,
            worker_label: self.label.clone(),
            asset_id: self.asset_id.clone(),
            callback_url: self.callback_url.clone(),
            consent: self.consent.clone(),
            queue_position: None,
            template_id: self.template_id.clone(),
            attempts: self.attempts,
            created_at: Timestamp(self.created_at),
            started_at: self.started_at.map(Timestamp),
            completed_at: self.completed_at.map(Timestamp),
            sealed_at: self.sealed_at.map(Timestamp),
            failure: self.failure.clone(),
            result_summary: self.summary,
            coverage: self.coverage,
            records: self.records.clone(),
        }
    }
}

pub(super) const COLUMNS: &str = "id, tenant_id, api_key_id, scan_type, source, name, target, target_type, status, priority, progress, tags, \
     options, config, timeout_s, label, asset_id, callback_url, consent, template_id, attempts, created_at, started_at, completed_at, sealed_at, failure, summary, coverage, \
     records, engine_version";

/// A tenant's scan of this type; a foreign id and another type are as absent as an unknown one.
pub async fn get(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: Uuid,
    scan_type: ScanType,
) -> Result<Option<ScanRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM scan WHERE id = $1 AND tenant_id = $2 AND scan_type = $3");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).bind(tenant_id).bind(scan_type.as_str());
    query.fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// A scan by its id alone, for the worker.
pub async fn by_id(conn: &mut AnyConnection, id: &str) -> Result<Option<ScanRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM scan WHERE id = $1");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string());
    query.fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Scans by their ids.
pub async fn by_ids(conn: &mut AnyConnection, ids: &[&str]) -> Result<HashMap<String, ScanRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM scan WHERE id IN {}", among(Dialect::of(conn), "$1"));
    let found = over(sql, ids)?.fetch_all(conn).await?;
    found.iter().map(|row| Ok((row.try_get("id")?, record(row)?))).collect()
}

/// What became of a delete.
#[derive(Debug, Clone, PartialEq)]
pub enum Delete {
    Deleted,
    /// It is not over; this is where it stands.
    NotOver(Box<ScanRecord>),
    NotFound,
}

/// Deletes a scan that is over, and everything that is only its own.
pub async fn delete(
    conn: &mut AnyConnection,
    tenant_id: &str,
    id: Uuid,
    scan_type: ScanType,
) -> Result<Delete, StoreError> {
    let Some(scan) = get(conn, tenant_id, id, scan_type).await? else { return Ok(Delete::NotFound) };
    let id = id.to_string();
    let sql = "DELETE FROM scan WHERE id = $1 AND (status IN ('completed', 'failed') OR (status = 'cancelled' AND sealed_at IS NOT NULL))";
    if sqlx::query(sql).bind(&id).execute(&mut *conn).await?.rows_affected() == 0 {
        return Ok(if scan.is_over() { Delete::NotFound } else { Delete::NotOver(Box::new(scan)) });
    }
    finding::delete_of_scan(conn, &id).await?;
    report::delete(conn, &id).await?;
    scan_event::delete(conn, &id).await?;
    scan_count::add(conn, &BTreeMap::from([(Cell::of(&scan), -1)])).await?;
    Ok(Delete::Deleted)
}

/// From creation to start, in milliseconds, of the scans that started.
pub async fn submit_to_start_ms(conn: &mut AnyConnection, ids: &[Uuid]) -> Result<Vec<i64>, StoreError> {
    let mut waits = Vec::with_capacity(ids.len());
    let sql = "SELECT started_at - created_at FROM scan WHERE id = $1 AND started_at IS NOT NULL";
    for id in ids {
        waits.extend(sqlx::query_scalar::<_, i64>(sql).bind(id.to_string()).fetch_optional(&mut *conn).await?);
    }
    Ok(waits)
}

/// Adds copies of a scan, one for each number and that many milliseconds older: completed, failed and cancelled ones. For
/// measuring; SQLite only.
pub async fn multiply(conn: &mut AnyConnection, id: Uuid, numbers: Range<u64>) -> Result<(), StoreError> {
    let sql = "WITH RECURSIVE n (n) AS (SELECT $2 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < $3) \
         INSERT INTO scan (id, tenant_id, api_key_id, scan_type, source, name, target, target_type, priority, status, progress, tags, \
         options, config, timeout_s, attempts, created_at, started_at, completed_at, summary, coverage, records, sealed_at) \
         SELECT substr(printf('%012x', created_at - n), 1, 8) || '-' || substr(printf('%012x', created_at - n), 9) \
         || printf('-7000-8000-%012x', n), tenant_id, api_key_id, scan_type, source, 'nightly', '10.0.' || (n % 200) || '.1', target_type, \
         priority, CASE n % 10 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' ELSE 'completed' END, 100, tags, options, config, \
         timeout_s, 0, created_at - n, created_at - n + 5, created_at - n + 900, \
         '{\"total\":3,\"critical\":0,\"high\":1,\"medium\":0,\"low\":0,\"info\":2}', '{\"hosts\":1,\"reached\":1}', \
         '{\"read\":3,\"kept\":3,\"merged\":0,\"dropped\":{}}', created_at - n + 900 FROM n, scan WHERE scan.id = $1";
    let query = sqlx::query(sql).bind(id.to_string()).bind(numbers.start as i64).bind(numbers.end as i64);
    query.execute(&mut *conn).await?;
    let counts = "INSERT INTO scan_count (tenant_id, scan_type, status, priority, scans) \
         SELECT tenant_id, scan_type, status, priority, COUNT(*) FROM scan GROUP BY 1, 2, 3, 4 \
         ON CONFLICT (tenant_id, scan_type, status, priority) DO UPDATE SET scans = excluded.scans";
    sqlx::query(counts).execute(conn).await?;
    Ok(())
}

/// A priority as the database orders it: the most urgent is 0.
pub(super) fn rank(priority: Priority) -> i64 {
    priority as i64
}

pub(super) fn priority_of(rank: i64) -> Result<Priority, StoreError> {
    let found = usize::try_from(rank).ok().and_then(|rank| Priority::ALL.get(rank));
    found.copied().ok_or_else(|| StoreError::Bug(format!("priority {rank}")))
}

pub(super) fn record(row: &AnyRow) -> Result<ScanRecord, StoreError> {
    Ok(ScanRecord {
        id: parsed(&row.try_get::<String, _>("id")?, "scan id")?,
        tenant_id: row.try_get("tenant_id")?,
        api_key_id: row.try_get("api_key_id")?,
        scan_type: parsed(&row.try_get::<String, _>("scan_type")?, "scan type")?,
        source: parsed(&row.try_get::<String, _>("source")?, "scan source")?,
        name: row.try_get("name")?,
        target: row.try_get("target")?,
        target_type: parsed(&row.try_get::<String, _>("target_type")?, "target type")?,
        status: parsed(&row.try_get::<String, _>("status")?, "scan status")?,
        priority: priority_of(row.try_get("priority")?)?,
        progress: row.try_get::<i64, _>("progress")?.clamp(0, 100) as u8,
        tags: json(row, "tags")?.unwrap_or_default(),
        options: json(row, "options")?.unwrap_or_default(),
        config: json(row, "config")?.unwrap_or_default(),
        timeout: row.try_get::<i64, _>("timeout_s")? as u32,
        label: row.try_get("label")?,
        asset_id: row.try_get("asset_id")?,
        callback_url: row.try_get("callback_url")?,
        consent: json(row, "consent")?,
        template_id: row.try_get("template_id")?,
        attempts: row.try_get::<i64, _>("attempts")? as u32,
        created_at: row.try_get("created_at")?,
        started_at: row.try_get("started_at")?,
        completed_at: row.try_get("completed_at")?,
        sealed_at: row.try_get("sealed_at")?,
        failure: json(row, "failure")?,
        summary: json(row, "summary")?,
        coverage: json(row, "coverage")?,
        records: json(row, "records")?,
        engine_version: row.try_get("engine_version")?,
    })
}

pub(super) fn json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}
